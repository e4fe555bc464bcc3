"""Figure 2 of chizat2019lazy: test loss against the width for two scalings, population loss against the start."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from checks.chizat2019lazy import population_loss, width_generalization
from checks.claim import Run
from checks.running.verify import measure
from figures.style import GREYS, PREDICTED, points

CAPTION = (
    "Claims chizat2019lazy/width-generalization and chizat2019lazy/population-loss. Left: test loss, as a share of the mean "
    "square of the labels, of two-layer relu networks of width m trained by gradient descent, scaled by 1/√m (lazy): it "
    "rises again with the width, with 1/m hardly; the training loss beside it, where it is above 10⁻⁶. × "
    "with the number of draws, in the colour of the scaling: runs that diverged, which the means leave out. Mean and range "
    "of the draws. Right: loss at the end of stochastic gradient descent in which every sample is used once, as a share of "
    "that of f = 0, against the scale τ of the start: small starts learn the teacher, large ones end with what the "
    "linearised network has left (dashed, mean of the draws). A teacher with three neurons, inputs on the sphere; sizes in "
    "paper_claims.md."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "diverged", "draws")
WIDTHS = {"quick": (2, 8, 32, 128), "standard": (2, 4, 8, 16, 32, 64, 128, 256)}
WIDTHS["full"] = (2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512)
SCALES = {"quick": (0.01, 0.04, 0.2, 1.0, 4.0), "standard": (0.01, 0.04, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0, 8.0)}
SCALES["full"] = (0.01, 0.02, 0.04, *np.round(10.0 ** np.arange(-1, 0.05, 0.1), 10), 2.0, 4.0, 8.0)
LEAST = 1e-6
NAMES = {0.5: "1/√m", 1.0: "1/m"}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "width" has losses at the width x, panel "population" the loss at x = τ."""
    rows, widths, taus = [], WIDTHS[run.tier], SCALES[run.tier]
    wide = {"widths": list(widths), "neurons": 1}
    (case, found), *_ = measure(width_generalization.CLAIM, "a", run, lambda config: {**config, **wide})
    for key, kind in (("end", "test"), ("train", "training")):
        for b, beta in enumerate(case["betas"]):
            lines = zip(widths, *finished(found[key][:, b]), strict=True)
            rows += [("width", f"{kind} {NAMES[beta]}", *line) for line in lines]
    (case, found), *_ = measure(population_loss.CLAIM, "a", run, lambda config: {**config, "taus": list(taus)})
    rows += [("population", "population", *line) for line in zip(taus, *finished(found["loss"]), strict=True)]
    lazy = found["loss"][:, -1] / population_loss.share_of_tangent(case, found).values
    rows += [("population", "linearised", tau, lazy.mean(), np.nan, np.nan, 0, len(lazy)) for tau in taus]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U16", *[float] * 4, int, int], strict=True)))


def finished(values: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean, least and largest of the draws that did not diverge, how many did, and of how many; by column."""
    kept = np.ma.masked_invalid(values)
    ends = (np.ma.filled(of(axis=0), np.nan) for of in (kept.mean, kept.min, kept.max))
    return *ends, np.ma.getmaskarray(kept).sum(axis=0), np.full(values.shape[1], len(values))


def draw(table: np.ndarray) -> Figure:
    """Loss against m on the left, against τ on the right."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
    own = table[table["panel"] == "width"]
    for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
        line = own[(own["series"] == series) & ~(own["y"] < LEAST)]
        look = {"linestyle": "-", "linewidth": 0.7} if series.startswith("test") else {"alpha": 0.6}
        points(left, line, k, series, **look)
        if series.startswith("test"):
            mark_diverged(left, line, k)
    left.set_xscale("log", base=2)
    left.set(yscale="log", xlabel="width m", ylabel="loss / mean square of the labels")
    left.set_ylim(bottom=LEAST)
    own, lazy = (table[table["series"] == series] for series in ("population", "linearised"))
    points(right, own, 0, "trained network", linestyle="-", linewidth=0.7)
    right.plot(lazy["x"], lazy["y"], **PREDICTED, label="linearised network")
    mark_diverged(right, own, 0)
    right.set(xscale="log", yscale="log", xlabel="scale τ of the start", ylabel="population loss / that of f = 0")
    for panel in (left, right):
        panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=1.0)
    figure.tight_layout()
    return figure


def mark_diverged(panel: Axes, line: np.ndarray, k: int) -> None:
    """A cross and the number of draws above every size where some diverged."""
    line, height = line[line["diverged"] > 0], 0.98 - 0.07 * k
    if len(line):
        place = {"transform": panel.get_xaxis_transform(), "color": GREYS[k]}
        panel.plot(line["x"], [height] * len(line), "x", label=f"diverged{', 1/m' * k}", **place)
        for one in line:
            text = f" {one['diverged']} of {one['draws']}"
            panel.text(one["x"] * 1.05, height, text, fontsize=6.5, va="center", **place)
