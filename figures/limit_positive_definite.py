"""Least eigenvalue of the limit kernels against the separation of two inputs, and tightness of the power-series bound."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.li2024demystifying.limit_positive_definite import CLAIM
from checks.measurements.eigenvalues import ANGLES
from checks.running.verify import measure
from figures.style import DOTTED, GREYS, MARKERS, PREDICTED

CAPTION = (
    "Claim li2024demystifying/limit-positive-definite. Left: λ_min of the kernels of two unit inputs at angle φ, one hidden "
    "layer. For relu K¹ lies on φ/2π, and the tangent kernel (NTK) with it; K² lies on φ²/4, nothing fitted; for tanh, which "
    "is smooth, also the tangent kernel is of order φ². Right: proved lower bound, from power series, over λ_min of the "
    "tangent kernel, 16 inputs in 64 dimensions, L hidden layers; no number exceeds 1, and the darker a field, the more the "
    "bound gives away."
)
COLUMNS = ("panel", "series", "x", "y")
SHOWN = {"relu K^1": "relu $K^1$", "relu NTK": "relu NTK", "relu K^2": "relu $K^2$", "tanh NTK": "tanh NTK"}
LAWS = {
    "φ/2π": (lambda phi: phi / (2 * np.pi), PREDICTED),
    "φ²/4": (lambda phi: phi**2 / 4, DOTTED),
}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "separation" has λ_min at angle x, panel "tightness" bound/λ_min at depth x."""
    rows = []
    for case, found in measure(CLAIM, "d", run):
        if case["activation"] in ("relu", "tanh") and case["hidden_layers"] == 1:
            for k in case["kernels"]:
                series = f"{case['activation']} " + ("NTK" if k == 2 else f"K^{k + 1}")
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
    for k, (series, label) in enumerate(SHOWN.items()):
        line, look = own[own["series"] == series], {"color": GREYS[k], "marker": MARKERS[k], "linestyle": "none"}
        if k % 2:  # drawn around the kernel whose λ_min is nearly the same
            look |= {"markerfacecolor": "none", "markersize": 6}
        left.plot(line["x"], line["y"], label=label, **look)
    fine = np.geomspace(ANGLES[-1], ANGLES[0], 50)
    for label, (law, look) in LAWS.items():
        left.plot(fine, law(fine), label=label, **look)
    left.set(xscale="log", yscale="log", xlabel="angle φ between the two inputs", ylabel="$λ_{min}$ of the kernel")
    left.legend(loc="lower right")

    own = table[table["panel"] == "tightness"]
    labels = list(dict.fromkeys(own["series"].tolist()))
    depths = sorted(set(own["x"].tolist()))
    values = own["y"].reshape(len(labels), len(depths))
    right.imshow(values, cmap="Greys_r", vmin=2 * values.min() - 1, vmax=1, aspect="auto")  # none is darker than half
    for (i, j), value in np.ndenumerate(values):
        right.text(j, i, f"{value:.3f}", ha="center", va="center")
    right.set_xticks(range(len(depths)), [f"L = {int(L)}" for L in depths])
    right.set_yticks(range(len(labels)), labels)
    right.tick_params(length=0)
    right.spines[:].set_visible(False)
    right.set_title("lower bound / $λ_{min}$ of the NTK")
    figure.tight_layout()
    return figure
