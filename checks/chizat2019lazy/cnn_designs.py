"""Sizes that the claims about convolutional networks share."""

from checks.claim import Case

SHARE, BATCH = 0.25, 50  # of the step that the tangent kernel allows: larger ones diverge for some networks
DIGITS = {
    "quick": {"n": 100, "width": 4, "epochs": 1_000},
    "standard": {"n": 300, "width": 8, "epochs": 2_000},
    "full": {"n": 300, "width": 8, "epochs": 10_000},
}
# a fifth of what the tangent kernel of 16 photographs allows at the start
CIFAR_STEPS = {"vgg11": 0.05, "resnet18": 0.005}
CIFAR = {"width": 64, "gain": 1.0, "batch": 128, "epochs": 300, "decay": 1 / 3}
CIFAR_DRAWS = 5


def digits(tier: str, alphas: list[float], levels: list[float], **variant: str) -> dict:
    """Configuration of training on digits."""
    return {"alphas": alphas, "levels": levels, "share": SHARE, "batch": BATCH, **DIGITS[tier], **variant}


def photographs(tier: str, alphas: list[float], levels: list[float], **select: object) -> list[Case]:
    """Training on CIFAR-10, one case a network, at the full tier."""
    if tier != "full":
        return []
    common = {"alphas": alphas, "levels": levels, **CIFAR}
    return [
        Case(network, {"network": network, "step": step, **common}, CIFAR_DRAWS, chunk=1, select=select)
        for network, step in CIFAR_STEPS.items()
    ]
