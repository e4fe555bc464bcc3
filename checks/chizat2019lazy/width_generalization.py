"""width-generalization: at a large width the lazy scaling 1/√m generalises worse than 1/m (Figure 2a)."""

import math

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Gap
from checks.measurements.teacher_student import losses_of_widths

BETAS = [0.5, 1.0]
SIZES = {
    "quick": {"widths": [128], "n": 150, "d": 20, "steps": 800},
    "standard": {"widths": [256], "n": 200, "d": 30, "steps": 3_000},
    "full": {"widths": [512], "n": 1_000, "d": 100, "steps": 25_000},
}
DRAWS = {"quick": 16, "standard": 12, "full": 10}
THRESHOLD = {"quick": 1.25, "standard": 1.5, "full": 1.5}


def networks(tier: str, **variant: str) -> list[Case]:
    """Both scalings on the same data and weights."""
    config = {"betas": BETAS, **SIZES[tier], **variant}
    return [Case("", config, DRAWS[tier], chunk=2, select={"threshold": THRESHOLD[tier]})]


def excess(case: dict, found: Arrays) -> Draws:
    """Log of the test loss with 1/√m over that with 1/m."""
    lazy, other = np.log(found["end"][..., -1]).T
    return Draws(lazy - other)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="width-generalization",
    source="Section 3.1 and Figure 2a of arXiv:1812.07956, an experiment",
    summary="a wide two-layer network generalises worse with the scaling 1/√m than with 1/m",
    statement=(
        "a wide two-layer relu network, N(0, 1) weights, generalises worse with the lazy scaling 1/√m than with 1/m: at the "
        "largest width its test loss on a teacher with three neurons is larger"
    ),
    assumptions=(
        "inputs on the sphere, teacher times 100√(d/100), weights not paired, full-batch steps 1 for 1/√m and 0.05m for 1/m"
    ),
    figure="width_population",
    parts=(
        Part(
            letter="a",
            says="log of the test loss with 1/√m over that with 1/m, same data, teacher and weights",
            status="measured",
            cases=networks,
            cell=losses_of_widths,
            read=excess,
            judge=lambda case: Gap(math.log(case["threshold"])),
            controls=(Control("labels that are noise", cases=lambda tier: networks(tier, labels="random")),),
            why="slopes in m are not judged: they are too noisy",
        ),
    ),
)
