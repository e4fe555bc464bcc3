"""What a lazy network predicts at new inputs, and the Gaussian process of an infinitely wide one, from kernels alone."""

from dataclasses import dataclass

import numpy as np

from argument_validation import validate_array, validate_not_negative, validate_reals
from theory.validation import spectrum


@dataclass(frozen=True)
class KernelRegression:
    """``mean`` (n_test,) or (n_test, k); ``variance`` (n_test,) of the Gaussian process, None without ``K_self``.

    ``unresolved`` is the share of ‖y‖ in null modes of K, which no prediction follows.
    """

    mean: np.ndarray
    variance: np.ndarray | None
    unresolved: float


def kernel_regression(
    K: np.ndarray, K_test: np.ndarray, y: np.ndarray, *, time: float = np.inf, K_self: np.ndarray | None = None
) -> KernelRegression:
    """Mean prediction K_* K^+(I − e^{−tK/n})y of gradient flow of (1/2n)‖f − y‖² from f_0 = 0, ridgeless regression at t = ∞.

    With the NTK for K this is what a lazy network predicts in centred training at time tm/κ² (kernel-description); with the
    NNGP, at t = ∞, the posterior mean of its Gaussian process without noise, whose variance is k(x, x) − K_* K^+ K_*ᵀ. A mode
    of K that is null to rounding, |λ| ≤ 4nu‖K‖, is left out: K^+ is the pseudo-inverse, and no ridge is added.

    Parameters
    ----------
    K : (n, n) symmetric, positive semidefinite. K_test : (n_test, n) K_*. y : (n,) targets, or (n, k) for k outputs.
    time : t ≥ 0. K_self : (n_test,) k(x, x) of the new inputs, for the variance.

    Raises
    ------
    ValueError for shapes that do not fit, numbers that are not finite, a K that is not symmetric or has an eigenvalue below
    −τ, a negative time, a k(x, x) with a variance that is negative beyond rounding, results beyond float64.

    Examples
    --------
    >>> from theory import limit_grams
    >>> X, X_new = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.6, 0.8]])
    >>> K = limit_grams(X, hidden_layers=1)
    >>> kernel_regression(K.ntk, limit_grams(X_new, X, hidden_layers=1).ntk, np.array([1.0, -1.0])).mean.round(3)
    array([-0.216])
    """
    K_test = validate_array(K_test, "K_test", ("n_test", "n"))
    n = K_test.shape[1]
    y = validate_array(y, "y", (n, "k") if validate_reals(y, "y").ndim == 2 else (n,))
    t = time if isinstance(time, float) and time == np.inf else validate_not_negative(time, "time")
    values, Q, tau = spectrum(K, "K", n)
    live = values > tau
    size = float(np.abs(y).max()) or 1.0
    left, modes, Q, values = Q[:, ~live].T @ (y / size), Q[:, live].T @ (y / size), Q[:, live], values[live]
    with np.errstate(over="ignore", invalid="ignore"):
        scale = values.max(initial=0) or 1.0
        features = (K_test / scale) @ Q / (values / scale)
        mean = features @ (-np.expm1(-t * values / n) * modes.T).T * size
        variance = None
        if K_self is not None:
            K_self = validate_array(K_self, "K_self", (len(K_test),))
            left_over = K_self - (features * (K_test @ Q)).sum(axis=1)
            rounding = tau * (1 + np.linalg.norm(features, axis=1)) ** 2
            if (left_over < -rounding).any():
                x = int((left_over + rounding).argmin())
                raise ValueError(
                    f"`K_self` must be at least K_* K^+ K_*ᵀ, as in a kernel, is {-left_over[x]:.3g} less at {x}"
                )
            variance = np.maximum(left_over, 0.0)  # what is left is rounding
    if not (np.isfinite(mean).all() and (variance is None or np.isfinite(variance).all())):
        raise ValueError(f"`K`, `K_test` and `y` must leave predictions within float64, got targets up to {size:.3g}")
    whole = np.linalg.norm(y / size)
    return KernelRegression(mean, variance, float(np.linalg.norm(left) / whole) if whole else 0.0)
