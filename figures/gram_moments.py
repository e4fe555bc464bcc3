"""Second moments of the Gram matrices at one input against the width, with the exact law."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.li2024demystifying.gram_moments import BATCHES, DATA, excess
from checks.measurements.gram_errors import gram_sums
from checks.running.seeds import stream_of
from figures.style import DOTTED, GREYS, PREDICTED, legend, points
from theory.gram_moments import moment_coefficients

CAPTION = (
    "Claim li2024demystifying/gram-moments. E Gˡ(x,x)²/(E Gˡ(x,x))² − 1 against the width, ±2 standard errors over sixteen "
    "batches of networks. Left: relu, one point for every layer; dashed, in the colour of its points: (1 + 5/m)^L − 1, exact "
    "at every width; dotted: 5L/m. Right: tanh, L = 2, every layer; dashed: c_l/m."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "first_order")
WIDTHS = (4, 8, 16, 32, 64, 128)
NETWORKS = 2**23  # over the width
LAWS = {"relu": {"exact": PREDICTED, "first order": DOTTED}, "tanh": {"first order, $c_l/m$": PREDICTED}}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panel "relu" and panel "tanh" have the excess at width x, a row for every layer."""
    sizes = [("relu", L, m) for L in (1, 2, 3) for m in WIDTHS] + [("tanh", 2, m) for m in WIDTHS]
    stream = stream_of(run.seed, "figures/gram_moments", "moments", {})
    shared = {"data": DATA, "stream": stream, "first": 0, "draws": BATCHES}
    cells = [
        {**shared, "activation": name, "hidden_layers": L, "width": m, "batch": NETWORKS // (BATCHES * m)}
        for name, L, m in sizes
    ]
    rows = []
    for (name, L, m), cell, found in zip(sizes, cells, run.sweep.run(gram_sums, cells, "moments"), strict=True):
        c = moment_coefficients(1.0, hidden_layers=L, activation=name)
        for l in range(L + 1):
            values = excess(cell | {"layer": l}, found)
            mean, error = values.mean(), 2 * values.std(ddof=1) / np.sqrt(BATCHES)
            series, law = (f"L = {L}", (1 + 5 / m) ** L - 1) if name == "relu" else (f"$G^{l + 1}$", c[l] / m)
            rows.append((name, series, m, mean, mean - error, mean + error, law, c[l]))
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U12", *[float] * 6], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """relu on the left, tanh on the right."""
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.2))
    fine = np.geomspace(min(WIDTHS) / 1.2, max(WIDTHS) * 1.2, 100)
    for panel, name in zip(panels, ("relu", "tanh"), strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            line = own[own["series"] == series]
            first = line["first_order"][0] / fine
            law = (1 + 5 / fine) ** round(line["first_order"][0] / 5) - 1 if name == "relu" else first
            panel.plot(fine, law, **PREDICTED | {"color": GREYS[k]})
            if name == "relu":
                panel.plot(fine, first, **DOTTED | {"color": GREYS[k]})
            points(panel, line, k, series)
        panel.set_xscale("log", base=2)
        panel.set(yscale="log", xlabel="width m", title=name if name == "relu" else f"{name}, L = 2")
        legend(panel, LAWS[name], loc="lower left")
    panels[0].set_ylabel("E G²/(E G)² − 1")
    figure.tight_layout()
    return figure
