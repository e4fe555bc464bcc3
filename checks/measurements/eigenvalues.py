"""Least eigenvalues: of the limit kernels with the bounds on them, and of finite-width Gram matrices draw by draw."""

from collections.abc import Sequence

import numpy as np

from checks.measurements.data import inputs
from checks.measurements.streams import data_seed
from theory import (
    certified_kernel_min_eigenvalue,
    certified_min_eigenvalue,
    limit_grams,
    min_eigenvalue_lower_bound,
    separation_lower_bound,
)

ANGLES = 10.0 ** -np.arange(1, 4.6, 0.5)
ENTRY_ERROR = 1e-13  # of `limit_grams`, relative to the diagonal
UNIT = 2.0**-52


def limit_bounds(*, data: dict, activation: str, depths: Sequence[int], stream: Sequence[int]) -> dict[str, np.ndarray]:
    """λ_min and the bounds on it for K^1..K^{L+1} and the NTK of every depth L, one after another.

    ``least``, ``rounding`` its error n u‖K‖, ``bound`` the data form, ``separation`` the separation form at the largest
    correlation ρ of the data, ``orthonormal`` the same at ρ = 0, what would hold if the inputs were orthonormal.
    """
    X = inputs(**data, seed=data_seed(stream))
    rho = float(np.abs(X @ X.T - np.eye(len(X))).max())
    rows = []
    for L in depths:
        grams = limit_grams(X, hidden_layers=L, activation=activation)
        for K, layer in zip((*grams.layers, grams.ntk), (*range(1, L + 2), None), strict=True):
            kernel = {"hidden_layers": L, "activation": activation, "layer": layer}
            bound = min_eigenvalue_lower_bound(X, **kernel)
            forms = [separation_lower_bound(r, len(X), **kernel) for r in (min(1.0, rho + 1e-15), 0.0)]
            rows.append([np.linalg.eigvalsh(K)[0], len(X) * UNIT * np.linalg.norm(K, 2), bound, *forms])
    return dict(zip(("least", "rounding", "bound", "separation", "orthonormal"), np.array(rows).T, strict=True))


def certificate(*, data: dict, activation: str, hidden_layers: int, stream: Sequence[int]) -> dict[str, np.ndarray]:
    """Lower bound on λ_min of the NTK that a float64 Cholesky factorisation proves, −inf where it proves none."""
    K = limit_grams(inputs(**data, seed=data_seed(stream)), hidden_layers=hidden_layers, activation=activation).ntk
    return {"matrix": K, "lower": certified_min_eigenvalue(K, ENTRY_ERROR * float(K.max())).lower}


def singular_kernel(*, flaw: str, activation: str, hidden_layers: int, stream: Sequence[int]) -> dict[str, np.ndarray]:
    """A K^{L+1} with λ_min = 0 because of a ``flaw`` of the inputs, its null vector, and what is proved about it."""
    X = inputs("random", n=5, seed=data_seed(stream), d=4)
    vector = np.array([1.0, 0, 0, 0, 0, 1.0 if flaw == "opposite inputs, odd σ" else -1.0])
    if flaw == "n > d":
        vector = np.linalg.svd(X.T)[2][-1]
    else:
        X = np.concatenate([X, X[:1] if flaw == "repeated input" else -X[:1]])
    kernel = {"hidden_layers": hidden_layers, "activation": activation}
    lower = certified_kernel_min_eigenvalue(X, **kernel, kernel="nngp").lower
    return {"matrix": limit_grams(X, **kernel).nngp, "vector": vector, "lower": lower}


def least_of_pair(*, activation: str, hidden_layers: int) -> dict[str, np.ndarray]:
    """λ_min of K^1..K^{L+1} and the NTK of two unit inputs at the angles `ANGLES`, (L+2, angles), and its relative error."""
    grams = [limit_grams(pair(phi), hidden_layers=hidden_layers, activation=activation) for phi in ANGLES]
    least = np.array([[np.linalg.eigvalsh(K)[0] for K in (*g.layers, g.ntk)] for g in grams]).T
    return {"least": least, "error": 4 * UNIT * hidden_layers / least}


def pair(phi: float) -> np.ndarray:
    """Two unit inputs at angle φ."""
    return np.array([[1.0, 0.0], [np.cos(phi), np.sin(phi)]])
