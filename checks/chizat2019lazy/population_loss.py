"""population-loss: on fresh samples a lazy start ends higher, at what its tangent features cannot express (Figure 2b)."""

import math

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Gap, Ratio
from checks.measurements.teacher_student import LATE, population_losses
from theory.tangent_span import lazy_population_loss

TAUS, STEP, LARGEST_STEP = [0.04, 1.0, 10.0], 0.25, 25.0
PLATEAU, SHARE = 0.02, 0.05
SIZES = {
    "quick": {"d": 20, "m": 10, "batch": 100, "steps": 1_500},
    "standard": {"d": 40, "m": 20, "batch": 200, "steps": 3_000},
    "full": {"d": 100, "m": 50, "batch": 200, "steps": 20_000},
}
DRAWS = {"quick": 8, "standard": 10, "full": 10}


def starts(tier: str, **variant: str) -> list[Case]:
    """All scales of the start."""
    config = {"taus": TAUS, "step": STEP, "largest_step": LARGEST_STEP, **SIZES[tier], **variant}
    return [Case("", config, DRAWS[tier], chunk=2)]


def rise(case: dict, found: Arrays, pair: tuple[int, int] = (0, 1)) -> Draws:
    """Rise of the log loss from one scale to another."""
    first, second = (np.log(found["loss"][:, i]) for i in pair)
    return Draws(second - first)


def share_of_tangent(case: dict, found: Arrays, inner_rate: float = 1.0) -> Draws:
    """Loss at the largest τ over that of the linearised network after the same steps.

    Neurons come in pairs with the same features, so that the kernel is twice that of one of each.
    """
    d, m = case["d"], case["m"]
    time = 2 * (1 - LATE / 2) * case["steps"] * case["step"] / m
    parts = (found[key] for key in ("inner", "outer", "teacher", "signs"))
    predicted = [lazy_population_loss(*row, time=time, inner_rate=inner_rate * d) for row in zip(*parts, strict=True)]
    return Draws(found["loss"][:, -1] / predicted)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="population-loss",
    source="Section 3.1 and Figure 2b of arXiv:1812.07956, an experiment",
    summary="stochastic gradient descent on the population loss ends higher from a lazy start",
    statement=(
        "stochastic gradient descent on the population loss, every sample used once, ends at a higher loss from a lazy start: "
        "the loss of a two-layer relu network on a teacher with three neurons rises from τ = 0.04 to τ = 1, N(0, τ²) weights, "
        f"and stays the same to {PLATEAU:.0%} up to τ = 10, where it is what the linearised network, with its m(d + 1)/2 "
        "tangent features, has left of the teacher after the same time"
    ),
    assumptions=(
        "inputs on the sphere, paired start, scaling 1/m, teacher divided by the batch size, steps m·min(0.25/τ², 25), times d "
        "for the inner weights, as the authors did"
    ),
    figure="width_population",
    parts=(
        Part(
            letter="a",
            says="log of the loss at τ = 1 over that at τ = 0.04, over the last tenth of the steps",
            status="measured",
            cases=starts,
            cell=population_losses,
            read=rise,
            judge=Gap(math.log(2)),
            controls=(
                Control(
                    "labels that are noise, drawn anew with every batch",
                    cases=lambda tier: starts(tier, labels="random", taus=TAUS[:2]),
                ),
                Control("from τ = 1 to 10", read=lambda case, found: rise(case, found, (1, 2))),
            ),
        ),
        Part(
            letter="b",
            says="log of the loss at τ = 10 over that at τ = 1",
            status="measured",
            cases=starts,
            cell=population_losses,
            cells_of="a",
            read=lambda case, found: rise(case, found, (1, 2)),
            judge=Ratio(0.0, PLATEAU),
            controls=(Control("from τ = 0.04 to 1", read=rise),),
        ),
        Part(
            letter="c",
            says="loss at τ = 10 over that of the linearised network after the same time on the population",
            status="derived",
            cases=starts,
            cell=population_losses,
            cells_of="a",
            read=share_of_tangent,
            judge=Ratio(1.0, SHARE),
            controls=(
                Control(
                    "the features of the output layer alone",
                    read=lambda case, found: share_of_tangent(case, found, 0.0),
                ),
            ),
            why="the noise of finite batches adds a per cent or two, and is not in the prediction",
        ),
    ),
)
