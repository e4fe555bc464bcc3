"""homogeneous: for a q-homogeneous map starting from s w_0 is lazy training with α = s^q."""

import itertools
from functools import partial

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Sides
from checks.measurements.homogeneous_maps import DEGREES, descent_gaps, flow_gaps, scale_law

SMOOTH = ("product", "quadratic form", "deep linear")
SCALES, FLOW_SCALES = [0.6, 1.7, 3.0], [0.6, 1.7]
POWERS = [0.25, 2.0, 8.0]  # by which a float is multiplied without rounding
AGREEMENT = 1e-4  # relative distance of two flows, one followed at a tenth of the tolerance of the other
ROUNDING = 1e-10  # relative, after all steps of descent, or in κ
LAST_PLACE = 2.0**-53
DRAWS = {"quick": 2, "standard": 4, "full": 48}
LOSSES = {"quick": ("square",), "standard": ("square", "soft far"), "full": ("square", "soft far", "soft near")}


def trained(
    tier: str, *, kinds: tuple[str, ...] = tuple(DEGREES), scales: list[float] = SCALES, **extra: bool
) -> list[Case]:
    """Maps and losses."""
    return [
        Case(
            f"{kind} · q = {DEGREES[kind]} · {loss}",
            {"kind": kind, "loss": loss, "scales": scales, **extra},
            DRAWS[tier],
        )
        for kind, loss in itertools.product(kinds, LOSSES[tier])
    ]


def maps(tier: str) -> list[Case]:
    """Smooth maps."""
    return [Case(f"{kind} · q = {DEGREES[kind]}", {"kind": kind, "scales": SCALES}, DRAWS[tier]) for kind in SMOOTH]


def gap(case: dict, found: Arrays, *, key: str, allowed: float) -> Sides:
    """The relative distance against what rounding or the tolerance allows."""
    return Sides(found[key], allowed)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="homogeneous",
    source="Section 1.2, the remark on homogeneous models, of arXiv:1812.07956; proof in docs/theory.md",
    summary="for a q-homogeneous map starting from s w_0 is lazy training with α = s^q",
    statement=(
        "for a q-homogeneous h the flow from s w_0 is w_s(t) = s w_α(s^{2q−2}t) with α = s^q, descent with step η is s times "
        "descent on F_α with step s^{2q−2}η, and κ_h(s w_0) = s^{−q}κ_h(w_0) if h(w_0) = 0"
    ),
    assumptions="h(sw) = s^q h(w) for s > 0; for the flow Dh locally Lipschitz, for κ h ∈ C²; relu by descent alone",
    figure="relative_scale_width",
    parts=(
        Part(
            letter="a",
            says="distance of the two descents over their path, s a power of two: equal bit for bit",
            status="proved",
            cases=partial(trained, scales=POWERS),
            cell=descent_gaps,
            read=partial(gap, key="right", allowed=LAST_PLACE),
            judge=AtMost(),
        ),
        Part(
            letter="b",
            says="the same for any s: rounding",
            status="proved",
            cases=trained,
            cell=descent_gaps,
            read=partial(gap, key="right", allowed=ROUNDING),
            judge=AtMost(),
            controls=(
                Control("step s^{2q}η", read=partial(gap, key="wrong", allowed=ROUNDING)),
                Control("an output bias", cases=partial(trained, kinds=("relu",), bias=True)),
            ),
        ),
        Part(
            letter="c",
            says="distance of the two flows over their path",
            status="proved",
            cases=partial(trained, kinds=SMOOTH, scales=FLOW_SCALES),
            cell=flow_gaps,
            read=partial(gap, key="right", allowed=AGREEMENT),
            judge=AtMost(),
            controls=(Control("time s^{2q}t", read=partial(gap, key="wrong", allowed=AGREEMENT)),),
            why="the integrator itself commutes with the scaling, so the two are followed at different tolerances",
        ),
        Part(
            letter="d",
            says="|s^q κ_h(s w_0)/κ_h(w_0) − 1|",
            status="proved",
            cases=maps,
            cell=scale_law,
            read=partial(gap, key="error", allowed=ROUNDING),
            judge=AtMost(),
            controls=(Control("h(w_0) ≠ 0", read=partial(gap, key="away", allowed=ROUNDING)),),
        ),
    ),
)
