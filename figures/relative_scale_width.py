"""Relative scale κ_h(w_0) and the kernel after training against the width, and κ against the scale of the start."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from checks.chizat2019lazy import two_layer_width
from checks.claim import Run
from checks.judges.slope import slopes
from checks.measurements.homogeneous_maps import DEGREES, scale_law
from checks.running.seeds import stream_of
from checks.running.verify import measure
from figures.style import PREDICTED, legend, points, signed
from theory.width_bounds import kernel_change_exponent, width_exponent

CAPTION = (
    "Claims chizat2019lazy/two-layer-width and chizat2019lazy/homogeneous. Left: κ of h_m = m^{−β} Σ_i φ(w_i), tanh, paired "
    "units with output weights ±1, 4 orthonormal inputs: mean and range of the draws, exact norms; the measured "
    "slope stands in the legend, dashed: the slope β − 1. α = 1/m, mean field, is not lazy. Middle: relative change of the "
    "kernel DhDhᵀ in training up to the time 10/(mα²‖XXᵀ‖), paired units, random inputs, means over four draws; dashed: the "
    "slope 2(β − 1). Right: κ at the start s w_0 of "
    "homogeneous maps with h(w_0) = 0, on the line s^{−q} (dashed); with h(w_0) ≠ 0 κ does not tend to 0."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")
SCALES = tuple(2.0 ** np.arange(-2, 5))
LAWS = (("product", "kappa"), ("deep linear", "kappa"), ("product", "other"))


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: κ ("width") and the kernel's change ("trained") at width x, κ at the start x w_0."""
    rows = []
    for case, found in measure(two_layer_width.CLAIM, "a", run):
        if (case["kind"], case["output"], case["paired"]) == ("orthonormal", "signs", True):
            values, widths = two_layer_width.kappa(case, found).values, np.array(case["widths"], dtype=float)
            rows += series_rows("width", case["beta"], widths, values, width_exponent(case["beta"]))
    for case, found in measure(two_layer_width.CLAIM, "c", run):
        if case["data"]["kind"] == "random" and case["data"].get("target", "random") == "random":
            values, widths = two_layer_width.change(case, found).values, np.array(case["widths"], dtype=float)
            rows += series_rows("trained", case["beta"], widths, values, kernel_change_exponent(case["beta"]))
    stream, s = stream_of(run.seed, "figures/relative_scale_width", "start", {}), np.array(SCALES)
    cells = [{"kind": kind, "scales": list(SCALES), "stream": stream, "first": 0, "draws": 1} for kind, _ in LAWS]
    for (kind, key), law in zip(LAWS, run.sweep.run(scale_law, cells, "homogeneous"), strict=True):
        q, kappas = DEGREES[kind], law[key][0]
        start = kappas[0] if key == "kappa" else np.nan
        name = f"{kind} q = {q}{'' if key == 'kappa' else ' h(w₀) ≠ 0'}"
        rows += [
            ("start", name, *line) for line in zip(s, kappas, kappas, kappas, start * (s / s[0]) ** -q, strict=True)
        ]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U40", *[float] * 5], strict=True)))


def series_rows(panel: str, beta: float, widths: np.ndarray, values: np.ndarray, exponent: float) -> list[tuple]:
    """Mean, range and predicted slope of the draws at every width."""
    mean = np.exp(np.log(values).mean(axis=0))
    name = f"$α = m^{{-{beta:g}}}$  {signed(slopes(widths, values).mean())}"
    predicted = mean[-1] * (widths / widths[-1]) ** exponent
    return [
        (panel, name, *line)
        for line in zip(widths, mean, values.min(axis=0), values.max(axis=0), predicted, strict=True)
    ]


def draw(table: np.ndarray) -> Figure:
    """κ and the change of the kernel against m, κ against s."""
    figure, panels = plt.subplots(1, 3, figsize=(9.6, 3.4))
    labels = ("width m", "width m", "scale s of the start")
    for panel, name, label in zip(panels, ("width", "trained", "start"), labels, strict=True):
        draw_panel(panel, table[table["panel"] == name])
        quantity = "relative change of the kernel" if name == "trained" else r"relative scale $\kappa_h$"
        panel.set(xscale="log", yscale="log", xlabel=label, ylabel=quantity)
        panel.set_ylim(bottom=0.2 * panel.get_ylim()[0])  # room for the legend
        panel.set_xscale("log", base=2)
        legend(panel, {"predicted slope": PREDICTED}, loc="best")
    figure.tight_layout()
    return figure


def draw_panel(panel: Axes, own: np.ndarray) -> None:
    """Mean and range of every series, with its prediction."""
    for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
        line = own[own["series"] == series]
        panel.plot(line["x"], line["predicted"], **PREDICTED)
        points(panel, line, k, series)
