"""Residual and convolutional networks: Gram matrices and predictions against the width, and how far the weights move."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.judges.slope import slopes
from checks.li2024demystifying.other_architectures import CLAIM, distance
from checks.running.verify import measure
from figures.style import GREYS, PREDICTED, legend, points, signed, summary

CAPTION = (
    "Claim li2024demystifying/other-architectures. Left: distance ‖Σ_b (m/κ²)G_b − K‖_F of residual networks, with and "
    "without the weights V behind the activation, and of convolutions from their limit kernels; in the legend the mean slope. "
    "Right: largest distance of the predictions of trained networks, κ = 16√m, at new inputs and all times to those of kernel "
    "regression with K; in the legend κ sup‖θ_t − θ_0‖/√m over √(yᵀK⁻¹y) at the largest width. Mean and range of the draws "
    "of the first look; dashed: slope −1/2 through the last point; thin lines: the controls, kernels without skip connections "
    "or mean terms, or with pooling."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "control")
CONTROL = {"color": GREYS[3], "linewidth": 0.5}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "kernel" and panel "predictions" have the distance at width x."""
    rows, seen = [], set()  # on the first data set of every architecture and activation
    for case, found in measure(CLAIM, "a1", run):
        if (shown := (case["architecture"], case["activation"])) not in seen:
            seen.add(shown)
            values, wrong = (distance(case, found, key).values for key in ("distance", "wrong"))
            note = signed(slopes(np.array(case["widths"], dtype=float), values).mean())
            rows += lines("kernel", case, note, values, wrong)
    for case, found in measure(CLAIM, "c", run):
        note = f"drift {found['drift'][:, -1].mean():.2f}"
        rows += lines("predictions", case, note, found["error"], found["wrong"])
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U48", *[float] * 6], strict=True)))


def lines(panel: str, case: dict, note: str, values: np.ndarray, wrong: np.ndarray) -> list[tuple]:
    """The rows of one case: ``values`` (draws, widths) and those of the control."""
    widths = np.array(case["widths"], dtype=float)
    predicted = values.mean(axis=0)[-1] * (widths / widths[-1]) ** -0.5
    series = f"{case['architecture']} {case['activation']}  {note}"
    columns = (widths, *summary(values), predicted, wrong.mean(axis=0))
    return [(panel, series, *line) for line in zip(*columns, strict=True)]


def draw(table: np.ndarray) -> Figure:
    """Gram matrices on the left, predictions on the right."""
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.6))
    for panel, name in zip(panels, ("kernel", "predictions"), strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            line = own[own["series"] == series]
            panel.plot(line["x"], line["predicted"], **PREDICTED)
            panel.plot(line["x"], line["control"], **CONTROL)
            points(panel, line, k, series)
        panel.set_xscale("log", base=2)
        panel.set(yscale="log", xlabel="width m")
        panel.set_ylim(bottom=0.02 * own["low"].min())  # room for the legend
        legend(panel, {"slope −1/2": PREDICTED, "controls": CONTROL}, loc="lower left")
    panels[0].set_ylabel("distance of the kernel from its limit")
    panels[1].set_ylabel("distance to kernel regression")
    figure.tight_layout()
    return figure
