"""width-generalization: the lazy scaling 1/√m generalises worse as m grows, 1/m hardly (Figure 2a)."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Gap, Ratio
from checks.measurements.teacher_student import losses_of_widths

BETAS = [0.5, 1.0]
SIZES = {
    "quick": {"widths": [16, 128], "n": 150, "d": 20, "steps": 800},
    "standard": {"widths": [16, 256], "n": 200, "d": 30, "steps": 3_000},
    "full": {"widths": [16, 512], "n": 1_000, "d": 100, "steps": 25_000},
}
NEURONS = {"quick": 64, "standard": 128, "full": 128}
DRAWS = {"quick": 16, "standard": 96, "full": 10}
FLAT, FASTER = math.log(1.35), math.log(1.25)
THRESHOLD = {"quick": 1.25, "standard": 1.5, "full": 1.5}


def networks(tier: str) -> list[Case]:
    """Both scalings on the same data and weights."""
    config = {"betas": BETAS, "neurons": NEURONS[tier], **SIZES[tier]}
    return [Case("", config, DRAWS[tier], chunk=4, select={"threshold": THRESHOLD[tier]})]


def noise(tier: str) -> list[Case]:
    """The same with labels that are noise: fewer draws, as their losses differ little."""
    return [replace(case, config={**case.config, "labels": "random"}, draws=8) for case in networks(tier)]


def beyond_quick(tier: str) -> list[Case]:
    """The same, where training is long enough."""
    return [] if tier == "quick" else networks(tier)


def excess(case: dict, found: Arrays) -> Draws:
    """Log of the test loss with 1/√m over that with 1/m."""
    lazy, other = np.log(found["end"][..., -1]).T
    return Draws(lazy - other)


def trends(losses: np.ndarray) -> np.ndarray:
    """log of the loss at the largest width over that at the smallest, for 1/√m and for 1/m, (2, draws)."""
    losses = np.log(losses)
    return (losses[..., -1] - losses[..., 0]).T


def faster(key: str) -> Callable[[dict, Arrays], Draws]:
    """The trend of the losses ``key`` with 1/√m less that with 1/m."""
    return lambda case, found: Draws(-np.diff(trends(found[key]), axis=0)[0])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="width-generalization",
    source="Section 3.1 and Figure 2a of arXiv:1812.07956, an experiment",
    summary="a two-layer network generalises worse as it gets wider with the scaling 1/√m, hardly with 1/m",
    statement=(
        "the test loss of a two-layer relu network, N(0, 1) weights, on a teacher with three neurons rises with the width "
        "under the lazy scaling 1/√m, so that at the largest width it is larger than with 1/m, under which it rises by a "
        f"factor below {math.exp(FLAT):.3g}; in the paper, with five times as many inputs, not at all"
    ),
    assumptions=(
        "inputs on the sphere, teacher times 100√(d/100), weights not paired, full-batch steps 1 for 1/√m and 0.05m for 1/m; "
        "losses are geometric means over starts, as many as have the named number of neurons together"
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
            controls=(Control("labels that are noise", cases=noise),),
        ),
        Part(
            letter="b",
            says="log of the test loss at the largest m over that at m = 16, with 1/√m less that with 1/m",
            status="measured",
            cases=networks,
            cell=losses_of_widths,
            cells_of="a",
            read=faster("end"),
            judge=Gap(FASTER),
            controls=(Control("the training loss", read=faster("train")),),
        ),
        Part(
            letter="c",
            says="log of the test loss at the largest m over that at m = 16, with 1/m",
            status="measured",
            cases=beyond_quick,
            cell=losses_of_widths,
            cells_of="a",
            read=lambda case, found: Draws(trends(found["end"])[1]),
            judge=Ratio(0.0, FLAT),
            controls=(Control("with 1/√m", read=lambda case, found: Draws(trends(found["end"])[0])),),
            why="with few data the loss rises with 1/m too, by a tenth to a fifth; at quick training is too short to judge",
        ),
    ),
)
