"""Checks on arguments. Each returns the value in the form the code works with, or raises one ValueError."""

import difflib
from collections.abc import Iterable
from numbers import Integral, Real

import numpy as np


def validate_array(value: object, name: str, shape: tuple[int | str, ...]) -> np.ndarray:
    """Return ``value`` as a finite, C-ordered float64 array of the given shape; letters stand for any length ≥ 1."""
    try:
        array = np.ascontiguousarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be a real array of shape {_text(shape)}, got {type(value).__name__}"
        ) from error
    fits = array.ndim == len(shape) and all(
        have >= 1 if isinstance(want, str) else have == want for have, want in zip(array.shape, shape, strict=False)
    )
    if not fits:
        raise ValueError(f"`{name}` must have shape {_text(shape)}, got {array.shape}")
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"`{name}` must be finite, got {array[where]} at {where}")
    return array


def _text(shape: tuple[int | str, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def validate_inputs(X: object, input_dim: int, name: str = "X") -> np.ndarray:
    """Return ``X`` as an (n, ``input_dim``) array without zero rows."""
    X = validate_array(X, name, ("n", input_dim))
    zero = ~X.any(axis=1)
    if zero.any():
        raise ValueError(f"`{name}` must not have zero rows, row {zero.argmax()} is zero")
    return X


def validate_rates(value: object, layers: int) -> np.ndarray:
    """Return learning rates (layers,), not negative and not all zero; ones for None."""
    if value is None:
        return np.ones(layers)
    rates = validate_array(value, "layer_rates", (layers,))
    if rates.min() < 0 or not rates.any():
        raise ValueError(f"`layer_rates` must not be negative, nor all zero, got {rates.tolist()}")
    return rates


def validate_times(times: object, t_end: object) -> tuple[np.ndarray | None, float | None]:
    """Return increasing times (k,) in [0, ``t_end``] and the end of the interval, by default the last of them."""
    t_end = None if t_end is None else validate_positive(t_end, "t_end")
    if times is None:
        return None, t_end
    times = validate_array(times, "times", ("k",))
    if times[0] < 0 or (np.diff(times) <= 0).any():
        raise ValueError(f"`times` must be increasing and not negative, got {times.tolist()}")
    last = float(times[-1]) if t_end is None else t_end
    if times[-1] > last or last == 0:
        raise ValueError(f"`times` must end in (0, `t_end`], got {times[-1]:g} with t_end {last:g}")
    return times, last


def validate_positive(value: object, name: str) -> float:
    """Return ``value`` as a float if it is a finite number above zero."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < np.inf:
        raise ValueError(f"`{name}` must be a positive finite number, got {value!r}")
    return float(value)


def validate_share(value: object, name: str, below: float) -> float:
    """Return ``value`` as a float if it is a number from 0 up to, not including, ``below``."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value < below:
        raise ValueError(f"`{name}` must be a number in [0, {below:g}), got {value!r}")
    return float(value)


def validate_count(value: object, name: str, least: int = 1) -> int:
    """Return ``value`` as an int if it is a whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"`{name}` must be a whole number of at least {least}, got {value!r}")
    return int(value)


def validate_name(value: object, known: Iterable[str], name: str) -> str:
    """Return ``value`` if it is one of ``known``; otherwise raise with the nearest known names."""
    known = list(known)
    if isinstance(value, str) and value in known:
        return value
    near = difflib.get_close_matches(str(value), known, n=2)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ValueError(f"`{name}` {value!r} is unknown: {hint}known are {', '.join(known)}")
