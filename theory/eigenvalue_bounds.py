"""Lower bounds on least eigenvalues: of the infinite-width kernels, and with high probability at finite width.

For unit inputs K^l = Σ_r c_r (XXᵀ)^{∘r} with c_r ≥ 0, and every Hadamard power is positive semi-definite: the least
eigenvalue of the sum is at least the sum of the least eigenvalues. The failure probabilities are matrix Laplace
transform bounds for one hidden layer, closed forms in λ_min(K^1) or λ_min(K^2).

Source: J. A. Tropp, "User-friendly tail bounds for sums of random matrices", Found. Comput. Math. 12 (2012) 389-434.
"""

from functools import lru_cache
from math import ceil, erf, exp, inf, log, nextafter, pi, sqrt

import numpy as np
from scipy.special import xlogy

from argument_validation import (
    validate_array,
    validate_count,
    validate_depth,
    validate_fraction,
    validate_name,
    validate_share,
    validate_size,
    validate_unit,
)
from theory.certificates import U, float64_bound, row_sum_bound
from theory.dual_activations import DUALS
from theory.gram_limits import entry_error, limit_grams
from theory.power_series import order_masses
from theory.validation import polar, validate_kernel_inputs, validate_unit_rows

TERMS = 512  # higher orders count as this one
DENSE_POWERS = 16  # every Hadamard power is factorised up to here, then one in POWER_RATIO
POWER_RATIO = 1.12
RELATIVE_SLACK = 1e-10  # for the rounding of the coefficients, which have relative errors near 1e-14
GERSHGORIN_SLACK = 1e-12  # for the rounding of (n−1) ρ^r and of λ_max(XXᵀ), relative

SLOPE_BOUNDS = {
    "relu": 1.0,
    "leaky_relu": 1.0,
    "abs": 1.0,
    "identity": 1.0,
    "erf": nextafter(2 / sqrt(pi), inf),
    # σ'' = φ(u)(2 − u²) vanishes at ±√2, and Φ(√2) + √2 φ(√2) is the larger value; 2^−50 is above its rounding
    "gelu": 0.5 * (1 + erf(1.0)) + exp(-1.0) / sqrt(pi) + 2.0**-50,
    "sin": 1.0,
    "cos": 1.0,
    "tanh": 1.0,
    "sigmoid": 0.25,
    "softplus": 1.0,
}
"""sup |σ'| by activation, not rounded down."""

BOUNDED = ("erf", "tanh", "sigmoid", "sin", "cos")
"""Activations with sup |σ| = 1; the others are unbounded."""

HOMOGENEOUS = ("relu", "leaky_relu", "abs", "identity")
"""Activations with σ(u) = σ'(u)u."""


def min_eigenvalue_lower_bound(
    X: np.ndarray, *, hidden_layers: int, activation: str = "relu", layer: int | None = None
) -> float:
    """limit-positive-definite (a): lower bound on λ_min(K^l) from the Hadamard powers of the Gram matrix of unit inputs.

    With ρ = max_{i≠j} |⟨x_i, x_j⟩|, for every R,

        λ_min(K^l) ≥ Σ_{r≤R} c_r max(0, λ_min((XXᵀ)^{∘r})) + (K^l_ii − Σ_{r≤R} c_r) max(0, 1 − (n−1) ρ^{R+1}).

    λ_min((XXᵀ)^{∘r}) does not decrease with r (Schur). It is therefore enough to bound it on a grid of r up to 512: each
    value serves up to the next r of the grid, the last one for all higher orders, and the weights are `order_masses`.
    Where the grid is complete the result is the formula at the best R, or above, up to the rounding stated below; for smooth
    σ coefficients c_r that are lost in the rounding of their quadrature, below about 1e-15 √(E σ²) in its root, count as 0.

    Parameters
    ----------
    X : (n, d) inputs of norm 1 to 1e-12; the bound is that of the rows divided by their norms.
    hidden_layers : depth L ≥ 1.
    activation : a name known to `limit_grams`.
    layer : l in 1..L+1; None for the neural tangent kernel Σ_l K^l.

    Returns
    -------
    A number ≥ 0, and 0 where two inputs are equal or opposite. Least eigenvalues of Hadamard powers are proved bounds
    (`float64_bound`, within 0.3 %) minus the rounding of the entries; 1e-10 of the result is subtracted for the
    rounding of the coefficients.

    Raises
    ------
    ValueError for rows that are not of unit norm, an unknown activation, a depth below 1 or a layer outside 1..L+1.

    Notes
    -----
    At most 45 Hadamard powers are factorised, two or three times each: n = 500 takes about a second.
    """
    masses, X = _masses(activation, hidden_layers, layer), validate_unit_rows(X)
    return _weigh(masses, _power_bounds(X.tobytes(), len(X)))


