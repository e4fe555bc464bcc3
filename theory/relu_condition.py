"""relu-condition (a)-(d), (f), (g): when relu networks with one hidden layer keep half of λ_min, with explicit constants.

Centred flow at rates 1 from weights W (m, d), a (m,), on unit inputs X (n, d). Λ = λ_max(XXᵀ), χ_i = ‖Xx_i‖/√Λ ≤ 1,
h_k = ‖σ(Xw_k)‖/√Λ; time is τ(t) = (κ√Λ/(mn)) ∫_0^t ‖e‖. Proofs in docs/theory.md, where (T1) to (T5) are named.
"""

from collections.abc import Callable
from functools import lru_cache
from math import ceil, log, sqrt

import numpy as np
from numba import njit
from scipy.optimize import brentq

from argument_validation import (
    validate_array,
    validate_fraction,
    validate_name,
    validate_not_negative,
    validate_positive,
    validate_size,
)
from theory.dual_activations import DUALS
from theory.eigenvalue_bounds import GERSHGORIN_SLACK, SLOPE_BOUNDS, first_layer_rate, psi
from theory.lazy_bounds import CURVATURE_BOUNDS
from theory.validation import validate_unit_rows

LARGEST_TIME = 100.0  # e^τ and its square are float64 numbers
LARGEST_ENTRY = 1e50
STEPS = 24  # of the sum below the integral of Φ
HALVINGS = 10  # τ_1 to 0.14 %
SMALLEST_ANGLE, LARGEST_ANGLE = 1e-6, 0.15
RELU_WIDTH, RELU_SCALE = 250.0, 85.0  # of (T3)


def displacement_bounds(
    X: np.ndarray, weights: np.ndarray, output: np.ndarray, tau: float
) -> tuple[np.ndarray, np.ndarray]:
    """r_k = |a_k| sinh τ + h_k(cosh τ − 1) and δ_k = h_k sinh τ + |a_k|(cosh τ − 1), (m,) each, of (T1).

    ‖w_k(t) − w_k‖ ≤ r_k and |a_k(t) − a_k| ≤ δ_k while τ(t) ≤ ``tau``, for relu, h_k = ‖max(Xw_k, 0)‖/√Λ, whatever κ is.
    ValueError for inputs that are not of unit norm, shapes that do not fit, τ outside [0, 100].
    """
    return _displacements(*_sizes(*_validate(X, weights, output)), _validate_time(tau))


def kept_eigenvalue(X: np.ndarray, weights: np.ndarray, output: np.ndarray, tau: float) -> float:
    """Φ(τ) ≥ 0 of (T1), not increasing: λ_min(G_t) ≥ (κ²/m)Φ(τ(t)) for relu; Φ(0) = (m/κ²)λ_min(G_0).

    With U_k = {i: |w_k·x_i| ≤ χ_ir_k}, P_k the projection on span{x_i: i ∈ U_k}, D_k = diag(1{w_k·x_i > χ_ir_k}), b_k =
    (|a_k| − δ_k)_+, M = (1/m)Σ b_k² D_kX(I − P_k)XᵀD_k and H_0 = (1/m)Σ σ(Xw_k)σ(Xw_k)ᵀ it is the larger one of λ_min(M) and
    ((√λ_min(M + H_0) − √Λ r̄)_+)², r̄² = (1/m)Σ r_k². In float64, not certified. Errors as `displacement_bounds`.
    """
    return _kept(*_validate(X, weights, output))(_validate_time(tau))


