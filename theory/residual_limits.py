"""Infinite-width Gram matrices of residual networks, and dual activations at a given covariance matrix."""

import numpy as np
from scipy.spatial.distance import cdist

from argument_validation import validate_depth, validate_flag, validate_name, validate_not_negative, validate_symmetric
from theory.dual_activations import DUALS, PiecewiseLinear, angle_between
from theory.gram_limits import Dual, LimitGrams, angles, next_variances, validate_pair
from theory.validation import polar

LARGEST_SCALE = np.sqrt(np.finfo(float).max)  # its square is finite


def residual_limit_grams(
    X: np.ndarray,
    X2: np.ndarray | None = None,
    *,
    hidden_layers: int,
    activation: str = "relu",
    branch_scale: float = 1.0,
    second_weights: bool = True,
) -> LimitGrams:
    """Limits of (m/κ²) times the Gram matrix of every block of weights of a residual network, as its width m grows.

    The network is x^1 = σ(W^1x), x^l = x^{l−1} + (s/√m) V^l σ(W^l x^{l−1}/√m) for l = 2..L, f = (κ/m) a·x^L, all weights
    N(0, 1). With Σ^0 = X X2ᵀ and (u, v) ~ N(0, Σ^{l−1}), Φ^l = E σ(u)σ(v), Σ̇^l = E σ'(u)σ'(v):

        Σ^1 = Φ^1,  Σ^l = Σ^{l−1} + s²Φ^l,        Γ^L = 1,  Γ^{l−1} = Γ^l ∘ (1 + s²Σ̇^l),
        K_W^1 = Σ^0 ∘ Σ̇^1 ∘ Γ^1,  K_W^l = s²Σ^{l−1} ∘ Σ̇^l ∘ Γ^l,  K_V^l = s²Φ^l ∘ Γ^l,  K_a = Σ^L.

    Parameters
    ----------
    X, X2 : (n, d) and (n2, d) inputs as for `limit_grams`; ``X2`` defaults to ``X``.
    hidden_layers : L ≥ 1; L = 1 is the plain network.
    activation : name of σ, as for `limit_grams`.
    branch_scale : s, finite and not negative.
    second_weights : False for branches without V, x^l = x^{l−1} + s σ(W^l x^{l−1}/√m). A branch and what it is added to then
        have means: with ν^l = E σ(u), μ^1 = ν^1, μ^l = μ^{l−1} + sν^l, Σ^l gains s(μ^{l−1}ν^lᵀ + ν^lμ^{l−1}ᵀ).

    Returns
    -------
    LimitGrams with ``layers`` (2L, n, n2) in the order W^1, W^2, V^2, …, W^L, V^L, a; without V (L+1, n, n2), W^1 … W^L, a;
    ``ntk`` is their sum and ``nngp`` = Σ^L. Exactly symmetric when ``X2`` is None or equal to ``X``. For relu, leaky_relu and
    abs angles are carried as in `limit_grams`, with the same accuracy for close inputs.

    Raises
    ------
    ValueError as `limit_grams`, for a scale that is negative or whose square is not finite, and for one so large that the
    variances of the pre-activations leave the range of the activation.

    Notes
    -----
    Source: elementary, proof in docs/theory.md, other-architectures.
    """
    L, s = validate_depth(hidden_layers), np.float64(validate_not_negative(branch_scale, "branch_scale"))
    dual, V = DUALS[validate_name(activation, DUALS, "activation")], validate_flag(second_weights, "second_weights")
    if s > LARGEST_SCALE:
        raise ValueError(
            f"`branch_scale` must be at most {LARGEST_SCALE:.6g}, so that its square is finite, got {s:.6g}"
        )
    X, X2, symmetric = validate_pair(X, X2, activation)
    (unit1, norm1), (unit2, norm2) = polar(X), polar(X2)
    angle, q = angles(unit1, unit2), (norm1**2, norm2**2)
    sigma = [np.multiply.outer(norm1, norm2) * np.cos(angle)]
    phi, dots, before = [], [], None
    for l in range(L):
        value, dot, after, p = dual_layer(dual, q, angle)
        means = [dual.mean(variances) for variances in q]
        phi.append(value)
        dots.append(dot)
        if l == 0:
            sigma, q, angle, before = [*sigma, value], p, after, means
            continue
        with np.errstate(over="ignore"):  # refused where the variances are validated
            roots = [[np.sqrt(v) for v in q], [s * np.sqrt(v) for v in p]]
            cross = [0 * mu if V else 2 * s * mu * nu for mu, nu in zip(before, means, strict=True)]
            q = [v + s**2 * w + c for v, w, c in zip(q, p, cross, strict=True)]
        validate_variances(q, dual, activation)
        parts = [(roots[0], angle), (roots[1], after), ([np.sqrt(c) for c in cross], np.zeros_like(angle))]
        total = sigma[-1] + s**2 * value
        if not V:
            total += s * (np.multiply.outer(before[0], means[1]) + np.multiply.outer(means[0], before[1]))
            before = [mu + s * nu for mu, nu in zip(before, means, strict=True)]
        if V or isinstance(dual, PiecewiseLinear):
            # 1-homogeneous σ: all means are proportional to the norms, so the cross terms are those of parallel vectors
            angle = combined_angle(parts)
        else:
            angle = angle_between(total, *(np.sqrt(v) for v in q))
        sigma.append(total)
    blocks, gamma = [sigma[L]], np.ones_like(sigma[0])
    for l in range(L, 1, -1):
        if V:
            blocks.append(s**2 * phi[l - 1] * gamma)
        blocks.append(s**2 * sigma[l - 1] * dots[l - 1] * gamma)
        gamma = gamma * (1 + s**2 * dots[l - 1])
    blocks.append(sigma[0] * dots[0] * gamma)
    grams = np.stack(blocks[::-1])
    return LimitGrams((grams + grams.transpose(0, 2, 1)) / 2 if symmetric else grams)


