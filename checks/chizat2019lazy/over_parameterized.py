"""over-parameterized: beyond an explicit scale the flow converges at an explicit rate, close to its linearisation."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.optimize import brentq

from checks.chizat2019lazy.scaled_flows import EXPONENTS, LOSSES, MU, Drawn, M, draw, make_loss, suprema
from checks.claim import Claim, Findings, Run
from checks.deterministic_slope import deterministic_slope
from checks.equivalence import equivalence
from checks.inequality import worst_case
from checks.running.sweep import Arrays
from checks.verdict import Evidence
from kernels.losses import SquareLoss
from kernels.model_flow import ModelTrajectory, model_flow
from kernels.models import ComponentwiseMap, Linearised, Model
from theory.convergence_bounds import (
    convergence_drift_bound,
    convergence_prediction_bound,
    convergence_radius,
    convergence_rate,
    convergence_scale,
)

KINDS = ("quadratic", "curved directions", "inner weights", "two layers", "factorization")
CONSTANTS = {"square": (1.0, 1.0, 1.0), "soft far": (MU, M, M), "soft near": (MU, M, MU)}
"""μ, M and the curvature at the target of every loss."""

BOUND_KINDS = {"quick": ("quadratic", "factorization"), "standard": KINDS, "full": KINDS}
SEEDS = {"quick": 1, "standard": 2, "full": 20}
FACTORS = {"quick": (1.001,), "standard": (1.001, 5.0), "full": (1.001, 3.0, 10.0, 100.0)}  # in thresholds
LATE_KINDS, LATE_SEEDS = ("quadratic", "curved directions", "factorization"), {"quick": 2, "standard": 3, "full": 20}
LATE_FACTOR = 30.0  # the kernel is then within 1 % of its start
# The outputs αh(w) are rounded to 1e−16 α, so that residuals of e^{−8} still have the digits that the finer tolerance asks for.
DECAYS, POINTS, RTOL, EVALUATIONS = 8.0, 32, 1e-4, 4000
LATE_MARGIN = 0.02

SLOPE_CASES = {
    "quick": (("quadratic", "square"), ("factorization", "square")),
    "standard": (*itertools.product(KINDS, ("square",)), ("factorization", "soft far"), ("factorization", "soft near")),
}
SLOPE_CASES["full"] = SLOPE_CASES["standard"]
SIZES = tuple(
    10 ** (k / 2) for k in range(3, 9)
)  # α in ‖y*‖l/σ², beyond which corrections of relative order 1/α are below 1 %

STUCK = {"sin": 1.0, "parabola": 2.0, "cubic": 1.5}
"""α/y* below which convergence from w_0 = 0 fails."""
SHARES, STUCK_HORIZON = {"quick": (0.5, 0.99), "standard": (0.1, 0.5, 0.9, 0.99), "full": (0.1, 0.5, 0.9, 0.99)}, 40.0
SPHERE = 64


def singular_values(J: np.ndarray) -> tuple[float, float]:
    """Largest and least singular value of Jᵀ; the least is 0 if there are fewer parameters than outputs."""
    values = np.linalg.svd(J, compute_uv=False)
    return float(values[0]), float(values[-1]) if J.shape[0] <= J.shape[1] else 0.0


def best_radius(model: Model, start: np.ndarray, sigma: float) -> tuple[float, float]:
    """r_0 and the Lipschitz constant l of Dh within it, for the radius r with 2rl(r) = σ, which makes r_0 largest."""
    excess = lambda r: 2 * r * model.jacobian_lipschitz(start, r) - sigma  # noqa: E731
    upper = 1.0
    while excess(upper) < 0:
        upper *= 2
    r = brentq(excess, 0.0, upper, rtol=1e-12)
    lipschitz = model.jacobian_lipschitz(start, r)
    return convergence_radius(sigma, lipschitz, r), lipschitz


def threshold(drawn: Drawn, loss: str) -> tuple[float, float]:
    """C_0, and the scale ‖y*‖/C_0 from which convergence is guaranteed."""
    norm, sigma = singular_values(drawn.model.jacobian(drawn.start))
    mu, smooth, _ = CONSTANTS[loss]
    radius, _ = best_radius(drawn.model, drawn.start, sigma)
    scale = convergence_scale(smooth / mu, norm, sigma, radius)
    return scale, float(np.linalg.norm(drawn.targets)) / scale


def aimed(kind: str, seed: int, slowest: bool) -> Drawn:
    """The drawn model; ``slowest``: with its targets along the singular direction of Dh(w_0)ᵀ with the least value."""
    drawn = draw(kind, seed)
    if not slowest:
        return drawn
    U = np.linalg.svd(drawn.model.jacobian(drawn.start))[0]
    return Drawn(drawn.model, drawn.start, np.linalg.norm(drawn.targets) * U[:, -1])


def convergence(
    *, kind: str, seed: int, loss: str, factor: float, slowest: bool = False, offset: float = 0.0
) -> dict[str, np.ndarray]:
    """The flow at α = ``factor``·‖y*‖/C_0 against the bounds, up to e^{−8} of its slowest mode, (1,) each.

    ``offset`` is ‖h(w_0)‖/C_0, against the targets: αh = α(h − h(w_0)) + αh(w_0), so that the flow is that of the centred
    map with targets y* − αh(w_0). ``rate``: the bound over min_t ln(√c‖e_0‖/‖e_t‖)/t, e = y − y*; ``drift``,
    ``predictions``: measured over bound, for h(w_0) = 0; ``late``: −d ln‖e‖/dt over the second half, over the bound of the
    rate; ``… change`` when the tolerance is cut by ten; ``holds``: whether the hypotheses do. NaN without σ > 0.
    """
    keys = ("rate", "drift", "predictions", "late")
    drawn = aimed(kind, seed, slowest)
    norm, sigma = singular_values(drawn.model.jacobian(drawn.start))
    if sigma == 0.0:
        return {key: np.full(1, np.nan) for key in (*keys, *(f"{key} change" for key in keys))} | {"holds": np.zeros(1)}
    scale, least = threshold(drawn, loss)
    alpha, size = factor * least, float(np.linalg.norm(drawn.targets))
    targets = drawn.targets * (1 + alpha * offset * scale / size)
    times = np.geomspace(0.1 / norm**2, DECAYS / (CONSTANTS[loss][2] * sigma**2), POINTS)
    options = {"alpha": alpha, "times": times, "max_evaluations": EVALUATIONS}
    found = []
    for rtol in (RTOL, RTOL / 10):
        models = (drawn.model, Linearised(drawn.model, drawn.start))
        runs = [model_flow(h, make_loss(loss, targets), drawn.start, rtol=rtol, **options) for h in models]
        found.append(ratios(drawn, loss, targets, alpha, runs))
    changes = {f"{key} change": np.abs(found[0][key] - found[1][key]) for key in keys}
    return found[1] | changes | {"holds": np.array([float(factor > 1 and offset <= 1)])}


def ratios(drawn: Drawn, loss: str, targets: np.ndarray, alpha: float, runs: Sequence[ModelTrajectory]) -> Arrays:
    """``rate``, ``drift``, ``predictions`` and ``late`` of `convergence`; NaN where a flow did not reach its end."""
    if min(len(run.times) for run in runs) < POINTS:
        return {key: np.full(1, np.nan) for key in ("rate", "drift", "predictions", "late")}
    true, linear = runs
    norm, sigma = singular_values(drawn.model.jacobian(drawn.start))
    mu, smooth, _ = CONSTANTS[loss]
    c, size, rate = smooth / mu, float(np.linalg.norm(targets)), convergence_rate(mu, sigma)
    lipschitz = best_radius(drawn.model, drawn.start, sigma)[1]
    errors, half = np.linalg.norm(true.outputs - targets, axis=1), np.searchsorted(true.times, true.times[-1] / 2)
    drift = np.linalg.norm(true.displacements, axis=1).max() / alpha
    distance = np.linalg.norm(true.outputs - linear.outputs, axis=1).max()
    late = np.log(errors[half] / errors[-1]) / (true.times[-1] - true.times[half])
    return {
        "rate": np.array([rate / (np.log(np.sqrt(c) * size / errors) / true.times).min()]),
        "drift": np.array([drift / convergence_drift_bound(c, norm, sigma, size, alpha)]),
        "predictions": np.array([distance / convergence_prediction_bound(c, norm, sigma, lipschitz, size, alpha)]),
        "late": np.array([late / rate]),
    }


def distances_for_all_times(*, kind: str, seed: int, loss: str, sizes: Sequence[float]) -> dict[str, np.ndarray]:
    """Suprema to the end of convergence at α = ``sizes``·‖y*‖l/σ², (sizes,): ``drift``, ``path``, ``predictions``.

    ``change``: the largest relative change of the last of each when the tolerance is cut by ten.
    """
    drawn = draw(kind, seed)
    norm, sigma = singular_values(drawn.model.jacobian(drawn.start))
    unit = np.linalg.norm(drawn.targets) * best_radius(drawn.model, drawn.start, sigma)[1] / sigma**2
    times = np.geomspace(0.1 / norm**2, DECAYS / (CONSTANTS[loss][2] * sigma**2), POINTS)
    steps = [*((unit * size, RTOL) for size in sizes), (unit * sizes[-1], RTOL / 10)]
    function = make_loss(loss, drawn.targets)
    rows = [suprema(drawn, function, alpha=alpha, times=times, rtol=rtol) for alpha, rtol in steps]
    values = np.array([[row[key] for key in EXPONENTS] for row in rows])
    change = np.abs(values[-1] / values[-2] - 1).max(keepdims=True)
    return dict(zip(EXPONENTS, values[:-1].T, strict=True)) | {"change": change}


def stuck(*, name: str, share: float, outputs: int) -> dict[str, np.ndarray]:
    """w_0 = 0, y* = (1, …, 1), α = ``share`` of `STUCK`: (μσ²/4)/min_t ln(‖e_0‖/‖e_t‖)/t, and the last ‖e_t‖/‖e_0‖."""
    end = STUCK_HORIZON * max(1.0, 1 / abs(1 - share))  # the approach to a critical point is slow near the threshold
    targets, times = np.ones(outputs), np.geomspace(0.1, end, POINTS)
    alpha = share * STUCK[name]
    run = model_flow(ComponentwiseMap(name), SquareLoss(targets), np.zeros(outputs), alpha=alpha, times=times)
    errors = np.linalg.norm(run.outputs - targets, axis=1) / np.sqrt(outputs)
    rate = (-np.log(errors) / run.times).min() if len(run.times) == POINTS else np.nan
    return {"rate": np.array([convergence_rate(1.0, 1.0) / rate]), "left": errors[-1:]}


def least_on_sphere(*, kind: str, seed: int) -> dict[str, np.ndarray]:
    """(σ²/4)/λ_min(Dh(w)Dh(w)ᵀ) for the worst of 64 points w at distance r_0, half of them along Dh(w_0)ᵀ."""
    if kind in ComponentwiseMap.known:
        drawn = Drawn(ComponentwiseMap(kind), np.zeros(1), np.ones(1))
    else:
        drawn = draw(kind, seed)
    rng, J = np.random.default_rng(seed), drawn.model.jacobian(drawn.start)
    sigma = singular_values(J)[1]
    radius = best_radius(drawn.model, drawn.start, sigma)[0]
    directions = rng.normal(size=(SPHERE, len(drawn.start)))
    directions[::2] = rng.normal(size=(SPHERE // 2, len(J))) @ J
    points = drawn.start + radius * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    least = min(singular_values(drawn.model.jacobian(w))[1] for w in points)
    return {"ratio": np.array([sigma**2 / 4 / least**2])}


def model_seeds(run: Run, count: int) -> list[int]:
    """Seeds of the models."""
    return [(run.seed << 16) + s for s in range(count)]


def gather(run: Run, cells: Sequence[dict], title: str) -> dict[str, np.ndarray]:
    """What `convergence` finds, one entry a cell."""
    results = run.sweep.run(convergence, cells, title)
    return {key: np.concatenate([found[key] for found in results]) for key in results[0]}


def bound_parts(run: Run) -> Iterator[tuple[Evidence, Evidence | None]]:
    """Rate, drift and distance of predictions: the worst of all models and scales of a loss."""
    designs = [
        (kind, seed) for kind in (*BOUND_KINDS[run.tier], "neuron") for seed in model_seeds(run, SEEDS[run.tier])
    ]
    for loss in LOSSES:
        cells = [
            {"kind": kind, "seed": seed, "loss": loss, "factor": factor, "offset": offset}
            for (kind, seed), factor, offset in itertools.product(designs, FACTORS[run.tier], (0.0, 1.0))
        ]
        found = gather(run, cells, f"over-parameterized, {loss}")
        centred = {key: values[::2] for key, values in found.items()}
        yield bound(f"rate · {loss}", found, "rate"), None
        yield bound(f"drift · {loss}", centred, "drift"), None
        yield bound(f"predictions · {loss}", centred, "predictions"), None


def bound(part: str, found: dict[str, np.ndarray], key: str) -> Evidence:
    """The worst ratio ``key`` of those whose hypotheses hold."""
    return worst_case(part, found[key], 1.0, found[f"{key} change"], holds=found["holds"] != 0)


def late_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """The late rate over the guaranteed one, targets along the slowest mode; controls: 1.5 times the late rate."""
    seeds = model_seeds(run, LATE_SEEDS[run.tier])
    for loss in LOSSES:
        options = {"loss": loss, "factor": LATE_FACTOR, "slowest": True}
        cells = [options | {"kind": kind, "seed": seed} for kind in LATE_KINDS for seed in seeds]
        found, (mu, _, curvature) = gather(run, cells, f"over-parameterized, late, {loss}"), CONSTANTS[loss]
        predicted, name = 4 * curvature / mu, f"late rate over the bound · {loss}"
        fast = 1.5 * predicted * found["rate"]
        yield (
            equivalence(name, found["late"], predicted=predicted, margin=LATE_MARGIN * predicted),
            worst_case(f"rate 1.5 times that at the target · {loss}", fast, 1.0, control=True),
        )
        yield None, equivalence(f"{name}, as if the bound were met", found["late"], predicted=1.0, margin=LATE_MARGIN)


def slope_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """Exponents in α of the suprema over all times; the control: half the exponent."""
    cells = [
        {"kind": kind, "seed": run.seed << 16, "loss": loss, "sizes": list(SIZES)}
        for kind, loss in SLOPE_CASES[run.tier]
    ]
    results = run.sweep.run(distances_for_all_times, cells, "over-parameterized, exponents")
    for (cell, found), (key, slope) in itertools.product(zip(cells, results, strict=True), EXPONENTS.items()):
        yield tuple(
            deterministic_slope(
                f"{text} · {cell['kind']} · {cell['loss']}", SIZES, found[key], predicted=p, change=change
            )
            for change in found["change"]
            for text, p in ((f"{key} α^{slope:g}", slope), (f"{key} α^{slope / 2:g}", slope / 2))
        )


def sphere_parts(run: Run) -> Iterator[tuple[Evidence, Evidence | None]]:
    """λ_min(Dh(w)Dh(w)ᵀ) ≥ σ²/4 at distance r_0; the control: 3/4 in place of 1/4, on the parabola, which attains 1/4."""
    for kinds in (KINDS, ("parabola",)):
        cells = [{"kind": kind, "seed": seed} for kind in kinds for seed in model_seeds(run, SEEDS[run.tier])]
        found = run.sweep.run(least_on_sphere, cells, "over-parameterized, radius")
        ratio = np.concatenate([part["ratio"] for part in found])
        name = "parabola" if len(kinds) == 1 else "drawn models"
        control = (
            worst_case(f"3/4 of σ² within r_0 · {name}", 3 * ratio, 1.0, control=True) if len(kinds) == 1 else None
        )
        yield worst_case(f"σ²/4 within r_0 · {name}", ratio, 1.0), control


def stuck_controls(run: Run) -> Iterator[Evidence]:
    """Below the scale that a map needs nothing converges, judged by the rate of the bound."""
    for name in STUCK:
        cells = [{"name": name, "share": share, "outputs": n} for share in SHARES[run.tier] for n in (1, 3)]
        found = run.sweep.run(stuck, cells, "over-parameterized, below the threshold")
        ratio = np.concatenate([part["rate"] for part in found])
        yield worst_case(f"below {STUCK[name]:g}y* · {name}", ratio, 1.0, control=True)


def check(run: Run) -> Findings:
    """Bounds, late rates, exponents and the radius, with their controls."""
    kinds = (bound_parts, late_parts, slope_parts, sphere_parts)
    pairs = [pair for parts in kinds for pair in parts(run)]
    controls = [control for _, control in pairs if control is not None]
    return Findings([part for part, _ in pairs if part is not None], controls + list(stuck_controls(run)))


CLAIM = Claim(
    paper="chizat2019lazy",
    name="over-parameterized",
    source="Theorem 2.4 of arXiv:1812.07956; proof in docs/theory.md",
    statement=(
        "R M-smooth and μ-strongly convex, c = M/μ, σ = σ_min(Dh(w_0)ᵀ) > 0, ‖h(w_0)‖ ≤ C_0 and α > ‖y*‖/C_0: ‖y − y*‖ ≤ √c "
        "‖y(0) − y*‖e^{−μσ²t/4}; if h(w_0) = 0, sup‖w_α − w_0‖ ≤ 8c^{3/2}‖Dh‖‖y*‖/(ασ²), sup‖y − ȳ‖ = O(1/α), sup‖w_α − w̄_α‖ "
        "= O(log α/α²)"
    ),
    assumptions=(
        "Dh Lipschitz with constant l on the ball of radius r; r_0 = min(r, σ/(2l)), C_0 = σ²r_0/(16c^{3/2}‖Dh‖); more "
        "parameters than outputs. The single neuron does not meet them and is counted"
    ),
    predicted=(
        "ratios to the bounds ≤ 1; late rate 4 times the bound's (square loss, R_−), 4c = 16 times (R_+); exponents −1 "
        "(drift), −2 (path), −1 (predictions); sup‖y − ȳ‖ ≤ 20c³‖Dh‖³l‖y*‖²/(ασ⁵), far from tight"
    ),
    judge=(
        "r chosen to make r_0 largest, 2rl(r) = σ. Flows up to e^{−8} of the slowest mode, at 1.001 (standard: and 5) "
        "thresholds with h(w_0) = 0 and ‖h(w_0)‖ = C_0, worst of 5 kinds of models and 1 (quick) or 2 seeds, one part a loss; "
        "rate: μσ²/4 over min_t ln(√c‖e_0‖/‖e_t‖)/t. Late rate: second half of the flow, targets along the slowest mode, 30 "
        "thresholds, so that the kernel moves by less than 1 %; mean over the models within 2 %. Exponents: last three local "
        "slopes over α from 30 to 10⁴ times ‖y*‖l/σ² within 0.02. Radius: 64 points at distance r_0. Numerical error: the "
        "change when the tolerance is cut by ten"
    ),
    control=(
        "1.5 times the curvature at the target times σ² as the rate, judged by the run closest to it; the bound's rate as the "
        "late rate; half the exponents; 3/4 for 1/4 within r_0 (parabola); below the true threshold sin, parabola and cubic "
        "do not converge"
    ),
    figure="lazy_tightness",
    check=check,
)
