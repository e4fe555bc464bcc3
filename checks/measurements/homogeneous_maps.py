"""Homogeneous maps: training from s w_0 beside lazy training with α = s^q, by descent and by flow, and the relative scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checks.measurements.scaled_models import make_loss, second_derivative
from checks.measurements.streams import each_draw
from kernels.losses import Loss
from kernels.model_flow import model_flow
from kernels.models import Factorization, Model, QuadraticMap
from theory import scaled_bounds
from theory.width_bounds import scale_of_start, time_factor

DEGREES = {"product": 2, "quadratic form": 2, "relu": 2, "deep linear": 3}
STEPS, TIMES, HORIZON, RTOL = 40, 4, 2.0, 1e-5


@dataclass(frozen=True)
class ReluLayers:
    """h_i(w) = Σ_k a_k max(0, w_k·x_i) (+ c), w = (w_1, …, w_m, a (, c)); ``X`` (N, d).

    2-homogeneous without the output bias c.
    """

    X: np.ndarray
    width: int
    bias: bool = False

    def split(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Inner weights (m, d), a (m,), and c, 0 where there is none."""
        m, d = self.width, self.X.shape[1]
        return w[: m * d].reshape(m, d), w[m * d : m * (d + 1)], w[-1] if self.bias else 0.0

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        W, a, c = self.split(w)
        return np.maximum(self.X @ W.T, 0) @ a + c

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w), with derivative 0 at the kinks."""
        W, a, _ = self.split(w)
        Z = self.X @ W.T
        inner = np.einsum("ik,ij->ikj", (Z > 0) * a, self.X).reshape(len(self.X), -1)
        return np.hstack([inner, np.maximum(Z, 0), *([np.ones((len(self.X), 1))] if self.bias else [])])


@dataclass(frozen=True)
class DeepLinear:
    """h_i(w) = a·W_2W_1x_i, w = (W_1, W_2, a) flattened, all of ``width``; ``X`` (N, d); 3-homogeneous."""

    X: np.ndarray
    width: int

    def split(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """W_1, W_2 and a."""
        m, d = self.width, self.X.shape[1]
        return w[: m * d].reshape(m, d), w[m * d : m * (d + m)].reshape(m, m), w[m * (d + m) :]

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        W_1, W_2, a = self.split(w)
        return self.X @ W_1.T @ (W_2.T @ a)

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w)."""
        W_1, W_2, a = self.split(w)
        first = self.X @ W_1.T
        blocks = [np.einsum("k,ij->ikj", W_2.T @ a, self.X), np.einsum("k,ij->ikj", a, first), first @ W_2.T]
        return np.hstack([block.reshape(len(self.X), -1) for block in blocks])


@dataclass(frozen=True)
class Start:
    """A map, its start, targets."""

    model: Model
    start: np.ndarray
    targets: np.ndarray


def make(kind: str, seed: int, *, balanced: bool = False, bias: bool = False) -> Start:
    """The map of a kind; ``balanced``: a start with h(w_0) = 0, parts of it in pairs whose outputs cancel exactly."""
    rng = np.random.default_rng([seed, list(DEGREES).index(kind)])
    if kind == "product":
        U, V = rng.normal(size=(2, 2)), rng.normal(size=(2, 2))
        other = (U, -V) if balanced else rng.normal(size=(2, 2, 2))
        model, start = Factorization(2, 2, 4), np.hstack([U, other[0]]).ravel()
        start = np.concatenate([start, np.hstack([V, other[1]]).ravel()])
    elif kind == "quadratic form":
        C, start = rng.normal(size=(3, 4, 4)), rng.normal(size=8)
        C = C - C.transpose(0, 2, 1)  # so that u·Cu = 0
        A = np.block([[np.zeros_like(C), C], [C.transpose(0, 2, 1), np.zeros_like(C)]])
        model = QuadraticMap(np.zeros((3, 8)), A)
        start = np.concatenate([start[:4], start[:4]]) if balanced else start
    elif kind == "relu":
        model = ReluLayers(rng.normal(size=(4, 3)), 8, bias)
        start = rng.normal(size=8 * 4 + bias)
    else:
        X, W_1, W_2, a = (rng.normal(size=shape) for shape in ((4, 2), (3, 2), (3, 3), 3))
        if balanced:
            W_2[1], a = W_2[0], np.array([a[0], -a[0], 0.0])
        model, start = DeepLinear(X, 3), np.concatenate([W_1.ravel(), W_2.ravel(), a])
    return Start(model, start, rng.normal(size=len(model(start))))


