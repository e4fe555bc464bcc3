"""tangent-kernel-spectrum: the tangent kernel's eigenvalues fall faster on images than on noise (Section 3.2)."""

import numpy as np

from checks.chizat2019lazy.cnn_designs import CIFAR, CIFAR_DRAWS, CIFAR_STEPS, DESIGNS
from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, Draws, Gap, Sides
from checks.measurements.convolutional import spectra

MEAN, WHOLE = ("mean", 2, 50), ("whole", 20, 500)
"""Kernel, and the ranks whose eigenvalues are compared, counted from 1, the largest."""
DATA, NOISE, UNIFORM = range(3)  # kinds of images
LEAST, LEAST_WHOLE = 0.1, 0.05
SAMPLES = 100
DRAWS = {"quick": {"digits": 10}, "standard": {"digits": 10, "MNIST": 16}, "full": {"digits": 32, "MNIST": 32}}


def networks(tier: str) -> list[Case]:
    """Images and two kinds of noise, given to the same network at its start."""
    designs = [{key: d[key] for key in ("images", "width", "gain")} for d in DESIGNS[tier]]
    return [Case(d["images"], {"n": SAMPLES, **d}, DRAWS[tier][d["images"]], chunk=1) for d in designs]


def photographs(tier: str) -> list[Case]:
    """Photographs and noise, at the full tier."""
    common = {"n": SAMPLES, "images": "photographs", "width": CIFAR["width"], "gain": CIFAR["gain"]}
    names = CIFAR_STEPS if tier == "full" else ()
    return [Case(network, {**common, "network": network}, CIFAR_DRAWS, chunk=1) for network in names]


def excess(
    case: dict, found: Arrays, fall: tuple[str, int, int] = MEAN, kinds: tuple[int, int] = (DATA, NOISE)
) -> Draws:
    """How much more log₁₀(λ_i/λ_j) is on the first kind of images than on the second."""
    kernel, i, j = fall
    falls = np.log10(found[kernel][..., i - 1] / found[kernel][..., j - 1])
    return Draws(falls[:, kinds[0]] - falls[:, kinds[1]])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="tangent-kernel-spectrum",
    source="Section 3.2 of arXiv:1812.07956, an experiment",
    summary="the tangent kernel's eigenvalues fall faster on images than on noise",
    statement=(
        "the eigenvalues of a convolutional network's tangent kernel at the start, λ_2 to λ_50 of its mean over the outputs, "
        "fall faster on images than on noise of the same mean and variance: the kernel learns few directions fast. The authors "
        "took noise uniform on [0, 1]; against it the fall from λ_20 to λ_500 of the kernel of all outputs is not larger on "
        "images by 0.05 in log₁₀"
    ),
    assumptions=(
        "the networks and images of cnn-performance at the start; 100 images, and as many of independent normal pixels with "
        "their mean and variance; K = (1/10) Σ_k J_kJ_kᵀ over the ten outputs, beside it the kernel of all images and outputs"
    ),
    figure="cnn",
    parts=(
        Part(
            letter="a",
            says="mean kernel: log₁₀(λ_2/λ_50) on images less that on noise, same network",
            status="measured",
            cases=networks,
            cell=spectra,
            read=excess,
            judge=Gap(LEAST),
            controls=(
                Control(
                    "the same ranks of the kernel of all outputs, where near copies share a direction",
                    read=lambda case, found: excess(case, found, ("whole", 2, 50)),
                ),
            ),
            needs=("torch", "mlxtend"),
        ),
        Part(
            letter="b",
            says="kernel of all outputs: log₁₀(λ_20/λ_500) on images less that on noise, same network",
            status="measured",
            cases=networks,
            cell=spectra,
            cells_of="a",
            read=lambda case, found: excess(case, found, WHOLE),
            judge=Gap(LEAST_WHOLE),
            controls=(
                Control(
                    "noise uniform on [0, 1], the authors', neither centred nor scaled",
                    read=lambda case, found: excess(case, found, WHOLE, (DATA, UNIFORM)),
                ),
            ),
            needs=("torch", "mlxtend"),
        ),
        Part(
            letter="c",
            says="CIFAR-10, mean kernel: log₁₀(λ_2/λ_50) on images less that on noise, same network, every seed",
            status="measured",
            cases=photographs,
            cell=spectra,
            read=lambda case, found: Sides(excess(case, found).values, LEAST),
            judge=AtLeast(),
            needs=("torch", "cifar"),
        ),
    ),
)
