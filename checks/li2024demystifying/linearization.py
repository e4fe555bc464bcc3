"""linearization: how far a wide network in training leaves the flow of its linearisation at initialisation."""

from functools import partial

from checks.claim import Arrays, Claim, Part
from checks.judges import AtMost, Sides
from checks.li2024demystifying import kernel_stability
from checks.measurements.trainings import SHARE, constants, deviations
from theory.lazy_bounds import linearization_bound


def below_bound(case: dict, found: Arrays) -> Sides:
    """sup_t max_i |f_t − f_t^lin| against its bound; the tolerance of the flow is a share of the distance."""
    n, lam, loss = constants(case)
    bound = linearization_bound(n, lam, loss, 1.0) * found["scaled"]
    return Sides(found["outputs"], bound, SHARE * found["outputs"], ~(found["least"] < lam / 2))


CLAIM = Claim(
    paper="li2024demystifying",
    name="linearization",
    source="statement reconstructed; proof in docs/theory.md",
    summary="the distance to the linearised network has the exponents of the kernel's change",
    statement=(
        "lin = sup_t max_i |f_t(x_i) − f_t^lin(x_i)|, centred, has the exponents of the kernel's change: A/κ² + Bξ/(κ√m) for "
        "smooth σ, B = 0 if f_0 = 0 by pairing, A/κ² + C/κ + Bξ/√(κm) for relu; lin ≤ (2/(eλ)) √(2nR(θ_0)) sup_t (m/κ²)‖G_t − "
        "G_0‖ while λ_min(G_t) ≥ (κ²/m)λ/2"
    ),
    assumptions=kernel_stability.CLAIM.assumptions,
    figure="kernel_stability",
    uses=("li2024demystifying/loss-decay", "li2024demystifying/kernel-stability"),
    parts=(
        *kernel_stability.exponents("outputs", "sup_t max_i |f_t − f_t^lin|"),
        Part(
            letter="e",
            says="sup_t max_i |f_t − f_t^lin| against (2/(eλ)) √(2nR(θ_0)) sup_t (m/κ²)‖G_t − G_0‖",
            status="proved",
            cases=partial(kernel_stability.scales, paired=True),
            cell=deviations,
            read=below_bound,
            judge=AtMost(),
            cells_of="a",
            why="f_t^lin in closed form with G_0; for relu the distance is known to a few per cent, the same for all κ",
        ),
    ),
)
