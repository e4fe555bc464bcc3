"""over-parameterized: beyond an explicit scale the flow converges at an explicit rate, close to its linearisation."""

import itertools
from collections.abc import Iterator

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Curves, Draws, LocalSlope, Ratio, Sides
from checks.measurements.convergence import (
    CONSTANTS,
    STUCK,
    convergence,
    distances_for_all_times,
    late_convergence,
    least_on_sphere,
    stuck,
)
from checks.measurements.scaled_models import LOSSES, QUANTITIES
from theory.convergence_bounds import convergence_drift_bound, convergence_prediction_bound, convergence_rate
from theory.scaled_bounds import EXPONENTS

KINDS = ("quadratic", "curved directions", "inner weights", "two layers", "factorization")
BOUND_KINDS = {"quick": ("quadratic", "factorization"), "standard": KINDS, "full": KINDS}
FACTORS = {"quick": [1.001], "standard": [1.001, 5.0], "full": [1.001, 3.0, 10.0, 100.0]}  # in thresholds
DRAWS = {"quick": 1, "standard": 2, "full": 20}
LATE_KINDS = ["quadratic", "curved directions", "factorization"]
LATE_DRAWS = {"quick": 6, "standard": 9, "full": 60}
SLOPE_CASES = {
    "quick": (("quadratic", "square"), ("factorization", "square")),
    "standard": (*itertools.product(KINDS, ("square",)), ("factorization", "soft far"), ("factorization", "soft near")),
}
SLOPE_CASES["full"] = SLOPE_CASES["standard"]
SIZES = [10 ** (k / 2) for k in range(3, 9)]
RTOLS = [1e-9, 1e-10]
SHORT = [1e-7, 1e-8]  # for flows far apart, and losses that are not quadratic, which take short steps anyway
SHARES = {"quick": (0.5, 0.99), "standard": (0.1, 0.5, 0.9, 0.99), "full": (0.1, 0.5, 0.9, 0.99)}
STUCK_OUTPUTS = {"quick": (3,), "standard": (1, 3), "full": (1, 3)}

BOUNDS = {
    "drift": (convergence_drift_bound, ("norm", "sigma", "targets", "alpha")),
    "predictions": (convergence_prediction_bound, ("norm", "sigma", "lipschitz", "targets", "alpha")),
}


def scales(tier: str) -> Iterator[Case]:
    """Drawn models beyond the threshold, with h(w_0) = 0 and with the largest ‖h(w_0)‖ = C_0."""
    for kind, loss in itertools.product(BOUND_KINDS[tier], LOSSES):
        config = {"kind": kind, "loss": loss, "factors": FACTORS[tier], "offsets": [0.0, 1.0]}
        yield Case(f"{kind} · {loss}", config, DRAWS[tier])


def rate(case: dict, found: Arrays) -> Sides:
    """min_t ln(√c‖e_0‖/‖e_t‖)/t and μσ²/4, where α and h(w_0) meet the hypotheses."""
    mu, holds = CONSTANTS[case["loss"]][0], found["alpha"] > found["targets"] / found["scale"]
    bound = np.vectorize(convergence_rate)(mu, found["sigma"])
    return Sides(found["rate"], bound, found["rate error"], holds & (np.array(case["offsets"]) <= 1))


def suprema(tier: str) -> Iterator[Case]:
    """Drift and distance of the predictions in the models of `scales`."""
    for case, quantity in itertools.product(scales(tier), BOUNDS):
        yield Case(f"{quantity} · {case.name}", case.config, case.draws, select={"quantity": quantity})


def bounded(case: dict, found: Arrays) -> Sides:
    """A supremum and its bound where h(w_0) = 0, the first of the offsets."""
    mu, smooth, _ = CONSTANTS[case["loss"]]
    own, (bound, names) = {name: values[..., 0] for name, values in found.items()}, BOUNDS[case["quantity"]]
    limits = np.vectorize(bound)(smooth / mu, *(own[name] for name in names))
    holds = own["alpha"] > own["targets"] / own["scale"]
    return Sides(own[case["quantity"]], limits, own[f"{case['quantity']} error"], holds)


def below(tier: str) -> Iterator[Case]:
    """Below the scale that a map needs."""
    for name, share, outputs in itertools.product(STUCK, SHARES[tier], STUCK_OUTPUTS[tier]):
        yield Case(
            f"{name} · α = {share * STUCK[name]:g}y⋆ · N = {outputs}",
            {"name": name, "share": share, "outputs": outputs},
        )


def neurons(tier: str) -> Iterator[Case]:
    """Fewer parameters than outputs, followed for longer, since the part of the targets that is fitted may be large."""
    config = {"kind": "neuron", "loss": "square", "factors": FACTORS[tier], "offsets": [0.0], "decays": 40.0}
    yield Case("neuron · square", config, DRAWS[tier])


def late(tier: str) -> Iterator[Case]:
    """Targets along the slowest mode, the kernel within 1 % of its start."""
    for loss in LOSSES:
        yield Case(loss, {"kinds": LATE_KINDS, "loss": loss, "factor": 30.0}, LATE_DRAWS[tier], chunk=3)


def late_rate(case: dict, found: Arrays, curvature: int = 2) -> Draws:
    """The late rate over σ² times the curvature at the target, or over σ² times another of the constants of the loss."""
    return Draws(found["late"] / (CONSTANTS[case["loss"]][curvature] * found["sigma"] ** 2))


def guaranteed(case: dict, found: Arrays) -> Draws:
    """The late rate over the bound of the rate."""
    return Draws(found["late"] / np.vectorize(convergence_rate)(CONSTANTS[case["loss"]][0], found["sigma"]))


