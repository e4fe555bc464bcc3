"""Figure 2 of chizat2019lazy: test loss against the width for two scalings, population loss against the start."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.chizat2019lazy import population_loss, width_generalization
from checks.claim import Run
from checks.running.verify import measure
from figures.style import PREDICTED, points, summary

CAPTION = (
    "Claims chizat2019lazy/width-generalization and chizat2019lazy/population-loss. Left: test loss, as a share of the "
    "mean square of the labels, of two-layer relu networks of width m trained by gradient descent, scaled by 1/√m (lazy) "
    "and by 1/m, and the training loss beside it, where it is above 10⁻⁶; no point where a run diverged; mean and range of "
    "the draws. Right: loss at the end of stochastic gradient descent in which every sample is used once, "
    "as a share of that of f = 0, against the scale τ of the start; mean and range of the draws; dashed: what the "
    "linearised network has left, mean of the draws. A teacher with three neurons, inputs on the sphere; sizes in "
    "paper_claims.md."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high")
WIDTHS = {"quick": (2, 8, 32, 128), "standard": (2, 4, 8, 16, 32, 64, 128, 256)}
WIDTHS["full"] = (2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512)
SCALES = {"quick": (0.01, 0.04, 0.2, 1.0, 4.0), "standard": (0.01, 0.04, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0, 8.0)}
SCALES["full"] = (0.01, 0.02, 0.04, *np.round(10.0 ** np.arange(-1, 0.05, 0.1), 10), 2.0, 4.0, 8.0)
LEAST = 1e-6
NAMES = {0.5: "1/√m", 1.0: "1/m"}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "width" has losses at the width x, panel "population" the loss at x = τ."""
    rows, widths, taus = [], WIDTHS[run.tier], SCALES[run.tier]
    (case, found), *_ = measure(width_generalization.CLAIM, "a", run, lambda config: {**config, "widths": list(widths)})
    for key, kind in (("end", "test"), ("train", "training")):
        for b, beta in enumerate(case["betas"]):
            lines = zip(widths, *summary(found[key][:, b]), strict=True)
            rows += [("width", f"{kind} {NAMES[beta]}", *line) for line in lines]
    (case, found), *_ = measure(population_loss.CLAIM, "a", run, lambda config: {**config, "taus": list(taus)})
    rows += [("population", "population", *line) for line in zip(taus, *summary(found["loss"]), strict=True)]
    lazy = found["loss"][:, -1] / population_loss.share_of_tangent(case, found).values
    rows += [("population", "linearised", tau, lazy.mean(), np.nan, np.nan) for tau in taus]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U16", *[float] * 4], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Loss against m on the left, against τ on the right."""
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.0))
    own = table[table["panel"] == "width"]
    for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
        line = own[(own["series"] == series) & ~(own["y"] < LEAST)]
        look = {"linestyle": "-", "linewidth": 0.7} if series.startswith("test") else {"alpha": 0.6}
        points(panels[0], line, k, series, **look)
    panels[0].set_xscale("log", base=2)
    panels[0].set(yscale="log", xlabel="width m", ylabel="loss / $v_0$")
    panels[0].set_ylim(bottom=LEAST)
    panels[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    own, lazy = (table[table["series"] == series] for series in ("population", "linearised"))
    panels[1].plot(lazy["x"], lazy["y"], **PREDICTED)
    points(panels[1], own, 0, "", linestyle="-", linewidth=0.7)
    panels[1].set(xscale="log", yscale="log", xlabel="scale τ of the start", ylabel="population loss / that of f = 0")
    figure.tight_layout()
    return figure
