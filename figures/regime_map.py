"""Exponent of the drift in the width along κ = m^γ against γ: which networks are lazy."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.judges.interval import mean_and_error, t_interval
from checks.judges.slope import slopes
from checks.li2024demystifying.lazy_threshold import CLAIM
from checks.measurements.data import DATA, data_name
from checks.running.verify import measure
from checks.verdict import LEVEL
from figures.style import PREDICTED, points
from theory.rates import drift_exponent

CAPTION = (
    "Claim li2024demystifying/lazy-threshold. Slope in log m of log D, D = sup_t ‖θ_t − θ_0‖/√m of centred training, along κ "
    "= m^γ, for the networks, data and widths that are judged, data sets a little beside each other; bars: t interval of the "
    "mean over the draws, error 10⁻³ on each side; at γ = 0 of means of D, for L = 2 with half the inputs. D grows with the "
    "width for γ < 0 (condensed, shaded), stays for γ = 0 (rich), falls for γ > 0 (lazy). Dashed: the exponents of m → ∞, −γ "
    "for γ > 0, and for γ < 0 −γ if σ is bounded, −γ/(L+1) for relu. Where |γ| is small κ is of order 1 at these widths and "
    "the slope is not yet at its limit; the claim is about its sign. Marked: mean-field scaling (MF), γ = 0, and NTK scaling, "
    "γ = 1/2."
)
DODGE = 0.014  # from data set to data set, so that none hides another
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: slope at γ = x with its interval, and the exponent of m → ∞."""
    rows = []
    for case, found in [pair for letter in "abc" for pair in measure(CLAIM, letter, run)]:
        gamma, L, name = case["gamma"], case["hidden_layers"], case["activation"]
        own = slopes(np.array([m for m, _ in case["pairs"]], dtype=float), found["drift"])
        mean, error = mean_and_error(own)
        predicted = drift_exponent(gamma, centred=True, hidden_layers=L, bounded=name == "tanh")
        data = case["data"] if L == 1 else case["data"] | {"n": DATA["random"]["n"]}  # half of them at γ = 0
        panel, series = f"L = {L}, {name}", data_name(data)
        rows.append((panel, series, gamma, mean, *t_interval(mean, error, len(own), LEVEL), predicted))
    return np.sort(
        np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U48", *[float] * 5], strict=True))),
        order=["panel", "series", "x"],
    )


def draw(table: np.ndarray) -> Figure:
    """One panel a depth and activation; data sets beside each other."""
    names = list(dict.fromkeys(table["panel"].tolist()))
    rows = -(-len(names) // 2)
    figure, grid = plt.subplots(rows, 2, figsize=(7.2, 1.1 + 2.3 * rows), sharex=True, sharey=True, squeeze=False)
    left, right = table["x"].min() - 0.1, table["x"].max() + 0.1
    bottom, top = min(table["low"].min(), table["predicted"].min()) - 0.1, table["predicted"].max() + 0.3
    for name, panel in zip(names, grid.flat, strict=False):
        own = table[table["panel"] == name]
        panel.axvspan(left, 0, color="#e4e4e4", linewidth=0, zorder=0)
        panel.axvline(0, color="#000000", linewidth=0.8, zorder=0, label="γ = 0")
        law = own[np.unique(own["x"], return_index=True)[1]]
        panel.plot(law["x"], law["predicted"], **PREDICTED, label="exponent of m → ∞")
        data = list(dict.fromkeys(own["series"].tolist()))
        for k, series in enumerate(data):
            line = own[own["series"] == series]
            line["x"] += DODGE * (k - (len(data) - 1) / 2)
            points(panel, line, k, series)
        handles, labels = panel.get_legend_handles_labels()
        panel.legend(handles[-len(data) :], labels[-len(data) :], loc="lower left", bbox_to_anchor=(0, 0.02))
        for x, text in ((left / 2, "D grows\n(condensed)"), (0.65 * right, "D falls\n(lazy)")):
            panel.text(x, top, text, ha="center", va="top", fontsize=7)
        panel.text(0.01, top, "D stays (rich)", ha="left", va="top", fontsize=7, rotation="vertical")
        for x, text in ((0.0, "MF"), (0.5, "NTK")):
            panel.annotate(text, (x, bottom), textcoords="offset points", xytext=(3, 4), fontsize=7)
            panel.plot(
                [x, x], [bottom, bottom + 0.08], color="#000000", linewidth=1.8, label="" if x else "scaling in use"
            )
        panel.set(xlim=(left, right), ylim=(bottom, top), title=name)
    for panel in grid[:, 0]:
        panel.set_ylabel("slope of log D in log m")
    for panel in grid[-1]:
        panel.set_xlabel("γ in $κ = m^γ$")
    for panel in grid.flat[len(names) :]:
        panel.set_visible(False)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    lines = [k for k, label in enumerate(labels) if label not in table["series"]]
    figure.legend([handles[k] for k in lines], [labels[k] for k in lines], loc="lower center", ncols=len(lines))
    figure.tight_layout(rect=(0, 0.1 / rows, 1, 1))
    return figure
