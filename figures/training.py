"""One forecast against the training that followed it: ``python -m checks forecast DATA --train --figure FILE``."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from checks.forecast.measured import FIRST, Measured
from checks.forecast.prediction import LAZY, Forecast
from checks.running.files import write_whole
from figures.style import GREYS, PREDICTED, picture_of, style

MOST = 12  # layers shown, those that are to change most


def write(path: Path, found: Forecast, run: Measured, layers: list[str]) -> None:
    """Draw into ``path``, in the format of its suffix."""
    with style():
        figure = draw(found, run, layers)
        write_whole(path, picture_of(figure, path.suffix[1:].lower()))
        plt.close(figure)


def draw(found: Forecast, run: Measured, layers: list[str]) -> Figure:
    """Left the loss over time, by both paths and by training; right the change of every layer at the named loss."""
    order = np.sort(np.argsort(-found.layer_changes, kind="stable")[:MOST])
    size = (7.2, max(3.0, 1.0 + 0.25 * len(order)))
    figure, (left, right) = plt.subplots(1, 2, figsize=size, width_ratios=(3, 2), layout="constrained")
    trained = run.times > 0
    end = max(found.time, run.times[trained].max(initial=0.0))
    times = np.geomspace(FIRST * found.time, 1.2 * end, 300)
    left.plot(times, found.linear_loss(times), **PREDICTED, label="predicted, linearised path")
    shown = found.path_times > 0
    look = {"linestyle": "none", "color": GREYS[2], "markerfacecolor": "white"}
    left.plot(found.path_times[shown], found.path_losses[shown], "o", **look, label="predicted, corrected path")
    left.plot(run.times[trained], run.losses[trained], color=GREYS[1], label="measured, gradient flow")
    if np.isfinite(run.descent_ratio):
        where, look = run.steps * run.rate, {"linestyle": "none", "color": GREYS[0]}
        left.plot(where, run.descent_ratio, "D", **look, label=f"measured, {run.steps} steps of descent")
    left.axhline(found.loss_ratio, color=GREYS[3], linewidth=0.5)
    left.axvline(found.time, color=GREYS[3], linewidth=0.5)
    left.text(found.time, 0.95, " t*", transform=left.get_xaxis_transform())
    left.set(xscale="log", yscale="log", xlabel="time t", ylabel="loss, share of that at the start")
    left.legend(loc="lower left")

    known = lambda own: np.where((own > 0) & np.isfinite(own), own, np.nan)[order]  # noqa: E731
    predicted, measured, places = known(found.layer_changes), known(run.layer_changes), np.arange(len(order))
    look = {"linestyle": "none", "markersize": 5.0}
    right.plot(predicted, places, "o", color=GREYS[0], markerfacecolor="white", **look, label="predicted")
    right.plot(measured, places, "x", color=GREYS[1], **look, label="measured")
    right.axvline(LAZY, **PREDICTED, label=f"{LAZY:g}, below it lazy")
    ends = np.nanquantile([*predicted, *measured, LAZY], [0, 1]) * [0.5, 2.0]
    right.set(xscale="log", xlim=ends, ylim=(len(order) - 0.5, -0.5), xlabel="‖ΔW‖/‖W₀‖")
    for k, (name, values) in enumerate((("predicted", found.layer_changes), ("measured", run.layer_changes))):
        for value, text, marker, end in ((0.0, "0", "<", ends[0]), (np.inf, "∞", ">", ends[1])):
            beyond = places[values[order] == value]  # an axis of logarithms has no place for it
            if len(beyond):
                at = {**look, "color": GREYS[k], "marker": marker, "markersize": 7.5 - 3 * k, "clip_on": False}
                right.plot(np.full(len(beyond), end), beyond, **at, label=f"{name} {text}")
    right.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if ends[1] < 100 * ends[0] else (1,)))
    right.xaxis.set_major_formatter("{x:g}")
    right.xaxis.set_minor_formatter("")
    right.set_yticks(places, [layers[l] for l in order])
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=0.8, handletextpad=0.3)
    state = "valid" if found.valid else "NOT VALID"
    figure.suptitle(f"forecast and training to {found.loss_ratio:.3g} of the loss: {found.regime}, {state}", fontsize=8)
    return figure
