"""Loss of centred training against scaled time, with the proved envelope and the loss of the limit."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.li2024demystifying.trainings import DATA, collect, limits, samples
from figures.style import GREYS, MARKERS, PREDICTED
from kernels import gradient_flow, init_parameters
from theory import linearized_flow
from theory.lazy_bounds import decay_rate

CAPTION = (
    "Claim li2024demystifying/loss-decay. Loss of centred training over its initial value against time in units of "
    "mn/(κ²λ), λ = λ_min of the limit kernel, one hidden layer, 8 inputs, random or digits: at every time the largest of "
    "4 seeds (standard: 6). Dashed: the envelope e^{−x}, proved while λ_min(G_t) is at least half its limit. Dotted: the "
    "loss of kernel regression with the limit kernel, the limit κ, m → ∞, whose late rate is 2; with relu the kernel "
    "changes by order 1/κ, so that at κ = 64 wide networks stay some per cent slower. At κ = 1 the kernel grows and the "
    "loss falls faster than in the limit."
)
COLUMNS = ("panel", "series", "x", "y", "envelope", "limit")
PANELS = (("tanh", "digits", 64.0), ("relu", "random", 64.0), ("tanh", "digits", 1.0))
WIDTHS = {"quick": (64, 256, 2048), "standard": (64, 1024, 2**14), "full": (64, 1024, 2**14, 2**17)}
SEEDS = {"quick": 4, "standard": 6, "full": 12}
LAST, POINTS, LEAST_LOSS = 10.0, 41, 1e-8


def curves(
    *, data: dict, activation: str, m: int, kappa: float, times: list, first_seed: int, seeds: int
) -> dict[str, np.ndarray]:
    """R(θ_t)/R(θ_0) at the times, (seeds, times); what a run does not reach is NaN."""
    X, y = samples(data)
    found = np.full((seeds, len(times)), np.nan)
    for s in range(seeds):
        params = init_parameters(first_seed + s, X.shape[1], m, hidden_layers=1)
        run = gradient_flow(params, X, y, activation=activation, kappa=kappa, centred=True, times=times)
        found[s, : len(run.losses)] = run.losses / (0.5 * (y @ y) / len(y))
    return {"loss": found}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: the largest R(θ_t)/R(θ_0) of the seeds at scaled time x."""
    rows, scaled = [], np.linspace(0, LAST, POINTS)
    for activation, kind, kappa in PANELS:
        K, y = limits(DATA[kind], activation, 1)
        n, lam = len(y), np.linalg.eigvalsh(K.sum(axis=0))[0]
        limit = linearized_flow(K.sum(axis=0), y, scaled * n / lam).losses
        designs = [
            {
                "data": DATA[kind],
                "activation": activation,
                "m": m,
                "kappa": kappa,
                "times": (scaled / decay_rate(kappa, m, n, lam)).tolist(),
            }
            for m in WIDTHS[run.tier]
        ]
        name = f"{activation} {kind} κ = {kappa:g}"
        for design, found in zip(designs, collect(run, curves, "loss-decay", designs, SEEDS[run.tier]), strict=True):
            lines = zip(scaled, found["loss"].max(axis=0), np.exp(-scaled), limit / limit[0], strict=True)
            rows += [(name, f"m = {design['m']}", *values) for values in lines]
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
        limit = {**PREDICTED, "linestyle": (0, (1, 1.5)), "linewidth": 1.4, "zorder": 3}
        panel.plot(line["x"], line["limit"], **limit, label="limit, late rate 2")
        panel.set(yscale="log", ylim=(LEAST_LOSS, 2), title=name.replace(" ", ", ", 2), xlabel="κ²λt/(mn)")
    panels[0].set_ylabel("$R(θ_t)/R(θ_0)$")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels))
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    return figure
