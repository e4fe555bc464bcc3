"""Bounds for the flow of F_α(w) = R(αh(w))/α² on a fixed horizon. Proofs in docs/theory.md."""

import math

from argument_validation import all_positive

LINEAR_SHARE = 0.9026
"""max_s (1 − e^{−s})/√(s/2), at s = 1.2564: the largest share of `largest_drift` that a linear h: R → R uses, rounded up."""

EXPONENTS = {"drift": -1.0, "path": -2.0, "predictions": -1.0}
"""In α, of sup‖w_α − w_0‖, sup‖w_α − w̄_α‖ and sup‖y − ȳ‖, where h(w_0) = 0."""


def relative_scale(residual: float, curvature: float, slope: float, alpha: float = 1.0) -> float:
    """κ_{αh}(w_0) = (1/α)‖αh(w_0) − y*‖ ‖D²h(w_0)‖/‖Dh(w_0)‖².

    Parameters
    ----------
    residual : ‖αh(w_0) − y*‖. curvature : ‖D²h(w_0)‖, or an upper bound. slope : ‖Dh(w_0)‖. alpha : the scale α.
    """
    all_positive(residual=residual, curvature=curvature, slope=slope, alpha=alpha)
    return residual * curvature / (alpha * slope**2)


def scalar_distance(horizon: float) -> float:
    """(2/K²)e^{−K}(K − 1 + e^{−K}): limit of (‖y(T) − ȳ(T)‖/|y*|)/(K²κ) for h(w) = w + lw²/2, T = ``horizon`` K; 1 as K → 0."""
    all_positive(horizon=horizon)
    return 2 * math.exp(-horizon) * (horizon + math.expm1(-horizon)) / horizon**2


def largest_drift(time: float, initial_loss: float, alpha: float) -> float:
    """‖w_α(t) − w_0‖ ≤ √(t R(αh(w_0)))/α for every loss R ≥ 0."""
    all_positive(time=time, initial_loss=initial_loss, alpha=alpha)
    return math.sqrt(time * initial_loss) / alpha


def least_scale(horizon: float, residual: float, lipschitz: float, radius: float) -> float:
    """K‖αh(w_0) − y*‖/(r Lip(h)): for α at least this the flow stays in the ball of ``radius`` r up to K/Lip(h)²."""
    all_positive(horizon=horizon, residual=residual, lipschitz=lipschitz, radius=radius)
    return horizon * residual / (radius * lipschitz)


def finite_horizon_bound(
    horizon: float, residual: float, lipschitz: float, jacobian_lipschitz: float, alpha: float
) -> float:
    """sup ‖y − ȳ‖/‖αh(w_0) − y*‖ ≤ (K²/α)(Lip(Dh)/Lip(h)²)‖αh(w_0) − y*‖ up to K/Lip(h)², for the square loss.

    Parameters
    ----------
    horizon : K. residual : ‖αh(w_0) − y*‖. lipschitz, jacobian_lipschitz : constants of h and Dh on the ball that α belongs
        to, see `least_scale`. alpha : the scale α.
    """
    all_positive(
        horizon=horizon, residual=residual, lipschitz=lipschitz, jacobian_lipschitz=jacobian_lipschitz, alpha=alpha
    )
    return horizon**2 * jacobian_lipschitz * residual / (alpha * lipschitz**2)
