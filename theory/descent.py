"""Gradient descent in closed form, gradient-descent (b) and (d): linear models, and a linear network with one sample."""

import numpy as np

from argument_validation import validate_array, validate_count, validate_positive, validate_real, validate_size
from theory.validation import spectrum

MOST_STEPS = 10**6


def linearized_descent(K: np.ndarray, y: np.ndarray, *, step: float, steps: int) -> np.ndarray:
    """‖e_k‖² = Σ_i (1 − ηλ_i/n)^{2k} (v_i·y)², k = 0 … ``steps``, of a linear model with tangent kernel K = Σ_i λ_i v_iv_iᵀ.

    For the loss (1/2n)‖f − y‖² and f_0 = 0 (Arora et al. 2019). ``K`` (n, n) symmetric, positive semidefinite; ``y`` (n,);
    ``step`` η. Returns (steps + 1,). ValueError where η exceeds 2n/λ_max, beyond which e_k grows.
    """
    y, step = validate_array(y, "y", ("n",)), validate_positive(step, "step")
    steps = validate_count(steps, "steps", most=MOST_STEPS)
    values, Q, _ = spectrum(K, "K", len(y))
    largest = float(values[-1])
    if step * (largest / len(y)) > 2 * (1 + 1e-12):
        raise ValueError(f"`step` must be at most 2n/λ_max = {2 * len(y) / largest:.6g}, got {step:.6g}")
    size = float(np.abs(y).max()) or 1.0
    factors = np.abs(1 - step * (np.maximum(values, 0) / len(y))) ** np.arange(steps + 1)[:, None]
    with np.errstate(over="ignore", under="ignore"):
        squares = ((factors * ((y / size) @ Q)) ** 2).sum(axis=1) * size * size
    if not np.isfinite(squares).all():
        raise ValueError(f"`y` must leave ‖y‖² within float64, got an entry of size {size:.6g}")
    return squares


def catapult(output: float, curvature: float, *, step: float, width: int, steps: int) -> np.ndarray:
    """(f_k, λ_k) of gradient descent on (1/2)f², f = m^{−1/2} a·Wx with ‖x‖ = 1, λ = (‖a‖² + ‖Wx‖²)/m its tangent kernel.

        f_{k+1} = f_k(1 − ηλ_k + η²f_k²/m),    λ_{k+1} = λ_k + (ηf_k²/m)(ηλ_k − 4)

    exactly, for every width m (Lewkowycz et al. 2020). ``output`` f_0, ``curvature`` λ_0 > 0, ``step`` η. Returns
    (k + 1, 2), k at most ``steps``: the rows end before the first that is not finite.
    """
    f, lam = validate_real(output, "output"), validate_positive(curvature, "curvature")
    step, m, steps = (
        validate_positive(step, "step"),
        validate_size(width, "width"),
        validate_count(steps, "steps", most=MOST_STEPS),
    )
    rows = [(f, lam)]
    with np.errstate(over="ignore", invalid="ignore"):
        f, lam, step = np.float64(f), np.float64(lam), np.float64(step)
        for _ in range(steps):
            s = step * (f / m) * (step * f)
            f, lam = f * (1 - step * lam + s), lam + step * (f / m) * f * (step * lam - 4)
            if not (np.isfinite(f) and np.isfinite(lam)):
                break
            rows.append((f, lam))
    return np.array(rows, dtype=float)
