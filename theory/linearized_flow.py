"""Gradient flow of a linear model in closed form: what training would be if the tangent kernel stood still."""

from dataclasses import dataclass

import numpy as np
from scipy.special import exprel

from argument_validation import validate_array, validate_positive, validate_symmetric


@dataclass(frozen=True)
class LinearizedFlow:
    """The flow at k times.

    ``times`` (k,); ``outputs`` f_t (k, n); ``losses`` R_t (k,); ``drift`` ‖θ_t − θ_0‖₂ (k,), where layers have rates S the norm
    ‖S^{−½}(θ_t − θ_0)‖₂; ``test_outputs`` (k, n_test), None without a ``K_test``.
    """

    times: np.ndarray
    outputs: np.ndarray
    losses: np.ndarray
    drift: np.ndarray
    test_outputs: np.ndarray | None


def linearized_flow(
    K: np.ndarray,
    y: np.ndarray,
    times: np.ndarray,
    *,
    f0: np.ndarray | None = None,
    K_test: np.ndarray | None = None,
    f0_test: np.ndarray | None = None,
    weight: float | None = None,
) -> LinearizedFlow:
    """Gradient flow of R = (w/2)‖f − y‖² for a model that is linear in its parameters, with tangent kernel K = J S Jᵀ.

    With e_0 = f_0 − y and φ1(z) = (e^z − 1)/z,

        f_t = y + e^{−twK}e_0,    f_t(x) = f_0(x) − tw K(x, X) φ1(−twK)e_0,    θ_t − θ_0 = −tw S Jᵀφ1(−twK)e_0,

    so that nothing is divided by an eigenvalue: K may be singular. It is taken as it is, and K alone does not tell an
    eigenvalue 0 from ε = 2⁻⁵²‖K‖: at times with twε ≳ 1 such modes may move or grow, and ‖θ_t − θ_0‖² is uncertain by
    ε(tw‖e_0‖)² even before.

    Parameters
    ----------
    K : (n, n) symmetric. y : (n,) targets. times : (k,) not negative.
    f0 : (n,) outputs at time 0, default 0, as in centred training.
    K_test : (n_test, n) kernel of test and training inputs. f0_test : (n_test,) outputs there at time 0, default 0.
    weight : w > 0, default 1/n, the loss (1/2n)‖f − y‖² of the networks.

    Raises
    ------
    ValueError for shapes that do not fit, numbers that are not finite, a K that is not exactly symmetric, negative times, a
    weight that is not positive, ``f0_test`` without ``K_test``.
    """
    y = validate_array(y, "y", ("n",))
    n = len(y)
    K, times = validate_symmetric(K, "K", n), validate_array(times, "times", ("k",))
    if times.min() < 0:
        raise ValueError(f"`times` must not be negative, got {times.min():g}")
    f0 = np.zeros(n) if f0 is None else validate_array(f0, "f0", (n,))
    w = 1 / n if weight is None else validate_positive(weight, "weight")

    values, Q = np.linalg.eigh(K)
    start = (f0 - y) @ Q
    decay = w * np.outer(times, values)
    residuals = np.exp(-decay) * start
    moved = (w * times)[:, None] * exprel(-decay) * start
    test_outputs = None
    if K_test is not None:
        K_test = validate_array(K_test, "K_test", ("n_test", n))
        f0_test = np.zeros(len(K_test)) if f0_test is None else validate_array(f0_test, "f0_test", (len(K_test),))
        test_outputs = f0_test - moved @ (K_test @ Q).T
    elif f0_test is not None:
        raise ValueError("`f0_test` needs `K_test`, the kernel between test and training inputs")
    return LinearizedFlow(
        times=times,
        outputs=y + residuals @ Q.T,
        losses=0.5 * w * (residuals**2).sum(axis=1),
        drift=np.sqrt(np.maximum((values * moved**2).sum(axis=1), 0.0)),  # 0 where only rounding is left
        test_outputs=test_outputs,
    )
