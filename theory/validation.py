"""Checks on arguments. Each returns the value in the form the code works with, or raises one ValueError."""

import difflib
from collections.abc import Iterable
from numbers import Integral, Real

import numpy as np


def validate_inputs(X: object, name: str = "X") -> np.ndarray:
    """Return ``X`` as an (n, d) float64 array of finite, non-zero rows whose squared norms are representable."""
    try:
        array = np.ascontiguousarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`{name}` must be a real (n, d) array, got {type(X).__name__}") from error
    if array.ndim != 2:
        raise ValueError(f"`{name}` must have two dimensions (n, d), got shape {array.shape}")
    if 0 in array.shape:
        raise ValueError(f"`{name}` must not be empty, got shape {array.shape}")
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"`{name}` must be finite, got {array[row, column]} in row {row}, column {column}")
    largest = np.abs(array).max(axis=1)
    if not largest.all():
        raise ValueError(f"`{name}` must not have zero rows, row {np.argmin(largest)} is zero")
    if largest.max() > 1e150 or largest.min() < 1e-150:
        row = np.argmax(np.abs(np.log(largest)))
        raise ValueError(f"`{name}` must have row norms between 1e-150 and 1e150, row {row} has {largest[row]:.3g}")
    return array


def validate_matrix(value: object, name: str) -> np.ndarray:
    """Return ``value`` as a finite float64 array with two dimensions, none of them empty."""
    return _finite(value, name, 2)


def validate_vector(value: object, name: str, length: int | None = None) -> np.ndarray:
    """Return ``value`` as a finite float64 array with one dimension, of ``length`` or at least one entry."""
    array = _finite(value, name, 1)
    if length is not None and len(array) != length:
        raise ValueError(f"`{name}` must have {length} entries, got {len(array)}")
    return array


def _finite(value: object, name: str, dimensions: int) -> np.ndarray:
    try:
        array = np.ascontiguousarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`{name}` must be a real array, got {type(value).__name__}") from error
    if array.ndim != dimensions or array.size == 0:
        raise ValueError(f"`{name}` must be a non-empty array with {dimensions} dimensions, got shape {array.shape}")
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"`{name}` must be finite, got {array[where]} at {where}")
    return array


def validate_same_dimension(X: np.ndarray, X2: np.ndarray) -> None:
    """Raise unless the rows of ``X`` and ``X2`` have the same length."""
    if X.shape[1] != X2.shape[1]:
        raise ValueError(f"`X2` must have the columns of `X` ({X.shape[1]}), got {X2.shape[1]}")


def validate_name(value: object, known: Iterable[str], name: str) -> str:
    """Return ``value`` if it is one of ``known``; otherwise raise with the nearest known names."""
    known = list(known)
    if isinstance(value, str) and value in known:
        return value
    near = difflib.get_close_matches(str(value), known, n=2)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ValueError(f"`{name}` {value!r} is unknown: {hint}known are {', '.join(known)}")


def validate_count(value: object, name: str, least: int = 1) -> int:
    """Return ``value`` as an int if it is a whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"`{name}` must be a whole number of at least {least}, got {value!r}")
    return int(value)


def validate_positive(**values: object) -> None:
    """Raise for the first of the named values that is not a finite positive number."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < float("inf"):
            raise ValueError(f"`{name}` must be positive and finite, got {value!r}")
