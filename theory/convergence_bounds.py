"""Constants of convergence in lazy training: decay of the error, drift, distance of predictions, threshold of the scale.

h: R^p → R^N, R is M-smooth and μ-strongly convex with minimiser y*, c = M/μ; σ is the least singular value of Dh(w_0)ᵀ, ‖Dh‖
the largest, l a Lipschitz constant of Dh on the ball of radius r around w_0. Proofs in docs/theory.md.
"""

import math

from argument_validation import all_positive


def convergence_radius(sigma: float, lipschitz: float, r: float) -> float:
    """r_0 = min(r, σ/(2l)): within it the singular values of Dhᵀ are at least σ/2."""
    all_positive(sigma=sigma, lipschitz=lipschitz, r=r)
    return min(r, sigma / (2 * lipschitz))


def convergence_scale(c: float, norm: float, sigma: float, radius: float) -> float:
    """C_0 = σ²r_0/(16c^{3/2}‖Dh‖): ‖h(w_0)‖ ≤ C_0 and α > ‖y*‖/C_0 suffice for convergence."""
    all_positive(c=c, norm=norm, sigma=sigma, radius=radius)
    return sigma**2 * radius / (16 * c**1.5 * norm)


def convergence_rate(mu: float, sigma: float) -> float:
    """Rate μσ²/4: ‖y(t) − y*‖ ≤ √c ‖y(0) − y*‖ e^{−rate·t}."""
    all_positive(mu=mu, sigma=sigma)
    return mu * sigma**2 / 4


def convergence_drift_bound(c: float, norm: float, sigma: float, targets: float, alpha: float) -> float:
    """sup_t ‖w_α(t) − w_0‖ ≤ 8c^{3/2}‖Dh‖‖y*‖/(ασ²) if h(w_0) = 0, for ``targets`` ‖y*‖."""
    all_positive(c=c, norm=norm, sigma=sigma, targets=targets, alpha=alpha)
    return 8 * c**1.5 * norm * targets / (alpha * sigma**2)


def convergence_prediction_bound(
    c: float, norm: float, sigma: float, lipschitz: float, targets: float, alpha: float
) -> float:
    """sup_t ‖y(t) − ȳ(t)‖ ≤ 20c³‖Dh‖³l‖y*‖²/(ασ⁵) if h(w_0) = 0, for ``targets`` ‖y*‖."""
    all_positive(c=c, norm=norm, sigma=sigma, lipschitz=lipschitz, targets=targets, alpha=alpha)
    return 20 * c**3 * norm**3 * lipschitz * targets**2 / (alpha * sigma**5)


def decay_envelope(mu: float, M: float, lam: float, t: float) -> float:
    """(M/μ)^{1/2} e^{−μλt}: bound on ‖y(t) − y*‖/‖y(0) − y*‖ for y' = −Σ(t)∇R(y) with Σ(t) ⪰ λ."""
    all_positive(mu=mu, M=M, lam=lam)
    return math.sqrt(M / mu) * math.exp(-mu * lam * t)


def stability_bound(K: float, norm: float, lam: float, mu: float) -> float:
    """‖y − ȳ‖ ≤ K‖Σ(0)‖^{1/2}/(λ^{3/2}μ), K = sup_t ‖(Σ(t) − Σ(0))∇R(y(t))‖, for ``norm`` ‖Σ(0)‖ and Σ(0) ⪰ λ."""
    all_positive(K=K, norm=norm, lam=lam, mu=mu)
    return K * math.sqrt(norm) / (lam**1.5 * mu)
