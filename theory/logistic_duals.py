"""Dual activations of tanh, sigmoid and softplus at every variance: 1/(1 + e^{−u}) as a mixture of normal distributions.

With K Kolmogorov's random variable, 1/(1 + e^{−u}) = E Φ(u/(2K)), hence tanh u = E erf(u/(√2 K)) and softplus u = E (u + 2KN)₊,
N standard normal (Andrews and Mallows 1974). For each pair of normals the dual is an arcsine (Williams 1997). Let (u, v) have
variances q1, q2, correlation ρ and covariance c = √(q1q2) ρ, let s = 1 for tanh and 2 otherwise, K and K' be independent and

    A = E arcsin(c/√((q1 + s²K²)(q2 + s²K'²))) = √(q1q2) ρ Σ_k w_k/(2k+1) N_k(q1) N_k(q2) ρ^{2k},   w_k = C(2k, k)/4^k,
    N_k(q) = E (q + s²K²)^{−1/2} (q/(q + s²K²))^k,    dA/dc = Σ_k w_k N_k(q1) N_k(q2) ρ^{2k}.

    tanh:      E σσ = (2/π) A,                        E σ'σ' = (2/π) dA/dc
    sigmoid:   E σσ = 1/4 + A/2π,                     E σ'σ' = (1/2π) dA/dc
    softplus:  E σσ = c/4 + M(q1)M(q2) + ∫A dc/2π,    E σ'σ' = 1/4 + A/2π,    M(q) = E σ = E √((q + 4K²)/2π)

the integral from 0 to c. All terms of a series have one sign: nothing cancels, at no variance, and a zero row (q = 0) is
no exception.

N_k is a trapezoid sum over log K with relative spacing `SPACING`: the integrand is analytic for |Im log K| < π/4. The series
needs as many terms as q/s² times 80, but its terms are a smooth function of k: with k = φ(j), φ(j) = j for the first indices
and growing exponentially afterwards, Σ_k t(k) = Σ_j φ'(j) t(φ(j)) up to 2e-15 (the two sums are trapezoid rules for the same
integral with the same end; Poisson's formula leaves e^{−π²/GROWTH}). So 30 nodes reach k = 100 and 120 reach 10^12.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import beta, ndtr

from theory.limit_tiles import NEGLIGIBLE, mixture_sums

SPACING = 0.11  # of log K: an error of 1e-16
GROWTH = 0.28  # of log φ per node, see above
FIRST, WIDTH, SCALE = 24.0, 3.0, 16.0  # φ(j) = j + 16 e^{GROWTH (j − 24)} Φ((j − 24)/3)
REACH = 80.0  # terms needed: N_k(q)² < 1e-17 N_0(q)² for k > 40 + REACH q/s²


def _kolmogorov_nodes() -> tuple[np.ndarray, np.ndarray]:
    """Points K and weights of the trapezoid rule in log K for Kolmogorov's density, from its two series."""
    K = np.exp(SPACING * np.arange(np.ceil(np.log(0.12) / SPACING), np.log(5.0) / SPACING))
    m = np.arange(1, 12)[:, None]
    odd = ((2 * m - 1) * np.pi / 2) ** 2
    large = 8 * ((-1.0) ** (m + 1) * m**2 * K * np.exp(-2 * (m * K) ** 2)).sum(axis=0)
    small = np.sqrt(2 * np.pi) * ((odd / K**4 - 1 / K**2) * np.exp(-odd / (2 * K**2))).sum(axis=0)
    return K, SPACING * K * np.where(K > 1, large, small)


K_NODES, K_WEIGHTS = _kolmogorov_nodes()


