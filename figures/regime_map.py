"""Exponent of the drift in the width along κ = m^γ against γ: which networks are lazy."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.equivalence import mean_and_error, t_interval
from checks.li2024demystifying.lazy_threshold import GAMMAS, SEEDS, WIDTHS
from checks.li2024demystifying.trainings import DATA, collect, drifts, pairs_along
from checks.rate_fit import slopes
from checks.verdict import LEVEL
from figures.style import PREDICTED, points
from theory.rates import drift_exponent

CAPTION = (
    "Claim li2024demystifying/lazy-threshold. Slope in log m of log D, D = sup_t ‖θ_t − θ_0‖/√m of centred training, "
    "along κ = m^γ, one hidden layer, 8 random inputs in 8 dimensions, m = 2⁸ to 2¹¹ (standard: 2¹⁴); bars: t interval of "
    "the mean of 6 seeds, error 10⁻³ on each side. D grows with the width for γ < 0 (condensed, shaded), stays for γ = 0 "
    "(rich), falls for γ > 0 (lazy). Dashed: the exponents of m → ∞, −γ for γ > 0, and for γ < 0 −γ if σ is bounded, −γ/2 "
    "for relu. Where |γ| is small κ is of order 1 at these widths and the slope is not yet at its limit; the claim is "
    "about its sign. Marked: mean-field scaling (MF), γ = 0, and NTK scaling, γ = 1/2."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")
ACTIVATIONS = ("tanh", "relu")


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: slope at γ = x with its interval, and the exponent of m → ∞."""
    gammas, widths, rows = GAMMAS[run.tier], WIDTHS[run.tier], []
    cases = [(name, gamma) for name in ACTIVATIONS for gamma in gammas]
    designs = [
        {"data": DATA["random"], "activation": name, "hidden_layers": 1, "pairs": pairs_along(widths, gamma, 1.0)}
        for name, gamma in cases
    ]
    results = collect(run, drifts, "regime map", designs, SEEDS)
    for (name, gamma), found in zip(cases, results, strict=True):
        own = slopes(np.array(widths), found["drift"])
        mean, error = mean_and_error(own)
        predicted = drift_exponent(gamma, centred=True, bounded=name == "tanh")
        rows.append((name, "slope", gamma, mean, *t_interval(mean, error, len(own), LEVEL), predicted))
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U12", *[float] * 5], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """One panel an activation."""
    names = list(dict.fromkeys(table["panel"].tolist()))
    figure, panels = plt.subplots(1, len(names), figsize=(7.2, 3.2), sharex=True, sharey=True)
    left, right = table["x"].min() - 0.1, table["x"].max() + 0.1
    bottom, top = min(table["low"].min(), table["predicted"].min()) - 0.1, table["predicted"].max() + 0.3
    for name, panel in zip(names, panels, strict=True):
        own = table[table["panel"] == name]
        panel.axvspan(left, 0, color="#e4e4e4", linewidth=0, zorder=0)
        panel.axhline(0, color="#9a9a9a", linewidth=0.6, zorder=0)
        panel.axvline(0, color="#000000", linewidth=0.8, zorder=0)
        ends = np.array([left, 0.0, right])
        limit = [drift_exponent(gamma, centred=True, bounded=name == "tanh") for gamma in ends]
        panel.plot(ends, limit, **PREDICTED, label="exponent of m → ∞")
        points(panel, own, 0, "measured")
        for x, text in ((left / 2, "D grows\n(condensed)"), (0.65 * right, "D falls\n(lazy)")):
            panel.text(x, top, text, ha="center", va="top", fontsize=7)
        panel.text(0.01, top, "D stays (rich)", ha="left", va="top", fontsize=7, rotation="vertical")
        for x, text in ((0.0, "MF"), (0.5, "NTK")):
            panel.annotate(text, (x, bottom), textcoords="offset points", xytext=(3, 4), fontsize=7)
            panel.plot([x, x], [bottom, bottom + 0.08], color="#000000", linewidth=1.5)
        panel.set(xlim=(left, right), ylim=(bottom, top), title=name, xlabel="γ in $κ = m^γ$")
        panel.legend(loc="upper right", bbox_to_anchor=(1, 0.86))
    panels[0].set_ylabel("slope of log D in log m")
    figure.tight_layout()
    return figure
