"""One look for all figures: readable in black and white, and the same bytes from the same data."""

from contextlib import AbstractContextManager

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P")
GREYS = (
    "#000000",
    "#c1272d",
    "#1f5fa8",
    "#7a7a7a",
    "#2e7d32",
    "#b07d00",
)  # distinct in hue and in lightness order of use
PREDICTED = {"color": "#000000", "linewidth": 0.8, "linestyle": (0, (4, 2)), "zorder": 1}

SETTINGS = {
    "font.size": 8,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "lines.markersize": 3.5,
    "lines.linewidth": 0.9,
    "svg.hashsalt": "lazy-training-checks",
    "savefig.dpi": 200,
}


def style() -> AbstractContextManager:
    """Context in which figures are drawn and saved."""
    return plt.rc_context(SETTINGS)


def save(figure: Figure, stem: str) -> list[str]:
    """Write ``stem``.svg and ``stem``.png and return the two paths; the SVG carries no date."""
    paths = [f"{stem}.svg", f"{stem}.png"]
    figure.savefig(paths[0], metadata={"Date": None})
    figure.savefig(paths[1])
    plt.close(figure)
    return paths
