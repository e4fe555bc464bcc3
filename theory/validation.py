"""Inputs of the analytic kernels, scalars and matrices of the bounds.

One rule for the range of all bounds: they are evaluated so that nothing overflows or underflows on the way. A result beyond
float64 is a ValueError, one below its least positive number is 0.
"""

import math
from collections.abc import Callable
from decimal import Context, Decimal, Overflow, localcontext
from functools import wraps
from inspect import signature

import numpy as np

from argument_validation import (
    all_positive,
    validate_array,
    validate_inputs,
    validate_not_negative,
    validate_rates,
    validate_size,
    validate_symmetric,
)

SLACK = Decimal(1 + 1e-12)  # by which rounding may break an inequality between arguments
DIGITS = Context(prec=34)  # twice those of float64, exponents of six digits
ROUNDING = (
    2.0**-51
)  # eigenvalues within n times this of 0, relative to the largest, are 0 up to rounding; seen: up to a third

LEAST_NORM, LARGEST_NORM = 1e-150, 1e150  # their squares are float64 numbers
UNIT_NORM = 1e-12  # largest | |x_i| − 1 | of a unit input


def validate_kernel_inputs(X: object, name: str = "X", largest: float = LARGEST_NORM, reason: str = "") -> np.ndarray:
    """Return ``X`` as an (n, d) array whose rows are zero or have norms of `LEAST_NORM` to ``largest``, for this reason."""
    array = validate_inputs(X, name)
    validate_norms(polar(array)[1], name, largest, reason)
    return array


def validate_unit_rows(X: object) -> np.ndarray:
    """Return ``X`` as an (n, d) array with its rows divided by their norms, which must be 1 to `UNIT_NORM`."""
    X = validate_kernel_inputs(X)
    norms = polar(X)[1]
    row = int(np.abs(norms - 1).argmax())
    if abs(norms[row] - 1) > UNIT_NORM:
        raise ValueError(f"`X` must have rows of norm 1, row {row} has norm {norms[row]:.15g}")
    return X / norms[:, None]


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


def positive(**values: object) -> list[Decimal]:
    """The named values, finite numbers above zero, as exact decimals."""
    return [Decimal(value) for value in all_positive(**values)]


def not_negative(**values: object) -> list[Decimal]:
    """The named values, finite numbers of at least zero, as exact decimals."""
    return [Decimal(validate_not_negative(value, name)) for name, value in values.items()]


def counts(**values: object) -> list[Decimal]:
    """The named values, whole numbers from 1 to 2^53, as exact decimals."""
    return [Decimal(validate_size(value, name)) for name, value in values.items()]


def in_order(**values: Decimal) -> None:
    """Raise unless the first of two named values is at most the second, up to 1e-12 of it."""
    (small, least), (large, largest) = values.items()
    if least > largest * SLACK:
        raise ValueError(f"`{small}` must be at most `{large}` = {float(largest):g}, got {float(least):g}")


def bound(formula: Callable[..., Decimal]) -> Callable[..., float]:
    """Evaluate a formula of decimals, see above, and return a float64; ValueError where there is none."""

    @wraps(formula)
    def evaluate(*args: object, **options: object) -> float:
        try:
            with localcontext(DIGITS):
                value = float(formula(*args, **options))
        except Overflow:
            value = math.inf
        if math.isfinite(value):
            return value
        given = signature(formula).bind(*args, **options).arguments.items()
        text = ", ".join(f"`{name}` {x!s:.24}" for name, x in given)
        raise ValueError(f"{text} must give a {formula.__name__.lstrip('_')} within float64, got one beyond it")

    return evaluate


def rates_of(layer_rates: object) -> np.ndarray:
    """Learning rates (L+1,) of any number of layers; (1,) for None."""
    if layer_rates is None:
        return np.ones(1)
    rates = validate_array(layer_rates, "layer_rates", ("L + 1",))
    return validate_rates(rates, len(rates))


def spectrum(K: object, name: str, n: int | str = "n") -> tuple[np.ndarray, np.ndarray, float]:
    """Eigenvalues (n,), ascending, and eigenvectors of a positive semidefinite ``K``; τ, up to which they are rounding.

    τ = 4nu‖K‖, u = 2⁻⁵³, and n times the asymmetry of K, which shows how it was rounded. ValueError for λ_min < −τ.
    """
    symmetric = validate_symmetric(K, name, n)
    values, Q = np.linalg.eigh(symmetric)
    if not np.isfinite(values).all():
        raise ValueError(f"`{name}` must have eigenvalues within float64, got an entry {np.abs(symmetric).max():g}")
    gap = np.abs(symmetric - validate_array(K, name, symmetric.shape)).max()
    tau = len(values) * float(ROUNDING * max(values[-1], -values[0]) + gap)
    if values[0] < -tau:
        raise ValueError(
            f"`{name}` must be positive semidefinite, got the eigenvalue {values[0]:.6g} beyond the rounding, {tau:.2g}"
        )
    return values, Q, tau


def definite_spectrum(K: object, name: str, n: int | str = "n") -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (n,) and eigenvectors of a ``K`` that is positive definite beyond rounding."""
    values, Q, tau = spectrum(K, name, n)
    if values[0] <= tau:
        raise ValueError(
            f"`{name}` must be positive definite, got the least eigenvalue {values[0]:.3g} within the rounding, {tau:.2g}"
        )
    return values, Q
