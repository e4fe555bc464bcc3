"""population-loss: stochastic gradient descent on fresh samples ends at a higher loss from a lazy start (Figure 2b)."""

import math

import numpy as np

from checks.claim import Case, Claim, Control, Part
from checks.judges import Draws, Gap
from checks.measurements.teacher_student import population_losses

TAUS, STEP, LARGEST_STEP = [0.04, 1.0], 0.25, 25.0
SIZES = {
    "quick": {"d": 20, "m": 10, "batch": 100, "steps": 1_500},
    "standard": {"d": 40, "m": 20, "batch": 200, "steps": 3_000},
    "full": {"d": 100, "m": 50, "batch": 200, "steps": 20_000},
}
DRAWS = {"quick": 8, "standard": 10, "full": 10}


def starts(tier: str, **variant: str) -> list[Case]:
    """Both scales of the start."""
    config = {"taus": TAUS, "step": STEP, "largest_step": LARGEST_STEP, **SIZES[tier], **variant}
    return [Case("", config, DRAWS[tier], chunk=2)]


CLAIM = Claim(
    paper="chizat2019lazy",
    name="population-loss",
    source="Section 3.1 and Figure 2b of arXiv:1812.07956, an experiment",
    summary="stochastic gradient descent on the population loss ends higher from a lazy start",
    statement=(
        "stochastic gradient descent on the population loss, every sample used once, ends at a higher loss from a lazy start: "
        "the loss of a two-layer relu network on a teacher with three neurons rises from τ = 0.04 to τ = 1, N(0, τ²) weights"
    ),
    assumptions=(
        "inputs on the sphere, paired start, scaling 1/m, teacher divided by the batch size, steps m·min(0.25/τ², 25), times d "
        "for the inner weights, as the authors did"
    ),
    figure="width_population",
    parts=(
        Part(
            letter="a",
            says="log of the loss at the large τ over that at the small one, over the last tenth of the steps",
            status="measured",
            cases=starts,
            cell=population_losses,
            read=lambda case, found: Draws(np.diff(np.log(found["loss"]), axis=1)[:, 0]),
            judge=Gap(math.log(2)),
            controls=(
                Control(
                    "labels that are noise, drawn anew with every batch",
                    cases=lambda tier: starts(tier, labels="random"),
                ),
            ),
        ),
    ),
)
