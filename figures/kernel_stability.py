"""Change of the tangent kernel in training, and distance to the linearised network, against the output scale and the width."""

from collections.abc import Iterator
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.judges.interval import mean_and_error
from checks.judges.slope import slopes
from checks.li2024demystifying.kernel_stability import CLAIM, RICH_SCALE, WIDTH_SCALE
from checks.running.verify import measure
from figures.style import PREDICTED, points, signed

CAPTION = (
    "Claim li2024demystifying/kernel-stability, and li2024demystifying/linearization. Left: largest relative change of "
    "the tangent kernel in centred training; right: largest distance of the outputs to those of the network linearised at "
    "θ_0, for targets of order 1. Top, against κ: tanh with neurons in pairs of opposite sign (f_0 = 0, m = 2048), tanh "
    "(m = 512), relu (m = 2¹⁴; standard: 2¹⁶). Bottom, against the width: tanh. One hidden layer, 8 random inputs in 8 "
    "dimensions; geometric mean and range of the draws. Dashed: the predicted slope through the last "
    "point; in the legend the slope that was measured with its standard error. For relu the slope lies between "
    "−1 (dashed) and −1/2: neurons that flip one by one add a term of order (κm)^{−1/2}, which falls more slowly."
)
COLUMNS = ("quantity", "axis", "series", "x", "y", "low", "high", "predicted", "slope", "slope_error")
QUANTITIES = {
    "kernel": "kernel, $\\mathrm{sup}_t\\, ‖G_t - G_0‖/‖G_0‖$",
    "outputs": "outputs, $\\mathrm{sup}_t\\, \\mathrm{max}_i\\, |f_t(x_i) - f^\\mathrm{lin}_t(x_i)|$",
}


def series(run: Run) -> Iterator[tuple[str, str, dict, dict, float]]:
    """Axis, label, configuration, arrays and predicted slope of every series: the cells of the parts and of a control."""
    a, b, c, d = CLAIM.parts[:4]
    rich = replace(c, letter="c shown", cases=c.controls[0].cases)
    shown = (
        ("κ", "tanh paired", a, -2.0),
        ("κ", "tanh", b, -1.0),
        ("κ", "relu", d, -1.0),
        ("m", f"κ = {WIDTH_SCALE:g}", c, -0.5),
        ("m", f"κ = {RICH_SCALE:g}", rich, 0.0),
    )
    for axis, label, part, exponent in shown:
        case, found = measure(replace(CLAIM, parts=(part,)), part.letter, run)[0]
        yield axis, label, case, found, exponent


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: "kernel" and "outputs" of `deviations` at κ or m = x."""
    rows = []
    for axis, label, case, found, exponent in series(run):
        x = np.array([pair[axis == "κ"] for pair in case["pairs"]], dtype=float)
        for quantity in QUANTITIES:
            values = found[quantity]
            mean, slope = np.exp(np.log(values).mean(axis=0)), mean_and_error(slopes(x, values))
            predicted = mean[-1] * (x / x[-1]) ** exponent
            lines = zip(x, mean, values.min(axis=0), values.max(axis=0), predicted, strict=True)
            rows += [(quantity, axis, label, *line, *slope) for line in lines]
    types = ["U12", "U2", "U16", *[float] * 7]
    return np.array(rows, dtype=list(zip(COLUMNS, types, strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Columns: kernel and outputs; rows: against κ, against m."""
    figure, panels = plt.subplots(2, 2, figsize=(7.2, 5.2), sharex="row", sharey="row")
    for axis, line in zip(("κ", "m"), panels, strict=True):
        for quantity, panel in zip(QUANTITIES, line, strict=True):
            own = table[(table["axis"] == axis) & (table["quantity"] == quantity)]
            for k, label in enumerate(dict.fromkeys(own["series"].tolist())):
                one = own[own["series"] == label]
                panel.plot(one["x"], one["predicted"], **PREDICTED)
                points(panel, one, k, f"{label}  {signed(one['slope'][0])} ± {one['slope_error'][0]:.2f}")
            panel.set_xscale("log", base=10 if axis == "κ" else 2)
            panel.set(yscale="log", xlabel={"κ": "output scale κ", "m": "width m"}[axis])
            panel.legend(loc="upper right" if axis == "κ" else "center right")
            if axis == "κ":
                panel.set_title(QUANTITIES[quantity])
    figure.tight_layout()
    return figure
