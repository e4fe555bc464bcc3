"""scale-generalization: the test loss rises with the scale τ of the start, up to a plateau (Figure 1c)."""

import math
from dataclasses import replace

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Gap, Ratio
from checks.measurements.teacher_student import losses_of_scales

SIZES = {
    "quick": {"n": 100, "d": 20, "m": 20, "steps": 2_000},
    "standard": {"n": 200, "d": 30, "m": 30, "steps": 3_000},
    "full": {"n": 1_000, "d": 100, "m": 50, "steps": 10_000},
}
TAUS, STEP, LARGEST_STEP = [0.03, 1.0, 10.0], 0.1, 10.0
DRAWS = {"quick": 12, "standard": 12, "full": 10}
TIMES = {"end": "end of training", "best": "best moment of training"}
PLATEAU = {"end": math.log(1.25), "best": 0.1}


def starts(tier: str, **variant: object) -> list[Case]:
    """All scales of the start, at the end and at the best moment of training."""
    config = {"taus": TAUS, "step": STEP, "largest_step": LARGEST_STEP, **SIZES[tier], **variant}
    return [Case(name, config, DRAWS[tier], chunk=2, select={"key": key}) for key, name in TIMES.items()]


def noise(tier: str) -> list[Case]:
    """Labels that are noise."""
    return starts(tier, labels="random", taus=TAUS[:2])


def output_layer(tier: str) -> list[Case]:
    """Only the output layer trained, which is the same model at every τ: few draws, as they differ by rounding."""
    return [replace(case, draws=6) for case in starts(tier, trained="output", taus=TAUS[:2])]


def rise(case: dict, found: Arrays, pair: tuple[int, int] = (0, 1)) -> Draws:
    """Rise of the log test loss from one scale to another."""
    first, second = (np.log(found[case["key"]][:, i]) for i in pair)
    return Draws(second - first)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="scale-generalization",
    source="Section 3.1 and Figure 1c of arXiv:1812.07956, an experiment",
    summary="a two-layer network generalises worse from a lazy start",
    statement=(
        "a two-layer relu network trained by gradient descent on a teacher with three neurons generalises worse from a lazy "
        "start: its test loss rises from τ = 0.03 to τ = 1, N(0, τ²) weights, and up to τ = 10 changes by less than a quarter"
    ),
    assumptions="inputs on the sphere, noiseless teacher, paired start (f_0 = 0), full-batch steps min(10, 0.1/τ²)",
    figure="teacher_student",
    parts=(
        Part(
            letter="a",
            says="log of the test loss at τ = 1 over that at τ = 0.03, same data, teacher and weights",
            status="measured",
            cases=starts,
            cell=losses_of_scales,
            read=rise,
            judge=Gap(math.log(2)),
            controls=(
                Control("labels that are noise", cases=noise),
                Control("only the output layer trained, the same model at every τ", cases=output_layer),
                Control("from τ = 1 to 10", read=lambda case, found: rise(case, found, (1, 2))),
            ),
        ),
        Part(
            letter="b",
            says="log of the test loss at τ = 10 over that at τ = 1, same data, teacher and weights",
            status="measured",
            cases=starts,
            cell=losses_of_scales,
            cells_of="a",
            read=lambda case, found: rise(case, found, (1, 2)),
            judge=lambda case: Ratio(0.0, PLATEAU[case["key"]]),
            controls=(Control("from τ = 0.03 to 1", read=rise),),
            why="after the same time the larger start has fitted less, which the best moment of training feels less",
        ),
    ),
)
