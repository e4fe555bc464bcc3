"""relative-scale: κ_{αh}(w_0) governs how far the predictions are from those of the linearised model."""

from collections.abc import Iterator, Sequence

import numpy as np

from checks.chizat2019lazy.general_lazy import ALPHAS, PAIRED, PAIRED_ALPHAS, PAIRED_RTOL, cell, measured
from checks.chizat2019lazy.scaled_flows import KINDS, Drawn, draw, horizon_times, second_derivative, suprema
from checks.claim import Claim, Findings, Run
from checks.deterministic_slope import worst_slope
from checks.inequality import worst_case
from checks.running.sweep import Arrays
from checks.verdict import Evidence
from kernels.losses import SquareLoss
from kernels.models import Model, QuadraticMap
from theory.scaled_bounds import relative_scale

HORIZONS = {"quick": (0.01, 1.0), "standard": (0.01, 1.0, 10.0), "full": (0.01, 0.1, 1.0, 10.0)}
SEEDS = {"quick": 1, "standard": 3, "full": 64}
SCALES = [1e-3, 1e-4]
ALONE = "one parameter"
FAR_ALPHAS, RTOL = [10.0 ** (k / 2) for k in range(6, 10)], 1e-6
STEP, STEP_ERROR = 1e-4, 1e-6


def curvature_bound(model: Model, w: np.ndarray) -> float:
    """Upper bound of ‖D²h(w)‖ = sup ‖D²h[u, v]‖ over unit u, v, up to `STEP_ERROR`: the smaller norm of two unfoldings.

    As a map of v to D²h[·, v] with the Frobenius norm, or of uvᵀ to D²h[u, v], its norm is at least ‖D²h‖.
    """
    D2 = second_derivative(model, w, STEP)
    N, p, _ = D2.shape
    return float(min(np.linalg.norm(D2.reshape(N * p, p), 2), np.linalg.norm(D2.reshape(N, p * p), 2)))


def make(kind: str, seed: int, centred: bool = True) -> Drawn:
    """A drawn model, or for `ALONE` the sharp one, h(w) = w + w²/2 with y* = 1."""
    if kind == ALONE:
        return Drawn(QuadraticMap(np.ones((1, 1)), np.ones((1, 1, 1))), np.zeros(1), np.ones(1))
    return draw(kind, seed, centred=centred)


def scale(drawn: Drawn, alpha: float) -> float:
    """κ_{αh}(w_0), with the bound of ‖D²h(w_0)‖."""
    residual = float(np.linalg.norm(alpha * drawn.model(drawn.start) - drawn.targets))
    slope = float(np.linalg.norm(drawn.model.jacobian(drawn.start), 2))
    return relative_scale(residual, curvature_bound(drawn.model, drawn.start), slope, alpha)


def relative_distances(drawn: Drawn, alphas: Sequence[float], horizon: float, rtol: float) -> np.ndarray:
    """sup ‖y − ȳ‖/‖αh(w_0) − y*‖ over 24 times up to ``horizon``/‖Dh(w_0)‖², (alphas,); NaN where a flow did not get there."""
    times, loss, value = horizon_times(drawn, horizon), SquareLoss(drawn.targets), drawn.model(drawn.start)
    found = [suprema(drawn, loss, alpha=alpha, times=times, rtol=rtol)["predictions"] for alpha in alphas]
    return np.array(found) / [np.linalg.norm(alpha * value - drawn.targets) for alpha in alphas]


def shares(*, kind: str, seed: int, horizon: float) -> Arrays:
    """``share``: relative distance over K²κ at the two α where κ_{αh}(w_0) is `SCALES`, (2,).

    The share differs from its limit as α → ∞ by a term linear in κ, hence by a ninth of the difference of the two at the
    second; ``change`` is that difference, plus the error of ‖D²h(w_0)‖, which also covers the tolerance, 1e−3 of the distance.
    """
    drawn = make(kind, seed)
    alphas = [scale(drawn, 1.0) / kappa for kappa in SCALES]
    # the two flows are apart by about Kκ of their length
    rtol = min(1e-6, 1e-3 * min(horizon, 1.0) * SCALES[-1])
    share = relative_distances(drawn, alphas, horizon, rtol) / (horizon**2 * np.array(SCALES))
    return {"share": share, "change": abs(share[1] - share[0]) + STEP_ERROR * share[1]}


def uncentred(*, kind: str, seed: int, alphas: Sequence[float]) -> Arrays:
    """``distance``, relative, on the horizon 1/‖Dh(w_0)‖², and ``scale`` κ_{αh}(w_0), where h(w_0) ≠ 0; (alphas,)."""
    drawn = make(kind, seed, centred=False)
    values = {"distance": relative_distances(drawn, alphas, 1.0, RTOL)}
    return values | {"scale": np.array([scale(drawn, alpha) for alpha in alphas])}


