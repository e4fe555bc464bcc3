"""The NTK parametrisation beside the normalised network: the same trajectory, and another one with equal learning rates."""

from dataclasses import replace
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.li2024demystifying.ntk_special_case import CLAIM, networks
from checks.measurements.data import data_name
from checks.running.verify import measure
from figures.style import PREDICTED, points

CAPTION = (
    "Claim li2024demystifying/ntk-special-case. Loss over its initial value against the step of gradient descent, relu, 4 "
    "inputs, m = 48. Dashed: the normalised network with κ = √m and all rates 1. Points: the network with raw weights N(0, 1), "
    "N(0, 1/m), …, N(0, 1/m), written out on its own. Top: with the learning rates (1, 1/m, …, 1/m), in the titles the largest "
    "difference of the outputs, relative to the largest. Bottom, the control: with rates that are all 1/m the first layer "
    "hardly moves."
)
COLUMNS = ("rates", "panel", "x", "y", "low", "high", "predicted", "difference")
RATES = {"rates 1, 1/m, …, 1/m": {}, "all rates 1/m": {"equal_rates": True}}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: R over R(θ_0) of the raw network at step x, that of the normalised one as predicted."""
    rows = []
    for name, extra in RATES.items():
        cases = partial(networks, "quick", names=("relu",), **extra)
        part = replace(CLAIM.parts[0], cases=lambda tier, cases=cases: cases())
        for case, found in measure(replace(CLAIM, parts=(part,)), part.letter, run):
            panel = f"L = {case['hidden_layers']} {data_name(case['data'])}"
            raw, own = (found[key][0] / found[key][0, 0] for key in ("raw losses", "losses"))
            lines = zip(range(len(raw)), raw, raw, raw, own, strict=True)
            rows += [(name, panel, *line, found["descent"][0]) for line in lines]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U32", "U48", *[float] * 6], strict=True)))


def power(value: float) -> str:
    """One digit times a power of ten."""
    digit, exponent = f"{value:.0e}".split("e")
    return f"${digit}\\cdot 10^{{{int(exponent)}}}$"


def draw(table: np.ndarray) -> Figure:
    """One column a network, one row a choice of rates."""
    names = list(dict.fromkeys(table["panel"].tolist()))
    figure, grid = plt.subplots(len(RATES), len(names), figsize=(7.2, 4.6), sharex=True)
    for rates, panels in zip(RATES, grid, strict=True):
        for name, panel in zip(names, panels, strict=True):
            own = table[(table["rates"] == rates) & (table["panel"] == name)]
            panel.plot(own["x"], own["predicted"], **PREDICTED, label="normalised, κ = √m")
            points(panel, own[::2], list(RATES).index(rates), f"raw, {rates}")
            title = name.partition(", n =")[0]  # the caption has their number
            panel.set(yscale="log", title=f"{title}\nlargest difference {power(own['difference'][0])}")
        panels[0].set_ylabel("loss $R(θ_k)/R(θ_0)$")
    for panel in grid[-1]:
        panel.set_xlabel("step k")
    handles = {
        label: handle for panel in grid[:, 0] for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles, loc="lower center", ncols=len(handles))
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    return figure
