"""Differentiable maps h: R^p → R^N other than networks at initialisation, small enough for their Jacobian.

Each has ``h(w)`` (N,), ``h.jacobian(w)`` (N, p) and, where one is known, ``h.jacobian_lipschitz(start, radius)``: a Lipschitz
constant of Dh on the ball of that radius, in operator norm. Whether it is the least one is said in the docstring.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from argument_validation import validate_array, validate_name, validate_positive
from kernels.activations import ACTIVATIONS, activate
from kernels.gram import propagate
from kernels.network import Parameters

SMALL = {"tanh": 4 / 27**0.5, "sin": 1.0}
"""Activations with |σ'| ≤ 1 and sup |σ''|; tanh'' = −2 tanh(1 − tanh²) is extreme where tanh² = 1/3."""


class Model(Protocol):
    """A differentiable map h: R^p → R^N."""

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w) (N,)."""
        ...

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w) (N, p)."""
        ...


@dataclass(frozen=True)
class QuadraticMap:
    """h_i(w) = (Bw)_i + ½ wᵀA_iw with symmetric A_i; ``B`` (N, p), ``A`` (N, p, p).

    Lipschitz constant of Dh: the norm of the unfolding [A_1; …; A_N] (Np, p), an upper bound, since
    ‖Dh(w + δ) − Dh(w)‖ ≤ ‖(A_iδ)_i‖_F. Where A_i = l u_iu_iᵀ with orthonormal u_i, see `along_directions`, it is l: the
    least one.
    """

    B: np.ndarray
    A: np.ndarray

    def __post_init__(self) -> None:
        B = validate_array(self.B, "B", ("N", "p"))
        A = validate_array(self.A, "A", (B.shape[0], B.shape[1], B.shape[1]))
        if not np.array_equal(A, A.transpose(0, 2, 1)):
            raise ValueError("`A` must hold symmetric matrices, A[i] = A[i].T")
        object.__setattr__(self, "B", B)
        object.__setattr__(self, "A", A)

    @classmethod
    def along_directions(cls, B: np.ndarray, U: np.ndarray, curvature: float) -> "QuadraticMap":
        """h_i(w) = (Bw)_i + (l/2)(u_i·w)² with the rows u_i of ``U`` (N, p) orthonormal and l = ``curvature``."""
        U = validate_array(U, "U", ("N", "p"))
        if np.abs(U @ U.T - np.eye(len(U))).max() > 1e-12:
            raise ValueError("`U` must have orthonormal rows")
        return cls(B, curvature * np.einsum("ij,ik->ijk", U, U))

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        return self.B @ w + 0.5 * (self.A @ w) @ w

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w) = B + (A_iw)_i."""
        return self.B + self.A @ w

    def jacobian_lipschitz(self, start: np.ndarray, radius: float) -> float:
        """‖[A_1; …; A_N]‖, everywhere."""
        return float(np.linalg.norm(self.A.reshape(-1, self.A.shape[2]), 2))


@dataclass(frozen=True)
class ComponentwiseMap:
    """h_i(w) = φ(w_i) in any dimension, N = p, for a scalar φ with φ(0) = 0 and φ'(0) = 1.

    ``name``: "sin", "parabola" w − w²/2, "cubic" w − w³/3. Lipschitz constants of Dh, the least ones: 1, 1, and 2
    max_i(|w_i| + radius) for the cubic.
    """

    name: str
    known = ("sin", "parabola", "cubic")

    def __post_init__(self) -> None:
        validate_name(self.name, self.known, "name")

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        return {"sin": np.sin(w), "parabola": w - w**2 / 2, "cubic": w - w**3 / 3}[self.name]

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w), diagonal."""
        return np.diag({"sin": np.cos(w), "parabola": 1 - w, "cubic": 1 - w**2}[self.name])

    def jacobian_lipschitz(self, start: np.ndarray, radius: float) -> float:
        """sup |φ''| over the ball."""
        return 2 * float(np.abs(start).max() + radius) if self.name == "cubic" else 1.0