def descend(case: Start, loss: Loss, start: np.ndarray, alpha: float, step: float) -> np.ndarray:
    """w_0, w_1, … of descent on R(αh)/α², (steps + 1, p)."""
    path = [start]
    for _ in range(STEPS):
        w = path[-1]
        gradient = loss.evaluate(alpha * case.model(w))[1] @ case.model.jacobian(w)
        path.append(w - step * (gradient / alpha))
    return np.array(path)


def safe_step(case: Start, s: float) -> float:
    """A step small against the curvature of the loss at w_0 and at s w_0, a power of two: with it descent stays bounded, and
    with s² times it, the control's, too."""
    slope = np.linalg.norm(case.model.jacobian(max(s, 1.0) * case.start), 2)
    return 2.0 ** np.floor(np.log2(0.05 / (slope**2 + np.linalg.norm(case.targets)) / max(s, 1.0) ** 2))


@each_draw
def descent_gaps(
    seed: int, *, kind: str, scales: Sequence[float], loss: str, bias: bool = False
) -> dict[str, np.ndarray]:
    """sup_k ‖w_k − s w_{α,k}‖/sup_k ‖w_k‖ of descent from s w_0 and s times descent with α = s^q, for every s, (scales,).

    ``right`` with step s^{2q−2}η for the latter, ``wrong`` with s^{2q}η.
    """
    case, q = make(kind, seed, bias=bias), DEGREES[kind]
    R, found = make_loss(loss, case.targets), {key: np.full(len(scales), np.nan) for key in ("right", "wrong")}
    for k, s in enumerate(scales):
        alpha, step = scale_of_start(s, q), safe_step(case, s)
        path = descend(case, R, s * case.start, 1.0, step)
        for key, factor in (("right", time_factor(s, q)), ("wrong", s ** (2 * q))):
            with np.errstate(over="ignore", invalid="ignore"):  # with the wrong step it may diverge
                found[key][k] = np.abs(path - s * descend(case, R, case.start, alpha, factor * step)).max()
            found[key][k] /= np.abs(path).max()
    return found


@each_draw
def flow_gaps(seed: int, *, kind: str, scales: Sequence[float], loss: str) -> dict[str, np.ndarray]:
    """sup_t ‖w_s(t) − s w_α(ct)‖/sup_t ‖w_s(t) − s w_0‖ for every s, (scales,).

    ``right`` with c = s^{2q−2}, ``wrong`` with c = s^{2q}. The two are followed at different tolerances, since the integrator
    itself commutes with the scaling: at one tolerance they agree to rounding.
    """
    case, q = make(kind, seed), DEGREES[kind]
    R, found = make_loss(loss, case.targets), {key: np.full(len(scales), np.nan) for key in ("right", "wrong")}
    for k, s in enumerate(scales):
        end = HORIZON / np.linalg.norm(case.model.jacobian(s * case.start), 2) ** 2
        times, alpha = np.linspace(0, end, TIMES + 1)[1:], scale_of_start(s, q)
        direct = model_flow(case.model, R, s * case.start, times=times, rtol=RTOL)
        for key, factor in (("right", time_factor(s, q)), ("wrong", s ** (2 * q))):
            other = model_flow(case.model, R, case.start, alpha=alpha, times=factor * times, rtol=RTOL / 10)
            if min(len(direct.times), len(other.times)) == TIMES:
                gap = np.linalg.norm(direct.displacements - s / alpha * other.displacements, axis=1).max()
                found[key][k] = gap / np.linalg.norm(direct.displacements, axis=1).max()
    return found


def relative_scale(case: Start, w: np.ndarray) -> float:
    """κ_h(w), with ‖D²h‖ of the unfolding: the law holds in any norm. Central differences of Dh are exact up to degree 3."""
    step = 2.0 ** np.round(np.log2(np.abs(w).max()))
    curvature = np.linalg.norm(second_derivative(case.model, w, step).reshape(-1, len(w)), 2)
    distance, slope = np.linalg.norm(case.model(w) - case.targets), np.linalg.norm(case.model.jacobian(w), 2)
    return scaled_bounds.relative_scale(float(distance), float(curvature), float(slope), 1.0)


@each_draw
def scale_law(seed: int, *, kind: str, scales: Sequence[float]) -> dict[str, np.ndarray]:
    """κ_h(s w_0) for every s where h(w_0) = 0, ``kappa``, and where not, ``other`` (scales,).

    ``error`` |s^q κ_h(s w_0)/κ_h(w_0) − 1| of the first, ``away`` of the second.
    """
    powers, found = np.array([scale_of_start(s, DEGREES[kind]) for s in scales]), {}
    for balanced, names in ((True, ("kappa", "error")), (False, ("other", "away"))):
        case = make(kind, seed, balanced=balanced)
        kappas = np.array([relative_scale(case, s * case.start) for s in scales])
        found[names[0]], found[names[1]] = kappas, np.abs(powers * kappas / relative_scale(case, case.start) - 1)
    return found
