"""Inputs and targets on which claims are checked: random directions, and handwritten digits as real data."""

from functools import cache

import numpy as np


def inputs(kind: str, *, n: int, seed: int, d: int = 64) -> np.ndarray:
    """Unit rows (n, d): ``random`` uniform on the sphere, ``digits`` a random choice of 8 × 8 images (d = 64)."""
    rng = np.random.default_rng(seed)
    if kind == "random":
        X = rng.normal(size=(n, d))
    elif kind == "digits":
        X = _digits()[rng.choice(len(_digits()), size=n, replace=False)]
    else:
        raise ValueError(f"`kind` must be 'random' or 'digits', got {kind!r}")
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def samples(data: dict, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs X (n, d) with unit rows and targets y (n,) with ‖y‖ = √n, in a random direction, for ``data`` {kind, n, d}."""
    X = inputs(**data, seed=seed)
    y = np.random.default_rng([seed, 1]).normal(size=len(X))
    return X, y * np.sqrt(len(X)) / np.linalg.norm(y)


@cache
def _digits() -> np.ndarray:
    from sklearn.datasets import load_digits  # slow to import, and most cells run without it

    return load_digits().data