def bound_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """The bound for each horizon, the worst of all kinds; the control: a lower bound of half its size, the worst.

    For the sharp model at K = 0.01 the control is half the bound.
    """
    kinds, horizons = [ALONE, *KINDS], HORIZONS[run.tier]
    seeds = [run.seed + s for s in range(SEEDS[run.tier])]
    cells = [
        {"kind": kind, "seed": seed, "horizon": K}
        for K in horizons
        for kind in kinds
        for seed in (seeds if kind != ALONE else [0])
    ]
    found = run.sweep.run(shares, cells, "relative-scale")
    for K in horizons:
        own = [(c["kind"], f["share"][-1], f["change"]) for c, f in zip(cells, found, strict=True) if c["horizon"] == K]
        share, change = (np.array([row[i] for row in own]) for i in (1, 2))
        drawn = np.array([row[0] != ALONE for row in own])
        yield (
            worst_case(f"distance ≤ K²κ · drawn · K = {K:g}", share[drawn], 1.0, change[drawn]),
            worst_case(f"distance ≥ K²κ/2 · drawn · K = {K:g}", 0.5, share[drawn]),
        )
        if K == min(horizons):
            yield (
                worst_case(f"distance ≤ K²κ · w + w²/2 · K = {K:g}", share[~drawn], 1.0, change[~drawn]),
                worst_case(f"distance ≤ K²κ/2 · w + w²/2 · K = {K:g}", share[~drawn], 0.5, 2 * change[~drawn]),
            )


def slope_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """Slope in κ along α for each kind, 1, and 2 for paired units; the control: half the slope."""
    for kinds, alphas, slope, options in (
        (KINDS, ALPHAS[run.tier], 1.0, {"loss": "square"}),
        (PAIRED, PAIRED_ALPHAS, 2.0, {"paired": True, "rtol": PAIRED_RTOL}),
    ):
        cells = [cell(kind, run.seed, alphas) | options for kind in kinds]
        for c, f, change in zip(cells, *measured(run, cells, "relative-scale, slopes"), strict=True):
            drawn = draw(c["kind"], c["seed"], paired=c.get("paired", False))
            kappas = [scale(drawn, alpha) for alpha in alphas]
            rows = [f["predictions"] / np.linalg.norm(drawn.targets)]
            name = f"{'paired ' * (slope == 2.0)}{c['kind']}"
            yield (
                worst_slope(name, kappas, rows, predicted=slope, changes=[change["predictions"]]),
                worst_slope(f"half the slope · {name}", kappas, rows, predicted=slope / 2, control=True),
            )


def plateau_controls(run: Run) -> Iterator[Evidence]:
    """Where h(w_0) ≠ 0 neither κ nor the distance falls: slope −1 in α is refuted for both."""
    cells = [{"kind": kind, "seed": run.seed, "alphas": FAR_ALPHAS} for kind in KINDS]
    for c, found in zip(cells, run.sweep.run(uncentred, cells, "relative-scale, h(w_0) ≠ 0"), strict=True):
        for key in ("distance", "scale"):
            name = f"h(w_0) ≠ 0 · {key} · {c['kind']}"
            yield worst_slope(name, FAR_ALPHAS, [found[key]], predicted=-1.0, control=True)


def check(run: Run) -> Findings:
    """The bound and the slopes, with their controls."""
    pairs = [*bound_parts(run), *slope_parts(run)]
    return Findings([part for part, _ in pairs], [*(control for _, control in pairs), *plateau_controls(run)])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="relative-scale",
    source="Section 1.2 of arXiv:1812.07956, made precise by the limit of its Theorem 2.3; proof in docs/theory.md",
    statement=(
        "κ_{αh}(w_0) = (1/α)‖αh(w_0) − y*‖‖D²h(w_0)‖/‖Dh(w_0)‖²; if h(w_0) = 0, T = K/‖Dh(w_0)‖² and α → ∞, "
        "limsup (‖y(T) − ȳ(T)‖/‖αh(w_0) − y*‖)/κ_{αh}(w_0) ≤ K², and for a fixed model the distance is proportional to κ"
    ),
    assumptions="square loss, h twice continuously differentiable, h(w_0) = 0 for (i) and (ii)",
    predicted="distance over K²κ ≤ 1, one-sided; .9867 at K = .01 for h(w) = w + w²/2; slope 1 in κ, 2 for paired units",
    judge=(
        "‖D²h(w_0)‖ ≤ the smaller norm of two unfoldings. Bound: κ = 1e−4, the change from κ = 1e−3 as error, worst of all "
        "kinds, 1 (quick) or 3 seeds, K = .01, 1 and, not in quick, 10. Slopes: α and tolerances as in general-lazy, K = 1"
    ),
    control=(
        "half of K²κ as a lower bound (not proportional across models), and as an upper one where it is sharp; half the "
        "slopes; slope −1 in α of κ and of the distance where h(w_0) ≠ 0: both reach a plateau"
    ),
    figure="lazy_distance",
    check=check,
)
