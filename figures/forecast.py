"""What forecasts of networks foretell against what training gives."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.measurements.forecasts import BANDS, PREDICTIONS
from checks.numerics.forecast import CLAIM
from checks.running.verify import measure
from figures.style import GREYS, PREDICTED

CAPTION = (
    "Claim numerics/forecast. Predicted against measured for networks of any scheme, width, depth and activation on rows of "
    "five data sets, where the forecast calls itself valid, one point a network of the first look: drift per neuron, relative "
    "change of the tangent kernel, time of the flow to the named loss. On the solid line they are equal; between the dashed "
    f"ones, the band that the claim names, they agree to a factor {', '.join(f'{BANDS[name]:g}' for name in PREDICTIONS)}."
)
COLUMNS = ("panel", "measured", "predicted")
TITLES = {"drift": "drift per neuron", "kernel": "relative change of the kernel", "time": "time to the loss"}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`, one line a quantity and network with a valid forecast."""
    ((_, found),) = measure(CLAIM, "a", run)
    rows = [
        (name, predicted / ratio, predicted)
        for name in PREDICTIONS
        for predicted, ratio in zip(found[PREDICTIONS[name]], found[name], strict=True)
        if np.isfinite(ratio)
    ]
    return np.array(rows, dtype=[("panel", "U8"), ("measured", float), ("predicted", float)])


def draw(table: np.ndarray) -> Figure:
    """One panel a quantity, both axes alike."""
    figure, panels = plt.subplots(1, len(PREDICTIONS), figsize=(7.2, 2.7))
    for panel, name in zip(panels, PREDICTIONS, strict=True):
        band = BANDS[name]
        own = table[table["panel"] == name]
        ends = np.array([0.7, 1.4]) * [min(own["measured"].min(), own["predicted"].min()), own["measured"].max()]
        panel.plot(ends, ends, color="#000000", linewidth=0.8, label="equal")
        panel.plot(ends, ends * band, **PREDICTED, label=f"a factor {band:g}")
        panel.plot(ends, ends / band, **PREDICTED)
        panel.plot(
            own["measured"],
            own["predicted"],
            "o",
            color=GREYS[2],
            markerfacecolor="white",
            markersize=3,
            label="networks",
        )
        panel.set(xscale="log", yscale="log", title=TITLES[name], xlabel="measured", ylabel="predicted")
        panel.legend(loc="upper left")
    figure.tight_layout()
    return figure
