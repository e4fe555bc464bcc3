"""Gradient descent of two-layer relu networks of one width, several at once on the same data: what costs is matrix products."""

from collections.abc import Sequence

import numpy as np
from numba import njit

from kernels.network import Parameters


def descend(
    starts: Sequence[Parameters], X: np.ndarray, y: np.ndarray, *, scale: float, step: float, steps: int
) -> list[Parameters]:
    """Weights after ``steps`` steps θ ← θ − ``step``·∇R(θ), R = (1/2n)‖f − y‖², of f = ``scale`` Σ_j a_j max(b_j·x, 0).

    X (n, d), y (n,); nothing is checked. A network that diverges has weights that are not finite. It is what
    `gradient_descent` does to each of them, to rounding. With g_i = ``scale``(f_i − y_i)/n and v_j = Σ_i 1[b_j·x_i > 0] g_ix_i
    the gradients are a_jv_j and, as max(z, 0) = 1[z > 0]z, b_j·v_j: activations and their derivatives are never stored.
    """
    (m, d), n, count = starts[0].weights[0].shape, len(y), len(starts)
    B, a = np.vstack([start.weights[0] for start in starts]), np.stack([start.output for start in starts])
    inputs, Z, V = np.ascontiguousarray(X.T), np.empty((count * m, n)), np.empty((count * m, d))
    networks, outputs, rate = Z.reshape(count, m, n), np.empty((count, n)), step * scale / n
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            np.matmul(B, inputs, out=Z)
            _outputs_jit(networks, a, outputs)
            _pull_jit(networks, rate * (scale * outputs - y))
            np.matmul(Z, X, out=V)
            fall = np.einsum("kd,kd->k", B, V).reshape(count, m)
            V *= a.reshape(-1, 1)
            B -= V
            a -= fall
    return [Parameters.unchecked((W, output)) for W, output in zip(B.reshape(count, m, d), a, strict=True)]


@njit(cache=True, error_model="numpy", nogil=True)
def _outputs_jit(Z: np.ndarray, a: np.ndarray, out: np.ndarray) -> None:
    """Σ_j a_j max(z_j, 0) of every network and input: Z (networks, m, n), a (networks, m), ``out`` (networks, n)."""
    out[:] = 0.0
    for k in range(Z.shape[0]):
        for j in range(Z.shape[1]):
            for i in range(Z.shape[2]):
                z = Z[k, j, i]
                out[k, i] += a[k, j] * (z if not z <= 0.0 else 0.0)  # NaN stays


@njit(cache=True, error_model="numpy", nogil=True)
def _pull_jit(Z: np.ndarray, pull: np.ndarray) -> None:
    """Z ← 1[Z > 0]·pull, ``pull`` (networks, n)."""
    for k in range(Z.shape[0]):
        for j in range(Z.shape[1]):
            for i in range(Z.shape[2]):
                Z[k, j, i] = pull[k, i] if Z[k, j, i] > 0.0 else 0.0
