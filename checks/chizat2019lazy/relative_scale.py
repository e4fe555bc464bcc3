"""relative-scale: κ_{αh}(w_0) governs how far the predictions are from those of the linearised model."""

from collections.abc import Iterator

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Curves, LocalSlope, Sides
from checks.measurements.horizon_distances import along_scales, at_small_scales, changes_along_scales, first_changes
from checks.measurements.scaled_models import KINDS, LOSSES

HORIZONS = {"quick": (0.01, 1.0), "standard": (0.01, 1.0, 10.0), "full": (0.01, 0.1, 1.0, 10.0)}
DRAWS = {"quick": 1, "standard": 3, "full": 64}
SWEEP = {"rtols": [1e-8, 1e-9], "sizes": [10.0 ** (k / 2) for k in range(6, 10)]}
# whose term of first order nearly vanishes in some draws, where later ones and rounding are seen
NEURON = {"rtols": [1e-10, 1e-11], "sizes": [10.0 ** (k / 2) for k in range(7, 11)]}
# neither is a small difference of two flows
CHANGES = {"rtols": [1e-4, 1e-5], "sizes": SWEEP["sizes"]}
FAR = {"rtols": [1e-5, 1e-6], "sizes": SWEEP["sizes"], "centred": False}
# beyond the largest α rounding of αh is seen
PAIRED = {"rtols": [1e-10, 1e-11], "sizes": [10.0 ** (k / 2) for k in range(3, 7)]}
UNPAIRED = PAIRED | {"rtols": [1e-8, 1e-9]}  # whose flows are further apart


def horizons(tier: str) -> Iterator[Case]:
    """All kinds of models, h(w_0) = 0; and w + w²/2, for which the bound is sharp as K → 0."""
    for K in HORIZONS[tier]:
        yield Case(f"worst of all kinds · K = {K:g}", {"kinds": list(KINDS), "horizon": K}, DRAWS[tier])
    K = HORIZONS[tier][0]
    yield Case(f"w + w²/2 · K = {K:g}", {"kinds": ["one parameter"], "horizon": K}, 1)


def over_scale(case: dict, found: Arrays, share: float = 1.0) -> Sides:
    """Relative distance over κ, and ``share`` of K²."""
    return Sides(found["distance"], share * case["horizon"] ** 2, found["error"], found["resolved"])


def least(case: dict, found: Arrays) -> Sides:
    """The least of the relative distances over κ, and half of K²."""
    return Sides(found["distance"].min(), case["horizon"] ** 2 / 2)


def with_found(case: dict, found: Arrays, share: float = 1.0) -> Sides:
    """Relative distance over κ, and ``share`` of K² with the largest ‖D²h(w_0)[u, v]‖ found in place of its upper bound."""
    return Sides(found["distance"], share * found["found"] * case["horizon"] ** 2, found["error"], found["resolved"])


def losses(tier: str) -> Iterator[Case]:
    """All kinds of models and losses; and w + w²/2, for which the criterion is sharp."""
    for loss in LOSSES:
        yield Case(f"worst of all kinds · {loss}", {"kinds": list(KINDS), "loss": loss}, DRAWS[tier])
        yield Case(f"w + w²/2 · {loss}", {"kinds": ["one parameter"], "loss": loss}, 1)


def changing(tier: str, centred: bool = True) -> Iterator[Case]:
    """Losses that are not quadratic, along α."""
    for loss in LOSSES[1:]:
        for kind in KINDS[::3] if tier == "quick" else KINDS:
            config = {"kind": kind, "loss": loss, "centred": centred, **CHANGES}
            yield Case(f"{kind} · {loss}", config, 1)


def against_criterion(case: dict, found: Arrays) -> Curves:
    """Relative change of Dh against the criterion."""
    return Curves(found["slope"], found["criterion"][0], found["error"])


def sweeps(tier: str) -> Iterator[Case]:
    """One kind of model along α, h(w_0) = 0, and units in pairs of opposite sign."""
    for kind in KINDS:
        yield Case(kind, (NEURON if kind == "neuron" else SWEEP) | {"kind": kind}, DRAWS[tier])
    yield from pairs(tier)


def pairs(tier: str, paired: bool = True) -> Iterator[Case]:
    """Units in pairs of opposite sign, or not."""
    for kind in ("inner weights", "two layers"):
        config = (PAIRED if paired else UNPAIRED) | {"kind": kind, "paired": paired}
        yield Case(f"{kind} · paired", config, DRAWS[tier])


