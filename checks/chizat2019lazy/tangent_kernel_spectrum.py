"""tangent-kernel-spectrum: the tangent kernel's eigenvalues fall faster on images than on noise (Figure 3)."""

import numpy as np

from checks.chizat2019lazy.cnn_runs import CIFAR, cifar_files, cifar_parts, not_run, spectrum
from checks.claim import Claim, Findings, Run
from checks.paired_gap import paired_gap
from checks.verdict import Evidence

IMAGES, FIRST, LAST = 100, 2, 50  # eigenvalues are counted from 1, the largest
WIDTH = {"quick": 4, "standard": 8, "full": 8}
SEEDS, CIFAR_SEEDS = {"quick": 6, "standard": 12, "full": 24}, 5
THRESHOLD = 0.3
KINDS = ("data", "noise", "noise")


def collect(run: Run, seeds: int, **setting: object) -> np.ndarray:
    """Eigenvalues of every seed on data, on noise, and on noise once more, (seeds, 3, images)."""
    common = {"n": IMAGES, "images": KINDS, "device": run.device, **setting}
    cells = [{"seed": (run.seed << 16) + s, **common} for s in range(seeds)]
    return np.array([one["eigenvalues"] for one in run.sweep.run(spectrum, cells, "tangent-kernel-spectrum")])


def gap(name: str, eigenvalues: np.ndarray) -> Evidence:
    """How much more log₁₀(λ_2/λ_50) is for the first kind than for the second."""
    falls = np.log10(eigenvalues[..., FIRST - 1] / eigenvalues[..., LAST - 1])
    return paired_gap(name, falls[:, 0] - falls[:, 1], threshold=THRESHOLD)


def check(run: Run) -> Findings:
    """Fall of the eigenvalues on images against noise; control: noise against noise."""
    if missing := not_run():
        return missing
    found = collect(run, SEEDS[run.tier], width=WIDTH[run.tier])
    parts, controls = [gap("digits against noise", found[:, :2])], [gap("noise against noise", found[:, 1:])]

    def on_cifar(network: str) -> list[Evidence]:
        model = {"network": network, "width": CIFAR["width"], "gain": CIFAR["gain"]}
        own = collect(run, CIFAR_SEEDS, **model, **cifar_files(run))
        return [gap(f"{network} · CIFAR-10 against noise", own[:, :2])]

    return Findings([*parts, *cifar_parts(run, on_cifar)], controls)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="tangent-kernel-spectrum",
    source="Section 3.2 and Figure 3 of arXiv:1812.07956, an experiment",
    statement=(
        "the eigenvalues of a convolutional network's tangent kernel at the start fall faster on images than on noise of the "
        "same mean and variance: the kernel learns few directions fast"
    ),
    assumptions=(
        "100 digits at random places of a 12 × 12 canvas and 100 images of normal noise, the same network: that of "
        "cnn-performance at its start; K = (1/10) Σ_k J_kJ_kᵀ over the ten outputs; full also VGG-11 and ResNet-18 on 100 "
        "images of CIFAR-10"
    ),
    predicted="log₁₀(λ_2/λ_50) on images less that on noise above 0.3",
    judge=(
        "one difference a seed with the same network on both sides: lower end of the t interval above 0.3; 6 (quick), 12, 24 "
        "seeds, CIFAR-10 5"
    ),
    control="noise against other noise",
    figure="cnn",
    check=check,
)
