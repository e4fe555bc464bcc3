"""Limit kernels of one pair of rows without angles, Hermite series or compressed sums, to check those against."""

import mpmath
import numpy as np

LONG, PI = np.longdouble, np.longdouble("3.14159265358979323846264338327950288")


def kolmogorov(step=0.06):
    """Points and weights for E g(K), K with Kolmogorov's distribution."""
    K = np.exp(LONG(step) * np.arange(int(np.log(0.1) / step), int(np.log(6) / step) + 1))
    m = np.arange(1, 60, dtype=LONG)[:, None]
    odd = (2 * m - 1) ** 2 * PI**2 / 4
    large = 8 * ((-1) ** (m + 1) * m**2 * K * np.exp(-2 * (m * K) ** 2)).sum(axis=0)
    small = np.sqrt(2 * PI) * ((odd / K**4 - 1 / K**2) * np.exp(-odd / (2 * K**2))).sum(axis=0)
    return K, LONG(step) * K * np.where(K > 1, large, small)


KOLMOGOROV = kolmogorov()
SCALES = {"relu": 0, "erf": np.sqrt(LONG(1) / 2), "tanh": 1, "sigmoid": 2, "softplus": 2}


def dual_pair(name, q1, q2, c, determinant, gaps):
    """E σσ and E σ'σ' at variances q1, q2, covariance c, with q1q2 − c² and (q1+q2)/2 ∓ c given.

    σ is a mean over K of Φ(u/sK), of 2Φ − 1 or of E (u + sKN)₊; the dual is then a mean of those of sgn and relu at variances
    q + s²K², which are elementary.
    """
    if name in ("sin", "cos"):
        odd = -np.sign(c) * np.exp(-min(gaps)) * np.expm1(-2 * abs(c)) / 2
        even = (np.exp(-gaps[0]) + np.exp(-gaps[1])) / 2
        return (odd, even) if name == "sin" else (even, odd)
    if name == "gelu":
        D = 1 + q1 + q2 + determinant
        P, F, s = (
            LONG(0.25) + np.arctan2(c, np.sqrt(D)) / (2 * PI),
            1 / (2 * PI * np.sqrt(D)),
            1 / (1 + q1) + 1 / (1 + q2),
        )
        return c * P + F * (determinant + c**2 * s), P + F * c * (s + 1 / D)
    K, w = KOLMOGOROV if name in ("tanh", "sigmoid", "softplus") else (np.ones(1, LONG), np.ones(1, LONG))
    k1, k2, weights = (SCALES[name] * K[:, None]) ** 2, (SCALES[name] * K) ** 2, np.multiply.outer(w, w)
    root = np.sqrt(determinant + q1 * k2 + q2 * k1 + k1 * k2)
    arcsine = np.arctan2(c, root)
    A = (weights * arcsine).sum()
    if name in ("relu", "softplus"):
        return (weights * (root + c * (PI / 2 + arcsine))).sum() / (2 * PI), LONG(0.25) + A / (2 * PI)
    gain = 1 / (2 * PI) if name == "sigmoid" else 2 / PI
    return (LONG(0.25) if name == "sigmoid" else 0) + gain * A, gain * (weights / root).sum()


def layers_of_pair(name, x, y, L):
    """K^1 … K^{L+1} of the pair of rows x, y (d,), in extended precision."""
    x, y = x.astype(LONG), y.astype(LONG)
    q1, q2, c = (x * x).sum(), (y * y).sum(), (x * y).sum()
    determinant = sum((x[i] * y[j] - x[j] * y[i]) ** 2 for i in range(len(x)) for j in range(i))
    gaps, zero = [((x - y) ** 2).sum() / 2, ((x + y) ** 2).sum() / 2], LONG(0)
    sigma, dots = [c], []
    for _ in range(L):
        c, dot = dual_pair(name, q1, q2, c, determinant, gaps)
        q1, q2 = (dual_pair(name, q, q, q, zero, [zero, 2 * q])[0] for q in (q1, q2))
        determinant, gaps = max(q1 * q2 - c**2, zero), [(q1 + q2) / 2 - c, (q1 + q2) / 2 + c]
        sigma.append(c)
        dots.append(dot)
    return np.array([sigma[l] * np.prod(dots[l:]) for l in range(L + 1)])


def exact_relu_pair(S):
    """E σσ and E σ'σ' of relu for a covariance matrix S (2, 2) of mpmath numbers, by its arccosine."""
    value, dot = mpmath.zeros(2), mpmath.zeros(2)
    for i in range(2):
        for j in range(2):
            scale = mpmath.sqrt(S[i, i] * S[j, j])
            theta = mpmath.acos(S[i, j] / scale) if i != j else mpmath.mpf(0)
            value[i, j] = scale * (mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)) / (2 * mpmath.pi)
            dot[i, j] = (mpmath.pi - theta) / (2 * mpmath.pi)
    return value, dot


def exact_gram(X):
    """XXᵀ of the float64 rows of X (2, d), in mpmath."""
    rows = [[mpmath.mpf(float(x)) for x in row] for row in X]
    return mpmath.matrix([[mpmath.fdot(x, y) for y in rows] for x in rows])


def hadamard(A, B):
    """A ∘ B of two mpmath matrices (2, 2)."""
    return mpmath.matrix([[A[i, j] * B[i, j] for j in range(2)] for i in range(2)])


def least_eigenvalue_of_two(K):
    """λ_min of a symmetric mpmath matrix (2, 2)."""
    return float((K[0, 0] + K[1, 1]) / 2 - mpmath.sqrt(((K[0, 0] - K[1, 1]) / 2) ** 2 + K[0, 1] ** 2))
