"""Gradient flow of the normalised network as the integrator sees it: points, Gram matrices and sums of gradients."""

from collections.abc import Iterable

import numpy as np
from numba import njit

from kernels.activations import KINKED
from kernels.exponential_scheme import UNIT, Point, Spectrum, State, Terms, gram_spectrum, length
from kernels.gram import Factors, layer_products, propagate
from kernels.losses import Loss
from kernels.network import Parameters
from kernels.updated_matrix import LEAST, UpdatedMatrix, square_distance, updated_matrices

CANCELLED = 1e-9  # share of the terms of a square that may be left of it, for it to be right to five digits
CACHED, ROWS = 2**14, 32  # entries of a matrix that are worked on together, while they are in the cache, and least rows
ALL = (slice(None),)


class NetworkProblem:
    """Outputs f(x_i) of a network as a function of θ = (W^1, …, W^L, a), with one learning rate a layer.

    The Jacobian J = Df is never formed: a point keeps the factors A^l, B^l of every layer, (m, n) each, and with the rates r_l

        G_PQ = J_P S J_Qᵀ = Σ_l r_l (A_PᵀA_Q) ∘ (B_PᵀB_Q),    S J_Pᵀc for layer l: r_l B_P diag(c) A_Pᵀ

    up to the factors 1/√m and κ/m, see `kernels.gram`.

    Parameters
    ----------
    inputs : Xᵀ (d, n), C-ordered. loss : of the outputs. activation, kappa : σ and κ. rates : r (L+1,), not negative.
    """

    def __init__(self, inputs: np.ndarray, loss: Loss, *, activation: str, kappa: float, rates: np.ndarray) -> None:
        self.inputs, self.loss, self.activation, self.kappa, self.rates = inputs, loss, activation, kappa, rates
        self.largest_rate, self.kinked = float(rates.max()), activation in KINKED
        self.known: tuple[np.ndarray | None, np.ndarray | None] = None, None  # outputs, not a point: that holds factors
        self.kept: tuple[State | None, Point | None] = None, None
        self.measured: tuple[State | None, np.ndarray | None] = None, None
        with np.errstate(over="ignore"):
            self.products_of_inputs = inputs.T @ inputs

    def factors(self, theta: State) -> Factors:
        """Forward and backward pass."""
        return propagate(Parameters.unchecked(theta), self.inputs, self.activation, self.kappa)

    def keep(self, theta: State, point: Point) -> None:
        """Let the next call of `point` be for ``theta``, whose point is known."""
        self.kept = theta, point

    def point(self, theta: State) -> Point:
        """Outputs, loss and factors at θ."""
        kept, self.kept = self.kept, (None, None)
        if kept[0] is theta:
            return kept[1]
        factors = self.factors(theta)
        outputs = factors.output_scale * (theta[-1] @ factors.values[-1])
        return Point(outputs, *self.loss.evaluate(outputs), factors)

    def rounding(self, theta: State, point: Point) -> np.ndarray:
        """Four units in the last place of (κ/m)‖a‖‖x^L‖, which bounds the sums (κ/m) Σ_k |a_k x^L_k|, (n,)."""
        values = point.factors.values[-1]
        squares = np.zeros(values.shape[1])
        _column_squares_jit(values, squares)
        return 4 * UNIT * point.factors.output_scale * length(theta[-1]) * np.sqrt(squares)

    def gram(self, P: Point, Q: Point) -> np.ndarray:
        """G_PQ (n, n); that of the last P = Q is kept, which is asked for again where kernels are recorded."""
        if P is Q and P.outputs is self.known[0]:
            return self.known[1]
        layers = layer_products(P.factors, Q.factors, self.products_of_inputs)
        G = sum(rate * G for rate, G in zip(self.rates, layers, strict=True))
        if P is Q:
            self.known = P.outputs, G
        return G

    def spectrum(self, here: Point, root: np.ndarray) -> Spectrum | None:
        """From the Gram matrix: the Jacobian is not stored."""
        return gram_spectrum(self.gram(here, here), root)

    def collect(self, terms: Terms) -> Terms:
        """As they are: a vector would be another copy of the weights."""
        return terms

    def rooms(self, start: State) -> tuple[State, State]:
        """Two states; what training adds to a large W^l, l ≥ 2, is kept as factors, see `UpdatedMatrix`."""
        pairs = [
            updated_matrices(W) if 0 < l < len(start) - 1 and len(W) >= LEAST else (np.empty_like(W), np.empty_like(W))
            for l, W in enumerate(start)
        ]
        return tuple(zip(*pairs, strict=True))

    def add(self, base: State | None, terms: Terms, out: State) -> None:
        """base + Σ_P S J_Pᵀc_P."""
        for l, pairs in enumerate(self.products(terms)):
            target, source = out[l], None if base is None else base[l]
            if isinstance(target, UpdatedMatrix):
                if source is not None and target.append(source, *pairs[0]):
                    continue
                source = source.fill() if isinstance(source, UpdatedMatrix) else source
                target = target.blank()
            target = target.reshape(len(target), -1)
            for rows in blocks(target.shape):
                part = summed(pairs, rows, target[rows])
                if source is not None:
                    part += source.reshape(target.shape)[rows]

    def norm(self, terms: Terms) -> float:
        """‖Σ_P S J_Pᵀc_P‖₂; where little cancels ‖BA‖² is the sum over (BᵀB) ∘ (AAᵀ)."""
        total = 0.0
        for l, pairs in enumerate(self.products(terms)):
            B, A = pairs[0]
            if 0 < l < len(self.rates) - 1 and len(B) >= LEAST:
                squares = (B.T @ B) * (A @ A.T)
                square = float(squares.sum())
                if square > CANCELLED * np.abs(squares).sum():
                    total += square
                    continue
            for rows in blocks((len(B), A.shape[1])):
                part = summed(pairs, rows).reshape(-1)
                total += part @ part
        return float(np.sqrt(total))

    def products(self, terms: Terms) -> list[list[tuple[np.ndarray, np.ndarray]]]:
        """For every array of Σ_P S J_Pᵀc_P pairs (m, k) and (k, columns) whose products add up to it."""
        m, scale = len(terms[0][0].factors.backs[0]), terms[0][0].factors.output_scale
        layers = [[(P.factors.backs[0], (self.rates[0] * c)[:, None] * self.inputs.T) for P, c in terms]]
        for l in range(1, len(self.rates) - 1):  # side by side the products of all points are one
            values = np.hstack([P.factors.values[l] * (self.rates[l] / np.sqrt(m) * c) for P, c in terms])
            layers.append([(np.hstack([P.factors.backs[l] for P, _ in terms]), values.T)])
        return [*layers, [(P.factors.values[-1], (self.rates[-1] * scale * c)[:, None]) for P, c in terms]]

    def distance(self, theta: State, base: State | None) -> float:
        """‖θ − base‖₂."""
        layers = layer_distances(theta, base)
        self.measured = theta, layers
        return length(layers)

    def layer_drifts(self, theta: State, start: State, *, accepted: bool) -> np.ndarray:
        """`layer_distances` from the start; a state that was ``accepted`` may be the one that `distance` saw last."""
        return self.measured[1] if accepted and theta is self.measured[0] else layer_distances(theta, start)


