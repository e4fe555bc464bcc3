"""Second moments of the Gram matrices at one input against the width, with the exact law."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.li2024demystifying.gram_moments import CLAIM, excess
from checks.running.verify import measure
from figures.style import GREYS, MARKERS, PREDICTED, points
from theory.gram_moments import exact_moment, moment_coefficients

CAPTION = (
    "Claim li2024demystifying/gram-moments. E Gˡ(x,x)²/(E Gˡ(x,x))² − 1, points with ±2 standard errors over batches of "
    "networks. Left: 1-homogeneous activations, one point for every layer; dashed: (1 + c/m)^L − 1, exact at every width; "
    "dotted: cL/m. Right: smooth activations, times m; dashed: c_l, which L = 1 meets at every width."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "c", "L")


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "exact" at width x, panel "first order" at layer x."""
    rows = []
    for letter, panel in (("b", "exact"), ("c", "first order")):
        for case, found in measure(CLAIM, letter, run):
            values, m, L, name = excess(case, found), case["width"], case["hidden_layers"], case["activation"]
            c = moment_coefficients(1.0, hidden_layers=L, activation=name)[case["layer"]]
            series, x, scale, predicted = f"{name}, L = {L}", m, 1, 0.0
            if panel == "exact":
                predicted = exact_moment(m, hidden_layers=L, activation=name) - 1
            else:
                series, x, scale, predicted = f"{series}, m = {m}", case["layer"] + 1, m, c
            mean, error = scale * values.mean(), 2 * scale * values.std(ddof=1) / np.sqrt(len(values))
            rows.append((panel, series, x, mean, mean - error, mean + error, predicted, c / L, L))
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U32", *[float] * 7], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """The exact law on the left, the first order on the right."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
    own = table[table["panel"] == "exact"]
    fine = np.geomspace(own["x"].min() / 1.5, own["x"].max() * 1.5, 100)
    for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
        line = own[own["series"] == series]
        c, L = line["c"][0], line["L"][0]
        left.plot(fine, (1 + c / fine) ** L - 1, **PREDICTED)
        left.plot(fine, c * L / fine, color="#7a7a7a", linewidth=0.6, linestyle=":")
        points(left, line, k % len(MARKERS), series)
    left.set(xscale="log", yscale="log", xlabel="width m", ylabel="E G²/(E G)² − 1")
    left.legend(loc="lower left")
    own = table[table["panel"] == "first order"]
    names = list(dict.fromkeys(own["series"].tolist()))
    for k, series in enumerate(names):
        line = own[own["series"] == series].copy()
        right.plot(line["x"], line["predicted"], **PREDICTED | {"color": GREYS[k % len(GREYS)]})
        points(right, line, k % len(MARKERS), series)
    right.set(xlabel="layer l", ylabel="m (E G²/(E G)² − 1)", yscale="log", xticks=range(1, int(own["x"].max()) + 1))
    right.legend(loc="upper right")
    figure.tight_layout()
    return figure
