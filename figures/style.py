"""One look for all figures: readable in black and white, and the same bytes from the same data."""

from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from checks.running.files import write_whole
from figures.svg import compact

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
DOTTED = {**PREDICTED, "linestyle": (0, (1, 1.5)), "linewidth": 1.1}

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
    "savefig.dpi": 200,
}


def style() -> AbstractContextManager:
    """Context in which figures are drawn and saved."""
    return plt.rc_context(SETTINGS)


def save(figure: Figure, stem: str) -> list[str]:
    """Write ``stem``.svg and ``stem``.png and return the two paths."""
    paths = [f"{stem}.svg", f"{stem}.png"]
    for path in paths:
        write_whole(Path(path), picture_of(figure, path[-3:]))
    plt.close(figure)
    return paths


def picture_of(figure: Figure, kind: str) -> bytes:
    """The figure as a file of this kind, svg, png or pdf, without a date; `compact` renames what is random in an SVG."""
    picture = BytesIO()
    options = {"dpi": 72} if kind == "svg" else {}  # of what is an image in it
    figure.savefig(picture, format=kind, metadata={"CreationDate": None} if kind == "pdf" else {}, **options)
    return compact(picture.getvalue().decode()).encode() if kind == "svg" else picture.getvalue()


def points(panel: Axes, line: np.ndarray, k: int, label: str, **options: object) -> None:
    """Points "y" at "x", bars from "low" to "high" if any, in the marker and colour of series ``k``, every second hollow."""
    bars = np.maximum(0, [line["y"] - line["low"], line["high"] - line["y"]])
    look = {"color": GREYS[k], "marker": MARKERS[k], "linestyle": "none", "elinewidth": 0.8, "label": label}
    look["markerfacecolor"] = "white" if k % 2 else GREYS[k]
    panel.errorbar(line["x"], line["y"], yerr=bars if bars.any() else None, **{**look, **options})


def legend(panel: Axes, lines: dict[str, dict], **options: object) -> None:
    """Legend of the series of a panel and of ``lines``, their looks by text."""
    handles, labels = panel.get_legend_handles_labels()
    panel.legend([*handles, *(Line2D([], [], **look) for look in lines.values())], [*labels, *lines], **options)


def summary(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, least and largest over the seeds, (seeds, sizes) → (sizes,) each; NaN where a run diverged."""
    return values.mean(axis=0), values.min(axis=0), values.max(axis=0)


def decimal_ticks(panel: Axes) -> None:
    """Ticks 0.1, 0.2, 0.5, 1 … on a logarithmic y axis that spans little more than a factor of ten."""
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter("")


def signed(value: float) -> str:
    """Two decimals, with a minus sign as wide as a digit and none before zero."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
