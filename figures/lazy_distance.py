"""Distance of the flow of a scaled model to that of its linearisation, against the scale α."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.chizat2019lazy.general_lazy import cell
from checks.chizat2019lazy.scaled_flows import KINDS, distances
from checks.claim import Run
from figures.style import GREYS, MARKERS, PREDICTED

CAPTION = (
    "Claims chizat2019lazy/general-lazy and chizat2019lazy/relative-scale. Largest distance, on the horizon 1/‖Dh(w_0)‖², "
    "of the gradient flow of ½‖αh(w) − y*‖²/α² to that of the linearised model, for maps h with h(w_0) = 0 against the scale "
    "α. Left: of the predictions; right: of the parameters. Dashed: slopes −1 and −2, left, and −2, right, "
    "through the last point. Units in pairs of opposite sign gain one order in the predictions and none in the parameters; "
    "they are shown up to where the rounding of αh is seen. κ_{αh}(w_0) is proportional to 1/α, with another factor for each."
)
COLUMNS = ("panel", "series", "x", "y", "predicted")
ALPHAS = {"quick": [10.0**k for k in range(5)], "standard": [10.0 ** (k / 2) for k in range(11)]}
ALPHAS["full"] = ALPHAS["standard"]
PAIRED, LARGEST_PAIRED, RTOL = "two layers", 3200.0, 1e-4
EXPONENTS = {"predictions": -1.0, "path": -2.0}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "predictions" or "path" has the distance y at α = x, and the predicted line."""
    alphas = ALPHAS[run.tier]
    cells = [cell(kind, run.seed, alphas, rtol=RTOL) for kind in KINDS]
    few = [alpha for alpha in alphas if alpha < LARGEST_PAIRED]
    cells.append(cell(PAIRED, run.seed, few, paired=True, rtol=1e-6))
    rows = []
    for c, found in zip(cells, run.sweep.run(distances, cells, "distance to the linearised flow"), strict=True):
        paired, x = "paired" in c, np.array(c["alphas"])
        name = f"{c['kind']} paired" if paired else c["kind"]
        for panel, exponent in EXPONENTS.items():
            y = found[panel]
            predicted = y[-1] * (x / x[-1]) ** (-2.0 if paired else exponent)
            rows += [(panel, name, *values) for values in zip(x, y, predicted, strict=True)]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U24", float, float, float], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Predictions on the left, parameters on the right."""
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.7))
    for panel, name in zip(panels, EXPONENTS, strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            line, colour = own[own["series"] == series], GREYS[k % len(GREYS)]
            panel.plot(line["x"], line["predicted"], **PREDICTED)
            look = {"color": colour, "marker": MARKERS[k % len(MARKERS)], "linestyle": "none"}
            panel.plot(
                line["x"], line["y"], **look, markerfacecolor="white" if k >= len(GREYS) else colour, label=series
            )
        panel.set(xscale="log", yscale="log", xlabel="scale α")
    panels[0].set_ylabel("$\\mathrm{sup}_t\\, ‖y(t) - \\bar y(t)‖$")
    panels[1].set_ylabel("$\\mathrm{sup}_t\\, ‖w_α(t) - \\bar w_α(t)‖$")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="lower center", ncols=5)
    figure.tight_layout(rect=(0, 0.1, 1, 1))
    return figure
