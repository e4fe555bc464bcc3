"""cnn-activation-stability: weights and activations of a convolutional network move like 1/α (Figure 3)."""

from checks.chizat2019lazy.cnn_designs import digits, photographs
from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Slope
from checks.measurements.convolutional import train_on_cifar, train_on_digits

ALPHAS, RICH = [10.0, 30.0, 100.0, 300.0], [0.2, 0.3, 0.55]
LEVEL, RICH_LEVEL = 0.5, 0.3  # relative training loss; an early one tells little where training is not lazy
DRAWS = {"quick": 8, "standard": 8, "full": 16}
# few units of the small network change sign
MARGINS = {
    "moved": {"quick": 0.05, "standard": 0.05, "full": 0.05},
    "flipped": {"quick": 0.1, "standard": 0.05, "full": 0.05},
}
QUANTITIES = {"moved": "drift", "flipped": "flipped activations"}


def networks(tier: str, alphas: list[float] = ALPHAS, level: float = LEVEL) -> list[Case]:
    """Drift and flipped activations of the same runs."""
    config = digits(tier, alphas, [level])
    return [
        Case(name, config, DRAWS[tier], chunk=1, select={"key": key, "margin": MARGINS[key][tier]})
        for key, name in QUANTITIES.items()
    ]


def rich(tier: str) -> list[Case]:
    """α of order one, where training is not lazy."""
    return [] if tier == "quick" else networks(tier, RICH, RICH_LEVEL)


def photographs_of_both(tier: str) -> list[Case]:
    """CIFAR-10, drift and flipped activations."""
    return [
        Case(f"{name} · {case.name}", case.config, case.draws, case.chunk, {"key": key, "margin": MARGINS[key][tier]})
        for case in photographs(tier, ALPHAS, [LEVEL])
        for key, name in QUANTITIES.items()
    ]


def change(case: dict, found: Arrays) -> Draws:
    """The change since the start against α."""
    return Draws(found[case["key"]][..., 0], case["alphas"])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="cnn-activation-stability",
    source="Section 3.2 and Figure 3 of arXiv:1812.07956, an experiment; exponent from general-lazy",
    summary="weights and activations of a convolutional network move like 1/α",
    statement=(
        "a convolutional network α(h − h_0), trained until its relative training loss has fallen to a given level, moves like "
        "1/α: ‖w − w_0‖/‖w_0‖, and the share of the units of the last hidden layer that change sign, of those not 0 at the "
        "start, fall with exponent −1"
    ),
    assumptions="networks, images and training of cnn-performance",
    figure="cnn",
    uses=("chizat2019lazy/general-lazy",),
    parts=(
        Part(
            letter="a",
            says="change since the start against α, on new digits",
            status="measured",
            cases=networks,
            cell=train_on_digits,
            read=change,
            judge=lambda case: Slope(-1.0, case["margin"]),
            controls=(
                Control("half the exponent", judge=lambda case: Slope(-0.5, case["margin"])),
                Control("α of order one", cases=rich),
            ),
            needs=("torch",),
        ),
        Part(
            letter="b",
            says="the same on CIFAR-10",
            status="measured",
            cases=photographs_of_both,
            cell=train_on_cifar,
            read=change,
            judge=lambda case: Slope(-1.0, case["margin"]),
            needs=("torch", "cifar"),
        ),
    ),
)
