"""How the outputs of wide networks vary from draw to draw after training that starts from their own outputs."""

import numpy as np

from argument_validation import validate_array, validate_symmetric
from theory.kernel_regression import kernel_regression

ROUNDING = 1e-9  # of the terms of a variance


def ensemble_variance(
    K: np.ndarray, K_test: np.ndarray, S: np.ndarray, S_test: np.ndarray, S_self: np.ndarray, *, time: float = np.inf
) -> np.ndarray:
    """ensemble (a): variance (n_test,) of f_t(x) over draws, s(x, x) − 2a·s_x + aᵀSa with a = (I − e^{−tK/n})K^{−1}k_x, if
    f_0 ~ N(0, S) is not subtracted.

    Parameters
    ----------
    K : (n, n), K_test : (n_test, n) the tangent kernel. S : (n, n), S_test : (n_test, n), S_self : (n_test,) the covariance of
        the outputs at the start, the NNGP times κ²/m. time : t ≥ 0, of the flow of (1/2n)‖f − y‖².

    Raises
    ------
    ValueError as `kernel_regression`, for shapes that do not fit, an S that is not symmetric, negative variances.

    Examples
    --------
    >>> from theory import limit_grams
    >>> X, X_new = np.eye(2), np.array([[0.6, 0.8]])
    >>> own, new = limit_grams(X, hidden_layers=1), limit_grams(X_new, X, hidden_layers=1)
    >>> ensemble_variance(own.ntk, new.ntk, own.nngp, new.nngp, np.array([0.5])).round(3)
    array([0.063])
    """
    K_test = validate_array(K_test, "K_test", ("n_test", "n"))
    n_test, n = K_test.shape
    S, S_test = validate_symmetric(S, "S", n), validate_array(S_test, "S_test", (n_test, n))
    S_self = validate_array(S_self, "S_self", (n_test,))
    response = kernel_regression(K, K_test, np.eye(n), time=time).mean
    with np.errstate(over="ignore", invalid="ignore"):
        variance = S_self + ((response @ S - 2 * S_test) * response).sum(axis=1)
        rounding = ROUNDING * (np.abs(S_self) + np.abs(S).max() * np.abs(response).sum(axis=1) ** 2)
    if not np.isfinite(variance).all():
        raise ValueError(f"`K_test` must leave variances within float64, got entries up to {np.abs(K_test).max():g}")
    if (variance < -rounding).any():
        raise ValueError(
            f"`S_self` must be that of the kernel of `S` and `S_test`, got a variance of {variance.min():.3g}"
        )
    return np.maximum(variance, 0.0)  # what is left is rounding
