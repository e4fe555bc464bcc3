"""oracle-agreement: independent ways to integrate gradient flow agree, and by how much."""

import itertools
import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Draws, Gap, Sides
from checks.measurements import oracles
from checks.measurements.oracles import KINKED_RTOL, LONGEST, RTOL, WRONG_RATE, WRONG_SCALE
from checks.measurements.scaled_models import KINDS, LOSSES

SMOOTH_TOLERANCE = 3 * RTOL  # rtol is aimed at in every step
DESCENT_TOLERANCE = 10 * RTOL  # and the last gap of the extrapolation
KINKED_DIGITS = -math.log10(KINKED_RTOL)
LINEAR_TOLERANCE = 1e-10  # rounding

SMOOTH = {"quick": ("tanh",), "standard": ("tanh", "erf", "softplus", "sin")}
KINKED = {"quick": ("relu",), "standard": ("relu", "abs"), "full": ("relu", "leaky_relu", "abs")}
SCALES = {"quick": [2.0, 32.0], "standard": [2.0, 64.0], "full": [1.0, 256.0]}
DEPTHS = {"quick": [1, 2], "standard": [1, 2, 3], "full": [1, 2, 3]}
MAP_DRAWS = {"quick": 1, "standard": 2, "full": 12}
DRAWS, KINKED_DRAWS = {"quick": 2, "standard": 9, "full": 24}, {"quick": 12, "standard": 12, "full": 24}
SMOOTH["full"] = SMOOTH["standard"]


def networks(tier: str, *, kinks: bool = False) -> Iterator[Case]:
    """Every draw is a network with its data and κ; with kinks κ ≥ 4, two hidden layers at most, and at quick digits alone."""
    kinds = ("digits",) if kinks and tier == "quick" else ("random", "digits")
    for kind, name in itertools.product(kinds, (KINKED if kinks else SMOOTH)[tier]):
        data = {"kind": kind, "n": 6} | ({"d": 8} if kind == "random" else {})
        low, high = SCALES[tier]
        depths = [L for L in DEPTHS[tier] if L < 3] if kinks else DEPTHS[tier]
        scales = [max(low, 4.0), high] if kinks else [low, high]
        design = {"data": data, "activation": name, "depths": depths, "scales": scales}
        title = f"{name} · {kind} · L = {', '.join(map(str, depths))} · κ = {scales[0]:g}..{high:g}"
        yield Case(title, {"design": design}, (KINKED_DRAWS if kinks else DRAWS)[tier], chunk=1)


def nonlinear(tier: str) -> Iterator[Case]:
    """Maps with losses that are not quadratic, far from lazy and not."""
    kinds = KINDS[::3] if tier == "quick" else KINDS
    for kind, loss, alpha in itertools.product(kinds, LOSSES[1:], (1.0, 10.0)):
        yield Case(f"{kind} · {loss} · α = {alpha:g}", {"kind": kind, "loss": loss, "alpha": alpha}, MAP_DRAWS[tier])


def within(case: dict, found: Arrays, quantity: str, tolerance: float, gap: bool = False) -> Sides:
    """A relative disagreement against its tolerance, with ``gap`` plus that of the reference with itself, which must not be
    larger than the tolerance.
    """
    if not gap:
        return Sides(found[quantity], tolerance)
    return Sides(found[quantity], tolerance + found["gap"], holds=found["gap"] <= tolerance)


def digits(case: dict, found: Arrays, quantity: str) -> Draws:
    """Decimal digits of agreement, what the reference is off taken for disagreement."""
    return Draws(-np.log10(found[quantity] + found["gap"]))


