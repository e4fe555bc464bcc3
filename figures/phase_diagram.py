"""The plane of κ and the ratio of the initial weights: which layers of a two-layer relu network are lazy."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from checks.claim import Run
from checks.judges.slope import slopes
from checks.li2024demystifying.phase_diagram import CLAIM, LAYERS
from checks.running.verify import measure
from figures.style import PREDICTED, signed
from theory.rates import phase_exponents

CAPTION = (
    "Claim li2024demystifying/phase-diagram. Two-layer relu, κ ∝ m^γ, ratio of the initial raw weights β_W/β_a ∝ m^δ. Points: "
    "the exponent in m of RD = sup_t ‖ΔW‖/‖W_0‖ of the input weights (left) and of the output weights (right), measured, mean "
    "over data sets and draws, as colour and number, on the colour of the exponent predicted for m → ∞; blue falls, the layer "
    "is lazy, red grows. Dashed: predicted boundaries, γ = 0 for δ ≤ 0 and γ + δ = 0 for W, with a and W exchanged for a. "
    "D, the drift of all weights per neuron, falls for γ > 0 alone. Crosses: NTK and mean-field scaling of raw weights, He and "
    "LeCun as NTK, Xavier."
)
COLUMNS = ("layer", "gamma", "delta", "measured", "predicted")
SCHEMES = {"NTK, He, LeCun": (0.5, 0.5), "Xavier": (0.0, 0.0), "mean field": (0.0, 1.0)}
LARGEST = 1.25
MEASURED = {"marker": "o", "linestyle": "none", "markerfacecolor": "white", "markeredgecolor": "black"}
SCHEME = {"marker": "x", "linestyle": "none", "color": "black", "markersize": 4}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`, one row for every layer and point."""
    found: dict[tuple, list] = {}
    for case, arrays in [pair for letter in "cd" for pair in measure(CLAIM, letter, run)]:
        widths = np.array([m for m, _ in case["pairs"]], dtype=float)
        own = slopes(widths, arrays["relative"][..., case["layer"]])
        found.setdefault((LAYERS[case["layer"]], case["gamma"], case["delta"]), []).append(own.mean())
    rows = [(*at, np.mean(own), phase_exponents(*at[1:])[LAYERS.index(at[0])]) for at, own in sorted(found.items())]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U1", *[float] * 4], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """One panel a layer."""
    figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.7), sharex=True, sharey=True, layout="constrained")
    gamma, delta = np.linspace(-0.75, 0.75, 121), np.linspace(-1.25, 1.25, 121)
    look = {"cmap": "RdBu_r", "norm": TwoSlopeNorm(0.0, -LARGEST, LARGEST)}
    for l, panel in enumerate(panels):
        plane = np.array([[phase_exponents(g, d)[l] for g in gamma] for d in delta])
        shown = panel.pcolormesh(gamma, delta, plane.clip(-LARGEST, LARGEST), alpha=0.55, rasterized=True, **look)
        sign = -1.0 if l else 1.0
        panel.plot([0, 0], [0, -1.25 * sign], **PREDICTED)
        panel.plot([-0.75, 0], [0.75 * sign, 0], **PREDICTED)
        own = table[table["layer"] == LAYERS[l]]
        panel.scatter(
            own["gamma"],
            own["delta"],
            c=own["measured"].clip(-LARGEST, LARGEST),
            s=45,
            edgecolors="black",
            zorder=3,
            **look,
        )
        for row in own:
            at, text = (row["gamma"], row["delta"]), signed(row["measured"])
            panel.annotate(text, at, textcoords="offset points", xytext=(0, 6), ha="center", fontsize=6.5)
        for name, at in SCHEMES.items():
            panel.plot(*at, **SCHEME)
            side = {"xytext": (4, -8)} if at[0] < 0.5 else {"xytext": (8, -10), "ha": "right"}
            panel.annotate(name, at, textcoords="offset points", fontsize=5.5, **side)
        panel.set(title=f"RD({LAYERS[l]})", xlabel="γ in κ ∝ $m^γ$", xlim=(-0.75, 0.75), ylim=(-1.25, 1.25))
    panels[0].set_ylabel("δ in $β_W/β_a$ ∝ $m^δ$")
    looks = {"measured": {**MEASURED, "markersize": 6}, "scheme in use": SCHEME}
    handles = [Line2D([], [], label=label, **look) for label, look in looks.items()]
    handles.append(Line2D([], [], label="predicted boundary", **PREDICTED))
    figure.legend(handles=handles, loc="lower center", ncols=3)
    figure.get_layout_engine().set(rect=(0, 0.08, 1, 0.92))
    figure.colorbar(shown, ax=panels, label="exponent in m", shrink=0.85)
    return figure
