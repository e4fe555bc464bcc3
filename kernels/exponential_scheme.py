"""The formulas of one step of gradient flow, exact for the linearised model.

    θ' = F(θ) = −S Jᵀg,    J = Df(θ) (n, p),  g = ∇R(f(θ)) (n,),  H = ∇²R (diagonal),  S the learning rates (diagonal).

The flow is stiff, but mainly through its Gauss-Newton part L = −S J_kᵀH J_k at the current point θ_k, which is linear
and solved exactly in the n-dimensional space of outputs. The remainder, which the lazy regime makes small, is treated
explicitly by an exponential Runge-Kutta scheme of order three (Hochbruck and Ostermann, Exponential integrators, Acta
Numerica 2010, nodes 0, c, ⅔). With D_j = F_j − F_k − L(θ_j − θ_k) and φ_s the usual φ-functions:

    θ₂      = θ_k + ch φ1(chL)F_k
    θ₃      = θ_k + ⅔h φ1(⅔hL)F_k + (4/9c)h φ2(⅔hL)D₂
    θ_{k+1} = θ_k + h φ1(hL)F_k + (3/2)h φ2(hL)D₃
    error   = h φ2(hL)((3/2)D₃ − (1/c)D₂), the distance to a solution of order two
    inside  : θ(t_k + sh) = θ_k + sh φ1(shL)F_k + (3/2)s²h φ2(shL)D₃

With c = 1 the second stage is the step of the linearised model. Where its own error, h φ2(hL)D₂, is small enough it can
be the whole step, at the cost of a single evaluation.

Every increment is Σ_P S J_Pᵀc_P over the points P = k, 2, 3 with c_P in R^n. With G_PQ = J_P S J_Qᵀ, H^½G_kkH^½ = UΛUᵀ and
V = H^½U, for every vector u,

    φ_s(rL)u = u/s! − r S J_kᵀV φ_{s+1}(−rΛ) VᵀJ_k u,    VᵀJ_k φ_s(rL)u = φ_s(−rΛ) VᵀJ_k u,

so no step divides by an eigenvalue, and a model enters only through `Problem`: points, Gram matrices, sums S J_Pᵀc_P.

The gradient is split in g = H^½Uw + g_s. The straight part g_s holds the samples whose curvature is negligible beside the
largest (a saturated loss, an underflow); they count as H = 0, so that nothing divides by H, and D corrects for it. The
linear flow keeps g_s, and with q = VᵀJ_kSJ_kᵀg_s it takes w to

    w(t) = e^{−tΛ}w − tφ1(−tΛ)q,    θ(t) − θ_k = −t S J_kᵀg_s + S J_kᵀV(t²φ2(−tΛ)q − tφ1(−tΛ)w).

Through G_kk alone the eigenvalues have the rounding of the largest, so that the condition number of J is squared. Where the
Jacobian is stored, the singular values of H^½J_k take their place, the rows VᵀJ_k that of J_kᵀV, and a vector D is formed
once, so that the rounding in it is filtered like D itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numba import njit

UNIT = 2.0**-53
LAST_NODE = 2 / 3
NEGLIGIBLE = 1e-16  # curvature, relative to the largest, that counts as none
LARGE, TINY = 1e280, 1e-290  # squares beyond these would overflow or lose their digits
NONE = np.empty(0)

State = tuple[Any, ...]
"""Parameters θ as a tuple of arrays, or of matrices that multiply like them, whose meaning only the problem knows."""


@dataclass(slots=True, eq=False)  # not frozen: to freeze what is made in every evaluation takes longer than to make it
class Point:
    """What is known at one θ: outputs f (n,), R(f), ∇R (n,), the diagonal of ∇²R (n,), and the problem's own factors of J."""

    outputs: np.ndarray
    loss: float
    gradient: np.ndarray
    curvature: np.ndarray
    factors: object

    def with_factors(self, factors: object) -> "Point":
        """The point with other factors."""
        return Point(self.outputs, self.loss, self.gradient, self.curvature, factors)