@njit(cache=True, error_model="numpy", nogil=True)
def _column_squares_jit(matrix: np.ndarray, out: np.ndarray) -> None:
    """Add the squares of every column to ``out``; `numpy.einsum` takes several times as long."""
    for k in range(len(matrix)):
        for j in range(matrix.shape[1]):
            out[j] += matrix[k, j] * matrix[k, j]


def blocks(shape: tuple[int, int]) -> Iterable[slice]:
    """Rows of a matrix of this shape that are in the cache together."""
    rows, columns = shape
    if rows * columns <= CACHED:
        return ALL
    step = max(ROWS, CACHED // columns)
    return (slice(start, start + step) for start in range(0, rows, step))


def summed(pairs: list[tuple[np.ndarray, np.ndarray]], rows: slice, out: np.ndarray | None = None) -> np.ndarray:
    """These ``rows`` of the sum of the products of ``pairs``."""
    out = np.matmul(pairs[0][0][rows], pairs[0][1], out=out)
    for B, A in pairs[1:]:
        out += B[rows] @ A
    return out


def layer_distances(theta: State, base: State | None) -> np.ndarray:
    """‖W^l − W^l_0‖_F for every layer, ‖a − a_0‖ last, (L+1,); without ``base`` the norms themselves."""
    squares = []
    for l, array in enumerate(theta):
        old = None if base is None else base[l]
        known = isinstance(array, UpdatedMatrix) and old is array.start
        squares.append(array.norm_square() if known else square_distance(np.asarray(array), old))
    return np.sqrt(squares)