def certified_scale(
    X: np.ndarray, weights: np.ndarray, output: np.ndarray, y: np.ndarray, lam: float
) -> tuple[float, float]:
    """κ_cert = √Λ‖y‖/∫_0^{τ_1}Φ and τ_1 = sup{τ: Φ(τ) ≥ λ/2} of (T1): for κ > κ_cert, λ_min(G_t) ≥ (κ²/m)λ/2 for all t.

    The supremum is approached from below and the integral of the decreasing Φ is a sum of its values at the right ends: both
    err to the safe side. (inf, 0) where already λ_min(G_0) < (κ²/m)λ/2. ``y`` (n,); errors as `displacement_bounds`.
    """
    X, W, a = _validate(X, weights, output)
    y, lam = validate_array(y, "y", (len(X),), largest=LARGEST_ENTRY), validate_positive(lam, "lam")
    phi, half, low, high = _kept(X, W, a), max(lam / 2, np.finfo(float).tiny), 0.0, 1e-6
    while high < LARGEST_TIME and phi(high) >= half:
        low, high = high, 4 * high
    if not low:
        return float("inf"), 0.0
    for _ in range(HALVINGS):
        middle = sqrt(low * high)
        low, high = (middle, high) if phi(middle) >= half else (low, middle)
    integral = low / STEPS * sum(phi(low * k / STEPS) for k in range(1, STEPS + 1))
    return float(sqrt(_largest(X)) * np.linalg.norm(y) / integral), low


def sufficient_relu_width(X: np.ndarray, *, delta: float) -> int:
    """m_0 = ⌈250(Λ/λ_1) ln(4n/δ)⌉ of (T3), relu, λ_1 = λ_min(K^1), unit inputs, 0 < δ < 1.

    ValueError also where λ_1 cannot be told from 0.
    """
    X, delta = validate_unit_rows(X), validate_fraction(delta, "delta")
    return ceil(RELU_WIDTH / _rate(X, "relu") * (log(4 * len(X)) - log(delta)))


def sufficient_relu_scale(X: np.ndarray, y: np.ndarray) -> float:
    """κ_0 = 85(Λn)^{3/2}√R_0/λ_1² of (T3), R_0 = ‖y‖²/(2n): with `sufficient_relu_width`, λ_min(G_t) ≥ (κ²/m)λ_1/2 for all t.

    Errors as `sufficient_relu_width`; y (n,).
    """
    X = validate_unit_rows(X)
    y = validate_array(y, "y", (len(X),), largest=LARGEST_ENTRY)
    largest, n = _largest(X), len(X)
    lam = _rate(X, "relu") * largest
    return float(RELU_SCALE * (largest * n) ** 1.5 * np.linalg.norm(y) / sqrt(2 * n) / lam**2)


def sufficient_smooth_width(X: np.ndarray, *, activation: str, delta: float) -> int:
    """m_0 = ⌈(B²Λ/λ_1) ln(2n/δ)/ψ(1/4)⌉ of (T5), 1/ψ(1/4) = 82.24; smooth σ, unit inputs, 0 < δ < 1."""
    X, delta = validate_unit_rows(X), validate_fraction(delta, "delta")
    return ceil((log(2 * len(X)) - log(delta)) / (_rate(X, _smooth(activation)) * float(psi(0.25))))


def sufficient_smooth_scale(X: np.ndarray, y: np.ndarray, m: int, *, activation: str, delta: float) -> float:
    """κ_0 = 8√Λ‖y‖ √max(2B², B² + 4B_2² ln(2m/δ))/λ_1 of (T5): above it, λ_min(G_t) ≥ (κ²/m)λ_1/2 with probability 1 − δ."""
    X, m, delta = validate_unit_rows(X), validate_size(m, "m"), validate_fraction(delta, "delta")
    y = validate_array(y, "y", (len(X),), largest=LARGEST_ENTRY)
    B, B_2 = SLOPE_BOUNDS[_smooth(activation)], CURVATURE_BOUNDS[activation]
    c_sigma = sqrt(max(2 * B**2, B**2 + 4 * B_2**2 * (log(2 * m) - log(delta))))
    lam = _rate(X, activation) * B**2 * _largest(X)
    return float(8 * sqrt(_largest(X)) * np.linalg.norm(y) * c_sigma / lam)


def wedge_share(s: float) -> float:
    """c(s) = E a²(1 − |a|s/ρ)_+ = C³/(1 + S)², with tan of an angle s, cosine C, sine S; a ~ N(0, 1), ρ² ~ χ² of 2 degrees.

    What is left of the mean of a_k² over the neurons between two inputs at a small angle φ, once each has moved by |a_k|sφ
    towards one of them.
    """
    s = validate_not_negative(s, "s")
    S = s / float(np.hypot(1.0, s))
    return (1 / float(np.hypot(1.0, s))) ** 3 / (1 + S) ** 2


