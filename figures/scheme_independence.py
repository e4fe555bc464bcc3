"""Drift of networks with other initialisation schemes: only the output scale counts."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.claim import Run
from checks.li2024demystifying.scheme_independence import (
    BETAS,
    SCALES,
    SCHEME_SEEDS,
    SCHEME_WIDTHS,
    SCHEMES,
    SEEDS,
    betas_text,
    rated_design,
    scheme_design,
)
from checks.li2024demystifying.trainings import DATA, collect, drifts, limits
from checks.rate_fit import slopes
from figures.style import PREDICTED, decimal_ticks, points, signed
from theory.lazy_bounds import rated_drift_constant
from theory.parametrization import layer_rates

CAPTION = (
    "Claim li2024demystifying/scheme-independence. κD against κ, relu, for raw weights whose standard deviations β_1:β_2 "
    "(L = 2, standard tier: β_1:β_2:β_3) have the ratios in the legend, which give the layers different learning rates; 8 "
    "random inputs in 8 dimensions, centred training, m = 2048 (L = 1) and 512 (L = 2). Dashed: the predicted constants, "
    "nothing fitted. Last panel: D against the width along the κ(m) of three schemes in use, L = 1, equal rates; dashed: "
    "slopes −1/2 (He, LeCun) and 0 (Xavier) through the last point, in the legend the mean slope. Means and ranges of 8 seeds."
    ""
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted", "slope")
LABELS = {"he": "He", "lecun": "LeCun", "xavier": "Xavier"}


def scale_rows(run: Run, L: int) -> list[tuple]:
    """κD against κ at one depth; none where the tier does not run it."""
    scales, splits = np.array(SCALES), BETAS[run.tier].get(L, ())
    designs = [rated_design("random", L, betas) for betas in splits]
    K, y = limits(DATA["random"], "relu", L)
    rows = []
    results = collect(run, drifts, f"scheme-independence, L = {L}", designs, SEEDS[L]) if designs else []
    for betas, found in zip(splits, results, strict=True):
        constant = rated_drift_constant(K, layer_rates(np.array(betas)), y)[0]
        lines = summary(scales, scales * found["drift"])
        slope = slopes(scales, found["drift"]).mean()
        rows += [(f"L = {L}", betas_text(betas), *line, constant, slope) for line in lines]
    return rows


def scheme_rows(run: Run) -> list[tuple]:
    """D against the width along the κ(m) of every scheme."""
    widths = np.array(SCHEME_WIDTHS[run.tier], dtype=float)
    designs = [scheme_design(scheme, SCHEME_WIDTHS[run.tier]) for scheme in SCHEMES]
    rows = []
    results = collect(run, drifts, "scheme-independence, schemes", designs, SCHEME_SEEDS)
    for (scheme, exponent), found in zip(SCHEMES.items(), results, strict=True):
        D, slope = found["drift"], slopes(widths, found["drift"]).mean()
        predicted = D[:, -1].mean() * (widths / widths[-1]) ** exponent
        rows += [
            ("schemes", LABELS[scheme], *line, p, slope) for line, p in zip(summary(widths, D), predicted, strict=True)
        ]
    return rows


def summary(x: np.ndarray, values: np.ndarray) -> list[tuple[float, ...]]:
    """x, mean, least and largest of the values (seeds, x) at every x."""
    return list(zip(x, values.mean(axis=0), values.min(axis=0), values.max(axis=0), strict=True))


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panels "L = 1", "L = 2" have κD at κ = x, panel "schemes" D at width x."""
    rows = [*scale_rows(run, 1), *scale_rows(run, 2), *scheme_rows(run)]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U12", *[float] * 6], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """One panel a depth, and one for the schemes."""
    names = list(dict.fromkeys(table["panel"].tolist()))
    figure, panels = plt.subplots(1, len(names), figsize=(7.2, 3.1))
    for name, panel in zip(names, panels, strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            one = own[own["series"] == series]
            panel.plot(one["x"], one["predicted"], **PREDICTED)
            if name == "schemes":
                points(panel, one, k, f"{series}  {signed(one['slope'][0])}")
            else:
                beside = one.copy()
                beside["x"] *= 1.04 ** (k - 2)  # bars of one κ side by side
                points(panel, beside, k, series)
        panel.set_xscale("log", base=2)
        panel.set_title(f"relu, {name}")
        if name == "schemes":
            panel.set(xlabel="width m", ylabel="drift D", yscale="log")
            decimal_ticks(panel)
            panel.legend(loc="lower left")
        else:
            low, high = own["low"].min(), own["high"].max()
            panel.set(xlabel="output scale κ", ylabel="κD", ylim=(0.9 * low, high + 0.5 * (high - low)))
            panel.legend(loc="upper left", ncols=3, columnspacing=0.8, handletextpad=0.1)
    figure.tight_layout()
    return figure
