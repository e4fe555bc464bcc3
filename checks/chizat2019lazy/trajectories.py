"""trajectories: from a small start neurons travel to those of the teacher, from a large one they hardly move (Figure 1)."""

import math

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, Draws, Gap, Ratio, Sides, Slope
from checks.measurements.teacher_student import displacements

SMALL, PANEL, LAZY = 0.1, 2.0, [4.0, 8.0, 16.0]
DRAWS = {"quick": 16, "standard": 32, "full": 64}
STEP, STEPS = 0.005, {"quick": 10_000, "standard": 20_000, "full": 100_000}
STILL = 0.2
FAR, NEAR = 1.0, 0.1
"""Relative displacements: more than the first is far from lazy, less than the second is lazy."""


def starts(tier: str, taus: list[float] = LAZY, *, paired: bool = True) -> list[Case]:
    """Starts of the scales τ."""
    config = {"taus": taus, "paired": paired, "step": STEP, "steps": STEPS[tier]}
    return [Case("", config, DRAWS[tier], chunk=4)]


def unpaired(tier: str) -> list[Case]:
    """f_0 ≠ 0: the outputs to be removed grow like τ² too."""
    return starts(tier, paired=False)


def panels(tier: str) -> list[Case]:
    """The two starts that the paper draws."""
    return starts(tier, [SMALL, PANEL])


def turned(i: int, found: Arrays) -> Draws:
    """log of the mean angle to the teacher's neurons at the start over that at the end."""
    return Draws(np.log(found["start"][:, i] / found["end"][:, i]))


def short_of(i: int, found: Arrays) -> Draws:
    """−log₁₀ of the displacement."""
    return Draws(-np.log10(found["moved"][:, i]))


CLAIM = Claim(
    paper="chizat2019lazy",
    name="trajectories",
    source="Section 1 and Figure 1a, b of arXiv:1812.07956, an experiment",
    summary="neurons travel to the teacher's from a small start, and move like τ^{−2} from a large one",
    statement=(
        "from a start of scale τ = 0.1 the neurons of a two-layer relu network with f_0 = 0 turn to those of the teacher and "
        "‖w(T) − w_0‖/‖w_0‖ is above 1; at τ = 2 their mean angle changes by less than a fifth and it is below 0.1 in the "
        "geometric mean; from there on it falls like τ^{−2}"
    ),
    assumptions=(
        "d = 2, 15 inputs on the circle, teacher with three neurons, 16 paired neurons with unit directions and output weights "
        "uniform on [0, 1), all times τ; from τ = 1 on steps in proportion to τ^{−2}, the same time of the linearised network"
    ),
    figure="teacher_student",
    parts=(
        Part(
            letter="a",
            says="‖w(T) − w_0‖/‖w_0‖ against τ",
            status="measured",
            cases=starts,
            cell=displacements,
            read=lambda case, found: Draws(found["moved"], case["taus"]),
            judge=Slope(-2.0, 0.1),
            controls=(Control("neurons that are not paired", cases=unpaired),),
        ),
        Part(
            letter="b",
            says="‖w(T) − w_0‖/‖w_0‖ at τ = 0.1, every draw",
            status="measured",
            cases=panels,
            cell=displacements,
            read=lambda case, found: Sides(found["moved"][:, 0], FAR),
            judge=AtLeast(),
            controls=(Control("at τ = 2", read=lambda case, found: Sides(found["moved"][:, 1], FAR)),),
        ),
        Part(
            letter="c",
            says="−log₁₀(‖w(T) − w_0‖/‖w_0‖) at τ = 2",
            status="measured",
            cases=panels,
            cell=displacements,
            cells_of="b",
            read=lambda case, found: short_of(1, found),
            judge=Gap(-math.log10(NEAR)),
            controls=(Control("at τ = 0.1", read=lambda case, found: short_of(0, found)),),
        ),
        Part(
            letter="d",
            says="log of the neurons' mean angle to the nearest of the teacher's with their sign, start over end, τ = 0.1",
            status="measured",
            cases=panels,
            cell=displacements,
            cells_of="b",
            read=lambda case, found: turned(0, found),
            judge=Gap(math.log(2)),
            controls=(Control("at τ = 2", read=lambda case, found: turned(1, found)),),
            why="each neuron counts by |a_j|‖b_j‖, which is how much of f it makes",
        ),
        Part(
            letter="e",
            says="the same at τ = 2",
            status="measured",
            cases=panels,
            cell=displacements,
            cells_of="b",
            read=lambda case, found: turned(1, found),
            judge=Ratio(0.0, STILL),
            controls=(Control("at τ = 0.1", read=lambda case, found: turned(0, found)),),
        ),
    ),
)
