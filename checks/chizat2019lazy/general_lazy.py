"""general-lazy: on a fixed horizon drift, path and predictions approach those of the linearised model as α grows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from checks.chizat2019lazy.scaled_flows import EXPONENTS, KINDS, LOSSES, distances, draw, make_loss
from checks.claim import Claim, Findings, Run
from checks.deterministic_slope import worst_slope
from checks.inequality import inequality, worst_case
from checks.running.sweep import Arrays
from checks.verdict import Evidence
from kernels.losses import SquareLoss
from kernels.model_flow import model_flow
from theory.scaled_bounds import largest_drift

ALPHAS = {
    tier: [10.0 ** (k / 2) for k in range(least, 11)] for tier, least in (("quick", 7), ("standard", 7), ("full", 4))
}
PAIRED_ALPHAS = [10.0 ** (k / 2) for k in range(3, 7)]
SEEDS = {"quick": 1, "standard": 2, "full": 8}
# in quick a loss that is not quadratic, whose flows take ten times as many steps, meets one kind
SOFT_KINDS = {"quick": {"soft far": KINDS[:1], "soft near": KINDS[-1:]}, "standard": dict.fromkeys(LOSSES, KINDS)}
SOFT_KINDS["full"] = SOFT_KINDS["standard"]
SOFT_SEEDS = {"quick": 1, "standard": 1, "full": 8}
PAIRED = ("inner weights", "two layers")
HORIZON, RTOL, FINE, PAIRED_RTOL = 1.0, 1e-6, 1e-8, 1e-9
DRIFT_ALPHAS = {"quick": [1.0], "standard": [0.1, 1.0, 100.0]}
DRIFT_ALPHAS["full"] = DRIFT_ALPHAS["standard"]
DRIFT_HORIZON, DRIFT_RTOLS, DRIFT_SEEDS = 8.0, (1e-3, 1e-4), {"quick": 1, "standard": 1, "full": 16}
CORNER = {"quick": 0.01, "standard": 0.001, "full": 0.001}


@dataclass(frozen=True)
class SteadyDescent:
    """h: R → R with h(0) = 0 for which ½(h − y*)² = F(w) = ½(1 − w + √((1 − w)² + ε²)), y* = √(2F(0)), ε = ``corner``.

    F falls with slope −1 up to w = 1 and is nearly 0 from there on: the loss is spent at constant speed, so that the bound on
    the drift is met up to O(ε log 1/ε) at t = 1.
    """

    corner: float

    def _loss(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rest = 1 - w
        size = np.hypot(rest, self.corner)
        return np.where(rest > 0, (rest + size) / 2, self.corner**2 / (2 * (size - rest))), size

    @property
    def targets(self) -> np.ndarray:
        """y* (1,)."""
        return np.sqrt(2 * self._loss(np.zeros(1))[0])

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        return self.targets - np.sqrt(2 * self._loss(w)[0])

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w) = −F'/√(2F) with F' = −F/√((1 − w)² + ε²)."""
        loss, size = self._loss(w)
        return (np.sqrt(loss / 2) / size)[None]


def drift_shares(
    *, kind: str, seed: int, loss: str, alphas: Sequence[float], horizon: float, centred: bool = True
) -> Arrays:
    """sup_t ‖w_α − w_0‖/(√(tR(αh(w_0)))/α) over 12 times up to ``horizon``/‖Dh(w_0)‖², (alphas,), and its ``change``.

    The change is absolute, when the tolerance is cut by ten. NaN where a flow did not reach the horizon.
    """
    drawn = draw(kind, seed, centred=centred)
    model, R = drawn.model, make_loss(loss, drawn.targets)
    end = horizon / np.linalg.norm(model.jacobian(drawn.start), 2) ** 2
    times = np.geomspace(0.02 * end, end, 12)
    found = {"share": np.full(len(alphas), np.nan), "change": np.full(len(alphas), np.nan)}
    for k, alpha in enumerate(alphas):
        bound = [largest_drift(t, R.evaluate(alpha * model(drawn.start))[0], alpha) for t in times]
        runs = [model_flow(model, R, drawn.start, alpha=alpha, times=times, rtol=rtol) for rtol in DRIFT_RTOLS]
        if min(len(run.times) for run in runs) == len(times):
            coarse, fine = ((np.linalg.norm(run.displacements, axis=1) / alpha / bound).max() for run in runs)
            found["share"][k], found["change"][k] = fine, abs(fine - coarse)
    return found


