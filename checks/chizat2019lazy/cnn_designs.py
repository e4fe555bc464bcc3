"""Sizes that the claims about convolutional networks share."""

from checks.claim import Case

ALPHAS = [1.0, 10.0, 100.0, 1_000.0]
NETWORK = {"width": 6, "gain": 1.0, "batch": 50, "share": 0.25, "epochs": [15, 30]}
"""``share`` of the step that the tangent kernel allows: larger ones leave some networks stuck, or diverge."""
DIGITS = {"images": "digits", "n": 200, **NETWORK}
MNIST = {"images": "MNIST", "n": 500, **NETWORK}
DESIGNS = {"quick": [DIGITS], "standard": [DIGITS, MNIST], "full": [DIGITS, MNIST]}
WIDE_GAIN = 2.0  # Xavier's weights so large that training is lazy at α = 1 already

CIFAR_STEPS = {"vgg11": 0.5, "resnet18": 0.05}
CIFAR_ALPHAS = [10.0**k for k in range(8)]
CIFAR = {"width": 64, "gain": 1.0, "batch": 128, "epochs": [35, 70], "decay": 1 / 3, "alphas": CIFAR_ALPHAS}
CIFAR_DRAWS = 3


def photographs(tier: str) -> list[Case]:
    """Training on CIFAR-10, one case a network, at the full tier."""
    if tier != "full":
        return []
    steps = CIFAR_STEPS.items()
    return [Case(name, {"network": name, "step": step, **CIFAR}, CIFAR_DRAWS, chunk=1) for name, step in steps]
