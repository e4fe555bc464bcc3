"""Least eigenvalue of the limit kernels against the separation of two inputs, and tightness of the power-series bound."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.li2024demystifying.limit_positive_definite import CLAIM
from checks.measurements.eigenvalues import ANGLES
from checks.running.verify import measure
from figures.style import GREYS, MARKERS, PREDICTED

CAPTION = (
    "Claim li2024demystifying/limit-positive-definite. Left: λ_min of the kernels of two unit inputs at angle φ, two hidden "
    "layers; dashed: slopes 1 and 2. Right: power-series lower bound over λ_min of the neural tangent kernel, 16 inputs in 64 "
    "dimensions."
)
COLUMNS = ("panel", "series", "x", "y")
PAIRS = (("relu", 2), ("tanh", 2))


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "separation" has λ_min at angle x, panel "tightness" bound/λ_min at depth x."""
    rows = []
    for case, found in measure(CLAIM, "d", run):
        if (case["activation"], case["hidden_layers"]) in PAIRS:
            for k in case["kernels"]:
                series = f"{case['activation']} " + ("NTK" if k == 3 else f"K^{k + 1}")
                rows += [("separation", series, x, y) for x, y in zip(ANGLES, found["least"][k], strict=True)]
    for case, found in measure(CLAIM, "a", run):
        if case["data"]["n"] == 16:
            ends = np.cumsum([L + 2 for L in case["depths"]]) - 1  # the NTK is the last kernel of a depth
            series = f"{case['activation']}, {case['data']['kind']}"
            lines = zip(case["depths"], (found["bound"] / found["least"])[ends], strict=True)
            rows += [("tightness", series, *line) for line in lines]
    return np.array(rows, dtype=[("panel", "U12"), ("series", "U24"), ("x", float), ("y", float)])


def draw(table: np.ndarray) -> Figure:
    """Separation law on the left, tightness map on the right."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4), width_ratios=(3, 2))
    own = table[table["panel"] == "separation"]
    for k, series in enumerate(sorted(set(own["series"].tolist()))):
        line = own[own["series"] == series]
        name, kernel = series.split()
        text = kernel if kernel == "NTK" else f"${kernel}$"
        smooth = name == "tanh"
        left.plot(
            line["x"],
            line["y"],
            marker=MARKERS[k % 4],
            color=GREYS[k % 4],
            linestyle="none",
            markerfacecolor="white" if smooth else GREYS[k % 4],
            label=f"{name} {text}",
        )
    x = np.array([ANGLES[-1], ANGLES[0]])
    for slope, offset in ((1, (10, 14)), (2, (10, -12))):
        line = 0.5 * x**slope
        left.plot(x, line, **PREDICTED)
        left.annotate(f"slope {slope}", (x[0], line[0]), textcoords="offset points", xytext=offset, fontsize=7)
    left.set(xscale="log", yscale="log", xlabel="angle φ", ylabel="least eigenvalue")
    left.legend(loc="lower right")

    own = table[table["panel"] == "tightness"]
    labels = list(dict.fromkeys(own["series"].tolist()))
    depths = sorted(set(own["x"].tolist()))
    values = own["y"].reshape(len(labels), len(depths))
    right.imshow(values, cmap="Greys", vmin=0, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        text = f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"
        right.text(j, i, text, ha="center", va="center", fontsize=6.5, color="white" if value > 0.55 else "black")
    right.set_xticks(range(len(depths)), [f"L = {int(L)}" for L in depths])
    right.set_yticks(range(len(labels)), labels)
    right.tick_params(length=0)
    right.set_title("bound / λ_min of the NTK")
    figure.tight_layout()
    return figure
