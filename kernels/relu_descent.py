"""Gradient descent of two-layer relu networks of one width, several at once on the same data: what costs is matrix products."""

from collections.abc import Sequence

import numpy as np
from numba import njit

from kernels.network import Parameters

UNINTERRUPTED = 100  # steps between which a signal is heard


def descend(
    starts: Sequence[Parameters],
    X: np.ndarray,
    y: np.ndarray,
    *,
    scale: float,
    step: float,
    steps: int,
    dtype: type[np.floating] = np.float64,
) -> list[Parameters]:
    """Weights after ``steps`` steps θ ← θ − ``step``·∇R(θ), R = (1/2n)‖f − y‖², of f = ``scale`` Σ_j a_j max(b_j·x, 0).

    X (n, d), y (n,); nothing is checked. A network whose numbers overflow has weights that are not finite. It is what
    `gradient_descent` does to each of them, to the rounding of ``dtype``, in which all is computed; float32 takes half the
    time.
    """
    B, a = stacked_weights(starts, dtype)
    X, y = (np.ascontiguousarray(array, dtype=dtype) for array in (X, y))
    take_steps(B, a, X, y, scale=scale, step=[step] * len(starts), steps=steps)
    return [Parameters.unchecked(own) for own in zip(B, a, strict=True)]


def stacked_weights(
    starts: Sequence[Parameters], dtype: type[np.floating] = np.float64
) -> tuple[np.ndarray, np.ndarray]:
    """All b_j (networks, m, d) and all a_j (networks, m), copied."""
    B, a = zip(*(start.arrays for start in starts), strict=True)
    return np.array(B, dtype=dtype, order="C"), np.array(a, dtype=dtype, order="C")


def take_steps(
    B: np.ndarray,
    a: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
    *,
    scale: float,
    step: Sequence[float],
    steps: int = 1,
    inner: float = 1.0,
) -> np.ndarray:
    """The steps of `descend` in place, on `stacked_weights`; returned is R of every network before the last of them.

    Every network has its own ``step``, of the b_j times ``inner``. All arrays are contiguous and of one type. With g_i =
    ``scale``(f_i − y_i)/n and v_j = Σ_i 1[b_j·x_i > 0] g_ix_i the gradients are a_jv_j and, as max(z, 0) = 1[z > 0]z, b_j·v_j:
    activations and their derivatives are never stored.
    """
    (count, m, d), kind = B.shape, B.dtype.type
    inputs, losses = np.ascontiguousarray(X.T), np.empty(count, kind)
    paces = (np.array(step) * scale / len(y)).astype(kind)
    for done in range(0, steps, UNINTERRUPTED):
        left = min(UNINTERRUPTED, steps - done)
        _descend_jit(B.reshape(-1, d), a.reshape(-1), m, X, inputs, y, kind(scale), kind(inner), paces, losses, left)
    return losses / (2 * len(y))


@njit(cache=True, error_model="numpy", nogil=True)
def _descend_jit(
    B: np.ndarray,
    a: np.ndarray,
    m: int,
    X: np.ndarray,
    inputs: np.ndarray,
    y: np.ndarray,
    scale: float,
    inner: float,
    paces: np.ndarray,
    losses: np.ndarray,
    steps: int,
) -> None:
    """The steps, in place: B (networks·m, d), a (networks·m,); ``inputs`` Xᵀ, ``paces`` step·scale/n, ``losses`` ‖f − y‖²."""
    n, Z, V, pull = len(y), np.empty((len(B), len(y)), B.dtype), np.empty_like(B), np.empty_like(y)
    zero = B.dtype.type(0)  # of the same type: all is computed in it
    for _ in range(steps):
        np.dot(B, inputs, Z)
        for k in range(len(paces)):
            first, square = k * m, zero
            pull[:] = zero
            for j in range(first, first + m):
                weight = a[j]
                for i in range(n):
                    z = Z[j, i]
                    pull[i] += weight * (zero if z <= zero else z)  # NaN stays
            for i in range(n):
                residual = scale * pull[i] - y[i]
                square += residual * residual
                pull[i] = paces[k] * residual
            losses[k] = square
            for j in range(first, first + m):
                for i in range(n):
                    Z[j, i] = pull[i] if Z[j, i] > zero else zero
        np.dot(Z, X, V)
        for j in range(len(B)):
            fall, pace = zero, inner * a[j]
            for k in range(B.shape[1]):
                fall += B[j, k] * V[j, k]
                B[j, k] -= pace * V[j, k]
            a[j] -= fall
