"""generalization-term: √(2yᵀH⁻¹y/n), which bounds the test loss of wide relu networks, for labels that are learned or not."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Draws, Gap, Ratio, Sides
from checks.measurements.label_costs import digit_costs, harmonic_costs, polynomial_costs
from theory.generalization_bounds import cubic_square, linear_shortfall, power_coefficient

POWERS = [1, 2, 4, 6]
PERMUTED = 2.0  # the least that the term of random labels is in the mean


def polynomials(tier: str) -> Iterator[Case]:
    """Few and many inputs in many and in few dimensions, one case a power."""
    for n, d in ((64, 32), (256, 4)) if tier == "quick" else ((64, 32), (256, 4), (1024, 4), (1024, 16)):
        for k, p in enumerate(POWERS):
            yield Case(f"n = {n}, d = {d}, p = {p}", {"n": n, "d": d, "powers": POWERS}, 4, 4, {"power": k})


def linear(tier: str) -> list[Case]:
    """Many inputs in few dimensions."""
    n = 256 if tier == "quick" else 1024
    return [Case(f"n = {n}, d = {d}", {"n": n, "d": d, "powers": [1]}, draws=8, chunk=8) for d in (4, 8)]


def harmonics(tier: str) -> list[Case]:
    """The dimension is a sixteenth, an eighth and a quarter of n."""
    sizes = ((256, 16, 24), (128, 32, 96)) if tier == "quick" else ((1024, 16, 8), (256, 16, 24), (128, 32, 96))
    return [Case(f"n = {n}, d = {d}", {"n": n, "d": d}, draws) for n, d, draws in sizes]


def digits(tier: str) -> list[Case]:
    """A part of the digits."""
    n = 256 if tier == "quick" else 1024
    return [Case(f"digits, n = {n}", {"n": n}, draws=8)]


def polynomial(case: dict, found: Arrays, *, single: bool = False) -> Sides:
    """√(yᵀH⁻¹y) against ‖β‖^p/√c_p, or against √2 max|y_i|, the cost of a ``single`` label."""
    k = case["power"]
    bound = np.sqrt(2) * found["largest"][:, k] if single else power_coefficient(POWERS[k]) ** -0.5
    return Sides(np.sqrt(found["inner"][:, k]), bound)


def share(case: dict, found: Arrays, *, kernel: str = "inner") -> Draws:
    """yᵀH⁻¹y over 4‖β‖²."""
    return Draws(found[kernel][:, 0] / 4)


def cubic(case: dict, found: Arrays, *, linear: bool = False) -> Draws:
    """The cost of g less that of linear labels with the same mean square, over 2nE g²; or of the ``linear`` ones alone."""
    n, d = case["n"], case["d"]
    shares = found["inner"] / (2 * n * np.array([cubic_square(d), 1 / d]))
    return Draws(shares[:, 1] if linear else shares[:, 0] - shares[:, 1])


def random(case: dict, found: Arrays, *, linear: bool = False) -> Sides:
    """The mean of yᵀH⁻¹y/n over random labels ±1, tr H⁻¹/n, against 2; or of ``linear`` labels, ‖y‖² = n in the mean."""
    return Sides((case["d"] * found["inner"][:, 1] if linear else found["trace"]) / case["n"], 2.0)


def terms(case: dict, found: Arrays, *, true: int = 0) -> Draws:
    """√(2yᵀH⁻¹y/n) of permuted labels minus that of the true ones."""
    term = np.sqrt(2 * found["inner"] / case["n"])
    return Draws(term[:, 1] - term[:, true])


CLAIM = Claim(
    paper="arora2019fine",
    name="generalization-term",
    source="Theorems 3.3, 5.1 and 6.1 of arXiv:1901.08584, (a) with a smaller constant; proofs in docs/theory.md",
    summary="√(2yᵀH⁻¹y/n) falls with n for linear and even labels; is 2 or more for odd and random ones",
    statement=(
        "H_ij = t(π − arccos t)/(2π), t = ⟨x_i, x_j⟩. (a) y_i = α(β·x_i)^p, p = 1 or even: √(yᵀH⁻¹y) ≤ |α|‖β‖^p/√c_p, c_p the "
        "coefficient of t^p; (b) the constant 2 of p = 1 is attained: E yᵀH⁻¹y ≥ 4‖β‖²(1 − (2d − 1)/n); (c) cubic labels g = "
        "t³ − 3t/(d+2), t = β·x, cost as much as noise: E yᵀH⁻¹y ≥ 2nE g²; (d) random signs: E yᵀH⁻¹y ≥ 2n, a term of "
        "2 or more in the root mean square; (e) on digits it is larger by 2 for permuted labels"
    ),
    assumptions="unit inputs, no two parallel; (b), (c) uniform on the sphere",
    figure="neighbouring_papers",
    parts=(
        Part(
            letter="a",
            says="√(yᵀH⁻¹y) against 1/√c_p, y = (β·x)^p, ‖β‖ = 1",
            status="proved",
            cases=polynomials,
            cell=polynomial_costs,
            read=polynomial,
            judge=AtMost(),
            controls=(Control("√2 max|y_i|, what a single label costs", read=partial(polynomial, single=True)),),
        ),
        Part(
            letter="b",
            says="yᵀH⁻¹y over 4‖β‖², y = Xβ",
            status="proved",
            cases=linear,
            cell=polynomial_costs,
            read=share,
            judge=lambda case: Ratio(1.0, linear_shortfall(case["n"], case["d"])),
            controls=(Control("K for H, as if both layers moved", read=partial(share, kernel="both")),),
            why="the proof puts the mean into the margin, which is not wider than it",
        ),
        Part(
            letter="c",
            says="cost of g less that of linear labels of the same mean square, over 2nE g²",
            status="proved",
            cases=harmonics,
            cell=harmonic_costs,
            read=cubic,
            judge=lambda case: Gap(1 - 2 * case["d"] / case["n"]),
            controls=(Control("linear labels alone cost as much", read=partial(cubic, linear=True)),),
            why="by (a) and (c) the first is 1 or more and the second at most 2d/n",
        ),
        Part(
            letter="d",
            says="tr H⁻¹/n, the mean of yᵀH⁻¹y/n over random signs, against 2",
            status="proved",
            cases=harmonics,
            cell=harmonic_costs,
            cells_of="c",
            read=random,
            judge=AtLeast(),
            controls=(
                Control(
                    "linear labels cost as much",
                    read=partial(random, linear=True),
                    when=lambda case: case["n"] > 4 * case["d"],
                ),
            ),
        ),
        Part(
            letter="e",
            says="√(2yᵀH⁻¹y/n) of permuted labels minus that of whether the digit is odd, above 2",
            status="measured",
            cases=digits,
            cell=digit_costs,
            read=terms,
            judge=Gap(PERMUTED),
            controls=(Control("two permutations differ as much", read=partial(terms, true=2)),),
        ),
    ),
)
