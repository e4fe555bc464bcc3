"""Losses R(f) of the outputs f, smooth and strongly convex, with gradient and the diagonal of the Hessian."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numba import njit

from argument_validation import validate_array, validate_flag, validate_positive

LARGEST = 1e150  # of targets and curvatures: what is formed of them is within float64
LARGE, LOG_2 = 20.0, math.log(2)  # log cosh u = |u| − log 2 to rounding from here on


class Loss(Protocol):
    """What the integrator asks of a loss that is convex, with diagonal Hessian.

    Nothing else is assumed: neither a minimum of 0 nor that there is one, nor targets (where a loss has ``targets``, models
    must have as many outputs). Entries of the Hessian may underflow to 0.
    """

    def evaluate(self, outputs: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """R(f), its gradient (n,) and the diagonal of its Hessian (n,) at ``outputs`` (n,)."""
        ...


@lru_cache
def _constant(size: int, value: float) -> np.ndarray:
    """An array (size,) of one value, which is not to be written to: called in every evaluation."""
    found = np.full(size, value)
    found.flags.writeable = False
    return found


@dataclass(frozen=True)
class SquareLoss:
    """R(f) = (weight/2) Σ_i (f_i − y_i)².

    ``weight`` 1/n gives the mean of the networks, (1/2n)‖f − y‖²; 1 gives the ½‖f − y‖² of `chizat2019lazy`.
    ``targets`` y (n,). Raises ValueError for targets that are not finite or above 1e150, or a weight that is not positive.
    """

    targets: np.ndarray
    weight: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets", validate_array(self.targets, "targets", ("n",), largest=LARGEST))
        object.__setattr__(self, "weight", validate_positive(self.weight, "weight"))
        if self.weight > LARGEST:
            raise ValueError(f"`weight` must be at most {LARGEST:g}, got {self.weight:g}")

    def evaluate(self, outputs: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """R(f), its gradient and the diagonal of its Hessian; R is inf beyond float64."""
        residual = outputs - self.targets
        square = float(residual.dot(residual))  # without a warning of an overflow; the gradient is finite where it is
        if square < np.inf:
            gradient = self.weight * residual
        else:
            with np.errstate(over="ignore"):
                gradient = self.weight * residual
        return 0.5 * self.weight * square, gradient, _constant(len(residual), self.weight)


@dataclass(frozen=True)
class LogCoshLoss:
    """A strongly convex smooth loss that is not quadratic, with exact constants: Hessian in [μ, M]. With u = f − y,

        soft_far = True:   R_+(f) = Σ_i μu_i²/2 + (M − μ) log cosh u_i,   curvature M at the target, towards μ far from it;
        soft_far = False:  R_−(f) = Σ_i Mu_i²/2 − (M − μ) log cosh u_i,   curvature μ at the target, towards M far from it.

    ``targets`` y (n,), 0 < ``mu`` ≤ ``M``. Raises ValueError for other constants, or targets that are not finite.
    """

    targets: np.ndarray
    mu: float
    M: float
    soft_far: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets", validate_array(self.targets, "targets", ("n",), largest=LARGEST))
        for name in ("mu", "M"):
            object.__setattr__(self, name, validate_positive(getattr(self, name), name))
        mu, M = self.mu, self.M
        if M > LARGEST:
            raise ValueError(f"`M` must be at most {LARGEST:g}, got {M:g}")
        if mu > M:
            raise ValueError(f"`mu` must be at most `M` = {M:g}, got {mu:g}")
        validate_flag(self.soft_far, "soft_far")

    def evaluate(self, outputs: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """R(f), its gradient and the diagonal of its Hessian; R is inf beyond float64."""
        outer, sign = (self.mu, 1.0) if self.soft_far else (self.M, -1.0)
        gradient, curvature = np.empty((2, len(self.targets)))
        value = _log_cosh_jit(outputs - self.targets, outer, sign * (self.M - self.mu), gradient, curvature)
        return value, gradient, curvature


def rounding_loss(loss: Loss, outputs: np.ndarray, sizes: np.ndarray) -> float:
    """How far R at ``outputs`` (n,) is known if they are off by ``sizes`` (n,): |g|·δ, which signs may bring about, and the
    change of R itself at f ± δ and f ± 2δ, which sees the curvature and the rounding of the loss, whatever its minimum.
    """
    value, gradient, _ = loss.evaluate(outputs)
    changes = [abs(loss.evaluate(outputs + k * sizes)[0] - value) for k in (-2, -1, 1, 2)]
    return float(np.abs(gradient) @ sizes + max(changes) + 2.0**-51 * abs(value))


@njit(cache=True, error_model="numpy", nogil=True)
def _log_cosh_jit(u: np.ndarray, outer: float, spread: float, gradient: np.ndarray, curvature: np.ndarray) -> float:
    """Σ_i outer u_i²/2 + spread log cosh u_i, its gradient and the diagonal of its Hessian.

    log cosh u to full relative accuracy: cosh u − 1 = 2 sinh²(u/2) does not cancel near 0.
    """
    value = 0.0
    for i in range(u.size):
        size, tanh = abs(u[i]), math.tanh(u[i])
        log_cosh = size - LOG_2 if size >= LARGE else math.log1p(2.0 * math.sinh(0.5 * size) ** 2)
        value += 0.5 * outer * u[i] ** 2 + spread * log_cosh
        gradient[i] = outer * u[i] + spread * tanh
        curvature[i] = outer + spread * (1.0 - tanh**2)
    return value