CLAIM = Claim(
    paper="numerics",
    name="oracle-agreement",
    source="no paper: the numerical methods on which the other claims rest; derivation in docs/theory.md",
    summary="gradient flow ends in the same weights by integrator, solver, small-step descent and closed form",
    statement=(
        "four methods find the same change θ_T − θ_0 of the weights under gradient flow θ' = −∇R(θ): (i) the exponential "
        "integrator used here, which aims at the relative error rtol in every step; (ii) SciPy's Runge-Kutta solver DOP853 at "
        "1e-10, the gradient written out anew; (iii) gradient descent with N, 2N and 4N steps of length T/N, T/2N and T/4N, "
        "extrapolated to step 0; (iv) the closed form, for a model linear in θ. The relative distance of (i) to (ii) is at "
        f"most {SMOOTH_TOLERANCE / RTOL:g} rtol for networks with smooth σ and one rtol a step for other smooth maps; to (iii) "
        f"at most {DESCENT_TOLERANCE / RTOL:g} rtol plus the distance of the last two extrapolations; to (iv) rounding; for σ "
        f"with kinks, at rtol = {KINKED_RTOL:g}, to descent with 2N steps, and of that to N steps, at most rtol in the "
        "geometric mean over networks, not in every one. What is added to (iii) is itself at most the multiple of rtol to "
        "which it is added"
    ),
    assumptions=(
        f"six samples, up to three hidden layers, T up to {LONGEST:g}/λ_max(JJᵀ/n), J the Jacobian at θ_0; with kinks one or "
        "two hidden layers and κ ≥ 4: below, neighbouring paths part at kinks and no two methods agree"
    ),
    figure="integrators",
    parts=(
        Part(
            letter="a",
            says=f"flow at rtol {RTOL:g} and DOP853 at 1e-10: relative distance of θ_T − θ_0 against 3 rtol",
            status="measured",
            cases=networks,
            cell=oracles.smooth,
            read=partial(within, quantity="solver", tolerance=SMOOTH_TOLERANCE),
            judge=AtMost(),
            controls=(
                Control(
                    f"a learning rate {WRONG_RATE} of the last layer",
                    partial(within, quantity="wrong rate", tolerance=SMOOTH_TOLERANCE),
                ),
            ),
            why="the gradient of the solver is written out anew",
        ),
        Part(
            letter="b",
            says="flow and descent with N, 2N, 4N steps, extrapolated: against 10 rtol and its last gap",
            status="measured",
            cases=networks,
            cell=oracles.smooth,
            cells_of="a",
            read=partial(within, quantity="descent", tolerance=DESCENT_TOLERANCE, gap=True),
            judge=AtMost(),
            controls=(
                Control(
                    f"a learning rate {WRONG_RATE} of the last layer",
                    partial(within, quantity="descent, wrong rate", tolerance=DESCENT_TOLERANCE),
                ),
            ),
        ),
        Part(
            letter="c",
            says=f"with kinks, flow at rtol {KINKED_RTOL:g} and Euler's method with 2N steps: decimal digits of agreement, its "
            "gap to N steps for disagreement",
            status="measured",
            cases=partial(networks, kinks=True),
            cell=oracles.kinked,
            read=partial(digits, quantity="flow"),
            judge=Gap(KINKED_DIGITS),
            controls=(Control(f"targets {WRONG_SCALE:g}y", partial(digits, quantity="wrong targets")),),
            why="neighbouring paths may part at a kink, and no method has an order there: no bound holds for every network",
        ),
        Part(
            letter="d",
            says="outputs and drift of the linearised network and its closed form: relative distance against rounding",
            status="proved",
            cases=networks,
            cell=oracles.linear,
            read=partial(within, quantity="closed form", tolerance=LINEAR_TOLERANCE),
            judge=AtMost(),
            controls=(
                Control(
                    "a closed form over n + 1 samples",
                    partial(within, quantity="over n + 1", tolerance=LINEAR_TOLERANCE),
                ),
            ),
        ),
        Part(
            letter="e",
            says=f"flow of nonlinear maps and log-cosh losses at rtol {RTOL:g} and DOP853 at 1e-10: distance of w_t − w_0 "
            "over rtol times the number of steps",
            status="measured",
            cases=nonlinear,
            cell=oracles.maps,
            read=partial(within, quantity="solver", tolerance=1.0),
            judge=AtMost(),
            controls=(Control("the square loss", partial(within, quantity="other loss", tolerance=1.0)),),
            why="rtol is aimed at in every step of three evaluations; far from lazy their errors have one sign and add up",
        ),
    ),
)
