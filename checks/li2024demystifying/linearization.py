"""linearization: how far a wide network in training leaves the flow of its linearisation at initialisation."""

from collections.abc import Iterator

import numpy as np

from checks.claim import Claim, Findings, Run
from checks.inequality import worst_case
from checks.li2024demystifying import kernel_stability
from checks.li2024demystifying.kernel_stability import CASES, axes, measure_paired
from checks.li2024demystifying.trainings import SHARE, limits, title
from checks.verdict import Evidence
from theory.lazy_bounds import linearization_bound


def bound_parts(run: Run) -> Iterator[Evidence]:
    """sup_t max_i |f_t − f_t^lin| against its explicit bound, the worst run."""
    for case in CASES[run.tier]:
        design, found = measure_paired(run, case)
        K, y = limits(design["data"], design["activation"], 1)
        lam, loss = np.linalg.eigvalsh(K.sum(axis=0))[0], 0.5 * (y @ y) / len(y)
        bound = linearization_bound(len(y), lam, loss, 1.0) * found["scaled"]
        change = SHARE * found["outputs"] / bound  # the tolerance is this share of the distance
        holds = ~(found["least"] < lam / 2)
        yield worst_case(f"explicit bound · paired · {title(design)}", found["outputs"], bound, change, holds=holds)


def check(run: Run) -> Findings:
    """Exponents and the explicit bound, with the controls."""
    pairs = list(axes(run, "outputs"))
    parts = [part for part, _ in pairs if part] + list(bound_parts(run))
    return Findings(parts, [control for _, control in pairs if control])


CLAIM = Claim(
    paper="li2024demystifying",
    name="linearization",
    source="statement reconstructed; proof in docs/theory.md",
    statement=(
        "lin = sup_t max_i |f_t(x_i) − f_t^lin(x_i)|, centred, has the exponents of the kernel's change: A/κ² + Bξ/(κ√m) for "
        "smooth σ, B = 0 if f_0 = 0 by pairing, A/κ² + C/κ + Bξ/√(κm) for relu; lin ≤ (2/(eλ)) √(2nR(θ_0)) sup_t (m/κ²)‖G_t − "
        "G_0‖ while λ_min(G_t) ≥ (κ²/m)λ/2"
    ),
    assumptions=kernel_stability.CLAIM.assumptions,
    predicted=kernel_stability.CLAIM.predicted,
    judge=(
        "f_t^lin in closed form with G_0; the designs of kernel-stability. For smooth σ the flow is followed again until its "
        "tolerance is a fiftieth of the distance found; for relu the distance is known to a few per cent, the same for all κ"
    ),
    control=kernel_stability.CLAIM.control,
    figure="kernel_stability",
    check=check,
)
