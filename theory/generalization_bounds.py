"""Bounds on yᵀH⁻¹y for the kernel H of relu inner weights on unit inputs, H_ij = t(π − arccos t)/(2π) at t = ⟨x_i, x_j⟩.

Proofs in docs/theory.md.
"""

from math import comb, pi

from argument_validation import validate_count, validate_size


def power_coefficient(power: int) -> float:
    """generalization-term (a): the coefficient c_p of t^p, 0 ≤ p ≤ 1000, in t(π − arccos t)/(2π).

    c_1 = 1/4, c_{2k+2} = C(2k, k)/(4^k(2k + 1)2π), and 0 for all other p.
    """
    p = validate_count(power, "power", least=0, most=1000)
    if p % 2 or p == 0:
        return 0.25 if p == 1 else 0.0
    k = p // 2 - 1
    return comb(2 * k, k) / 4**k / (2 * k + 1) / (2 * pi)


def linear_shortfall(n: int, d: int) -> float:
    """generalization-term (b): (2d − 1)/n: 1 − this ≤ E yᵀH⁻¹y/(4‖β‖²) ≤ 1 for y = Xβ and n uniform unit inputs."""
    n, d = validate_size(n, "n"), validate_size(d, "d")
    return (2 * d - 1) / n


def cubic_square(d: int) -> float:
    """generalization-term (c): E g(x)² = 6(d−1)/(d(d+2)²(d+4)) of the cubic harmonic g = t³ − 3t/(d+2), t = β·x, ‖β‖ = 1."""
    d = validate_size(d, "d")
    return 6 * (d - 1) / (d * (d + 2) ** 2 * (d + 4))
