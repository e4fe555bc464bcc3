"""Infinite-width Gram matrices of residual networks, and dual activations at a given covariance matrix."""

import numpy as np

from argument_validation import validate_count, validate_name
from theory.dual_activations import DUALS, PiecewiseLinear
from theory.quadrature import gaussian_grid
from theory.validation import validate_kernel_inputs


def residual_limit_grams(
    X: np.ndarray,
    *,
    hidden_layers: int,
    activation: str = "relu",
    branch_scale: float = 1.0,
    second_weights: bool = True,
) -> np.ndarray:
    """Limits of (m/κ²) times the Gram matrix of every block of weights of a residual network, as its width m grows.

    The network is x^1 = σ(W^1x), x^l = x^{l−1} + (s/√m) V^l σ(W^l x^{l−1}/√m) for l = 2..L, f = (κ/m) a·x^L, all weights
    N(0, 1). With Σ^0 = XXᵀ and (u, v) ~ N(0, Σ^{l−1}), Φ^l = E σ(u)σ(v), Σ̇^l = E σ'(u)σ'(v):

        Σ^1 = Φ^1,  Σ^l = Σ^{l−1} + s²Φ^l,        Γ^L = 1,  Γ^{l−1} = Γ^l ∘ (1 + s²Σ̇^l),
        K_W^1 = Σ^0 ∘ Σ̇^1 ∘ Γ^1,  K_W^l = s²Σ^{l−1} ∘ Σ̇^l ∘ Γ^l,  K_V^l = s²Φ^l ∘ Γ^l,  K_a = Σ^L.

    Parameters
    ----------
    X : (n, d) inputs. For the kernel between test and training inputs stack both and take the rows and columns needed.
    hidden_layers : L ≥ 1; L = 1 is the plain network.
    activation : name of σ, as for `limit_grams`.
    branch_scale : s, finite and not negative.
    second_weights : False for branches without V, x^l = x^{l−1} + s σ(W^l x^{l−1}/√m). A branch and what it is added to then
        have means: with ν^l = E σ(u), μ^1 = ν^1, μ^l = μ^{l−1} + sν^l, Σ^l gains s(μ^{l−1}ν^lᵀ + ν^lμ^{l−1}ᵀ).

    Returns
    -------
    (2L, n, n), exactly symmetric, in the order W^1, W^2, V^2, …, W^L, V^L, a; without V (L+1, n, n), W^1 … W^L, a. Angles are
    taken from cosines: the relative accuracy of a least eigenvalue is lost for inputs closer than about 1e-5.

    Raises
    ------
    ValueError for empty, non-finite or zero rows, an unknown activation, a depth below 1, a scale that is negative or not
    finite, and variances beyond the reach of the activation's quadrature.

    Notes
    -----
    Source: elementary, proof in docs/theory.md, other-architectures.
    """
    L, s = validate_count(hidden_layers, "hidden_layers"), float(branch_scale)
    activation = validate_name(activation, DUALS, "activation")
    if not 0 <= s < np.inf:
        raise ValueError(f"`branch_scale` must be finite and not negative, got {branch_scale!r}")
    X = validate_kernel_inputs(X)
    sigma = [X @ X.T]
    phi, dots = [], []
    for l in range(L):
        value, derivative = dual_moments(sigma[-1], activation)
        phi.append(value)
        dots.append(derivative)
        if l == 0:
            sigma.append(value)
            continue
        total = sigma[-1] + s**2 * value
        if not second_weights:
            # μ^l is a sum over the layers so far, each with the mean at its own variance
            means = [activation_mean(np.diag(S), activation) for S in sigma]
            before = means[0] + s * sum(means[1:l])
            total = total + s * (np.outer(before, means[l]) + np.outer(means[l], before))
        sigma.append(total)
    blocks, gamma = [sigma[L]], np.ones_like(sigma[0])
    for l in range(L, 1, -1):
        if second_weights:
            blocks.append(s**2 * phi[l - 1] * gamma)
        blocks.append(s**2 * sigma[l - 1] * dots[l - 1] * gamma)
        gamma = gamma * (1 + s**2 * dots[l - 1])
    blocks.append(sigma[0] * dots[0] * gamma)
    grams = np.stack(blocks[::-1])
    return (grams + grams.transpose(0, 2, 1)) / 2


def dual_moments(covariance: np.ndarray, activation: str) -> tuple[np.ndarray, np.ndarray]:
    """E σ(u)σ(v) and E σ'(u)σ'(v), both (n, n), for every pair of components of a Gaussian vector with this covariance.

    ``covariance`` (n, n) symmetric with positive diagonal. Raises ValueError for a diagonal that is not positive, or larger
    than the activation's quadrature reaches.
    """
    dual, variances = DUALS[activation], np.diag(covariance)
    if variances.min() <= 0:
        raise ValueError(f"the variances of the pre-activations must be positive, the least is {variances.min():g}")
    if variances.max() > dual.max_variance:
        raise ValueError(
            f"the variances of the pre-activations must be at most {dual.max_variance:g} for {activation}: its quadrature is "
            f"accurate up to there; the largest is {variances.max():.6g}"
        )
    roots = np.sqrt(variances)
    angle = np.arccos(np.clip(covariance / np.outer(roots, roots), -1.0, 1.0))
    np.fill_diagonal(angle, 0.0)  # the quotient may be an ulp below 1
    features, after = dual.features(variances, variances.max()), dual.variance(variances)
    value, derivative, _ = dual.layer(features, features, after, after, angle)
    return value, derivative


def activation_mean(variances: np.ndarray, activation: str) -> np.ndarray:
    """E σ(√q Z) for every q in ``variances`` (n,): b√(2q/π) for σ = au + b|u|, else the trapezoid rule."""
    dual = DUALS[activation]
    if isinstance(dual, PiecewiseLinear):
        return dual.b * np.sqrt(2 * variances / np.pi)
    z, weights = gaussian_grid(0.02)
    u = np.sqrt(variances)[:, None] * z
    density = np.exp(-(z**2) / 4) / (2 * np.pi) ** 0.25  # the weights hold the other half of the normal density
    return (dual.function(u) + dual.function(-u)) / 2 @ (weights * density)