Terms = list[tuple[Point, np.ndarray]]
"""Points P with coefficients c_P (n,), for the vector Σ_P S J_Pᵀc_P."""


class Problem(Protocol):
    """What a step asks of a model. The learning rates S live in ``gram`` and ``add``."""

    largest_rate: float
    """Largest entry of S."""
    kinked: bool
    """Whether the outputs have kinks, so that no step has an order."""

    def point(self, theta: State) -> Point:
        """Forward and backward pass at θ: one evaluation."""
        ...

    def rounding(self, theta: State, point: Point) -> np.ndarray:
        """By how much rounding may change the outputs at θ, (n,)."""
        ...

    def gram(self, P: Point, Q: Point) -> np.ndarray:
        """G_PQ = J_P S J_Qᵀ (n, n), symmetric for P = Q."""
        ...

    def spectrum(self, here: Point, root: np.ndarray) -> "Spectrum | None":
        """Λ and U of H^½G_kkH^½, ``root`` the diagonal of H^½ (n,); None if it is not finite."""
        ...

    def collect(self, terms: "Terms") -> "Terms":
        """The same vector as a single term, where the problem stores vectors of parameters; else ``terms``."""
        ...

    def rooms(self, start: State) -> tuple[State, State]:
        """Two states to be written to by ``add``, of the shape of ``start``."""
        ...

    def add(self, base: State | None, terms: Terms, out: State) -> None:
        """Write base + Σ_P S J_Pᵀc_P into ``out``, which is not ``base``; without ``base`` the sum alone."""
        ...

    def norm(self, terms: Terms) -> float:
        """‖Σ_P S J_Pᵀc_P‖₂."""
        ...

    def distance(self, theta: State, base: State | None) -> float:
        """‖θ − base‖₂; without ``base`` ‖θ‖₂."""
        ...


def phi(z: np.ndarray) -> np.ndarray:
    """e^z, φ1, φ2, φ3 at z ≤ 0, (4, n): φ_{s+1}(z) = (φ_s(z) − 1/s!)/z, from the Taylor series of φ3 for |z| < 1."""
    result = np.empty((4, len(z)))
    _phi_jit(z, result)
    return result


def length(x: np.ndarray) -> float:
    """‖x‖₂ of a short vector, without the overhead of `numpy.linalg.norm`."""
    return math.sqrt(x.dot(x))


@njit(cache=True, error_model="numpy", nogil=True)
def _size_jit(h: float, values: np.ndarray, residual: np.ndarray, push: np.ndarray, outside: float) -> float:
    """Norm of e^{−hΛ}w, or of e^{−hΛ}w − hφ1(−hΛ)q for a ``push`` q if that is larger, with what is ``outside``."""
    free, pushed = 0.0, 0.0
    for i in range(values.size):
        left = math.exp(-h * values[i]) * residual[i]
        free += left * left
        if push.size:
            left -= (h if values[i] == 0.0 else -math.expm1(-h * values[i]) / values[i]) * push[i]
            pushed += left * left
    return math.hypot(math.sqrt(max(free, pushed)), outside)


@njit(cache=True, error_model="numpy", nogil=True)
def _longest_jit(
    h: float, least: float, values: np.ndarray, residual: np.ndarray, push: np.ndarray, outside: float
) -> float:
    """About the longest step up to ``h`` whose `_size_jit` is at least ``least``, by 20 bisections of log(hλ_max)."""
    low, high = 0.0, math.log(h * values[-1])  # at h = 1/λ_max the loss falls by less than e²
    for _ in range(20):
        middle = 0.5 * (low + high)
        if _size_jit(math.exp(middle) / values[-1], values, residual, push, outside) >= least:
            low = middle
        else:
            high = middle
    return math.exp(low) / values[-1]


