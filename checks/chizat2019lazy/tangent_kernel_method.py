"""tangent-kernel-method: t → ∞, then α → ∞, is kernel regression with the tangent kernel at w_0."""

from collections.abc import Iterator

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Curves, LocalSlope, Sides
from checks.measurements.held_out import trained_limits

KINDS = {
    "quick": ("quadratic", "two layers"),
    "standard": ("quadratic", "curved directions", "inner weights", "two layers", "network"),
}
KINDS["full"] = KINDS["standard"]
DRAWS = {"quick": 4, "standard": 6, "full": 24}
CONDITION = 1e3
SWEEP = {"sizes": [10.0 ** (k / 2) for k in range(6, 10)], "tolerances": [2e-4, 2e-5]}
# below the first size the next term may show, beyond the last the rounding of the outputs
PAIRED = {"sizes": [10.0 ** (9 / 4 + k / 3) for k in range(4)], "tolerances": [2e-2, 2e-3], "paired": True}


def single(tier: str) -> Iterator[Case]:
    """Drawn models, α in units of √(y⋆ᵀK^{−1}y⋆)."""
    for kind in KINDS[tier]:
        yield Case(kind, SWEEP | {"kind": kind, "largest_condition": CONDITION}, DRAWS[tier])


def paired(tier: str) -> Iterator[Case]:
    """Units in pairs of opposite sign."""
    for kind in ("two layers",) if tier == "quick" else ("inner weights", "two layers"):
        yield Case(f"{kind} · paired", PAIRED | {"kind": kind, "largest_condition": CONDITION}, DRAWS[tier])


def both(tier: str) -> Iterator[Case]:
    """The models of `single` and of `paired`."""
    yield from single(tier)
    yield from paired(tier)


def exponent(case: dict) -> LocalSlope:
    """−1, and −2 for pairs."""
    return LocalSlope(-2.0 if case.get("paired") else -1.0)


def predictions(case: dict, found: Arrays, key: str = "predictions") -> Curves:
    """Distance of the predictions to kernel regression against α."""
    own = found["condition"] <= CONDITION
    return Curves(found[key][own], case["sizes"], found["predictions error"][own], int(np.count_nonzero(~own)))


def drift(case: dict, found: Arrays) -> Curves:
    """Root mean square over the models of the relative distance of α‖w_α(∞) − w_0‖ to its limit, against α."""
    own = found["condition"] <= CONDITION
    if not own.any():
        return Curves(np.empty((0, len(case["sizes"]))), case["sizes"], 0.0, len(own))
    size = np.sqrt(np.mean(found["drift"][own] ** 2, axis=0, keepdims=True))
    error, members = found["drift error"][own].max() / size[0, -1], int(own.sum())
    return Curves(size, case["sizes"], error, len(own) - members, members)


def close(case: dict, found: Arrays) -> Sides:
    """That distance at the largest α."""
    return Sides(found["drift"][:, -1], 1e-2, found["drift error"], found["condition"] <= CONDITION)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="tangent-kernel-method",
    source="Section 2.3 and the remarks after Theorem 2.4 of arXiv:1812.07956; proof in docs/theory.md",
    summary="t → ∞, then α → ∞: kernel regression with the tangent kernel at w_0, h(w_0) = 0, square loss",
    statement=(
        "for the square loss, h(w_0) = 0 and Σ(w_0) ≻ 0 the predictions αf(w_α(∞)) tend to kernel regression K(x, X)K^{−1}y⋆ "
        "and α‖w_α(∞) − w_0‖ to √(y⋆ᵀK^{−1}y⋆), K the tangent kernel at w_0; exponent −1 in α, −2 for paired units, "
        "unless the coefficients vanish"
    ),
    assumptions=(
        "h(w_0) = 0, f(w_0)(x) = 0, Σ(w_0) = Dh(w_0)Dh(w_0)ᵀ ≻ 0, here cond Σ(w_0) ≤ 10³; h and f(·)(x) with two continuous "
        "derivatives, three for −2, bounded over x; t → ∞ first, then α → ∞"
    ),
    figure="lazy_distance",
    parts=(
        Part(
            letter="a",
            says="sup_x|αf(w_α(∞))(x) − K(x, X)K^{−1}y⋆| against α, six test points",
            status="derived",
            cases=both,
            cell=trained_limits,
            read=predictions,
            judge=exponent,
            controls=(
                Control(
                    "the kernel of the output weights alone",
                    read=lambda case, found: predictions(case, found, "output layer"),
                    when=lambda case: case["kind"] == "two layers",
                ),
            ),
            why="O is proved; the flow is followed to a small loss and the rest is added in closed form",
        ),
        Part(
            letter="b",
            says="|α‖w_α(∞) − w_0‖/√(y⋆ᵀK^{−1}y⋆) − 1| against α, root mean square over the models",
            status="derived",
            cases=both,
            cell=trained_limits,
            cells_of="a",
            read=drift,
            judge=exponent,
            why="one signed number a model, whose first coefficient may be small by chance",
        ),
        Part(
            letter="c",
            says="|α‖w_α(∞) − w_0‖/√(y⋆ᵀK^{−1}y⋆) − 1| at the largest α",
            status="measured",
            cases=both,
            cell=trained_limits,
            cells_of="a",
            read=close,
            judge=AtMost(),
            why="every model by itself; that their mean tends to 0 is (b)",
        ),
    ),
)
