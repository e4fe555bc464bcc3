"""Least eigenvalue of the finite-width kernel against the width, and how often it fails, with the bounds."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.judges.frequency import clopper_pearson
from checks.measurements.data import inputs
from checks.measurements.eigenvalues import failure_bound, failures, limit_least
from checks.measurements.streams import data_seed, draw_seeds
from checks.running.sweep import Arrays
from checks.verdict import LEVEL
from figures.style import GREYS, PREDICTED, points
from kernels import init_parameters, layer_grams
from theory import certified_min_eigenvalue, limit_grams

CAPTION = (
    "Claim li2024demystifying/min-eigenvalue. Left: λ_min of (m/κ²) Σ_l G^l, relu, L hidden layers, 8 random inputs in 16 "
    "dimensions, over that of the limit, which a float64 certificate proves: the mean and the middle 80 % of 64 draws rise to "
    "1 (dashed) and narrow with the width. Right: how often λ_min((m/κ²)G^1) ≤ λ_min(K^1)/2, relu, n orthonormal inputs, "
    "20000 draws with Clopper-Pearson limits, no point where it never happened; every point lies below the bound of its n "
    "(dashed, in its colour; above 1 it says nothing)."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")
SETTING = {"activation": "relu", "layer": 1, "eps": 0.5}
WIDTHS = [2**k for k in range(4, 11)]
SEEDS, TRIALS = 64, 20000
FAILURE_WIDTHS = [8, 16, 32, 64, 96, 128, 192, 256]


def least_by_width(*, hidden_layers: int, widths: list[int], stream: list[int], first: int, draws: int) -> Arrays:
    """λ_min of (m/κ²) Σ_l G^l for every draw and width, (draws, widths)."""
    X, least = data(stream), np.empty((draws, len(widths)))
    for s, seed in enumerate(draw_seeds(stream, first, draws)):
        for w, m in enumerate(widths):
            params = init_parameters(seed, X.shape[1], m, hidden_layers=hidden_layers)
            least[s, w] = np.linalg.eigvalsh(layer_grams(params, X, activation="relu", kappa=np.sqrt(m)).sum(axis=0))[0]
    return {"least": least}


def data(stream: list[int]) -> np.ndarray:
    """The inputs of the left panel."""
    return inputs("random", n=8, seed=data_seed(stream), d=16)


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "width" has λ_min at width x, panel "failure" the frequency at width x."""
    rows, stream = [], [run.seed, 0, 0, 0]
    for L in (1, 2, 3):
        shared = {"hidden_layers": L, "widths": WIDTHS, "stream": stream, "draws": 8}
        cells = [{**shared, "first": s} for s in range(0, SEEDS, 8)]
        least = np.concatenate([part["least"] for part in run.sweep.run(least_by_width, cells, f"λ_min, L = {L}")])
        proved = certified_min_eigenvalue(limit_grams(data(stream), hidden_layers=L, activation="relu").ntk).lower
        low, high = np.quantile(least, [0.1, 0.9], axis=0)
        lines = zip(WIDTHS, least.mean(axis=0), low, high, strict=True)
        rows += [("width", f"L = {L}", m, *values, proved) for m, *values in lines]
    sizes = [(n, m) for n in (2, 4, 8) for m in FAILURE_WIDTHS]
    settings = [{**SETTING, "data": {"kind": "orthonormal", "n": n}, "width": m} for n, m in sizes]
    cells = [
        {"setting": own, "stream": [run.seed, 1, *size], "first": 0, "draws": TRIALS}
        for own, size in zip(settings, sizes, strict=True)
    ]
    for (n, m), found in zip(sizes, run.sweep.run(failures, cells, "failures"), strict=True):
        half = limit_least(np.eye(n), SETTING["activation"], SETTING["layer"]) / 2
        failed = int(np.count_nonzero(found["least"] <= half))
        limits, bound = clopper_pearson(failed, TRIALS, LEVEL), failure_bound(np.eye(n), m, **SETTING)
        rows.append(("failure", f"n = {n}", m, failed / TRIALS, *limits, bound))
    types = ["U12", "U12", int, float, float, float, float]
    return np.array(rows, dtype=list(zip(COLUMNS, types, strict=True)))


def draw(table: np.ndarray) -> Figure:
    """λ_min over its limit against the width, one panel a depth; failure frequency on the right."""
    figure, (*panels, right) = plt.subplots(1, 4, figsize=(7.2, 3.0), width_ratios=(1, 1, 1, 2), layout="constrained")
    own = table[table["panel"] == "width"]
    for k, (panel, series) in enumerate(zip(panels, dict.fromkeys(own["series"].tolist()), strict=True)):
        line = own[own["series"] == series].copy()
        for key in ("y", "low", "high"):
            line[key] /= line["predicted"]
        panel.axhline(1, **PREDICTED, label="limit, proved")
        points(panel, line, k, "network")
        panel.set(ylim=(0, 1.3), title=series, xlabel="width m")
        panel.set_xscale("log", base=2)
        panel.set_xticks(line["x"][::3])
        panel.legend(loc="lower right")
        panel.tick_params(labelleft=k == 0)
    panels[0].set_ylabel("$λ_{min}$ of (m/κ²) Σ G / limit")
    own = table[table["panel"] == "failure"]
    fine = range(own["x"].min(), own["x"].max() + 1)
    for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
        line, n = own[own["series"] == series], int(series.split()[-1])
        bound = [failure_bound(np.eye(n), m, **SETTING) for m in fine]
        right.plot(fine, bound, **PREDICTED | {"color": GREYS[k]}, label=f"bound, {series}")
        points(right, line[line["y"] > 0], k, series)
    right.set_xscale("log", base=2)
    right.set(yscale="log", ylim=(2e-5, 1.0), xlabel="width m", ylabel="P($λ_{min}$((m/κ²)G¹) ≤ $λ_{min}$(K¹)/2)")
    right.legend(loc="lower left")
    return figure
