"""decay-lemma: y' = −Σ(t)∇R(y) with Σ(t) ⪰ λ decays at the rate μλ, up to the root of the condition number."""

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Sides
from checks.measurements.kernel_paths import decay_along_a_level_set, decay_along_random_paths
from checks.measurements.scaled_models import LOSSES

DRAWS = {"quick": 4, "standard": 12, "full": 100}
SPEEDS = {"quick": [1e2, 1e4, 1e6], "standard": [1e2, 1e3, 1e4, 1e5, 1e6], "full": [1e2, 1e4, 1e6, 1e8]}
CONDITIONS = {"quick": (4.0,), "standard": (4.0, 100.0), "full": (4.0, 100.0, 1e4)}


def paths(tier: str) -> list[Case]:
    """Random Σ(t), one case a loss."""
    return [Case(loss, {"loss": loss}, DRAWS[tier], chunk=4) for loss in LOSSES]


def level_sets(tier: str) -> list[Case]:
    """Motion along a level set, one case a condition number c = M/μ."""
    options = {"speeds": SPEEDS[tier], "lam": 1.0}
    return [Case(f"M/μ = {c:g}", {**options, "condition": c}) for c in CONDITIONS[tier]]


def share(case: dict, found: Arrays) -> Sides:
    """‖y(t) − y⋆‖ over its bound."""
    return Sides(found["share"], 1.0, found["error"])


def without_root(case: dict, found: Arrays) -> Sides:
    """The same for the bound without (M/μ)^{1/2}."""
    root = np.sqrt(case["condition"])
    return Sides(root * found["share"], 1.0, root * found["error"])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="decay-lemma",
    source="Lemma B.1 of arXiv:1812.07956; proof in docs/theory.md",
    summary="with Σ(t) ⪰ λ the error decays at the rate μλ, up to (M/μ)^{1/2}, the best constant",
    statement="y' = −Σ(t)∇R(y) with symmetric Σ(t) ⪰ λ > 0: ‖y(t) − y⋆‖ ≤ (M/μ)^{1/2} ‖y(0) − y⋆‖ e^{−μλt}",
    assumptions="R M-smooth and μ-strongly convex with minimiser y⋆; Σ piecewise continuous",
    figure="lazy_tightness",
    parts=(
        Part(
            "a",
            "sup_t ‖y(t) − y⋆‖ over its bound, random Σ(t)",
            "proved",
            paths,
            decay_along_random_paths,
            share,
            AtMost(),
        ),
        Part(
            letter="b",
            says="the same along a level set of ½yᵀdiag(1, M/μ)y, the worst speed β",
            status="proved",
            cases=level_sets,
            cell=decay_along_a_level_set,
            read=share,
            judge=AtMost(),
            controls=(Control("the bound without (M/μ)^{1/2}", read=without_root),),
            why="the bound is attained as β → ∞",
        ),
    ),
)