def separation_lower_bound(
    rho: float, n: int, *, hidden_layers: int, activation: str = "relu", layer: int | None = None
) -> float:
    """limit-positive-definite (b): Σ_r c_r max(0, 1 − (n−1) ρ^r) ≤ λ_min(K^l) for any n unit inputs with |⟨x_i, x_j⟩| ≤
    ``rho`` for i ≠ j.

    Parameters
    ----------
    rho : number in [0, 1].
    n : number of inputs.
    hidden_layers, activation, layer : as for `min_eigenvalue_lower_bound`.

    Returns
    -------
    A number ≥ 0, positive for ρ < 1 and relu, leaky_relu and abs unless (n−1) ρ^512 ≥ 1; for smooth σ it may be 0 sooner,
    where only coefficients would count that are lost in rounding. Rounded down as the data form is.

    Raises
    ------
    ValueError for ``rho`` outside [0, 1], ``n`` below 1, and as `min_eigenvalue_lower_bound`.
    """
    bounds = gershgorin_bounds(rho, n, TERMS)
    return _weigh(_masses(activation, hidden_layers, layer), bounds)


def hadamard_power_bounds(X: np.ndarray, largest: int) -> np.ndarray:
    """limit-positive-definite (a): lower bounds ≥ 0 on λ_min((XXᵀ)^{∘r}), r = 0..``largest``, unit rows ``X`` (n, d); they
    do not decrease with r.

    Gershgorin's bound for every r and a factorisation on a grid, which ends where Gershgorin's is within 1e-3 of 1.
    """
    X, largest = validate_unit_rows(X), validate_count(largest, "largest")
    S = X @ X.T
    np.fill_diagonal(S, 1.0)
    error = 2 * (X.shape[1] + 4) * 1.01 * U  # of an inner product of rows that were normalised in float64
    np.fill_diagonal(size := np.abs(S), 0.0)
    bounds = gershgorin_bounds(min(1.0, size.max() + error), len(S), largest)
    for r in _grid(largest):
        if bounds[r] > 0.999:
            break
        # pow is supposed to be right to 8 units of roundoff
        entry_error = r * (size + error) ** (r - 1) * error + 8 * U * size**r
        bounds[r] = max(bounds[r], float64_bound(S**r)[0] - row_sum_bound(entry_error))
    # A^{∘(r+1)} − λ_min(A^{∘r}) I = (A^{∘r} − λ_min I) ∘ A is positive semi-definite
    return np.maximum.accumulate(bounds)


@lru_cache(maxsize=4)  # the same for all activations, depths and layers
def _power_bounds(content: bytes, n: int) -> np.ndarray:
    """`hadamard_power_bounds` up to `TERMS` for the n inputs with these bytes."""
    return hadamard_power_bounds(np.frombuffer(content).reshape(n, -1), TERMS)


def gershgorin_bounds(rho: float, n: int, largest: int) -> np.ndarray:
    """limit-positive-definite (b): max(0, 1 − (n−1) ρ^r) for r = 0..``largest``, ρ in [0, 1], rounded down."""
    rho, n = validate_unit(rho, "rho"), validate_size(n, "n")
    orders = np.arange(validate_count(largest, "largest", least=0) + 1)
    return np.maximum(0.0, 1 - (1 + GERSHGORIN_SLACK) * (n - 1) * np.power(rho, orders))


def psi(eps: np.ndarray) -> np.ndarray:
    """min-eigenvalue (a): ψ(ε) = 1 − (3/2)(1−ε)^{1/3} + (1−ε)/2 = max_{x≥1} [1 − x^{−1/2} − (1−ε)(x−1)/2], ε in [0, 1].

    With y = (1−ε)^{1/3} it is (1−y)²(2+y)/2, which does not cancel for small ε.
    """
    eps = validate_array(eps, "eps", ("k",) * np.ndim(eps)).reshape(np.shape(eps))
    if eps.min() < 0 or eps.max() > 1:
        raise ValueError(f"`eps` must lie in [0, 1], got {eps.min():g} to {eps.max():g}")
    y = np.cbrt(1 - eps)
    gap = eps / (1 + y + y**2)  # 1 − y
    return gap**2 * (2 + y) / 2


