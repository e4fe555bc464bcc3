"""How far the tangent kernel goes if a network with one hidden layer is led along any direction: θ' = J_tᵀd_t.

S = ∫‖d_t‖dt is the length of the path of directions and τ = κS/m. Proofs in docs/theory.md.
"""

import math
from decimal import Decimal

import numpy as np

from argument_validation import validate_name, validate_not_negative
from theory.dual_activations import DUALS
from theory.lazy_bounds import CURVATURE_BOUNDS
from theory.quadrature import Function, gaussian_grid, hermite_coefficients, resolution
from theory.validation import bound, counts, not_negative, positive

LINEAR = Decimal("1e-17")  # e^x − 1 is x to rounding
LONGEST = 350.0  # of τ, beyond which cosh 2τ is not a float64 number
SMOOTH = tuple(name for name in CURVATURE_BOUNDS if name != "identity")  # for which V = 16 and M = 4
STEP = 0.05  # of the quadrature; half of it changes the last digit


@bound
def directed_change_bound(kappa: float, m: int, c_sigma: float, path: float, *, largest: float) -> float:
    """training-direction (a): ‖G_t − G_0‖/‖G_0‖ ≤ e^{2√Λ c_σ κS/m} − 1 for all directions d_t with ∫‖d‖ ≤ S up to t.

    ``c_sigma`` is that of `theory.lazy_bounds.feature_constant`, ``path`` S, ``largest`` Λ = λ_max(XXᵀ) of unit inputs. Descent
    θ_{k+1} = θ_k + η_kJ_kᵀd_k in steps of any size obeys it with S = Σ η_k‖d_k‖.
    """
    (kappa, largest), (m,) = positive(kappa=kappa, largest=largest), counts(m=m)
    c_sigma, path = not_negative(c_sigma=c_sigma, path=path)
    x = 2 * largest.sqrt() * c_sigma * kappa * path / m
    return x.exp() - 1 if x > LINEAR else x


def relu_directed_kernel(tau: float) -> float:
    """training-direction (e): E (m/κ²)G_t for relu, one unit input and a direction of fixed sign, at τ = κS/m ≤ 350.

    ((3π/4 + arctan e^{−2τ}) cosh 2τ + (sinh 2τ − tanh 2τ)/2)/π, at every width: 1 at the start and then 1 − τ/π + 2τ² − …
    """
    tau = validate_not_negative(tau, "tau")
    if tau > LONGEST:
        raise ValueError(f"`tau` must be at most {LONGEST:g}, got {tau:g}")
    kept = 0.75 * math.pi + math.atan(math.exp(-2 * tau))
    return (kept * math.cosh(2 * tau) + (math.sinh(2 * tau) - math.tanh(2 * tau)) / 2) / math.pi


def directed_change_moments(activation: str) -> tuple[float, float]:
    """training-direction (d): V and M: (m/κ²)(G_t − G_0) of one unit input has the mean Mτ² and the variance Vτ²/m.

    To leading order in τ = κS/m, for a direction of fixed sign and smooth σ. With s, p, q = σ, σ', σ'' of z ~ N(0, 1)

        V = E[16s²p⁴ + 48sp⁴q + 60p⁴q²],    M = E[2s²p² + 7sp²q + (5 + 3z²)p⁴/4 − 3p²q²].

    No q is needed: E sp^kq = E(zs − p)p^{k+1}/(k + 1), and E(g')² = Σ_k kc_k² with the Hermite coefficients c_k of g = p², p³.
    """
    validate_name(activation, SMOOTH, "activation")
    sigma, slope = DUALS[activation].function, DUALS[activation].derivative
    z, weights = gaussian_grid(STEP)
    z, weights = np.concatenate([-z, z]), np.tile(weights * np.exp(-(z**2) / 4) / 2 / (2 * np.pi) ** 0.25, 2)
    s, p = sigma(z), slope(z)
    rest = z * s - p
    variance = weights @ (16 * s**2 * p**4 + 48 / 5 * rest * p**5) + 60 / 9 * _energy(lambda u: slope(u) ** 3)
    mean = weights @ (2 * s**2 * p**2 + 7 / 3 * rest * p**3 + (5 + 3 * z**2) / 4 * p**4)
    return float(variance), float(mean - 3 / 4 * _energy(lambda u: slope(u) ** 2))


def _energy(g: Function) -> float:
    """E g'(z)² = Σ_k kc_k²."""
    even, odd = hermite_coefficients(g, np.ones(1), *resolution(g, 1.0, None))
    k = 2 * np.arange(even.shape[1])
    return float(k @ even[0] ** 2 + (k + 1) @ odd[0] ** 2)
