"""λ_min of the tangent kernel of n inputs that are uniform on the sphere, from the masses of its spherical harmonics.

For unit vectors in d dimensions f(⟨x, x'⟩) = Σ_k A_k P_k(⟨x, x'⟩), with the Gegenbauer polynomials P_k, P_k(1) = 1; A_k ≥ 0 is
the mass of degree k, Σ_k A_k = f(1), and N_k the dimension of the harmonics of degree k. Derivation in docs/theory.md.
"""

from itertools import accumulate, count, takewhile
from math import comb

import numpy as np

from argument_validation import validate_count, validate_flag
from theory.gram_limits import limit_grams

NODES = 256  # Gauss-Legendre in the latitude
REACH = 12.0  # standard deviations 1/√d of the first coordinate, beyond which its density is e^{−72} of the largest
MOST_HARMONICS = 10**14  # masses of more are lost in rounding
ROUNDING = 1e-15  # of f(1), the error of a mass over √N_k


def harmonic_dimension(degree: int, d: int) -> int:
    """N_k = C(d + k − 1, k) − C(d + k − 3, k − 2): spherical harmonics of degree k in d ≥ 2 dimensions."""
    k, d = validate_count(degree, "degree", least=0, most=1000), validate_count(d, "d", least=2, most=2**53)
    return comb(d + k - 1, k) - (comb(d + k - 3, k - 2) if k > 1 else 0)


def harmonic_masses(d: int, degree: int, *, hidden_layers: int, activation: str) -> np.ndarray:
    """A_0, …, A_k of the tangent kernel f of unit inputs in d ≥ 2 dimensions, k = ``degree``, (k + 1,).

    A_k = N_k E f(t)P_k(t), t = sin ψ the first coordinate of a uniform point, of density ∝ cos^{d−2} ψ. Errors are below
    1e-15 √N_k f(1), and N_k may be at most 10^14.
    """
    dimension = harmonic_dimension(degree, d)
    if dimension > MOST_HARMONICS:
        raise ValueError(f"`degree` must be one with at most 10^14 harmonics in {d} dimensions, got {degree}")
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    psi = min(np.pi / 2, REACH / np.sqrt(d)) * nodes
    t, weights = np.sin(psi), weights * np.cos(psi) ** (d - 2)
    inputs = np.stack([t, np.cos(psi)], axis=1)
    f = limit_grams(np.array([[1.0, 0.0]]), inputs, hidden_layers=hidden_layers, activation=activation).ntk[0]
    P = [np.ones(NODES), t]
    for k in range(1, degree):
        P.append(((2 * k + d - 2) * t * P[k] - k * P[k - 1]) / (k + d - 2))
    means = np.array(P[: degree + 1]) @ (weights * f) / weights.sum()
    return means * [float(harmonic_dimension(k, d)) for k in range(degree + 1)]


def sphere_min_eigenvalue(n: int, d: int, *, hidden_layers: int, activation: str, limit: bool = False) -> float:
    """sphere-eigenvalue (a): A_k(1 − √(q/N_k))² + Σ_{r>k} A_r, to which λ_min of n uniform unit inputs tends as d → ∞.

    n = d^s, s not a whole number. With ``limit`` A_k + Σ_{r>k} A_r, the same for n ≪ N_k. k is the least degree with N_0 + … +
    N_k ≥ n, and q = n − Σ N_r, over r < k with A_r > 0, the dimension that the lower degrees leave.
    """
    n, d = validate_count(n, "n", least=2, most=MOST_HARMONICS), validate_count(d, "d", least=2, most=2**53)
    below = list(takewhile(lambda total: total < n, accumulate(harmonic_dimension(k, d) for k in count())))
    k = len(below)
    masses = harmonic_masses(d, k, hidden_layers=hidden_layers, activation=activation)
    unit = np.array([[1.0, 0.0]])
    total = limit_grams(unit, hidden_layers=hidden_layers, activation=activation).ntk[0, 0]
    sizes = np.array([harmonic_dimension(r, d) for r in range(k)], float)
    taken = sizes @ (masses[:k] > ROUNDING * np.sqrt(sizes) * total)
    share = 0.0 if validate_flag(limit, "limit") else (n - taken) / harmonic_dimension(k, d)
    return float(masses[k] * max(0.0, 1 - np.sqrt(share)) ** 2 + total - masses.sum())
