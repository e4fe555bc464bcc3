"""Residual networks as maps of their weights."""

from dataclasses import dataclass, replace

import numpy as np

from argument_validation import (
    validate_array,
    validate_count,
    validate_depth,
    validate_flag,
    validate_name,
    validate_not_negative,
    validate_positive,
)
from kernels.activations import ACTIVATIONS, activate
from kernels.models import CountedWeights
from kernels.network import LARGEST, finite_at_scale
from kernels.random_weights import INDICES, normal_matrix


@dataclass(frozen=True)
class ResidualNetwork(CountedWeights):
    """x^1 = σ(W^1x), x^l = x^{l−1} + (s/√m) V^l σ(W^l x^{l−1}/√m) for l = 2..L, f = (κ/m) a·x^L, as a map of all weights.

    w holds W^1 (m, d), W^2, V^2, …, W^L, V^L (m, m) and a (m,), flattened, in this order. Without ``second_weights`` there are
    no V: x^l = x^{l−1} + s σ(W^l x^{l−1}/√m).

    ``X`` (n, d); ``activation``; ``kappa`` κ; ``width`` m; ``hidden_layers`` L; ``branch_scale`` s ≥ 0. Raises ValueError for
    values outside their range.
    """

    X: np.ndarray
    activation: str
    kappa: float
    width: int
    hidden_layers: int
    branch_scale: float = 1.0
    second_weights: bool = True

    def __post_init__(self) -> None:
        validate_name(self.activation, ACTIVATIONS, "activation")
        object.__setattr__(self, "width", validate_count(self.width, "width", most=INDICES))
        object.__setattr__(self, "hidden_layers", validate_depth(self.hidden_layers))
        object.__setattr__(self, "X", validate_array(self.X, "X", ("n", "d"), largest=LARGEST))
        object.__setattr__(self, "kappa", validate_positive(self.kappa, "kappa"))
        object.__setattr__(self, "branch_scale", validate_not_negative(self.branch_scale, "branch_scale"))
        validate_flag(self.second_weights, "second_weights")

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of the blocks of w, a as one row."""
        m, per_layer = self.width, 2 if self.second_weights else 1
        return [(m, self.X.shape[1])] + [(m, m)] * (per_layer * (self.hidden_layers - 1)) + [(1, m)]

    def at(self, X: np.ndarray) -> "ResidualNetwork":
        """The same network on other inputs."""
        return replace(self, X=X)

    def initial(self, seed: int) -> np.ndarray:
        """Weights from N(0, 1), (p,); a function of the seed, and nested in the width."""
        return np.concatenate([normal_matrix(seed, b, *shape).ravel() for b, shape in enumerate(self.shapes)])

    def _value(self, w: np.ndarray) -> np.ndarray:
        blocks = self.split(w)
        values, _ = self._forward(blocks)
        return self.kappa / self.width * (blocks[-1] @ values[-1])[0]

    def _derivative(self, w: np.ndarray) -> np.ndarray:
        J, start = np.empty((len(self.X), len(w))), 0
        for left, right in self._factors(self.split(w)):
            stop = start + len(left) * len(right)
            block = J[:, start:stop].reshape(len(J), len(left), len(right))
            np.multiply(left.T[:, :, None], right.T[:, None, :], out=block)
            start = stop
        return J

    def block_grams(self, w: np.ndarray) -> np.ndarray:
        """Gram matrix J_bJ_bᵀ of every block of weights, (2L, n, n), without V (L+1, n, n); their sum is JJᵀ.

        ValueError where one overflows: it names κ, the inputs or the weights, whichever is the cause.
        """
        w = validate_array(w, "w", (len(self._weights(w)),), largest=LARGEST)
        return finite_at_scale(
            lambda kappa: replace(self, kappa=kappa)._block_grams(self.split(w)), self.kappa, self.X, [w], "w"
        )

    def _block_grams(self, blocks: list[np.ndarray]) -> np.ndarray:
        grams = [(_transposed(left) @ left) * (_transposed(right) @ right) for left, right in self._factors(blocks)]
        return np.stack(grams, axis=-3)

    def _forward(self, blocks: list[np.ndarray]) -> tuple[list[np.ndarray], list[tuple[np.ndarray, np.ndarray]]]:
        """x^1 … x^L, and σ(z^l), σ'(z^l) of every layer, all (m, n); as in `_factors`, blocks may have leading axes."""
        values, branches, root = [], [], np.sqrt(self.width)
        for l in range(self.hidden_layers):
            z = blocks[0] @ self.X.T if l == 0 else self._inner(blocks, l) @ values[-1] / root
            derivative = activate(self.activation, z)
            branches.append((z, derivative))
            if l == 0:
                values.append(z)
            elif self.second_weights:
                values.append(values[-1] + self.branch_scale / root * (blocks[2 * l] @ z))
            else:
                values.append(values[-1] + self.branch_scale * z)
        return values, branches

    def _inner(self, blocks: list[np.ndarray], l: int) -> np.ndarray:
        """W of layer l + 1 ≥ 2."""
        return blocks[2 * l - 1 if self.second_weights else l]

    def _factors(self, blocks: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """For every block (rows, n) and (columns, n): ∂f(x_i)/∂block is the outer product of their columns i."""
        s, root = self.branch_scale, np.sqrt(self.width)
        values, branches = self._forward(blocks)
        n = len(self.X)
        factors = [(np.full((1, n), self.kappa / self.width), values[-1])]
        back = np.repeat(self.kappa / self.width * _transposed(blocks[-1]), n, axis=-1)  # ∂f/∂x^L
        for l in range(self.hidden_layers - 1, 0, -1):
            feature, derivative = branches[l]
            if self.second_weights:
                factors.append((s / root * back, feature))
                inner = s / root * (_transposed(blocks[2 * l]) @ back)
            else:
                inner = s * back
            inner = derivative * inner / root
            factors.append((inner, values[l - 1]))
            back = back + _transposed(self._inner(blocks, l)) @ inner
        factors.append((branches[0][1] * back, self.X.T))
        return factors[::-1]


def _transposed(matrices: np.ndarray) -> np.ndarray:
    """The transposed matrix, or each of a stack."""
    return matrices.swapaxes(-1, -2)
