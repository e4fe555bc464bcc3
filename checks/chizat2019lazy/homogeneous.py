"""homogeneous: for a q-homogeneous map starting from s w_0 is lazy training with α = s^q."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from checks.chizat2019lazy.scaled_flows import make_loss, second_derivative
from checks.claim import Claim, Findings, Run
from checks.inequality import inequality
from checks.running.sweep import Arrays
from checks.verdict import Evidence
from kernels.losses import Loss
from kernels.model_flow import model_flow
from kernels.models import Factorization, Model, QuadraticMap
from theory import scaled_bounds
from theory.width_bounds import scale_of_start, time_factor

DEGREES = {"product": 2, "quadratic form": 2, "relu": 2, "deep linear": 3}
SMOOTH = ("product", "quadratic form", "deep linear")
SCALES, FLOW_SCALES = (0.6, 1.7, 3.0), (0.6, 1.7)
POWERS = (0.25, 2.0, 8.0)  # by which a float is multiplied without rounding
STEPS, TIMES, HORIZON, RTOL = 40, 4, 2.0, 1e-5
AGREEMENT = 1e-4  # relative distance of two flows followed at `RTOL` and a tenth of it
ROUNDING = 1e-10  # relative, after `STEPS` steps, or in κ
LAST_PLACE = 2.0**-53
SEEDS = {"quick": 2, "standard": 4, "full": 48}
LOSSES = {"quick": ("square",), "standard": ("square", "soft far"), "full": ("square", "soft far", "soft near")}


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
class Case:
    """A map, its start, targets."""

    model: Model
    start: np.ndarray
    targets: np.ndarray


def make(kind: str, seed: int, *, balanced: bool = False, bias: bool = False) -> Case:
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
    return Case(model, start, rng.normal(size=len(model(start))))


def descend(case: Case, loss: Loss, start: np.ndarray, alpha: float, step: float) -> np.ndarray:
    """w_0, w_1, … of descent on R(αh)/α², (steps + 1, p)."""
    path = [start]
    for _ in range(STEPS):
        w = path[-1]
        gradient = loss.evaluate(alpha * case.model(w))[1] @ case.model.jacobian(w)
        path.append(w - step * (gradient / alpha))
    return np.array(path)


def safe_step(case: Case, s: float) -> float:
    """A step small against the curvature of the loss at w_0 and at s w_0, a power of two: with it descent stays bounded, and
    with s² times it, the control's, too."""
    slope = np.linalg.norm(case.model.jacobian(max(s, 1.0) * case.start), 2)
    return 2.0 ** np.floor(np.log2(0.05 / (slope**2 + np.linalg.norm(case.targets)) / max(s, 1.0) ** 2))


def descent_gaps(*, kind: str, seed: int, scales: Sequence[float], loss: str, bias: bool = False) -> Arrays:
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


def flow_gaps(*, kind: str, seed: int, scales: Sequence[float], loss: str) -> Arrays:
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


def relative_scale(case: Case, w: np.ndarray) -> float:
    """κ_h(w), with ‖D²h‖ of the unfolding: the law holds in any norm. Central differences of Dh are exact up to degree 3."""
    step = 2.0 ** np.round(np.log2(np.abs(w).max()))
    curvature = np.linalg.norm(second_derivative(case.model, w, step).reshape(-1, len(w)), 2)
    distance, slope = np.linalg.norm(case.model(w) - case.targets), np.linalg.norm(case.model.jacobian(w), 2)
    return scaled_bounds.relative_scale(float(distance), float(curvature), float(slope), 1.0)


def scale_law(*, kind: str, seed: int, scales: Sequence[float]) -> Arrays:
    """κ_h(s w_0) for every s where h(w_0) = 0, ``kappa``, and where not, ``other`` (scales,).

    ``error`` |s^q κ_h(s w_0)/κ_h(w_0) − 1| of the first, ``away`` of the second.
    """
    powers, found = np.array([scale_of_start(s, DEGREES[kind]) for s in scales]), {}
    for balanced, names in ((True, ("kappa", "error")), (False, ("other", "away"))):
        case = make(kind, seed, balanced=balanced)
        kappas = np.array([relative_scale(case, s * case.start) for s in scales])
        found[names[0]], found[names[1]] = kappas, np.abs(powers * kappas / relative_scale(case, case.start) - 1)
    return found


