"""Exponent of the drift in the width along κ = m^γ against γ: which networks are lazy."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.judges.interval import mean_and_error, t_interval
from checks.judges.slope import slopes
from checks.li2024demystifying.lazy_threshold import CLAIM
from checks.measurements.data import data_name
from checks.running.verify import measure
from checks.verdict import LEVEL
from figures.style import PREDICTED, points
from theory.rates import drift_exponent

CAPTION = (
    "Claim li2024demystifying/lazy-threshold. Slope in log m of log D, D = sup_t ‖θ_t − θ_0‖/√m of centred training, "
    "along κ = m^γ, for the networks, data and widths that are judged; bars: t interval of the mean over the draws, error "
    "10⁻³ on each side; at γ = 0 of means of D. D grows with the width for γ < 0 (condensed, shaded), stays for γ = 0 (rich), "
    "falls for γ > 0 (lazy). Dashed: the exponents of m → ∞, −γ for γ > 0, and for γ < 0 −γ if σ is bounded, −γ/(L+1) for "
    "relu. Where |γ| is small κ is of order 1 at these widths and the slope is not yet at its limit; the claim is about its "
    "sign. Marked: mean-field scaling (MF), γ = 0, and NTK scaling, γ = 1/2."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: slope at γ = x with its interval, and the exponent of m → ∞."""
    rows = []
    for case, found in [pair for letter in "abc" for pair in measure(CLAIM, letter, run)]:
        gamma, L, name = case["gamma"], case["hidden_layers"], case["activation"]
        own = slopes(np.array([m for m, _ in case["pairs"]], dtype=float), found["drift"])
        mean, error = mean_and_error(own)
        predicted = drift_exponent(gamma, centred=True, hidden_layers=L, bounded=name == "tanh")
        panel = f"L = {L} {name} {data_name(case['data'])}"
        rows.append((panel, "slope", gamma, mean, *t_interval(mean, error, len(own), LEVEL), predicted))
    return np.sort(
        np.array(rows, dtype=list(zip(COLUMNS, ["U48", "U12", *[float] * 5], strict=True))), order=["panel", "x"]
    )


def draw(table: np.ndarray) -> Figure:
    """One panel an activation."""
    names = list(dict.fromkeys(table["panel"].tolist()))
    figure, panels = plt.subplots(1, len(names), figsize=(7.2, 3.2), sharex=True, sharey=True)
    left, right = table["x"].min() - 0.1, table["x"].max() + 0.1
    bottom, top = min(table["low"].min(), table["predicted"].min()) - 0.1, table["predicted"].max() + 0.3
    for name, panel in zip(names, panels, strict=True):
        own = table[table["panel"] == name]
        panel.axvspan(left, 0, color="#e4e4e4", linewidth=0, zorder=0)
        panel.axvline(0, color="#000000", linewidth=0.8, zorder=0, label="γ = 0")
        panel.plot(own["x"], own["predicted"], **PREDICTED, label="exponent of m → ∞")
        points(panel, own, 0, "measured")
        for x, text in ((left / 2, "D grows\n(condensed)"), (0.65 * right, "D falls\n(lazy)")):
            panel.text(x, top, text, ha="center", va="top", fontsize=7)
        panel.text(0.01, top, "D stays (rich)", ha="left", va="top", fontsize=7, rotation="vertical")
        for x, text in ((0.0, "MF"), (0.5, "NTK")):
            panel.annotate(text, (x, bottom), textcoords="offset points", xytext=(3, 4), fontsize=7)
            panel.plot(
                [x, x], [bottom, bottom + 0.08], color="#000000", linewidth=1.8, label="" if x else "scaling in use"
            )
        panel.set(xlim=(left, right), ylim=(bottom, top), title=name, xlabel="γ in $κ = m^γ$")
    panels[0].set_ylabel("slope of log D in log m, D the drift")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="lower center", ncols=4)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    return figure
