"""Four theorems of neighbouring papers: the path of descent, the cost of labels, the variance over draws, moving features."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.arora2019fine import generalization_term
from checks.claim import Run
from checks.lee2019wide import ensemble
from checks.measurements.ensembles import predicted
from checks.measurements.label_costs import harmonic_costs
from checks.oymak2019overparameterized import path_length
from checks.running.seeds import stream_of
from checks.running.verify import measure
from checks.yang2021feature import dichotomy
from figures.style import GREYS, PREDICTED, decimal_ticks, points, summary
from theory.generalization_bounds import cubic_square

CAPTION = (
    "Claims oymak2019overparameterized/path-length, arora2019fine/generalization-term, lee2019wide/ensemble and "
    "yang2021feature/dichotomy. Top left: length of the path of descent so far over its bound (‖r_0‖ − ‖r_τ‖)/(cα), in a "
    "small ball, for targets along the left singular vectors of J_0 with the least and the largest singular value, and "
    "random ones; dotted in the same colour: the shortest possible. Top right: yᵀH⁻¹y/n for labels of mean square 1 in 16 "
    "dimensions, mean and range of the draws; dashed: at most 4d/n for linear labels, at least 2 for the others. Bottom "
    "left: variance over draws of trained tanh networks at new inputs over that at the start, ±2 standard errors, beside its "
    "prediction and the posterior of the Gaussian process. Bottom right: relative change of the features against the width, "
    "one hidden layer, mean and range; dashed: m^{−γ} through the first point."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")
SAMPLES = {"quick": [32, 64, 128, 256], "standard": [32, 64, 128, 256, 512, 1024]}
SAMPLES["full"] = SAMPLES["standard"]
DIMENSION, DRAWS, CURVE = 16, 8, 64
TITLES = {"path": "path-length", "labels": "generalization-term", "ensemble": "ensemble", "features": "dichotomy"}
LINES = {"labels": "bounds: 2, for linear labels 4d/n", "features": "exponent −γ"}  # what is dashed
CURVES = {"NTK and NNGP": {"color": GREYS[0]}, "NNGP posterior": PREDICTED}
BOUNDS = {"linear": lambda n: 4 * DIMENSION / n, "cubic": lambda n: 2.0, "random signs": lambda n: 2.0}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`."""
    rows = [*path_rows(run), *label_rows(run), *ensemble_rows(run), *feature_rows(run)]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U40", *[float] * 5], strict=True)))


def path_rows(run: Run) -> Iterator[tuple]:
    """ℓ_τ over its bound against 1 − ‖r_τ‖, first draws of quadratic maps; predicted: cα/β."""
    for case, found in measure(path_length.CLAIM, "a", run):
        if case["kind"] == "quadratic" and case["radius"] < 0.5:
            sides, shortest = path_length.path(case, found), path_length.path(case, found, shortest=True)
            columns = (
                1 - found["residuals"][0],
                sides.measured[0] / sides.bound[0],
                shortest.bound[0] / sides.bound[0],
            )
            for x, y, least in zip(*columns, strict=True):
                yield "path", case["direction"], x, y, y, y, least


def label_rows(run: Run) -> Iterator[tuple]:
    """Costs over n of labels of mean square 1."""
    cells = [{"n": n, "d": DIMENSION, "first": 0, "draws": DRAWS} for n in SAMPLES[run.tier]]
    cells = [{**own, "stream": stream_of(run.seed, generalization_term.CLAIM.label, "figure", own)} for own in cells]
    squares = np.array([cubic_square(DIMENSION), 1 / DIMENSION])
    for own, found in zip(cells, run.sweep.run(harmonic_costs, cells, "costs of labels"), strict=True):
        cubic, linear = (found["inner"] / squares / own["n"]).T
        for name, values in (("linear", linear), ("cubic", cubic), ("random signs", found["trace"] / own["n"])):
            yield "labels", name, own["n"], *(float(v) for v in summary(values)), BOUNDS[name](own["n"])


def ensemble_rows(run: Run) -> Iterator[tuple]:
    """Variance over that at the start: networks, and both predictions on a fine grid."""
    measured = [(c, found) for c, found in measure(ensemble.CLAIM, "a", run) if c["activation"] == "tanh"]
    case, found = measured[0]
    setting = (case["data"], case["activation"], case["stream"])
    theory = predicted(*setting)
    grid = np.geomspace(theory["times"][0] / 30, theory["times"][1] * 2, CURVE)
    curves = predicted(*setting, times=grid)
    for name, key in zip(CURVES, ("variance", "posterior"), strict=True):
        for t, value in zip(grid, np.broadcast_to((curves[key] / curves["start"]).mean(axis=-1), CURVE), strict=True):
            yield "ensemble", name, t, value, value, value, value
    shares = ((found["outputs"] - theory["mean"]) ** 2 / theory["start"]).mean(axis=2)
    error = 2 * shares.std(axis=0, ddof=1) / np.sqrt(len(shares))
    expected = (theory["variance"] / theory["start"]).mean(axis=1)
    for t, y, e, p in zip(theory["times"], shares.mean(axis=0), error, expected, strict=True):
        yield "ensemble", "networks", t, y, y - e, y + e, p


def feature_rows(run: Run) -> Iterator[tuple]:
    """F against m along every path with one hidden layer, random inputs."""
    for case, found in measure(dichotomy.CLAIM, "a", run):
        if case["hidden_layers"] == 1 and case["data"]["kind"] == "random":
            m = np.array([pair[0] for pair in case["pairs"]])
            law = found["change"][:, 0].mean() * (m / m[0]) ** -case["gamma"]
            for row in zip(m, *summary(found["change"]), law, strict=True):
                yield "features", f"γ = {case['gamma']:g}", *map(float, row)


def draw(table: np.ndarray) -> Figure:
    """The four panels."""
    figure, panels = plt.subplots(2, 2, figsize=(7.2, 5.6))
    panels = panels.ravel()
    for panel, (name, title) in zip(panels, TITLES.items(), strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            line = own[own["series"] == series]
            if name == "path":
                panel.plot(line["x"], line["y"], color=GREYS[k], label=f"targets: {series}")
                panel.plot(
                    line["x"], line["predicted"], color=GREYS[k], linestyle=":", label="" if k else "shortest possible"
                )
            elif series in CURVES:
                panel.plot(line["x"], line["y"], label=series, **CURVES[series])
            else:
                points(panel, line, k, series)
                if name in LINES:
                    panel.plot(line["x"], line["predicted"], **PREDICTED, label="" if k else LINES[name])
        panel.set(xscale="linear" if name == "path" else "log", yscale="log", title=title)
        if name in LINES:
            sizes = np.unique(own["x"])[:: max(1, len(np.unique(own["x"])) // 3)]
            panel.set_xticks(sizes, [f"{size:g}" for size in sizes])
            panel.set_xticks([], minor=True)
        else:
            decimal_ticks(panel)
    panels[0].axhline(1, **PREDICTED, label="bound")
    panels[0].set(xlabel="1 − $‖r_τ‖/‖r_0‖$", ylabel="path over its bound")
    panels[1].set(xlabel="number of inputs n", ylabel="yᵀH⁻¹y/n")
    panels[2].set(xlabel="time κ²t/m", ylabel="variance over that at the start")
    panels[3].set(xlabel="width m", ylabel="relative change of features")
    panels[0].set_ylim(bottom=0.02)
    panels[1].set_ylim(top=10 * panels[1].get_ylim()[1])
    for panel, place in zip(panels, ("lower right", "upper left", "upper right", "center right"), strict=True):
        panel.legend(loc=place)
    figure.tight_layout()
    return figure