def series_nodes(last: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes φ(j) up to ``last`` and weights φ'(j) w_{φ(j)}, for the sum over all k of w_k times a smooth function of k."""
    j = np.arange(FIRST + np.log(1 + last) / GROWTH)
    z, growth = (j - FIRST) / WIDTH, SCALE * np.exp(GROWTH * (j - FIRST))
    k = j + growth * ndtr(z)
    k[0] = 0.0  # and not 1e-17: N_0 is no power of q
    slope = 1 + growth * (GROWTH * ndtr(z) + np.exp(-(z**2) / 2) / (np.sqrt(2 * np.pi) * WIDTH))
    inverse = 1 / (k + 0.25) ** 2
    # C(2k, k)/4^k: scipy's beta loses digits from about k = 200 on, the asymptotic series has them from 100 on
    large = (1 - inverse * (1 / 64 - inverse * (21 / 8192 - inverse * (671 / 524288)))) / np.sqrt(np.pi * (k + 0.25))
    w = np.where(k < 100, beta(np.minimum(k, 100) + 0.5, 0.5) / np.pi, large)
    few = k <= last
    return k[few], (slope * w)[few]


@dataclass(frozen=True)
class MixtureFeatures:
    """√q (n,), N_k(q) at the nodes k (n, T), and E softplus (n,); the nodes k (T,) and their weights (T,)."""

    root: np.ndarray
    N: np.ndarray
    mean: np.ndarray
    k: np.ndarray
    weights: np.ndarray


def mixture_features(q: np.ndarray, largest: float, scale: float) -> MixtureFeatures:
    """Features of variances ``q`` (n,), with the nodes that variances up to ``largest`` need."""
    k, weights = series_nodes(40 + REACH * largest / scale**2)
    square, N = (scale * K_NODES[:, None]) ** 2, np.empty((len(k), len(q)))
    log_ratio = -np.log1p(square / np.maximum(q, 1e-300))  # q = 0: N_k = 0 for k > 0, here below 1e-297
    mixture_sums(K_WEIGHTS[:, None] / np.sqrt(q + square), log_ratio, k, N)
    return MixtureFeatures(np.sqrt(q), N.T, K_WEIGHTS @ np.sqrt((q + square) / (2 * np.pi)), k, weights)


def series_weights(f: MixtureFeatures, integrated: bool) -> tuple[np.ndarray, np.ndarray]:
    """Weights (T,) of the two series of `logistic_moments`: of A/c and dA/dc, for ``integrated`` of ∫A dc/c² and A/c."""
    first = f.weights / (2 * f.k + 1)
    return (first / (2 * f.k + 2), first) if integrated else (first, f.weights)


def series_table(f1: MixtureFeatures, f2: MixtureFeatures, integrated: bool) -> np.ndarray:
    """For `theory.limit_tiles`, (5, T): weights of the first series, those of the second over them, the steps from node to
    node, the nodes, and the logarithm of the largest term over the first one at |ρ| = 1."""
    weights, slopes = series_weights(f1, integrated)
    with np.errstate(divide="ignore"):  # terms that are 0
        bounds = np.log(_largest_terms(f1, f2, slopes))
    return np.stack([weights, slopes / weights, np.diff(f1.k, prepend=0.0), f1.k, bounds - bounds[0]])


def series_sums(
    f1: MixtureFeatures, f2: MixtureFeatures, angle: np.ndarray, weights: np.ndarray, slopes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Σ_j weights_j N N' ρ^{2k_j} and the same with ``slopes``, for all pairs, cos θ = ρ: Horner's rule from the last node."""
    k, square, few = f1.k, np.cos(angle) ** 2, _terms_at(f1, f2, slopes, np.abs(np.cos(angle)).max())
    with np.errstate(divide="ignore"):  # a right angle
        exponent = np.log1p(-(np.sin(angle) ** 2))
    left, ratio = f1.N[:, :few] * weights[:few], slopes / weights
    low, high, term, factor = (np.zeros_like(angle) for _ in range(4))
    for j in reversed(range(few)):
        np.multiply.outer(left[:, j], f2.N[:, j], out=term)
        low += term
        term *= ratio[j]
        high += term
        if j:
            step = k[j] - k[j - 1]
            if step != 1:
                np.exp(np.multiply(exponent, step, out=factor), out=factor)
            low *= square if step == 1 else factor
            high *= square if step == 1 else factor
    return low, high


def _terms_at(f1: MixtureFeatures, f2: MixtureFeatures, weights: np.ndarray, rho: float) -> int:
    """Number of nodes beyond which the terms are below rounding for |ρ| up to ``rho``."""
    bound = _largest_terms(f1, f2, weights) * rho ** (2 * f1.k)
    return int(np.flatnonzero(bound > NEGLIGIBLE * bound[0])[-1]) + 1


def _largest_terms(f1: MixtureFeatures, f2: MixtureFeatures, weights: np.ndarray) -> np.ndarray:
    """Bound (T,) of weights_j N N' over N_0 N_0' for all rows."""
    return weights * (f1.N / f1.N[:, :1]).max(axis=0) * (f2.N / f2.N[:, :1]).max(axis=0)


def logistic_moments(
    f1: MixtureFeatures, f2: MixtureFeatures, angle: np.ndarray, gain: float, offset: float, integrated: bool
) -> tuple[np.ndarray, np.ndarray]:
    """offset + gain A and gain dA/dc; for ``integrated`` c/4 + MM' + gain ∫A dc and offset + gain A. All pairs."""
    c = np.multiply.outer(f1.root, f2.root) * np.cos(angle)
    low, high = series_sums(f1, f2, angle, *series_weights(f1, integrated))
    if not integrated:
        return offset + gain * c * low, gain * high
    return c / 4 + np.multiply.outer(f1.mean, f2.mean) + gain * c**2 * low, offset + gain * c * high


def logistic_variance(f: MixtureFeatures, gain: float, offset: float, integrated: bool) -> np.ndarray:
    """The value of `logistic_moments` for every row with itself, (n,)."""
    q, series = f.root**2, f.N**2 @ series_weights(f, integrated)[0]
    return q / 4 + f.mean**2 + gain * q**2 * series if integrated else offset + gain * q * series
