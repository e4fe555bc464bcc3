"""under-parameterized: the flow converges geometrically to a local minimiser, at a rate that does not depend on a large α."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Counts, Curves, Frequency, LocalSlope, Sides
from checks.measurements.local_minima import (
    LARGEST_ROUNDING,
    NOTHING,
    degenerate,
    degenerate_gradients,
    late_gradients,
    limits,
    other_branch,
    ranks,
)
from checks.measurements.scaled_models import LOSSES

OUTPUTS = {"quadratic": 12, "oscillator": 8, "neuron": 6, "rank one": 20}
"""Numbers N of outputs; p = 7, 3, 2, 9 parameters, of which all but one of the last count."""
MODELS = {
    "quick": (("quadratic", "square"), ("rank one", "square"), ("neuron", "soft near")),
    "standard": tuple(itertools.product(OUTPUTS, LOSSES)),
}
MODELS["full"] = MODELS["standard"]
DRAWS = {"quick": 3, "standard": 4, "full": 10}
MORE = ("neuron", "rank one")  # of which some are saturated, or nearly degenerate, and not judged
RANKS = {"quadratic": 7, "oscillator": 3, "neuron": 2, "rank one": 8}
SIZES = [10 ** (k / 2) for k in range(4, 10)]
SCALES = [10.0, 31.6, 100.0, 316.0]
HALF_DECADE = SIZES[-1] / SIZES[-2]
LARGEST_SECOND = LocalSlope(-1.0).agree * np.log(HALF_DECADE) / (1 + 1 / HALF_DECADE)
"""Second order over first at which 1/α may show as a slope ``agree`` off −1: |ln((1 + δ)/(1 + δ'))| ≤ δ + δ', δ' = δ/√10."""
LATE = {
    "quick": (("quadratic", "square"), ("rank one", "square"), ("one weight", "soft near")),
    "standard": (*((kind, "square") for kind in OUTPUTS), *itertools.product(("one weight",), LOSSES[1:])),
}
LATE["full"] = LATE["standard"]
LATE_SIZE = 1e3
STARTS, LARGEST_SHARE = 480, 0.02
QUANTITIES = ("gradient", "negative", "null")
NULL = ("rank one",)  # elsewhere rank Dh = p and there are no null values


def models(tier: str) -> Iterator[Case]:
    """Drawn models, α in ‖y⋆‖‖D²h‖/σ²."""
    for kind, loss in MODELS[tier]:
        config = {"kind": kind, "loss": loss, "outputs": OUTPUTS[kind], "sizes": SIZES}
        draws = DRAWS[tier] * (2 if kind in MORE else 1)
        yield Case(f"{kind} · {loss}", config, draws, chunk=1)


def ends(tier: str) -> Iterator[Case]:
    """The quantities that vanish at the end."""
    for case, quantity in itertools.product(models(tier), QUANTITIES):
        if quantity == "null" and case.config["kind"] not in NULL:
            continue
        yield Case(f"{quantity} · {case.name}", case.config, case.draws, case.chunk, {"quantity": quantity})


def late(tier: str) -> Iterator[Case]:
    """Drawn models at a large α."""
    for kind, loss in LATE[tier]:
        config = {"kind": kind, "loss": loss, "outputs": OUTPUTS.get(kind, 5), "size": LATE_SIZE}
        yield Case(f"{kind} · {loss}", config, DRAWS[tier])


def starts(tier: str, zero: bool = False) -> Iterator[Case]:
    """Drawn models, or their value at w = 0 where that is special."""
    for kind in ("oscillator", "rank one") if zero else OUTPUTS:
        config = {"kind": kind, "outputs": OUTPUTS[kind], "most": RANKS[kind], "zero": zero}
        yield Case(f"{kind} · largest rank {RANKS[kind]}", config, STARTS)


def branches(tier: str, near: bool = False) -> list[Case]:
    """Targets close to the tangent of the other branch, or of its own."""
    return [Case("(sin w, sin w cos w)", {"sizes": SCALES, "near": near}, 4 * DRAWS[tier])]


def special(name: str) -> list[Case]:
    """(u, uv) or (u, v²)."""
    return [Case({"product": "(u, uv)", "square": "(u, v²)"}[name], {"name": name, "sizes": SCALES}, 1)]


def saddles(tier: str) -> list[Case]:
    """The Hessian at the limit of (u, v²)."""
    return [Case(case.name, case.config, 1, select={"quantity": "negative"}) for case in special("square")]


def resolved(found: Arrays) -> np.ndarray:
    """Models (draws,) in which rounding of αh is too small to be seen."""
    return found["rounding"] <= LARGEST_ROUNDING


def settled(found: Arrays) -> np.ndarray:
    """Resolved models (draws,) for which 1/α is reached: as many, by size of their second order, as keep its root mean square
    over the models below `LARGEST_SECOND` of that of the first order.
    """
    second = np.where(resolved(found), found["second"], np.inf)
    order = np.argsort(second)
    first, second = (np.cumsum(np.square(values[order])) for values in (found["first"], second))
    last = np.flatnonzero(second <= LARGEST_SECOND**2 * first).max(initial=-1)
    return np.isin(np.arange(len(order)), order[: last + 1])


def rate(case: dict, found: Arrays, shift: float = 0.0, judged: Callable[[Arrays], np.ndarray] = resolved) -> Curves:
    """ρ/λ⁺ − ``shift`` against α, root mean square over the models ``judged``.

    Its error is that of the last of them, by a tenth of the tolerance.
    """
    own = judged(found)
    members, excluded = int(own.sum()), int((~own).sum())
    if not members:
        return Curves(np.empty((0, len(case["sizes"]))), case["sizes"], excluded=excluded)
    rates = np.column_stack([found["rate"][own], found["finer"][own]])
    *sizes, finer = np.sqrt(np.mean((rates / found["predicted"][own, None] - shift) ** 2, axis=0))
    return Curves(np.array(sizes), case["sizes"], abs(sizes[-1] / finer - 1), excluded, members)


def falling(case: dict, found: Arrays) -> Curves:
    """‖∇F_α‖ against e^{ρt}."""
    return Curves(found["gradient"], np.exp(found["decays"][0]), found["gradient error"])


def short(case: dict, found: Arrays) -> Counts:
    """Starts near which the rank is not the largest."""
    return Counts(int(found["short"].sum()), len(found["short"]), LARGEST_SHARE)


def left(case: dict, found: Arrays) -> Sides:
    """R(αh(w_∞)), where Hess F_α(w_∞) > 0, and 98 % of the limit of its distance to the other branch above that, over R(0)."""
    higher = np.where(found["curvature"] > 1, found["left"], np.nan)
    return Sides(higher, found["lower"] + 0.98 * np.cos(2 * found["angle"])[:, None])


def approach(case: dict, found: Arrays) -> Curves:
    """|ρ/λ⁺ − 1| against α."""
    return rate(case, found, 1.0, settled)


def vanishing(case: dict, found: Arrays) -> Sides:
    """A quantity that is zero up to rounding, where the rank is constant and rounding small."""
    return Sides(found[case["quantity"]], NOTHING, holds=(found["constant"] == 1) & resolved(found)[:, None])


def at_saddle(case: dict, found: Arrays) -> Sides:
    """As `vanishing`, whatever the rank."""
    return Sides(found[case["quantity"]], NOTHING)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="under-parameterized",
    source="Theorem 2.5 of arXiv:1812.07956; proof in docs/theory.md",
    summary="with fewer directions than outputs the flow ends in a local minimum, at a rate independent of α",
    statement=(
        "h(w_0) = 0, R strongly convex and smooth, rank Dh constant near w_0: from some α_0 on the flow of F_α converges "
        "geometrically to a local minimiser, at a rate asymptotically independent of α: ρ(α), the least eigenvalue of Hess F_α "
        "there beyond p − rank null ones, tends to λ⁺ = λ⁺_min(DhᵀH Dh) at w_0, H = Hess R at the linear limit. For analytic h "
        "the rank is constant near almost every w_0; the limit need not be a global minimiser"
    ),
    assumptions=(
        "the rank is checked at the start, the end and 16 points up to twice as far away; where it is not constant, or where "
        f"rounding of αh would be seen, over {LARGEST_ROUNDING:g} of ‖Dhᵀ∇R‖ at its start, a model is not judged, and counted; "
        "(b) judges as many models, by the size of what nearly equal eigenvalues add to their second term in 1/α, as "
        f"keep the root mean square of that below {LARGEST_SECOND:.2g} of that of the first"
    ),
    figure="lazy_tightness",
    parts=(
        Part(
            letter="a",
            says="ρ/λ⁺ against α, root mean square over the models",
            status="proved",
            cases=models,
            cell=limits,
            read=rate,
            judge=LocalSlope(0.0),
            controls=(
                Control(
                    "a rank that is constant only away from w_0", cell=degenerate, cases=lambda tier: special("product")
                ),
            ),
            why="no trajectory is fitted: the flow is followed to its end, where the Hessian is taken",
        ),
        Part(
            letter="b",
            says="|ρ/λ⁺ − 1| against α, root mean square over the models",
            status="derived",
            cases=models,
            cell=limits,
            cells_of="a",
            read=approach,
            judge=LocalSlope(-1.0),
            controls=(
                Control(
                    "a rank that is constant only away from w_0", cell=degenerate, cases=lambda tier: special("product")
                ),
            ),
            why=(
                "O(1/α) is proved; the coefficient of a single model may nearly vanish, and where λ⁺ nearly meets another "
                "eigenvalue, as for uvᵀ with ‖u‖ near ‖v‖, 1/α comes later: perturbation theory says for which, before "
                "the flow is followed, and the draws are twice as many where that is not rare"
            ),
        ),
        Part(
            letter="c",
            says="at the limit: gradient over its start; distance of Hess F_α to Hess ⪰ 0, and its null values, over λ_max",
            status="proved",
            cases=ends,
            cell=limits,
            cells_of="a",
            read=vanishing,
            judge=AtMost(),
            controls=(Control("whatever the rank", cell=degenerate, cases=saddles, read=at_saddle),),
            why="what is zero is so up to rounding and the last of the decay",
        ),
        Part(
            letter="d",
            says="‖∇F_α(w_α(t))‖ against e^{ρt} for ρt from 8 to 14, α = 10³‖y⋆‖‖D²h‖/σ²",
            status="derived",
            cases=late,
            cell=late_gradients,
            read=falling,
            judge=LocalSlope(-1.0),
            controls=(
                Control(
                    "a rank that is constant only away from w_0",
                    cell=degenerate_gradients,
                    cases=lambda tier: [Case("(u, uv)", {"name": "product", "size": SCALES[-1]}, 1)],
                ),
            ),
            why=(
                "ρ from the Hessian at the end; targets in which the slowest mode takes part, and for a loss that is not "
                "quadratic a map of one weight: modes of nearly the same rate are not apart by then"
            ),
        ),
        Part(
            letter="e",
            says="share of drawn w_0 near which rank Dh is not the largest that h has",
            status="proved",
            cases=starts,
            cell=ranks,
            read=short,
            judge=Frequency(),
            controls=(Control("starts at w = 0", cases=lambda tier: starts(tier, True)),),
            why="w_0 with a density and h analytic: the share is 0",
        ),
        Part(
            letter="f",
            says="R(αh(w_∞)) against the end on another branch of the curve h, y⋆ along its tangent: higher, however large α",
            status="derived",
            cases=branches,
            cell=other_branch,
            read=left,
            judge=AtLeast(),
            controls=(Control("y⋆ along the tangent at w_0", cases=lambda tier: branches(tier, True)),),
            why="α = 10 … 316; the limit is a strict local minimiser, and not a global one",
        ),
    ),
)