def first_layer_failure_bound(X: np.ndarray, width: int, *, activation: str, eps: float) -> float:
    """min-eigenvalue (a): n exp(−m λ_min(K^1) ψ(ε)/(B² λ_max(XXᵀ))) ≥ P(λ_min((m/κ²)G^1) ≤ (1−ε) λ_min(K^1)), one hidden layer.

    Parameters
    ----------
    X : (n, d) inputs as for `limit_grams`.
    width : m ≥ 1.
    activation : a name known to `limit_grams`; B = sup |σ'|.
    eps : ε in [0, 1].

    Returns
    -------
    The bound, which says nothing where it exceeds 1: always where a row is zero. λ_min(K^1) is taken `entry_error` n max K^1_ii
    below its float64 value.

    Raises
    ------
    ValueError for bad inputs, an unknown activation, a width below 1 or ``eps`` outside [0, 1].
    """
    X, m, eps = validate_kernel_inputs(X), validate_size(width, "width"), validate_unit(eps, "eps")
    return len(X) * exp(-m * first_layer_rate(X, activation) * float(psi(eps)))


def sufficient_width(X: np.ndarray, *, activation: str, probability: float = 0.9) -> int:
    """min-eigenvalue (c1): ⌈(B² λ_max(XXᵀ)/λ_min(K^1)) ln(n/(1−p))/ψ(½)⌉, one hidden layer.

    From this width on, λ_min((m/κ²)G^1) > λ_min(K^1)/2 with probability at least p = ``probability``.

    Raises
    ------
    ValueError for ``probability`` outside [0, 1), and where λ_min(K^1) cannot be told from 0, so that no width is known
    to suffice; otherwise as `first_layer_failure_bound`.
    """
    X = validate_kernel_inputs(X)
    probability = validate_share(probability, "probability", 1)
    rate = first_layer_rate(X, activation)
    if not rate:
        raise ValueError("`X` must give a first-layer kernel with a least eigenvalue above rounding, got none")
    return max(1, ceil(log(len(X) / (1 - probability)) / (rate * float(psi(0.5)))))


def last_layer_failure_bound(X: np.ndarray, width: int, *, activation: str, eps: float) -> float:
    """min-eigenvalue (a): n [e^{−ε}/(1−ε)^{1−ε}]^{m λ_min(K^2)/(n sup σ²)} ≥ P(λ_min((m/κ²)G^2) ≤ (1−ε) λ_min(K^2)), one
    hidden layer.

    Matrix Chernoff bound (Tropp 2012, Thm 1.1) for the mean of the m matrices σ(Xw_k)σ(Xw_k)ᵀ of norm ≤ n sup σ².

    Parameters and result as for `first_layer_failure_bound`; σ bounded: erf, tanh, sigmoid, sin or cos.

    Raises
    ------
    ValueError for an unbounded activation, and as `first_layer_failure_bound`.
    """
    X, m, eps = validate_kernel_inputs(X), validate_size(width, "width"), validate_unit(eps, "eps")
    if validate_name(activation, DUALS, "activation") not in BOUNDED:
        raise ValueError(f"`activation` must be bounded ({', '.join(BOUNDED)}), got {activation!r}")
    rate = _least_eigenvalue(X, activation, 2) / len(X)
    return len(X) * exp(-m * rate * float(eps + xlogy(1 - eps, 1 - eps)))


def kernel_failure_bound(X: np.ndarray, width: int, *, activation: str, eps: float) -> float:
    """min-eigenvalue (d): n exp(−m λ ε²/(2C)) ≥ P(λ_min((m/κ²)Σ_l G^l) ≤ (1−ε)λ), λ = λ_min(K^1 + K^2), one hidden layer.

    C = B²Λ(r + 4) for relu, leaky_relu, abs and identity, r = min(n, d), Λ = λ_max(XXᵀ); 2max(3B²Λ, n sup σ²) for bounded σ.

    Parameters and result as for `first_layer_failure_bound`.

    Raises
    ------
    ValueError for softplus and gelu, neither homogeneous nor bounded, and as `first_layer_failure_bound`.
    """
    X, m, eps = validate_kernel_inputs(X), validate_size(width, "width"), validate_unit(eps, "eps")
    return len(X) * exp(-m * kernel_rate(X, activation) * eps**2)