def halving_scale(phi: float, gap: float) -> float:
    """κ_c, below which λ_min(G_t) of two relu inputs at the angle φ with labels that differ by ``gap`` falls to half, as m → ∞.

    κ_c = π gap/(φ²(S/(1 + S) + πφs)), where c(s) + πφ has halved, c = `wedge_share` with integral S/(1 + S), S = s/√(1 + s²);
    13.26 gap/φ² as φ → 0. To first order in φ, derived. 1e-6 ≤ φ ≤ .15: beyond, λ_min soon keeps more than half.
    """
    phi, gap = validate_positive(phi, "phi"), validate_positive(gap, "gap")
    if not SMALLEST_ANGLE <= phi <= LARGEST_ANGLE:
        raise ValueError(f"`phi` must lie between {SMALLEST_ANGLE:g} and {LARGEST_ANGLE:g}, got {phi:g}")
    s = brentq(lambda s: wedge_share(s) - (1 - np.pi * phi) / 2, 0.0, 100.0)
    S = s / np.hypot(1.0, s)
    return _within(np.pi / (phi**2 * (S / (1 + S) + np.pi * phi * s)), gap)


def own_halving_scale(X: np.ndarray, weights: np.ndarray, output: np.ndarray, gap: float) -> float:
    """`halving_scale` of a given network on two unit inputs, labels y_1 − y_2 = ``gap`` > 0: with its own neurons in c.

    A neuron that is active on one input only leaves this state at s_k = d_k/|a_k|, d_k = |w_k·x_i| for the input i whose sign
    changes; with v = (1, −1)/√2, c(s) = (1/2m)Σ a_k²1{s < s_k}, q = (m/κ²)vᵀG_0v: κ_c = gap/(2∫_0^s(c + q − c(0))), s where the
    integrand has halved; inf where it never does. To first order in the angle.
    """
    X, W, a = _validate(X, weights, output)
    if len(X) != 2:
        raise ValueError(f"`X` must have two rows, got {len(X)}")
    gap, m, u = validate_positive(gap, "gap"), len(a), W @ X.T
    on = u > 0
    q = np.mean(a**2 * np.sum(((on * [1.0, -1.0]) @ X) ** 2, axis=1) + (np.maximum(u, 0) @ [1.0, -1.0]) ** 2) / 2
    between = on[:, 0] != on[:, 1]
    u, a = u[between], a[between]
    # wherever it is active, a > 0 takes the second input over its kink or back, a < 0 the first one
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ends, weight = np.abs(np.where(a > 0, u[:, 1], u[:, 0]) / a), a**2 / (2 * m)
    ends[a == 0] = np.inf
    order = np.argsort(ends)
    left = q - np.cumsum(weight[order])
    if not len(left) or left[-1] > q / 2:
        return float("inf")
    s = ends[order][np.argmax(left <= q / 2)]
    budget = (q - weight.sum()) * s + weight @ np.minimum(ends, s)
    return _within(0.5 / budget, gap) if budget > 1e-300 else float("inf")


def _within(factor: float, gap: float) -> float:
    factor = float(factor)
    if not factor * gap < float("inf"):
        raise ValueError(f"`gap` must give a κ within float64, got {gap:g}")
    return factor * gap


