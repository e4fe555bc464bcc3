"""decay-lemma: y' = −Σ(t)∇R(y) with Σ(t) ⪰ λ decays at the rate μλ, up to the root of the condition number."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.integrate import solve_ivp

from checks.chizat2019lazy.scaled_flows import LOSSES, MU, M, make_loss
from checks.claim import Claim, Findings, Run
from checks.inequality import worst_case
from checks.running.sweep import Arrays
from checks.verdict import Evidence
from kernels.losses import SquareLoss
from theory.convergence_bounds import decay_envelope

SEEDS = {"quick": 3, "standard": 12, "full": 100}
SPEEDS = {"quick": (1e2, 1e4, 1e6), "standard": (1e2, 1e3, 1e4, 1e5, 1e6), "full": (1e2, 1e4, 1e6, 1e8)}  # β
CONDITIONS = {"quick": (4.0,), "standard": (4.0, 100.0), "full": (4.0, 100.0, 1e4)}  # M/μ
TOLERANCES, TIMES = (1e-7, 1e-8), 24

Field = Callable[[float, np.ndarray], np.ndarray]


def random_path(*, loss: str, outputs: int, lam: float, seed: int) -> dict[str, np.ndarray]:
    """Worst ‖y(t) − y*‖ over the bound of Σ(t) = λI + A(t)A(t)ᵀ, A(t) = A_0 + A_1 cos ωt + A_2 sin ωt of random rank.

    ``ratio``, and its ``change`` when the tolerance is cut by ten.
    """
    rng = np.random.default_rng(seed)
    targets, parts = rng.normal(size=outputs), rng.normal(size=(3, outputs, rng.integers(1, outputs + 1)))
    omega, start, function = 3 * lam * rng.uniform(), 3 * rng.normal(size=outputs), make_loss(loss, targets)

    def field(t: float, y: np.ndarray) -> np.ndarray:
        gradient = function.evaluate(y)[1]
        A = parts[0] + parts[1] * np.cos(omega * t) + parts[2] * np.sin(omega * t)
        return -lam * gradient - A @ (A.T @ gradient)

    mu, smooth = (1.0, 1.0) if isinstance(function, SquareLoss) else (MU, M)
    times = np.linspace(0, 3 / (mu * lam), TIMES + 1)[1:]
    return worst(field, start, targets, times, mu, smooth, lam)


def along_level_set(*, speed: float, condition: float, lam: float) -> dict[str, np.ndarray]:
    """R = ½yᵀdiag(1, c)y, from (0, 1): Σ = λI + βvvᵀ up to the time 1/λ or until y is on
    the first axis, from where Σ = λI keeps the ratio.

    v makes the angle (β/λ)^{−3/4} with the level set, so that y moves along it at the speed β^{1/4} while R decays at a rate of
    order β^{−1/2}. Σ depends on t through y alone.
    """
    hessian, angle = np.array([1.0, condition]), (speed / lam) ** -0.75

    def field(t: float, y: np.ndarray) -> np.ndarray:
        gradient = hessian * y
        n = gradient / np.linalg.norm(gradient)
        v = np.cos(angle) * np.array([-n[1], n[0]]) + np.sin(angle) * n
        return -lam * gradient - speed * v * (v @ gradient)

    def arrival(t: float, y: np.ndarray) -> float:
        return y[1]

    arrival.terminal = True
    found = []
    for rtol in TOLERANCES:
        run = solve_ivp(field, (0, 1 / lam), [0.0, 1.0], "DOP853", rtol=rtol, atol=1e-3 * rtol, events=arrival)
        t, y = run.t, run.y
        if not run.success:
            found.append(np.nan)
            continue
        found.append(max(np.linalg.norm(y[:, k]) / decay_envelope(1.0, condition, lam, s) for k, s in enumerate(t)))
    ratio = np.array(found[1:])
    return {"ratio": ratio, "without": ratio * np.sqrt(condition), "change": np.abs(ratio - found[0])}


def worst(
    field: Field, start: np.ndarray, targets: np.ndarray, times: np.ndarray, mu: float, smooth: float, lam: float
) -> Arrays:
    """Largest ‖y(t) − y*‖/(bound) over ``times``, and its change when the tolerance is cut by ten."""
    size, found = np.linalg.norm(start - targets), []
    for rtol in TOLERANCES:
        run = solve_ivp(field, (0, times[-1]), start, "LSODA", t_eval=times, rtol=rtol, atol=rtol * 1e-4)
        errors = np.linalg.norm(run.y.T - targets, axis=1) / size if run.success else np.full(len(times), np.nan)
        found.append(max(e / decay_envelope(mu, smooth, lam, t) for e, t in zip(errors, times, strict=True)))
    return {"ratio": np.array(found[1:]), "change": np.array([abs(found[0] - found[1])])}


def random_parts(run: Run) -> Iterator[Evidence]:
    """Random Σ(t): the worst of all seeds, one part a loss."""
    for loss in LOSSES:
        cells = [
            {"loss": loss, "outputs": 1 + s % 4, "lam": 10.0 ** (s % 3 - 1), "seed": (run.seed << 16) + s}
            for s in range(SEEDS[run.tier])
        ]
        results = run.sweep.run(random_path, cells, f"decay-lemma, {loss}")
        ratio, change = (np.concatenate([found[key] for found in results]) for key in ("ratio", "change"))
        yield worst_case(f"random Σ(t) · {loss}", ratio, 1.0, change)


def extreme_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """Motion along a level set, one part a condition number; the control: the bound without (M/μ)^{1/2}."""
    for condition in CONDITIONS[run.tier]:
        cells = [{"speed": speed, "condition": condition, "lam": 1.0} for speed in SPEEDS[run.tier]]
        results = run.sweep.run(along_level_set, cells, "decay-lemma, worst case")
        ratio, without, change = (
            np.concatenate([found[key] for found in results]) for key in ("ratio", "without", "change")
        )
        name, change_without = f"along a level set · M/μ = {condition:g}", change * without / ratio
        yield (
            worst_case(name, ratio, 1.0, change),
            worst_case(f"without (M/μ)^½ · {name}", without, 1.0, change_without, control=True),
        )


def check(run: Run) -> Findings:
    """Random and worst Σ(t), with the control."""
    pairs = list(extreme_parts(run))
    return Findings([*random_parts(run), *(part for part, _ in pairs)], [control for _, control in pairs])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="decay-lemma",
    source="Lemma B.1 of arXiv:1812.07956; proof in docs/theory.md",
    statement="y' = −Σ(t)∇R(y) with symmetric Σ(t) ⪰ λ > 0: ‖y(t) − y*‖ ≤ (M/μ)^{1/2} ‖y(0) − y*‖ e^{−μλt}",
    assumptions="R M-smooth and μ-strongly convex with minimiser y*; Σ piecewise continuous",
    predicted="ratio to the bound ≤ 1; → 1 for a motion along a level set as β → ∞, 0.96 at β = 10⁶ and M/μ = 4",
    judge=(
        "largest ratio over the steps or 24 times up to 3/(μλ). Random Σ(t) = λI + A(t)A(t)ᵀ in 1 to 4 dimensions, square and "
        "both log-cosh losses, worst of 3 (quick) or 12 seeds; Σ = λI + βvvᵀ with v at angle β^{−3/4} to the level set of "
        "½yᵀdiag(1, M/μ)y, worst over β. Numerical error: the change when the tolerance is cut by ten, 1e−7 to 1e−8"
    ),
    control="the bound without (M/μ)^{1/2}, judged by the β closest to it",
    figure="lazy_tightness",
    check=check,
)
