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
from checks.li2024demystifying.kernel_stability import CLAIM, RICH_SCALE, WIDTH_SCALE, noise, rest
from checks.measurements.kernel_changes import mean_change, setting
from checks.running.verify import measure
from figures.style import PREDICTED, decimal_ticks, legend, points, signed

CAPTION = (
    "Claim li2024demystifying/kernel-stability, and li2024demystifying/linearization. One hidden layer, 8 random inputs in 8 "
    "dimensions. Left, tanh: largest relative change of the tangent kernel, and largest distance of the outputs to those of "
    "the network linearised at θ_0, for targets of order 1; above against κ, with neurons in pairs of opposite sign "
    "(f_0 = 0) and without, below against the width: each falls with its predicted slope (dashed, through the last point), "
    "in the legend the one measured with its standard error; geometric mean and range of the draws. Right, relu, pairs: "
    "change of (m/κ²)G up to two decay times of the fastest mode. Above its mean along the matrix C of neurons that cross a "
    "kink, over |C|/κ, ± one standard error, and its limit κ → ∞ from two κ: it meets 1, and 0 once what crossings make "
    "of it in the same weights is taken away, which is what is judged, and has the smaller error. Below its noise, the "
    "root mean square of the differences of two draws over √2: one line in κm, of slope −1/2."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "slope", "slope_error")
PANELS = {
    "smooth κ": ("tanh", "output scale κ", "largest change or distance"),
    "relu mean": ("relu, mean", "1/κ", "change along C / (|C|/κ)"),
    "smooth m": ("", "width m", "sup $‖G_t − G_0‖/‖G_0‖$"),
    "relu noise": ("relu, noise", "κm", "noise of (m/κ²)ΔG"),
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
    """Lines of `COLUMNS` for relu: mean along C with its standard error against 1/κ, and noise against κm."""
    case, found = measure(CLAIM, "d", run)[0]
    drift, C = setting(case["data"], case["stream"])[3], mean_change(case)
    q = np.array([q for _, q in case["sizes"]])
    lazy = [1, 0]  # from the larger κ
    for crossings, limit in ((True, 1.0), (False, 0.0)):
        change = found["change"] - (0 if crossings else found["crossings"])
        limits = rest(case, found, crossings=not crossings).values
        along = np.column_stack([limits, np.tensordot(change[:, lazy], C, axes=2) / np.sum(C**2)])
        mean, error = along.mean(axis=0), along.std(axis=0, ddof=1) / np.sqrt(len(along))
        name = "as it is" if crossings else "less crossings"
        for x, y, e in zip([0, *1 / (q * drift)[lazy]], mean, error, strict=True):
            yield ("relu mean", name, x, y, y - e, y + e, limit, np.nan, np.nan)
    case, found = measure(CLAIM, "f", run)[0]
    drift, (m, q) = setting(case["data"], case["stream"])[3], np.array(case["sizes"], dtype=float).T
    for axis, of in (("κ", [0, 1, 2]), ("m", [4, 3, 0])):
        pairs, x = noise(case, found, axis=axis), (m * q * drift)[of]
        spread = np.sqrt(np.mean(pairs.values**2, axis=0) / 2) / drift
        predicted, fitted = spread[-1] * (x / x[-1]) ** -0.5, mean_and_error(slopes(pairs.x, pairs.values))
        for own in zip(x, spread, spread, spread, predicted, strict=True):
            yield ("relu noise", f"against {axis}", *own, *fitted)


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
    """Left smooth, above against κ, below against m; right relu, above its mean, below its noise."""
    figure, panels = plt.subplots(2, 2, figsize=(7.2, 5.6))
    for (name, (heading, abscissa, ordinate)), panel in zip(PANELS.items(), panels.flat, strict=True):
        own, limits, smooth = table[table["panel"] == name], name == "relu mean", name.startswith("smooth")
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            one = own[own["series"] == series]
            slope = "" if limits else f"  {signed(one['slope'][0])} ± {one['slope_error'][0]:.2f}"
            panel.plot(one["x"], one["predicted"], **PREDICTED)
            points(panel, one, k, series + slope, **{"linestyle": "-", "linewidth": 0.6} if limits else {})
        panel.set(xlabel=abscissa, ylabel=ordinate, title=heading)
        if not limits:
            panel.set(xscale="log", yscale="log")
            if smooth:
                panel.yaxis.set_minor_formatter("")
            else:
                decimal_ticks(panel)
            panel.xaxis.set_minor_formatter("")
        if smooth:
            panel.set_ylim(bottom=own["low"].min() / 300)  # room for the legend
        if name == "smooth m":
            panel.set_xscale("log", base=2)
        place = "center" if limits else "lower left" if smooth else "upper right"
        legend(panel, {"predicted limits" if limits else "predicted slope": PREDICTED}, loc=place)
    figure.tight_layout()
    return figure
