"""Drift of networks whatever the learning rates of their layers: one curve in κ, and what each layer does with the width."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.judges.slope import slopes
from checks.li2024demystifying.scheme_independence import CLAIM, text
from checks.measurements.trainings import limits
from checks.running.verify import measure
from figures.style import PREDICTED, legend, points, signed, summary
from theory.lazy_bounds import layer_drift_constants, rated_drift_constant

CAPTION = (
    "Claim li2024demystifying/scheme-independence. Left: D against κ, relu, random inputs, for rates r_1, …, r_{L+1} of the "
    "layers over four decades. Middle: the same over the constant (Σ_l r_l² wᵀK^lw)^{1/2} of its rates, nothing fitted, on the "
    "curve 1/κ (dashed). Right: ‖ΔW^l‖/√m of every layer against the width along κ = k_0 m^γ with rates ∝ m^{δ_l}, one "
    "network; dashed: r_l(wᵀK^lw)^{1/2}/κ, in the legend the mean slope. Centred training, means and ranges over the draws."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "slope")
ORDINATES = {
    "D": "drift D",
    "D over its constant": "drift D over its constant",
    "layers": "drift of a layer $‖ΔW^l‖/\\sqrt{m}$",
}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: D and κ-collapsed D at κ = x, ‖ΔW^l‖/√m at width x."""
    rows = []
    for case, found in measure(CLAIM, "d", run):
        if case["data"]["kind"] == "random":
            (layers, y), rates, x = limits(case), case["rates"][0], np.array([kappa for _, kappa in case["pairs"]])
            constant, series = (
                rated_drift_constant(layers, rates, y)[0],
                f"L = {case['hidden_layers']}, r = {text(rates).replace(', ', ':')}",
            )
            slope = slopes(x, found["drift"]).mean()
            for panel, scale in (("D", 1.0), ("D over its constant", constant)):
                lines = zip(x, *summary(found["drift"] / scale), constant / scale / x, strict=True)
                rows += [(panel, series, *line, slope) for line in lines]
    for case, found in measure(CLAIM, "b", run):
        if case["data"]["kind"] == "random" and case["data"]["n"] == 8 and case["data"]["target"] == "random":
            l, widths = case["layer"], np.array([m for m, _ in case["pairs"]], dtype=float)
            series = f"{case['activation']} γ = {case['gamma']:g}, δ_{l + 1} = {text(case['exponents'][l : l + 1])}"
            (layers, y), own = limits(case), found["layers"][..., l]
            pairs = zip(case["pairs"], case["rates"], strict=True)
            predicted = [layer_drift_constants(layers, rates, y)[l] / kappa for (_, kappa), rates in pairs]
            lines = zip(widths, *summary(own), predicted, strict=True)
            if series not in {row[1] for row in rows}:
                rows += [("layers", series, *line, slopes(widths, own).mean()) for line in lines]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U20", "U32", *[float] * 6], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """D, D over its constant, and the layers."""
    figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.4), layout="constrained")
    for name, panel in zip(("D", "D over its constant", "layers"), panels, strict=True):
        own = table[table["panel"] == name]
        names = list(dict.fromkeys(own["series"].tolist()))
        if name == "layers":
            network = names[0].split(", ")[0]
            names = [series for series in names if series.startswith(f"{network}, ")]
            panel.set_title(network)
        for k, series in enumerate(names):
            one = own[own["series"] == series]
            panel.plot(one["x"], one["predicted"], **PREDICTED)
            marks = {"color": f"C{k}"} if k >= 6 else {}
            label = series
            if name == "layers":
                symbol, _, exponent = series.removeprefix(f"{network}, ").partition(" = ")
                label = f"${symbol}$ = {exponent}, slope {signed(one['slope'][0])}"
            points(panel, one, k % 6, label, **marks)
        panel.set(yscale="log", xlabel="width m" if name == "layers" else "output scale κ", ylabel=ORDINATES[name])
        panel.set_xscale("log", base=2)
        if name != "D over its constant":  # the legend on its left is also its own
            low, high = panel.get_ylim()
            panel.set_ylim(low * (low / high) ** 0.6, high)  # room for the legend
            legend(panel, {"predicted": PREDICTED}, loc="lower left")
    return figure