def plateaus(tier: str) -> Iterator[Case]:
    """Along α where h(w_0) ≠ 0, in units of κ_h(w_0)."""
    for kind in KINDS:
        for quantity in ("distance", "scale"):
            yield Case(f"{quantity} · {kind}", FAR | {"kind": kind}, 1, select={"quantity": quantity})


def against_relative_scale(case: dict, found: Arrays) -> Curves:
    """Relative distance against κ, the same for all draws up to rounding."""
    return Curves(found["distance"], found["scale"][0], found["error"])


def against_scale(case: dict, found: Arrays) -> Curves:
    """Relative distance, or κ, which no flow enters, against α."""
    return Curves(found[case["quantity"]], case["sizes"], found["error"] if case["quantity"] == "distance" else 0.0)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="relative-scale",
    source="Section 1.2 of arXiv:1812.07956, made precise by the limit of its Theorem 2.3; proof in docs/theory.md",
    summary="for h(w_0) = 0, α → ∞ the relative distance to the linearised predictions is at most K²κ_{αh}(w_0)",
    statement=(
        "κ_{αh}(w_0) = (1/α)‖αh(w_0) − y⋆‖‖D²h(w_0)‖/‖Dh(w_0)‖²; if h(w_0) = 0, T = K/‖Dh(w_0)‖² and α → ∞, "
        "limsup (‖y(T) − ȳ(T)‖/‖αh(w_0) − y⋆‖)/κ_{αh}(w_0) ≤ K², and for a fixed model the distance is in general "
        "asymptotically proportional to κ, to κ² for paired units, whose first-order term vanishes. For any loss the "
        "relative change of Dh is "
        "at first at most F‖D²h‖/(‖∇F‖‖Dh‖) times that of F"
    ),
    assumptions=(
        "h twice, for κ² three times, continuously differentiable, Dh(w_0), D²h(w_0), y⋆ and, for any loss, F(w_0) and ∇F(w_0) "
        "not 0; for the distance the square loss and h(w_0) = 0"
    ),
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
        Part(
            letter="c",
            says="lim sup‖y − ȳ‖/(‖y⋆‖κ) against K², κ with the largest ‖D²h(w_0)[u, v]‖ found by alternating maximisation",
            status="measured",
            cases=horizons,
            cell=at_small_scales,
            cells_of="a",
            read=with_found,
            judge=AtMost(),
            controls=(
                Control(
                    "K²κ/2, the curvature of h along the linearised path alone",
                    read=lambda case, found: with_found(case, found, 0.5),
                    when=lambda case: case["kinds"] == ["one parameter"],
                ),
            ),
            why="certain are a lower bound of ‖D²h(w_0)‖, this one, and an upper one, that of (a); the norm itself is between",
        ),
        Part(
            letter="d",
            says="relative change of Dh over that of F, as F begins to fall, against F‖D²h‖/(‖∇F‖‖Dh‖) at w_0, any loss",
            status="proved",
            cases=losses,
            cell=first_changes,
            read=lambda case, found: Sides(found["ratio"], 1.0, found["error"]),
            judge=AtMost(),
            controls=(
                Control(
                    "κ_{αh}(w_0)/2, the criterion of the square loss, for another",
                    read=lambda case, found: Sides(found["square"], 1.0, found["error"]),
                    when=lambda case: case["kinds"] == ["one parameter"] and case["loss"] == "soft far",
                ),
            ),
            why="‖D²h(w_0)‖ ≤ the smaller norm of two unfoldings; the error is the change from ten times the time",
        ),
        Part(
            letter="e",
            says="relative change of Dh up to T = 1/‖Dh(w_0)‖² against F‖D²h‖/(‖∇F‖‖Dh‖) at w_0 as α grows",
            status="derived",
            cases=changing,
            cell=changes_along_scales,
            read=against_criterion,
            judge=LocalSlope(1.0),
            controls=(
                Control(
                    "h(w_0) ≠ 0: Dh moves ever less as α grows",
                    cases=lambda tier: changing(tier, False),
                    read=lambda case, found: Curves(found["slope"], case["sizes"], found["error"]),
                    judge=LocalSlope(-1.0),
                ),
            ),
            why=(
                "with h(w_0) = 0 the criterion is a multiple of 1/α, so that this says slope −1 in α; its constant is (d)'s; "
                "from h(w_0) ≠ 0 both reach a plateau"
            ),
        ),
    ),
)
