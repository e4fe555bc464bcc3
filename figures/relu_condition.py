"""Scale below which near-duplicates lose half of λ_min, with its prediction and the certified one; excess over the envelope."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.measurements.relu_conditions import certified_scales, envelopes, halvings
from figures.style import GREYS, PREDICTED, points
from theory.relu_condition import halving_scale

CAPTION = (
    "Claim li2024demystifying/relu-condition. One hidden layer, two inputs at the angle φ, labels 1 and −1. Left: κ_c, below "
    "which λ_min(G_t) of a relu network falls to half, mean and range of the draws; dashed: as derived to first order in φ, "
    "slope −2 as φ → 0; hollow: κ_cert, above which the theorem keeps half, computed at the start. Right, φ = 0.1: by how many "
    "decades the loss exceeds the envelope R(θ_0)e^{−κ²λt/(mn)} while it falls by eight, mean and range of the draws; dashed: "
    "κ_c. It does not with smooth σ or with equal labels."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")
ANGLES = {
    "quick": ([0.1, 0.05, 0.025, 0.0125], [2**12, 2**13, 2**14, 2**15]),
    "standard": ([0.1, 0.05, 0.025, 0.0125], [2**14, 2**15, 2**16, 2**17]),
}
ANGLES["full"] = ANGLES["standard"]
DRAWS = {"quick": 4, "standard": 8, "full": 16}
SCALES = [10.0 ** (k / 4) for k in range(2, 17)]
WIDTH = {"quick": 2**12, "standard": 2**14, "full": 2**16}
PAIR = {"kind": "random", "n": 2, "d": 2, "twin": 0.1}
SERIES = {
    "relu, opposite labels": ("relu", PAIR),
    "relu, equal labels": ("relu", PAIR | {"alike": True}),
    "tanh, opposite labels": ("tanh", PAIR),
}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "scale" has κ_c and κ_cert at angle x, panel "excess" decades at κ = x."""
    rows, draws = [], DRAWS[run.tier]
    angles, widths = ANGLES[run.tier]
    shared = {"stream": [run.seed, 0, 0, 0], "first": 0, "draws": draws}
    (found,) = run.sweep.run(halvings, [{"angles": angles, "widths": widths, **shared}], "κ_c")
    cells = [{"data": PAIR | {"twin": phi}, "widths": [m], **shared} for phi, m in zip(angles, widths, strict=True)]
    certified = [cell["scale"][:, 0] for cell in run.sweep.run(certified_scales, cells, "κ_cert")]
    for series, columns in (("$κ_c$", found["scale"].T), ("$κ_{cert}$", certified)):
        for phi, values in zip(angles, columns, strict=True):
            rows.append(("scale", series, phi, *_range(values), halving_scale(phi, 2.0)))
    pairs = [[WIDTH[run.tier], kappa] for kappa in SCALES]
    cells = [{"data": data, "activation": name, "pairs": pairs, **shared} for name, data in SERIES.values()]
    for series, cell in zip(SERIES, run.sweep.run(envelopes, cells, "envelope"), strict=True):
        for kappa, values in zip(SCALES, np.maximum(cell["excess"], 0.0).T, strict=True):
            rows.append(("excess", series, kappa, *_range(values), halving_scale(PAIR["twin"], 2.0)))
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U24", *[float] * 5], strict=True)))


def _range(values: np.ndarray) -> tuple[float, float, float]:
    """Mean, least and largest of the draws that are finite."""
    seen = np.asarray(values)[np.isfinite(values)]
    return (seen.mean(), seen.min(), seen.max()) if len(seen) else (np.nan, np.nan, np.nan)


def draw(table: np.ndarray) -> Figure:
    """κ against φ on the left, decades against κ on the right."""
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.2))
    for panel, name in zip(panels, ("scale", "excess"), strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            size = {"markersize": 6} if name == "excess" and k == 1 else {}  # seen around the triangles
            points(panel, own[own["series"] == series], k, series, **size)
        panel.set_xscale("log")
    x = np.geomspace(0.01, 0.12, 60)
    panels[0].plot(x, [halving_scale(phi, 2.0) for phi in x], **PREDICTED, label="$κ_c$ to first order, slope −2")
    panels[0].set(
        yscale="log", xlabel="angle φ between the two inputs", ylabel="κ above which half of $λ_{min}$ is kept"
    )
    panels[1].axvline(table["predicted"][table["panel"] == "excess"][0], **PREDICTED, label="$κ_c$")
    panels[1].set(xlabel="output scale κ", ylabel="decades of the loss above the envelope", title="φ = 0.1")
    panels[1].axhline(0.0, color=GREYS[3], linewidth=0.5, label="envelope kept")
    panels[1].set_ylim(top=1.5 * panels[1].get_ylim()[1])  # room for the legend
    for panel, place in zip(panels, ("upper right", "upper left"), strict=True):
        panel.legend(loc=place)
    figure.tight_layout()
    return figure
