"""cnn-activation-stability: weights and activations of a convolutional network move like 1/α (Figure 3)."""

from checks.chizat2019lazy.cnn_runs import cifar_parts, collect, collect_cifar, not_run
from checks.claim import Claim, Findings, Run
from checks.rate_fit import rate_fit
from checks.running.sweep import Arrays
from checks.verdict import Evidence

ALPHAS, RICH = (10.0, 30.0, 100.0, 300.0), (0.2, 0.3, 0.55)
LEVEL, RICH_LEVEL = 0.5, 0.3  # relative training loss; an early one tells little where training is not lazy
SEEDS, CIFAR_SEEDS = {"quick": 10, "standard": 10, "full": 16}, 5
RICH_SEEDS = {"quick": 0, "standard": 10, "full": 16}
MARGINS = {
    "moved": {"quick": 0.05, "standard": 0.05, "full": 0.05},
    "flipped": {"quick": 0.1, "standard": 0.05, "full": 0.05},  # few units of the small network change sign
}
QUANTITIES = {"moved": "drift", "flipped": "flipped activations"}


def slopes(name: str, found: Arrays, alphas: tuple[float, ...], predicted: float, tier: str) -> list[Evidence]:
    """Exponents of the drift and of the share of flipped activations in α."""
    return [
        rate_fit(f"slope · {text} · {name}", alphas, found[key][..., 0], predicted=predicted, margin=MARGINS[key][tier])
        for key, text in QUANTITIES.items()
    ]


def check(run: Run) -> Findings:
    """Exponents where α is large; controls: half the exponent, and α of order one."""
    if missing := not_run():
        return missing
    lazy = collect(run, ALPHAS, SEEDS[run.tier], (LEVEL,))
    parts = slopes("digits", lazy, ALPHAS, -1.0, run.tier)
    controls = slopes("half the exponent", lazy, ALPHAS, -0.5, run.tier)
    if seeds := RICH_SEEDS[run.tier]:
        controls += slopes("α = 0.2 to 0.55", collect(run, RICH, seeds, (RICH_LEVEL,)), RICH, -1.0, run.tier)

    def on_cifar(network: str) -> list[Evidence]:
        found = collect_cifar(run, network, ALPHAS, CIFAR_SEEDS, (LEVEL,))
        return slopes(f"{network} · CIFAR-10", found, ALPHAS, -1.0, run.tier)

    return Findings([*parts, *cifar_parts(run, on_cifar)], controls)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="cnn-activation-stability",
    source="Section 3.2 and Figure 3 of arXiv:1812.07956, an experiment; exponent from general-lazy",
    statement=(
        "a convolutional network α(h − h_0), trained until its relative training loss has fallen to a given level, moves like "
        "1/α: ‖w − w_0‖/‖w_0‖, and the share of the units of the last hidden layer that change sign, of those not 0 at the "
        "start, fall with exponent −1"
    ),
    assumptions="networks, images and training of cnn-performance; α = 10, 30, 100, 300",
    predicted="both exponents −1",
    judge=(
        "one slope a seed, after the epoch in which the relative training loss first falls to 0.5, the same images and "
        "weights at every α: t interval inside −1 ± 0.05 for the drift, −1 ± 0.05 (quick 0.1) for the activations on 1,000 "
        "new images; 10 (quick, standard), 16 seeds, CIFAR-10 5"
    ),
    control="exponent −1/2; α = 0.2, 0.3, 0.55 in place of 10 to 300, where training is not lazy, at loss 0.3 (standard, full)",
    figure="cnn",
    check=check,
)
