"""Bounds and exact laws about the scale of lazy training: test points, homogeneous maps, two layers of a given width.

Of F_α(w) = R(αh(w))/α² and κ_h(w_0) = ‖h(w_0) − y*‖‖D²h(w_0)‖/‖Dh(w_0)‖². Proofs in docs/theory.md. A result beyond float64
is a ValueError.
"""

from argument_validation import validate_count, validate_real
from theory.validation import bound, counts, not_negative, positive


@bound
def prediction_bound(alpha: float, slope: float, curvature: float, path: float, drift: float) -> float:
    """generalization (a): |αf(w)(x) − αf̄(w̄)(x)| ≤ αM_1‖w − w̄‖ + (α/2)M_2‖w − w_0‖², for any two points w, w̄.

    ``slope`` M_1 ≥ ‖∇f(w_0)(x)‖, ``curvature`` M_2 a Lipschitz constant of ∇f(·)(x) on a ball that holds w; ``path``
    ‖w − w̄‖ and ``drift`` ‖w − w_0‖. All but α may be 0.
    """
    (alpha,) = positive(alpha=alpha)
    slope, curvature, path, drift = not_negative(slope=slope, curvature=curvature, path=path, drift=drift)
    return alpha * slope * path + alpha / 2 * curvature * drift**2


@bound
def scale_of_start(s: float, degree: int) -> float:
    """homogeneous (a): the α = s^q to which starting a q-homogeneous map from s w_0 amounts."""
    (s,) = positive(s=s)
    return s ** validate_count(degree, "degree")


@bound
def time_factor(s: float, degree: int) -> float:
    """homogeneous (c): s^{2q−2}: w_s(t) = s w_α(s^{2q−2}t) with α = s^q, and a step η of descent from s w_0 is a step
    s^{2q−2}η from w_0.
    """
    (s,) = positive(s=s)
    return s ** (2 * validate_count(degree, "degree") - 2)


def width_exponent(beta: float) -> float:
    """two-layer-width (a): exponent β − 1 in m of 1/(mα(m)), α(m) = m^{−β}: that of κ where h_m(w_0) = 0."""
    return validate_real(beta, "beta") - 1


@bound
def width_bound(m: int, alpha: float, curvature: float, kernel: float, target: float, spread: float) -> float:
    """two-layer-width (b): κ_{h_m}(w_0) ≤ (B/k)(‖y*‖/(mα) + ξ/√m) for h_m = α Σ_{i≤m} φ(θ_i).

    ``curvature`` B = max_i ‖D²φ(θ_i)‖, ``kernel`` k = ‖(1/m) Σ_i Dφ(θ_i)Dφ(θ_i)ᵀ‖, ``target`` ‖y*‖, ``spread`` ξ =
    ‖Σ_i φ(θ_i)‖/√m, whose mean square is E‖φ(θ_1)‖². B, ‖y*‖ and ξ may be 0.
    """
    (m,), (alpha, kernel) = counts(m=m), positive(alpha=alpha, kernel=kernel)
    curvature, target, spread = not_negative(curvature=curvature, target=target, spread=spread)
    return curvature / kernel * (target / (m * alpha) + spread / m.sqrt())
