"""Least eigenvalue of the limit kernels against the separation of two inputs, and tightness of the power-series bound."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.li2024demystifying.limit_positive_definite import (
    ACTIVATIONS,
    ANGLES,
    DATA,
    DEPTHS,
    bounds,
    least_of_pair,
    names,
)
from figures.style import GREYS, MARKERS, PREDICTED

CAPTION = (
    "Claim li2024demystifying/limit-positive-definite. Left: λ_min of the kernels of two unit inputs at angle φ, two hidden "
    "layers; dashed: slopes 1 and 2. Right: power-series lower bound over λ_min of the neural tangent kernel, 16 inputs in 64 "
    "dimensions, with correlations up to 0.34 (random) and 0.99 (digits)."
)
COLUMNS = ("panel", "series", "x", "y")
PAIRS = (("relu", 2), ("tanh", 2))


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "separation" has λ_min at angle x, panel "tightness" bound/λ_min at depth x."""
    rows = []
    for activation, L in PAIRS:
        for kernel, values in zip(names(L), least_of_pair(activation, L), strict=True):
            rows += [("separation", f"{activation} {kernel}", x, y) for x, y in zip(ANGLES, values, strict=True)]
    cases = list(itertools.product(DATA, ACTIVATIONS, DEPTHS))
    cells = [
        {"data": {"kind": kind, "n": 16, "seed": 1}, "activation": name, "hidden_layers": L} for kind, name, L in cases
    ]
    for (kind, name, L), found in zip(cases, run.sweep.run(bounds, cells, "tightness"), strict=True):
        rows.append(("tightness", f"{name}, {kind}", L, found["bound"][-1] / found["least"][-1]))
    return np.array(rows, dtype=[("panel", "U12"), ("series", "U24"), ("x", float), ("y", float)])


def draw(table: np.ndarray) -> Figure:
    """Separation law on the left, tightness map on the right."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4), width_ratios=(3, 2))
    own = table[table["panel"] == "separation"]
    for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
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
