"""The exact mean square distance of a one-hidden-layer Gram matrix from its limit."""

import numpy as np

from argument_validation import validate_name
from theory.dual_activations import DUALS
from theory.gram_limits import angles
from theory.validation import polar, validate_kernel_inputs


def gram_fluctuations(X: np.ndarray, *, activation: str) -> tuple[float, float]:
    """gram-limit (b): C_1 and C_2 with E‖(m/κ²) G^l − K^l‖_F² = C_l / m for every width m, one hidden layer.

    The m neurons are independent, so the mean square distance is the variance of one of them over m:

        C_1 = Σ_ij ⟨x_i, x_j⟩² (3 E[σ'(u)²σ'(v)²] − Σ̇_ij²),    C_2 = Σ_ij (E[σ(u)²σ(v)²] − Σ_ij²),

    the 3 being E a⁴ of the output weights. ``X`` (n, d) as for `limit_grams`, but with row norms of at most 1e75 for relu,
    leaky_relu, abs and identity, 10 for erf, 12 for gelu and tanh, 24 for sigmoid and softplus: there E σ²σ² and E σ'²σ'² need
    Mehler's formula. The error is about 3e-13 of the two sums of fourth moments.

    ValueError for other norms, empty or non-finite inputs and an unknown activation.
    """
    dual = DUALS[validate_name(activation, DUALS, "activation")]
    X = validate_kernel_inputs(
        X, "X", dual.squares_norm, f"for {activation}, whose fourth moments are known up to there"
    )
    unit, norms = polar(X)
    angle, q = angles(unit, unit), norms**2
    features, p = dual.features(q, q.max()), dual.variance(q)
    value, derivative, _ = dual.layer(features, features, p, p, angle)
    value4, derivative4 = dual.squared_moments(q, q, angle)
    inner = np.multiply.outer(norms, norms) * np.cos(angle)
    return float((inner**2 * (3 * derivative4 - derivative**2)).sum()), float((value4 - value**2).sum())
