"""finite-horizon: up to T = K/Lip(h)² the predictions differ by at most K²Lip(Dh)/(αLip(h)²) times the residual squared."""

import itertools
from collections.abc import Iterator

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Sides
from checks.measurements.horizon_distances import descents_within_radius, within_radius
from theory.scaled_bounds import finite_horizon_bound, least_scale

KINDS = ("quadratic", "curved directions", "inner weights", "two layers", "factorization", "neuron")
"""Those whose Jacobian has a known Lipschitz constant."""
DRAWS = {"quick": 1, "standard": 12, "full": 100}
ROUNDING = 1e-12
FACTORS = [0.5, 1.0, 5.0, 30.0]  # the first misses the hypothesis where h(w_0) = 0


def models(tier: str) -> Iterator[Case]:
    """Models with h(w_0) = 0 and without; and w + w²/2 with K = r, α at its threshold, where the bound is sharp as K → 0."""
    for kind, centred in itertools.product(KINDS, (True, False)):
        config = {"kind": kind, "centred": centred, "factors": FACTORS}
        yield Case(f"{kind} · h(w_0) {'=' if centred else '≠'} 0", config, DRAWS[tier])
    for K in (1.0, 0.1, 0.01, 0.001):
        yield Case(f"w + w²/2 · K = r = {K:g}", {"kind": "one parameter", "horizon": K, "factors": [1.0]}, 1)


def descents(tier: str) -> Iterator[Case]:
    """The same models at the first α that suffices and at five times that, in the least number of steps and eight times it."""
    for case in models(tier):
        config = {key: value for key, value in case.config.items() if key != "factors"} | {"refinements": [1, 8]}
        for factor in (1.0, 5.0):
            draws = case.draws if case.draws == 1 and "horizon" in config else 4 * case.draws
            yield Case(f"{case.name} · {factor:g} times the least α", config | {"factor": factor}, draws)


def descended(case: dict, found: Arrays, one_step: bool = False) -> Sides:
    """The same for descent, 1 − 1/(2n) of that bound; with ``one_step`` 1/(2n), with the most steps."""
    sides, n = distance(case, found), found["steps"]
    if one_step:
        return Sides(sides.measured[:, -1], (0.5 / n * sides.bound)[:, -1])
    return Sides(sides.measured, (1 - 0.5 / n) * sides.bound, ROUNDING * sides.bound, sides.holds)


def distance(case: dict, found: Arrays, power: float = 2.0) -> Sides:
    """sup‖y − ȳ‖ and its bound, with K^``power`` for K²."""
    K, residual, lipschitz, alpha = (found[key] for key in ("horizon", "residual", "lipschitz", "alpha"))
    bound = residual * np.vectorize(finite_horizon_bound)(K, residual, lipschitz, found["curvature"], alpha)
    # at the threshold itself the comparison would be left to rounding
    holds = alpha * (1 + 1e-12) >= np.vectorize(least_scale)(K, residual, lipschitz, found["radius"])
    return Sides(found["distance"], K ** (power - 2) * bound, found["error"], holds)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="finite-horizon",
    source="Theorem 2.3 of arXiv:1812.07956; proof in docs/theory.md",
    summary="up to T = K/Lip(h)² predictions differ by at most K²Lip(Dh)/(αLip(h)²) residuals squared",
    statement=(
        "for the square loss, T = K/Lip(h)² and α ≥ K‖αh(w_0) − y⋆‖/(rLip(h)): sup_{t ≤ T} ‖y − ȳ‖/‖αh(w_0) − y⋆‖ ≤ "
        "(K²/α)(Lip(Dh)/Lip(h)²)‖αh(w_0) − y⋆‖"
    ),
    assumptions="h and Dh Lipschitz on the ball of radius r around w_0, any upper bounds of the constants; any h(w_0)",
    figure="lazy_tightness",
    parts=(
        Part(
            letter="a",
            says="sup‖y − ȳ‖ against its bound, Lip(h) ≤ ‖Dh(w_0)‖ + rLip(Dh)",
            status="proved",
            cases=models,
            cell=within_radius,
            read=distance,
            judge=AtMost(),
            controls=(
                Control(
                    "K³ in place of K²",
                    read=lambda case, found: distance(case, found, 3.0),
                    when=lambda case: case["kind"] == "one parameter" and case["horizon"] < 1,
                ),
            ),
            why=(
                "K and r are drawn; α at multiples of a scale that suffices, one of them too small to be judged: models that "
                "do not meet the hypotheses are counted as excluded"
            ),
        ),
        Part(
            letter="b",
            says="descent with n steps η = T/n, ηLip(h)²(1 + q) ≤ 1: sup_k ‖y_k − ȳ_k‖ against 1 − 1/(2n) of that bound",
            status="proved",
            cases=descents,
            cell=descents_within_radius,
            read=descended,
            judge=AtMost(),
            controls=(
                Control(
                    "the curvature of each step alone, 1/(2n) of the bound",
                    read=lambda case, found: descended(case, found, True),
                    when=lambda case: case["kind"] == "one parameter" and case["horizon"] < 1 and case["factor"] == 1,
                ),
            ),
            why="q = Lip(Dh)‖αh(w_0) − y⋆‖/(αLip(h)²); one step of w + w²/2 attains the bound as K = r → 0",
        ),
    ),
)