def _kept(X: np.ndarray, W: np.ndarray, a: np.ndarray) -> Callable[[float], float]:
    """Φ, with what is the same at every τ computed once."""
    S, u, (h, a), top, m = X @ X.T, W @ X.T, _sizes(X, W, a), _largest(X), len(a)
    H, chi = np.maximum(u, 0.0), np.linalg.norm(S, axis=1) / sqrt(top)
    last, content, active = H.T @ H, X.tobytes(), np.empty(u.shape)

    def phi(tau: float) -> float:
        r, delta = _displacements(h, a, tau)
        bits = np.zeros((m, (len(X) + 7) // 8), dtype=np.uint8)
        free = _sort_jit(u, r, chi, np.maximum(a - delta, 0.0), active, bits)
        M, bound, bits = S * (active[:free].T @ active[:free]), active[free:], bits[free:]
        _, first, place = np.unique(bits.view(f"S{bits.shape[1]}"), return_index=True, return_inverse=True)
        for k, pattern in enumerate(bits[first]):
            own = bound[place.ravel() == k]
            M += _outside(content, len(X), pattern.tobytes()) * (own.T @ own)
        least = np.linalg.eigvalsh([M / m, (M + last) / m])[:, 0]
        moved = sqrt(top * float(r @ r) / m)
        return float(max(0.0, least[0], max(0.0, sqrt(max(least[1], 0.0)) - moved) ** 2))

    return phi


@njit(cache=True, error_model="numpy", nogil=True)
def _sort_jit(
    u: np.ndarray, r: np.ndarray, chi: np.ndarray, b: np.ndarray, active: np.ndarray, bits: np.ndarray
) -> int:
    """Write rows b_k1{u_ki > χ_ir_k} (n,), those of neurons with U_k = ∅ first, and U_k as bits; their number."""
    m, n = u.shape
    free, last = 0, m
    for k in range(m):
        crossed = False
        for i in range(n):
            crossed |= abs(u[k, i]) <= r[k] * chi[i]
        if crossed:
            last -= 1
        place = last if crossed else free
        for i in range(n):
            reach = r[k] * chi[i]
            active[place, i] = b[k] if u[k, i] > reach else 0.0
            if abs(u[k, i]) <= reach:
                bits[place, i // 8] |= 128 >> (i % 8)
        if not crossed:
            free += 1
    return free


@lru_cache(maxsize=2**12)  # few patterns are met, at every τ and in every network the same ones
def _outside(content: bytes, n: int, pattern: bytes) -> np.ndarray:
    """Gram matrix (n, n) of the inputs without their parts in the span of those that the packed bits of ``pattern`` name."""
    X = np.frombuffer(content).reshape(n, -1)
    U = X[np.unpackbits(np.frombuffer(pattern, dtype=np.uint8), count=n).astype(bool)]
    Y = X - X @ np.linalg.pinv(U) @ U
    return Y @ Y.T


def _sizes(X: np.ndarray, W: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """h and |a|, (m,) each."""
    return np.linalg.norm(np.maximum(W @ X.T, 0.0), axis=1) / sqrt(_largest(X)), np.abs(a)


def _displacements(h: np.ndarray, a: np.ndarray, tau: float) -> tuple[np.ndarray, np.ndarray]:
    sinh, cosh = np.sinh(tau), 2 * np.sinh(tau / 2) ** 2  # cosh τ − 1
    return a * sinh + h * cosh, h * sinh + a * cosh


def _largest(X: np.ndarray) -> float:
    """Λ = λ_max(XXᵀ), rounded up."""
    return float(np.linalg.eigvalsh(X @ X.T)[-1]) * (1 + GERSHGORIN_SLACK)


def _rate(X: np.ndarray, activation: str) -> float:
    """λ_1/(B²Λ) > 0."""
    rate = first_layer_rate(X, activation)
    if not rate:
        raise ValueError("`X` must give a first-layer kernel with a least eigenvalue above rounding, got none")
    return rate


def _smooth(activation: str) -> str:
    if validate_name(activation, DUALS, "activation") not in CURVATURE_BOUNDS:
        raise ValueError(f"`activation` must be smooth, one of {', '.join(CURVATURE_BOUNDS)}, got {activation!r}")
    return activation


def _validate(X: object, weights: object, output: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    X = validate_unit_rows(X)
    W = validate_array(weights, "weights", ("m", X.shape[1]), largest=LARGEST_ENTRY)
    return X, W, validate_array(output, "output", (len(W),), largest=LARGEST_ENTRY)


def _validate_time(tau: object) -> float:
    tau = validate_not_negative(tau, "tau")
    if tau > LARGEST_TIME:
        raise ValueError(f"`tau` must be at most {LARGEST_TIME:g}, got {tau:g}")
    return tau
