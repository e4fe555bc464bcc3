"""Loss of centred training against scaled time, with the proved envelope and the loss of the limit."""

from collections.abc import Iterator
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Case, Run
from checks.li2024demystifying.loss_decay import CLAIM
from checks.measurements.trainings import limits, losses, network
from checks.running.verify import measure
from figures.style import DOTTED, GREYS, MARKERS, PREDICTED
from theory import linearized_flow

CAPTION = (
    "Claim li2024demystifying/loss-decay. Loss of centred training over its initial value against time in units of "
    "mn/(κ²λ), λ = λ_min of the limit kernel, one hidden layer, 8 inputs, random or digits: at every time the largest of "
    "the draws. Dashed: the envelope e^{−x}, proved while λ_min(G_t) is at least half its limit. Dotted: the "
    "loss of kernel regression with the limit kernel, the limit κ, m → ∞, whose late rate is 2; with relu the kernel "
    "changes by order 1/κ, so that at κ = 64 wide networks stay some per cent slower. On these "
    "separated data the kernel grows at κ = 1 and the loss falls faster than in the limit; for near-duplicates with opposite "
    "labels relu leaves the envelope at small κ, see relu-condition."
)
COLUMNS = ("panel", "series", "x", "y", "envelope", "limit")
PANELS = (("tanh", "digits", 64.0), ("relu", "random", 64.0), ("tanh", "digits", 1.0))
WIDTHS = {"quick": (64, 256, 2048), "standard": (64, 1024, 2**14), "full": (64, 1024, 2**14, 2**17)}
SEEDS = {"quick": 4, "standard": 6, "full": 12}
LAST, POINTS, LEAST_LOSS = 10.0, 41, 1e-8


def cases(tier: str) -> Iterator[Case]:
    """All widths of every panel."""
    scaled = np.linspace(0, LAST, POINTS).tolist()
    for activation, kind, kappa in PANELS:
        pairs = [[m, kappa] for m in WIDTHS[tier]]
        config = network(1, activation, kind, pairs, scaled_times=scaled)
        panel = f"{activation} {kind} κ = {kappa:g}"
        yield Case(panel, config, SEEDS[tier], select={"panel": panel})


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: the largest R(θ_t)/R(θ_0) of the draws at scaled time x."""
    rows, shown = [], replace(CLAIM, parts=(replace(CLAIM.parts[0], cases=cases, cell=losses),))
    for case, found in measure(shown, "a", run):
        (K, y), scaled = limits(case), np.array(case["scaled_times"])
        times = scaled * len(y) / np.linalg.eigvalsh(K.sum(axis=0))[0]
        limit = linearized_flow(K.sum(axis=0), y, times).losses
        for (m, _), largest in zip(case["pairs"], found["loss"].max(axis=0), strict=True):
            lines = zip(scaled, largest, np.exp(-scaled), limit / limit[0], strict=True)
            rows += [(case["panel"], f"m = {m}", *values) for values in lines]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U24", "U12", *[float] * 4], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """One panel an activation, data set and κ."""
    names = list(dict.fromkeys(table["panel"].tolist()))
    figure, panels = plt.subplots(1, len(names), figsize=(7.2, 3.0), sharey=True)
    for name, panel in zip(names, panels, strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            line = own[own["series"] == series]
            seen = line["y"] > 0.1 * LEAST_LOSS
            look = {"color": GREYS[k], "marker": MARKERS[k], "markevery": (k, 3), "label": series}
            panel.plot(line["x"][seen], line["y"][seen], markerfacecolor="white" if k % 2 else GREYS[k], **look)
        panel.plot(line["x"], line["envelope"], **PREDICTED, label="envelope $e^{-x}$")
        limit = {**DOTTED, "linewidth": 1.4, "zorder": 3}
        panel.plot(line["x"], line["limit"], **limit, label="limit, late rate 2")
        panel.set(yscale="log", ylim=(LEAST_LOSS, 2), title=name.replace(" ", ", ", 2), xlabel="time κ²λt/(mn)")
    panels[0].set_ylabel("loss $R(θ_t)/R(θ_0)$")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels))
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    return figure
