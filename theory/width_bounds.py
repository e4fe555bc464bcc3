"""Bounds and exact laws about the scale of lazy training: test points, homogeneous maps, two layers of a given width.

Of F_α(w) = R(αh(w))/α² and κ_h(w_0) = ‖h(w_0) − y*‖‖D²h(w_0)‖/‖Dh(w_0)‖². Proofs in docs/theory.md. A result beyond float64
is a ValueError.
"""

import itertools
import math

import numpy as np
from scipy.special import erf

from argument_validation import validate_array, validate_count, validate_flag, validate_not_negative, validate_real
from theory.validation import bound, not_negative, positive

GRID, REACH = 0.6, 7.0  # spacing of the grid over normal weights, in 1/max(1, ‖x_j‖), and its end
LOG_STEP, NEGLIGIBLE, ROUNDING = 0.25, 1e-12, 1e-12
LARGEST_DIMENSION, SHORTEST, LONGEST, LEAST_BLOCK, LARGEST_BLOCK = 4, 1 / 8, 8.0, 16, 10**6


@bound
def prediction_bound(alpha: float, slope: float, curvature: float, path: float, drift: float) -> float:
    """generalization (a): |αf(w)(x) − αf̄(w̄)(x)| ≤ αM_1‖w − w̄‖ + (α/2)M_2‖w − w_0‖², for any two points w, w̄.

    ``slope`` M_1 ≥ ‖∇f(w_0)(x)‖, ``curvature`` M_2 a Lipschitz constant of ∇f(·)(x) on a ball around w_0 that holds w;
    ``path`` ‖w − w̄‖ and ``drift`` ‖w − w_0‖. All but α may be 0.
    """
    (alpha,) = positive(alpha=alpha)
    slope, curvature, path, drift = not_negative(slope=slope, curvature=curvature, path=path, drift=drift)
    return alpha * slope * path + alpha / 2 * curvature * drift**2


@bound
def scale_of_start(s: float, degree: int) -> float:
    """homogeneous (a): the α = s^q to which starting a q-homogeneous map from s w_0 amounts."""
    (s,) = positive(s=s)
    return s ** validate_count(degree, "degree")


@bound
def time_factor(s: float, degree: int) -> float:
    """homogeneous (c): s^{2q−2}: w_s(t) = s w_α(s^{2q−2}t) with α = s^q, and a step η of descent from s w_0 is a step
    s^{2q−2}η from w_0.
    """
    (s,) = positive(s=s)
    return s ** (2 * validate_count(degree, "degree") - 2)


def width_exponent(beta: float) -> float:
    """two-layer-width (a): exponent β − 1 in m of 1/(mα(m)), α(m) = m^{−β}: that of κ where h_m(w_0) = 0."""
    return validate_real(beta, "beta") - 1


def kernel_change_exponent(beta: float) -> float:
    """two-layer-width (c): exponent 2(β − 1) in m of the relative change of DhDhᵀ in training with α(m) = m^{−β} ≥ 1/m.

    Of paired units, whose kernel changes by (1/(mα))².
    """
    return 2 * width_exponent(beta)


def width_constant(X: np.ndarray, target: float, *, uniform: bool = False, block: int = 16) -> float:
    """two-layer-width (b): C with E κ_{h_m}(w_0) ≤ C(m^{−1/2} + 1/(mα)) for h_m = α Σ_{i≤m} a_i(tanh(w_i·x_j))_j.

    w_i normal, m a multiple of ``block``, of twice that for paired units.

    C = NB max(‖y*‖E Z̄^{−1}, √(E‖φ‖² E Z̄^{−2})), B = (4/√27)‖X‖max‖x_j‖ and Z̄ the mean of ``block`` copies of ‖Dφ‖_F² =
    a² Σ_j tanh'(w·x_j)²‖x_j‖². The means over w are sums over an even grid, C is right to a part in a hundred, for rows up to 2
    in a thousand. Fewer copies are refused: units beyond the grid carry E Z̄^{−2} there.

    Parameters
    ----------
    X : inputs (N, d), d at most 4, the longest row of length 1/8 to 8. target : ‖y*‖. uniform : a uniform on [−1, 1], else ±1,
        of mean 0 and independent of w. block : 16 to 10⁶. Raises ValueError for others.
    """
    X, target = validate_array(X, "X", ("N", "d")), validate_not_negative(target, "target")
    uniform, block = (
        validate_flag(uniform, "uniform"),
        validate_count(block, "block", least=LEAST_BLOCK, most=LARGEST_BLOCK),
    )
    if X.shape[1] > LARGEST_DIMENSION:
        raise ValueError(f"`X` must have at most {LARGEST_DIMENSION} columns, got {X.shape[1]}")
    with np.errstate(over="ignore"):
        lengths = np.linalg.norm(X, axis=1)
    if not SHORTEST * (1 - ROUNDING) <= lengths.max() <= LONGEST * (1 + ROUNDING):
        raise ValueError(f"`X` must have a longest row of length {SHORTEST:g} to {LONGEST:g}, got {lengths.max():g}")
    half = np.arange(0, REACH, GRID / max(lengths.max(), 1.0))
    axis = np.concatenate([-half[:0:-1], half])
    others = X.shape[1] - 1
    rest = axis[np.indices((len(axis),) * others).reshape(others, len(axis) ** others).T]
    squares, weights, size = [], [], 0.0
    for first in half:  # one layer of the grid at a time, with that of −w, where all is the same
        W = np.column_stack([np.full(len(rest), first), rest])
        u, weight = W @ X.T, (2 if first else 1) * np.exp(-0.5 * (W**2).sum(axis=1))
        squares.append(1 / np.square(np.square(np.cosh(u))) @ lengths**2)  # 1 − tanh² is 0 where units are saturated
        weights.append(weight)
        size += float(weight @ (np.tanh(u) ** 2).sum(axis=1))
    squares, weights = np.concatenate(squares), np.concatenate(weights)
    size *= (1 / 3 if uniform else 1.0) / float(weights.sum())
    first, second = (_inverse_moment(squares, weights / weights.sum(), p, block, uniform) for p in (1, 2))
    curvature = float(4 / math.sqrt(27) * np.linalg.norm(X, 2) * lengths.max())
    constant = len(X) * curvature * max(target * first, math.sqrt(size * second))
    if not math.isfinite(constant):
        raise ValueError(f"`target` must give a constant within float64, got {target:g}")
    return constant


def _inverse_moment(squares: np.ndarray, weights: np.ndarray, power: int, block: int, uniform: bool) -> float:
    """E Z̄^{−p}, Z̄ the mean of ``block`` > 2p independent copies of Z with values ``squares`` (q,) and probabilities (q,).

    (1/(p − 1)!) ∫ t^{p−1} (E e^{−tZ/block})^block dt by the trapezoid rule in log t, up to where saturated units have been
    counted; ``uniform``: Z is a²z, a uniform on [−1, 1], with E e^{−sa²} = √π erf(√s)/(2√s).
    """
    unit, total, last = float(weights @ squares), 0.0, math.inf
    for x in itertools.count(-40 / power, LOG_STEP):
        if x > 0 and last < NEGLIGIBLE * total:
            return total / math.factorial(power - 1) / unit**power
        s = math.exp(x) / (unit * block) * squares
        root = np.sqrt(np.maximum(s, 1e-300))
        law = math.sqrt(math.pi) / 2 * erf(root) / root if uniform else np.exp(-s)
        last = LOG_STEP * math.exp(power * x) * float(weights @ law) ** block
        total += last
