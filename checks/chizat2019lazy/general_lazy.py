"""general-lazy: on a fixed horizon drift, path and predictions approach those of the linearised model as α grows."""

import itertools
from collections.abc import Iterator

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Curves, LocalSlope, Sides
from checks.measurements.largest_drift import drifts
from checks.measurements.scaled_models import KINDS, LOSSES, QUANTITIES, distances
from theory.scaled_bounds import EXPONENTS, LINEAR_SHARE, largest_drift

SIZES = {
    tier: [10.0 ** (k / 2) for k in range(2 if tier == "full" else 7, 11)] for tier in ("quick", "standard", "full")
}
"""α in units of κ_h(w_0): κ_{αh}(w_0) is their inverse."""
DRAWS = {"quick": 1, "standard": 2, "full": 8}
HORIZONS = [1.0, 30.0, 300.0]
SWEEP = {"horizons": HORIZONS, "rtols": [1e-9, 1e-10]}
SHORT = {"sizes": [10.0 ** (3.5 + k / 3) for k in range(4)]}
OTHER = {
    "square": {},
    # losses that are not quadratic take short steps anyway
    "soft far": {"rtols": [1e-7, 1e-8]},
    "soft near": {"rtols": [1e-7, 1e-8]},
    # the tolerance of the solver is not adapted to the distance of the flows; below, the term after the leading one is large
    "rippled": SHORT,
}
TOLERANCES = {  # an error of the phase grows with the horizon; a saturated neuron's predictions are close together
    ("neuron", "square"): {"rtols": [1e-10, 1e-11]},
    ("oscillator", "square"): {"rtols": [1e-11, 1e-12]},
    **{("oscillator", loss): {"rtols": [3e-8, 3e-9]} for loss in LOSSES[1:]},
    ("oscillator", "rippled"): {"rtols": [3e-10, 3e-11]},
    # whose term after the leading one is large in some draws, and whose flows are exact enough
    ("quadratic", "rippled"): {"sizes": [10.0 ** (k / 2) for k in range(8, 12)]},
}
# not lazy: the flows are far apart
GROWING = {"horizons": [1.0], "rtols": [1e-5, 1e-6], "growing": True}
# beyond the largest α rounding of αh is seen
PAIRED = {"horizons": [1.0], "rtols": [1e-10, 1e-11], "sizes": [10.0 ** (k / 2) for k in range(3, 7)]}
UNPAIRED = PAIRED | {"rtols": [1e-8, 1e-9]}  # whose flows are further apart


def models(tier: str) -> list[tuple[str, str]]:
    """Convex losses and kinds; in quick a loss that is not quadratic, whose flows take ten times the steps, meets one kind.

    That is the last, whose flows must be the most exact; it meets no other loss there.
    """
    if tier == "quick":
        return [*itertools.product(LOSSES[:1], KINDS[:-1]), ("soft near", KINDS[-1])]
    return [*itertools.product(LOSSES, KINDS)]


def rippled(tier: str) -> list[tuple[str, str]]:
    """The loss that is not convex, and kinds; in quick one whose flows are always short: some oscillators take minutes."""
    return [("rippled", kind) for kind in (KINDS[1:2] if tier == "quick" else KINDS)]


