"""Distance of the finite-width Gram matrices from their limits against the width, layer by layer."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from checks.claim import Run
from checks.judges.slope import slopes
from checks.li2024demystifying.gram_limit import CLAIM, distance
from checks.measurements.gram_errors import data_sets
from checks.running.verify import measure
from figures.style import GREYS, MARKERS, PREDICTED, decimal_ticks, legend, signed
from theory import gram_fluctuations

CAPTION = (
    "Claim li2024demystifying/gram-limit. Root mean square over the seeds of ‖(m/κ²)Gˡ − Kˡ‖_F (bars: ±2 standard errors) "
    "falls like 1/√m for every layer and activation, here on one data set each, alike on the others; in the legend the mean "
    "slope of each layer. Dashed: √(C_l/m), exact, for L = 1; slope −1/2 through the last point for L ≥ 2. Wide: networks "
    "that are never stored, full tier only, in rows of their own."
)
COLUMNS = ("activation", "data", "L", "layer", "m", "rms_error", "standard_error", "slope", "predicted")


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`, one row for every activation, data set, depth, layer and width."""
    rows = []
    for case, found in measure(CLAIM, "a", run):
        reading, L, layer, name = distance(case, found), case["hidden_layers"], case["layer"], case["activation"]
        widths, squares = np.array(reading.x), reading.values**2  # means over the draws of a block
        rms = np.sqrt(squares.mean(axis=0))
        error = squares.std(axis=0, ddof=1) / np.sqrt(len(squares)) / (2 * rms)
        constant = rms[-1] ** 2 * widths[-1]
        if L == 1:
            constant = gram_fluctuations(data_sets(case["data"], case["stream"])[case["set"]], activation=name)[layer]
        slope, kind = slopes(widths, reading.values).mean(), case["data"][case["set"]]["kind"]
        kind += ", wide" * case.get("streamed", False)
        lines = zip(widths, rms, error, np.sqrt(constant / widths), strict=True)
        rows += [(name, kind, L, layer + 1, m, e, s, slope, p) for m, e, s, p in lines]
    types = ["U12", "U16", int, int, int, float, float, float, float]
    return np.array(rows, dtype=list(zip(COLUMNS, types, strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Rows: activations, on their first data set; columns: depth. Below, networks that are never stored."""
    pairs = zip(table["activation"].tolist(), table["data"].tolist(), strict=True)
    first: dict[tuple, tuple] = {}  # data set of an activation, and of its networks that are never stored
    for name, data in pairs:
        first.setdefault((name, data.endswith("wide")), (name, data))
    cases = sorted(first.values(), key=lambda case: case[1].endswith("wide"))
    depths = sorted(set(table["L"].tolist()))
    figure, axes = plt.subplots(len(cases), len(depths), figsize=(7.2, 1.9 * len(cases)), squeeze=False)
    for (name, data), line in zip(cases, axes, strict=True):
        for L, panel in zip(depths, line, strict=True):
            own = table[(table["activation"] == name) & (table["data"] == data) & (table["L"] == L)]
            if len(own):
                draw_panel(panel, own)
                panel.set_title(f"{name}, {data}, L = {L}", pad=3)
            else:
                panel.set_visible(False)
        line[0].set_ylabel("‖(m/κ²)Gˡ − Kˡ‖")
    for column in axes.T:
        [panel for panel in column if panel.get_visible()][-1].set_xlabel("width m")
    figure.tight_layout(h_pad=0.6, w_pad=0.6)
    return figure


def draw_panel(panel: Axes, table: np.ndarray) -> None:
    """Measured points of every layer with their predicted line."""
    for layer in sorted(set(table["layer"].tolist())):
        own = table[table["layer"] == layer]
        panel.plot(own["m"], own["predicted"], **PREDICTED)
        panel.errorbar(
            own["m"],
            own["rms_error"],
            yerr=2 * own["standard_error"],
            fmt=MARKERS[layer - 1],
            color=GREYS[layer - 1],
            markerfacecolor="white" if layer % 2 == 0 else GREYS[layer - 1],
            elinewidth=0.8,
            label=f"$K^{layer}$  {signed(own['slope'][0])}",
        )
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    decimal_ticks(panel)
    low, high = panel.get_ylim()
    panel.set_ylim(low * (low / high) ** 0.5, high)  # room for the legend
    law = "√(C/m)" if table["L"][0] == 1 else "slope −1/2"
    legend(panel, {law: PREDICTED}, loc="lower left", handletextpad=0.3, borderaxespad=0.1, labelspacing=0.2)
