"""trajectories: from a small start neurons travel far, from a large one they hardly move (Figure 1a, b)."""

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Draws, Sides, Slope
from checks.measurements.teacher_student import displacements

SMALL, LAZY = 0.1, [4.0, 8.0, 16.0]
DRAWS = {"quick": 8, "standard": 16, "full": 32}
STEP, STEPS = 0.005, {"quick": 10_000, "standard": 20_000, "full": 100_000}
FAR, NEAR = 1.0, 0.1
"""Relative displacements: more than the first is far from lazy, less than the second is lazy."""


def starts(tier: str, taus: list[float] = LAZY, *, paired: bool = True) -> list[Case]:
    """Starts of the scales τ."""
    config = {"taus": taus, "paired": paired, "step": STEP, "steps": STEPS[tier]}
    return [Case("", config, DRAWS[tier], chunk=4)]


def unpaired(tier: str) -> list[Case]:
    """f_0 ≠ 0: the outputs to be removed grow like τ² too."""
    return starts(tier, paired=False)


def small(tier: str) -> list[Case]:
    """The start that is not lazy."""
    return starts(tier, [SMALL])


def first(bound: float, case: dict, found: Arrays) -> Sides:
    """The displacement at the first τ, every draw."""
    return Sides(found["moved"][:, 0], bound)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="trajectories",
    source="Section 1 and Figure 1a, b of arXiv:1812.07956, an experiment",
    summary="neurons travel far from a small start and move like τ^{−2} from a large one",
    statement=(
        "the relative displacement ‖w(T) − w_0‖/‖w_0‖ of a two-layer relu network with f_0 = 0 falls like τ^{−2} with the "
        "scale τ of its start, and is above 1 at τ = 0.1, below 0.1 at τ = 4"
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
            says="‖w(T) − w_0‖/‖w_0‖ at the small start, every draw",
            status="measured",
            cases=small,
            cell=displacements,
            read=lambda case, found: first(FAR, case, found),
            judge=AtLeast(),
            controls=(
                Control(
                    "the small start called lazy", read=lambda case, found: first(NEAR, case, found), judge=AtMost()
                ),
            ),
        ),
        Part(
            letter="c",
            says="‖w(T) − w_0‖/‖w_0‖ at the least of the large starts, every draw",
            status="measured",
            cases=starts,
            cell=displacements,
            cells_of="a",
            read=lambda case, found: first(NEAR, case, found),
            judge=AtMost(),
            controls=(Control("neurons that are not paired", cases=unpaired),),
        ),
    ),
)
