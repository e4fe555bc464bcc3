"""Bounds for the flow of F_α(w) = R(αh(w))/α² on a fixed horizon. Proofs in docs/theory.md.

Residual, curvature, loss, time and horizon may be 0, and so is the bound. A result beyond float64 is a ValueError.
"""

import math

from argument_validation import validate_not_negative
from theory.validation import bound, not_negative, positive

LINEAR_SHARE = 0.9026
"""max_s (1 − e^{−s})/√(s/2), at s = 1.2564: the largest share of `largest_drift` that a linear h: R → R uses, rounded up."""
TERMS = 20  # of Σ_j (−K)^j/(j+2)!, K ≤ 1: the next one is below 1e-21

EXPONENTS = {"drift": -1.0, "path": -2.0, "predictions": -1.0}
"""In α, of sup‖w_α − w_0‖, sup‖w_α − w̄_α‖ and sup‖y − ȳ‖, where h(w_0) = 0."""


@bound
def relative_scale(residual: float, curvature: float, slope: float, alpha: float = 1.0) -> float:
    """relative-scale: κ_{αh}(w_0) = (1/α)‖αh(w_0) − y*‖ ‖D²h(w_0)‖/‖Dh(w_0)‖².

    Parameters
    ----------
    residual : ‖αh(w_0) − y*‖. curvature : ‖D²h(w_0)‖, or an upper bound. slope : ‖Dh(w_0)‖. alpha : the scale α.
    """
    (slope, alpha), (residual, curvature) = (
        positive(slope=slope, alpha=alpha),
        not_negative(residual=residual, curvature=curvature),
    )
    return residual * curvature / (alpha * slope**2)


@bound
def loss_criterion(loss: float, gradient: float, curvature: float, slope: float, alpha: float = 1.0) -> float:
    """relative-scale (d, e): F‖D²h‖/(‖∇F‖‖Dh‖) at w_0 for F = R(αh)/α².

    To first order the largest ratio of the relative changes of Dh and of F.

    Parameters
    ----------
    loss : R(αh(w_0)). gradient : ‖Dh(w_0)ᵀ∇R(αh(w_0))‖, so that ‖∇F‖ is it over α. curvature : ‖D²h(w_0)‖, or an upper
        bound. slope : ‖Dh(w_0)‖. alpha : the scale α.
    """
    gradient, slope, alpha = positive(gradient=gradient, slope=slope, alpha=alpha)
    loss, curvature = not_negative(loss=loss, curvature=curvature)
    return loss * curvature / (alpha * gradient * slope)


def scalar_distance(horizon: float) -> float:
    """relative-scale (a): (2/K²)e^{−K}(K − 1 + e^{−K}): limit of (‖y(T) − ȳ(T)‖/|y*|)/(K²κ) for h(w) = w + lw²/2, T =
    ``horizon`` K.

    1 at K = 0, and decreasing. For K ≤ 1 the bracket over K² is the series Σ_j (−K)^j/(j+2)!, in which nothing cancels.
    """
    K = validate_not_negative(horizon, "horizon")
    if K <= 1:
        bracket = math.fsum((-K) ** j / math.factorial(j + 2) for j in range(TERMS))
    else:
        bracket = (K + math.expm1(-K)) / K / K
    return 2 * math.exp(-K) * bracket


@bound
def largest_drift(time: float, initial_loss: float, alpha: float) -> float:
    """general-lazy (b): ‖w_α(t) − w_0‖ ≤ √(t R(αh(w_0)))/α for every loss R ≥ 0."""
    (alpha,), (time, initial_loss) = positive(alpha=alpha), not_negative(time=time, initial_loss=initial_loss)
    return (time * initial_loss).sqrt() / alpha


@bound
def least_scale(horizon: float, residual: float, lipschitz: float, radius: float) -> float:
    """finite-horizon (a): K‖αh(w_0) − y*‖/(r Lip(h)): for α at least this the flow stays in the ball of ``radius`` r up to
    K/Lip(h)².
    """
    horizon, residual = not_negative(horizon=horizon, residual=residual)
    lipschitz, radius = positive(lipschitz=lipschitz, radius=radius)
    return horizon * residual / (radius * lipschitz)


@bound
def finite_horizon_bound(
    horizon: float, residual: float, lipschitz: float, jacobian_lipschitz: float, alpha: float
) -> float:
    """finite-horizon (a): sup ‖y − ȳ‖/‖αh(w_0) − y*‖ ≤ (K²/α)(Lip(Dh)/Lip(h)²)‖αh(w_0) − y*‖ up to K/Lip(h)², for the
    square loss.

    Parameters
    ----------
    horizon : K. residual : ‖αh(w_0) − y*‖. lipschitz, jacobian_lipschitz : constants of h and Dh on the ball that α belongs
        to, see `least_scale`. alpha : the scale α.
    """
    horizon, residual = not_negative(horizon=horizon, residual=residual)
    (jacobian_lipschitz,) = not_negative(jacobian_lipschitz=jacobian_lipschitz)
    lipschitz, alpha = positive(lipschitz=lipschitz, alpha=alpha)
    return horizon**2 * jacobian_lipschitz * residual / (alpha * lipschitz**2)