def extremes(run: Run, function: Callable[..., Arrays], cells: Sequence[dict], *keys: str) -> list[float]:
    """Over the cells the largest value of the first key and the least of the others; NaN if one is."""
    found = run.sweep.run(function, cells, "homogeneous")
    values = [np.concatenate([one[key] for one in found]) for key in keys]
    return [float(values[0].max()), *(float(value.min()) for value in values[1:])]


def parts(run: Run) -> Iterator[tuple[Evidence, Evidence | None]]:
    """Descent, exact and to rounding; flows; κ; each with its control."""
    seeds = [(run.seed << 16) + s for s in range(SEEDS[run.tier])]
    for kind, q in DEGREES.items():
        trained, name = (
            [{"kind": kind, "seed": s, "loss": loss} for s in seeds for loss in LOSSES[run.tier]],
            f"{kind} · q = {q}",
        )
        cells = [{**cell, "scales": POWERS} for cell in trained]
        (gap,) = extremes(run, descent_gaps, cells, "right")
        yield inequality(f"descent equal bit for bit · {name}", gap, LAST_PLACE), None
        cells = [{**cell, "scales": SCALES} for cell in trained]
        gap, least = extremes(run, descent_gaps, cells, "right", "wrong")
        control = inequality(f"descent with step s^2q η · {name}", least, ROUNDING)
        yield inequality(f"descent · {name}", gap, ROUNDING), control
        if kind in SMOOTH:
            cells = [{**cell, "scales": FLOW_SCALES} for cell in trained]
            gap, least = extremes(run, flow_gaps, cells, "right", "wrong")
            yield inequality(f"flow · {name}", gap, AGREEMENT), inequality(f"time s^2q t · {name}", least, AGREEMENT)
            cells = [{"kind": kind, "seed": seed, "scales": SCALES} for seed in seeds]
            gap, least = extremes(run, scale_law, cells, "error", "away")
            yield inequality(f"κ · {name}", gap, ROUNDING), inequality(f"κ with h(w_0) ≠ 0 · {name}", least, ROUNDING)


def biased(run: Run) -> Evidence:
    """Control: descent of the relu network with an output bias, the least distance."""
    seeds = [(run.seed << 16) + s for s in range(SEEDS[run.tier])]
    cells = [{"kind": "relu", "seed": seed, "loss": "square", "scales": SCALES, "bias": True} for seed in seeds]
    _, least = extremes(run, descent_gaps, cells, "right", "right")
    return inequality("descent · relu with an output bias", least, ROUNDING)


def check(run: Run) -> Findings:
    """All kinds, with the controls."""
    pairs = list(parts(run))
    controls = [control for _, control in pairs if control is not None]
    return Findings([part for part, _ in pairs], [*controls, biased(run)])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="homogeneous",
    source="Section 1.2, the remark on homogeneous models, of arXiv:1812.07956; proof in docs/theory.md",
    statement=(
        "for a q-homogeneous h the flow from s w_0 is w_s(t) = s w_α(s^{2q−2}t) with α = s^q, descent with step η is s times "
        "descent on F_α with step s^{2q−2}η, and κ_h(s w_0) = s^{−q}κ_h(w_0) if h(w_0) = 0"
    ),
    assumptions="h(sw) = s^q h(w) for s > 0; for the flow Dh locally Lipschitz, for κ h ∈ C²; relu by descent alone",
    predicted="distance 0 bit for bit if s is a power of two, ≤ 10⁻¹⁰ by rounding, flows ≤ 10⁻⁴; κ to 10⁻¹⁰",
    judge=(
        "UVᵀ, quadratic forms, deep linear networks (q = 3), two relu layers without output bias; s = 0.6, 1.7, 3 and 1/4, 2, "
        "8; 40 steps; flows at 10⁻⁵ and 10⁻⁶ to 2/‖Dh‖²; the largest distance, relative to the path, of 2, 4 or 48 seeds"
    ),
    control="step and time with s^{2q}, an output bias, κ with h(w_0) ≠ 0: in each the least distance of all seeds",
    figure="relative_scale_width",
    check=check,
)
