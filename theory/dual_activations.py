"""Dual activations: E σ(u)σ(v) and E σ'(u)σ'(v) for Gaussian (u, v), and the angle that the next layer sees.

A pair is given by its variances q1, q2 and its angle θ, cos θ the correlation. Angles, not cosines, are carried
through the depth: near θ = 0 a cosine has already lost what decides λ_min. Every dual offers

    features(q, largest)          data prepared once for a vector q of variances, the largest of both sides known;
    layer(F1, F2, p1, p2, θ)      E σσ, E σ'σ' and the next angle, cos θ' = E σσ/√(p1 p2), for all pairs of rows of
                                  two features, with θ (r, c) and the next variances p1 (r,), p2 (c,);
    variance(q), mean(q)          E σ(√q Z)², the next variances, and E σ(√q Z);
    squared_moments(q1, q2, θ)    E σ²σ² and E σ'²σ'², which finite-width fluctuations need;
    tiles, tile_constants, tile_factors(F, q, p)    the same layer in `theory.limit_tiles`: its number, constants, and the
                                  factors (4, n) of every row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import numpy as np
from scipy.special import erf, expit, ndtr

from theory import limit_tiles
from theory.logistic_duals import MixtureFeatures, logistic_moments, logistic_variance, mixture_features
from theory.quadrature import Function, dual_activation
from theory.validation import LARGEST_NORM

SMOOTH_NORM = 1e8  # largest row norm N for smooth σ: K varies with the direction of a row on the scale 1/N

Moments = tuple[np.ndarray, np.ndarray]


_EXCESS = [(-1) ** (k + 1) * 2 * k / factorial(2 * k + 1) for k in range(9, 0, -1)]


def sine_excess(angle: np.ndarray) -> np.ndarray:
    """sin θ − θ cos θ = Σ_k (−1)^{k+1} 2k/(2k+1)! θ^{2k+1} to full relative accuracy on [0, π].

    The difference cancels for small θ; below 0.7 the series is used.
    """
    result = np.sin(angle) - angle * np.cos(angle)
    small = angle < 0.7
    if small.any():
        x = angle[small]
        result[small] = x**3 * np.polyval(_EXCESS, x**2)
    return result


@dataclass(frozen=True)
class PiecewiseLinear:
    """Dual of σ(u) = a u + b |u|: relu (½, ½), abs (0, 1), identity (1, 0), leaky relu of slope s ((1+s)/2, (1−s)/2).

    With N = a² + b²: sin²(θ'/2) = sin²(θ/2) − (b²/(πN))(sin θ − θ cos θ), without cancellation for θ → 0;
    E σσ = N √(q1 q2) cos θ' and E σ'σ' = a² + b²(1 − 2θ/π). Cho and Saul 2009 for relu.
    """

    a: float
    b: float
    largest_norm, squares_norm = LARGEST_NORM, np.sqrt(LARGEST_NORM)
    tiles = limit_tiles.PIECEWISE_LINEAR

    @property
    def tile_constants(self) -> tuple[float, float]:
        return self.a**2, self.b**2

    def tile_factors(self, features: np.ndarray, q: np.ndarray, p: np.ndarray) -> np.ndarray:
        return np.stack([np.sqrt(q), np.sqrt(p), q, q])  # two of no use

    def features(self, q: np.ndarray, largest: float) -> np.ndarray:
        return q

    def variance(self, q: np.ndarray) -> np.ndarray:
        return (self.a**2 + self.b**2) * q

    def mean(self, q: np.ndarray) -> np.ndarray:
        return self.b * np.sqrt(2 * q / np.pi)

    def layer(
        self, q1: np.ndarray, q2: np.ndarray, p1: np.ndarray, p2: np.ndarray, angle: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        a2, b2 = self.a**2, self.b**2
        derivative = (a2 + b2) - (2 * b2 / np.pi) * angle
        if not a2:  # even: u and −u give the same features
            angle = np.minimum(angle, np.pi - angle)
        half = np.sin(angle / 2) ** 2
        if b2:
            half -= b2 / (np.pi * (a2 + b2)) * sine_excess(angle)
            angle = 2 * np.arcsin(np.sqrt(half))
        value = (1 - 2 * half) * np.sqrt(p1)[:, None] * np.sqrt(p2)
        return value, derivative, angle

    def squared_moments(self, q1: np.ndarray, q2: np.ndarray, angle: np.ndarray) -> Moments:
        """σ² = N u² + 2ab u|u| and σ'² = N + 2ab sign u, with E u²v² = q1q2(1 + 2cos²θ)."""
        n, cross, cos, sin = self.a**2 + self.b**2, 4 * (self.a * self.b) ** 2, np.cos(angle), np.sin(angle)
        signed = (6 * sin * cos + (np.pi - 2 * angle) * (1 + 2 * cos**2)) / np.pi  # E u|u|v|v| at unit variance
        value = q1[:, None] * q2 * (n**2 * (1 + 2 * cos**2) + cross * signed)
        return value, n**2 + cross * (1 - 2 * angle / np.pi)


@dataclass(frozen=True)
class Smooth:
    """Dual of a smooth σ: subclasses give ``moments`` (F1, F2, θ) -> (E σσ, E σ'σ').

    Here the next angle may come from a cosine: K is a smooth function of it, so λ_min is lost in K itself first. Where
    σ(0) = 0, a zero row stays zero and its angles are irrelevant: they are right angles.
    """

    function: Function
    derivative: Function
    largest_norm = SMOOTH_NORM

    def tile_factors(self, features: object, q: np.ndarray, p: np.ndarray) -> np.ndarray:
        inverse = np.divide(1.0, np.sqrt(p), out=np.zeros_like(p), where=p > 0)
        return np.stack([np.sqrt(q), inverse, *self.own_factors(features)])

    def layer(
        self, f1: object, f2: object, p1: np.ndarray, p2: np.ndarray, angle: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        value, derivative = self.moments(f1, f2, angle)
        after = angle_between(value, np.sqrt(p1), np.sqrt(p2))
        rows, columns = np.nonzero(angle == 0)
        equal = p1[rows] == p2[columns]
        after[rows[equal], columns[equal]] = 0.0  # equal rows stay equal
        return value, derivative, after

    def squared_moments(self, q1: np.ndarray, q2: np.ndarray, angle: np.ndarray) -> Moments:
        """By Mehler's formula, for norms up to ``squares_norm``; 0.9 of the strip, because a pole of σ' becomes one of σ'²."""
        strip, pairs = self.strip and 0.9 * self.strip, []
        for f in (self.function, self.derivative):
            square = lambda u, f=f: f(u) ** 2  # noqa: E731
            pairs.append(dual_activation(square, square, q1, q2, np.cos(angle), strip=strip))
        return pairs[0], pairs[1]


def angle_between(covariance: np.ndarray, root1: np.ndarray, root2: np.ndarray) -> np.ndarray:
    """Angles whose cosines are ``covariance`` (r, c) over the roots of both variances (r,), (c,); π/2 where one is 0."""
    scale = np.multiply.outer(*(np.where(root > 0, root, np.inf) for root in (root1, root2)))
    # rounding may put the quotient an ulp outside [−1, 1]
    return np.arccos(np.clip(covariance / scale, -1.0, 1.0))


@dataclass(frozen=True)
class ClosedForm(Smooth):
    """Dual with an elementary formula (q1, q2, θ) -> (E σσ, E σ'σ'); the features of a row are its variance.

    σ is entire; where ``strip`` is given, σ² and σ'² are bounded by a polynomial of modest size in |Im u| < ``strip``.
    """

    formula: Callable[[np.ndarray, np.ndarray, np.ndarray], Moments]
    mean: Callable[[np.ndarray], np.ndarray]
    squares_norm: float
    tiles: int
    strip: float | None = None
    squares: Callable[[np.ndarray, np.ndarray, np.ndarray], Moments] | None = None

    def features(self, q: np.ndarray, largest: float) -> np.ndarray:
        return q

    tile_constants = (0.0, 0.0)

    def own_factors(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        Q = 2 * q if self.tiles == limit_tiles.ERF else q
        return np.sqrt(Q), 1 / np.sqrt(1 + Q)

    def variance(self, q: np.ndarray) -> np.ndarray:
        return self.formula(q, q, np.zeros_like(q))[0]

    def moments(self, q1: np.ndarray, q2: np.ndarray, angle: np.ndarray) -> Moments:
        return self.formula(q1[:, None], q2, angle)

    def squared_moments(self, q1: np.ndarray, q2: np.ndarray, angle: np.ndarray) -> Moments:
        if self.squares is None:
            return super().squared_moments(q1, q2, angle)
        return self.squares(q1[:, None], q2, angle)


@dataclass(frozen=True)
class Logistic(Smooth):
    """Dual of tanh, sigmoid or softplus from mixtures of normal distributions, see `theory.logistic_duals`.

    σ is analytic in |Im u| < ``strip``; the other fields are those of `logistic_moments`.
    """

    strip: float
    squares_norm: float
    scale: float
    gain: float
    offset: float
    integrated: bool = False

    @property
    def tiles(self) -> int:
        return limit_tiles.INTEGRATED_LOGISTIC if self.integrated else limit_tiles.LOGISTIC

    @property
    def tile_constants(self) -> tuple[float, float]:
        return self.gain, self.offset

    def own_factors(self, features: MixtureFeatures) -> tuple[np.ndarray, np.ndarray]:
        return features.mean, features.mean  # one of no use

    def features(self, q: np.ndarray, largest: float) -> MixtureFeatures:
        return mixture_features(q, largest, self.scale)

    def variance(self, q: np.ndarray) -> np.ndarray:
        return logistic_variance(self.features(q, q.max()), self.gain, self.offset, self.integrated)

    def mean(self, q: np.ndarray) -> np.ndarray:
        return self.features(q, 0.0).mean if self.integrated else np.full_like(q, np.sqrt(self.offset))

    def moments(self, f1: MixtureFeatures, f2: MixtureFeatures, angle: np.ndarray) -> Moments:
        return logistic_moments(f1, f2, angle, self.gain, self.offset, self.integrated)


def erf_moments(q1: np.ndarray, q2: np.ndarray, angle: np.ndarray) -> Moments:
    """E erf erf = (2/π) atan2(2c, r) and E erf' erf' = 4/(πr), r² = (1+2q1)(1+2q2) − 4c². Williams 1997."""
    scale = np.sqrt(q1) * np.sqrt(q2)
    root = np.sqrt(1 + 2 * (q1 + q2) + 4 * (scale * np.sin(angle)) ** 2)
    return 2 / np.pi * np.arctan2(2 * scale * np.cos(angle), root), 4 / np.pi / root


def gelu_moments(q1: np.ndarray, q2: np.ndarray, angle: np.ndarray) -> Moments:
    """σ(u) = u Φ(u). With D = (1+q1)(1+q2) − c², P = ¼ + atan2(c, √D)/2π, F = 1/(2π√D), s = 1/(1+q1) + 1/(1+q2):

    E σσ = cP + F(q1q2 − c² + c²s), E σ'σ' = P + Fc(s + 1/D).
    """
    scale = np.sqrt(q1) * np.sqrt(q2)
    c, gap = scale * np.cos(angle), (scale * np.sin(angle)) ** 2
    D = 1 + q1 + q2 + gap
    P, F, s = 0.25 + np.arctan2(c, np.sqrt(D)) / (2 * np.pi), 0.5 / (np.pi * np.sqrt(D)), 1 / (1 + q1) + 1 / (1 + q2)
    return c * P + F * (gap + c**2 * s), P + F * c * (s + 1 / D)


def sin_moments(q1: np.ndarray, q2: np.ndarray, angle: np.ndarray) -> Moments:
    """E sin sin and E cos cos = ½(e^{c−q̄} ∓ e^{−c−q̄}), q̄ = (q1+q2)/2, with q̄ ∓ c written without cancellation."""
    scale, distance = np.sqrt(q1) * np.sqrt(q2), (np.sqrt(q1) - np.sqrt(q2)) ** 2 / 2
    c = scale * np.cos(angle)
    same = np.exp(-distance - 2 * scale * np.sin(angle / 2) ** 2)
    opposite = np.exp(-distance - 2 * scale * np.cos(angle / 2) ** 2)
    return -np.sign(c) * np.maximum(same, opposite) * np.expm1(-2 * np.abs(c)) / 2, (same + opposite) / 2


def cos_moments(q1: np.ndarray, q2: np.ndarray, angle: np.ndarray) -> Moments:
    """E cos cos and E sin sin, as for sin."""
    return sin_moments(q1, q2, angle)[::-1]


def sin_squares(q1: np.ndarray, q2: np.ndarray, angle: np.ndarray) -> Moments:
    """E sin²sin² = (E sin²)(E sin²) + C and E cos²cos² = (E cos²)(E cos²) + C, E sin² = ½(1 − e^{−2q}).

    4C = Cov(cos 2u, cos 2v) = e^{−2q1−2q2}(cosh 4c − 1) = ½(e^{2|c|−q1−q2}(1 − e^{−4|c|}))², the exponents as for sin.
    """
    scale, distance = np.sqrt(q1) * np.sqrt(q2), (np.sqrt(q1) - np.sqrt(q2)) ** 2
    nearest = np.minimum(np.sin(angle / 2) ** 2, np.cos(angle / 2) ** 2)
    C = (np.exp(-distance - 4 * scale * nearest) * np.expm1(-4 * scale * np.abs(np.cos(angle)))) ** 2 / 8
    return np.expm1(-2 * q1) * np.expm1(-2 * q2) / 4 + C, (1 + np.exp(-2 * q1)) * (1 + np.exp(-2 * q2)) / 4 + C


def cos_squares(q1: np.ndarray, q2: np.ndarray, angle: np.ndarray) -> Moments:
    """E cos²cos² and E sin²sin², as for sin."""
    return sin_squares(q1, q2, angle)[::-1]


def gelu(u: np.ndarray) -> np.ndarray:
    """u Φ(u), Φ the normal distribution function."""
    return u * ndtr(u)


def gelu_derivative(u: np.ndarray) -> np.ndarray:
    """Φ(u) + u φ(u)."""
    return ndtr(u) + u * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)


def erf_derivative(u: np.ndarray) -> np.ndarray:
    """2/√π e^{−u²}."""
    return 2 / np.sqrt(np.pi) * np.exp(-(u**2))


def tanh_derivative(u: np.ndarray) -> np.ndarray:
    """1/cosh² u, written with e^{−2|u|} so that large |u| neither overflows nor cancels."""
    t = np.exp(-2 * np.abs(u))
    return 4 * t / (1 + t) ** 2


def sigmoid_derivative(u: np.ndarray) -> np.ndarray:
    """s(u)(1 − s(u)) = s(u) s(−u)."""
    return expit(u) * expit(-u)


def softplus(u: np.ndarray) -> np.ndarray:
    """log(1 + e^u)."""
    return np.logaddexp(0.0, u)


def minus_sin(u: np.ndarray) -> np.ndarray:
    """−sin u, the derivative of cos."""
    return -np.sin(u)


def gelu_mean(q: np.ndarray) -> np.ndarray:
    """E uΦ(u) = q/√(2π(1+q))."""
    return q / np.sqrt(2 * np.pi * (1 + q))


def cos_mean(q: np.ndarray) -> np.ndarray:
    """E cos u = e^{−q/2}."""
    return np.exp(-q / 2)


DUALS = {
    "relu": PiecewiseLinear(0.5, 0.5),
    "leaky_relu": PiecewiseLinear(0.505, 0.495),
    "abs": PiecewiseLinear(0.0, 1.0),
    "identity": PiecewiseLinear(1.0, 0.0),
    "erf": ClosedForm(erf, erf_derivative, erf_moments, np.zeros_like, 10.0, limit_tiles.ERF, 1.25),
    "gelu": ClosedForm(gelu, gelu_derivative, gelu_moments, gelu_mean, 12.0, limit_tiles.GELU, 1.6),
    "sin": ClosedForm(np.sin, np.cos, sin_moments, np.zeros_like, SMOOTH_NORM, limit_tiles.SIN, squares=sin_squares),
    "cos": ClosedForm(np.cos, minus_sin, cos_moments, cos_mean, SMOOTH_NORM, limit_tiles.COS, squares=cos_squares),
    "tanh": Logistic(np.tanh, tanh_derivative, np.pi / 2, 12.0, 1.0, 2 / np.pi, 0.0),
    "sigmoid": Logistic(expit, sigmoid_derivative, np.pi, 24.0, 2.0, 0.5 / np.pi, 0.25),
    "softplus": Logistic(softplus, expit, np.pi, 24.0, 2.0, 0.5 / np.pi, 0.25, integrated=True),
}
"""Dual activation by name. leaky_relu has slope 0.01, sigmoid is 1/(1 + e^{−u}), gelu the exact u Φ(u)."""
