"""How far the weights move against the output scale, for several widths: one curve, with its two power laws."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.li2024demystifying.trainings import DATA, collect, drifts, limits
from figures.style import PREDICTED, decimal_ticks, points
from theory.lazy_bounds import drift_constant
from theory.rates import drift_exponent

CAPTION = (
    "Claim li2024demystifying/drift. D = sup_t ‖θ_t − θ_0‖/√m of centred training against κ, one hidden layer, 8 random "
    "inputs in 8 dimensions: mean and range of 3 seeds (standard: 2), as it is (top) and over the constant that is "
    "predicted for large κ (bottom). Dashed: √(yᵀK⁻¹y)/κ, nothing fitted. Dotted: the power law of κ → 0, κ⁻¹ for tanh, "
    "which is bounded, and κ^{−1/2} for relu, through the leftmost point of the widest networks."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "power")
ACTIVATIONS = ("tanh", "relu")
WIDTHS = {"quick": (64, 256, 1024), "standard": (64, 1024, 2**14), "full": (64, 1024, 2**14)}
SCALES = {"quick": [2.0**k for k in range(-4, 12, 2)], "standard": [2.0**k for k in range(-6, 12, 2)]}
SCALES["full"] = [2.0**k for k in range(-6, 11)]
SEEDS = {"quick": 3, "standard": 2, "full": 6}
POWER = {**PREDICTED, "linestyle": (0, (1, 1.5)), "linewidth": 1.1}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: D at κ = x, one series a width; "power" is NaN for κ > 1."""
    scales, rows = np.array(SCALES[run.tier]), []
    designs = [
        {
            "data": DATA["random"],
            "activation": name,
            "hidden_layers": 1,
            "pairs": [[m, kappa] for kappa in SCALES[run.tier]],
        }
        for name in ACTIVATIONS
        for m in WIDTHS[run.tier]
    ]
    results = iter(collect(run, drifts, "drift", designs, SEEDS[run.tier]))
    for name in ACTIVATIONS:
        K, y = limits(DATA["random"], name, 1)
        predicted = drift_constant(K.sum(axis=0), y) / scales
        found = {m: next(results)["drift"] for m in WIDTHS[run.tier]}
        exponent = drift_exponent(-1.0, centred=True, bounded=name == "tanh")
        widest = found[WIDTHS[run.tier][-1]].mean(axis=0)[0]
        power = np.where(scales <= 1, widest * (scales / scales[0]) ** -exponent, np.nan)
        for m, D in found.items():
            columns = (scales, D.mean(axis=0), D.min(axis=0), D.max(axis=0), predicted, power)
            rows += [(name, f"m = {m}", *values) for values in zip(*columns, strict=True)]
    types = ["U12", "U12", *[float] * 6]
    return np.array(rows, dtype=list(zip(COLUMNS, types, strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Columns: activations; rows: D, and D over its prediction for large κ."""
    names = list(dict.fromkeys(table["panel"].tolist()))
    figure, panels = plt.subplots(2, len(names), figsize=(7.2, 4.6), sharex=True, sharey="row", height_ratios=(3, 2))
    for name, (top, bottom) in zip(names, panels.T, strict=True):
        own = table[table["panel"] == name]
        for panel, unit in ((top, np.ones(len(own))), (bottom, own["predicted"])):
            scaled = own.copy()
            for key in ("y", "low", "high", "predicted", "power"):
                scaled[key] /= unit
            for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
                line = scaled[scaled["series"] == series]
                points(panel, line, k, series)
            panel.plot(line["x"], line["predicted"], **PREDICTED, label="√(yᵀK⁻¹y)/κ")
            slope = "−1" if name == "tanh" else "−1/2"
            panel.plot(line["x"], line["power"], **POWER, label=f"slope {slope} in κ")
            panel.set(xscale="log", yscale="log")
        top.set_title(name)
        top.legend(loc="lower left")
        bottom.set_xlabel("output scale κ")
        decimal_ticks(bottom)
    panels[0, 0].set_ylabel("drift D")
    panels[1, 0].set_ylabel("κD/√(yᵀK⁻¹y)")
    figure.tight_layout()
    return figure
