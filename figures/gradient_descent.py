"""Loss of gradient descent at half the largest stable step, with its bound, and distance to the flow against the step."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.li2024demystifying.gradient_descent import CLAIM, COUNTS, factor
from checks.running.verify import measure
from figures.style import PREDICTED, points, signed, summary

CAPTION = (
    "Claim li2024demystifying/gradient-descent. Left: loss of centred gradient descent with the step η_max = mn/(2κ²λ_max(K)), "
    "κ = 64, over its initial value, against the number of steps k in units in which the bound (1 − ηκ²λ/(2mn))^{2k} is e^{−x} "
    "(dashed): at every step mean and range of the draws. Right: distance of descent with k steps to gradient flow at the same "
    "time, relative to that to the start, κ = 4, m = 256, against 1/k; dashed: slope 1 through the last point, in the legend "
    "the last slope that was measured. 8 random inputs in 8 dimensions; the judged networks."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")
POINTS = 24


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "loss" R(θ_k)/R(θ_0) and its bound at x = −2k ln q, panel "flow" the distance."""
    rows = []
    for case, found in measure(CLAIM, "a", run):
        if case["data"]["kind"] == "random":
            shown = np.unique(np.linspace(0, found["logs"].shape[1] - 1, POINTS).astype(int))
            x = -factor(case, 1.0) * (shown + 1)
            series = f"L = {case['hidden_layers']} {case['activation']}"
            lines = zip(x, *summary(np.exp(found["logs"][:, shown])), np.exp(-x), strict=True)
            rows += [("loss", series, *line) for line in lines]
    for case, found in measure(CLAIM, "c", run):
        if case["data"]["kind"] == "random":
            x, gaps = 1 / np.array(COUNTS), found["gaps"]
            slope = np.diff(np.log(gaps.mean(axis=0)))[-1] / np.diff(np.log(x))[-1]
            lines = zip(x, *summary(gaps), gaps.mean(axis=0)[-1] * x / x[-1], strict=True)
            rows += [("flow", f"{case['activation']}  {signed(slope)}", *line) for line in lines]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U24", *[float] * 5], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Loss on the left, distance to the flow on the right."""
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.2))
    for panel, name in zip(panels, ("loss", "flow"), strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            line = own[own["series"] == series]
            panel.plot(line["x"], line["predicted"], **PREDICTED)
            points(panel, line, k, series)
        panel.set(yscale="log")
        panel.legend(loc="best")
    panels[0].set(xlabel="x = −2k ln(1 − ηκ²λ/(2mn))", ylabel="$R(θ_k)/R(θ_0)$")
    panels[1].set(xscale="log", xlabel="1/k", ylabel="distance to the flow")
    figure.tight_layout()
    return figure
