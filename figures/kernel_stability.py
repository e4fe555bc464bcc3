"""Change of the tangent kernel in training, for relu its mean and its noise, and distance to the linearised network."""

from collections.abc import Iterator
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.judges.interval import mean_and_error
from checks.judges.slope import slopes
from checks.li2024demystifying import linearization
from checks.li2024demystifying.kernel_stability import CLAIM, RICH_SCALE, WIDTH_SCALE, noise
from checks.measurements.kernel_changes import mean_change, setting
from checks.running.verify import measure
from figures.style import PREDICTED, points, signed

CAPTION = (
    "Claim li2024demystifying/kernel-stability, and li2024demystifying/linearization. One hidden layer, 8 random inputs in 8 "
    "dimensions. Left, tanh: largest relative change of the tangent kernel, and largest distance of the outputs to those of "
    "the network linearised at θ_0, for targets of order 1; above against κ, with neurons in pairs of opposite sign "
    "(f_0 = 0) and without; below against the width, centred at two κ and not centred at κ = √m. Geometric mean and range of "
    "the draws; dashed: the predicted slope through the last point; in the legend the slope that was measured with its "
    "standard error. Right, relu, pairs: change of (m/κ²)G up to two decay times of the fastest mode; its mean over the draws "
    "along the matrix C of neurons that cross a kink, dashed: |C|/κ without a fit (above), and its noise, the root mean "
    "square of the differences of two draws over √2, with the slope −1/2. The mean falls faster than the noise with κ, and "
    "not with m; the smaller κ, the more of the mean is taken away by the term 1/κ², of the opposite sign."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "slope", "slope_error")
LEGENDS = {"smooth κ": "lower left", "relu κ": "lower left", "smooth m": "center left", "relu m": "upper right"}
PANELS = {
    "smooth κ": ("output scale κ", "tanh"),
    "relu κ": ("output scale κ", "relu, $(m/κ^2)\\,ΔG$"),
    "smooth m": ("width m", ""),
    "relu m": ("width m", ""),
}


def smooth(run: Run) -> Iterator[tuple[str, str, dict, np.ndarray, float]]:
    """Panel, label, configuration, values (draws, sizes) and predicted slope of the series with smooth σ."""
    parts = {part.letter: part for part in CLAIM.parts}
    rich = replace(parts["c"], letter="c shown", cases=parts["c"].controls[0].cases)
    lin = {part.letter: part for part in linearization.CLAIM.parts}
    shown = (
        ("smooth κ", "kernel, pairs", CLAIM, parts["a"], "kernel", -2.0),
        ("smooth κ", "kernel", CLAIM, parts["b"], "kernel", -1.0),
        ("smooth κ", "outputs, pairs", linearization.CLAIM, lin["a"], "outputs", -2.0),
        ("smooth κ", "outputs", linearization.CLAIM, lin["b"], "outputs", -1.0),
        ("smooth m", f"κ = {RICH_SCALE:g}", CLAIM, rich, "kernel", 0.0),
        ("smooth m", f"κ = {WIDTH_SCALE:g}", CLAIM, parts["c"], "kernel", -0.5),
        ("smooth m", "κ = √m, not centred", CLAIM, parts["h"], "kernel", -1.0),
    )
    for panel, label, claim, part, key, exponent in shown:
        case, found = measure(replace(claim, parts=(part,)), part.letter, run)[0]
        yield panel, label, case, found[key], exponent


def kinked(run: Run) -> Iterator[tuple]:
    """Lines of `COLUMNS` for relu: mean along C with its standard error, and noise, against κ and against m."""
    part = next(part for part in CLAIM.parts if part.letter == "d")
    case, found = measure(replace(CLAIM, parts=(part,)), "d", run)[0]
    drift, C = setting(case["data"], case["stream"])[3], mean_change(case)
    size = np.linalg.norm(C)
    for axis, of in (("κ", [0, 1, 2]), ("m", [4, 3, 0])):
        m, q = np.array(case["sizes"], dtype=float)[of].T
        kappa = q * drift
        x = kappa if axis == "κ" else m
        along = np.tensordot(found["change"][:, of], C, axes=2) / size / kappa
        mean, error = along.mean(axis=0), along.std(axis=0, ddof=1) / np.sqrt(len(along))
        predicted = size / kappa if axis == "κ" else np.full(len(x), mean[-1])
        lines = zip(x, mean, mean - error, mean + error, predicted, strict=True)
        yield from ((f"relu {axis}", "mean along C", *line, np.nan, np.nan) for line in lines)
        pairs = noise(case, found, axis=axis)
        spread = np.sqrt(np.mean(pairs.values**2, axis=0) / 2) / drift
        fitted = mean_and_error(slopes(pairs.x, pairs.values))
        lines = zip(x, spread, spread, spread, spread[-1] * (x / x[-1]) ** -0.5, strict=True)
        yield from ((f"relu {axis}", "noise", *line, *fitted) for line in lines)


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`."""
    rows = []
    for panel, label, case, values, exponent in smooth(run):
        x = np.array([pair[panel.endswith("κ")] for pair in case["pairs"]], dtype=float)
        mean, slope = np.exp(np.log(values).mean(axis=0)), mean_and_error(slopes(x, values))
        predicted = mean[-1] * (x / x[-1]) ** exponent
        lines = zip(x, mean, values.min(axis=0), values.max(axis=0), predicted, strict=True)
        rows += [(panel, label, *line, *slope) for line in lines]
    types = ["U12", "U24", *[float] * 7]
    return np.array([*rows, *kinked(run)], dtype=list(zip(COLUMNS, types, strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Left smooth, right relu; above against κ, below against m."""
    figure, panels = plt.subplots(2, 2, figsize=(7.2, 5.2))
    for (name, (axis, heading)), panel in zip(PANELS.items(), panels.flat, strict=True):
        own = table[table["panel"] == name]
        for k, label in enumerate(dict.fromkeys(own["series"].tolist())):
            one = own[own["series"] == label]
            slope = f"  {signed(one['slope'][0])} ± {one['slope_error'][0]:.2f}" if np.isfinite(one["slope"][0]) else ""
            panel.plot(one["x"], one["predicted"], **PREDICTED)
            points(panel, one, k, label + slope)
        panel.set_xscale("log", base=10 if axis.endswith("κ") else 2)
        panel.set(yscale="log", xlabel=axis, title=heading)
        if name == "smooth κ":
            panel.set_ylim(bottom=0.01 * own["low"].min())
        panel.yaxis.set_minor_formatter("")
        panel.xaxis.set_minor_formatter("")
        panel.legend(loc=LEGENDS[name])
    figure.tight_layout()
    return figure
