"""scale-generalization: the test loss rises with the scale τ of the start, up to a plateau (Figure 1c)."""

import math
from collections.abc import Sequence

import numpy as np

from checks.chizat2019lazy.teacher_student import (
    make_problem,
    paired_start,
    relative_losses,
    scaled,
    sweep_scales,
    train,
)
from checks.claim import Claim, Findings, Run
from checks.paired_gap import paired_gap
from checks.running.sweep import Arrays
from checks.verdict import Evidence

SIZES = {
    "quick": {"n": 100, "d": 20, "m": 20, "steps": 2_000},
    "standard": {"n": 200, "d": 30, "m": 30, "steps": 3_000},
    "full": {"n": 1_000, "d": 100, "m": 50, "steps": 10_000},
}
SEEDS = {"quick": 12, "standard": 12, "full": 10}
SMALL, LARGE = 0.03, 1.0
THRESHOLD = math.log(2)
LARGEST_STEP, STEP = 10.0, 0.1  # min(10, 0.1/τ²): the curvature grows like τ² once the start decides it
SETTINGS = {"teacher": {}, "random labels": {"labels": "random"}, "output layer only": {"trained": "output"}}


def losses(
    *, seed: int, tau: float, n: int, d: int, m: int, steps: int, labels: str = "teacher", trained: str = "all"
) -> Arrays:
    """`relative_losses` of one student; data, teacher and start depend on ``seed`` alone.

    With ``trained`` "output" the inner weights stay, and so the step can be 0.1/τ² for every τ.
    """
    rng = np.random.default_rng(seed)
    problem = make_problem(rng, n=n, d=d, labels=labels)
    start, step, alone = scaled(paired_start(rng, m, d), tau), STEP / tau**2, trained == "output"
    rates = [0.0, 1.0] if alone else None
    run = train(problem, start, step=step if alone else min(LARGEST_STEP, step), steps=steps, rates=rates)
    return relative_losses(run, problem)


def collect(run: Run, taus: Sequence[float], **setting: str) -> dict[str, np.ndarray]:
    """`losses` of every seed at every τ, (seeds, taus)."""
    return sweep_scales(run, losses, taus, SEEDS[run.tier], "scale-generalization", **SIZES[run.tier], **setting)


def gaps(name: str, found: dict[str, np.ndarray]) -> list[Evidence]:
    """Rise of the log test loss from τ = 0.03 to 1, at the end and at the best moment of training."""
    rises = {key: np.log(found[key][:, 1]) - np.log(found[key][:, 0]) for key in ("end", "best")}
    return [paired_gap(f"{key} of training · {name}", rise, threshold=THRESHOLD) for key, rise in rises.items()]


def check(run: Run) -> Findings:
    """The rise, and that of the controls."""
    found = {name: gaps(name, collect(run, (SMALL, LARGE), **setting)) for name, setting in SETTINGS.items()}
    return Findings(found.pop("teacher"), [part for parts in found.values() for part in parts])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="scale-generalization",
    source="Section 3.1 and Figure 1c of arXiv:1812.07956, an experiment",
    statement=(
        "a two-layer relu network trained by gradient descent on a teacher with three neurons generalises worse from a lazy "
        "start: its test loss rises from τ = 0.03 to τ = 1, N(0, τ²) weights"
    ),
    assumptions=(
        "inputs on the sphere, noiseless teacher, paired start (f_0 = 0), full-batch steps min(10, 0.1/τ²); quick n = 100, "
        "d = 20, m = 20, 2,000 steps, standard n = 200, d = 30, m = 30, 3,000 steps, full n = 1,000, d = 100, m = 50, 10⁴ steps"
    ),
    predicted="test loss at τ = 1 more than twice that at τ = 0.03, at the end and at the best moment of training",
    judge=(
        "log of the ratio of test losses, one a seed with the same data, teacher and weights on both sides: lower end of the "
        "t interval above log 2; 12 seeds (full: 10)"
    ),
    control="labels that are noise; only the output layer trained, which is the same model at every τ",
    figure="teacher_student",
    check=check,
)
