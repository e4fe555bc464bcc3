"""Gradient flow of a linear model in closed form: what training would be if the tangent kernel stood still."""

from dataclasses import dataclass

import numpy as np

from argument_validation import validate_array, validate_durations, validate_positive
from theory.validation import spectrum


@dataclass(frozen=True)
class LinearizedFlow:
    """The flow at k times.

    ``times`` (k,); ``outputs`` f_t (k, n); ``losses`` R_t (k,); ``drift`` ‖θ_t − θ_0‖₂ (k,), where layers have rates S the norm
    ‖S^{−½}(θ_t − θ_0)‖₂; ``test_outputs`` (k, n_test), None without a ``K_test``; ``unresolved`` the share ‖Pe_0‖/‖e_0‖ of the
    initial residual that lies in null modes of K, where nothing moves.
    """

    times: np.ndarray
    outputs: np.ndarray
    losses: np.ndarray
    drift: np.ndarray
    test_outputs: np.ndarray | None
    unresolved: float


def linearized_flow(
    K: np.ndarray,
    y: np.ndarray,
    times: np.ndarray,
    *,
    f0: np.ndarray | None = None,
    K_test: np.ndarray | None = None,
    f0_test: np.ndarray | None = None,
    weight: float | None = None,
) -> LinearizedFlow:
    """Gradient flow of R = (w/2)‖f − y‖² for a model that is linear in its parameters, with tangent kernel K = J S Jᵀ.

    With e_0 = f_0 − y and φ1(z) = (e^z − 1)/z, at t = ∞ the limit,

        f_t = y + e^{−twK}e_0,    f_t(x) = f_0(x) − tw K(x, X) φ1(−twK)e_0,    θ_t − θ_0 = −tw S Jᵀφ1(−twK)e_0.

    K may be singular: a mode Kq = λq with |λ| ≤ τ = 4nu‖K‖, u = 2⁻⁵³, is null. It does not decay or move and adds nothing to
    the drift, at any time. (Where K is symmetric to rounding only, τ is larger by n max|K − Kᵀ|/2.) K alone does not tell such
    a λ from 0. If it is not 0, the residual Pe_0 in these modes decays by up to e^{−twτ}, and ‖θ_t − θ_0‖² is larger by up to
    min(τ(tw)², .41 tw)‖Pe_0‖². ``unresolved`` ‖Pe_0‖/‖e_0‖ says how much this concerns: nothing where it is rounding, 1e-16.
    An eigenvalue λ > τ is right to τ/λ of itself.

    Parameters
    ----------
    K : (n, n) symmetric, positive semidefinite. y : (n,) targets. times : (k,) not negative, inf included.
    f0 : (n,) outputs at time 0, default 0, as in centred training.
    K_test : (n_test, n) kernel of test and training inputs. f0_test : (n_test,) outputs there at time 0, default 0.
    weight : w > 0, default 1/n, the loss (1/2n)‖f − y‖² of the networks.

    Raises
    ------
    ValueError for shapes that do not fit, numbers that are not finite, a K that is not symmetric, an eigenvalue below −τ,
    negative times, a weight that is not positive, ``f0_test`` without ``K_test``, results beyond float64.
    """
    y, times = validate_array(y, "y", ("n",)), validate_durations(times, "times")
    n = len(y)
    f0 = np.zeros(n) if f0 is None else validate_array(f0, "f0", (n,))
    w = 1 / n if weight is None else validate_positive(weight, "weight")
    if K_test is not None:
        K_test = validate_array(K_test, "K_test", ("n_test", n))
        f0_test = np.zeros(len(K_test)) if f0_test is None else validate_array(f0_test, "f0_test", (len(K_test),))
    elif f0_test is not None:
        raise ValueError("`f0_test` needs `K_test`, the kernel between test and training inputs")

    values, Q, tau = spectrum(K, "K", n)
    live = values > tau
    values, null, Q = values[live], Q[:, ~live], Q[:, live]
    with np.errstate(over="ignore", invalid="ignore"):
        start, left = (f0 - y) @ Q, (f0 - y) @ null
        phases = _product(times[:, None], values, w)  # twλ
        residuals, covered = np.exp(-phases) * start, -np.expm1(-phases) * start
        outputs = y + residuals @ Q.T + null @ left
        sizes = np.hypot(_norms(residuals), _norms(left))
        losses = 0.5 * w * sizes * sizes
        drift = _norms(covered / np.sqrt(values))
        test_outputs = None
        if K_test is not None:
            scale = values.max(initial=0) or 1.0
            test_outputs = f0_test - covered / (values / scale) @ (K_test / scale @ Q).T
    for found in (outputs, losses, drift, *(() if test_outputs is None else (test_outputs,))):
        if not np.isfinite(found).all():
            raise ValueError(
                f"`y`, `f0` and `K` must leave the flow within float64, got residuals up to {np.abs(y).max():.3g}"
            )
    whole = float(_norms(f0 - y))
    return LinearizedFlow(times, outputs, losses, drift, test_outputs, float(_norms(left)) / whole if whole else 0.0)


def _product(a: np.ndarray, b: np.ndarray, c: float) -> np.ndarray:
    """abc for numbers ≥ 0, a broadcast over b: least times largest first, so that it is beyond float64 only if abc is."""
    least, middle, largest = np.sort(np.broadcast_arrays(a, b, c), axis=0)
    return least * largest * middle


def _norms(rows: np.ndarray) -> np.ndarray:
    """Euclidean norms over the last axis; squares do not overflow."""
    size = np.abs(rows).max(axis=-1, initial=0, keepdims=True)
    size[size == 0] = 1.0
    return np.linalg.norm(rows / size, axis=-1) * size[..., 0]
