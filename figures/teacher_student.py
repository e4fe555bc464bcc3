"""Figure 1 of chizat2019lazy: how neurons travel from a small and from a large start, and what a large start costs."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from checks.chizat2019lazy import scale_generalization, trajectories
from checks.claim import Run
from checks.measurements.streams import data_seed
from checks.measurements.teacher_student import paths
from checks.running.seeds import stream_of
from checks.running.verify import measure
from figures.style import GREYS, points, summary

CAPTION = (
    "Claims chizat2019lazy/trajectories and chizat2019lazy/scale-generalization. Top, in one scale: |a_j|b_j of 16 "
    "relu neurons in the plane during gradient descent from a start of scale τ; dots: the end; arrows: the three neurons of "
    "the teacher. From the small start neurons travel along the teacher's, from the large one they hardly leave their "
    "places. Bottom: test loss at the end of training and at its best moment, as a share of the mean square of the labels, "
    "rises with the scale of the start; the training loss beside it, down to 10⁻⁷, shows which runs have not converged. Mean "
    "and range of the draws; inputs on the sphere, paired neurons; sizes in paper_claims.md."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high")
SHOWN = {"τ = 0.1": 0.1, "τ = 2": 2.0}
POINTS = 48
SCALES = {"quick": (0.01, 0.03, 0.1, 0.3, 1.0, 10.0)}
SCALES["standard"] = tuple(sorted({0.03, *np.round(10.0 ** np.arange(-2.2, 1.1, 0.4), 10)}))
SCALES["full"] = tuple(sorted({0.03, *np.round(10.0 ** np.arange(-2.2, 1.05, 0.1), 10)}))
LINES = {"end": "test, end of training", "best": "test, best moment", "train": "training, end"}
COLOURS = {1: GREYS[1], -1: GREYS[2]}
ARROW, CIRCLE = {"linewidth": 1.1, "alpha": 0.6}, {"color": "#7a7a7a", "linestyle": ":", "linewidth": 0.8}
PATH = {"linewidth": 0.8, "marker": "o", "markersize": 2.5}
LEAST = 1e-7


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: paths of the neurons named by index and sign, the teacher, then losses at x = τ."""
    rows, stream = [], stream_of(run.seed, "figures/teacher_student", "paths", {})
    common = {"step": trajectories.STEP, "steps": trajectories.STEPS[run.tier], "points": POINTS}
    cells = [{"tau": tau, "seed": data_seed(stream), **common} for tau in SHOWN.values()]
    for panel, found in zip(SHOWN, run.sweep.run(paths, cells, "trajectories"), strict=True):
        for j, sign in enumerate(found["signs"]):
            rows += [(panel, f"neuron {j} {sign:+.0f}", *place, np.nan, np.nan) for place in found["neurons"][:, j]]
        for place, sign in zip(found["teacher"], found["teacher_signs"], strict=True):
            rows.append((panel, f"teacher {sign:+.0f}", *place, np.nan, np.nan))
    taus = SCALES[run.tier]
    (_, losses), *_ = measure(scale_generalization.CLAIM, "a", run, lambda config: {**config, "taus": list(taus)})
    for key, name in LINES.items():
        rows += [("loss", name, *line) for line in zip(taus, *summary(losses[key]), strict=True)]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U24", *[float] * 4], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Two planes, below them the losses."""
    places = [["small start", "large start"], ["losses", "losses"]]
    figure, axes = plt.subplot_mosaic(places, figsize=(7.2, 6.2), height_ratios=(3, 2))
    panels = list(axes.values())
    planes = table[table["panel"] != "loss"]
    limits = [(min(-1, planes[k].min()) - 0.1, max(1, planes[k].max()) + 0.1) for k in "xy"]
    for panel, name in zip(panels, SHOWN, strict=False):
        draw_plane(panel, planes[planes["panel"] == name])
        panel.set(xlim=limits[0], ylim=limits[1], aspect="equal", xticks=[], yticks=[], title=name)
        panel.spines[:].set_visible(False)
    looks = {f"neuron, $a_j$ {side} 0 at the end": {"color": COLOURS[k], **PATH} for k, side in ((1, ">"), (-1, "<"))}
    looks |= {"teacher": {"color": "black", **ARROW}, "unit circle": CIRCLE}
    handles = [Line2D([], [], label=label, **look) for label, look in looks.items()]
    figure.legend(handles=handles, loc="upper center", ncols=4)
    own = table[table["panel"] == "loss"]
    for k, series in enumerate(LINES.values()):
        points(panels[2], own[own["series"] == series], k, series, linestyle="-", linewidth=0.7)
    panels[2].set(xscale="log", yscale="log", xlabel="scale τ of the start", ylabel="loss / mean square of the labels")
    panels[2].set_ylim(bottom=max(LEAST, 0.5 * np.nanmin(own["y"])))
    panels[2].legend(loc="lower right")
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    return figure


def draw_plane(panel: Axes, own: np.ndarray) -> None:
    """Paths with their ends, the teacher's neurons, the unit circle."""
    angle = np.linspace(0, 2 * np.pi, 200)
    panel.plot(np.cos(angle), np.sin(angle), **CIRCLE)
    for series in dict.fromkeys(own["series"].tolist()):
        line, kind, sign = own[own["series"] == series], series.split()[0], int(series.split()[-1])
        if kind == "teacher":
            for x, y in zip(line["x"], line["y"], strict=True):
                arrow = {"arrowstyle": "-|>", "color": COLOURS[sign], "shrinkA": 0, "shrinkB": 0, **ARROW}
                panel.annotate("", (x, y), (0, 0), arrowprops=arrow)
        else:
            panel.plot(line["x"], line["y"], color=COLOURS[sign], markevery=[-1], **PATH)
