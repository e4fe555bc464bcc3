"""stability-lemma: y' = −Σ(t)∇R(y) stays close to the flow with Σ(0), for all times."""

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Sides
from checks.measurements.kernel_paths import scalar_stability, stability_along_random_paths
from checks.measurements.scaled_models import LOSSES

DRAWS = {"quick": 4, "standard": 12, "full": 100}
STARTS = {"quick": [10.0, 1e3], "standard": [10.0, 1e2, 1e3, 1e4], "full": [10.0, 1e2, 1e3, 1e4, 1e6]}


def paths(tier: str) -> list[Case]:
    """Random Σ(t), one case a loss."""
    return [Case(loss, {"loss": loss}, DRAWS[tier], chunk=4) for loss in LOSSES]


def scalars(tier: str) -> list[Case]:
    """Σ(t) = λ + K/(μy) in one dimension."""
    options = {"K": 1.0, "starts": STARTS[tier]}
    return [Case(f"λ = {lam:g}, μ = {mu:g}", {**options, "lam": lam, "mu": mu}) for lam, mu in ((1.0, 1.0), (0.1, 2.0))]


def share(case: dict, found: Arrays) -> Sides:
    """sup ‖y − ȳ‖ over its bound."""
    return Sides(found["share"], 1.0, found.get("error", 0.0))


def attained(case: dict, found: Arrays) -> Sides:
    """That share and what the equations give in closed form, less 10⁻⁵ for the end and the tolerance."""
    s = np.array(case["starts"])
    return Sides(found["share"], (1 - 1e-5) * s / (1 + s), found["error"])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="stability-lemma",
    source="Lemma B.2 of arXiv:1812.07956; proof in docs/theory.md",
    summary="flows with Σ(t) and with Σ(0) stay K‖Σ(0)‖^{1/2}/(λ^{3/2}μ) close for all times",
    statement=(
        "y' = −Σ(t)∇R(y), ȳ' = −Σ(0)∇R(ȳ) from the same start, Σ(0) ⪰ λ > 0: ‖y − ȳ‖ ≤ K‖Σ(0)‖^{1/2}/(λ^{3/2}μ) for all t, K "
        "= sup‖(Σ(t) − Σ(0))∇R(y(t))‖"
    ),
    assumptions="R μ-strongly convex, Σ(t) symmetric, piecewise continuous",
    figure="lazy_tightness",
    parts=(
        Part(
            "a",
            "sup_t ‖y − ȳ‖ over its bound, random Σ(t)",
            "proved",
            paths,
            stability_along_random_paths,
            share,
            AtMost(),
        ),
        Part(
            letter="b",
            says="the same for Σ(t) = λ + K/(μy) in one dimension, y(0) = sK/(λμ), both flows integrated until y vanishes",
            status="proved",
            cases=scalars,
            cell=scalar_stability,
            read=share,
            judge=AtMost(),
            controls=(
                Control(
                    "half of K in the bound",
                    read=lambda case, found: Sides(2 * found["share"], 1.0, 2 * found["error"]),
                ),
            ),
            why="attains the bound as s → ∞",
        ),
        Part(
            letter="c",
            says="that share, at least s/(1 + s) up to one part in 10⁵: no smaller constant will do",
            status="proved",
            cases=scalars,
            cell=scalar_stability,
            cells_of="b",
            read=attained,
            judge=AtLeast(),
            controls=(
                Control(
                    "the distance falls with the start, 1/(1 + s)",
                    read=lambda case, found: Sides(1 / (1 + np.array(case["starts"])), found["share"], found["error"]),
                ),
            ),
        ),
    ),
)