@dataclass(frozen=True)
class TwoLayerModel:
    """h_i(w) = s Σ_k a_k σ(w_k·x_i), trained in the inner weights w = (w_1, …, w_m), or in w = (w_1, …, w_m, a).

    ``X`` (N, d) inputs, ``activation`` tanh or sin, ``scale`` s > 0; ``output`` a (m,), fixed, or None: a is trained, the
    last m parameters. A single neuron is ``output`` [1.]. Lipschitz constant of Dh, an upper bound: with A ≥ |a_k| on the
    ball, ξ = max ‖x_i‖ and |σ'| ≤ 1, |σ''| ≤ B_2, a change δ of w changes Dh u by

        s Σ_k [diag_i(a_kΔσ'_ik + δa_k σ'_ik) X u_k + (Δσ_ik)_i v_k],  |Δσ'_ik| ≤ B_2 ξ‖δ_k‖,  ‖(Δσ_ik)_i‖ ≤ ‖X‖‖δ_k‖,

    at most s‖X‖ times a bilinear form in (‖δ_k‖, |δa_k|) and (‖u_k‖, |v_k|) with matrix [[AB_2ξ, 1], [1, 0]]; for fixed
    a, s‖X‖AB_2ξ.
    """

    X: np.ndarray
    activation: str
    output: np.ndarray | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        validate_name(self.activation, SMALL, "activation")
        object.__setattr__(self, "X", validate_array(self.X, "X", ("N", "d")))
        object.__setattr__(self, "scale", validate_positive(self.scale, "scale"))
        if self.output is not None:
            object.__setattr__(self, "output", validate_array(self.output, "output", ("m",)))

    def split(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inner weights (m, d) and a (m,)."""
        d = self.X.shape[1]
        if self.output is not None:
            return w.reshape(-1, d), self.output
        m = len(w) // (d + 1)
        return w[: m * d].reshape(m, d), w[m * d :]

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        W, a = self.split(w)
        values = self.X @ W.T
        activate(self.activation, values)
        return self.scale * (values @ a)

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w)."""
        W, a = self.split(w)
        values = self.X @ W.T
        slopes = activate(self.activation, values)
        inner = self.scale * np.einsum("ik,ij->ikj", slopes * a, self.X).reshape(len(self.X), -1)
        return inner if self.output is not None else np.hstack([inner, self.scale * values])

    def jacobian_lipschitz(self, start: np.ndarray, radius: float) -> float:
        """The bound above on the ball."""
        _, a = self.split(start)
        norm, longest = np.linalg.norm(self.X, 2), np.linalg.norm(self.X, axis=1).max()
        largest = np.abs(a).max() + (0.0 if self.output is not None else radius)
        curvature = largest * SMALL[self.activation] * longest
        if self.output is None:
            curvature = (curvature + np.sqrt(curvature**2 + 4)) / 2
        return float(self.scale * norm * curvature)


@dataclass(frozen=True)
class NetworkModel:
    """The normalised network of any depth as a map of all its weights, w = (W^1, …, W^L, a) flattened. No Lipschitz constant.

    ``X`` (N, d); ``activation``; ``kappa``; ``width``, ``hidden_layers``.
    """

    X: np.ndarray
    activation: str
    kappa: float
    width: int
    hidden_layers: int

    def __post_init__(self) -> None:
        validate_name(self.activation, ACTIVATIONS, "activation")
        object.__setattr__(self, "X", validate_array(self.X, "X", ("N", "d")))

    def params(self, w: np.ndarray) -> Parameters:
        """w as `Parameters`."""
        shapes = (
            [(self.width, self.X.shape[1])] + [(self.width, self.width)] * (self.hidden_layers - 1) + [(self.width,)]
        )
        edges = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
        return Parameters.unchecked(
            tuple(part.reshape(shape) for part, shape in zip(np.split(w, edges), shapes, strict=True))
        )

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        factors = propagate(self.params(w), self.X.T, self.activation, self.kappa)
        return factors.output_scale * (self.params(w).output @ factors.values[-1])

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w)."""
        factors = propagate(self.params(w), self.X.T, self.activation, self.kappa)
        blocks = []
        for l, (back, values) in enumerate(zip(factors.backs, factors.values[:-1], strict=True)):
            scale = 1 / np.sqrt(self.width) if l else 1.0
            blocks.append(scale * np.einsum("kn,jn->nkj", back, values).reshape(len(self.X), -1))
        return np.hstack([*blocks, factors.output_scale * factors.values[-1].T])


@dataclass(frozen=True)
class Factorization:
    """h(U, V) = UVᵀ flattened, w = (U, V) flattened, ``U`` (rows, rank), ``V`` (columns, rank).

    Lipschitz constant of Dh, the least one: 1. ‖uδVᵀ + δUvᵀ‖_F ≤ ‖(u, v)‖‖(δU, δV)‖, an equality if all are of rank one along
    the same vectors.
    """

    rows: int
    columns: int
    rank: int

    def split(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """U and V."""
        edge = self.rows * self.rank
        return w[:edge].reshape(self.rows, self.rank), w[edge:].reshape(self.columns, self.rank)

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        U, V = self.split(w)
        return (U @ V.T).ravel()

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w)."""
        U, V = self.split(w)
        return np.hstack([np.kron(np.eye(self.rows), V), np.kron(U, np.eye(self.columns)) @ self._transposition()])

    def _transposition(self) -> np.ndarray:
        """The permutation that takes V, flattened by rows, to V flattened by columns."""
        order = np.arange(self.columns * self.rank).reshape(self.columns, self.rank).T.ravel()
        return np.eye(self.columns * self.rank)[order]

    def jacobian_lipschitz(self, start: np.ndarray, radius: float) -> float:
        """1, everywhere."""
        return 1.0


