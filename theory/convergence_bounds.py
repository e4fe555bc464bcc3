"""Constants of convergence in lazy training: decay of the error, drift, distance of predictions, threshold of the scale.

h: R^p → R^N, R is M-smooth and μ-strongly convex with minimiser y*, c = M/μ ≥ 1; σ is the least singular value of Dh(w_0)ᵀ,
‖Dh‖ ≥ σ the largest, l a Lipschitz constant of Dh on the ball of radius r around w_0, 0 for a linear h. Proofs in
docs/theory.md. A result beyond float64 is a ValueError.
"""

from decimal import Decimal

from theory.validation import bound, in_order, not_negative, positive


@bound
def convergence_radius(sigma: float, lipschitz: float, r: float) -> float:
    """over-parameterized (e): r_0 = min(r, σ/(2l)): within it the singular values of Dhᵀ are at least σ/2."""
    (sigma, r), (lipschitz,) = positive(sigma=sigma, r=r), not_negative(lipschitz=lipschitz)
    return min(r, sigma / (2 * lipschitz)) if lipschitz else r


@bound
def convergence_scale(c: float, norm: float, sigma: float, radius: float) -> float:
    """over-parameterized (a): C_0 = σ²r_0/(16c^{3/2}‖Dh‖): ‖h(w_0)‖ ≤ C_0 and α > ‖y*‖/C_0 suffice for convergence."""
    c, norm, sigma = _condition(c, norm, sigma)
    (radius,) = positive(radius=radius)
    return sigma**2 * radius / (16 * c ** Decimal("1.5") * norm)


@bound
def convergence_rate(mu: float, sigma: float) -> float:
    """over-parameterized (a): rate μσ²/4: ‖y(t) − y*‖ ≤ √c ‖y(0) − y*‖ e^{−rate·t}."""
    mu, sigma = positive(mu=mu, sigma=sigma)
    return mu * sigma**2 / 4


@bound
def convergence_drift_bound(c: float, norm: float, sigma: float, targets: float, alpha: float) -> float:
    """over-parameterized (b): sup_t ‖w_α(t) − w_0‖ ≤ 6c^{3/2}‖Dh‖‖y*‖/(ασ²) if h(w_0) = 0, for ``targets`` ‖y*‖."""
    c, norm, sigma = _condition(c, norm, sigma)
    (alpha,), (targets,) = positive(alpha=alpha), not_negative(targets=targets)
    return 6 * c ** Decimal("1.5") * norm * targets / (alpha * sigma**2)


@bound
def convergence_prediction_bound(
    c: float, norm: float, sigma: float, lipschitz: float, targets: float, alpha: float
) -> float:
    """over-parameterized (b): sup_t ‖y(t) − ȳ(t)‖ ≤ 15c³‖Dh‖³l‖y*‖²/(ασ⁵) if h(w_0) = 0, for ``targets`` ‖y*‖."""
    c, norm, sigma = _condition(c, norm, sigma)
    (alpha,), (lipschitz, targets) = positive(alpha=alpha), not_negative(lipschitz=lipschitz, targets=targets)
    return 15 * c**3 * norm**3 * lipschitz * targets**2 / (alpha * sigma**5)


@bound
def decay_envelope(mu: float, M: float, lam: float, t: float) -> float:
    """decay-lemma (a): (M/μ)^{1/2} e^{−μλt}: bound on ‖y(t) − y*‖/‖y(0) − y*‖ for y' = −Σ(t)∇R(y) with Σ(t) ⪰ λ; M ≥ μ, t ≥
    0.
    """
    (mu, M, lam), (t,) = positive(mu=mu, M=M, lam=lam), not_negative(t=t)
    in_order(mu=mu, M=M)
    return (M / mu).sqrt() * (-mu * lam * t).exp()


@bound
def stability_bound(K: float, norm: float, lam: float, mu: float) -> float:
    """stability-lemma (a): ‖y − ȳ‖ ≤ K‖Σ(0)‖^{1/2}/(λ^{3/2}μ), K = sup_t ‖(Σ(t) − Σ(0))∇R(y(t))‖, for ``norm`` ‖Σ(0)‖ and
    Σ(0) ⪰ λ.
    """
    (K,), (norm, lam, mu) = not_negative(K=K), positive(norm=norm, lam=lam, mu=mu)
    in_order(lam=lam, norm=norm)
    return K * norm.sqrt() / (lam ** Decimal("1.5") * mu)


def _condition(c: float, norm: float, sigma: float) -> list[Decimal]:
    """c ≥ 1 and ‖Dh‖ ≥ σ > 0."""
    c, norm, sigma = positive(c=c, norm=norm, sigma=sigma)
    if c < 1:
        raise ValueError(f"`c` = M/μ must be at least 1, got {float(c)!r}")
    in_order(sigma=sigma, norm=norm)
    return [c, norm, sigma]
