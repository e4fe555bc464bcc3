"""Change of the tangent kernel along directions of training: against the width, and two laws for one input."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.jacot2018neural.training_direction import CLAIM, FEW, ONE, led
from checks.measurements.directed_descents import DIRECTIONS, directed_changes
from checks.measurements.trainings import along
from checks.running.seeds import stream_of
from figures.style import DOTTED, PREDICTED, decimal_ticks, legend, points, summary
from theory.directed_training import directed_change_moments, relu_directed_kernel

CAPTION = (
    "Claim jacot2018neural/training-direction. Left: largest relative change of the tangent kernel along six kinds of "
    "directions of one length S in NTK scaling, κ = √m, tanh, one hidden layer, four inputs, mean and range of the draws; "
    "dashed: 1/m through the last point; dotted: one of them in mean-field scaling, κ = 1, outputs led as far. Middle: change "
    "of (m/κ²)G over τ = κS/m, relu, one input led with one sign, in both scalings, with its law; dotted: cosh 2τ − 1 over τ, "
    "as if no neuron met its kink. Right: root mean square of the change of (m/κ²)G times m, one input, κ = √m, against S, ± 2 "
    "standard errors, with its law, linear for short paths and quadratic for long ones."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")
FLAT = ", κ = 1"
WIDTHS, DRAWS = [64, 256, 1024, 4096], 12
TIMES, NEURONS, CURVE = [0.05, 0.1, 0.2, 0.4, 0.7, 1.0], 16384, 200
LENGTHS, WIDE, REPEATS = [0.5, 1.0, 2.0, 4.0, 8.0], 4096, {"quick": 128, "standard": 512, "full": 512}
PANELS = {
    "width": ("κ = √m", "width m", "sup $‖G_t − G_0‖/‖G_0‖$"),
    "relu": ("relu, one input", "τ = κS/m", "$(m/κ²)(G_t − G_0)/τ$"),
    "length": ("one input, κ = √m", "length S", "m · rms of $(m/κ²)(G_t − G_0)$"),
}


def measured(run: Run, cases: list, draws: int) -> list[dict]:
    """What the cases give, with streams of their own."""
    cells = [{**case.config, "first": 0, "draws": draws} for case in cases]
    cells = [own | {"stream": stream_of(run.seed, CLAIM.label, "figure", own)} for own in cells]
    return run.sweep.run(directed_changes, cells, "directions")


def width_rows(run: Run) -> Iterator[tuple]:
    """Largest change on the way, every direction, and γ of κ = m^γ."""
    series = {way: (way, 0.5) for way in DIRECTIONS} | {DIRECTIONS[0] + FLAT: (DIRECTIONS[0], 0.0)}
    cases = [led(1, "tanh", FEW, along(WIDTHS, gamma, 1.0), way, 0, 1.0, 16, seen=4) for way, gamma in series.values()]
    for (name, (_, gamma)), found in zip(series.items(), measured(run, cases, DRAWS), strict=True):
        values = found["change"].max(axis=2)
        law = values[:, -1].mean() * (np.array(WIDTHS) / WIDTHS[-1]) ** (-2 * gamma)
        for row in zip(WIDTHS, *summary(values), law, strict=True):
            yield "width", name, *map(float, row)


def relu_rows(run: Run) -> Iterator[tuple]:
    """(m/κ²)(G_t − G_0)/τ at every τ."""
    for name, kappa in (("κ = √m", NEURONS**0.5), ("κ = 1", 1.0)):
        cases = [led(1, "relu", ONE, [[NEURONS, kappa]], "fixed", 0, kappa * t, 64) for t in TIMES]
        for tau, found in zip(TIMES, measured(run, cases, DRAWS), strict=True):
            yield (
                "relu",
                name,
                tau,
                *map(float, summary(found["scaled"][:, 0] / tau)),
                (relu_directed_kernel(tau) - 1) / tau,
            )


def length_rows(run: Run) -> Iterator[tuple]:
    """Root mean squares at every S, with errors by the spread of the squares."""
    for activation in ("tanh", "softplus"):
        cases = [led(1, activation, ONE, [[WIDE, WIDE**0.5]], "fixed", 0, S, 32) for S in LENGTHS]
        V, M = directed_change_moments(activation)
        for S, found in zip(LENGTHS, measured(run, cases, REPEATS[run.tier]), strict=True):
            squares = (WIDE * found["scaled"][:, 0]) ** 2
            mean, error = squares.mean(), 2 * squares.std(ddof=1) / np.sqrt(len(squares))
            ends = np.sqrt(np.maximum([mean, mean - error, mean + error], 0))
            yield "length", activation, S, *map(float, ends), float(np.sqrt(S**2 * V + S**4 * M**2))


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`."""
    rows = [*width_rows(run), *relu_rows(run), *length_rows(run)]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U8", "U16", *[float] * 5], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Three panels."""
    figure, panels = plt.subplots(1, 3, figsize=(9.6, 3.2))
    for panel, (name, (title, abscissa, ordinate)) in zip(panels, PANELS.items(), strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            line = own[own["series"] == series]
            if series.endswith(FLAT):
                panel.plot(line["x"], line["y"], **DOTTED, label=series)
                continue
            if name == "width":
                panel.plot(line["x"], line["predicted"], **PREDICTED)
            points(panel, line, k, series)
        panel.set(xscale="log", title=title, xlabel=abscissa, ylabel=ordinate)
    tau = np.geomspace(TIMES[0] / 2, TIMES[-1] * 1.2, CURVE)
    panels[1].plot(tau, [(relu_directed_kernel(t) - 1) / t for t in tau], **PREDICTED)
    panels[1].plot(tau, (np.cosh(2 * tau) - 1) / tau, **DOTTED)
    S = np.geomspace(LENGTHS[0], LENGTHS[-1], CURVE)
    for activation in dict.fromkeys(table[table["panel"] == "length"]["series"].tolist()):
        V, M = directed_change_moments(activation)
        panels[2].plot(S, np.sqrt(S**2 * V + S**4 * M**2), **PREDICTED)
    for panel in panels[::2]:
        panel.set_yscale("log")
    panels[0].set_ylim(bottom=panels[0].get_ylim()[0] / 30)
    decimal_ticks(panels[2])
    panels[2].set_xticks(LENGTHS, [f"{S:g}" for S in LENGTHS])
    panels[2].set_xticks([], minor=True)
    lines = ({"1/m": PREDICTED}, {"law": PREDICTED, "(cosh 2τ − 1)/τ": DOTTED}, {"law": PREDICTED})
    for panel, own, place in zip(panels, lines, ("lower left", "upper left", "upper left"), strict=True):
        legend(panel, own, loc=place, ncols=2 if panel is panels[0] else 1)
    figure.tight_layout()
    return figure
