"""Infinite-width Gram matrices of one-dimensional circular convolutional networks without pooling."""

import numpy as np

from argument_validation import validate_count, validate_name
from theory.dual_activations import DUALS
from theory.residual_limits import dual_moments
from theory.validation import validate_kernel_inputs


def convolution_limit_grams(X: np.ndarray, *, taps: int, hidden_layers: int, activation: str = "relu") -> np.ndarray:
    """Limits of (m/κ²) times the Gram matrix of every layer of a convolutional network, as its number of channels m grows.

    The network has P positions on a circle and q taps, o = 0..q−1, all weights N(0, 1):

        z^1_p = q^{−1/2} Σ_o W^1_o x_{p+o},  z^l_p = (qm)^{−1/2} Σ_o W^l_o x^{l−1}_{p+o} for l ≥ 2,
        x^l_p = σ(z^l_p),  f = κ/(m√P) Σ_p a_p·x^L_p.

    With Σ^0_p = [⟨x_{i,p}, x_{j,p}⟩]_ij, C^l_p = q^{−1} Σ_o Σ^{l−1}_{p+o} and, for (u, v) ~ N(0, C^l_p), Σ^l_p = E σ(u)σ(v) and
    Σ̇^l_p = E σ'(u)σ'(v):

        Γ^L_p = Σ̇^L_p/P,  Γ^{l−1}_p = Σ̇^{l−1}_p ∘ q^{−1} Σ_o Γ^l_{p−o},  K^l = Σ_p Γ^l_p ∘ C^l_p,  K^{L+1} = P^{−1} Σ_p Σ^L_p.

    Parameters
    ----------
    X : (n, P, c) inputs, c channels at each of P positions. For the kernel between test and training inputs stack both and
        take the rows and columns needed.
    taps : q, from 1 to P.
    hidden_layers : L ≥ 1.
    activation : name of σ, as for `limit_grams`.

    Returns
    -------
    (L+1, n, n), exactly symmetric. P = 1 is the plain network.

    Raises
    ------
    ValueError for shapes that do not fit, empty, non-finite or zero inputs, more taps than positions, an unknown activation, a
    depth below 1, q neighbouring positions of an input that are all zero, and variances beyond the reach of the
    activation's quadrature.

    Notes
    -----
    Source: elementary, proof in docs/theory.md, other-architectures.
    """
    L, q = validate_count(hidden_layers, "hidden_layers"), validate_count(taps, "taps")
    activation = validate_name(activation, DUALS, "activation")
    if np.ndim(X) != 3:
        raise ValueError(f"`X` must have three dimensions (n, P, c), got shape {np.shape(X)}")
    X = validate_kernel_inputs(np.reshape(X, (len(X), -1))).reshape(np.shape(X))
    n, P, _ = X.shape
    if q > P:
        raise ValueError(f"`taps` must be at most the number of positions, {P}, got {q}")
    sigma = np.einsum("ipc,jpc->pij", X, X)
    covariances, dots = [], []
    for _ in range(L):
        covariances.append(mean_of_shifts(sigma, q, -1))
        moments = [dual_moments(C, activation) for C in covariances[-1]]
        sigma = np.stack([value for value, _ in moments])
        dots.append(np.stack([derivative for _, derivative in moments]))
    grams = np.empty((L + 1, n, n))
    grams[L], gamma = sigma.mean(axis=0), dots[-1] / P
    for l in range(L - 1, -1, -1):
        grams[l] = (gamma * covariances[l]).sum(axis=0)
        if l:
            gamma = dots[l - 1] * mean_of_shifts(gamma, q, 1)
    return (grams + grams.transpose(0, 2, 1)) / 2


def mean_of_shifts(arrays: np.ndarray, taps: int, direction: int) -> np.ndarray:
    """q^{−1} Σ_o of ``arrays`` (P, n, n) at position p + o for ``direction`` −1, at p − o for +1, o = 0..q−1 on the circle."""
    return np.mean([np.roll(arrays, direction * o, axis=0) for o in range(taps)], axis=0)
