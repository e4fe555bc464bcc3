"""The normalised network: parameters, stored or drawn as they are used, their initialisation, and the forward pass."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import UnionType
from typing import get_args

import numpy as np
from numba import njit

from argument_validation import validate_array, validate_count, validate_depth, validate_name, validate_positive
from kernels.activations import ACTIVATIONS, activate
from kernels.random_weights import INDICES, MOST_WEIGHTS, normal_matrix

LARGEST = 1e150
"""Entries of inputs and weights are at most this in size, so that their products do not overflow."""
BLOCK = 2**17
"""Numbers in one array of a block of a streamed network: a mebibyte, which stays in the second cache."""
LEAST_ROWS = 256
"""A block has at least so many rows, or arrays (m, n) would be read as often as the weights."""


@dataclass(frozen=True)
class Parameters:
    """Weights of a network with L hidden layers of width m on inputs of dimension d.

    Attributes
    ----------
    weights : W^1 (m, d), W^2 (m, m), …, W^L (m, m).
    output : a (m,).

    Raises ValueError for shapes that do not fit or entries that are not finite or above 1e150. Copies nothing that is
    already C-ordered float64.
    """

    weights: tuple[np.ndarray, ...]
    output: np.ndarray

    def __post_init__(self) -> None:
        if not isinstance(self.weights, tuple | list) or not self.weights:
            raise ValueError(f"`weights` must be a non-empty tuple of matrices, got {type(self.weights).__name__}")
        weights, shape = [], ("m", "d")
        for l, W in enumerate(self.weights):
            weights.append(validate_array(W, f"weights[{l}]", shape, largest=LARGEST))
            shape = (len(weights[0]), len(weights[0]))
        object.__setattr__(self, "weights", tuple(weights))
        object.__setattr__(self, "output", validate_array(self.output, "output", shape[:1], largest=LARGEST))

    @classmethod
    def unchecked(cls, arrays: tuple[np.ndarray, ...]) -> "Parameters":
        """Parameters (W^1, …, W^L, a) whose arrays are known to fit; nothing is checked or copied."""
        params = object.__new__(cls)
        object.__setattr__(params, "weights", tuple(arrays[:-1]))
        object.__setattr__(params, "output", arrays[-1])
        return params

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """(W^1, …, W^L, a)."""
        return (*self.weights, self.output)

    @property
    def width(self) -> int:
        """m."""
        return len(self.output)

    @property
    def input_dim(self) -> int:
        """d."""
        return self.weights[0].shape[1]

    @property
    def hidden_layers(self) -> int:
        """L."""
        return len(self.weights)


@dataclass(frozen=True)
class StreamedParameters:
    """The weights of ``init_parameters(seed, input_dim, width, hidden_layers=hidden_layers)``, never stored.

    `layer_grams` and `forward` draw them block by block where they are used. Results are those of the stored weights to
    rounding.

    Parameters
    ----------
    seed : non-negative whole number.
    input_dim, width, hidden_layers : d, m and L, at least 1; d and m at most 2^32.

    Raises
    ------
    ValueError for numbers that are not whole, too small or too large.

    Examples
    --------
    >>> from kernels import StreamedParameters, init_parameters, layer_grams
    >>> stored, streamed = init_parameters(0, 2, 100, hidden_layers=2), StreamedParameters(0, 2, 100, 2)
    >>> X = np.eye(2)
    >>> G, H = (layer_grams(params, X, activation="relu", kappa=1.0) for params in (stored, streamed))
    >>> np.allclose(G, H, rtol=1e-12)
    True
    """

    seed: int
    input_dim: int
    width: int
    hidden_layers: int

    def __post_init__(self) -> None:
        sizes = _validate_sizes(self.seed, self.input_dim, self.width, self.hidden_layers)
        for name, value in zip(("seed", "input_dim", "width", "hidden_layers"), sizes, strict=True):
            object.__setattr__(self, name, value)

    def blocks(self, l: int, n: int) -> Iterator[tuple[slice, np.ndarray]]:
        """(rows, W^{l+1}[rows]) from the first row to the last, for n inputs; the next block overwrites the array."""
        rows, columns = self.block_shape(l, n)
        W = np.empty((rows, columns))
        for first in range(0, self.width, rows):
            count = min(rows, self.width - first)
            block = normal_matrix(self.seed, l, count, columns, first_row=first, out=W[:count])
            yield slice(first, first + count), block

    def output(self, rows: slice) -> np.ndarray:
        """a[rows]."""
        return normal_matrix(self.seed, self.hidden_layers, 1, rows.stop - rows.start, first_column=rows.start)[0]

    def memory(self, n: int) -> int:
        """Bytes that `layer_grams` takes at most, beyond the program, for n inputs at once, those of X and X2 together.

        Blocks of weights, of W^2 … W^L up to two, with σ(z), σ'(z) and a of one block; for L ≥ 2 σ, σ' (m, n) of all
        layers but the last and two arrays (m, n) of the backward pass. Once m is above some thousands it is the same for L = 1.
        """
        n, m, L = validate_count(n, "n"), self.width, self.hidden_layers
        shapes = [self.block_shape(l, n) for l in range(min(L, 3))]  # those of all further layers are equal
        blocks = sum(rows * columns for rows, columns in shapes) + 2 * (n + 1) * max(rows for rows, _ in shapes)
        return 8 * (blocks + (2 * L * m * n if L > 1 else 0) + (L + 4) * n**2)

    def require_memory(self, n: int) -> None:
        """Raise MemoryError where the machine does not have `memory`."""
        if (need := self.memory(n)) > (have := machine_memory()):
            sizes = f"{self.hidden_layers} hidden layers of width {self.width} and {n} inputs"
            raise MemoryError(
                f"`params` must fit into memory: {sizes} take {need:.2g} bytes, this machine has {have:.2g}"
            )

    def block_shape(self, l: int, n: int) -> tuple[int, int]:
        """Rows and columns of a block of W^{l+1}."""
        columns = self.width if l else self.input_dim
        return min(self.width, max(LEAST_ROWS, BLOCK // max(columns, n))), columns


def machine_memory() -> float:
    """Bytes of memory of this machine; inf where the system does not tell."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else np.inf


