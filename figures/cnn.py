"""Figure 3 of chizat2019lazy: accuracy and stability of a convolutional network against α, spectrum of its kernel."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.chizat2019lazy import cnn_activation_stability as stability
from checks.chizat2019lazy import cnn_performance as performance
from checks.chizat2019lazy import tangent_kernel_spectrum as spectra
from checks.claim import Run
from checks.judges.interval import mean_and_error
from checks.running.verify import measure
from figures.style import PREDICTED, points, summary

CAPTION = (
    "Claims chizat2019lazy/cnn-performance, chizat2019lazy/cnn-activation-stability and "
    "chizat2019lazy/tangent-kernel-spectrum. A convolutional network α(h − h_0) on digits at random places of a 12 × 12 "
    "canvas. Left: accuracy on new images when the training loss has fallen to the share in the legend, mean and standard "
    "error. Middle: relative distance of the weights from the start, and share of the units of the last hidden layer that "
    "have changed sign, when it has fallen to 0.5; dashed: exponent −1 through the last point. Right: eigenvalues of the "
    "tangent kernel at the start on 100 images over the second one. Mean and range of the seeds elsewhere; sizes in "
    "paper_claims.md."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")
ALPHAS = [0.3, 1.0, 10.0, 100.0]
MOVED = [0.3, 1.0, *stability.ALPHAS]
RANKS, TICKS = (2, 3, 5, 8, 12, 20, 32, 50, 75), (2, 5, 10, 20, 50)
KINDS = ("digits", "noise")


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panels "accuracy" and "moved" at x = α, panel "spectrum" at the rank x."""
    (case, found), *_ = measure(performance.CLAIM, "a", run, lambda config: {**config, "alphas": ALPHAS})
    rows = []
    for k, level in enumerate(case["levels"]):
        for alpha, values in zip(ALPHAS, found["accuracy"][..., k].T, strict=True):
            mean, error = mean_and_error(values)
            rows.append(("accuracy", f"loss {level:g}", alpha, mean, mean - error, mean + error, np.nan))
    (_, found), *_ = measure(stability.CLAIM, "a", run, lambda config: {**config, "alphas": MOVED})
    alphas = np.array(MOVED)
    for key, name in stability.QUANTITIES.items():
        values = found[key][..., 0]
        lines = zip(alphas, *summary(values), values.mean(axis=0)[-1] * alphas[-1] / alphas, strict=True)
        rows += [("moved", name, *line) for line in lines]
    (_, found), *_ = measure(spectra.CLAIM, "a", run)
    for k, kind in enumerate(KINDS):
        shares = found["eigenvalues"][:, k, np.array(RANKS) - 1] / found["eigenvalues"][:, k, [1]]
        rows += [("spectrum", kind, *line, np.nan) for line in zip(RANKS, *summary(shares), strict=True)]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U24", *[float] * 5], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Accuracy, distance from the start, spectrum."""
    figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.7))
    for panel, name in zip(panels, ("accuracy", "moved", "spectrum"), strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            line = own[own["series"] == series]
            if np.isfinite(line["predicted"]).any():
                panel.plot(line["x"], line["predicted"], **PREDICTED)
            points(panel, line, k, series, linestyle="-", linewidth=0.7)
        panel.set(xscale="log")
        panel.legend(loc="best")
    panels[0].set(xlabel="scale α", ylabel="accuracy")
    panels[1].set(xlabel="scale α", ylabel="change since the start", yscale="log")
    panels[2].set(xlabel="rank k", ylabel="λ$_k$ / λ$_2$", yscale="log")
    panels[2].set_xticks(TICKS, labels=[f"{rank}" for rank in TICKS])
    panels[2].xaxis.set_minor_formatter("")
    figure.tight_layout()
    return figure
