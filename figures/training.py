"""One forecast against the training that followed it: ``python -m checks forecast DATA --train --figure FILE``."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.forecast.measured import Measured
from checks.forecast.prediction import LAZY, Forecast
from checks.running.files import write_whole
from figures.style import GREYS, PREDICTED, picture_of, style

MOST = 12  # layers shown, those that are to change most
LEAST_TIME = 1e-3  # of t*, where the curves begin


def write(path: Path, found: Forecast, run: Measured, layers: list[str]) -> None:
    """Draw into ``path``, in the format of its suffix."""
    with style():
        figure = draw(found, run, layers)
        write_whole(path, picture_of(figure, path.suffix[1:].lower()))
        plt.close(figure)


def draw(found: Forecast, run: Measured, layers: list[str]) -> Figure:
    """Left the loss over time, by both paths and by training; right the change of every layer at the named loss."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0), width_ratios=(3, 2))
    trained = run.times > LEAST_TIME * found.time
    end = max(found.time, run.times[trained].max(initial=0.0))
    times = np.geomspace(LEAST_TIME * found.time, 1.2 * end, 300)
    left.plot(times, found.linear_loss(times), **PREDICTED, label="predicted, linearised path")
    shown = found.path_times > LEAST_TIME * found.time
    look = {"linestyle": "none", "color": GREYS[2], "markerfacecolor": "white"}
    left.plot(found.path_times[shown], found.path_losses[shown], "o", **look, label="predicted, corrected path")
    left.plot(run.times[trained], run.losses[trained], color=GREYS[1], label="measured, gradient flow")
    if np.isfinite(run.descent_ratio):
        where, look = run.steps * run.rate, {"linestyle": "none", "color": GREYS[0]}
        left.plot(where, run.descent_ratio, "D", **look, label=f"measured, {run.steps} steps of descent")
    left.axhline(found.loss_ratio, color=GREYS[3], linewidth=0.5)
    left.axvline(found.time, color=GREYS[3], linewidth=0.5)
    left.annotate("t*", (found.time, 1.0), xytext=(2, 0), textcoords="offset points")
    left.set(xscale="log", yscale="log", xlabel="time t", ylabel="loss, share of that at the start")
    left.legend(loc="lower left")

    order = np.sort(np.argsort(-found.layer_changes, kind="stable")[:MOST])
    names, places = [layers[l] for l in order], np.arange(len(order))
    predicted, measured = (np.where(own > 0, own, np.nan)[order] for own in (found.layer_changes, run.layer_changes))
    look = {"linestyle": "none", "markersize": 5.0}
    right.plot(places, predicted, "o", color=GREYS[0], markerfacecolor="white", **look, label="predicted")
    right.plot(places, measured, "x", color=GREYS[1], **look, label="measured")
    right.axhline(LAZY, **PREDICTED, label=f"{LAZY:g}, below it lazy")
    right.set(yscale="log", ylabel="‖ΔW‖/‖W₀‖", xlim=(-0.5, len(order) - 0.5))
    right.set_xticks(places, names, rotation=0 if sum(map(len, names)) < 20 else 90)
    right.legend()
    state = "valid" if found.valid else "NOT VALID"
    figure.suptitle(f"forecast and training to {found.loss_ratio:.3g} of the loss: {found.regime}, {state}", fontsize=8)
    figure.tight_layout()
    return figure
