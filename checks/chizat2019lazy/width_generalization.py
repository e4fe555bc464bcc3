"""width-generalization: at a large width the lazy scaling 1/√m generalises worse than 1/m (Figure 2a)."""

import math
from collections.abc import Sequence

import numpy as np

from checks.chizat2019lazy.teacher_student import gaussian_start, make_problem, relative_losses, train
from checks.claim import Claim, Findings, Run
from checks.paired_gap import paired_gap
from checks.running.sweep import Arrays

SIZES = {
    "quick": {"n": 150, "d": 20, "steps": 800},
    "standard": {"n": 200, "d": 30, "steps": 3_000},
    "full": {"n": 1_000, "d": 100, "steps": 25_000},
}
LARGEST = {"quick": 128, "standard": 256, "full": 512}
SEEDS = {"quick": 16, "standard": 12, "full": 10}
CONTROL_SEEDS = {"quick": 8, "standard": 6, "full": 10}
THRESHOLDS = {"quick": math.log(1.25), "standard": math.log(1.5), "full": math.log(1.5)}
STEPS = {0.5: 1.0, 1.0: 0.05}  # of f = m^{−β} Σ_j, times m^{2β−1}, which undoes the scale of the kernel


def losses(*, seed: int, m: int, beta: float, n: int, d: int, steps: int, labels: str = "teacher") -> Arrays:
    """`relative_losses` of f = m^{−β} Σ_j a_j max(b_j·x, 0); the data depend on ``seed`` alone, the start on m too."""
    data, weights = np.random.default_rng(seed).spawn(2)
    problem = make_problem(data, n=n, d=d, labels=labels, size=100 * math.sqrt(d / 100))
    step = STEPS[beta] * m ** (2 * beta - 1)
    run = train(problem, gaussian_start(weights, m, d), step=step, steps=steps, scale=m**-beta)
    return relative_losses(run, problem)


def collect(run: Run, widths: Sequence[int], seeds: int, **setting: str) -> dict[str, np.ndarray]:
    """`losses` of every seed at every width for both scalings, (2, seeds, widths)."""
    first, title = run.seed << 16, "width-generalization"
    cells = [
        {"seed": first + s, "m": m, "beta": beta, **SIZES[run.tier], **setting}
        for beta in STEPS
        for s in range(seeds)
        for m in widths
    ]
    found = run.sweep.run(losses, cells, title)
    return {key: np.reshape([one[key] for one in found], (len(STEPS), seeds, len(widths))) for key in found[0]}


def check(run: Run) -> Findings:
    """Log ratio of the test losses at the largest width."""
    m, judged = LARGEST[run.tier], []
    for name, seeds, setting in (("teacher", SEEDS, {}), ("random labels", CONTROL_SEEDS, {"labels": "random"})):
        lazy, other = np.log(collect(run, (m,), seeds[run.tier], **setting)["end"][..., 0])
        judged.append(paired_gap(f"m = {m} · {name}", lazy - other, threshold=THRESHOLDS[run.tier]))
    return Findings(judged[:1], judged[1:])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="width-generalization",
    source="Section 3.1 and Figure 2a of arXiv:1812.07956, an experiment",
    statement=(
        "a wide two-layer relu network, N(0, 1) weights, generalises worse with the lazy scaling 1/√m than with 1/m: at the "
        "largest width its test loss on a teacher with three neurons is larger"
    ),
    assumptions=(
        "inputs on the sphere, teacher times 100√(d/100), weights not paired, full-batch steps 1 for 1/√m and 0.05m for 1/m; "
        "quick m = 128, n = 150, d = 20, 800 steps, standard m = 256, n = 200, d = 30, 3,000 steps, full m = 512, n = 1,000, "
        "d = 100, 25,000 steps"
    ),
    predicted="ratio of the test losses at the largest width above 1.25 (quick), 1.5 (standard, full)",
    judge=(
        "log of the ratio, one a seed with the same data, teacher and weights on both sides: lower end of the t interval above "
        "the threshold; 16 (quick), 12, 10 seeds. Slopes in m are not judged: they are too noisy"
    ),
    control="labels that are noise",
    figure="width_population",
    check=check,
)
