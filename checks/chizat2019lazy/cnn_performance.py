"""cnn-performance: at the same training loss a convolutional network that trains lazily is less accurate (Figure 3)."""

from checks.chizat2019lazy.cnn_designs import digits, photographs
from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Gap
from checks.measurements.convolutional import train_on_cifar, train_on_digits

ALPHAS = [0.3, 100.0]
DRAWS = {"quick": 12, "standard": 8, "full": 16}
LEVEL = {"quick": 0.5, "standard": 0.1, "full": 0.03}  # relative training loss at which accuracies are compared
LEVELS = (0.5, 0.3, 0.1, 0.03, 0.01)
CIFAR_LEVEL = 0.3
THRESHOLD = {"quick": 0.02, "standard": 0.05, "full": 0.05}


def levels_to(last: float) -> list[float]:
    """Levels down to ``last``, which is the last one."""
    return [*(level for level in LEVELS if level > last), last]


def networks(tier: str, level: float | None = None, draws: int | None = None, **variant: str) -> list[Case]:
    """Training to a level, the same images and weights at both α."""
    level = LEVEL[tier] if level is None else max(level, LEVEL[tier])
    config = digits(tier, ALPHAS, levels_to(level), **variant)
    draws = DRAWS[tier] if draws is None else draws
    return [Case(f"training loss {level:g}", config, draws, chunk=1, select={"threshold": THRESHOLD[tier]})]


def centred(tier: str) -> list[Case]:
    """Digits in the middle of the canvas, which the tangent kernel classifies almost as well."""
    return [] if tier == "quick" else networks(tier, 0.3, placement="centred")


def loss_of_accuracy(case: dict, found: Arrays) -> Draws:
    """Accuracy at the small α less that at the large one, at the last level."""
    accuracy = found["accuracy"][..., -1]
    return Draws(accuracy[:, 0] - accuracy[:, -1])


def judge(case: dict) -> Gap:
    """The threshold of the tier."""
    return Gap(case["threshold"])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="cnn-performance",
    source="Section 3.2 and Figure 3 of arXiv:1812.07956, an experiment",
    summary="at the same training loss a lazily trained convolutional network is less accurate",
    statement=(
        "a convolutional network α(h − h_0) trained by stochastic gradient descent loses accuracy as α grows: at the same "
        "training loss it is lower at α = 100, where training is lazy, than at α = 0.3"
    ),
    assumptions=(
        "digits at random places of a 12 × 12 canvas; three 3 × 3 convolutions and two poolings, Xavier's weights with gain "
        "1.4; square loss over α², momentum 0.9, for every α the same step, a share of what the tangent kernel allows; full "
        "also VGG-11 and ResNet-18 on CIFAR-10, gain 1, falling steps"
    ),
    figure="cnn",
    parts=(
        Part(
            letter="a",
            says="accuracy at the small α less that at the large one on new digits, at the same training loss",
            status="measured",
            cases=networks,
            cell=train_on_digits,
            read=loss_of_accuracy,
            judge=judge,
            controls=(
                Control("random labels", cases=lambda tier: networks(tier, 0.3, 10, labels="random")),
                Control("digits in the middle of the canvas", cases=centred),
            ),
            why="noise is slow to fit: its level is higher",
            needs=("torch",),
        ),
        Part(
            letter="b",
            says="the same on CIFAR-10",
            status="measured",
            cases=lambda tier: photographs(tier, ALPHAS, levels_to(CIFAR_LEVEL), threshold=THRESHOLD[tier]),
            cell=train_on_cifar,
            read=loss_of_accuracy,
            judge=judge,
            needs=("torch", "cifar"),
        ),
    ),
)