@dataclass(frozen=True)
class DampedOscillator:
    """Positions h_i(w) = b e^{−ct_i} cos(ωt_i) of a damped oscillator at ``times`` t (N,), w = (b, c, ω). No Lipschitz
    constant.
    """

    times: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", validate_array(self.times, "times", ("N",)))

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        b, c, omega = w
        return b * np.exp(-c * self.times) * np.cos(omega * self.times)

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w)."""
        b, c, omega = w
        envelope, phase = np.exp(-c * self.times), omega * self.times
        position = envelope * np.cos(phase)
        return np.stack([position, -b * self.times * position, -b * self.times * envelope * np.sin(phase)], axis=1)


@dataclass(frozen=True)
class Centred:
    """h(w) − h(w_0): the same map with value 0 at ``start`` w_0, and the same Lipschitz constants."""

    model: Model
    start: np.ndarray
    value: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", self.model(self.start))

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w) − h(w_0)."""
        return self.model(w) - self.value

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w)."""
        return self.model.jacobian(w)

    def jacobian_lipschitz(self, start: np.ndarray, radius: float) -> float:
        """As that of the map."""
        return self.model.jacobian_lipschitz(start, radius)


@dataclass(frozen=True)
class Linearised:
    """h(w_0) + Dh(w_0)(w − w_0): the tangent of ``model`` at ``start`` w_0. Lipschitz constant of its derivative: 0."""

    model: Model
    start: np.ndarray
    value: np.ndarray = field(init=False)
    slope: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", self.model(self.start))
        object.__setattr__(self, "slope", self.model.jacobian(self.start))

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w_0) + Dh(w_0)(w − w_0)."""
        return self.value + self.slope @ (w - self.start)

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w_0)."""
        return self.slope

    def jacobian_lipschitz(self, start: np.ndarray, radius: float) -> float:
        """0."""
        return 0.0