def steady_share(*, corner: float) -> Arrays:
    """As `drift_shares`, at t = 1 and α = 1, for `SteadyDescent`."""
    model = SteadyDescent(corner)
    R = SquareLoss(model.targets)
    bound = largest_drift(1.0, R.evaluate(np.zeros(1))[0], 1.0)
    runs = [model_flow(model, R, np.zeros(1), times=[1.0], rtol=rtol) for rtol in DRIFT_RTOLS]
    coarse, fine = (abs(float(run.displacements[-1, 0])) / bound for run in runs)
    return {"share": np.array(fine), "change": np.array(abs(fine - coarse))}


def cell(kind: str, seed: int, alphas: list[float], **options: object) -> dict:
    """Arguments of `distances` that the claims share, so that they share its records."""
    return {"kind": kind, "seed": seed, "alphas": alphas, "horizon": HORIZON, "rtol": RTOL, **options}


def measured(run: Run, cells: Sequence[dict], name: str) -> tuple[list[Arrays], list[Arrays]]:
    """`distances` of the cells, and by how much each, relatively, is off at the last α when the tolerance is cut."""
    fine = [{**c, "alphas": c["alphas"][-1:], "rtol": c["rtol"] * FINE / RTOL} for c in cells]
    found = run.sweep.run(distances, [*cells, *fine], name)
    coarse, fine = found[: len(cells)], found[len(cells) :]
    return coarse, [
        {key: abs(c[key][-1] / f[key][0] - 1) for key in EXPONENTS} for c, f in zip(coarse, fine, strict=True)
    ]


def slope_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """The three exponents for each kind, the worst of losses and seeds; controls: half the exponent, the mildest."""
    alphas, soft_kinds = ALPHAS[run.tier], SOFT_KINDS[run.tier]
    designs = [("square", kind, s) for kind in KINDS for s in range(SEEDS[run.tier])]
    designs += [
        (loss, kind, s) for loss in LOSSES[1:] for kind in soft_kinds[loss] for s in range(SOFT_SEEDS[run.tier])
    ]
    cells = [cell(kind, run.seed + s, alphas, loss=loss) for loss, kind, s in designs]
    found, changes = measured(run, cells, "general-lazy")
    for kind in KINDS:
        own = [k for k, c in enumerate(cells) if c["kind"] == kind]
        for key, exponent in EXPONENTS.items():
            rows, change = [found[k][key] for k in own], [changes[k][key] for k in own]
            yield (
                worst_slope(f"{key} · {kind}", alphas, rows, predicted=exponent, changes=change),
                worst_slope(f"half the exponent · {key} · {kind}", alphas, rows, predicted=exponent / 2, control=True),
            )


def paired_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """Predictions of paired units: exponent −2; the control: −1."""
    seeds = [run.seed + s for s in range(SEEDS[run.tier])]
    for kind in PAIRED:
        cells = [cell(kind, seed, PAIRED_ALPHAS, paired=True) | {"rtol": PAIRED_RTOL} for seed in seeds]
        found, changes = measured(run, cells, "general-lazy, paired")
        rows, change = [f["predictions"] for f in found], [c["predictions"] for c in changes]
        name = f"predictions · paired {kind}"
        yield (
            worst_slope(name, PAIRED_ALPHAS, rows, predicted=-2.0, changes=change),
            worst_slope(f"exponent −1 · {name}", PAIRED_ALPHAS, rows, predicted=-1.0, control=True),
        )