def sufficient_kernel_width(X: np.ndarray, *, activation: str, eps: float = 0.5, probability: float = 0.9) -> int:
    """min-eigenvalue (d): ⌈(2C/(λε²)) ln(n/(1−p))⌉, C as in `kernel_failure_bound`.

    From this width on λ_min((m/κ²)Σ_l G^l) > (1−ε)λ with probability at least p = ``probability``.

    Raises
    ------
    ValueError for ``eps`` outside (0, 1), where λ cannot be told from 0, and as `kernel_failure_bound` and `sufficient_width`.
    """
    X, eps = validate_kernel_inputs(X), validate_fraction(eps, "eps")
    probability = validate_share(probability, "probability", 1)
    rate = kernel_rate(X, activation) * eps**2
    if not rate:
        raise ValueError("`X` must give a kernel with a least eigenvalue above rounding, got none")
    return max(1, ceil(log(len(X) / (1 - probability)) / rate))


def kernel_rate(X: np.ndarray, activation: str) -> float:
    """min-eigenvalue (d): λ/(2C) of `kernel_failure_bound`, rounded down; 0 where λ is 0 or lost in rounding."""
    n, largest = len(X), np.linalg.eigvalsh(X @ X.T)[-1] * (1 + GERSHGORIN_SLACK)
    slope = SLOPE_BOUNDS[validate_name(activation, DUALS, "activation")] ** 2 * largest
    if activation in HOMOGENEOUS:
        spread = slope * (min(X.shape) + 4)
    elif activation in BOUNDED:
        spread = 2 * max(3 * slope, n)
    else:
        known = ", ".join((*HOMOGENEOUS, *BOUNDED))
        raise ValueError(f"`activation` must be homogeneous or bounded ({known}), got {activation!r}")
    K = limit_grams(X, hidden_layers=1, activation=activation)
    error = n * entry_error(activation, polar(X)[1].max()) * sum(np.diagonal(own).max() for own in K.layers)
    least = np.linalg.eigvalsh(K.ntk)[0] - error
    return float(max(0.0, least) / (2 * spread)) if spread else 0.0


def first_layer_rate(X: np.ndarray, activation: str) -> float:
    """min-eigenvalue (a): λ_min(K^1)/(B² λ_max(XXᵀ)), rounded down; 0 where λ_min(K^1) is 0 or lost in rounding."""
    least = _least_eigenvalue(X, activation, 1)
    if not least:
        return 0.0
    largest = np.linalg.eigvalsh(X @ X.T)[-1] * (1 + GERSHGORIN_SLACK)
    return float(least / (SLOPE_BOUNDS[activation] ** 2 * largest))


def _least_eigenvalue(X: np.ndarray, activation: str, layer: int) -> float:
    """λ_min(K^layer) for one hidden layer, minus n `entry_error` max K_ii for rounding; at least 0."""
    K = limit_grams(X, hidden_layers=1, activation=activation).layers[layer - 1]
    error = entry_error(activation, polar(X)[1].max())
    return float(max(0.0, np.linalg.eigvalsh(K)[0] - len(K) * error * np.diagonal(K).max()))


def _masses(activation: str, hidden_layers: int, layer: int | None) -> np.ndarray:
    """`order_masses` (TERMS + 1,) of K^layer, or of the sum over the layers."""
    validate_name(activation, DUALS, "activation")
    L = validate_depth(hidden_layers)
    if layer is not None and validate_count(layer, "layer") > L + 1:
        raise ValueError(f"`layer` must be at most {L + 1}, the number of layers, got {layer!r}")
    masses = order_masses(activation, L, TERMS)
    return masses.sum(axis=0) if layer is None else masses[layer - 1]


def _weigh(masses: np.ndarray, bounds: np.ndarray) -> float:
    """Σ_r masses_r bounds_r (T+1,), rounded down."""
    return float((1 - RELATIVE_SLACK) * (masses @ bounds))


def _grid(largest: int) -> list[int]:
    """1, 2, …, `DENSE_POWERS`, then growing by `POWER_RATIO`, up to and with ``largest``."""
    grid = list(range(1, min(largest, DENSE_POWERS) + 1))
    while grid[-1] < largest:
        grid.append(min(largest, ceil(POWER_RATIO * grid[-1])))
    return grid
