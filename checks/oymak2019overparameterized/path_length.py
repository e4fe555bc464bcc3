"""path-length: gradient descent reaches a global minimum by a path of at most ‖r_0‖/(cα), where none is closer than ‖r_0‖/β."""

import itertools
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Sides
from checks.measurements.path_lengths import descent_paths
from theory.path_bounds import descent_rate, descent_share

KINDS, DIRECTIONS = ("two layers", "quadratic", "factorization"), ("least", "random", "largest")
DRAWS = {"quick": 2, "standard": 8, "full": 40}
BALLS = ((0.99, 1.0), (0.02, 0.1))
"""Share of the largest ball and η(β² + L‖r_0‖): as the theorem just allows, and small."""


def runs(tier: str) -> list[Case]:
    """Every model with targets along every direction (at the quick tier the extremes), in a large and in a small ball."""
    ways = DIRECTIONS[:: 2 if tier == "quick" else 1]
    return [
        Case(f"{kind} · {way} · ball {ball:g}", dict(kind=kind, direction=way, radius=ball, size=size), DRAWS[tier])
        for kind, way, (ball, size) in itertools.product(KINDS, ways, BALLS)
    ]


def shares(found: Arrays) -> np.ndarray:
    """c of every draw, (S, 1)."""
    constants = zip(found["step"], found["largest"], found["lipschitz"], strict=True)
    return np.array([descent_share(*own, residual=1.0) for own in constants])[:, None]


def path(case: dict, found: Arrays, *, shortest: bool = False) -> Sides:
    """The length of the path up to τ against (‖r_0‖ − ‖r_τ‖)/(cα), or over β, as the ``shortest`` path to ‖r_τ‖ may be."""
    slope = found["largest"][:, None] if shortest else shares(found) * found["least"][:, None]
    return Sides(found["lengths"], (1 - found["residuals"]) / slope)


def decay(case: dict, found: Arrays, *, value: str = "least") -> Sides:
    """ln(‖r_0‖/‖r_τ‖) against that of the bound, with another ``value`` for α."""
    constants = zip(found["step"], found[value], shares(found)[:, 0], strict=True)
    rates = np.array([descent_rate(*own) for own in constants])
    return Sides(-np.log(found["residuals"]), found["steps"] * rates[:, None])


def distance(case: dict, found: Arrays, *, value: str = "largest") -> Sides:
    """‖θ_τ − θ_0‖ against (‖r_0‖ − ‖r_τ‖)/β, with another ``value`` for β."""
    return Sides(found["distances"], (1 - found["residuals"]) / found[value][:, None])


CLAIM = Claim(
    paper="oymak2019overparameterized",
    name="path-length",
    source="Theorem 2.1 of arXiv:1812.10004 with smaller constants; proof in docs/theory.md",
    summary="descent takes a path of length ‖r_0‖/(cα) at most; no global minimum is closer than ‖r_0‖/β",
    statement=(
        "½‖f(θ) − y‖² by descent with η(β² + L‖r_0‖) ≤ 1, c = 1 − η(β² + L‖r_0‖)/2 ≥ 1/2; if α ≤ σ_min(J), ‖J‖ ≤ β and J is "
        "L-Lipschitz on the ball of radius ‖r_0‖/(cα) around θ_0: (a) the path to θ_τ has length ≤ (‖r_0‖ − ‖r_τ‖)/(cα); "
        "(b) ‖r_τ‖ ≤ (1 − cηα²)^τ‖r_0‖; (c) ‖θ − θ_0‖ ≥ (‖r_0‖ − ‖r‖)/β for every θ of the ball"
    ),
    assumptions="as stated, proved on the ball by a Lipschitz constant of J; p ≥ n",
    figure="neighbouring_papers",
    parts=(
        Part(
            letter="a",
            says="length of the path up to τ against (‖r_0‖ − ‖r_τ‖)/(cα)",
            status="proved",
            cases=runs,
            cell=descent_paths,
            read=path,
            judge=AtMost(),
            controls=(Control("β for cα: the path is the shortest possible", read=partial(path, shortest=True)),),
            why="targets along the least singular value attain the bound in a small ball, where f is nearly linear",
        ),
        Part(
            letter="b",
            says="ln(‖r_0‖/‖r_τ‖) against τ ln(1/(1 − cηα²))",
            status="proved",
            cases=runs,
            cell=descent_paths,
            cells_of="a",
            read=decay,
            judge=AtLeast(),
            controls=(
                Control(
                    "β for α: the residual decays with the largest singular value",
                    read=partial(decay, value="largest"),
                    when=lambda case: case["direction"] == "least",
                ),
            ),
        ),
        Part(
            letter="c",
            says="‖θ_τ − θ_0‖ against (‖r_0‖ − ‖r_τ‖)/β",
            status="proved",
            cases=runs,
            cell=descent_paths,
            cells_of="a",
            read=distance,
            judge=AtLeast(),
            controls=(
                Control("α for β: nothing is closer than where descent may end", read=partial(distance, value="least")),
            ),
        ),
    ),
)
