"""linearization: how far a wide network in training leaves the flow of its linearisation at initialisation."""

from collections.abc import Iterator
from functools import partial

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Sides, Slope
from checks.li2024demystifying.kernel_stability import (
    CENTRED_SCALES,
    CENTRED_WIDTHS,
    NTK_WIDTHS,
    PAIRED_SCALES,
    PAIRED_WIDTH,
    WIDTH_SCALE,
    WIDTHS,
    against_scale,
    against_width,
    smooth,
)
from checks.measurements.data import THREE
from checks.measurements.trainings import DISTANCE_ERROR, constants, deviations
from theory.lazy_bounds import linearization_bound

LARGER = {"kind": "random", "n": 32, "d": 32}
FAR_SCALE = 4 * PAIRED_SCALES[-1]
# at m = 64 the fluctuation of the kernel is not small beside λ
DISTANCE_WIDTHS = WIDTHS | {1: [2**8, 2**10, 2**12]}
SETS = {"quick": THREE, "standard": (*THREE, LARGER), "full": (*THREE, LARGER)}


def paired(tier: str) -> Iterator[Case]:
    """κ at one width, neurons in pairs, one hidden layer."""
    return smooth(tier, 1, [[PAIRED_WIDTH, kappa] for kappa in PAIRED_SCALES], 5, SETS[tier], paired=True)


def far(tier: str) -> Iterator[Case]:
    """The same at one κ, so large that the square of the kernel's change over λ is far below the distance; on digits, of which
    two may be nearly alike, λ can be too small for any κ that is followed.
    """
    sets = [data for data in SETS[tier] if data["kind"] != "digits"]
    return smooth(tier, 1, [[PAIRED_WIDTH, FAR_SCALE]], 5, sets, paired=True)


def centred(tier: str) -> Iterator[Case]:
    """κ at one width; two hidden layers not at the quick tier."""
    for L in (1,) if tier == "quick" else (1, 2):
        pairs = [[CENTRED_WIDTHS[L], kappa] for kappa in CENTRED_SCALES]
        yield from smooth(tier, L, pairs, 6, SETS[tier], kernels=False)


def widths(tier: str) -> Iterator[Case]:
    """Widths at one κ, one data set for two hidden layers; not at the quick tier."""
    for L, sets in () if tier == "quick" else ((1, THREE), (2, THREE[:1])):
        yield from smooth(tier, L, [[m, WIDTH_SCALE] for m in DISTANCE_WIDTHS[L]], 16, sets, kernels=False)


def uncentred(tier: str) -> Iterator[Case]:
    """Widths at κ = √m, f_0 not subtracted; not at the quick tier."""
    sets = () if tier == "quick" else THREE
    return smooth(tier, 1, [[m, m**0.5] for m in NTK_WIDTHS[tier]], 24, sets, centred=False, kernels=False)


def below_bound(case: dict, found: Arrays) -> Sides:
    """sup_t max_i |f_t − f_t^lin| against its bound."""
    n, lam, loss = constants(case)
    bound = linearization_bound(n, lam, loss, 1.0) * found["scaled"]
    return Sides(found["outputs"], bound, DISTANCE_ERROR * found["outputs"], ~(found["least"] < lam / 2))


def second_order(case: dict, found: Arrays) -> Sides:
    """The same with the square of the kernel's change, over λ; the least that the distance can be."""
    n, lam, loss = constants(case)
    bound = linearization_bound(n, lam, loss, 1.0) * found["scaled"] ** 2 / lam
    return Sides((1 - DISTANCE_ERROR) * found["outputs"], bound)


OF_SCALE, OF_WIDTH = partial(against_scale, key="outputs"), partial(against_width, key="outputs")

CLAIM = Claim(
    paper="li2024demystifying",
    name="linearization",
    source="statement reconstructed; proof in docs/theory.md",
    summary="the distance to the linearised network has the exponents of the kernel's change",
    statement=(
        "lin = sup_t max_i |f_t(x_i) − f_t^lin(x_i)| has the exponents of the kernel's change for smooth σ: centred A/κ² + "
        "Bξ/(κ√m), B = 0 if f_0 = 0 by pairing, and 1/m at κ = √m where f_0 is not subtracted; "
        "lin ≤ (2/(eλ)) √(2nR(θ_0)) sup_t (m/κ²)‖G_t − G_0‖ while λ_min(G_t) ≥ (κ²/m)λ/2"
    ),
    assumptions=(
        "unit inputs, no two parallel, κ large; the expansion is judged on the axes κ and m, never along κ = m^γ, where its "
        "terms mix"
    ),
    figure="kernel_stability",
    uses=("li2024demystifying/loss-decay", "li2024demystifying/kernel-stability"),
    parts=(
        Part(
            letter="a",
            says="sup_t max_i |f_t − f_t^lin| against κ, paired neurons, f_0 = 0",
            status="derived",
            cases=paired,
            cell=deviations,
            read=OF_SCALE,
            judge=Slope(-2.0, 0.1),
            controls=(Control("first order in 1/κ, as without pairs", judge=Slope(-1.0, 0.1)),),
        ),
        Part(
            letter="b",
            says="sup_t max_i |f_t − f_t^lin| against κ, f_0 ≠ 0",
            status="derived",
            cases=centred,
            cell=deviations,
            read=OF_SCALE,
            judge=Slope(-1.0, 0.1),
            controls=(Control("second order in 1/κ, as with pairs", judge=Slope(-2.0, 0.1)),),
            why="κ is so large that the fluctuation at initialisation decides",
        ),
        Part(
            letter="c",
            says="sup_t max_i |f_t − f_t^lin| against m at large κ, f_0 ≠ 0",
            status="derived",
            cases=widths,
            cell=deviations,
            read=OF_WIDTH,
            judge=Slope(-0.5, 0.2),
            controls=(Control("a distance that does not fall with m", judge=Slope(0.0, 0.1)),),
            why="draws scatter, since one mode of the kernel decides; the margin is below half the distance to 0 and to −1",
        ),
        Part(
            letter="e",
            says="sup_t max_i |f_t − f_t^lin| against (2/(eλ)) √(2nR(θ_0)) sup_t (m/κ²)‖G_t − G_0‖",
            status="proved",
            cases=paired,
            cell=deviations,
            read=below_bound,
            judge=AtMost(),
            controls=(Control("of second order in the kernel's change, at a larger κ", read=second_order, cases=far),),
            cells_of="a",
            why="f_t^lin in closed form with G_0, so that a small difference of two accurate paths is measured",
        ),
        Part(
            letter="h",
            says="sup_t max_i |f_t − f_t^lin| against m at κ = √m, f_0 not subtracted",
            status="derived",
            cases=uncentred,
            cell=deviations,
            read=OF_WIDTH,
            judge=Slope(-1.0, 0.2),
            controls=(Control("m^{−1/2}, the order of the proved bounds at κ = √m", judge=Slope(-0.5, 0.2)),),
            why="Lee et al. (2019) prove −1/2, Dyer and Gur-Ari (2020) derive −1; the next order is m^{−1/2} of it",
        ),
    ),
)