def _validate_sizes(seed: object, input_dim: object, width: object, hidden_layers: object) -> tuple[int, int, int, int]:
    """Return seed, d, m and L, or raise one ValueError."""
    d = validate_count(input_dim, "input_dim", most=INDICES)
    m = validate_count(width, "width", most=INDICES)
    L = validate_depth(hidden_layers)
    return validate_count(seed, "seed", least=0), d, m, L


def init_parameters(seed: int, input_dim: int, width: int, *, hidden_layers: int) -> Parameters:
    """Draw every weight from N(0, 1).

    Each entry is a function of (``seed``, layer, row, column) alone, bit-identical for any number of threads; the
    network of a smaller width or input dimension is the leading block of a larger one with the same seed.

    Parameters
    ----------
    seed : non-negative whole number.
    input_dim, width, hidden_layers : d, m and L, at least 1.

    Raises
    ------
    ValueError for numbers that are not whole, too small, or of more than 2^36 weights together.
    """
    seed, d, m, L = _validate_sizes(seed, input_dim, width, hidden_layers)
    if d * m + (L - 1) * m**2 + m > MOST_WEIGHTS:
        raise ValueError(f"`width`, `input_dim` and `hidden_layers` must give at most 2^36 weights, got {m}, {d}, {L}")
    weights = tuple(normal_matrix(seed, l, m, d if l == 0 else m) for l in range(L))
    return Parameters.unchecked((*weights, normal_matrix(seed, L, 1, m)[0]))


def validate_network(
    params: object, X: object, activation: str, kappa: float, *, kinds: type | UnionType = Parameters
) -> tuple[np.ndarray, float]:
    """Return ``X`` (n, d) and κ as the code works with them, or raise one ValueError; ``kinds`` of parameters are accepted."""
    if not isinstance(params, kinds):
        accepted = " or ".join(kind.__name__ for kind in get_args(kinds) or (kinds,))
        raise ValueError(f"`params` must be {accepted} (see init_parameters), got {type(params).__name__}")
    validate_name(activation, ACTIVATIONS, "activation")
    return validate_array(X, "X", ("n", params.input_dim), largest=LARGEST), validate_positive(kappa, "kappa")


