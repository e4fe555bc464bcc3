"""not-over-parameterization: the exponents of lazy training with fewer parameters than outputs."""

from collections.abc import Iterator, Sequence

import numpy as np

from checks.chizat2019lazy.general_lazy import (
    ALPHAS,
    EXPONENTS,
    FINE,
    HORIZON,
    RTOL,
    SEEDS,
    cell,
    judged_slope,
    measured,
)
from checks.chizat2019lazy.scaled_flows import distances, draw
from checks.claim import Claim, Findings, Run
from checks.sweep import Arrays
from checks.verdict import Evidence
from kernels.losses import SquareLoss
from kernels.model_flow import flow_and_linearised_flow

SMALL = ("neuron", "oscillator")
OUTPUTS = 12


def overdetermined(*, seed: int, outputs: int, alphas: Sequence[float], horizon: float, rtol: float) -> Arrays:
    """``drift``, ``path`` and ``predictions`` as in `distances`, for quadratic maps of 7 parameters to ``outputs`` numbers."""
    drawn = draw("quadratic", seed, outputs=outputs)
    times = np.linspace(0, horizon / np.linalg.norm(drawn.model.jacobian(drawn.start), 2) ** 2, 25)[1:]
    found = {key: np.full(len(alphas), np.nan) for key in EXPONENTS}
    for k, alpha in enumerate(alphas):
        true, linear = flow_and_linearised_flow(
            drawn.model, SquareLoss(drawn.targets), drawn.start, alpha=alpha, times=times, rtol=rtol
        )
        if min(len(true.times), len(linear.times)) == len(times):
            found["drift"][k] = np.linalg.norm(true.displacements, axis=1).max() / alpha
            found["path"][k] = np.linalg.norm(true.displacements - linear.displacements, axis=1).max() / alpha
            found["predictions"][k] = np.linalg.norm(true.outputs - linear.outputs, axis=1).max()
    return found


def sweeps(run: Run) -> Iterator[tuple[str, list[Arrays], list[Arrays], list[Arrays]]]:
    """For each kind the suprema along α, their changes when the tolerance is cut, and the suprema at α = 1, by seed."""
    seeds, alphas = [run.seed + s for s in range(SEEDS[run.tier])], ALPHAS[run.tier]
    for kind in SMALL:
        found, changes = measured(run, [cell(kind, seed, alphas) for seed in seeds], "not-over-parameterization")
        ones = run.sweep.run(distances, [cell(kind, seed, [1.0]) for seed in seeds], "not-over-parameterization, α = 1")
        yield kind, found, changes, ones
    calls = ((alphas, RTOL), (alphas[-1:], FINE), ([1.0], RTOL))
    cells = [
        {"seed": seed, "outputs": OUTPUTS, "alphas": own, "horizon": HORIZON, "rtol": rtol}
        for own, rtol in calls
        for seed in seeds
    ]
    results = run.sweep.run(overdetermined, cells, "not-over-parameterization, quadratic")
    found, fine, ones = (results[k * len(seeds) : (k + 1) * len(seeds)] for k in range(3))
    changes = [{key: abs(c[key][-1] / f[key][0] - 1) for key in EXPONENTS} for c, f in zip(found, fine, strict=True)]
    yield "quadratic", found, changes, ones


def check(run: Run) -> Findings:
    """The exponents, and as controls half of them and targets that grow with α."""
    parts, controls, alphas = [], [], ALPHAS[run.tier]
    for kind, found, changes, ones in sweeps(run):
        for key, exponent in EXPONENTS.items():
            rows, change = [f[key] for f in found], [c[key] for c in changes]
            fixed = [np.full(len(alphas), f[key][0]) for f in ones]
            name = f"{key} · {kind}"
            parts.append(judged_slope(name, alphas, rows, predicted=exponent, changes=change))
            controls += controls_of(name, alphas, rows, fixed, exponent)
    return Findings(parts, controls)


def controls_of(
    name: str, alphas: Sequence[float], rows: list[np.ndarray], fixed: list[np.ndarray], exponent: float
) -> list[Evidence]:
    """Half the exponent, and the exponent where targets αy* leave the flow of w that of α = 1."""
    return [
        judged_slope(f"half the exponent · {name}", alphas, rows, predicted=exponent / 2, control=True),
        judged_slope(f"α fixed at 1 · {name}", alphas, fixed, predicted=exponent, control=True),
    ]


CLAIM = Claim(
    paper="chizat2019lazy",
    name="not-over-parameterization",
    source="Theorem 2.2 of arXiv:1812.07956 and the remark after it; proof in docs/theory.md",
    statement=(
        "with fewer parameters than outputs, p < N, h(w_0) = 0 and a fixed horizon, sup‖w_α − w_0‖, sup‖w_α − w̄_α‖ and "
        "sup‖y − ȳ‖ are of order 1/α, 1/α² and 1/α"
    ),
    assumptions="h differentiable with locally Lipschitz Dh; nothing on the rank of Dh(w_0)",
    predicted="slopes −1, −2, −1 in α",
    judge=(
        "a neuron (p = 2, N = 4), a damped oscillator (p = 3, N = 4), quadratic maps (p = 7, N = 12); square loss, "
        "T = 1/‖Dh(w_0)‖², α and tolerances as in general-lazy, the worst of 1 (quick) or 2 seeds"
    ),
    control="half the exponents; targets that grow with α, whose flow stays that of α = 1",
    figure="oscillator",
    check=check,
)
