"""cnn-performance: at the same training loss a convolutional network that trains lazily is less accurate (Figure 3)."""

from checks.chizat2019lazy.cnn_runs import cifar_parts, collect, collect_cifar, not_run
from checks.claim import Claim, Findings, Run
from checks.paired_gap import paired_gap
from checks.running.sweep import Arrays
from checks.verdict import Evidence

SMALL, LARGE = 0.3, 100.0
SEEDS, CIFAR_SEEDS = {"quick": 16, "standard": 12, "full": 16}, 5
LEVEL = {"quick": 0.5, "standard": 0.1, "full": 0.03}  # relative training loss at which accuracies are compared
LEVELS = (0.5, 0.3, 0.1, 0.03, 0.01)
CIFAR_LEVEL = 0.3
THRESHOLDS = {"quick": 0.02, "standard": 0.05, "full": 0.05}
# setting, seeds, and the level at which it is judged: the output layer alone fits little, and noise is slow to fit
CONTROLS = {
    "random labels": ({"labels": "random"}, {"quick": 10, "standard": 8, "full": 16}, 0.3),
    "output layer only": ({"trained": "output"}, {"quick": 5, "standard": 5, "full": 5}, 0.8),
    "centred digits": ({"placement": "centred"}, {"quick": 0, "standard": 12, "full": 24}, 0.3),
}


def levels_to(last: float) -> tuple[float, ...]:
    """Levels down to ``last``, which is the last one."""
    return (*(level for level in LEVELS if level > last), last)


def gap(name: str, found: Arrays, loss: float, threshold: float) -> Evidence:
    """Accuracy at the smaller α less that at the larger one, at the last level: training loss ``loss``."""
    accuracy = found["accuracy"][..., -1]
    part = f"{name} · α = {SMALL:g} and {LARGE:g} · training loss {loss:g}"
    return paired_gap(part, accuracy[:, 0] - accuracy[:, 1], threshold=threshold)


def check(run: Run) -> Findings:
    """Accuracy lost between α = 0.3 and α = 100."""
    if missing := not_run():
        return missing
    level, alphas, threshold, controls = LEVEL[run.tier], (SMALL, LARGE), THRESHOLDS[run.tier], []
    parts = [gap("digits", collect(run, alphas, SEEDS[run.tier], levels_to(level)), level, threshold)]
    for name, (setting, seeds, lowest) in CONTROLS.items():
        if seeds[run.tier]:
            own = max(lowest, level)
            found = collect(run, alphas, seeds[run.tier], levels_to(own), **setting)
            controls.append(gap(name, found, own, threshold))

    def on_cifar(network: str) -> list[Evidence]:
        found = collect_cifar(run, network, alphas, CIFAR_SEEDS, levels_to(CIFAR_LEVEL))
        return [gap(f"{network} · CIFAR-10", found, CIFAR_LEVEL, threshold)]

    return Findings([*parts, *cifar_parts(run, on_cifar)], controls)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="cnn-performance",
    source="Section 3.2 and Figure 3 of arXiv:1812.07956, an experiment",
    statement=(
        "a convolutional network α(h − h_0) trained by stochastic gradient descent loses accuracy as α grows: at the same "
        "training loss it is lower at α = 100, where training is lazy, than at α = 0.3"
    ),
    assumptions=(
        "digits at random places of a 12 × 12 canvas; three 3 × 3 convolutions and two poolings, Xavier's weights with gain "
        "1.4; square loss over α², batches of 50, momentum 0.9, step 0.005 for every α; quick 100 images and width 4, else "
        "300 images and width 8; full also VGG-11 and ResNet-18 on CIFAR-10, gain 1, batches of 128, steps 0.05 and 0.005, "
        "falling"
    ),
    predicted="accuracy(0.3) − accuracy(100) above 0.05, quick 0.02",
    judge=(
        "difference of the accuracies on 1,000 new images after the epoch in which the relative training loss first falls to "
        "0.5 (quick), 0.1 (standard) or 0.03 (full; CIFAR-10 0.3), one a seed with the same images and weights on both sides: "
        "lower end of the t interval above the threshold; 16 (quick), 12, 16 seeds, CIFAR-10 5; a run that does not get there "
        "makes the part INCONCLUSIVE"
    ),
    control=(
        "random labels, at loss 0.5 (quick) or 0.3; the output layer alone, the same model at every α, at loss 0.8; digits in "
        "the middle of the canvas, which the tangent kernel classifies almost as well, at loss 0.3 (standard, full)"
    ),
    figure="cnn",
    check=check,
)
