"""Arguments for tests/test_fuzz.py: what is drawn for each, and what is done to it.

A fault is ``good`` (unusual but allowed: an answer), ``same`` (another form of the same numbers: the answer is that of the
plain array), ``bad`` (to be refused) or ``free`` (a right answer or a refusal).
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import scipy.sparse

from kernels import Parameters, StreamedParameters
from kernels.convolution import ConvolutionalNetwork
from kernels.losses import LogCoshLoss, SquareLoss
from kernels.models import Centred, ComponentwiseMap, QuadraticMap, TwoLayerModel
from kernels.residual import ResidualNetwork

HUGE = 10**400
SIZES = {"n": 3, "d": 3, "m": 4, "L": 2, "k": 3, "t": 2, "P": 3, "c": 2, "N": 2, "p": 3}  # the largest that are drawn


@dataclass(frozen=True)
class Kind:
    """``draw(rng, sizes)`` a value; ``good``, ``same``, ``bad``, ``free`` its faults, name -> function of the value.

    ``plain`` brings every form of a value to one; an ``optional`` argument is None in half of the draws.
    """

    draw: Callable
    same: dict[str, Callable] = field(default_factory=dict)
    bad: dict[str, Callable] = field(default_factory=dict)
    free: dict[str, Callable] = field(default_factory=dict)
    plain: Callable = lambda value: value
    optional: bool = False
    good: dict[str, Callable] = field(default_factory=dict)

    def faults(self):
        """(name, what it does, its sort) of every fault."""
        sorts = ("good", "same", "bad", "free")
        return [(name, act, sort) for sort in sorts for name, act in getattr(self, sort).items()]

    def lenient(self, *names):
        """The same kind, with these bad faults as free ones."""
        moved = {name: self.bad[name] for name in names}
        return replace(self, bad=without(self.bad, *names), free=self.free | moved)

    def accepting(self, *names):
        """The same kind, with these free faults as good ones."""
        moved = {name: self.free[name] for name in names}
        return replace(self, free=without(self.free, *names), good=self.good | moved)


def optional(kind):
    """The same kind of an argument that may be None."""
    return replace(kind, bad=without(kind.bad, "None"), optional=True)


def constant(value):
    return lambda _: value


def without(faults, *names):
    return {name: act for name, act in faults.items() if name not in names}


# What is never a number or an array of numbers.
ALIEN = {
    "None": constant(None),
    "text": constant("1"),
    "bytes": constant(b"1"),
    "complex": constant(1 + 2j),
    "real complex": constant(1 + 0j),
    "True": constant(True),
    "NumPy bool": constant(np.False_),
    "object": constant(object()),
    "type": constant(float),
    "function": constant(lambda x: x),
    "dict": constant({"a": 1.0}),
    "set": constant({1.0, 2.0}),
    "generator": lambda _: (x for x in (1.0, 2.0)),
    "Decimal": constant(Decimal("1.5")),
    "date": constant(datetime.date(2020, 1, 1)),
    "datetime64": constant(np.datetime64("2020-01-01")),
    "timedelta64": constant(np.timedelta64(3, "s")),
    "masked": constant(np.ma.masked),
    "NA": constant(pd.NA),
    "NaT": constant(pd.NaT),
}  # fmt: skip
NOT_FINITE = {"nan": constant(np.nan), "inf": constant(np.inf), "-inf": constant(-np.inf), "huge int": constant(HUGE)}
EXTREME = (1e300, 1e-300, 5e-324, 1e200, 1e150, 1e-150, 1.7e308, 2**53, 1e16, 1e-16, 2.0, 1 - 2.0**-53)


def scalar(low, high, *, bad=()):
    """A number: multiples of 1/8 in [``low``, ``high``], so that float32 and Fraction hold them; ``bad`` ones."""
    return Kind(
        lambda rng, _: float(rng.integers(round(8 * low), round(8 * high) + 1)) / 8,
        {"float64": np.float64, "float32": np.float32, "float16": np.float16, "Fraction": Fraction},
        ALIEN
        | NOT_FINITE
        | {"list": lambda x: [x], "array": lambda x: np.array([x]), "huge negative": constant(-HUGE)}
        | {f"{x}": constant(x) for x in bad},
        {f"{x:.3g}": constant(x) for x in EXTREME if x not in bad}
        | {"0": constant(0), "0-d": np.array, "-1": constant(-1.0), "int": constant(3), "big32": constant(np.float32(3e38))},
        float,
    )  # fmt: skip


def positive(low=0.125, high=3.0, *, wrong=()):
    return scalar(low, high, bad=(0.0, -1.0, -5e-324, *wrong))


def not_negative(low=0.0, high=3.0):
    return scalar(low, high, bad=(-1.0, -5e-324)).accepting("0")


def share():
    """A number in [0, 1]."""
    return scalar(0.0, 0.875, bad=(-0.5, 1.5, -5e-324, 1e300))


def count(low, high=0, *, least=1, bounded=True):
    """A whole number; with ``bounded`` huge ones must be refused, otherwise they are not tried where they would be a wait."""
    draw = (
        (lambda rng, _: int(rng.integers(low, high + 1))) if isinstance(low, int) else (lambda rng, sizes: sizes[low])
    )
    return Kind(
        draw,
        {"int64": np.int64, "uint8": np.uint8, "int32": np.int32},
        ALIEN
        | {"nan": constant(np.nan), "float": float, "half": lambda x: x + 0.5, "list": lambda x: [x]}
        | {"below": constant(least - 1), "-1": constant(-1), "array": lambda x: np.array([x]), "-huge": constant(-HUGE)}
        | ({"huge int": constant(HUGE), "2^63": constant(2**63)} if bounded else {}),
        {"0-d": np.array},
        int,
    )  # fmt: skip


def size(low=1, high=50):
    """A count that enters a formula as a number, which may be large."""
    kind = count(low, high, bounded=False).lenient("float", "half")
    return replace(
        kind, free=kind.free | {"2^53": constant(2**53), "1e300": constant(10**300), "huge int": constant(HUGE)}
    )


def name(known, wrong=()):
    """One of ``known``; ``wrong`` are names that others take."""
    known = list(known)
    return Kind(
        lambda rng, _: known[rng.integers(len(known))],
        {"NumPy text": np.str_},
        without(ALIEN, "text")
        | {"case": lambda x: x.swapcase(), "longer": lambda x: x + "x", "empty": constant(""), "list": lambda x: [x]}
        | {"long": constant("relu" * 10_000), "number": constant(3), "control": constant("re\x00\nlu")}
        | {other: constant(other) for other in wrong},
        plain=str,
    )


def flag(value=None):
    """True or False; always ``value`` where the shape of another argument depends on it."""
    return Kind(
        lambda rng, _: bool(rng.integers(2)) if value is None else value,
        {"NumPy bool": np.bool_},
        without(ALIEN, "True", "NumPy bool")
        | {"0": constant(0), "1.0": constant(1.0), "list": constant([]), "array": constant(np.array([True]))},
        plain=bool,
    )


def strided(x):
    view = np.full([2 * length for length in x.shape], np.nan)[tuple(slice(None, None, 2) for _ in x.shape)]
    view[...] = x
    return view


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def unaligned(x):
    view = np.zeros(x.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(x.shape)
    view[...] = x
    return view


def entry(value):
    def act(x):
        x = x.copy()
        x.flat[0] = value
        return x

    return act


def leaf(value):
    """Nested lists with ``value`` as the first leaf."""

    def act(x):
        nested = x.tolist()
        inner = nested
        while isinstance(inner[0], list):
            inner = inner[0]
        inner[0] = value
        return nested

    return act


def masked(x):
    return np.ma.array(x, mask=np.arange(x.size).reshape(x.shape) == 0)


def frame(x, dtype=None):
    """A DataFrame, or a Series of one dimension; of three dimensions nothing changes."""
    if x.ndim > 2:
        return x
    data = pd.Series(x) if x.ndim == 1 else pd.DataFrame(x, columns=[f"c{j}" for j in range(x.shape[1])])
    return data if dtype is None else data.astype(dtype)


def worded(x):
    """A frame whose last column is text."""
    return frame(x).assign(c="setosa") if x.ndim == 2 else ["setosa"] * len(x)


def zero_row(x):
    x = x.copy()
    x[0] = 0.0
    return x


def repeated(x):
    x = x.copy()
    x[:] = x[0]
    return x


SAME_ARRAYS = {
    "fortran": np.asfortranarray,
    "strided": strided,
    "backwards": lambda x: np.flip(np.flip(x).copy()),
    "read-only": read_only,
    "unaligned": unaligned,
    "big-endian": lambda x: x.astype(">f8"),
    "float32": lambda x: x.astype(np.float32),
    "float16": lambda x: np.clip(x, -6e4, 6e4).astype(np.float16),
    "ints": lambda x: np.rint(8 * x).astype(np.int64),
    "int8": lambda x: np.rint(8 * x).astype(np.int8),
    "uint8": lambda x: np.rint(8 * np.abs(x)).astype(np.uint8),
    "lists": lambda x: x.tolist(),
    "tuple": lambda x: tuple(x),
    "int lists": lambda x: np.rint(8 * x).astype(int).tolist(),
    "pandas": frame,
    "pandas float32": lambda x: frame(x, "float32"),
    "pandas nullable": lambda x: frame(x, "Float64"),
}
BAD_ARRAYS = {
    **without(ALIEN, "masked"),
    "number": constant(1.5),
    "nan": entry(np.nan),
    "inf": entry(np.inf),
    "-inf": entry(-np.inf),
    "complex array": lambda x: x + 1j,
    "real complex array": lambda x: x + 0j,
    "masked array": masked,
    "rows of masked": lambda x: list(masked(x)) if x.ndim > 1 else [np.ma.masked, *x[1:]],
    "dates": lambda x: np.full(x.shape, np.datetime64("2020-01-01")),
    "time differences": lambda x: np.full(x.shape, np.timedelta64(3, "D")),
    "texts": lambda x: x.astype(str),
    "byte texts": lambda x: x.astype("S8"),
    "objects": lambda x: x.astype(object),
    "Decimals": lambda x: np.vectorize(Decimal, otypes=[object])(x),
    "bools": lambda x: x > 0,
    "list with bool": leaf(True),
    "list with None": leaf(None),
    "list with text": leaf("1"),
    "list with large int": leaf(2**53 + 1),
    "list with complex": leaf(1j),
    "list with list": leaf([[1.0], 2.0]),  # ragged: [1.0, 2.0] for the only number of a vector is a matrix
    "large ints": lambda x: np.full(x.shape, 2**62),
    "large unsigned": lambda x: np.full(x.shape, 2**64 - 1, np.uint64),
    "huge ints": lambda x: np.full(x.shape, HUGE, object).tolist(),
    "records": lambda x: np.zeros(x.shape, [("a", float)]),
    "longdouble": lambda x: x.astype(np.longdouble),
    "axis": lambda x: x[None, None],
    "flat": lambda x: x.reshape(()) if x.size == 1 else x.reshape(-1, 1, 1, 1),
    "column": lambda x: x[:, None] if x.ndim == 1 else x[..., None],
    "empty": lambda x: x[:0],
    "empty list": constant([]),
    "no columns": lambda x: x[..., :0],
    "sparse": lambda x: scipy.sparse.csr_matrix(np.atleast_2d(x.reshape(len(x), -1))),
    "pandas with text": worded,
    "pandas bools": lambda x: frame(x > 0),
}
if np.dtype(np.longdouble).itemsize == 8:
    del BAD_ARRAYS["longdouble"]
FREE_ARRAYS = {
    **{f"entry {value:.0e}": entry(value) for value in (1e300, -1e300, 1e200, 1e-300, 5e-324, 0.0, -0.0, -1.0, 1.7e308)},
    **{f"scale {s:.0e}": lambda x, s=s: x * s for s in (1e300, 1e200, 1e150, 1e78, 1e8, 1e-8, 1e-82, 1e-90, 1e-150, 1e-300)},
    "scale 30": lambda x: 30 * x,
    "zeros": np.zeros_like,
    "zero row": zero_row,
    "equal rows": repeated,
    "opposite": np.negative,
    "nearly equal rows": lambda x: repeated(x) * (1 + 1e-12 * np.arange(x.size).reshape(x.shape)),
    "one row less": lambda x: x[1:],
    "one column less": lambda x: x[..., 1:],
    "transposed": lambda x: x.T,
    "row twice": lambda x: np.concatenate([x, x]),
    "2^53": lambda x: np.full(x.shape, 2**53),
}  # fmt: skip


def array(shape, draw=None):
    """Entries: multiples of 1/8 that are not 0, at most 3 in size; ``shape`` holds letters of `SIZES` and numbers."""

    def entries(rng, sizes):
        lengths = [sizes.get(letter, letter) for letter in shape]
        return rng.integers(1, 25, lengths) * rng.choice([-1.0, 1.0], lengths) / 8

    return Kind(draw or entries, SAME_ARRAYS, BAD_ARRAYS, FREE_ARRAYS, lambda x: np.array(x, dtype=float, order="C"))


def unit_rows(rng, sizes):
    """Rows of norm 1 in at least two dimensions, so that no two are equal or opposite."""
    x = rng.normal(size=(sizes["n"], max(2, sizes["d"])))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def plane(rng, sizes):
    """(m, d) weights for `unit_rows`."""
    return rng.normal(size=(sizes["m"], max(2, sizes["d"])))


def two_rows(rng, sizes):
    """Two unit rows in the plane."""
    return unit_rows(rng, {"n": 2, "d": 2})


def positive_definite(rng, sizes):
    """(n, n), multiples of 1/64."""
    A = rng.integers(-8, 9, (sizes["n"], sizes["n"])) / 8
    return A @ A.T + np.eye(len(A))


def definite_layers(rng, sizes):
    """(L+1, n, n)."""
    return np.stack([positive_definite(rng, sizes) for _ in range(sizes["L"] + 1)])


WIDTHS = Kind(
    lambda rng, _: np.cumsum(rng.integers(1, 4, rng.integers(1, 4))).tolist(),
    {"tuple": tuple, "array": np.array, "int8": lambda x: np.array(x, np.int8)},
    ALIEN
    | {"empty": constant([]), "0": constant([0, 2]), "equal": constant([2, 2]), "falling": constant([3, 2])}
    | {"floats": lambda x: [float(m) for m in x], "with None": constant([1, None]), "huge int": constant([HUGE])}
    | {"bool": constant([True, 2]), "nan": constant([np.nan]), "nested": constant([[1, 2]]), "number": constant(3)},
    plain=lambda x: [int(m) for m in x],
)  # fmt: skip


def increasing(rng, sizes):
    """(t,), from above 0."""
    return np.cumsum(rng.integers(1, 8, sizes["t"]) / 8)


def symmetric_stack(rng, sizes):
    A = rng.integers(-8, 9, (sizes["N"], sizes["p"], sizes["p"])) / 8
    return A + A.transpose(0, 2, 1)


def orthonormal(rng, sizes):
    return np.eye(max(sizes["N"], sizes["p"]))[: sizes["N"], : sizes["p"]]


def one_of(*values, bad=None):
    """An object: ``values`` are functions of (rng, sizes)."""
    return Kind(
        lambda rng, sizes: values[rng.integers(len(values))](rng, sizes),
        {},
        (ALIEN if bad is None else bad) | {"tuple": constant((np.ones((2, 2)), np.ones(2)))},
    )


def entries(*shape):
    return array(shape).draw


def draw_parameters(rng, sizes):
    m, d, L = sizes["m"], sizes["d"], sizes["L"]
    normal = rng.normal
    return Parameters(tuple(normal(size=(m, m if l else d)) for l in range(L)), normal(size=m))


def scaled(factor):
    return lambda params: Parameters(tuple(factor * W for W in params.weights), factor * params.output)


PARAMETERS = replace(
    one_of(draw_parameters),
    free={f"scale {s:g}": scaled(s) for s in (0.0, 1e140, 1e60, 1e-140, 1e-300)}
    | {"output 1e140": lambda p: Parameters(p.weights, 1e140 * p.output), "other width": lambda p: Parameters(
        (np.ones((2, p.input_dim)),), np.ones(2)), "other inputs": lambda p: Parameters((np.ones((2, 7)),), np.ones(2))},
)  # fmt: skip
STREAMED = one_of(lambda rng, sizes: StreamedParameters(int(rng.integers(99)), sizes["d"], sizes["m"], sizes["L"]))
MODEL = one_of(
    lambda rng, sizes: ComponentwiseMap("sin"),
    lambda rng, sizes: ComponentwiseMap("cubic"),
    lambda rng, sizes: QuadraticMap(np.eye(sizes["p"]), np.zeros((sizes["p"],) * 3)),
    lambda rng, sizes: Centred(ComponentwiseMap("parabola"), np.zeros(sizes["p"])),
    lambda rng, sizes: TwoLayerModel(np.ones((sizes["p"], 1)), "tanh", np.ones(sizes["p"])),
)
BLOCK_MODEL = one_of(
    lambda rng, sizes: ResidualNetwork(entries("n", "d")(rng, sizes), "tanh", 1.5, sizes["m"], sizes["L"]),
    lambda rng, sizes: ConvolutionalNetwork(entries("n", 3, "c")(rng, sizes), "relu", 1.5, sizes["m"], sizes["L"], 2),
)
LOSS = one_of(
    lambda rng, sizes: SquareLoss(entries("p")(rng, sizes)),
    lambda rng, sizes: LogCoshLoss(entries("p")(rng, sizes), 0.5, 2.0),
)
FUNCTION = replace(
    one_of(*(lambda *_, f=f: f for f in (np.sin, np.tanh, np.cos)), bad=without(ALIEN, "function", "type")),
    free={
        "kinked": constant(np.abs),
        "step": constant(np.sign),
        "explodes": constant(lambda u: np.exp(u**2)),
        "nan": constant(lambda u: u * np.nan),
        "shape": constant(lambda u: np.ones(3)),
        "number": constant(lambda u: 1.0),
        "zero": constant(np.zeros_like),
        "complex": constant(lambda u: np.exp(1j * u)),
        "texts": constant(lambda u: "a"),
    },
)  # fmt: skip
CALLBACK = Kind(lambda *_: None, {"function": constant(lambda *_: None)}, without(ALIEN, "None", "function", "type"))
