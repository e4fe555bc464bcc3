"""How tight the bounds of lazy training are, and where convergence really fails."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.chizat2019lazy import finite_horizon, over_parameterized, under_parameterized
from checks.claim import Claim, Run
from checks.measurements.convergence import STUCK, convergence, stuck
from checks.measurements.horizon_distances import within_radius
from checks.measurements.kernel_paths import decay_along_a_level_set, scalar_stability
from checks.measurements.local_minima import limits
from checks.running.seeds import stream_of
from figures.style import DOTTED, GREYS, MARKERS, PREDICTED, legend

CAPTION = (
    "Claims chizat2019lazy/finite-horizon, chizat2019lazy/over-parameterized, chizat2019lazy/under-parameterized, "
    "chizat2019lazy/decay-lemma and chizat2019lazy/stability-lemma. Left: measured over bound against α over the least α "
    "that the theorem admits, square loss; finite horizon K for h = w + w²/2 with radius K; rate of decay, drift and "
    "predictions for all times for a drawn quadratic map with more parameters than outputs; dashed: 1, the bound; dotted: "
    "1/4, the limit of the rate. Middle: final error over ‖y⋆‖ against α/y⋆ for three maps with w_0 = 0, Dh(w_0) = 1; "
    "dashed: predicted; dotted: guaranteed threshold. Right: what tends to 1: the worst cases of the two lemmas against the "
    "speed β and the start s, and the late rate of an under-parameterized map over its limit against α."
)
COLUMNS = ("panel", "series", "x", "y", "predicted")
HORIZONS, LONGEST = (1.0, 0.01), 2.0  # LONGEST: decades of α
POINTS = {"quick": 5, "standard": 9, "full": 17}
SHARES = {"quick": 10, "standard": 20, "full": 40}
GUARANTEED = 32.0
LEGENDS = (
    ({"bound": PREDICTED, "limit of the rate": DOTTED}, {"loc": "lower left"}),
    ({"predicted": PREDICTED, "guaranteed above": DOTTED}, {"loc": "upper right", "bbox_to_anchor": (0.92, 1.0)}),
    ({"limit": PREDICTED}, {"loc": "lower right"}),
)


def judged(claim: Claim, name: str, run: Run, **changed: object) -> dict:
    """Arguments of a cell of part (a) for the first draw of the case of this name, some of them changed."""
    (case,) = (case for case in claim.parts[0].cases(run.tier) if case.name == name)
    stream = stream_of(run.seed, claim.label, "a", case.config)
    return case.config | changed | {"stream": stream, "first": 0, "draws": 1}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`; panels "bounds", "failure" and "limits"."""
    rows = [*bound_rows(run), *failure_rows(run), *limit_rows(run)]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U24", float, float, float], strict=True)))


def bound_rows(run: Run) -> list[tuple]:
    """Tightness against α over its threshold; the guaranteed convergence needs α strictly above."""
    factors = [1.001 * x for x in np.geomspace(1, 10**LONGEST, POINTS[run.tier]).tolist()]
    name, rows = "w + w²/2 · K = r = {:g}", []
    cells = [judged(finite_horizon.CLAIM, name.format(K), run, factors=factors) for K in HORIZONS]
    for cell, found in zip(cells, run.sweep.run(within_radius, cells, "tightness, finite horizon"), strict=True):
        sides, series = finite_horizon.distance(cell, found), f"horizon K = {cell['horizon']:g}"
        rows += [
            ("bounds", series, x, y, np.nan) for x, y in zip(factors, (sides.measured / sides.bound)[0], strict=True)
        ]
    cell = judged(over_parameterized.CLAIM, "quadratic · square", run, factors=factors, offsets=[0.0])
    (found,) = run.sweep.run(convergence, [cell], "tightness, all times")
    sides = over_parameterized.rate(cell, found)
    rows += [
        ("bounds", "rate", x, y, 0.25) for x, y in zip(factors, (sides.bound / sides.measured)[0, :, 0], strict=True)
    ]
    for key in ("drift", "predictions"):
        sides = over_parameterized.bounded(cell | {"quantity": key}, found)
        rows += [("bounds", key, x, y, np.nan) for x, y in zip(factors, (sides.measured / sides.bound)[0], strict=True)]
    return rows


def failure_rows(run: Run) -> list[tuple]:
    """Final error against α/y⋆, predicted 1 − α/(α of the threshold) below it and 0 above."""
    scales = np.geomspace(0.1, 40, SHARES[run.tier])
    cells = [{"name": name, "share": float(a / needed), "outputs": 1} for name, needed in STUCK.items() for a in scales]
    found = run.sweep.run(stuck, cells, "convergence below the threshold")
    return [
        ("failure", cell["name"], cell["share"] * STUCK[cell["name"]], own["left"], max(0.0, 1 - cell["share"]))
        for cell, own in zip(cells, found, strict=True)
    ]


def limit_rows(run: Run) -> list[tuple]:
    """Ratios that tend to 1."""
    sizes = np.geomspace(1, 1e6, 2 * POINTS[run.tier]).tolist()
    decay = decay_along_a_level_set(speeds=sizes, condition=4.0, lam=1.0)["share"]
    stable = scalar_stability(lam=1.0, mu=1.0, K=1.0, starts=sizes)["share"]
    scales = np.geomspace(1, 1e4, POINTS[run.tier]).tolist()
    cell = judged(under_parameterized.CLAIM, "quadratic · square", run, sizes=scales)
    (under,) = run.sweep.run(limits, [cell], "under-parameterized")
    ratios = under["rate"][0] / under["predicted"][0]
    lines = (
        ("decay lemma (β)", sizes, decay),
        ("stability lemma (s)", sizes, stable),
        ("late rate (α)", scales, ratios),
    )
    return [("limits", name, x, y, 1.0) for name, xs, ys in lines for x, y in zip(xs, ys, strict=True)]


def draw(table: np.ndarray) -> Figure:
    """The three panels."""
    figure, panels = plt.subplots(1, 3, figsize=(9.6, 3.4))
    fine = np.geomspace(0.1, 40, 400)
    for panel, name in zip(panels, ("bounds", "failure", "limits"), strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            line = own[own["series"] == series]
            if name == "failure":
                panel.plot(fine, np.maximum(0, 1 - fine / STUCK[series]), **PREDICTED)
            style = {"color": GREYS[k], "marker": MARKERS[k], "markerfacecolor": "white" if k % 2 else GREYS[k]}
            linestyle = "none" if name == "failure" else "-"
            panel.plot(line["x"], line["y"], linestyle=linestyle, label=series, **style)
        panel.set_xscale("log")
    panels[0].axhline(1, **PREDICTED)
    panels[0].axhline(0.25, **DOTTED)
    panels[0].set(yscale="log", xlabel="α over the least admitted", ylabel="measured over bound", ylim=(1e-11, 3))
    panels[1].axvline(GUARANTEED, **DOTTED)
    panels[1].set(xlabel="α/y⋆", ylabel="final error over y⋆")
    panels[2].axhline(1, **PREDICTED)
    panels[2].set(xlabel="β, s, or α in its natural unit", ylabel="worst case over bound, rate over limit")
    for panel, (lines, options) in zip(panels, LEGENDS, strict=True):
        legend(panel, lines, **options)
    figure.tight_layout()
    return figure
