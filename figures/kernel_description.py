"""Predictions of trained networks at new inputs beside those of kernel regression, and their distance against the width."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from checks.claim import Run
from checks.judges import Draws
from checks.judges.interval import mean_and_error
from checks.judges.slope import slopes
from checks.li2024demystifying.kernel_description import CLAIM, distance
from checks.measurements.kernel_predictions import KINKED, kernel_predictions
from checks.running.verify import measure
from figures.style import GREYS, MARKERS, PREDICTED, legend, points, signed, summary
from theory.rates import prediction_exponent

CAPTION = (
    "Claim li2024demystifying/kernel-description. Left and middle: f_t(x) − f_0(x) at four new inputs x, one colour and "
    "marker each, against scaled time: kernel regression with the limit kernel K (lines), one network of a small width "
    "(hollow) and one of the largest (filled), one hidden layer, trained centred on 8 inputs, κ = 4√m for tanh, κ = m for "
    "relu. Right: largest distance to the prediction with K over 16 times and 16 inputs along κ = k₀m^γ, mean and range of the "
    "draws of the first look; in pairs: to the network's own linearisation; dashed: the predicted slope, for γ up to the "
    "corner a bound, through the last point; in the legend the mean slope with its standard error. The control predicts with "
    "K^{L+1}, as if only the last layer were trained: its distance stays once it exceeds the fluctuation."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "slope", "slope_error")
SHOWN = (0, 1, 2, 3)
DRAWN_GAMMA = {"tanh": 0.5, "relu": 1.0}
DISTANCES = {("a", "tanh"): (1 / 8, 1 / 2), ("a", "relu"): (1 / 4, 1.0), ("b", "tanh"): (1 / 8,)}


def series(run: Run) -> Iterator[tuple[str, dict, dict]]:
    """Letter, settings and arrays of the first case of every part, activation and γ of `DISTANCES`, one hidden layer."""
    seen = set()
    for letter in "ab":
        for case, found in measure(CLAIM, letter, run):
            key = (letter, case["activation"], case["gamma"])
            if case["hidden_layers"] == 1 and case["gamma"] in DISTANCES.get(key[:2], ()) and key not in seen:
                seen.add(key)
                yield letter, case, found


def distances(label: str, x: np.ndarray, own: Draws, exponent: float) -> list[tuple]:
    """Lines of `COLUMNS` in panel "error"."""
    mean, low, high = summary(own.values)
    lines = zip(x, mean, low, high, mean[-1] * (x / x[-1]) ** exponent, strict=True)
    return [("error", label, *line, *mean_and_error(slopes(x, own.values))) for line in lines]


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`.

    Panels named by activation and data have the prediction y at scaled time x and that of the kernel, panel "error" the
    distance at width x.
    """
    rows = []
    for letter, case, found in series(run):
        name, gamma = case["activation"], case["gamma"]
        widths = np.array([m for m, _ in case["pairs"]], dtype=float)
        if letter == "b":
            rows += distances(f"{name} {gamma:g} pairs", widths, distance(case, found, "training"), -2 * gamma)
            continue
        exponent = prediction_exponent(gamma, kinked=name in KINKED)
        rows += distances(f"{name} {gamma:g}", widths, distance(case, found), exponent)
        if gamma == DRAWN_GAMMA.get(name):
            if name == "tanh":
                rows += distances(f"{name} $K^{{L+1}}$", widths, distance(case, found, "wrong"), 0.0)
            times, kernel = kernel_predictions(case["data"], name, 1, case["stream"])
            for k, i in ((k, i) for k in (min(1, len(widths) - 2), -1) for i in SHOWN):
                lines = zip(times, found["outputs"][0, k, :, i], kernel[:, i], strict=True)
                panel = f"{name} {case['data']['kind']}"
                rows += [(panel, f"{widths[k]:.0f} {i}", s, f, f, f, p, np.nan, np.nan) for s, f, p in lines]
    types = ["U16", "U24", *[float] * 7]
    return np.array(rows, dtype=list(zip(COLUMNS, types, strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Predictions of the networks, then the distance."""
    figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.6), width_ratios=(1, 1, 1.45))
    names = [name for name in dict.fromkeys(table["panel"].tolist()) if name != "error"]
    for name, panel in zip(names, panels[:2], strict=True):
        own = table[table["panel"] == name]
        for label in dict.fromkeys(own["series"].tolist()):
            line, (m, digit) = own[own["series"] == label], label.split()
            color, hollow = GREYS[int(digit) % 4], m == own["series"][0].split()[0]
            if hollow:
                panel.plot(line["x"], line["predicted"], color=color, linewidth=0.8, zorder=1)
            look = {"color": color, "marker": MARKERS[int(digit) % 4], "linestyle": "none", "markersize": 3}
            panel.plot(line["x"], line["y"], markerfacecolor="white" if hollow else color, **look)
        panel.set(
            xscale="log", title=name.replace(" ", ", "), xlabel="time κ²t/m", ylabel="prediction $f_t(x) - f_0(x)$"
        )
    own = table[table["panel"] == "error"]
    for k, label in enumerate(dict.fromkeys(own["series"].tolist())):
        line = own[own["series"] == label]
        panels[2].plot(line["x"], line["predicted"], **PREDICTED)
        name, rest = label.split(" ", 1)
        text = f"{name}, γ = {rest}" if rest[0].isdigit() else f"{name}, control {rest}"
        points(panels[2], line, k, f"{text}  {signed(line['slope'][0])} ± {line['slope_error'][0]:.2f}")
    panels[2].set_xscale("log", base=2)
    panels[2].set(yscale="log", title="κ = $k_0m^γ$", xlabel="width m")
    panels[2].set_ylabel("distance to the prediction of the kernel")
    panels[2].set_ylim(bottom=2e-4 * own["low"].min())
    legend(panels[2], {"predicted slope": PREDICTED}, loc="lower left")
    widths = dict.fromkeys(label.split()[0] for label in table[table["panel"] == names[0]]["series"].tolist())
    looks = {f"input {i + 1}": {"color": GREYS[i % 4], "marker": MARKERS[i % 4], "linestyle": "none"} for i in SHOWN}
    for m, fill in zip(widths, ("white", GREYS[3]), strict=True):
        looks[f"m = {m}"] = {"color": GREYS[3], "marker": "o", "markerfacecolor": fill, "linestyle": "none"}
    looks["kernel"] = {"color": GREYS[3], "linewidth": 0.8}
    handles = [Line2D([], [], label=label, **look) for label, look in looks.items()]
    figure.legend(handles=handles, loc="lower left", ncols=7, bbox_to_anchor=(0.05, 0))
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    return figure
