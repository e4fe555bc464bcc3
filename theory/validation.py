"""Inputs of the analytic kernels."""

import numpy as np

from argument_validation import validate_inputs


def validate_kernel_inputs(X: object, name: str = "X") -> np.ndarray:
    """Return ``X`` as an (n, d) array of non-zero rows whose squared norms are representable."""
    array = validate_inputs(X, name)
    largest = np.abs(array).max(axis=1)
    if not largest.all():
        raise ValueError(f"`{name}` must not have zero rows, row {np.argmin(largest)} is zero")
    if largest.max() > 1e150 or largest.min() < 1e-150:
        row = np.argmax(np.abs(np.log(largest)))
        raise ValueError(f"`{name}` must have row norms between 1e-150 and 1e150, row {row} has {largest[row]:.3g}")
    return array
