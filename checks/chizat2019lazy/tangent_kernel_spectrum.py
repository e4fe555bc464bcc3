"""tangent-kernel-spectrum: the tangent kernel's eigenvalues fall faster on images than on noise (Figure 3)."""

import numpy as np

from checks.chizat2019lazy.cnn_designs import CIFAR, CIFAR_DRAWS, CIFAR_STEPS, DIGITS
from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Gap
from checks.measurements.convolutional import spectra

FIRST, LAST = 2, 50  # eigenvalues are counted from 1, the largest
DRAWS = {"quick": 6, "standard": 12, "full": 24}
IMAGES = {"n": 100, "images": ["data", "noise", "noise"]}


def networks(tier: str) -> list[Case]:
    """Digits, noise, and noise once more, given to the same network."""
    return [Case("digits", {**IMAGES, "width": DIGITS[tier]["width"]}, DRAWS[tier], chunk=2)]


def photographs(tier: str) -> list[Case]:
    """Photographs and noise, at the full tier."""
    common = {**IMAGES, "width": CIFAR["width"], "gain": CIFAR["gain"]}
    names = CIFAR_STEPS if tier == "full" else ()
    return [Case(network, {**common, "network": network}, CIFAR_DRAWS, chunk=1) for network in names]


def excess(case: dict, found: Arrays, *, kinds: tuple[int, int] = (0, 1)) -> Draws:
    """How much more log₁₀(λ_2/λ_50) is for the first kind than for the second."""
    falls = np.log10(found["eigenvalues"][..., FIRST - 1] / found["eigenvalues"][..., LAST - 1])
    return Draws(falls[:, kinds[0]] - falls[:, kinds[1]])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="tangent-kernel-spectrum",
    source="Section 3.2 and Figure 3 of arXiv:1812.07956, an experiment",
    summary="the tangent kernel's eigenvalues fall faster on images than on noise",
    statement=(
        "the eigenvalues of a convolutional network's tangent kernel at the start fall faster on images than on noise of the "
        "same mean and variance: the kernel learns few directions fast"
    ),
    assumptions=(
        "digits at random places of a 12 × 12 canvas and images of normal noise, the same network: that of cnn-performance at "
        "its start; K = (1/10) Σ_k J_kJ_kᵀ over the ten outputs; full also VGG-11 and ResNet-18 on images of CIFAR-10"
    ),
    figure="cnn",
    parts=(
        Part(
            letter="a",
            says="log₁₀(λ_2/λ_50) on digits less that on noise, same network",
            status="measured",
            cases=networks,
            cell=spectra,
            read=excess,
            judge=Gap(0.3),
            controls=(
                Control("noise against other noise", read=lambda case, found: excess(case, found, kinds=(1, 2))),
            ),
            needs=("torch",),
        ),
        Part(
            letter="b",
            says="the same on CIFAR-10",
            status="measured",
            cases=photographs,
            cell=spectra,
            read=excess,
            judge=Gap(0.3),
            needs=("torch", "cifar"),
        ),
    ),
)
