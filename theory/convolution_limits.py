"""Infinite-width Gram matrices of one-dimensional circular convolutional networks without pooling."""

import numpy as np

from argument_validation import validate_array, validate_count, validate_depth, validate_name
from theory.dual_activations import DUALS
from theory.gram_limits import LimitGrams, angles, norm_range
from theory.residual_limits import combined_angle, dual_layer
from theory.validation import polar, validate_norms


def convolution_limit_grams(
    X: np.ndarray, X2: np.ndarray | None = None, *, taps: int, hidden_layers: int, activation: str = "relu"
) -> LimitGrams:
    """Limits of (m/κ²) times the Gram matrix of every layer of a convolutional network, as its number of channels m grows.

    The network has P positions on a circle and q taps, o = 0..q−1, all weights N(0, 1):

        z^1_p = q^{−1/2} Σ_o W^1_o x_{p+o},  z^l_p = (qm)^{−1/2} Σ_o W^l_o x^{l−1}_{p+o} for l ≥ 2,
        x^l_p = σ(z^l_p),  f = κ/(m√P) Σ_p a_p·x^L_p.

    With Σ^0_p = [⟨x_{i,p}, x_{j,p}⟩]_ij, C^l_p = q^{−1} Σ_o Σ^{l−1}_{p+o} and, for (u, v) ~ N(0, C^l_p), Σ^l_p = E σ(u)σ(v) and
    Σ̇^l_p = E σ'(u)σ'(v):

        Γ^L_p = Σ̇^L_p/P,  Γ^{l−1}_p = Σ̇^{l−1}_p ∘ q^{−1} Σ_o Γ^l_{p−o},  K^l = Σ_p Γ^l_p ∘ C^l_p,  K^{L+1} = P^{−1} Σ_p Σ^L_p.

    Parameters
    ----------
    X, X2 : (n, P, c) and (n2, P, c) inputs, c channels at each of P positions, with norms at each position as those of the
        rows for `limit_grams`; ``X2`` defaults to ``X``.
    taps : q, from 1 to P.
    hidden_layers : L ≥ 1.
    activation : name of σ, as for `limit_grams`.

    Returns
    -------
    LimitGrams with ``layers`` (L+1, n, n2), their sum ``ntk`` and ``nngp`` = K^{L+1}. Exactly symmetric when ``X2`` is None or
    equal to ``X``. P = 1 is the plain network. For relu, leaky_relu and abs angles are carried as in `limit_grams`.

    Raises
    ------
    ValueError for shapes that do not fit, empty or non-finite inputs, norms outside the range, more taps than positions, an
    unknown activation and a depth below 1.

    Notes
    -----
    Source: elementary, proof in docs/theory.md, other-architectures.
    """
    L, q = validate_depth(hidden_layers), validate_count(taps, "taps")
    dual = DUALS[validate_name(activation, DUALS, "activation")]
    X = _validate_positions(X, "X", activation)
    X2 = X if X2 is None else _validate_positions(X2, "X2", activation)
    if X2.shape[1:] != X.shape[1:]:
        raise ValueError(f"`X2` must have the positions and channels of `X`, {X.shape[1:]}, got {X2.shape[1:]}")
    P = X.shape[1]
    if q > P:
        raise ValueError(f"`taps` must be at most the number of positions, {P}, got {q}")
    patches = [
        [polar(np.concatenate(_patch(list(Z.transpose(1, 0, 2)), p, q), axis=1)) for p in range(P)] for Z in (X, X2)
    ]
    roots = [[norm / np.sqrt(q) for _, norm in side] for side in patches]  # square roots of the diagonals of C_p
    angle = [angles(unit1, unit2) for (unit1, _), (unit2, _) in zip(*patches, strict=True)]
    covariances = [np.stack([np.multiply.outer(*r) * np.cos(theta) for *r, theta in zip(*roots, angle, strict=True)])]
    dots = []
    for l in range(L):
        layers = [dual_layer(dual, [r**2 for r in pair], theta) for *pair, theta in zip(*roots, angle, strict=True)]
        sigma = np.stack([value for value, *_ in layers])
        dots.append(np.stack([dot for _, dot, *_ in layers]))
        if l < L - 1:
            covariances.append(mean_of_shifts(sigma, q, -1))
            parts = [([np.sqrt(p / q) for p in variances], after) for *_, after, variances in layers]
            angle = [combined_angle(_patch(parts, p, q)) for p in range(P)]
            roots = [[np.sqrt(sum(r[side] ** 2 for r, _ in _patch(parts, p, q))) for p in range(P)] for side in (0, 1)]
    grams = np.empty((L + 1, len(X), len(X2)))
    grams[L], gamma = sigma.mean(axis=0), dots[-1] / P
    for l in range(L - 1, -1, -1):
        grams[l] = (gamma * covariances[l]).sum(axis=0)
        if l:
            gamma = dots[l - 1] * mean_of_shifts(gamma, q, 1)
    return LimitGrams((grams + grams.transpose(0, 2, 1)) / 2 if np.array_equal(X, X2) else grams)


def _validate_positions(X: object, name: str, activation: str) -> np.ndarray:
    """Return ``X`` as an (n, P, c) array whose norms at each position are those that the activation accepts."""
    X = validate_array(X, name, ("n", "P", "c"))
    validate_norms(polar(X.reshape(-1, X.shape[2]))[1].reshape(X.shape[:2]), name, *norm_range(activation))
    return X


def _patch(positions: list, p: int, taps: int) -> list:
    """The entries of ``positions`` at p, p + 1, …, p + q − 1 on the circle."""
    return [positions[(p + o) % len(positions)] for o in range(taps)]


def mean_of_shifts(arrays: np.ndarray, taps: int, direction: int) -> np.ndarray:
    """q^{−1} Σ_o of ``arrays`` (P, n, n) at position p + o for ``direction`` −1, at p − o for +1, o = 0..q−1 on the circle."""
    return np.mean([np.roll(arrays, direction * o, axis=0) for o in range(taps)], axis=0)
