"""The normalised network: parameters, their initialisation, and the forward pass."""

from dataclasses import dataclass

import numpy as np

from argument_validation import validate_array, validate_count, validate_inputs, validate_name, validate_positive
from kernels.activations import ACTIVATIONS, activate
from kernels.random_weights import normal_matrix


@dataclass(frozen=True)
class Parameters:
    """Weights of a network with L hidden layers of width m on inputs of dimension d.

    Attributes
    ----------
    weights : W^1 (m, d), W^2 (m, m), …, W^L (m, m).
    output : a (m,).

    Raises ValueError for shapes that do not fit or entries that are not finite. Copies nothing that is already
    C-ordered float64.
    """

    weights: tuple[np.ndarray, ...]
    output: np.ndarray

    def __post_init__(self) -> None:
        if not isinstance(self.weights, tuple | list) or not self.weights:
            raise ValueError(f"`weights` must be a non-empty tuple of matrices, got {type(self.weights).__name__}")
        first = validate_array(self.weights[0], "weights[0]", ("m", "d"))
        m = len(first)
        rest = [validate_array(W, f"weights[{l}]", (m, m)) for l, W in enumerate(self.weights[1:], start=1)]
        object.__setattr__(self, "weights", (first, *rest))
        object.__setattr__(self, "output", validate_array(self.output, "output", (m,)))

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
    ValueError for numbers that are not whole or too small.
    """
    d = validate_count(input_dim, "input_dim")
    m = validate_count(width, "width")
    L = validate_count(hidden_layers, "hidden_layers")
    seed = validate_count(seed, "seed", least=0)
    weights = tuple(normal_matrix(seed, l, m, d if l == 0 else m) for l in range(L))
    return Parameters(weights, normal_matrix(seed, L, 1, m)[0])


def validate_network(params: Parameters, X: object, activation: str, kappa: float) -> tuple[np.ndarray, float]:
    """Return ``X`` (n, d) and κ as the code works with them, or raise one ValueError."""
    if not isinstance(params, Parameters):
        raise ValueError(f"`params` must be Parameters (see init_parameters), got {type(params).__name__}")
    validate_name(activation, ACTIVATIONS, "activation")
    return validate_inputs(X, columns=params.input_dim), validate_positive(kappa, "kappa")


def hidden_layer(W: np.ndarray, previous: np.ndarray, activation: str, *, first: bool) -> tuple[np.ndarray, np.ndarray]:
    """σ(z) and σ'(z), both (m, n), for z = W x (first layer) or W x/√m, x the (·, n) columns of ``previous``."""
    z = W @ previous
    if not first:
        z *= 1 / np.sqrt(len(W))
    derivative = activate(activation, z)
    return z, derivative


def outputs_of(arrays: tuple[np.ndarray, ...], inputs: np.ndarray, activation: str, kappa: float) -> np.ndarray:
    """f on the columns of ``inputs`` (d, n) for weights (W^1, …, W^L, a), (n,); nothing is checked."""
    *weights, output = arrays
    values = inputs
    for l, W in enumerate(weights):
        values, _ = hidden_layer(W, values, activation, first=l == 0)
    return kappa / len(output) * (output @ values)


def forward(params: Parameters, X: np.ndarray, *, activation: str, kappa: float) -> np.ndarray:
    """Outputs f(x) = (κ/m) a·x^L of the normalised network, (n,).

    z^1 = W^1 x, z^l = W^l x^{l−1}/√m for l ≥ 2, x^l = σ(z^l).

    Parameters
    ----------
    params : weights, see `Parameters`.
    X : (n, d) inputs without zero rows.
    activation : name of σ, see `kernels.activations`.
    kappa : output scale κ > 0.

    Raises
    ------
    ValueError for shapes that do not fit, non-finite or zero rows, an unknown activation, κ that is not positive.
    """
    X, kappa = validate_network(params, X, activation, kappa)
    return outputs_of(params.arrays, X.T, activation, kappa)
