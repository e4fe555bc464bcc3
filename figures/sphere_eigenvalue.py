"""Least eigenvalue of the tangent kernel of more and more inputs on one sphere, with the law of the harmonics."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.measurements.sphere_eigenvalues import least_eigenvalues
from checks.nguyen2021tight.sphere_eigenvalue import DEPTHS
from checks.running.seeds import stream_of
from figures.style import DOTTED, GREYS, PREDICTED, decimal_ticks, legend, points, summary
from theory.sphere_spectrum import harmonic_dimension, sphere_min_eigenvalue

CAPTION = (
    "Claim nguyen2021tight/sphere-eigenvalue. λ_min of the tangent kernel of relu networks for n uniform inputs on the sphere "
    "in 48 dimensions, mean and range over draws. Dashed: the law A_k(1 − (q/N_k)^{1/2})² + Σ_{r>k} A_r, nothing fitted; it "
    "halts where the harmonics of degrees up to k are as many as the inputs (dotted) and falls further with the next degree."
)
COLUMNS = ("series", "x", "y", "low", "high")
DIMENSION, DRAWS, CURVE = 48, 8, 300
SAMPLES = {"quick": [16, 24, 34, 64, 128, 256, 512], "standard": [16, 24, 34, 49, 64, 96, 128, 256, 512, 1024, 1536]}
SAMPLES["full"] = [*SAMPLES["standard"], 2048]


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: λ_min at n = x for every depth."""
    sizes = [[n, DIMENSION] for n in SAMPLES[run.tier]]
    cells = [{"data": "random", "sizes": sizes, "hidden_layers": L, "first": 0, "draws": DRAWS} for L in DEPTHS]
    cells = [own | {"stream": stream_of(run.seed, "figures/sphere_eigenvalue", "least", own)} for own in cells]
    rows = []
    for L, found in zip(DEPTHS, run.sweep.run(least_eigenvalues, cells, "least eigenvalues"), strict=True):
        rows += [(f"L = {L}", n, *row) for (n, _), *row in zip(sizes, *summary(found["least"]), strict=True)]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", *[float] * 4], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """One panel."""
    figure, panel = plt.subplots(figsize=(4.6, 3.4))
    n = np.unique(np.geomspace(table["x"].min(), table["x"].max(), CURVE).astype(int))
    for k, series in enumerate(dict.fromkeys(table["series"].tolist())):
        kernel = {"hidden_layers": int(series[-1]), "activation": "relu"}
        panel.plot(
            n, [sphere_min_eigenvalue(x, DIMENSION, **kernel) for x in n.tolist()], **PREDICTED | {"color": GREYS[k]}
        )
        points(panel, table[table["series"] == series], k, series)
    for k in (1, 2):
        full = sum(harmonic_dimension(r, DIMENSION) for r in range(k + 1))
        if full <= n[-1]:
            panel.axvline(full, **DOTTED)
    panel.set(xscale="log", yscale="log", xlabel="number of inputs n", ylabel="$λ_{min}$ of the tangent kernel")
    decimal_ticks(panel)
    between = {"loc": "lower left", "bbox_to_anchor": (0.28, 0)}  # the dotted lines
    legend(panel, {"law": PREDICTED, "as many harmonics": DOTTED}, **between)
    figure.tight_layout()
    return figure
