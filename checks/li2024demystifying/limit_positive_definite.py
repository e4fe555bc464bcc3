"""limit-positive-definite: power-series lower bounds on λ_min of every limit kernel, and its law in the separation."""

import itertools
from collections.abc import Iterator

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Curves, LocalSlope, Positive, Proof, Sides
from checks.measurements.eigenvalues import ANGLES, certificate, least_of_pair, limit_bounds, singular_kernel

ACTIVATIONS = ("relu", "tanh", "erf", "softplus", "gelu", "sin")
DATA, DEPTHS = ("random", "digits"), (1, 2, 3)
SAMPLES = {"quick": (16,), "standard": (16, 64), "full": (16, 64, 200)}
MANY = {"quick": 200, "standard": 500, "full": 500}
# flaw of the inputs, activation: λ_min(K^{L+1}) = 0
SINGULAR = (
    ("repeated input", "relu"),
    ("opposite inputs, odd σ", "erf"),
    ("opposite inputs, even σ", "cos"),
    ("n > d", "identity"),
)


def kernels(tier: str) -> Iterator[Case]:
    """Every data set and activation, with all depths; many inputs for two activations and one hidden layer."""
    some = itertools.product(SAMPLES[tier], DATA, ACTIVATIONS, [DEPTHS])
    for n, kind, name, depths in (*some, *itertools.product([MANY[tier]], DATA, ("relu", "tanh"), [(1,)])):
        config = {"data": {"kind": kind, "n": n}, "activation": name, "depths": list(depths)}
        yield Case(f"{name} · {kind}, n = {n} · L = {', '.join(map(str, depths))}", config)


def separated(tier: str) -> list[Case]:
    """Random inputs, and a few digits with relu."""
    digits = {"kind": "digits", "n": SAMPLES["quick"][0]}
    chosen = [case for case in kernels(tier) if case.config["activation"] == "relu" and case.config["data"] == digits]
    return [*chosen, *(case for case in kernels(tier) if case.config["data"]["kind"] == "random")]


def least(case: dict, found: Arrays, bound: str = "bound") -> Sides:
    """λ_min of every kernel against a bound."""
    return Sides(found["least"], found[bound], found["rounding"])


def many(tier: str) -> Iterator[Case]:
    """The NTK of many inputs."""
    for kind, name, L in itertools.product(DATA, ("relu", "tanh"), DEPTHS):
        config = {"data": {"kind": kind, "n": MANY[tier]}, "activation": name, "hidden_layers": L}
        yield Case(f"{name} · {kind}, n = {MANY[tier]} · L = {L}", config)


def singular(tier: str) -> Iterator[Case]:
    """Kernels with λ_min = 0."""
    for (flaw, name), L in itertools.product(SINGULAR, DEPTHS):
        yield Case(f"{flaw} · {name} · L = {L}", {"flaw": flaw, "activation": name, "hidden_layers": L})


def proof(case: dict, found: Arrays) -> Proof:
    """The proved bound, and the null vector of a singular kernel."""
    return Proof(float(found["lower"]), "certificate", found["matrix"], found.get("vector"))


def pairs(tier: str) -> Iterator[Case]:
    """Exponent 2 for every kernel of a smooth σ and for relu's K^{L+1}, exponent 1 for relu's others."""
    for name, L in itertools.product(("relu", "erf", "tanh"), DEPTHS):
        others = [k for k in range(L + 2) if k != L]
        groups = ((others, 1), ([L], 2)) if name == "relu" else ((range(L + 2), 2),)
        for group, exponent in groups:
            title = ", ".join(f"K^{k + 1}" if k <= L else "NTK" for k in group)
            config, select = {"activation": name, "hidden_layers": L}, {"kernels": list(group), "exponent": exponent}
            yield Case(f"{name} · L = {L} · {title}", config, select=select)


def separation(case: dict, found: Arrays) -> Curves:
    """λ_min against φ."""
    own = case["kernels"]
    return Curves(found["least"][own], ANGLES, found["error"][own, -1])


def two_layers(activation: str) -> list[Case]:
    """One hidden layer, two inputs."""
    return [Case(activation, {"activation": activation, "hidden_layers": 1})]


def constants(case: dict, found: Arrays) -> Sides:
    """|λ_min(K^1)/(φ/2π) − 1| against 2φ, |λ_min(K^2)/(φ²/4) − 1| against φ, where λ_min is known well enough."""
    leading, bound = np.array([ANGLES / (2 * np.pi), ANGLES**2 / 4]), np.array([2 * ANGLES, ANGLES])
    ratio, error = found["least"][:2] / leading, found["error"][:2] * found["least"][:2] / leading
    known = error < bound / 200
    return Sides(np.abs(ratio - 1), bound, error, known)


CLAIM = Claim(
    paper="li2024demystifying",
    name="limit-positive-definite",
    source="statement reconstructed; proof in docs/theory.md",
    summary="every K^l is positive definite, with explicit lower bounds on λ_min, which is of order φ or φ²",
    statement=(
        "for unit inputs, no two of them parallel, and σ not a polynomial every K^l is positive definite, with an explicit "
        "lower bound from its power series; for two inputs at angle φ → 0, λ_min ~ φ (relu, K^1..K^L and NTK) or φ² "
        "(K^{L+1}, and smooth σ everywhere)"
    ),
    assumptions="unit inputs, no two of them parallel; σ not a polynomial",
    figure="limit_positive_definite",
    parts=(
        Part(
            letter="a",
            says="λ_min of every kernel ≥ data form > 0",
            status="proved",
            cases=kernels,
            cell=limit_bounds,
            read=least,
            judge=AtLeast(),
            why="a bound of 0 says nothing and is not supported; the error of λ_min is n u‖K‖",
        ),
        Part(
            letter="b",
            says="λ_min of every kernel ≥ separation form",
            status="proved",
            cases=separated,
            cell=limit_bounds,
            cells_of="a",
            read=lambda case, found: least(case, found, "separation"),
            judge=AtLeast(),
            controls=(
                Control(
                    "the bound at ρ = 0, as if the inputs were orthonormal", lambda c, f: least(c, f, "orthonormal")
                ),
            ),
            why="digits only where the coefficients fall slowly: some are so close that the form of a smooth σ underflows",
        ),
        Part(
            letter="c",
            says="λ_min of the NTK of many inputs > 0, by a certificate in float64",
            status="proved",
            cases=many,
            cell=certificate,
            read=proof,
            judge=Positive(),
            controls=(
                Control("kernels with λ_min = 0, whose null vector is known", cases=singular, cell=singular_kernel),
            ),
        ),
        Part(
            letter="d",
            says="λ_min of two inputs at angle φ → 0 against φ",
            status="proved",
            cases=pairs,
            cell=least_of_pair,
            read=separation,
            judge=lambda case: LocalSlope(float(case["exponent"])),
            controls=(Control("exponents 1 and 2 exchanged", judge=lambda case: LocalSlope(3.0 - case["exponent"])),),
        ),
        Part(
            letter="e",
            says="|λ_min(K^1)/(φ/2π) − 1| ≤ 2φ and |λ_min(K^2)/(φ²/4) − 1| ≤ φ",
            status="proved",
            cases=lambda tier: two_layers("relu"),
            cell=least_of_pair,
            read=constants,
            judge=AtMost(),
            controls=(Control("the kernels of abs", cases=lambda tier: two_layers("abs")),),
            why="at the smallest angles rounding of λ_min(K^2) is not small against the bound",
        ),
    ),
)