def finite_at_scale(
    compute: Callable[[float], np.ndarray],
    kappa: float,
    X: np.ndarray,
    weights: Sequence[np.ndarray] = (),
    name: str = "",
) -> np.ndarray:
    """``compute(kappa)`` if it is finite; else one ValueError that names what made it overflow.

    That is κ where κ = 1 gives finite numbers, otherwise the inputs or the ``weights``, called ``name``, which ever are larger.
    Without ``weights``, for normal ones, it is the inputs.
    """
    with np.errstate(all="ignore"):
        result = compute(kappa)
        if np.isfinite(result).all():
            return result
        if np.isfinite(compute(1.0)).all():
            raise ValueError(f"`kappa` must leave the result finite, got {kappa:g}")
    size, largest = float(np.abs(X).max()), max((float(np.abs(W).max()) for W in weights), default=0)
    name, size = ("X", size) if size >= largest else (name, largest)
    raise ValueError(f"`{name}` must leave the result finite, got entries of up to {size:g}")


def hidden_layer(
    W: np.ndarray,
    previous: np.ndarray,
    activation: str,
    *,
    first: bool,
    out: tuple[np.ndarray | None, np.ndarray | None] = (None, None),
) -> tuple[np.ndarray, np.ndarray]:
    """σ(z) and σ'(z), both (rows of W, n), for z = W x (first layer) or W x/√m, x the (·, n) columns of ``previous``."""
    z, derivative = out
    if z is None:
        z = W @ previous
    elif type(W) is np.ndarray:
        np.matmul(W, previous, out=z)
    else:  # a matrix that is kept as a sum has no product into a given array
        z[:] = W @ previous
    if not first:
        z *= 1 / np.sqrt(W.shape[1])
    return z, activate(activation, z, out=derivative)


@njit(cache=True, error_model="numpy", nogil=True)
def scale_rows(matrix: np.ndarray, factors: np.ndarray) -> None:
    """Multiply row k of ``matrix`` by factor k, in place; for short rows NumPy takes twice the time."""
    for k in range(len(matrix)):
        for j in range(matrix.shape[1]):
            matrix[k, j] *= factors[k]


def outputs_of(arrays: tuple[np.ndarray, ...], inputs: np.ndarray, activation: str, kappa: float) -> np.ndarray:
    """f on the columns of ``inputs`` (d, n) for weights (W^1, …, W^L, a), (n,); nothing is checked."""
    *weights, output = arrays
    values = inputs
    for l, W in enumerate(weights):
        values, _ = hidden_layer(W, values, activation, first=l == 0)
    return kappa / len(output) * (output @ values)


def forward(params: Parameters | StreamedParameters, X: np.ndarray, *, activation: str, kappa: float) -> np.ndarray:
    """Outputs f(x) = (κ/m) a·x^L of the normalised network, (n,).

    z^1 = W^1 x, z^l = W^l x^{l−1}/√m for l ≥ 2, x^l = σ(z^l).

    Parameters
    ----------
    params : weights, see `Parameters`, or `StreamedParameters`.
    X : (n, d) inputs, entries at most 1e150 in size.
    activation : name of σ, see `kernels.activations`.
    kappa : output scale κ > 0.

    Raises
    ------
    ValueError for shapes that do not fit, numbers that are not finite, an unknown activation, κ that is not positive, and
    outputs that overflow: it names κ, the inputs or the weights, whichever is the cause. MemoryError where a streamed network
    does not fit into memory.
    """
    X, kappa = validate_network(params, X, activation, kappa, kinds=Parameters | StreamedParameters)
    if isinstance(params, StreamedParameters):
        total = streamed_total(params, X.T, activation)
        return finite_at_scale(lambda kappa: kappa / params.width * total, kappa, X)
    outputs = partial(outputs_of, params.arrays, X.T, activation)
    return finite_at_scale(outputs, kappa, X, params.arrays, "params")


def streamed_total(params: StreamedParameters, inputs: np.ndarray, activation: str) -> np.ndarray:
    """a·x^L on the columns of ``inputs`` (d, n), (n,); every weight is drawn once."""
    n, last = inputs.shape[1], params.hidden_layers - 1
    params.require_memory(n)
    values, total = inputs, np.zeros(n)
    with np.errstate(all="ignore"):
        for l in range(last):
            previous, values = values, np.empty((params.width, n))
            for rows, W in params.blocks(l, n):
                hidden_layer(W, previous, activation, first=l == 0, out=(values[rows], None))
        for rows, W in params.blocks(last, n):
            value, _ = hidden_layer(W, values, activation, first=last == 0)
            total += params.output(rows) @ value
    return total
