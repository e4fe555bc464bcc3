"""population-loss: stochastic gradient descent on fresh samples ends at a higher loss from a lazy start (Figure 2b)."""

import math
from collections.abc import Sequence

import numpy as np

from checks.chizat2019lazy.teacher_student import make_teacher, paired_start, scaled, sphere, sweep_scales
from checks.claim import Claim, Findings, Run
from checks.paired_gap import paired_gap
from checks.running.sweep import Arrays
from kernels.losses import SquareLoss
from kernels.training import loss_gradient

SIZES = {
    "quick": {"d": 20, "m": 10, "batch": 100, "steps": 1_500},
    "standard": {"d": 40, "m": 20, "batch": 200, "steps": 3_000},
    "full": {"d": 100, "m": 50, "batch": 200, "steps": 20_000},
}
SEEDS = {"quick": 8, "standard": 10, "full": 10}
SMALL, LARGE = 0.04, 1.0
THRESHOLD = math.log(2)
LARGEST_STEP, STEP = 25.0, 0.25


def losses(*, seed: int, tau: float, d: int, m: int, batch: int, steps: int, labels: str = "teacher") -> Arrays:
    """``loss``: mean over the last tenth of the steps of the loss on the fresh batch, a share of that of f = 0.

    f = (1/m) Σ_j a_j max(b_j·x, 0), the teacher's outputs divided by the size of a batch. Teacher, start and samples depend on
    ``seed`` alone. NaN if the run diverges.
    """
    rng = np.random.default_rng(seed)
    teacher, start = make_teacher(rng, d, 1 / batch), scaled(paired_start(rng, m, d), tau)
    theta, step = [*(W.copy() for W in start.weights), start.output.copy()], m * min(STEP / tau**2, LARGEST_STEP)
    found, levels = np.empty(steps), np.empty(steps)
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(steps):
            X = sphere(rng, batch, d)
            y = teacher(X)
            levels[k] = np.mean(y**2) / 2
            if labels == "random":
                y = np.sqrt(np.mean(y**2)) * rng.normal(size=batch)
            inputs, loss = np.ascontiguousarray(X.T), SquareLoss(y, 1 / batch)
            _, found[k], (inner, outer) = loss_gradient(theta, inputs, loss, activation="relu", kappa=1.0)
            if not np.isfinite(found[k]):
                return {"loss": np.array(np.nan)}
            theta[0] -= step * d * inner  # the inner weights' kernel is smaller by d
            theta[1] -= step * outer
    return {"loss": found[-(steps // 10) :].mean() / levels.mean()}


def collect(run: Run, taus: Sequence[float], **setting: str) -> np.ndarray:
    """`losses` of every seed at every τ, (seeds, taus)."""
    return sweep_scales(run, losses, taus, SEEDS[run.tier], "population-loss", **SIZES[run.tier], **setting)["loss"]


def check(run: Run) -> Findings:
    """Rise of the log loss from τ = 0.04 to 1."""
    judged = []
    for name, setting in (("teacher", {}), ("random labels", {"labels": "random"})):
        small, large = np.log(collect(run, (SMALL, LARGE), **setting)).T
        judged.append(paired_gap(f"rise · {name}", large - small, threshold=THRESHOLD))
    return Findings(judged[:1], judged[1:])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="population-loss",
    source="Section 3.1 and Figure 2b of arXiv:1812.07956, an experiment",
    statement=(
        "stochastic gradient descent on the population loss, every sample used once, ends at a higher loss from a lazy start: "
        "the loss of a two-layer relu network on a teacher with three neurons rises from τ = 0.04 to τ = 1, N(0, τ²) weights"
    ),
    assumptions=(
        "inputs on the sphere, paired start, scaling 1/m, teacher divided by the batch size, steps m·min(0.25/τ², 25), times d "
        "for the inner weights, as the authors did; quick d = 20, m = 10, batches of 100, 1,500 steps, standard d = 40, m = "
        "20, 200, 3,000 steps, full d = 100, m = 50, 200, 20,000 steps"
    ),
    predicted="population loss at τ = 1 more than twice that at τ = 0.04",
    judge=(
        "log of the ratio, loss averaged over the last tenth of the steps, one a seed with the same teacher, weights and "
        "samples on both sides: lower end of the t interval above log 2; 8 (quick), 10 seeds"
    ),
    control="labels that are noise, drawn anew with every batch",
    figure="width_population",
    check=check,
)
