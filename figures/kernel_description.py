"""Predictions of trained networks at new inputs beside those of kernel regression, and their distance against the width."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.equivalence import mean_and_error
from checks.li2024demystifying.kernel_description import (
    GAMMA,
    K_0,
    errors,
    kernel_predictions,
    rtol_of,
    scaled_times,
    test_inputs,
)
from checks.li2024demystifying.trainings import DATA, collect, pairs_along, samples
from checks.rate_fit import slopes
from checks.running.sweep import Arrays
from figures.style import GREYS, MARKERS, PREDICTED, decimal_ticks, points, signed
from kernels import gradient_flow, init_parameters

CAPTION = (
    "Claim li2024demystifying/kernel-description. Left and middle: f_t(x) − f_0(x) at four new digits x, one colour and "
    "marker each, against scaled time: kernel regression with the limit kernel K (lines), one network of width 256 "
    "(hollow) and one of 4096 (filled), κ = 4√m, one hidden layer, trained centred on 8 digits with random targets. "
    "Right: largest distance to the prediction with K over 24 times and 16 digits, mean and range of 5 seeds (standard: "
    "8); dashed: slope −1/2 through the last point; in the legend the mean slope with its standard error. The control "
    "predicts with K^{L+1}, as if only the last layer were trained: its distance stays once it exceeds the fluctuation."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "slope", "slope_error")
ACTIVATIONS, SHOWN, SHOWN_WIDTHS = ("relu", "tanh"), (0, 1, 2, 3), (256, 4096)
WIDTHS = {"quick": [2**6, 2**8, 2**10, 2**11], "standard": [2**8, 2**10, 2**12, 2**14]}
WIDTHS["full"] = [*WIDTHS["standard"], 2**16]
SEEDS = {"quick": 5, "standard": 8, "full": 12}
KERNELS = {"right": "K", "wrong": "$K^{L+1}$"}


def predictions(*, data: dict, activation: str, m: int, kappa: float, seed: int) -> Arrays:
    """f_t(x) − f_0(x) of one network at the `scaled_times` and test inputs, (times, inputs)."""
    X, y = samples(data)
    times = scaled_times(data, activation, 1) * m / kappa**2
    params = init_parameters(seed, X.shape[1], m, hidden_layers=1)
    options = {"activation": activation, "kappa": kappa, "centred": True, "rtol": rtol_of(activation)}
    run = gradient_flow(params, X, y, times=times, X_test=test_inputs(data), **options)
    found = np.full((len(times), run.test_outputs.shape[1]), np.nan)
    found[: len(run.times)] = run.test_outputs
    return {"outputs": found}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`.

    Panels "relu" and "tanh" have the prediction y at scaled time x and that of the kernel, panel "error" the distance at
    width x.
    """
    data, rows = DATA["digits"], []
    shown = [
        {"data": data, "activation": name, "m": m, "kappa": K_0 * m**GAMMA, "seed": run.seed << 32}
        for name in ACTIVATIONS
        for m in SHOWN_WIDTHS
    ]
    for cell, found in zip(shown, run.sweep.run(predictions, shown, "kernel-description, predictions"), strict=True):
        times = scaled_times(data, cell["activation"], 1)
        kernel = kernel_predictions(data, cell["activation"], 1, times)
        for i in SHOWN:
            lines = zip(times, found["outputs"][:, i], kernel[:, i], strict=True)
            rows += [(cell["activation"], f"{cell['m']} digit {i}", s, f, f, f, k, np.nan, np.nan) for s, f, k in lines]
    widths = np.array(WIDTHS[run.tier], dtype=float)
    pairs = pairs_along(WIDTHS[run.tier], GAMMA, K_0)
    designs = [{"data": data, "activation": name, "hidden_layers": 1, "pairs": pairs} for name in ACTIVATIONS]
    for name, found in zip(
        ACTIVATIONS, collect(run, errors, "kernel-description", designs, SEEDS[run.tier]), strict=True
    ):
        for (key, kernel), exponent in zip(KERNELS.items(), (-0.5, 0.0), strict=True):
            values, slope = found[key], mean_and_error(slopes(widths, found[key]))
            mean = values.mean(axis=0)
            predicted = mean[-1] * (widths / widths[-1]) ** exponent
            lines = zip(widths, mean, values.min(axis=0), values.max(axis=0), predicted, strict=True)
            rows += [("error", f"{name} {kernel}", *line, *slope) for line in lines]
    types = ["U12", "U24", *[float] * 7]
    return np.array(rows, dtype=list(zip(COLUMNS, types, strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Predictions of relu and of tanh, then the distance."""
    figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.1))
    for name, panel in zip(ACTIVATIONS, panels[:2], strict=True):
        own = table[table["panel"] == name]
        for series in dict.fromkeys(own["series"].tolist()):
            line, (m, _, digit) = own[own["series"] == series], series.split()
            color, hollow = GREYS[int(digit) % 4], m == str(SHOWN_WIDTHS[0])
            if hollow:
                label = "kernel" if digit == "0" else None
                panel.plot(line["x"], line["predicted"], color=color, linewidth=0.8, zorder=1, label=label)
            look = {"color": color, "marker": MARKERS[int(digit) % 4], "linestyle": "none", "markersize": 3}
            look["label"] = f"m = {m}" if digit == "0" else None
            panel.plot(line["x"], line["y"], markerfacecolor="white" if hollow else color, **look)
        panel.set(xscale="log", title=f"{name}, digits", xlabel="κ²t/m", ylabel="$f_t(x) - f_0(x)$")
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
