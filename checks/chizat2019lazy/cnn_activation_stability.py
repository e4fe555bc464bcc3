"""cnn-activation-stability: activations of a lazily trained convolutional network stay as they were (Figure 3a)."""

import numpy as np

from checks.chizat2019lazy.cnn_designs import CIFAR_ALPHAS, DESIGNS, photographs
from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Draws, Gap, Ratio, Sides, Slope
from checks.measurements.convolutional import train_on_cifar, train_on_digits

ALPHAS = [10.0, 100.0, 1_000.0]
FEW, NEW_IMAGES = 100, 250
"""Images for training at the quick tier, and new ones: each has more than a thousand units, whose shares a few images tell."""
DRAWS = {"quick": {"digits": 8}, "standard": {"digits": 16, "MNIST": 12}, "full": {"digits": 24, "MNIST": 24}}
CONTROL_DRAWS = 5
QUANTITIES = {"flipped": "signs at relu layers", "replaced": "largest inputs at pooling layers"}
LARGEST_SHARE = 0.01
POOLED = {"vgg11": QUANTITIES, "resnet18": {"flipped": QUANTITIES["flipped"]}}


def networks(tier: str, draws: int | None = None, **variant: bool) -> list[Case]:
    """Training at large α from the same images and weights, seen at its end alone."""
    few = {"n": FEW} if tier == "quick" else {}
    common = {"alphas": ALPHAS, "n_test": NEW_IMAGES, **few, **variant}
    designs = [{**d, "epochs": d["epochs"][-1:], **common} for d in DESIGNS[tier]]
    return [Case(d["images"], d, draws or DRAWS[tier][d["images"]], chunk=1) for d in designs]


def both_layers(tier: str) -> list[Case]:
    """relu and pooling layers of the same runs."""
    return [
        Case(f"{case.name} · {name}", case.config, case.draws, case.chunk, {"key": key})
        for case in networks(tier)
        for key, name in QUANTITIES.items()
    ]


def many(tier: str) -> list[Case]:
    """The same for digits, where there are draws enough for an exponent."""
    return [case for case in both_layers(tier) if tier == "full" and case.config["images"] == "digits"]


def layers_on_photographs(tier: str) -> list[Case]:
    """CIFAR-10; ResNet-18 has no pooling by the largest."""
    return [
        Case(f"{case.name} · {name}", case.config, case.draws, case.chunk, {"key": key})
        for case in photographs(tier)
        for key, name in POOLED[case.config["network"]].items()
    ]


def stable(alpha: float, case: dict, found: Arrays) -> Draws:
    """−log₁₀ of the share that changed, at this α at the end of training."""
    with np.errstate(divide="ignore"):
        return Draws(-np.log10(found[case["key"]][:, case["alphas"].index(alpha), -1]))


CLAIM = Claim(
    paper="chizat2019lazy",
    name="cnn-activation-stability",
    source="Section 3.2 and Figure 3a of arXiv:1812.07956, an experiment; exponents from general-lazy, ours",
    summary="activations of a lazily trained convolutional network stay as they were",
    statement=(
        "when a convolutional network α(h − h_0) has been trained at α = 100, less than one in a hundred of its activations "
        "has changed on new images, in the geometric mean over networks: signs of the inputs of all relu layers, of those not "
        "0 at the start, and places of the "
        "largest inputs of all pooling layers, where these are above 0. ‖w − w_0‖/‖w_0‖ falls like 1/α"
    ),
    assumptions=f"networks and training of cnn-performance, {NEW_IMAGES} new images; at the quick tier fewer to train on",
    figure="cnn",
    uses=("chizat2019lazy/general-lazy",),
    parts=(
        Part(
            letter="a",
            says="−log₁₀ of the share of changes at α = 100 at the end of training",
            status="measured",
            cases=both_layers,
            cell=train_on_digits,
            read=lambda case, found: stable(100.0, case, found),
            judge=Gap(-np.log10(LARGEST_SHARE)),
            controls=(Control("at α = 10 already", read=lambda case, found: stable(10.0, case, found)),),
            why="the paper's finding: a linear regime at large α",
            needs=("torch", "mlxtend"),
        ),
        Part(
            letter="b",
            says="‖w − w_0‖/‖w_0‖ at the end of training against α",
            status="measured",
            cases=networks,
            cell=train_on_digits,
            cells_of="a",
            read=lambda case, found: Draws(found["moved"][..., -1], case["alphas"]),
            judge=Slope(-1.0, 0.02),
            controls=(
                Control(
                    "αh trained, h_0 not taken off", cases=lambda tier: networks(tier, CONTROL_DRAWS, centred=False)
                ),
            ),
            why="ours, not the paper's: relu and pooling are not covered by the theorem",
            needs=("torch", "mlxtend"),
        ),
        Part(
            letter="c",
            says="log₁₀ of the share of changes at α = 100 over that at α = 1000",
            status="measured",
            cases=many,
            cell=train_on_digits,
            cells_of="a",
            read=lambda case, found: Draws(stable(1_000.0, case, found).values - stable(100.0, case, found).values),
            judge=Ratio(1.0, 0.1),
            controls=(
                Control("as if changes fell like α^{−1/2}", judge=Ratio(0.5, 0.1)),
                Control(
                    "the distance of the weights counted twice, 1/α²",
                    read=lambda case, found: Draws(-np.diff(np.log10(found["moved"][:, 1:, -1] ** 2))[:, 0]),
                ),
            ),
            why="ours, not the paper's; on digits, where networks are cheap enough to average how much they differ",
            needs=("torch", "mlxtend"),
        ),
        Part(
            letter="d",
            says="CIFAR-10: share of changes at α = 10⁷ at the end of training, every seed",
            status="measured",
            cases=layers_on_photographs,
            cell=train_on_cifar,
            read=lambda case, found: Sides(found[case["key"]][:, CIFAR_ALPHAS.index(1e7), -1], LARGEST_SHARE),
            judge=AtMost(),
            controls=(
                Control(
                    "at α = 1 already",
                    read=lambda case, found: Sides(found[case["key"]][:, 0, -1], LARGEST_SHARE),
                ),
            ),
            needs=("torch", "cifar"),
        ),
    ),
)
