"""Distance of the flow of a scaled model to that of its linearisation, and of what it learns, against the scale α."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from checks.chizat2019lazy import general_lazy, generalization, tangent_kernel_method
from checks.claim import Run
from checks.measurements.scaled_models import distances
from checks.running.verify import measure
from figures.style import GREYS, MARKERS, PREDICTED

CAPTION = (
    "Claims chizat2019lazy/general-lazy, chizat2019lazy/relative-scale, chizat2019lazy/generalization and "
    "chizat2019lazy/tangent-kernel-method, for maps h with h(w_0) = 0 "
    "and the square loss. Top: largest distance, on the horizon 1/‖Dh(w_0)‖², of the gradient flow of ½‖αh(w) − y⋆‖²/α² to "
    "that of the linearised model, of the predictions (left) and of the parameters (right), α in units of κ_h(w_0), so "
    "that κ_{αh}(w_0) is its inverse. Bottom: largest distance of the predictions at six test points, up to 20/‖Dh(w_0)‖² "
    "(left) and to kernel regression with the tangent kernel at w_0 at t = ∞ (right, α in units of √(y⋆ᵀK⁻¹y⋆)). Dashed: the "
    "predicted slope through the last point, −1, −2 top right, and −2 for predictions of units in pairs of opposite sign, "
    "which are shown up to where the rounding of αh is seen. The judged models, the first of each kind; top also at smaller α."
)
COLUMNS = ("panel", "series", "x", "y", "predicted")
PANELS = {
    "predictions": "$\\mathrm{sup}_t\\, ‖y(t) - \\bar y(t)‖$",
    "path": "$\\mathrm{sup}_t\\, ‖w_α(t) - \\bar w_α(t)‖$",
    "test points": "distance at test points",
    "kernel regression": "distance to kernel regression",
}
SMALLER = {False: [1.0, 10.0, 100.0], True: [1.0, 10.0]}  # than those that were judged; paired


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: each of the `PANELS` has the distance y at α = x, and the predicted line."""
    rows = []
    for panel, series, x, y, slope in (*flow_lines(run), *held_out_lines(run)):
        predicted = y[-1] * (np.array(x) / x[-1]) ** slope
        rows += [(panel, series, *values) for values in zip(x, y, predicted, strict=True)]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U24", "U24", float, float, float], strict=True)))


def named(own: dict) -> str:
    """Kind, and whether paired."""
    return own["kind"] + " paired" * bool(own.get("paired"))


def slope_of(own: dict) -> float:
    """Exponent of the distance of predictions."""
    return -2.0 if own.get("paired") else -1.0


def flow_lines(run: Run) -> Iterator[tuple]:
    """Panel, series, α, distance and slope of the first model of each kind; the judged α and smaller ones."""
    found = [
        (own, arrays)
        for own, arrays in measure(general_lazy.CLAIM, "a", run)
        if own.get("loss", "square") == "square" and own["quantity"] == "predictions"
    ]
    keys = ("kind", "horizons", "rtols", "stream", "paired")
    cells = [
        {key: own[key] for key in keys if key in own}
        | {"sizes": [a for a in SMALLER["paired" in own] if a < own["sizes"][0]], "first": 0, "draws": 1}
        for own, _ in found
    ]
    smaller = run.sweep.run(distances, cells, "distance at smaller α")
    for (own, arrays), cell, more in zip(found, cells, smaller, strict=True):
        for panel, slope in (("predictions", slope_of(own)), ("path", -2.0)):
            y = np.concatenate([more[panel][0, 0], arrays[panel][0, 0]])  # the first draw and horizon
            yield panel, named(own), [*cell["sizes"], *own["sizes"]], y, slope


def held_out_lines(run: Run) -> Iterator[tuple]:
    """The same at test points, as judged, of the first model of each kind that meets the hypotheses."""
    for own, arrays in measure(generalization.CLAIM, "c", run):
        if own["loss"] == "square":
            yield "test points", named(own), own["alphas"], arrays["distance"][0], slope_of(own)
    for own, arrays in measure(tangent_kernel_method.CLAIM, "a", run):
        met = np.flatnonzero(np.isfinite(arrays["predictions"]).all(axis=1))
        if len(met):
            yield "kernel regression", named(own), own["sizes"], arrays["predictions"][met[0]], slope_of(own)


def draw(table: np.ndarray) -> Figure:
    """Top: predictions and parameters; bottom: test points and kernel regression."""
    figure, panels = plt.subplots(2, 2, figsize=(7.2, 6.6))
    names = list(dict.fromkeys(table["series"].tolist()))
    for panel, (name, label) in zip(panels.ravel(), PANELS.items(), strict=True):
        own = table[table["panel"] == name]
        for series in dict.fromkeys(own["series"].tolist()):
            k, line = names.index(series), own[own["series"] == series]
            panel.plot(line["x"], line["predicted"], **PREDICTED)
            look = {"color": GREYS[k % len(GREYS)], "marker": MARKERS[k % len(MARKERS)], "linestyle": "none"}
            fill = "white" if k >= len(GREYS) else look["color"]
            panel.plot(line["x"], line["y"], **look, markerfacecolor=fill, label=series)
        panel.set(xscale="log", yscale="log", xlabel="scale α", ylabel=label)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    handles.append(Line2D([], [], **PREDICTED))
    figure.legend(handles, [*labels, "predicted slope"], loc="lower center", ncols=6)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    return figure