def sweeps(tier: str) -> Iterator[Case]:
    """The suprema along α, with h(w_0) = 0, and those of the predictions for units in pairs of opposite sign."""
    for (loss, kind), quantity in itertools.product([*models(tier), *rippled(tier)], QUANTITIES):
        own = TOLERANCES.get((kind, loss), {})
        config = SWEEP | {"sizes": SIZES[tier]} | OTHER[loss] | own | {"kind": kind, "loss": loss}
        draws = DRAWS[tier] if loss == "square" else max(1, DRAWS[tier] // 2)
        yield Case(f"{quantity} · {kind} · {loss}", config, draws, select={"quantity": quantity})
    yield from pairs(tier)


def pairs(tier: str, paired: bool = True) -> Iterator[Case]:
    """Units in pairs of opposite sign, or not."""
    for kind in ("inner weights", "two layers"):
        config = (PAIRED if paired else UNPAIRED) | {"kind": kind, "paired": paired}
        yield Case(f"predictions · {kind} · paired", config, DRAWS[tier], select={"quantity": "predictions"})


def growing(tier: str) -> Iterator[Case]:
    """Drifts with targets that grow with α."""
    for kind in KINDS[::3] if tier == "quick" else KINDS:
        config = GROWING | {"kind": kind, "sizes": SIZES[tier]}
        yield Case(f"drift · {kind}", config, 1, select={"quantity": "drift"})


def against_scale(case: dict, found: Arrays) -> Curves:
    """A supremum against α, one curve a draw and horizon."""
    values = found[case["quantity"]]
    return Curves(values.reshape(-1, values.shape[-1]), case["sizes"], found[f"{case['quantity']} error"].ravel())


def exponent(case: dict) -> LocalSlope:
    """Judge of the exponent of the quantity."""
    return LocalSlope(-2.0 if case.get("paired") else EXPONENTS[case["quantity"]])


def flows(tier: str) -> Iterator[Case]:
    """Kinds and losses as in `sweeps`, and the model that meets the bound."""
    sizes = [1.0] if tier == "quick" else [0.1, 1.0, 100.0]
    for loss, kind in models(tier):
        yield Case(f"{kind} · {loss}", {"kind": kind, "loss": loss, "sizes": sizes, "horizon": 8.0}, DRAWS[tier])
    yield Case("steady descent", {"kind": "steady descent", "loss": "square", "sizes": [1.0], "horizon": 0.5}, 1)


def steady(case: dict) -> bool:
    """Whether the case is that model."""
    return case["kind"] == "steady descent"


def spent(case: dict, found: Arrays, share: float = 1.0) -> Sides:
    """The drift and ``share`` of its bound."""
    bound = np.vectorize(largest_drift)(found["time"], found["loss"], found["alpha"])
    return Sides(found["drift"], share * bound, found["error"])


def frozen(case: dict, found: Arrays) -> Sides:
    """The drift at the last time and its bound at the first."""
    sides = spent(case, found)
    return Sides(sides.measured[..., -1], sides.bound[..., 0], sides.error[..., -1])


def linear(case: dict, found: Arrays) -> Sides:
    """The drift and the share of its bound that linear maps use, at the last time."""
    sides = spent(case, found, LINEAR_SHARE)
    return Sides(sides.measured[..., -1], sides.bound[..., -1], sides.error[..., -1])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="general-lazy",
    source="Theorem 2.2 of arXiv:1812.07956; proof in docs/theory.md",
    summary="with h(w_0) = 0, on a fixed horizon: drift O(1/α), path O(1/α²), predictions O(1/α)",
    statement=(
        "if h(w_0) = 0, on any fixed horizon sup‖w_α − w_0‖ = O(1/α), sup‖w_α − w̄_α‖ = O(1/α²), sup‖y − ȳ‖ = O(1/α); and "
        "‖w_α(t) − w_0‖ ≤ √(tR(αh(w_0)))/α for every α and t"
    ),
    assumptions=(
        "h differentiable with locally Lipschitz Dh, R ≥ 0 with Lipschitz gradient, convex or not; h(w_0) = 0 for the "
        "exponents, which the bound on the drift does not need"
    ),
    figure="lazy_distance",
    parts=(
        Part(
            letter="a",
            says="suprema up to T = 1, 30 and 300/‖Dh(w_0)‖², of paired units up to the first, against α",
            status="derived",
            cases=sweeps,
            cell=distances,
            read=against_scale,
            judge=exponent,
            controls=(
                Control("targets that grow with α: w has the same flow for all α", cases=growing),
                Control("units that are not paired", cases=lambda tier: pairs(tier, False), judge=LocalSlope(-2.0)),
            ),
            why=(
                "O is proved, that the exponents are attained is generic; horizons in units of the fastest mode, α of "
                "κ_h(w_0); rippled is the loss Σ sin²(u − y⋆) + (u − y⋆)²/20, not convex, with flows by a general-purpose "
                "solver; corrections fall like 1/α, the share of rounding in the distances grows like α²"
            ),
        ),
        Part(
            letter="b",
            says="‖w_α(t) − w_0‖ against √(tR(αh(w_0)))/α",
            status="proved",
            cases=flows,
            cell=drifts,
            read=spent,
            judge=AtMost(),
            controls=(
                Control("a bound that does not grow with t", read=frozen, when=steady),
                Control("the share of the bound that linear maps use, for all maps", read=linear, when=steady),
            ),
            why="the steady descent spends its loss at constant speed and meets the bound",
        ),
    ),
)
