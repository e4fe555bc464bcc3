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
    time. With g_i = ``scale``(f_i − y_i)/n and v_j = Σ_i 1[b_j·x_i > 0] g_ix_i the gradients are a_jv_j and, as max(z, 0) =
    1[z > 0]z, b_j·v_j: activations and their derivatives are never stored.
    """
    (m, d), count = starts[0].weights[0].shape, len(starts)
    B, a = np.vstack([start.weights[0] for start in starts]), np.concatenate([start.output for start in starts])
    B, a, X, inputs, y = (np.ascontiguousarray(array, dtype=dtype) for array in (B, a, X, X.T, y))
    for done in range(0, steps, UNINTERRUPTED):
        pace = dtype(step * scale / len(y))
        _descend_jit(B, a, m, X, inputs, y, dtype(scale), pace, min(UNINTERRUPTED, steps - done))
    return [Parameters.unchecked(own) for own in zip(B.reshape(count, m, d), a.reshape(count, m), strict=True)]


@njit(cache=True, error_model="numpy", nogil=True)
def _descend_jit(
    B: np.ndarray,
    a: np.ndarray,
    m: int,
    X: np.ndarray,
    inputs: np.ndarray,
    y: np.ndarray,
    scale: float,
    pace: float,
    steps: int,
) -> None:
    """The steps, in place: B (networks·m, d), a (networks·m,); ``inputs`` is Xᵀ, ``pace`` step·scale/n."""
    n, Z, V, pull = len(y), np.empty((len(B), len(y)), B.dtype), np.empty_like(B), np.empty_like(y)
    zero = B.dtype.type(0)  # of the same type: all is computed in it
    for _ in range(steps):
        np.dot(B, inputs, Z)
        for first in range(0, len(B), m):
            pull[:] = zero
            for j in range(first, first + m):
                weight = a[j]
                for i in range(n):
                    z = Z[j, i]
                    pull[i] += weight * (zero if z <= zero else z)  # NaN stays
            for i in range(n):
                pull[i] = pace * (scale * pull[i] - y[i])
            for j in range(first, first + m):
                for i in range(n):
                    Z[j, i] = pull[i] if Z[j, i] > zero else zero
        np.dot(Z, X, V)
        for j in range(len(B)):
            fall = zero
            for k in range(B.shape[1]):
                fall += B[j, k] * V[j, k]
                B[j, k] -= a[j] * V[j, k]
            a[j] -= fall
