"""A damped oscillator fitted to data, lazily and not: three parameters are enough for lazy training."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.running.sweep import Arrays
from figures.style import GREYS, MARKERS
from kernels.losses import SquareLoss
from kernels.model_flow import model_flow
from kernels.models import Centred, DampedOscillator, Linearised

CAPTION = (
    "Claim chizat2019lazy/not-over-parameterization. The oscillator be^{−ct}cos ωt, minus its start (b, c, ω) = (1, 0.3, 2), "
    "is fitted to the change towards (1.3, 0.15, 2.6) at 24 times by gradient flow of ½‖αh(w) − y⋆‖²/α². Left: path of "
    "damping and frequency times α, with the largest displacement of the parameters in the legend, α = 1 and α = 100, marked "
    "where they end; dashed: the path of the linearised model, the same for every α in these units. Right: the fitted change "
    "of the curve at the end. With α = 100 the parameters hardly move and the fit is the linear one, which misses the data; "
    "with α = 1 it meets them."
)
COLUMNS = ("panel", "series", "x", "y", "size")
START, GOAL, TIMES, FINE_TIMES = (1.0, 0.3, 2.0), (1.3, 0.15, 2.6), (0.2, 6.0, 24), 121
ALPHAS, HORIZON, POINTS = (1.0, 100.0), 300.0, 200


def fits(*, alpha: float, horizon: float) -> Arrays:
    """Displacements α(w − w_0) at `POINTS` times of the flow and of the linearised flow, and the fits αh at fine times."""
    start = np.array(START)
    model = Centred(DampedOscillator(np.linspace(*TIMES)), start)
    fine = Centred(DampedOscillator(np.linspace(TIMES[0], TIMES[1], FINE_TIMES)), start)
    times = np.geomspace(1e-5, 1.0, POINTS) * horizon
    found = {}
    for name, h, shown in (("true", model, fine), ("linear", Linearised(model, start), Linearised(fine, start))):
        run = model_flow(h, SquareLoss(model(np.array(GOAL))), start, alpha=alpha, times=times, rtol=1e-4)
        path = np.full((POINTS + 1, len(start)), np.nan)
        path[0], path[1 : len(run.times) + 1] = 0.0, run.displacements
        found |= {f"{name} path": path, f"{name} fit": alpha * shown(start + path[-1] / alpha)}
    return found


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`.

    Panel "path": α(c − c_0) and α(ω − ω_0) as x and y, ``size`` the largest displacement ‖w − w_0‖; panel "fit": the fitted
    change y at the time x; series "data": what it is fitted to.
    """
    rows = []
    cells = [{"alpha": alpha, "horizon": HORIZON} for alpha in ALPHAS]
    for c, found in zip(cells, run.sweep.run(fits, cells, "oscillator"), strict=True):
        for name in ("true", "linear"):
            path, series = found[f"{name} path"], f"α = {c['alpha']:g} {name}"
            size = np.linalg.norm(path, axis=1).max() / c["alpha"]
            rows += [("path", series, *point, size) for point in path[:, 1:]]
            fine = np.linspace(TIMES[0], TIMES[1], FINE_TIMES)
            rows += [("fit", series, *point, np.nan) for point in zip(fine, found[f"{name} fit"], strict=True)]
    t, w = np.linspace(*TIMES), np.array(START)
    data = Centred(DampedOscillator(t), w)(np.array(GOAL))
    rows += [("fit", "data", *point, np.nan) for point in zip(t, data, strict=True)]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U4", "U16", float, float, float], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Paths on the left, fits on the right."""
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.2))
    for panel, name in zip(panels, ("path", "fit"), strict=True):
        own = table[table["panel"] == name]
        for k, alpha in enumerate(ALPHAS):
            line = own[own["series"] == f"α = {alpha:g} true"]
            label = f"α = {alpha:g}" + f", ‖w − w₀‖ up to {line['size'][0]:.2g}" * (name == "path")
            end = {"marker": MARKERS[k], "markevery": [-1]} if name == "path" else {}
            panel.plot(line["x"], line["y"], color=GREYS[k], label=label, **end)
        line = own[own["series"] == f"α = {ALPHAS[0]:g} linear"]
        panel.plot(line["x"], line["y"], color=GREYS[2], linestyle=(0, (2, 2)), label="linearised, any α")
    data = table[table["series"] == "data"]
    panels[1].plot(data["x"], data["y"], color=GREYS[3], marker="o", linestyle="none", label="data", zorder=0)
    panels[0].set(xlabel="damping α(c − c₀)", ylabel="frequency α(ω − ω₀)")
    panels[1].set(xlabel="time of the oscillator", ylabel="change of the position", ylim=(-1.1, 1.75))
    for panel in panels:
        panel.legend(loc="upper right")
    figure.tight_layout()
    return figure
