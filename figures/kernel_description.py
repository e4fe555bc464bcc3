"""Predictions of trained networks at new inputs beside those of kernel regression, and their distance against the width."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.judges.interval import mean_and_error
from checks.judges.slope import slopes
from checks.li2024demystifying.kernel_description import CLAIM, distance
from checks.measurements.kernel_predictions import kernel_predictions
from checks.running.verify import measure
from figures.style import GREYS, MARKERS, PREDICTED, decimal_ticks, points, signed, summary

CAPTION = (
    "Claim li2024demystifying/kernel-description. Left and middle: f_t(x) − f_0(x) at four new inputs x, one colour and "
    "marker each, against scaled time: kernel regression with the limit kernel K (lines), one network of a small width "
    "(hollow) and one of the largest (filled), κ = 4√m, one hidden layer, trained centred on 8 inputs with random targets. "
    "Right: largest distance to the prediction with K over 24 times and 16 inputs, mean and range of the draws of the first "
    "look; dashed: slope −1/2 through the last point; in the legend the mean slope with its standard error. The control "
    "predicts with K^{L+1}, as if only the last layer were trained: its distance stays once it exceeds the fluctuation."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "slope", "slope_error")
SHOWN = (0, 1, 2, 3)
KERNELS = {"right": "K", "wrong": "$K^{L+1}$"}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`, from one case of each activation.

    Panels named by activation and data have the prediction y at scaled time x and that of the kernel, panel "error" the
    distance at width x.
    """
    rows, chosen = [], {}
    for case, found in measure(CLAIM, "a", run):
        if case["hidden_layers"] == 1:
            chosen[case["activation"]] = (case, found)
    for name, (case, found) in chosen.items():
        panel, widths = f"{name} {case['data']['kind']}", np.array([m for m, _ in case["pairs"]], dtype=float)
        times, kernel = kernel_predictions(case["data"], name, 1, case["stream"])
        for k, i in ((k, i) for k in (min(1, len(widths) - 2), -1) for i in SHOWN):
            lines = zip(times, found["outputs"][0, k, :, i], kernel[:, i], strict=True)
            rows += [(panel, f"{widths[k]:.0f} {i}", s, f, f, f, p, np.nan, np.nan) for s, f, p in lines]
        for (key, label), exponent in zip(KERNELS.items(), (-0.5, 0.0), strict=True):
            values = distance(case, found, key).values
            mean, low, high = summary(values)
            predicted = mean[-1] * (widths / widths[-1]) ** exponent
            lines = zip(widths, mean, low, high, predicted, strict=True)
            rows += [("error", f"{name} {label}", *line, *mean_and_error(slopes(widths, values))) for line in lines]
    types = ["U16", "U24", *[float] * 7]
    return np.array(rows, dtype=list(zip(COLUMNS, types, strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Predictions of the networks, then the distance."""
    figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.1))
    names = [name for name in dict.fromkeys(table["panel"].tolist()) if name != "error"]
    for name, panel in zip(names, panels[:2], strict=True):
        own = table[table["panel"] == name]
        for series in dict.fromkeys(own["series"].tolist()):
            line, (m, digit) = own[own["series"] == series], series.split()
            color, hollow = GREYS[int(digit) % 4], m == own["series"][0].split()[0]
            if hollow:
                label = "kernel" if digit == "0" else None
                panel.plot(line["x"], line["predicted"], color=color, linewidth=0.8, zorder=1, label=label)
            look = {"color": color, "marker": MARKERS[int(digit) % 4], "linestyle": "none", "markersize": 3}
            look["label"] = f"m = {m}" if digit == "0" else None
            panel.plot(line["x"], line["y"], markerfacecolor="white" if hollow else color, **look)
        panel.set(xscale="log", title=name, xlabel="κ²t/m", ylabel="$f_t(x) - f_0(x)$")
        panel.legend(loc="lower left")
    own = table[table["panel"] == "error"]
    for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
        line = own[own["series"] == series]
        panels[2].plot(line["x"], line["predicted"], **PREDICTED)
        points(panels[2], line, k, f"{series}  {signed(line['slope'][0])} ± {line['slope_error'][0]:.2f}")
    panels[2].set_xscale("log", base=2)
    panels[2].set(yscale="log", title="L = 1", xlabel="width m", ylabel="distance to the kernel")
    panels[2].set_ylim(bottom=0.3 * own["low"].min())
    decimal_ticks(panels[2])
    panels[2].legend(loc="lower left")
    figure.tight_layout()
    return figure