@njit(cache=True, error_model="numpy", nogil=True)
def _scaled_jit(
    g: np.ndarray, H: np.ndarray, root: np.ndarray, scaled: np.ndarray, straight: np.ndarray
) -> tuple[bool, bool]:
    """Write the diagonal of H^½, H^{−½}(g − g_s) and g_s; whether g and H are finite, and whether g_s = 0."""
    largest, everywhere = -np.inf, True
    for i in range(g.size):
        if not (math.isfinite(g[i]) and math.isfinite(H[i])):
            return False, False
        largest = max(largest, H[i])
    for i in range(g.size):
        curved = H[i] > NEGLIGIBLE * largest and g[i] * g[i] < LARGE * H[i]
        root[i] = math.sqrt(H[i]) if curved else 0.0
        scaled[i] = g[i] / root[i] if curved else 0.0
        straight[i] = 0.0 if curved else g[i]
        everywhere &= straight[i] == 0.0
    return True, everywhere


@njit(cache=True, error_model="numpy", nogil=True)
def _phi_jit(z: np.ndarray, out: np.ndarray) -> None:
    for i in range(z.size):
        x = z[i]
        out[0, i] = math.exp(x)
        if x > -1.0:
            series = 0.0  # φ3(x) = (1/6)(1 + x/4 (1 + x/5 (1 + …)))
            for k in range(19, 3, -1):
                series = (series + 1.0) * x / k
            out[3, i] = (series + 1.0) / 6.0
            out[2, i] = 0.5 + x * out[3, i]
            out[1, i] = 1.0 + x * out[2, i]
        else:
            out[1, i] = math.expm1(x) / x
            out[2, i] = (out[1, i] - 1.0) / x
            out[3, i] = (out[2, i] - 0.5) / x


@dataclass(slots=True, eq=False)
class Spectrum:
    """H^½G_kkH^½ = U diag(values) Uᵀ: ``values`` Λ (k,), ascending, ``vectors`` U (n, k), k ≤ n, orthonormal.

    ``resolution``: values below this share of the largest are rounding. ``rows``: a point whose Jacobian is UᵀH^½J_k, where
    the Jacobian is stored.
    """

    values: np.ndarray
    vectors: np.ndarray
    resolution: float
    rows: Point | None = None


def gram_spectrum(G: np.ndarray, root: np.ndarray) -> Spectrum | None:
    """From the Gram matrix G_kk (n, n) itself."""
    G = root[:, None] * G * root
    if not np.isfinite(G).all():
        return None
    values, U = np.linalg.eigh(G)
    return Spectrum(np.maximum(values, 0.0), U, 4 * len(values) * UNIT)


@dataclass(slots=True, eq=False)
class Vector:
    """A vector of the space of parameters as a sum S J_Pᵀc_P, and what the basis sees of it, VᵀJ_k of it (k,)."""

    terms: Terms
    seen: np.ndarray


