"""Differentiable maps h: R^p → R^N other than networks at initialisation, small enough for their Jacobian.

Each has ``h(w)`` (N,), ``h.jacobian(w)`` (N, p) and, where one is known, ``h.jacobian_lipschitz(start, radius)``: a Lipschitz
constant of Dh on the ball of that radius, in operator norm. Whether it is the least one is said in the docstring. All raise
ValueError for arguments of another shape, that are not real numbers, or outside their range.
"""

import math
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Protocol

import numpy as np

from argument_validation import (
    validate_array,
    validate_count,
    validate_depth,
    validate_name,
    validate_not_negative,
    validate_positive,
    validate_real,
)
from kernels.activations import ACTIVATIONS, activate
from kernels.gram import propagate
from kernels.network import LARGEST, Parameters
from kernels.random_weights import INDICES

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


class WeightMap:
    """A map of p weights with value `_value` and derivative `_derivative`.

    Weights are checked for shape and type. What overflows, or comes of weights that have overflowed, is inf or NaN without a
    warning: the flows take it for a step too long.
    """

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w) (N,)."""
        w = self._weights(w)
        with np.errstate(all="ignore"):
            return self._value(w)

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w) (N, p)."""
        w = self._weights(w)
        with np.errstate(all="ignore"):
            return self._derivative(w)

    def value_and_jacobian(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """h(w) (N,) and Dh(w) (N, p) at once, for the flows: nothing is checked, and what overflows may warn."""
        return self._value(w), self._derivative(w)

    def _weights(self, w: object, name: str = "w", finite: bool = False) -> np.ndarray:
        return validate_array(w, name, ("p",), finite=finite)

    def _ball(self, start: object, radius: object) -> tuple[np.ndarray, float]:
        return self._weights(start, "start", finite=True), validate_not_negative(radius, "radius")


class CountedWeights(WeightMap):
    """A `WeightMap` whose blocks have `shapes`; w holds them, flattened, in this order."""

    def split(self, w: np.ndarray) -> list[np.ndarray]:
        """The blocks of w, without copies."""
        w, shapes = self._weights(w), self.shapes
        ends = [0, *accumulate(map(math.prod, shapes))]
        return [w[i:j].reshape(shape) for (i, j), shape in zip(pairwise(ends), shapes, strict=True)]

    def _weights(self, w: object, name: str = "w", finite: bool = False) -> np.ndarray:
        return validate_array(w, name, (sum(map(math.prod, self.shapes)),), finite=finite)


@dataclass(frozen=True)
class QuadraticMap(WeightMap):
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
        if (wrong := np.argwhere(A != A.transpose(0, 2, 1))).size:
            i, j, k = wrong[0].tolist()
            raise ValueError(f"`A` must hold symmetric matrices, got {A[i, j, k]} and {A[i, k, j]} in A[{i}]")
        object.__setattr__(self, "B", B)
        object.__setattr__(self, "A", A)

    @classmethod
    def along_directions(cls, B: np.ndarray, U: np.ndarray, curvature: float) -> "QuadraticMap":
        """h_i(w) = (Bw)_i + (l/2)(u_i·w)² with the rows u_i of ``U`` (N, p) orthonormal and l = ``curvature``."""
        U, curvature = validate_array(U, "U", ("N", "p"), largest=LARGEST), validate_real(curvature, "curvature")
        B = validate_array(B, "B", U.shape)
        error = np.abs(U @ U.T - np.eye(len(U))).max()
        if error > 1e-12:
            raise ValueError(f"`U` must have orthonormal rows, got UUᵀ with an entry that is {error:.3g} off")
        return cls(B, curvature * np.einsum("ij,ik->ijk", U, U))

    def _value(self, w: np.ndarray) -> np.ndarray:
        return self.B @ w + 0.5 * (self.A @ w) @ w

    def _derivative(self, w: np.ndarray) -> np.ndarray:
        """Dh(w) = B + (A_iw)_i."""
        return self.B + self.A @ w

    def jacobian_lipschitz(self, start: np.ndarray, radius: float) -> float:
        """‖[A_1; …; A_N]‖, everywhere."""
        self._ball(start, radius)
        return float(np.linalg.norm(self.A.reshape(-1, self.A.shape[2]), 2))

    def _weights(self, w: object, name: str = "w", finite: bool = False) -> np.ndarray:
        return validate_array(w, name, (self.B.shape[1],), finite=finite)


@dataclass(frozen=True)
class ComponentwiseMap(WeightMap):
    """h_i(w) = φ(w_i) in any dimension, N = p, for a scalar φ with φ(0) = 0 and φ'(0) = 1.

    ``name``: "sin", "parabola" w − w²/2, "cubic" w − w³/3. Lipschitz constants of Dh: 1 (an upper bound for
    sin), 1, and 2 max_i(|w_i| + radius) for the cubic.
    """

    name: str
    known = ("sin", "parabola", "cubic")

    def __post_init__(self) -> None:
        validate_name(self.name, self.known, "name")

    def _value(self, w: np.ndarray) -> np.ndarray:
        return {"sin": np.sin(w), "parabola": w - w**2 / 2, "cubic": w - w**3 / 3}[self.name]

    def _derivative(self, w: np.ndarray) -> np.ndarray:
        """Dh(w), diagonal."""
        return np.diag({"sin": np.cos(w), "parabola": 1 - w, "cubic": 1 - w**2}[self.name])

    def jacobian_lipschitz(self, start: np.ndarray, radius: float) -> float:
        """sup |φ''| over the ball, for sin over the line."""
        start, radius = self._ball(start, radius)
        return 2 * (float(np.abs(start).max()) + radius) if self.name == "cubic" else 1.0


@dataclass(frozen=True)
class TwoLayerModel(WeightMap):
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
        object.__setattr__(self, "X", validate_array(self.X, "X", ("N", "d"), largest=LARGEST))
        object.__setattr__(self, "scale", validate_positive(self.scale, "scale"))
        if self.output is not None:
            object.__setattr__(self, "output", validate_array(self.output, "output", ("m",), largest=LARGEST))

    def _weights(self, w: object, name: str = "w", finite: bool = False) -> np.ndarray:
        d = self.X.shape[1]
        if self.output is not None:
            return validate_array(w, name, (len(self.output) * d,), finite=finite)
        w = validate_array(w, name, ("p",), finite=finite)
        if len(w) % (d + 1):
            raise ValueError(f"`{name}` must hold {d + 1} weights for every neuron, got {len(w)} weights")
        return w

    def split(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inner weights (m, d) and a (m,)."""
        return self._blocks(self._weights(w))

    def _blocks(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        d = self.X.shape[1]
        if self.output is not None:
            return w.reshape(-1, d), self.output
        m = len(w) // (d + 1)
        return w[: m * d].reshape(m, d), w[m * d :]

    def _value(self, w: np.ndarray) -> np.ndarray:
        W, a = self.split(w)
        values = self.X @ W.T
        activate(self.activation, values)
        return self.scale * (values @ a)

    def _derivative(self, w: np.ndarray) -> np.ndarray:
        return self.value_and_jacobian(w)[1]

    def value_and_jacobian(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both from one pass."""
        W, a = self._blocks(w)
        values = self.X @ W.T
        slopes = activate(self.activation, values)
        inner = (self.scale * ((slopes * a)[:, :, None] * self.X[:, None])).reshape(len(self.X), -1)
        jacobian = inner if self.output is not None else np.hstack([inner, self.scale * values])
        return self.scale * (values @ a), jacobian

    def jacobian_lipschitz(self, start: np.ndarray, radius: float) -> float:
        """The bound above on the ball."""
        start, radius = self._ball(start, radius)
        _, a = self.split(start)
        norm, longest = float(np.linalg.norm(self.X, 2)), float(np.linalg.norm(self.X, axis=1).max())
        largest = float(np.abs(a).max()) + (0.0 if self.output is not None else radius)
        curvature = largest * SMALL[self.activation] * longest
        if self.output is None:
            curvature = (curvature + math.hypot(curvature, 2.0)) / 2
        return self.scale * norm * curvature


@dataclass(frozen=True)
class NetworkModel(CountedWeights):
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
        object.__setattr__(self, "X", validate_array(self.X, "X", ("N", "d"), largest=LARGEST))
        object.__setattr__(self, "kappa", validate_positive(self.kappa, "kappa"))
        object.__setattr__(self, "width", validate_count(self.width, "width", most=INDICES))
        object.__setattr__(self, "hidden_layers", validate_depth(self.hidden_layers))

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of W^1, …, W^L, a."""
        m = self.width
        return [(m, self.X.shape[1]), *[(m, m)] * (self.hidden_layers - 1), (m,)]

    def params(self, w: np.ndarray) -> Parameters:
        """w as `Parameters`."""
        return Parameters.unchecked(tuple(self.split(w)))

    def _value(self, w: np.ndarray) -> np.ndarray:
        params = self.params(w)
        factors = propagate(params, self.X.T, self.activation, self.kappa)
        return factors.output_scale * (params.output @ factors.values[-1])

    def _derivative(self, w: np.ndarray) -> np.ndarray:
        return self.value_and_jacobian(w)[1]

    def value_and_jacobian(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both from one pass."""
        params = self.params(w)
        factors = propagate(params, self.X.T, self.activation, self.kappa)
        blocks = []
        for l, (back, values) in enumerate(zip(factors.backs, factors.values[:-1], strict=True)):
            scale = 1 / np.sqrt(self.width) if l else 1.0
            blocks.append(scale * np.einsum("kn,jn->nkj", back, values).reshape(len(self.X), -1))
        jacobian = np.hstack([*blocks, factors.output_scale * factors.values[-1].T])
        return factors.output_scale * (params.output @ factors.values[-1]), jacobian


@dataclass(frozen=True)
class Factorization(CountedWeights):
    """h(U, V) = UVᵀ flattened, w = (U, V) flattened, ``U`` (rows, rank), ``V`` (columns, rank).

    Lipschitz constant of Dh, the least one: 1. ‖uδVᵀ + δUvᵀ‖_F ≤ ‖(u, v)‖‖(δU, δV)‖, an equality if all are of rank one along
    the same vectors.
    """

    rows: int
    columns: int
    rank: int

    def __post_init__(self) -> None:
        for name in ("rows", "columns", "rank"):
            object.__setattr__(self, name, validate_count(getattr(self, name), name, most=INDICES))

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes of U and V."""
        return [(self.rows, self.rank), (self.columns, self.rank)]

    def _value(self, w: np.ndarray) -> np.ndarray:
        U, V = self.split(w)
        return (U @ V.T).ravel()

    def _derivative(self, w: np.ndarray) -> np.ndarray:
        U, V = self.split(w)
        found = np.zeros((self.rows, self.columns, self.rows + self.columns, self.rank))
        i, j = np.arange(self.rows), np.arange(self.columns)
        found[i, :, i], found[:, j, self.rows + j] = V, U[:, None]  # row i of U and row j of V make entry (i, j)
        return found.reshape(self.rows * self.columns, -1)

    def jacobian_lipschitz(self, start: np.ndarray, radius: float) -> float:
        """1, everywhere."""
        self._ball(start, radius)
        return 1.0


@dataclass(frozen=True)
class DampedOscillator(WeightMap):
    """Positions h_i(w) = b e^{−ct_i} cos(ωt_i) of a damped oscillator at ``times`` t (N,), w = (b, c, ω). No Lipschitz
    constant.
    """

    times: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", validate_array(self.times, "times", ("N",)))

    def _weights(self, w: object, name: str = "w", finite: bool = False) -> np.ndarray:
        return validate_array(w, name, (3,), finite=finite)

    def _value(self, w: np.ndarray) -> np.ndarray:
        b, c, omega = w
        return b * np.exp(-c * self.times) * np.cos(omega * self.times)

    def _derivative(self, w: np.ndarray) -> np.ndarray:
        b, c, omega = w
        envelope, phase = np.exp(-c * self.times), omega * self.times
        position = envelope * np.cos(phase)
        return np.stack([position, -b * self.times * position, -b * self.times * envelope * np.sin(phase)], axis=1)


@dataclass(frozen=True)
class Centred(WeightMap):
    """h(w) − h(w_0): the same map with value 0 at ``start`` w_0, and the same Lipschitz constants."""

    model: Model
    start: np.ndarray
    value: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", _validate_start(self.model, self.start))
        object.__setattr__(self, "value", self.model(self.start))

    def _weights(self, w: object, name: str = "w", finite: bool = False) -> np.ndarray:
        return validate_array(w, name, self.start.shape, finite=finite)

    def _value(self, w: np.ndarray) -> np.ndarray:
        return self.model(w) - self.value

    def _derivative(self, w: np.ndarray) -> np.ndarray:
        return self.model.jacobian(w)

    def value_and_jacobian(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Those of the map."""
        value, jacobian = _value_and_jacobian(self.model, w)
        return value - self.value, jacobian

    def jacobian_lipschitz(self, start: np.ndarray, radius: float) -> float:
        """As that of the map."""
        return self.model.jacobian_lipschitz(start, radius)


@dataclass(frozen=True)
class Linearised(WeightMap):
    """h(w_0) + Dh(w_0)(w − w_0): the tangent of ``model`` at ``start`` w_0. Lipschitz constant of its derivative: 0."""

    model: Model
    start: np.ndarray
    value: np.ndarray = field(init=False)
    slope: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", _validate_start(self.model, self.start))
        object.__setattr__(self, "value", self.model(self.start))
        object.__setattr__(self, "slope", self.model.jacobian(self.start))

    def _weights(self, w: object, name: str = "w", finite: bool = False) -> np.ndarray:
        return validate_array(w, name, self.start.shape, finite=finite)

    def _value(self, w: np.ndarray) -> np.ndarray:
        return self.value + self.slope @ (w - self.start)

    def _derivative(self, w: np.ndarray) -> np.ndarray:
        return self.slope

    def jacobian_lipschitz(self, start: np.ndarray, radius: float) -> float:
        """0."""
        self._ball(start, radius)
        return 0.0


def _value_and_jacobian(model: Model, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those of `WeightMap.value_and_jacobian` where the model has it."""
    return model.value_and_jacobian(w) if isinstance(model, WeightMap) else (model(w), model.jacobian(w))


def _validate_start(model: object, start: object) -> np.ndarray:
    """``start`` (p,), finite, of a map that has a value and a Jacobian."""
    if not callable(model) or not callable(getattr(model, "jacobian", None)):
        raise ValueError(f"`model` must be a map with a Jacobian, got {type(model).__name__}")
    return validate_array(start, "start", ("p",))
