"""relative-scale: κ_{αh}(w_0) governs how far the predictions are from those of the linearised model."""

from collections.abc import Iterator

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Curves, LocalSlope, Sides
from checks.measurements.horizon_distances import along_scales, at_small_scales
from checks.measurements.scaled_models import KINDS

HORIZONS = {"quick": (0.01, 1.0), "standard": (0.01, 1.0, 10.0), "full": (0.01, 0.1, 1.0, 10.0)}
DRAWS = {"quick": 1, "standard": 3, "full": 64}
SWEEP = {"rtols": [1e-9, 1e-10], "sizes": [10.0 ** (k / 2) for k in range(6, 10)]}
FAR = {"rtols": [1e-6, 1e-8], "sizes": [10.0 ** (k / 2) for k in range(6, 10)], "centred": False}
# beyond the largest α rounding of αh is seen
PAIRED = {"rtols": [1e-10, 1e-11], "sizes": [10.0 ** (k / 2) for k in range(3, 7)]}


def horizons(tier: str) -> Iterator[Case]:
    """All kinds of models, h(w_0) = 0; and w + w²/2, for which the bound is sharp as K → 0."""
    for K in HORIZONS[tier]:
        yield Case(f"worst of all kinds · K = {K:g}", {"kinds": list(KINDS), "horizon": K}, DRAWS[tier])
    K = HORIZONS[tier][0]
    yield Case(f"w + w²/2 · K = {K:g}", {"kinds": ["one parameter"], "horizon": K}, 1)


def over_scale(case: dict, found: Arrays, share: float = 1.0) -> Sides:
    """Relative distance over κ, and ``share`` of K²."""
    return Sides(found["distance"], share * case["horizon"] ** 2, found["error"])


def least(case: dict, found: Arrays) -> Sides:
    """The least of the relative distances over κ, and half of K²."""
    return Sides(found["distance"].min(), case["horizon"] ** 2 / 2)


def sweeps(tier: str) -> Iterator[Case]:
    """One kind of model along α, h(w_0) = 0, and units in pairs of opposite sign."""
    yield from (Case(kind, SWEEP | {"kind": kind}, DRAWS[tier]) for kind in KINDS)
    yield from pairs(tier)


def pairs(tier: str, paired: bool = True) -> Iterator[Case]:
    """Units in pairs of opposite sign, or not."""
    for kind in ("inner weights", "two layers"):
        yield Case(f"{kind} · paired", PAIRED | {"kind": kind, "paired": paired}, DRAWS[tier])


def plateaus(tier: str) -> Iterator[Case]:
    """Along α where h(w_0) ≠ 0, in units of κ_h(w_0)."""
    for kind in KINDS:
        for quantity in ("distance", "scale"):
            yield Case(f"{quantity} · {kind}", FAR | {"kind": kind}, 1, select={"quantity": quantity})


def against_relative_scale(case: dict, found: Arrays) -> Curves:
    """Relative distance against κ, the same for all draws up to rounding."""
    return Curves(found["distance"], found["scale"][0], found["error"])


def against_scale(case: dict, found: Arrays) -> Curves:
    """Relative distance, or κ, against α."""
    return Curves(found[case["quantity"]], case["sizes"])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="relative-scale",
    source="Section 1.2 of arXiv:1812.07956, made precise by the limit of its Theorem 2.3; proof in docs/theory.md",
    summary="κ_{αh}(w_0) bounds the relative distance to the linearised predictions, K²κ up to T = K/‖Dh‖²",
    statement=(
        "κ_{αh}(w_0) = (1/α)‖αh(w_0) − y⋆‖‖D²h(w_0)‖/‖Dh(w_0)‖²; if h(w_0) = 0, T = K/‖Dh(w_0)‖² and α → ∞, "
        "limsup (‖y(T) − ȳ(T)‖/‖αh(w_0) − y⋆‖)/κ_{αh}(w_0) ≤ K², and for a fixed model the distance is proportional to κ"
    ),
    assumptions="square loss, h twice continuously differentiable, h(w_0) = 0 for (i) and (ii)",
    figure="lazy_distance",
    uses=("chizat2019lazy/general-lazy", "chizat2019lazy/finite-horizon"),
    parts=(
        Part(
            letter="a",
            says="lim sup‖y − ȳ‖/(‖y⋆‖κ) against K²",
            status="proved",
            cases=horizons,
            cell=at_small_scales,
            read=over_scale,
            judge=AtMost(),
            controls=(
                Control(
                    "at least half of K²κ, for all models",
                    read=least,
                    judge=AtLeast(),
                    when=lambda case: len(case["kinds"]) > 1,
                ),
                Control(
                    "K²κ/2, the curvature of h along the linearised path alone",
                    read=lambda case, found: over_scale(case, found, 0.5),
                    when=lambda case: case["kinds"] == ["one parameter"],
                ),
            ),
            why="‖D²h(w_0)‖ ≤ the smaller norm of two unfoldings; the error is the change from ten times the κ",
        ),
        Part(
            letter="b",
            says="sup‖y − ȳ‖/‖y⋆‖ up to T = 1/‖Dh(w_0)‖² against κ",
            status="derived",
            cases=sweeps,
            cell=along_scales,
            read=against_relative_scale,
            judge=lambda case: LocalSlope(2.0 if case.get("paired") else 1.0),
            controls=(
                Control("h(w_0) ≠ 0: both fall like 1/α", cases=plateaus, read=against_scale, judge=LocalSlope(-1.0)),
                Control("units that are not paired", cases=lambda tier: pairs(tier, False), judge=LocalSlope(2.0)),
            ),
            why="from h(w_0) ≠ 0 both reach a plateau",
        ),
    ),
)
