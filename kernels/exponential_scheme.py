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
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numba import njit

UNIT = 2.0**-53
LAST_NODE = 2 / 3

State = tuple[np.ndarray, ...]
"""Parameters θ as a tuple of arrays, whose meaning only the problem knows."""


@dataclass(frozen=True)
class Point:
    """What is known at one θ: outputs f (n,), R(f), ∇R (n,), the diagonal of ∇²R (n,), and the problem's own factors."""

    outputs: np.ndarray
    loss: float
    gradient: np.ndarray
    curvature: np.ndarray
    factors: object


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

    def rounding(self, theta: State, point: Point) -> float:
        """Loss that the rounding of the outputs at θ alone can cause."""
        ...

    def gram(self, P: Point, Q: Point) -> np.ndarray:
        """G_PQ = J_P S J_Qᵀ (n, n), symmetric for P = Q."""
        ...

    def add(self, base: State | None, terms: Terms, out: State) -> None:
        """Write base + Σ_P S J_Pᵀc_P into ``out``, which is not ``base``; without ``base`` the sum alone."""
        ...

    def distance(self, theta: State, base: State | None) -> float:
        """‖θ − base‖₂; without ``base`` ‖θ‖₂."""
        ...


def phi(z: np.ndarray) -> np.ndarray:
    """e^z, φ1, φ2, φ3 at z ≤ 0, (4, n): φ_{s+1}(z) = (φ_s(z) − 1/s!)/z, from the Taylor series of φ3 for |z| < 1."""
    result = np.empty((4, len(z)))
    _phi_jit(z, result)
    return result


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


@dataclass(frozen=True)
class Linearisation:
    """The Gauss-Newton part at the point ``here``: H^½G_kkH^½ = U diag(values) Uᵀ.

    ``basis`` V = H^½U (n, n); ``values`` Λ (n,), ascending, not negative; ``residual`` w = UᵀH^{−½}g (n,), which the
    linear flow takes to e^{−hΛ}w, with predicted loss ½‖e^{−hΛ}w‖² (exact for the square loss).
    """

    here: Point
    basis: np.ndarray
    values: np.ndarray
    residual: np.ndarray

    @property
    def positive(self) -> np.ndarray:
        """Which eigenvalues are above the rounding of the decomposition, (n,)."""
        return self.values > 4 * len(self.values) * UNIT * self.values[-1]

    def size(self, h: float) -> float:
        """‖e^{−hΛ}w‖."""
        return float(np.linalg.norm(np.exp(-h * self.values) * self.residual))


def linearise(problem: Problem, here: Point) -> Linearisation | None:
    """The Gauss-Newton part at ``here``; None if the tangent kernel is not finite."""
    root = np.sqrt(here.curvature)
    G = root[:, None] * problem.gram(here, here) * root
    if not np.isfinite(G).all():
        return None
    values, U = np.linalg.eigh(G)
    return Linearisation(here, root[:, None] * U, np.maximum(values, 0.0), (here.gradient / root) @ U)


@dataclass(frozen=True)
class Stage:
    """D = S J_kᵀĝ − S J_Pᵀg_P at a point P: ``expected`` ĝ (n,), the gradient there of the model, and q = VᵀJ_kD (n,)."""

    point: Point
    node: float
    expected: np.ndarray
    remainder: np.ndarray


def make_stage(
    problem: Problem, linear: Linearisation, node: float, theta: State, expected: np.ndarray
) -> Stage | None:
    """Evaluate the stage at ``theta``; ``expected`` is ĝ in the basis V. None if the loss is not finite there."""
    point = problem.point(theta)
    if not np.isfinite(point.loss):
        return None
    seen = (problem.gram(linear.here, point) @ point.gradient) @ linear.basis
    return Stage(point, node, linear.basis @ expected, linear.values * expected - seen)


def increment(linear: Linearisation, reach: float, parts: Sequence[tuple[float, Stage]], *, flow: bool = True) -> Terms:
    """Terms of r φ1(rL)F_k + Σ_j a_j φ2(rL)D_j, r = ``reach``, ``parts`` the (a_j, D_j); without ``flow`` the sum alone."""
    _, phi1, _, phi3 = phi(-reach * linear.values)
    filtered = -reach * phi1 * linear.residual if flow else np.zeros_like(phi1)
    own, others = np.zeros_like(phi1), []
    for a, stage in parts:
        filtered -= a * reach * phi3 * stage.remainder
        own += 0.5 * a * stage.expected
        others.append((stage.point, -0.5 * a * stage.point.gradient))
    filtered[~linear.positive] = 0.0  # J_kᵀV is zero there; its rounding would be multiplied by h
    return [(linear.here, own + linear.basis @ filtered), *others]


def second_stage(
    problem: Problem, linear: Linearisation, h: float, node: float, theta: State, scratch: State
) -> Stage | None:
    """The stage at θ₂, which is left in ``scratch``; one evaluation."""
    problem.add(theta, increment(linear, node * h, []), scratch)
    return make_stage(problem, linear, node, scratch, np.exp(-node * h * linear.values) * linear.residual)


def third_stage(
    problem: Problem, linear: Linearisation, h: float, second: Stage, theta: State, scratch: State
) -> Stage | None:
    """The stage at θ₃, which is left in ``scratch``; one evaluation."""
    reach, weight = LAST_NODE * h, 4 / 9 * h / second.node
    problem.add(theta, increment(linear, reach, [(weight, second)]), scratch)
    exponential, _, phi2, _ = phi(-reach * linear.values)
    expected = exponential * linear.residual + weight * phi2 * second.remainder
    return make_stage(problem, linear, LAST_NODE, scratch, expected)


@dataclass(frozen=True)
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
    return float(np.linalg.norm(phi(-h * linear.values)[2] * total))
