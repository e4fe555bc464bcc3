"""not-over-parameterization: the exponents of lazy training with fewer parameters than outputs."""

from collections.abc import Iterator, Sequence

import numpy as np

from checks.chizat2019lazy.general_lazy import ALPHAS, SEEDS, cell, measured
from checks.chizat2019lazy.scaled_flows import EXPONENTS, distances
from checks.claim import Claim, Findings, Run
from checks.deterministic_slope import worst_slope
from checks.running.sweep import Arrays
from checks.verdict import Evidence

KINDS = {"neuron": {}, "oscillator": {}, "quadratic": {"outputs": 12}}


def sweeps(run: Run) -> Iterator[tuple[str, list[Arrays], list[Arrays], list[Arrays]]]:
    """For each kind the suprema along α, their changes when the tolerance is cut, and the suprema at α = 1, by seed."""
    seeds, alphas = [run.seed + s for s in range(SEEDS[run.tier])], ALPHAS[run.tier]
    for kind, options in KINDS.items():
        found, changes = measured(run, [cell(kind, s, alphas, **options) for s in seeds], "not-over-parameterization")
        fixed = [cell(kind, s, [1.0], **options) for s in seeds]
        yield kind, found, changes, run.sweep.run(distances, fixed, "not-over-parameterization, α = 1")


def check(run: Run) -> Findings:
    """The exponents, and as controls half of them and targets that grow with α."""
    parts, controls, alphas = [], [], ALPHAS[run.tier]
    for kind, found, changes, ones in sweeps(run):
        for key, exponent in EXPONENTS.items():
            rows, change = [f[key] for f in found], [c[key] for c in changes]
            fixed = [np.full(len(alphas), f[key][0]) for f in ones]
            name = f"{key} · {kind}"
            parts.append(worst_slope(name, alphas, rows, predicted=exponent, changes=change))
            controls += controls_of(name, alphas, rows, fixed, exponent)
    return Findings(parts, controls)


def controls_of(
    name: str, alphas: Sequence[float], rows: list[np.ndarray], fixed: list[np.ndarray], exponent: float
) -> list[Evidence]:
    """Half the exponent, and the exponent where targets αy* leave the flow of w that of α = 1."""
    return [
        worst_slope(f"half the exponent · {name}", alphas, rows, predicted=exponent / 2, control=True),
        worst_slope(f"α fixed at 1 · {name}", alphas, fixed, predicted=exponent, control=True),
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
