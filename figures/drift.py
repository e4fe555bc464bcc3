"""How far the weights move against the output scale, for several widths: one curve, with its two power laws."""

from collections.abc import Iterator
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Case, Run
from checks.li2024demystifying.drift import CLAIM
from checks.measurements.trainings import limits, network
from checks.running.verify import measure
from figures.style import DOTTED, PREDICTED, decimal_ticks, points, summary
from theory.lazy_bounds import drift_constant
from theory.rates import drift_exponent

CAPTION = (
    "Claim li2024demystifying/drift. D = sup_t ‖θ_t − θ_0‖/√m of centred training against κ, one hidden layer, 8 random "
    "inputs in 8 dimensions: mean and range of the draws, as it is (top) and over the constant that is predicted "
    "for large κ (bottom). Dashed: √(yᵀK⁻¹y)/κ, nothing fitted. Dotted: the power law of κ → 0, κ⁻¹ for tanh, "
    "which is bounded, and κ^{−1/2} for relu, through the leftmost point of the widest networks."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "power")
ACTIVATIONS = ("tanh", "relu")
WIDTHS = {"quick": (64, 256, 1024), "standard": (64, 1024, 2**14), "full": (64, 1024, 2**14)}
SCALES = {"quick": [2.0**k for k in range(-4, 12, 2)], "standard": [2.0**k for k in range(-6, 12, 2)]}
SCALES["full"] = [2.0**k for k in range(-6, 11)]
SEEDS = {"quick": 3, "standard": 2, "full": 6}


def cases(tier: str) -> Iterator[Case]:
    """All widths and κ for every activation, more than are judged."""
    pairs = [[m, kappa] for m in WIDTHS[tier] for kappa in SCALES[tier]]
    for name in ACTIVATIONS:
        yield Case(name, network(1, name, "random", pairs), SEEDS[tier], chunk=1)


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: D at κ = x by the cell of drift (c), one series a width; "power" is NaN for κ > 1."""
    scales, rows = np.array(SCALES[run.tier]), []
    part_c = next(part for part in CLAIM.parts if part.letter == "c")
    shown = replace(CLAIM, parts=(replace(part_c, cases=cases),))
    for case, found in measure(shown, "c", run):
        name, (K, y) = case["activation"], limits(case)
        predicted = drift_constant(K.sum(axis=0), y) / scales
        drifts = found["drift"].reshape(-1, len(WIDTHS[run.tier]), len(scales))
        power = power_law(name, scales, drifts[:, -1, 0].mean())
        for k, m in enumerate(WIDTHS[run.tier]):
            columns = (scales, *summary(drifts[:, k]), predicted, power)
            rows += [(name, f"m = {m}", *values) for values in zip(*columns, strict=True)]
    types = ["U12", "U12", *[float] * 6]
    return np.array(rows, dtype=list(zip(COLUMNS, types, strict=True)))


def power_law(activation: str, scales: np.ndarray, first: float) -> np.ndarray:
    """The law of κ → 0 through ``first`` at the least of the scales, NaN for κ > 1."""
    exponent = drift_exponent(-1.0, centred=True, bounded=activation == "tanh")
    return np.where(scales <= 1, first * (scales / scales[0]) ** -exponent, np.nan)


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
                points(panel, line, k, series, markersize=6.5 - 1.5 * k)  # each seen around the next
            panel.plot(line["x"], line["predicted"], **PREDICTED, label="√(yᵀK⁻¹y)/κ")
            slope = "−1" if name == "tanh" else "−1/2"
            panel.plot(line["x"], line["power"], **DOTTED, label=f"slope {slope} in κ")
            panel.set(xscale="log", yscale="log")
        top.set_title(name)
        top.legend(loc="lower left")
        bottom.set_xlabel("output scale κ")
        decimal_ticks(bottom)
    panels[0, 0].set_ylabel("drift D = sup $‖θ_t − θ_0‖$/√m")
    panels[1, 0].set_ylabel("D over its constant/κ")
    figure.tight_layout()
    return figure
