"""One-dimensional circular convolutional networks without pooling as maps of their weights."""

from dataclasses import dataclass, replace

import numpy as np

from argument_validation import validate_array, validate_count, validate_depth, validate_name, validate_positive
from kernels.activations import ACTIVATIONS, activate
from kernels.models import CountedWeights
from kernels.network import LARGEST, finite_at_scale
from kernels.random_weights import INDICES, normal_matrix


@dataclass(frozen=True)
class ConvolutionalNetwork(CountedWeights):
    """P positions on a circle, q taps o = 0..q−1, m channels, as a map of all weights:

        z^1_p = q^{−1/2} Σ_o W^1_o x_{p+o},  z^l_p = (qm)^{−1/2} Σ_o W^l_o x^{l−1}_{p+o} for l ≥ 2,
        x^l_p = σ(z^l_p),  f = κ/(m√P) Σ_p a_p·x^L_p.

    w holds W^1 (m, q c), W^2, …, W^L (m, q m), the taps side by side, and a (P, m), flattened, in this order.

    ``X`` (n, P, c); ``activation``; ``kappa`` κ; ``width`` m; ``hidden_layers`` L; ``taps`` q ≤ P. Raises ValueError for values
    outside their range.
    """

    X: np.ndarray
    activation: str
    kappa: float
    width: int
    hidden_layers: int
    taps: int

    def __post_init__(self) -> None:
        validate_name(self.activation, ACTIVATIONS, "activation")
        object.__setattr__(self, "width", validate_count(self.width, "width", most=INDICES))
        object.__setattr__(self, "hidden_layers", validate_depth(self.hidden_layers))
        X = validate_array(self.X, "X", ("n", "P", "c"), largest=LARGEST)
        object.__setattr__(self, "taps", validate_count(self.taps, "taps"))
        if self.taps > X.shape[1]:
            raise ValueError(f"`taps` must be at most the number of positions, {X.shape[1]}, got {self.taps}")
        object.__setattr__(self, "X", X)
        object.__setattr__(self, "kappa", validate_positive(self.kappa, "kappa"))

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of the blocks of w."""
        m, q = self.width, self.taps
        return [(m, q * self.X.shape[2])] + [(m, q * m)] * (self.hidden_layers - 1) + [(self.X.shape[1], m)]

    def at(self, X: np.ndarray) -> "ConvolutionalNetwork":
        """The same network on other inputs."""
        return replace(self, X=X)

    def initial(self, seed: int) -> np.ndarray:
        """Weights from N(0, 1), (p,); a function of the seed, and nested in the width."""
        *layers, (P, m), q = *self.shapes, self.taps
        blocks = [
            np.hstack([normal_matrix(seed, l * q + o, rows, columns // q) for o in range(q)])
            for l, (rows, columns) in enumerate(layers)
        ]
        return np.concatenate([block.ravel() for block in [*blocks, normal_matrix(seed, len(layers) * q, P, m)]])

    def _value(self, w: np.ndarray) -> np.ndarray:
        blocks = self.split(w)
        values = self._forward(blocks)[0]
        n = len(self.X)
        return self._output_scale * (values.reshape(n, -1) @ blocks[-1].ravel())

    def _derivative(self, w: np.ndarray) -> np.ndarray:
        n = len(self.X)
        J, start = np.empty((n, len(w))), 0
        output, layers = self._factors(self.split(w))
        for left, right in layers:
            rows, columns = left.shape[2], right.shape[2]
            stop = start + rows * columns
            np.matmul(left.transpose(0, 2, 1), right, out=J[:, start:stop].reshape(n, rows, columns))
            start = stop
        J[:, start:] = output.reshape(n, -1)
        return J

    def block_grams(self, w: np.ndarray) -> np.ndarray:
        """Gram matrix J_bJ_bᵀ of every block of weights, (L+1, n, n); their sum is JJᵀ.

        ∂f(x_i)/∂W^l = Σ_p left_{ip} right_{ip}ᵀ, so the entry of i and j is Σ_{p,p'} ⟨left_ip, left_jp'⟩⟨right_ip, right_jp'⟩.
        ValueError where one overflows: it names κ, the inputs or the weights, whichever is the cause.
        """
        w = validate_array(w, "w", (len(self._weights(w)),), largest=LARGEST)
        return finite_at_scale(
            lambda kappa: replace(self, kappa=kappa)._block_grams(self.split(w)), self.kappa, self.X, [w], "w"
        )

    def _block_grams(self, blocks: list[np.ndarray]) -> np.ndarray:
        n, P, _ = self.X.shape
        lead = blocks[0].shape[:-2]
        output, layers = self._factors(blocks)
        grams = []
        for left, right in layers:
            left, right = (factor.reshape(*factor.shape[:-3], n * P, -1) for factor in (left, right))
            products = (left @ left.swapaxes(-1, -2)) * (right @ right.swapaxes(-1, -2))
            grams.append(products.reshape(*lead, n, P, n, P).sum(axis=(-3, -1)))
        output = output.reshape(*lead, n, -1)
        return np.stack([*grams, output @ output.swapaxes(-1, -2)], axis=-3)

    @property
    def _output_scale(self) -> float:
        """κ/(m√P)."""
        return self.kappa / (self.width * np.sqrt(self.X.shape[1]))

    def _patches(self, values: np.ndarray) -> np.ndarray:
        """[x_p, x_{p+1}, …, x_{p+q−1}] at every position: (…, n, P, c) → (…, n, P, q c)."""
        *lead, P, c = values.shape
        return values[..., self._neighbours(1), :].reshape(*lead, P, self.taps * c)

    def _neighbours(self, direction: int) -> np.ndarray:
        """Positions p + ``direction``·o on the circle, (P, q)."""
        P = self.X.shape[1]
        return (np.arange(P)[:, None] + direction * np.arange(self.taps)) % P

    def _forward(self, blocks: list[np.ndarray]) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
        """x^L (n, P, m), and of every layer its scaled patches and σ'(z^l); all behind the leading axes of the blocks."""
        values, layers = self.X, []
        for l, W in enumerate(blocks[:-1]):
            patches = self._patches(values) / np.sqrt(self.taps * (self.width if l else 1))
            values = _times(patches, W.swapaxes(-1, -2))
            layers.append((patches, activate(self.activation, values)))
        return values, layers

    def _factors(self, blocks: list[np.ndarray]) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
        """∂f/∂a (n, P, m), and of every layer ∂f/∂z^l (n, P, m) with its scaled patches."""
        *weights, output = blocks
        values, layers = self._forward(blocks)
        q, m, factors = self.taps, self.width, []
        back = self._output_scale * output[..., None, :, :]  # ∂f/∂x^L, the same for every input
        for l in range(self.hidden_layers - 1, -1, -1):
            patches, derivative = layers[l]
            inner = derivative * back
            factors.append((inner, patches))
            if l:
                tapped = _times(inner, weights[l]).reshape(*inner.shape[:-1], q, m) / np.sqrt(q * m)
                back = tapped[..., self._neighbours(-1), np.arange(q), :].sum(axis=-2)
        return self._output_scale * values, factors[::-1]


def _times(rows: np.ndarray, W: np.ndarray) -> np.ndarray:
    """(…, n, P, c) times (…, c, m): one matrix product for each network, or one for all where the first has no network axes."""
    *lead, n, P, c = rows.shape
    return (rows.reshape(*lead, n * P, c) @ W).reshape(*W.shape[:-2], n, P, W.shape[-1])
