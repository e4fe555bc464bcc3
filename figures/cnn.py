"""Figure 3a of chizat2019lazy: accuracy, fit and stability of a convolutional network against α, spectrum of its kernel."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from checks.chizat2019lazy import cnn_activation_stability as stability
from checks.chizat2019lazy import cnn_performance as performance
from checks.chizat2019lazy import tangent_kernel_spectrum as spectra
from checks.claim import Run
from checks.judges.interval import mean_and_error
from checks.running.verify import measure
from figures.style import PREDICTED, legend, points, summary

CAPTION = (
    "Claims chizat2019lazy/cnn-performance, chizat2019lazy/cnn-activation-stability and "
    "chizat2019lazy/tangent-kernel-spectrum. A convolutional network α(h − h_0) on digits at random places of a 12 × 12 "
    "canvas, at the standard tier on MNIST. Left: accuracy on new images at half time and at the end of training, on the "
    "training images at the end, and their loss as a share of that at the start, mean and standard error. Middle: relative "
    "distance of the weights from the start, share of the inputs of all relu layers that have changed sign, and of the "
    "windows of all pooling layers whose largest input is another one, at the end; at α = 1 the distance alone, of the "
    "networks on the left; dashed: exponent −1 through the last point. Right: eigenvalues of the mean tangent kernel at the "
    "start on 100 images over the second one, on normal noise of their mean and variance, and on noise uniform on [0, 1]. "
    "Mean and range of the seeds elsewhere; sizes in paper_claims.md."
)
COLUMNS = ("panel", "series", "x", "y", "low", "high", "predicted")
FITS = {
    "test, end": ("accuracy", -1),
    "test, half time": ("accuracy", 0),
    "training, end": ("train accuracy", -1),
    "training loss": ("loss", -1),
}
CHANGES = {"moved": "drift", "flipped": "relu signs", "replaced": "pooling places"}
RANKS, TICKS = (2, 3, 5, 8, 12, 20, 32, 50, 75), (2, 5, 10, 20, 50)
KINDS = ("images", "normal noise", "uniform noise")


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`: panels "accuracy" and "moved" at x = α, panel "spectrum" at the rank x."""
    *_, (case, found) = measure(performance.CLAIM, "a", run)
    rows = []
    for name, (key, time) in FITS.items():
        for alpha, values in zip(case["alphas"], found[key][..., time].T, strict=True):
            mean, error = mean_and_error(values)
            rows.append(("accuracy", name, alpha, mean, mean - error, mean + error, np.nan))
    *_, (lazy, changed) = measure(stability.CLAIM, "b", run)
    alphas = np.array([case["alphas"][0], *lazy["alphas"]])
    for key, name in CHANGES.items():
        pairs = zip(summary(found[key][:, :1, -1]), summary(changed[key][..., -1]), strict=True)
        mean, low, high = (np.concatenate(pair) for pair in pairs)
        lines = zip(alphas, mean, low, high, mean[-1] * alphas[-1] / alphas, strict=True)
        rows += [("moved", name, *line) for line in lines if np.isfinite(line[1])]  # activations: not seen at α = 1
    *_, (_, found) = measure(spectra.CLAIM, "a", run)
    for k, kind in enumerate(KINDS):
        shares = found["mean"][:, k, np.array(RANKS) - 1] / found["mean"][:, k, [1]]
        rows += [("spectrum", kind, *line, np.nan) for line in zip(RANKS, *summary(shares), strict=True)]
    return np.array(rows, dtype=list(zip(COLUMNS, ["U12", "U24", *[float] * 5], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """Accuracy and loss, distance from the start, spectrum."""
    figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.9))
    for panel, name in zip(panels, ("accuracy", "moved", "spectrum"), strict=True):
        own = table[table["panel"] == name]
        for k, series in enumerate(dict.fromkeys(own["series"].tolist())):
            line = own[own["series"] == series]
            if np.isfinite(line["predicted"]).any():
                panel.plot(line["x"], line["predicted"], **PREDICTED)
            points(panel, line, k, series, linestyle="-", linewidth=0.7)
        panel.set(xscale="log")
    panels[0].set(xlabel="scale α", ylabel="accuracy, share of the loss", ylim=(0, 1.03))
    panels[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, columnspacing=1.0)
    panels[1].set(xlabel="scale α", ylabel="change since the start", yscale="log")
    legend(panels[1], {"slope −1": PREDICTED}, loc="best")
    panels[2].set(xlabel="rank k", ylabel="k-th over second eigenvalue", yscale="log")
    panels[2].legend(loc="best")
    panels[2].set_xticks(TICKS, labels=[f"{rank}" for rank in TICKS])
    panels[2].xaxis.set_minor_formatter("")
    figure.tight_layout()
    return figure