def drift_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """The bound on the drift for each loss, and for `SteadyDescent`; controls: a quarter of it, and 0.95 of it there."""
    seeds = [run.seed + s for s in range(DRIFT_SEEDS[run.tier])]
    for loss in LOSSES:
        kinds = SOFT_KINDS[run.tier].get(loss, KINDS)
        options = {"loss": loss, "alphas": DRIFT_ALPHAS[run.tier], "horizon": DRIFT_HORIZON}
        cells = [{"kind": kind, "seed": seed, **options} for kind in kinds for seed in seeds]
        found = run.sweep.run(drift_shares, cells, "general-lazy, drift")
        share, change = (np.concatenate([f[key] for f in found]) for key in ("share", "change"))
        yield (
            worst_case(f"drift ≤ √(tR_0)/α · {loss}", share, 1.0, change),
            worst_case(f"drift ≤ √(tR_0)/(4α) · {loss}", share, 0.25, 4 * change),
        )
    found = run.sweep.run(steady_share, [{"corner": CORNER[run.tier]}], "general-lazy, steady descent")[0]
    share, change = float(found["share"]), float(found["change"])
    yield (
        inequality("drift ≤ √(tR_0)/α · steady descent", share, 1.0, change=change),
        inequality("drift ≤ 0.95√(tR_0)/α · steady descent", share, 0.95, change=change),
    )


def fixed_controls(run: Run) -> Iterator[Evidence]:
    """Nominal sweeps in which the targets grow with α, αy*: the flow of w is that of α = 1 throughout, whatever α."""
    cells = [cell(kind, run.seed, [1.0]) for kind in (KINDS[::3] if run.tier == "quick" else KINDS)]
    for c, found in zip(cells, run.sweep.run(distances, cells, "general-lazy, α = 1"), strict=True):
        rows = [np.full(len(ALPHAS[run.tier]), found["drift"][0])]
        yield worst_slope(f"α fixed at 1 · drift · {c['kind']}", ALPHAS[run.tier], rows, predicted=-1.0, control=True)


def check(run: Run) -> Findings:
    """The exponents and the bound, with their controls."""
    pairs = [*slope_parts(run), *paired_parts(run), *drift_parts(run)]
    return Findings([part for part, _ in pairs], [*(control for _, control in pairs), *fixed_controls(run)])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="general-lazy",
    source="Theorem 2.2 of arXiv:1812.07956; proof in docs/theory.md",
    statement=(
        "if h(w_0) = 0, on a fixed horizon sup‖w_α − w_0‖ = O(1/α), sup‖w_α − w̄_α‖ = O(1/α²), sup‖y − ȳ‖ = O(1/α); and "
        "‖w_α(t) − w_0‖ ≤ √(tR(αh(w_0)))/α for every α and t"
    ),
    assumptions=(
        "h differentiable with locally Lipschitz Dh, R ≥ 0 with Lipschitz gradient; h(w_0) = 0 for the exponents, which the "
        "bound on the drift does not need"
    ),
    predicted="slopes −1, −2, −1 in α, and −2 for the predictions of paired units; drift over its bound ≤ 1, supremum 1",
    judge=(
        "T = 1/‖Dh(w_0)‖²; slopes of suprema over 24 times for α = 10^3.5..1e5 by half decades, paired units 10^1.5..1e3, "
        "beyond which rounding of αh is seen; for each kind the worst of losses and of 1 (quick) or 2 seeds. "
        "Drift: worst of all kinds, α = 1 (quick) or 0.1..100, t ≤ 8/‖Dh(w_0)‖². Change: tolerance cut by ten, for slopes by a "
        "hundred"
    ),
    control="half the exponents; −1 for paired units; targets that grow with α; a quarter of the bound, 0.95 of it where sharp",
    figure="lazy_distance",
    check=check,
)
