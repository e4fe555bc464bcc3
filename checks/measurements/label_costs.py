"""yᵀH⁻¹y, the cost of labels y in the kernel of relu inner weights, for labels that are functions of the inputs and others."""

import numpy as np

from checks.measurements.data import inputs, samples
from checks.measurements.streams import each_draw
from theory import limit_grams


def kernels(X: np.ndarray) -> dict[str, np.ndarray]:
    """``inner`` H = K^1, and ``both``, the tangent kernel K of both layers, (n, n)."""
    layers = limit_grams(X, hidden_layers=1, activation="relu").layers
    return {"inner": layers[0], "both": layers.sum(axis=0)}


def costs(own: dict[str, np.ndarray], Y: np.ndarray) -> dict[str, np.ndarray]:
    """yᵀK⁻¹y with each of the `kernels`, for labels Y (k, n), (k,)."""
    return {name: np.einsum("kn,nk->k", Y, np.linalg.solve(K, Y.T)) for name, K in own.items()}


@each_draw
def polynomial_costs(seed: int, *, n: int, d: int, powers: list) -> dict[str, np.ndarray]:
    """`costs` of (β·x)^p for n random unit inputs in d dimensions, ‖β‖ = 1, and ``largest`` max_i |y_i|, (powers,)."""
    t = (X := inputs("random", n=n, d=d, seed=seed))[:, 0]
    Y = t ** np.array(powers)[:, None]
    return costs(kernels(X), Y) | {"largest": np.abs(Y).max(axis=1)}


@each_draw
def harmonic_costs(seed: int, *, n: int, d: int) -> dict[str, np.ndarray]:
    """`costs` of t³ − 3t/(d+2), t = β·x, and of t, ``inner`` (2,); ``trace`` tr H⁻¹."""
    t = (X := inputs("random", n=n, d=d, seed=seed))[:, 0]
    own = kernels(X)
    return costs(own, np.array([t**3 - 3 * t / (d + 2), t])) | {"trace": np.trace(np.linalg.inv(own["inner"]))}


@each_draw
def digit_costs(seed: int, *, n: int) -> dict[str, np.ndarray]:
    """`costs` of whether n digits are odd, ±1, and of two permutations of these labels, ``inner`` (3,)."""
    (X, y), rng = samples({"kind": "digits", "n": n, "target": "own"}, seed), np.random.default_rng([seed, 2])
    return costs(kernels(X), np.array([y, rng.permutation(y), rng.permutation(y)]))
