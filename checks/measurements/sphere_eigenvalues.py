"""λ_min of tangent kernels of many inputs, at infinite width and at one width."""

from collections.abc import Sequence

import numpy as np

from checks.measurements.data import inputs
from checks.measurements.streams import each_draw
from kernels import init_parameters, layer_grams
from theory import limit_grams


def limit_least(X: np.ndarray, hidden_layers: int) -> float:
    """λ_min of the limit kernel of relu."""
    return np.linalg.eigvalsh(limit_grams(X, hidden_layers=hidden_layers, activation="relu", layers=False).ntk)[0]


@each_draw
def least_eigenvalues(
    seed: int, *, data: str, sizes: Sequence[Sequence[int]], hidden_layers: int
) -> dict[str, np.ndarray]:
    """`limit_least` for every (n, d) in ``sizes``, (sizes,)."""
    return {"least": np.array([limit_least(inputs(data, n=n, d=d, seed=seed), hidden_layers) for n, d in sizes])}


@each_draw
def finite_widths(seed: int, *, n: int, d: int, hidden_layers: int, width: int) -> dict[str, float]:
    """`limit_least`, ``limit``, and λ_min of (m/κ²)G for one network of this width, ``least``."""
    X, L = inputs("random", n=n, d=d, seed=seed), hidden_layers
    G = layer_grams(init_parameters(seed, d, width, hidden_layers=L), X, activation="relu", kappa=1.0).sum(axis=0)
    return {"least": width * np.linalg.eigvalsh(G)[0], "limit": limit_least(X, L)}
