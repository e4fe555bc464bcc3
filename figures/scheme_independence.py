"""Drift of networks with other initialisation schemes: only the output scale counts."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.judges.slope import slopes
from checks.li2024demystifying.scheme_independence import CLAIM, SCHEMES, against_scale, ratio_text
from checks.measurements.trainings import limits
from checks.running.verify import measure
from figures.style import PREDICTED, decimal_ticks, points, signed, summary
from theory.lazy_bounds import rated_drift_constant
from theory.parametrization import layer_rates

CAPTION = (
    "Claim li2024demystifying/scheme-independence. κD against κ, relu, for raw weights whose standard deviations β_1:β_2 "
    "(L = 2, standard tier: β_1:β_2:β_3) have the ratios in the legend, which give the layers different learning rates; 8 "
    "random inputs in 8 dimensions, centred training, m = 2048 (L = 1) and 512 (L = 2). Dashed: the predicted constants, "
    "nothing fitted. Last panel: D against the width along the κ(m) of three schemes in use, L = 1, equal rates; dashed: "
    "slopes −1/2 (He, LeCun) and 0 (Xavier) through the last point, in the legend the mean slope. Means and ranges."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "slope")
LABELS = {"he": "He", "lecun": "LeCun", "xavier": "Xavier"}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panels "L = 1", "L = 2" have κD at κ = x, panel "schemes" D at width x."""
    rows = []
    for case, found in measure(CLAIM, "a", run):
        if case["data"]["kind"] == "random":
            reading, betas, (layers, y) = against_scale(case, found), case["betas"][case["split"]], limits(case)
            constant, x = rated_drift_constant(layers, layer_rates(betas), y)[0], np.array(reading.x)
            lines = zip(x, *summary(x * reading.values), strict=True)
            slope = slopes(x, reading.values).mean()
            rows += [(f"L = {case['hidden_layers']}", ratio_text(betas), *line, constant, slope) for line in lines]
    for case, found in measure(CLAIM, "c", run):
        D, widths = found["drift"], np.array([m for m, _ in case["pairs"]], dtype=float)
        predicted = D[:, -1].mean() * (widths / widths[-1]) ** SCHEMES[case["scheme"]]
        lines = zip(widths, *summary(D), predicted, strict=True)
        rows += [("schemes", LABELS[case["scheme"]], *line, slopes(widths, D).mean()) for line in lines]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U12", *[float] * 6], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """One panel a depth, and one for the schemes."""
    names = list(dict.fromkeys(table["panel"].tolist()))
    figure, panels = plt.subplots(1, len(names), figsize=(7.2, 3.1))
    for name, panel in zip(names, panels, strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            one = own[own["series"] == series]
            panel.plot(one["x"], one["predicted"], **PREDICTED)
            if name == "schemes":
                points(panel, one, k, f"{series}  {signed(one['slope'][0])}")
            else:
                beside = one.copy()
                beside["x"] *= 1.04 ** (k - 2)  # bars of one κ side by side
                points(panel, beside, k, series)
        panel.set_xscale("log", base=2)
        panel.set_title(f"relu, {name}")
        if name == "schemes":
            panel.set(xlabel="width m", ylabel="drift D", yscale="log")
            decimal_ticks(panel)
            panel.legend(loc="lower left")
        else:
            low, high = own["low"].min(), own["high"].max()
            panel.set(xlabel="output scale κ", ylabel="κD", ylim=(0.9 * low, high + 0.5 * (high - low)))
            panel.legend(loc="upper left", ncols=3, columnspacing=0.8, handletextpad=0.1)
    figure.tight_layout()
    return figure