def dual_layer(
    dual: Dual, q: tuple[np.ndarray, np.ndarray], angle: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """E σσ, E σ'σ' and the next angles (n, n2), and the next variances of both sides, at variances ``q`` and ``angle``."""
    largest = max(v.max() for v in q)
    features, p = [dual.features(v, largest) for v in q], [next_variances(dual, v) for v in q]
    return *dual.layer(*features, *p, angle), p


def combined_angle(parts: list[tuple[list[np.ndarray], np.ndarray]]) -> np.ndarray:
    """Angles between x = (x_1, x_2, …) and y = (y_1, …), put together from orthogonal parts.

    ``parts`` holds ([|x_b| (n,), |y_b| (n2,)], angle of x_b and y_b (n, n2)). With the unit vectors α = (|x_b|)_b/|x| and β,

        sin²(θ/2) = |α − β|²/4 + Σ_b α_b β_b sin²(θ_b/2),    cos²(θ/2) = |α − β|²/4 + Σ_b α_b β_b cos²(θ_b/2),

    sums of squares: nothing cancels for nearly equal or opposite vectors. A right angle where one vector is zero.
    """
    first, second = (np.stack([roots[side] for roots, _ in parts]) for side in (0, 1))
    first, second = (polar(roots.T)[0].T for roots in (first, second))
    near = far = cdist(first.T, second.T, "sqeuclidean") / 4
    for alpha, beta, (_, angle) in zip(first, second, parts, strict=True):
        weight = np.multiply.outer(alpha, beta)
        near, far = near + weight * np.sin(angle / 2) ** 2, far + weight * np.cos(angle / 2) ** 2
    return 2 * np.arctan2(np.sqrt(near), np.sqrt(far))


def validate_variances(variances: list[np.ndarray], dual: Dual, activation: str) -> None:
    """Raise unless all variances of pre-activations are squares of norms that the activation accepts."""
    largest = max(v.max() for v in variances)
    if not largest <= dual.largest_norm**2 * (1 + 1e-9):
        raise ValueError(
            f"`X` and `branch_scale` must give pre-activations of variance at most {dual.largest_norm**2:g} for {activation}, "
            f"got {largest:.6g}"
        )


def dual_moments(covariance: np.ndarray, activation: str) -> tuple[np.ndarray, np.ndarray]:
    """E σ(u)σ(v) and E σ'(u)σ'(v), both (n, n), for every pair of components of a Gaussian vector with this covariance.

    ``covariance`` (n, n) symmetric, positive semi-definite, with diagonal entries up to the square of the largest norm that
    `limit_grams` accepts. Angles come from cosines. ValueError for anything else and for an unknown activation.
    """
    dual = DUALS[validate_name(activation, DUALS, "activation")]
    covariance = validate_symmetric(covariance, "covariance")
    q = np.diag(covariance)
    if q.min() < 0 or q.max() > dual.largest_norm**2:
        raise ValueError(
            f"`covariance` must have a diagonal in [0, {dual.largest_norm**2:g}], got {q.min():g} to {q.max():g}"
        )
    if (np.abs(covariance) > (1 + 1e-9) * np.multiply.outer(np.sqrt(q), np.sqrt(q))).any():
        raise ValueError("`covariance` must be positive semi-definite, got a correlation above 1")
    if (lost := (dual.variance(q) < np.finfo(float).tiny) & (q > 0)).any():
        raise ValueError(
            f"`covariance` must have a diagonal of 0 or with E σ(u)² that float64 represents, got {q[lost][0]:.3g}"
        )
    angle = angle_between(covariance, np.sqrt(q), np.sqrt(q))
    np.fill_diagonal(angle, 0.0)  # the quotient may be an ulp below 1
    return dual_layer(dual, (q, q), angle)[:2]
