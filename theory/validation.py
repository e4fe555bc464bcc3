"""Inputs of the analytic kernels."""

import numpy as np

from argument_validation import validate_inputs

LEAST_NORM, LARGEST_NORM = 1e-150, 1e150  # their squares are float64 numbers


def validate_kernel_inputs(X: object, name: str = "X", largest: float = LARGEST_NORM, reason: str = "") -> np.ndarray:
    """Return ``X`` as an (n, d) array whose rows are zero or have norms of `LEAST_NORM` to ``largest``, for this reason."""
    array = validate_inputs(X, name)
    validate_norms(polar(array)[1], name, largest, reason)
    return array


def validate_norms(norms: np.ndarray, name: str, largest: float, reason: str) -> None:
    """Raise unless all ``norms``, an array of any shape, are zero or between `LEAST_NORM` and ``largest``."""
    wrong = (norms > largest * (1 + 1e-12)) | ((norms < LEAST_NORM) & (norms > 0))
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        row = where[0] if len(where) == 1 else where
        raise ValueError(
            f"`{name}` must have row norms that are 0 or between {LEAST_NORM:g} and {largest:g}{reason and ' ' + reason}; "
            f"row {row} has norm {norms[where]:.6g}"
        )


def polar(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows and norms of ``X`` (n, d), without overflow or underflow; a zero row stays zero."""
    largest = np.abs(X).max(axis=1)
    norms = largest * np.sqrt(((X / np.where(largest > 0, largest, 1.0)[:, None]) ** 2).sum(axis=1))
    return X / np.where(norms > 0, norms, 1.0)[:, None], norms