@dataclass(slots=True, eq=False)
class Linearisation:
    """The Gauss-Newton part at the point ``here``: H^½G_kkH^½ = U diag(values) Uᵀ.

    ``basis`` V = H^½U (n, k); ``values`` Λ (k,), ascending, not negative; ``residual`` w = UᵀH^{−½}(g − g_s) (k,), whose flow
    has the predicted loss ½‖w(t)‖² (exact for the square loss, g_s = 0); ``outside`` what H^{−½}(g − g_s) has outside of the
    columns of U, which the linear flow does not see; ``straight`` g_s (n,) and its ``push`` S J_kᵀg_s, None where it is 0.
    """

    here: Point
    spectrum: Spectrum
    basis: np.ndarray
    residual: np.ndarray
    outside: float
    straight: np.ndarray | None = None
    push: Vector | None = None
    values: np.ndarray = field(init=False)
    """Λ (k,)."""
    positive: np.ndarray = field(init=False)
    """Which eigenvalues are above the rounding of the decomposition, (k,)."""
    resolved: bool = field(init=False)
    """Whether all are."""
    resolved_values: np.ndarray = field(init=False)
    """Those that are."""
    known: dict[float, np.ndarray] = field(init=False, default_factory=dict, repr=False)
    """What `phi` has found, by h."""

    def __post_init__(self) -> None:
        self.values = self.spectrum.values
        least = max(self.spectrum.resolution * self.values[-1], TINY)
        self.positive, self.resolved = self.values > least, bool(self.values[0] > least)
        self.resolved_values = self.values if self.resolved else self.values[self.positive]

    @property
    def hidden(self) -> float:
        """Norm of the part of w whose eigenvalues are not resolved."""
        return 0.0 if self.resolved else length(self.residual[~self.positive])

    @property
    def left(self) -> np.ndarray:
        """The part of w whose eigenvalues are resolved."""
        return self.residual if self.resolved else self.residual[self.positive]

    @property
    def leak(self) -> np.ndarray:
        """Share of the rest of the residual that rounding mixes into each resolved direction, from the angles of U."""
        ratio = self.spectrum.resolution * self.values[-1] / self.resolved_values
        return ratio if self.spectrum.rows is None else np.sqrt(ratio)

    def phi(self, h: float) -> np.ndarray:
        """`phi` at −hΛ, (4, k): a step asks for few h, and for each several times."""
        found = self.known.get(h)
        if found is None:
            found = self.known[h] = phi(-h * self.values)
        return found

    def predict(self, h: float) -> np.ndarray:
        """w(h) of the linear flow."""
        if self.push is None:
            return self.phi(h)[0] * self.residual
        exponential, phi1, _, _ = self.phi(h)
        return exponential * self.residual - h * phi1 * self.push.seen

    def size(self, h: float) -> float:
        """Norm of the residual that the linear flow leaves after h, with its push or without, whichever is larger.

        A push may take w through zero, which is no decay.
        """
        return _size_jit(h, *self.sized)

    def longest(self, h: float, least: float) -> float:
        """About the longest step up to ``h`` that leaves a `size` of at least ``least``, which ``h`` does not."""
        return _longest_jit(h, least, *self.sized)

    @property
    def sized(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """What `size` is made of."""
        return self.values, self.residual, NONE if self.push is None else self.push.seen, self.outside

    def fall(self, h: float) -> float:
        """½‖w‖² − ½‖w(h)‖² without cancellation."""
        push = 0.0 if self.push is None else self.push.seen
        change = h * self.phi(h)[1] * (self.values * self.residual + push)
        return float(0.5 * change @ (self.residual + self.predict(h)))


def linearise(problem: Problem, here: Point) -> Linearisation | None:
    """The Gauss-Newton part at ``here``; None if gradient, curvature or tangent kernel are not finite."""
    g, H = here.gradient, here.curvature
    root, scaled, straight = np.empty((3, len(g)))
    finite, curved = _scaled_jit(g, H, root, scaled, straight)
    if not finite:
        return None
    spectrum = problem.spectrum(here, root)
    if spectrum is None or not np.isfinite(spectrum.values).all():
        return None
    U = spectrum.vectors
    residual = scaled @ U
    outside = 0.0 if U.shape[1] == len(g) else float(np.linalg.norm(scaled - U @ residual))
    linear = Linearisation(here, spectrum, root[:, None] * U, residual, outside)
    if curved:
        return linear
    push = make_vector(problem, linear, [(here, straight)])
    return Linearisation(here, spectrum, linear.basis, residual, outside, straight, push)


def make_vector(problem: Problem, linear: Linearisation, terms: Terms) -> Vector:
    """Σ S J_Pᵀc_P with what the basis sees of it."""
    terms, rows = problem.collect(terms), linear.spectrum.rows
    if rows is not None:
        return Vector(terms, sum(problem.gram(rows, P) @ c for P, c in terms))
    return Vector(terms, sum(problem.gram(linear.here, P) @ c for P, c in terms) @ linear.basis)


@dataclass(slots=True, eq=False)
class Stage:
    """The remainder D = S J_kᵀĝ − S J_Pᵀg_P at a point P, ĝ (n,) the gradient there of the linear flow."""

    point: Point
    node: float
    difference: Vector

    @property
    def remainder(self) -> np.ndarray:
        """VᵀJ_kD (k,)."""
        return self.difference.seen


def make_stage(
    problem: Problem, linear: Linearisation, node: float, theta: State, expected: np.ndarray
) -> Stage | None:
    """Evaluate the stage at ``theta``; ``expected`` is ĝ − g_s in the basis V. None if the loss is not finite there."""
    point = problem.point(theta)
    if not np.isfinite(point.loss):
        return None
    gradient, kernel = linear.basis @ expected, linear.values * expected
    if linear.push is not None:
        gradient, kernel = gradient + linear.straight, kernel + linear.push.seen
    terms = [(linear.here, gradient), (point, -point.gradient)]
    if linear.spectrum.rows is not None:
        return Stage(point, node, make_vector(problem, linear, terms))
    seen = (problem.gram(linear.here, point) @ point.gradient) @ linear.basis
    return Stage(point, node, Vector(terms, kernel - seen))


def increment(linear: Linearisation, reach: float, parts: Sequence[tuple[float, Stage]], *, flow: bool = True) -> Terms:
    """Terms of r φ1(rL)F_k + Σ_j a_j φ2(rL)D_j, r = ``reach``, ``parts`` the (a_j, D_j); without ``flow`` the sum alone."""
    _, phi1, phi2, phi3 = linear.phi(reach)
    filtered = -reach * phi1 * linear.residual if flow else np.zeros(len(phi1))
    vectors = []
    if flow and linear.push is not None:
        filtered += reach**2 * phi2 * linear.push.seen
        vectors.append((-reach, linear.push))
    for a, stage in parts:
        filtered -= a * reach * phi3 * stage.remainder
        vectors.append((0.5 * a, stage.difference))
    if not linear.resolved:
        filtered[~linear.positive] = 0.0  # J_kᵀV is zero there; its rounding would be multiplied by h
    terms = [(P, weight * c) for weight, vector in vectors for P, c in vector.terms]
    rows = linear.spectrum.rows
    return merge([*terms, (linear.here, linear.basis @ filtered) if rows is None else (rows, filtered)])


def merge(terms: Terms) -> Terms:
    """The same sum with one term for each point."""
    sums: dict[int, tuple[Point, np.ndarray]] = {}
    for P, c in terms:
        sums[id(P)] = (P, c if id(P) not in sums else sums[id(P)][1] + c)
    return list(sums.values())


def second_stage(
    problem: Problem, linear: Linearisation, h: float, node: float, theta: State, scratch: State
) -> Stage | None:
    """The stage at θ₂, which is left in ``scratch``; one evaluation."""
    problem.add(theta, increment(linear, node * h, []), scratch)
    return make_stage(problem, linear, node, scratch, linear.predict(node * h))


def third_stage(
    problem: Problem, linear: Linearisation, h: float, second: Stage, theta: State, scratch: State
) -> Stage | None:
    """The stage at θ₃, which is left in ``scratch``; one evaluation."""
    reach, weight = LAST_NODE * h, 4 / 9 * h / second.node
    problem.add(theta, increment(linear, reach, [(weight, second)]), scratch)
    expected = linear.predict(reach) + weight * linear.phi(reach)[2] * second.remainder
    return make_stage(problem, linear, LAST_NODE, scratch, expected)


@dataclass(slots=True, eq=False)
class Step:
    """A step of length ``h`` with the remainder taken from ``last``, the third stage; None for the linearised model."""

    linear: Linearisation
    h: float
    last: Stage | None

    def increment(self, s: float = 1.0) -> Terms:
        """Terms of θ(t_k + sh) − θ_k, 0 ≤ s ≤ 1."""
        reach = s * self.h
        return increment(self.linear, reach, [(s * reach / self.last.node, self.last)] if self.last else [])

    def error_parts(self, second: Stage) -> list[tuple[float, Stage]]:
        """Weights a_j and stages D_j of the error vector φ2(hL) Σ_j a_jD_j."""
        if self.last is None:
            return [(self.h, second)]
        return [(self.h / self.last.node, self.last), (-self.h / second.node, second)]


def output_error(linear: Linearisation, h: float, parts: Sequence[tuple[float, Stage]]) -> float:
    """‖VᵀJ_k φ2(hL) Σ_j a_jD_j‖: an error vector as the outputs see it, in the metric of the residual w."""
    total = sum(a * stage.remainder for a, stage in parts)
    return length(linear.phi(h)[2] * total)
