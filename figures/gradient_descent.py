"""Gradient descent beside the law of its modes, its distance to the flow, and descent with steps beyond 2/λ_0."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.li2024demystifying.gradient_descent import CLAIM, COUNTS
from checks.measurements.trainings import limits
from checks.running.verify import measure
from figures.style import PREDICTED, legend, points, signed, summary
from theory.descent import catapult, linearized_descent

CAPTION = (
    "Claim li2024demystifying/gradient-descent. Left: squared residual ‖e_k‖² of centred descent with the step η_max = "
    "mn/(2κ²λ_max(K)), κ = 1024, over its initial value, mean and range of the draws; dashed: Σ_i (1 − ηκ²λ_i/(mn))^{2k} "
    "(v_i·e_0)² of the limit K, nothing fitted. Middle: distance of descent with k steps to gradient flow at the same time, "
    "relative to that to the start, κ = 4, m = 256, against 1/k; dashed: slope 1 through the last point, in the legend the "
    "last slope that was measured. Right: f_k²/m of one draw of f = m^{−1/2}a·Wx on one sample with target 0, for steps "
    "beyond 2/λ_0; dashed: the recursion of (f, λ), in the legend ηλ at the end. Random inputs; the judged networks."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")
SHOWN, LOWEST, HIGHEST = 40, 1e-10, 1e4
LINES = {"modes": "law of the limit", "flow": "slope 1", "catapult": "recursion of (f, λ)"}
PLACES = {"modes": "lower left", "flow": "upper left", "catapult": "upper right"}  # where the legends have room


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "modes" ‖e_k‖²/‖e_0‖² at x = k, "flow" the distance, "catapult" f_k²/m at k."""
    rows = []
    for case, found in measure(CLAIM, "b", run):
        if case["data"]["kind"] == "random" and case["data"].get("target", "random") == "random":
            layers, y = limits(case)
            K, squares = layers.sum(axis=0), found["squares"] / (y @ y)
            step, shown = len(y) / (2 * np.linalg.eigvalsh(K)[-1]), np.arange(0, squares.shape[1], 4)
            law = linearized_descent(K, y, step=step, steps=int(shown[-1]))[shown] / (y @ y)
            series = f"L = {case['hidden_layers']} {case['activation']} n = {len(y)}"
            rows += [("modes", series, *line) for line in zip(shown, *summary(squares[:, shown]), law, strict=True)]
    for case, found in measure(CLAIM, "c", run):
        if case["data"]["kind"] == "random":
            x, gaps = 1 / np.array(COUNTS), found["gaps"]
            slope = np.diff(np.log(gaps.mean(axis=0)))[-1] / np.diff(np.log(x))[-1]
            lines = zip(x, *summary(gaps), gaps.mean(axis=0)[-1] * x / x[-1], strict=True)
            rows += [("flow", f"{case['activation']}  {signed(slope)}", *line) for line in lines]
    for case, found in [pair for letter in "df" for pair in measure(CLAIM, letter, run)]:
        if case["data"]["kind"] == "random":
            f, lam, m = found["outputs"][0, -1], found["curvature"][0, -1], case["widths"][-1]
            own = catapult(f[0], lam, step=case["start"] / lam, width=m, steps=SHOWN)[:, 0]
            own, y = (np.minimum(np.abs(line[: len(own)]), 1e100) ** 2 / m for line in (own, f))
            keep = np.arange(len(y)) < (np.argmax(y > HIGHEST) if (y > HIGHEST).any() else len(y))
            last = found["last"][0, -1]
            end = f"→ {last:.2f}" if np.isfinite(last) else "diverges"
            lines = zip(np.arange(len(y))[keep], y[keep], y[keep], y[keep], own[keep], strict=True)
            rows += [("catapult", f"ηλ₀ = {case['start']:g} {end}", *line) for line in lines]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U24", *[float] * 5], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Modes, distance to the flow, steps beyond 2/λ_0."""
    figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.0))
    for panel, name in zip(panels, ("modes", "flow", "catapult"), strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            line = own[(own["series"] == series) & (own["y"] > LOWEST)]
            panel.plot(line["x"], line["predicted"], **PREDICTED)
            points(panel, line, k, series)
        panel.set(yscale="log")
        legend(panel, {LINES[name]: PREDICTED}, loc=PLACES[name])
    panels[0].set(xlabel="step k", ylabel="$‖e_k‖^2/‖e_0‖^2$")
    panels[1].set(xscale="log", xlabel="1 / number of steps", ylabel="relative distance to the flow")
    panels[2].set(xlabel="step k", ylabel="$f_k^2/m$", ylim=(LOWEST, 1e7 * HIGHEST))
    figure.tight_layout()
    return figure
