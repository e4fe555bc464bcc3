"""Checks on arguments, shared by all packages. No formula of the mathematics stands here.

Each function returns the value in the form the code works with, or raises one ValueError that names the argument, the rule and
the value. Only real numbers pass: nothing is cast that would lose a part of it (imaginary parts, masks, dates, digits).
"""

import difflib
import warnings
from collections.abc import Iterable
from numbers import Integral, Real

import numpy as np

EXACT = 2**53  # integers up to here are float64 numbers
DEEPEST = 10**6
LARGEST = np.finfo(np.float64).max
SYMMETRY = 1e-12  # |K_ij − K_ji| over the largest entry that passes as rounding
REFUSED = {
    "b": "booleans",
    "c": "complex numbers",
    "M": "dates",
    "m": "time differences",
    "S": "bytes",
    "U": "strings",
    "V": "records",
}


def validate_array(
    value: object, name: str, shape: tuple[int | str, ...], *, largest: float = LARGEST, finite: bool = True
) -> np.ndarray:
    """Return ``value`` as a C-ordered float64 array of the given shape, entries at most ``largest`` in size.

    Letters stand for any length ≥ 1. Without ``finite`` inf and NaN pass too. Nothing is copied that is of this form already.
    """
    array = validate_reals(value, name)
    fits = array.ndim == len(shape) and all(
        have >= 1 if isinstance(want, str) else have == want for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        flat = len(shape) == 1 and array.ndim == 2 and 1 in array.shape and shape[0] in (array.size, str(shape[0]))
        fix = f"; np.ravel({name}) has one dimension" if flat and array.size else ""
        raise ValueError(f"`{name}` must have shape {_text(shape)}, got {array.shape}{fix}")
    if not finite and array.dtype == np.float64:
        return np.asarray(array, order="C")
    with np.errstate(invalid="ignore"):  # of signalling NaN
        array = np.asarray(array, dtype=np.float64, order="C")
        allowed = np.abs(array) <= largest
    if finite and not allowed.all():
        where = tuple(int(i) for i in np.argwhere(~allowed)[0])
        rule = "finite" if not np.isfinite(array[where]) else f"at most {largest:g} in size"
        raise ValueError(f"`{name}` must be {rule}, got {array[where]} at {_place(value, where)}")
    return array


def validate_inputs(X: object, name: str = "X", columns: int | None = None) -> np.ndarray:
    """Return ``X`` as an (n, d) array, d = ``columns`` where that is given. Zero rows are allowed."""
    return validate_array(X, name, ("n", "d" if columns is None else columns))


def validate_symmetric(K: object, name: str, n: int | str = "n") -> np.ndarray:
    """Return ``K`` as an exactly symmetric (n, n) array.

    A K that is symmetric to rounding, entries within `SYMMETRY` of the largest, is replaced by (K + Kᵀ)/2.
    """
    K = validate_array(K, name, (n, "n") if isinstance(n, str) else (n, n))
    if K.shape[0] != K.shape[1]:
        raise ValueError(f"`{name}` must have shape (n, n), got {K.shape}")
    half = K / 2  # the sum of two halves does not overflow
    gap = np.abs(half - half.T)
    if gap.max() > SYMMETRY * np.abs(half).max():
        row, column = (int(i) for i in np.unravel_index(gap.argmax(), gap.shape))
        raise ValueError(
            f"`{name}` must be symmetric, got {float(K[row, column])!r} at ({row}, {column}) and "
            f"{float(K[column, row])!r} at ({column}, {row})"
        )
    return half + half.T if gap.any() else K


def validate_same_dimension(X: np.ndarray, X2: np.ndarray) -> None:
    """Raise unless the rows of ``X`` and ``X2`` have the same length."""
    if X.shape[1] != X2.shape[1]:
        raise ValueError(f"`X2` must have the columns of `X` ({X.shape[1]}), got {X2.shape[1]}")


def validate_rates(value: object, layers: int) -> np.ndarray:
    """Return learning rates (layers,), not negative and not all zero; ones for None."""
    if value is None:
        return np.ones(layers)
    rates = validate_array(value, "layer_rates", (layers,))
    if rates.min() < 0 or not rates.any():
        raise ValueError(f"`layer_rates` must not be negative, nor all zero, got {_show(rates.tolist())}")
    return rates


def validate_times(times: object, t_end: object) -> tuple[np.ndarray | None, float | None]:
    """Return increasing times (k,) in [0, ``t_end``] and the end of the interval, by default the last of them."""
    t_end = None if t_end is None else validate_positive(t_end, "t_end")
    if times is None:
        return None, t_end
    times = validate_array(times, "times", ("k",))
    if times[0] < 0 or (np.diff(times) <= 0).any():
        raise ValueError(f"`times` must be increasing and not negative, got {_show(times.tolist())}")
    last = float(times[-1]) if t_end is None else t_end
    if times[-1] > last or last == 0:
        raise ValueError(f"`times` must end in (0, `t_end`], got {times[-1]:g} with t_end {last:g}")
    return times, last


def validate_real(value: object, name: str) -> float:
    """Return ``value`` as a float if it is a finite real number."""
    return _number(value, name, "a finite number", lambda x: True)


def validate_positive(value: object, name: str) -> float:
    """Return ``value`` as a float if it is a finite number above zero."""
    return _number(value, name, "a positive finite number", lambda x: x > 0)


def validate_not_negative(value: object, name: str) -> float:
    """Return ``value`` as a float if it is a finite number of at least zero."""
    return _number(value, name, "a finite number of at least 0", lambda x: x >= 0)


def validate_tolerance(value: object, name: str, least: float) -> float:
    """Return ``value`` as a float if it is at most 1 and at least ``least``, below which rounding decides."""
    tolerance = validate_positive(value, name)
    if not least <= tolerance <= 1:
        raise ValueError(
            f"`{name}` must be at least {least:g}, below which rounding decides, and at most 1, got {tolerance!r}"
        )
    return tolerance


def validate_share(value: object, name: str, below: float) -> float:
    """Return ``value`` as a float if it is a number from 0 up to, not including, ``below``."""
    return _number(value, name, f"a number in [0, {below:g})", lambda x: 0 <= x < below)


def validate_fraction(value: object, name: str) -> float:
    """Return ``value`` as a float if it lies between 0 and 1, both excluded."""
    return _number(value, name, "a number in (0, 1)", lambda x: 0 < x < 1)


def validate_unit(value: object, name: str) -> float:
    """Return ``value`` as a float if it is a number from 0 to 1, both included."""
    return _number(value, name, "a number in [0, 1]", lambda x: 0 <= x <= 1)


def validate_size(value: object, name: str) -> int:
    """Return ``value`` as an int if it is a whole number from 1 to 2^53, which float64 represents."""
    size = validate_count(value, name)
    if size > EXACT:
        raise ValueError(f"`{name}` must be a whole number of at most 2^53, got one of {size.bit_length()} bits")
    return size


def validate_durations(value: object, name: str) -> np.ndarray:
    """Return ``value`` as a (k,) array of numbers from 0 to ∞, both included."""
    array = validate_reals(value, name)
    infinite = array == np.inf
    finite = validate_array(np.where(infinite, 0, array), name, ("k",))
    if finite.min() < 0:
        raise ValueError(f"`{name}` must not be negative, got {finite.min():g}")
    return np.where(infinite, np.inf, finite)


def all_positive(**values: object) -> list[float]:
    """The named values as floats; each must be a finite number above zero."""
    return [validate_positive(value, name) for name, value in values.items()]


def validate_count(value: object, name: str, least: int = 1, most: int | None = None) -> int:
    """Return ``value`` as an int if it is a whole number of at least ``least`` and, where that is given, at most ``most``."""
    whole = isinstance(value, Integral) and _is_real(value)
    if not whole or value < least or (most is not None and value > most):
        rule = f"at most {most}" if whole and value >= least else f"at least {least}"
        raise ValueError(f"`{name}` must be a whole number of {rule}, got {_show(value)}")
    return int(value)


def validate_depth(value: object, name: str = "hidden_layers") -> int:
    """Return a number of hidden layers as an int, 1 to `DEEPEST`: more would be a wait without an end."""
    return validate_count(value, name, most=DEEPEST)


def validate_flag(value: object, name: str) -> bool:
    """Return ``value`` as a bool if it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"`{name}` must be True or False, got {_show(value)}")
    return bool(value)


def validate_callable(value: object, name: str) -> object:
    """Return ``value`` if it can be called, or None."""
    if value is not None and not callable(value):
        raise ValueError(f"`{name}` must be a function or None, got {_show(value)}")
    return value


def validate_name(value: object, known: Iterable[str], name: str) -> str:
    """Return ``value`` if it is one of ``known``; otherwise raise with the nearest known names."""
    known = list(known)
    if isinstance(value, str) and value in known:
        return value
    near = difflib.get_close_matches(value, known, n=2) if isinstance(value, str) else []
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ValueError(f"`{name}` {_show(value)} is unknown: {hint}known are {', '.join(known)}")


def validate_reals(value: object, name: str) -> np.ndarray:
    """Return ``value`` as an array of integers or floats of at most 64 bits, of any shape, as they are.

    A DataFrame's error names the column. Leaves of lists are looked at one by one: NumPy promotes what stands in them.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError(f"`{name}` must hold real numbers, got a masked array: fill or drop what is masked")
    if hasattr(value, "columns") and hasattr(value, "iloc"):
        columns = [validate_reals(value.iloc[:, j], f"{name}[{label!r}]") for j, label in enumerate(value.columns)]
        return np.stack(columns, axis=1) if columns else np.empty((len(value), 0))
    try:
        if type(value) is np.ndarray:  # models are called in every step, and the filters cost more than a small model
            array = value
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                array = np.asarray(value)
    except Exception as error:  # whatever an object raises when it is asked for its entries
        reason = str(error).strip().partition("\n")[0][:200]
        raise ValueError(f"`{name}` must be an array of real numbers, got {type(value).__name__}: {reason}") from error
    kind = array.dtype.kind
    if kind == "O" and array.ndim == 0:
        fix = f": {name}.toarray() is one" if hasattr(value, "toarray") else ""
        raise ValueError(f"`{name}` must be an array of real numbers, got {type(value).__name__}{fix}")
    if kind == "O":
        wrong = next((entry for entry in array.flat if not _is_real(entry) or isinstance(entry, Integral)), None)
        raise ValueError(f"`{name}` must hold real numbers that float64 represents, got objects such as {_show(wrong)}")
    if kind not in "iuf":
        raise ValueError(f"`{name}` must hold real numbers, got {REFUSED.get(kind, array.dtype)}")
    if array.dtype.itemsize > 8:
        raise ValueError(f"`{name}` must hold real numbers of at most 64 bits, got {array.dtype}")
    if kind in "iu" and array.size and (array.max() > EXACT or array.min() < -EXACT):
        _refuse_integer(array.max() if array.max() > EXACT else array.min(), name)
    if isinstance(value, list | tuple):
        _validate_leaves(value, name)
    return array


def _validate_leaves(values: list | tuple, name: str) -> None:
    """Raise for what `np.asarray` casts where it stands beside floats: booleans, large integers, masked arrays."""
    for value in values:
        if isinstance(value, list | tuple):
            _validate_leaves(value, name)
        elif isinstance(value, bool | np.bool_):
            raise ValueError(f"`{name}` must hold real numbers, got {REFUSED['b']}")
        elif isinstance(value, Integral) and _is_real(value):
            if abs(int(value)) > EXACT:
                _refuse_integer(value, name)
        elif not isinstance(value, float):
            validate_reals(value, name)


def _refuse_integer(value: int, name: str) -> None:
    raise ValueError(f"`{name}` must hold integers of at most 2^53, which float64 represents, got {_show(int(value))}")


def _number(value: object, name: str, rule: str, allowed: object) -> float:
    """``value`` as a float if it is real, finite and ``allowed``."""
    if _is_real(value):
        try:
            number = float(value)
        except OverflowError:
            number = np.inf
        if np.isfinite(number) and allowed(number):
            return number
    raise ValueError(f"`{name}` must be {rule}, got {_show(value)}")


def _is_real(value: object) -> bool:
    """Whether ``value`` is a real number: Python counts bool among them, NumPy its time differences."""
    return isinstance(value, Real) and not isinstance(value, bool | np.timedelta64)


def _show(value: object) -> str:
    """``repr`` of a value, or its type and shape where that would fill the screen."""
    if isinstance(value, int) and value.bit_length() > 200:  # Python refuses to print more than 4300 digits
        return f"an integer of {value.bit_length()} bits"
    text = repr(value) if not hasattr(value, "shape") or np.ndim(value) == 0 else f"an array of shape {value.shape}"
    return text if len(text) <= 80 else f"{text[:60]}… ({type(value).__name__})"


def _place(value: object, where: tuple[int, ...]) -> str:
    """An index as text, with the name of the column where ``value`` has one."""
    if len(where) == 2 and hasattr(value, "columns"):
        return f"{where}, column {value.columns[where[1]]!r}"
    return str(where)


def _text(shape: tuple[int | str, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
