"""trajectories: from a small start neurons travel far, from a large one they hardly move (Figure 1a, b)."""

from collections.abc import Sequence

import numpy as np

from checks.chizat2019lazy.teacher_student import (
    Problem,
    finished,
    make_problem,
    pair,
    scaled,
    sphere,
    sweep_scales,
    train,
)
from checks.claim import Claim, Findings, Run
from checks.inequality import worst_case
from checks.rate_fit import rate_fit
from checks.running.sweep import Arrays
from checks.verdict import Evidence
from kernels import Parameters

DIMENSION, SAMPLES, WIDTH = 2, 15, 16
SMALL, LAZY = 0.1, (4.0, 8.0, 16.0)
SEEDS = {"quick": 8, "standard": 16, "full": 32}
STEP, STEPS = 0.005, {"quick": 10_000, "standard": 20_000, "full": 100_000}
LAZY_STEP, LAZY_STEPS = 0.05, 2_000  # 0.05/τ²: the same time, seen from the linearised network, for every τ
MARGIN = 0.1
FAR, NEAR = 1.0, 0.1
"""Relative displacements: more than the first is far from lazy, less than the second is lazy."""


def setting(seed: int, paired: bool) -> tuple[Problem, Parameters]:
    """15 points on the circle and 16 neurons, unit directions and output weights uniform on [0, 1), half of them negated."""
    rng = np.random.default_rng(seed)
    problem, neurons = make_problem(rng, n=SAMPLES, d=DIMENSION), WIDTH // 2 if paired else WIDTH
    B, a = sphere(rng, neurons, DIMENSION), rng.uniform(size=neurons)
    return problem, pair(B, a) if paired else Parameters((B,), a)


def schedule(tau: float, steps: int) -> tuple[float, int]:
    """Step and number of steps at τ; ``steps`` where the start is small."""
    return (STEP, steps) if tau < 1 else (LAZY_STEP / tau**2, LAZY_STEPS)


def displacement(*, seed: int, tau: float, paired: bool, steps: int) -> Arrays:
    """``moved`` ‖w(T) − w_0‖/‖w_0‖ of all weights; NaN if the run diverged."""
    problem, start = setting(seed, paired)
    start = scaled(start, tau)
    step, steps = schedule(tau, steps)
    run = train(problem, start, step=step, steps=steps, record_every=steps)
    length = np.linalg.norm([np.linalg.norm(array) for array in start.arrays])
    return {"moved": np.array(run.drift[-1] / length if finished(run) else np.nan)}


def paths(*, seed: int, tau: float, steps: int, points: int) -> Arrays:
    """Neurons |a_j|b_j at ``points`` steps, evenly spaced on a logarithmic scale: ``neurons`` (points, m, 2).

    ``signs`` (m,) are those of the a_j at the end, ``teacher`` (3, 2) its neurons, ``teacher_signs`` (3,).
    """
    problem, start = setting(seed, True)
    step, steps = schedule(tau, steps)
    params, found, done = scaled(start, tau), [], 0
    for k in np.unique(np.geomspace(1, steps, points).astype(int)):
        params = train(problem, params, step=step, steps=int(k) - done, record_every=steps).params
        found.append(np.abs(params.output)[:, None] * params.weights[0])
        done = int(k)
    teacher = problem.teacher
    signs = {"signs": np.sign(params.output), "teacher_signs": teacher.signs}
    return {"neurons": np.array(found), "teacher": teacher.directions, **signs}


def collect(run: Run, taus: Sequence[float], paired: bool) -> np.ndarray:
    """Displacements of every seed at every τ, (seeds, taus)."""
    setting = {"paired": paired, "steps": STEPS[run.tier]}
    return sweep_scales(run, displacement, taus, SEEDS[run.tier], "trajectories", **setting)["moved"]


def parts(moved: np.ndarray) -> list[Evidence]:
    """Judged displacements at τ = 0.1, 4, 8, 16."""
    return [
        rate_fit("slope · paired", LAZY, moved[:, 1:], predicted=-2.0, margin=MARGIN),
        worst_case(f"{FAR:g}/displacement · τ = {SMALL:g}", FAR / moved[:, 0], 1.0),
        worst_case(f"displacement · τ = {LAZY[0]:g}", moved[:, 1], NEAR),
    ]


def check(run: Run) -> Findings:
    """Slope in the lazy regime and displacement on both sides of it."""
    moved, unpaired = collect(run, (SMALL, *LAZY), True), collect(run, LAZY, False)
    controls = [
        rate_fit("slope · not paired", LAZY, unpaired, predicted=-2.0, margin=MARGIN),
        worst_case(f"displacement · not paired · τ = {LAZY[0]:g}", unpaired[:, 0], NEAR, control=True),
        worst_case(f"displacement · τ = {SMALL:g}", moved[:, 0], NEAR, control=True),
    ]
    return Findings(parts(moved), controls)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="trajectories",
    source="Section 1 and Figure 1a, b of arXiv:1812.07956, an experiment",
    statement=(
        "the relative displacement ‖w(T) − w_0‖/‖w_0‖ of a two-layer relu network with f_0 = 0 falls like τ^{−2} with the "
        "scale τ of its start, and is above 1 at τ = 0.1, below 0.1 at τ = 4"
    ),
    assumptions=(
        "d = 2, 15 inputs on the circle, teacher with three neurons, 16 paired neurons with unit directions and output weights "
        "uniform on [0, 1), all times τ; steps of 0.005 at τ = 0.1, 10,000 (quick), 20,000 or 100,000 of them, 2,000 steps of "
        "0.05/τ² from τ = 4 on"
    ),
    predicted="slope −2 in τ on 4, 8, 16; displacement of every seed above 1 at τ = 0.1 and below 0.1 at τ = 4",
    judge="slope: t interval inside −2 ± 0.1; 8 (quick), 16, 32 seeds; of the displacements the worst seed",
    control="neurons that are not paired, f_0 ≠ 0: then the outputs to be removed grow like τ² too; τ = 0.1 called lazy",
    figure="teacher_student",
    check=check,
)
