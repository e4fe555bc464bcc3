"""generalization: what holds for the training predictions holds at every test point."""

import itertools
from collections.abc import Iterator

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Curves, LocalSlope, Sides
from checks.measurements.held_out import gaps_along_scales, gaps_at_each_point
from theory.width_bounds import prediction_bound

BOUNDED = ("quadratic", "curved directions", "inner weights", "two layers", "neuron")
LOSSES = {"quick": ("square",), "standard": ("square", "soft far"), "full": ("square", "soft far", "soft near")}
BOUND_DRAWS, DRAWS = {"quick": 2, "standard": 5, "full": 64}, {"quick": 1, "standard": 2, "full": 8}
SMALL = [0.5, 2.0, 8.0]  # α where the curvature is felt most
ROUNDING = 1e-6  # of a distance of two predictions αf of order one, relative to the least such distance
SWEEP = {"rtols": [1e-8, 1e-9], "alphas": [10.0 ** (k / 2) for k in range(6, 10)]}
UNSCALED = SWEEP | {"rtols": [1e-5, 1e-6], "scaled": False}  # not lazy: the flows are far apart
SOFT = {"rtols": [1e-7, 1e-8]}  # losses that are not quadratic take short steps anyway
# 178 to 1778: below, the term after the leading one is seen in one draw of some hundred, above, rounding of αh
PAIRED = {"rtols": [1e-9, 1e-10], "alphas": [10.0 ** (9 / 4 + k / 3) for k in range(4)]}
UNPAIRED = PAIRED | {"rtols": [1e-7, 1e-8]}  # whose flows are further apart
MODELS = {
    "quick": (("quadratic", "square"), ("two layers", "square")),
    "standard": (
        ("quadratic", "square"),
        ("curved directions", "square"),
        ("inner weights", "square"),
        ("two layers", "square"),
        ("network", "square"),
        ("quadratic", "soft far"),
        ("two layers", "soft near"),
    ),
}
MODELS["full"] = MODELS["standard"]


def points(tier: str) -> Iterator[Case]:
    """Models whose test points have known curvatures."""
    for kind, loss in itertools.product(BOUNDED, LOSSES[tier]):
        yield Case(f"{kind} · {loss}", {"kind": kind, "loss": loss, "alphas": SMALL}, BOUND_DRAWS[tier])


def sweeps(tier: str) -> Iterator[Case]:
    """Along α, h(w_0) = 0, and units in pairs of opposite sign."""
    for kind, loss in MODELS[tier]:
        own = {} if loss == "square" else SOFT
        yield Case(f"{kind} · {loss}", SWEEP | own | {"kind": kind, "loss": loss}, DRAWS[tier])
    yield from pairs(tier)


def pairs(tier: str, paired: bool = True) -> Iterator[Case]:
    """Units in pairs of opposite sign, or not."""
    kinds = [("inner weights", "square"), ("two layers", "square"), ("inner weights", "soft far")]
    for kind, loss in kinds[: 2 if tier == "quick" else 3]:
        config = (PAIRED if paired else UNPAIRED) | {"kind": kind, "loss": loss, "paired": paired}
        yield Case(f"{kind} · {loss} · paired", config, DRAWS[tier])


def bounded(case: dict, found: Arrays) -> Sides:
    """Every distance and its bound."""
    constants = (found[key] for key in ("slope", "curvature", "path", "drift"))
    return Sides(found["gap"], np.vectorize(prediction_bound)(np.reshape(case["alphas"], (-1, 1, 1)), *constants))


def attained(case: dict, found: Arrays) -> Sides:
    """By how much the distance at the worst test point misses its bound, relative, and rounding."""
    alpha, path, drift = ends(case, found)
    return Sides(np.abs(1 - found["worst"] / np.vectorize(prediction_bound)(alpha, 1.0, 1.0, path, drift)), ROUNDING)


def ends(case: dict, found: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """α, and path and drift at the end of the horizon."""
    return np.array(case["alphas"]), found["path"][..., -1, 0], found["drift"][..., -1, 0]


def by_path(case: dict, found: Arrays) -> Sides:
    """The bound without the term of the drift."""
    alpha, path, _ = ends(case, found)
    return Sides(found["worst"], alpha * path, ROUNDING * found["worst"])


def by_drift(case: dict, found: Arrays) -> Sides:
    """The bound without the term of the path."""
    alpha, _, drift = ends(case, found)
    return Sides(found["worst"], alpha / 2 * drift**2, ROUNDING * found["worst"])


def against_scale(case: dict, found: Arrays) -> Curves:
    """The largest distance against α."""
    return Curves(found["distance"], case["alphas"], found["error"])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="generalization",
    source="Proposition A.1 of arXiv:1812.07956; proof in docs/theory.md",
    summary="test predictions differ by at most αM_1‖w_α − w̄_α‖ + (α/2)M_2‖w_α − w_0‖²",
    statement=(
        "sup_x|αf(w_α)(x) − αf̄(w̄_α)(x)| ≤ αM_1‖w_α − w̄_α‖ + (α/2)M_2‖w_α − w_0‖²: lazy on the training set is lazy at test "
        "points; exponent −1 in α for h(w_0) = 0, −2 for paired units, unless the coefficients vanish. The bound holds for any "
        "two points, the exponents are those of training"
    ),
    assumptions=(
        "M_1 = sup_x‖∇f(w_0)(x)‖ and M_2 = sup_x Lip ∇f(·)(x) finite; for the exponents h(w_0) = 0, a fixed horizon "
        "and two derivatives, three for −2"
    ),
    figure="lazy_distance",
    uses=("chizat2019lazy/general-lazy",),
    parts=(
        Part(
            letter="a",
            says="|αf(w_α)(x) − αf̄(w̄_α)(x)| at drawn test points against its bound, that of Taylor",
            status="proved",
            cases=points,
            cell=gaps_at_each_point,
            read=bounded,
            judge=AtMost(),
            why="a Taylor inequality, for any two points w_α and w̄_α; what it says of training are the exponents of (c)",
        ),
        Part(
            letter="b",
            says="|αf(w_α)(x) − αf̄(w̄_α)(x)| at the worst test point: its relative distance to the bound, against rounding",
            status="proved",
            cases=points,
            cell=gaps_at_each_point,
            cells_of="a",
            read=attained,
            judge=AtMost(),
            controls=(
                Control("a bound without the term of the drift", read=by_path),
                Control("a bound without the term of the path", read=by_drift),
            ),
            why=(
                "∇f(w_0)(x) along w_α − w̄_α, curved along w_α − w_0 alone: an identity for any two points, which shows that "
                "the constants are sharp and says nothing of training"
            ),
        ),
        Part(
            letter="c",
            says="sup_{t, x}|αf(w_α)(x) − αf̄(w̄_α)(x)| up to 20/‖Dh(w_0)‖² against α",
            status="derived",
            cases=sweeps,
            cell=gaps_along_scales,
            read=against_scale,
            judge=lambda case: LocalSlope(-2.0 if case.get("paired") else -1.0),
            controls=(
                Control(
                    "α = 1 and the loss times α²",
                    cases=lambda tier: [Case("quadratic", UNSCALED | {"kind": "quadratic"}, 1)],
                ),
                Control("units that are not paired", cases=lambda tier: pairs(tier, False), judge=LocalSlope(-2.0)),
            ),
        ),
    ),
)