def all_times(tier: str, *, growing: bool = False) -> Iterator[Case]:
    """Suprema over all times along α, in units of ‖y⋆‖l/σ²; ``growing`` in quick of the first model alone."""
    chosen = SLOPE_CASES[tier][:1] if growing and tier == "quick" else SLOPE_CASES[tier]
    for (kind, loss), quantity in itertools.product(chosen, QUANTITIES):
        rtols = RTOLS if loss == "square" and not growing else SHORT
        config = {"kind": kind, "loss": loss, "sizes": SIZES, "rtols": rtols, "growing": growing}
        if not growing or loss == "square":
            yield Case(f"{quantity} · {kind} · {loss}", config, 1, select={"quantity": quantity})


def against_scale(case: dict, found: Arrays) -> Curves:
    """A supremum against α."""
    return Curves(found[case["quantity"]], case["sizes"], found[f"{case['quantity']} error"])


def spheres(tier: str) -> Iterator[Case]:
    """Points at distance r_0."""
    return (Case(kind, {"kind": kind}, DRAWS[tier]) for kind in (*KINDS, "parabola"))


def within_radius(case: dict, found: Arrays, share: float = 0.25) -> Sides:
    """λ_min(Dh(w)Dh(w)ᵀ) and a ``share`` of σ²."""
    return Sides(found["least"], share * found["sigma"] ** 2)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="over-parameterized",
    source="Theorem 2.4 of arXiv:1812.07956; proof in docs/theory.md",
    summary="σ > 0, α > ‖y⋆‖/C_0: ‖y − y⋆‖ ≤ √c‖y(0) − y⋆‖e^{−μσ²t/4}, drift and predictions of order 1/α",
    statement=(
        "R M-smooth and μ-strongly convex, c = M/μ, σ = σ_min(Dh(w_0)ᵀ) > 0, ‖h(w_0)‖ ≤ C_0 and α > ‖y⋆‖/C_0: ‖y − y⋆‖ ≤ √c "
        "‖y(0) − y⋆‖e^{−μσ²t/4}; if h(w_0) = 0, sup‖w_α − w_0‖ ≤ 6c^{3/2}‖Dh‖‖y⋆‖/(ασ²), sup‖y − ȳ‖ = O(1/α), sup‖w_α − w̄_α‖ "
        "= O(log α/α²)"
    ),
    assumptions=(
        "Dh Lipschitz with constant l on the ball of radius r; r_0 = min(r, σ/(2l)), C_0 = σ²r_0/(16c^{3/2}‖Dh‖); at "
        "least as many parameters as outputs. Here 2rl(r) = σ, which makes r_0 largest"
    ),
    figure="lazy_tightness",
    uses=("chizat2019lazy/decay-lemma", "chizat2019lazy/stability-lemma"),
    parts=(
        Part(
            letter="a",
            says="min_t ln(√c‖e_0‖/‖e_t‖)/t, e = y − y⋆, against μσ²/4",
            status="proved",
            cases=scales,
            cell=convergence,
            read=rate,
            judge=AtLeast(),
            controls=(
                Control(
                    "α below the scale that a map needs",
                    read=lambda case, found: Sides(found["rate"], convergence_rate(1.0, 1.0)),
                    cases=below,
                    cell=stuck,
                ),
                Control("a neuron, p < N, with its least singular value that is not 0", cases=neurons),
            ),
            why="flows are followed until rounding of αh shows",
        ),
        Part(
            letter="b",
            says="suprema against 6c^{3/2}‖Dh‖‖y⋆‖/(ασ²) (drift), 15c³‖Dh‖³l‖y⋆‖²/(ασ⁵) (predictions), h(w_0) = 0",
            status="proved",
            cases=suprema,
            cell=convergence,
            cells_of="a",
            read=bounded,
            judge=AtMost(),
            why="the paper has 8 and 20; both are far from tight, the second by orders of magnitude, see resolution",
        ),
        Part(
            letter="c",
            says="late rate along the slowest mode over σ² times the curvature at the target",
            status="derived",
            cases=late,
            cell=late_convergence,
            read=late_rate,
            judge=Ratio(1.0, 0.02),
            controls=(
                Control("the bound of the rate is the late rate", read=guaranteed),
                Control(
                    "M for the curvature at the target of R_−, μ for that of R_+",
                    read=lambda case, found: late_rate(case, found, 1 if case["loss"] == "soft near" else 0),
                    when=lambda case: case["loss"] != "square",
                ),
            ),
            why="the second half of the flow; its kernel then moves by less than half the margin",
        ),
        Part(
            letter="d",
            says="suprema over all times against α",
            status="derived",
            cases=all_times,
            cell=distances_for_all_times,
            read=against_scale,
            judge=lambda case: LocalSlope(EXPONENTS[case["quantity"]]),
            controls=(Control("targets that grow with α", cases=lambda tier: all_times(tier, growing=True)),),
            why="in these units corrections of relative order 1/α are below 1 %",
        ),
        Part(
            letter="e",
            says="λ_min(Dh(w)Dh(w)ᵀ) at distance r_0 against σ²/4",
            status="proved",
            cases=spheres,
            cell=least_on_sphere,
            read=within_radius,
            judge=AtLeast(),
            controls=(
                Control(
                    "λ_min, not its root, halves: σ²/2",
                    read=lambda case, found: within_radius(case, found, 0.5),
                    when=lambda case: case["kind"] == "parabola",
                ),
            ),
            why="the parabola attains σ²/4",
        ),
    ),
)
