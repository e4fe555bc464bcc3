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
from figures.style import PREDICTED, points
from kernels import init_parameters, layer_grams
from theory import certified_min_eigenvalue, limit_grams

CAPTION = (
    "Claim li2024demystifying/min-eigenvalue. Left: λ_min of (m/κ²) Σ_l G^l, relu, 8 random inputs in 16 dimensions: mean and "
    "range of the middle 80 % of 64 draws; dashed: λ_min of the limit as a float64 certificate proves it. Right: "
    "frequency of λ_min((m/κ²)G^1) ≤ λ_min(K^1)/2 with Clopper-Pearson limits, relu, n orthonormal inputs; dashed: the bound."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")
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
    shared = {"activation": "relu", "layer": 1, "eps": 0.5}
    settings = [{**shared, "data": {"kind": "orthonormal", "n": n}, "width": m} for n, m in sizes]
    cells = [
        {"setting": own, "stream": [run.seed, 1, *size], "first": 0, "draws": TRIALS}
        for own, size in zip(settings, sizes, strict=True)
    ]
    for (n, m), found in zip(sizes, run.sweep.run(failures, cells, "failures"), strict=True):
        failed = int(np.count_nonzero(found["least"] <= limit_least(np.eye(n), "relu", 1) / 2))
        limits, bound = clopper_pearson(failed, TRIALS, LEVEL), failure_bound(np.eye(n), m, "relu", 1, 0.5)
        rows.append(("failure", f"n = {n}", m, failed / TRIALS, *limits, bound))
    types = ["U12", "U12", int, float, float, float, float]
    return np.array(rows, dtype=list(zip(COLUMNS, types, strict=True)))


def draw(table: np.ndarray) -> Figure:
    """λ_min against the width on the left, failure frequency on the right."""
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.2))
    for panel, name in zip(panels, ("width", "failure"), strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            line = own[own["series"] == series]
            panel.plot(line["x"], line["predicted"], **PREDICTED)
            points(panel, line[line["y"] > 0], k, series)
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        panel.set_xlabel("width m")
        panel.legend(loc="best")
    panels[0].set_ylabel("least eigenvalue of (m/κ²) G")
    panels[1].set(ylabel="frequency, bound", ylim=(2e-5, 2.0))
    figure.tight_layout()
    return figure
