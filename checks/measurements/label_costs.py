"""yᵀH⁻¹y, the cost of labels y in the kernel of relu inner weights, for labels that are functions of the inputs and others."""

import numpy as np

from checks.measurements.data import inputs, samples
from checks.measurements.streams import each_draw
from theory import limit_grams


def costs(X: np.ndarray, Y: np.ndarray) -> dict[str, np.ndarray]:
    """For labels Y (k, n) ``inner`` yᵀH⁻¹y with H = K^1 and ``both`` yᵀK⁻¹y with the tangent kernel of both layers, (k,)."""
    layers = limit_grams(X, hidden_layers=1, activation="relu").layers
    kernels = {"inner": layers[0], "both": layers.sum(axis=0)}
    return {name: np.einsum("kn,nk->k", Y, np.linalg.solve(K, Y.T)) for name, K in kernels.items()}


@each_draw
def polynomial_costs(seed: int, *, n: int, d: int, powers: list) -> dict[str, np.ndarray]:
    """`costs` of (β·x)^p for n random unit inputs in d dimensions, ‖β‖ = 1, and ``largest`` max_i |y_i|, (powers,)."""
    t = (X := inputs("random", n=n, d=d, seed=seed))[:, 0]
    Y = t ** np.array(powers)[:, None]
    return costs(X, Y) | {"largest": np.abs(Y).max(axis=1)}


@each_draw
def harmonic_costs(seed: int, *, n: int, d: int) -> dict[str, np.ndarray]:
    """`costs` of t³ − 3t/(d+2), t = β·x, and of t, ``inner`` (2,); ``trace`` tr H⁻¹."""
    t = (X := inputs("random", n=n, d=d, seed=seed))[:, 0]
    H = limit_grams(X, hidden_layers=1, activation="relu").layers[0]
    return costs(X, np.array([t**3 - 3 * t / (d + 2), t])) | {"trace": np.trace(np.linalg.inv(H))}


@each_draw
def digit_costs(seed: int, *, n: int) -> dict[str, np.ndarray]:
    """`costs` of whether n digits are odd, ±1, and of two permutations of these labels, ``inner`` (3,)."""
    (X, y), rng = samples({"kind": "digits", "n": n, "target": "own"}, seed), np.random.default_rng([seed, 2])
    return costs(X, np.array([y, rng.permutation(y), rng.permutation(y)]))
