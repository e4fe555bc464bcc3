"""Power series of the infinite-width kernels in the correlation of two unit inputs.

For unit inputs every kernel is a function of ρ = ⟨x_i, x_j⟩ alone, K^l = Σ_r c_r ρ^r with c_r ≥ 0: a dual activation at
equal variances is Σ_k c_k(q)² t^k in the correlation t (`theory.quadrature`), and sums, products and compositions of
series with non-negative coefficients have non-negative coefficients.
"""

from functools import cache

import numpy as np

from argument_validation import validate_count, validate_depth, validate_name
from theory.dual_activations import DUALS, PiecewiseLinear, Smooth
from theory.quadrature import Function, hermite_coefficients, resolution, root_mean_square

OUTER_TERMS = 512  # least number of terms of the outer series: what is left out costs t(0)^512 in the low orders
NOISE = 1e-15  # error of a Hermite coefficient, relative to √(E f²)


def kernel_coefficients(activation: str, *, hidden_layers: int, terms: int) -> np.ndarray:
    """Coefficients c_0 … c_{terms−1} of K^1 … K^{L+1} as power series in ρ, for unit inputs.

    With t^0 = ρ, q^0 = 1 and V_q, V̇_q the dual activations of σ and σ' at variance q:

        Σ^l = V_{q^{l−1}}(t^{l−1}),  Σ̇^l = V̇_{q^{l−1}}(t^{l−1}),  t^l = Σ^l/q^l,  K^l = Σ^{l−1} Σ̇^l ⋯ Σ̇^L,  K^{L+1} = Σ^L.

    Parameters
    ----------
    activation : a name known to `limit_grams`.
    hidden_layers : depth L ≥ 1.
    terms : number of coefficients, at least 1.

    Returns
    -------
    (L+1, terms) non-negative array. One hidden layer: right to rounding, about 1e-14 of the diagonal. Deeper: t^l has
    a constant term unless σ is odd, so that every term of an outer series contributes to every order. The outer series
    end after max(``terms``, 512) + 1 terms; as all terms are non-negative, this can only lower coefficients. What is
    missing, in these and in higher orders, is K^l_ii − Σ_r c_r; orders far below 512 lack about t^l(0)^512.

    Raises
    ------
    ValueError for an unknown activation and for counts below 1.
    """
    return _layer_series(activation, hidden_layers, terms, gather=False)[:, :-1]


@cache
def order_masses(activation: str, hidden_layers: int, terms: int) -> np.ndarray:
    """Weights μ_0 … μ_T (L+1, T+1), T = ``terms``, for sums Σ_r μ_r v_r ≤ Σ_r c_r v_r over all r, v non-decreasing.

    Coefficients of K^1 … K^{L+1}, except that some were moved to lower orders: all orders above T to T, and in outer
    piecewise linear series, which converge slowly, all powers above the last kept one to that one. Replacing an inner
    t^k by t^j, j < k, moves coefficients to lower orders, because t(1) = 1 and powers of t are series with
    non-negative coefficients. Read-only, computed once.
    """
    masses = _layer_series(activation, hidden_layers, terms, gather=True)
    masses.setflags(write=False)
    return masses


def _layer_series(activation: str, hidden_layers: int, terms: int, gather: bool) -> np.ndarray:
    """Coefficients (L+1, terms+1) of K^1 … K^{L+1}, the last column for all orders ≥ ``terms``.

    ``gather`` adds the rest of an outer piecewise linear series to its last term. Those of smooth σ are complete.
    """
    dual = DUALS[validate_name(activation, DUALS, "activation")]
    L, terms = validate_depth(hidden_layers), validate_count(terms, "terms")
    t, q = np.zeros(terms + 1), np.ones(1)
    t[1] = 1.0
    values, derivatives = [t], []
    for _ in range(L):
        outer = dual_series(dual, q[0], max(terms, OUTER_TERMS) + 1)
        if gather and isinstance(dual, PiecewiseLinear):
            whole = (dual.a**2 + dual.b**2) * np.array([q[0], 1.0])
            outer[:, -1] += np.maximum(0.0, whole - outer.sum(axis=1))
        value, derivative = compose(outer, t)
        q = dual.variance(q)
        t = value / q
        values.append(value)
        derivatives.append(derivative)
    for l in range(L):
        for derivative in derivatives[l:]:
            values[l] = multiply(values[l], derivative)
    return np.array(values)


def multiply(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Product (T+1,) of two series (T+1,) whose last entries stand for all orders ≥ T.

    Sums of non-negative numbers throughout: no cancellation, unlike with a Fourier transform.
    """
    last = len(first) - 1
    product = np.convolve(first, second)
    return np.append(product[:last], product[last:].sum())


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Coefficients (s, T+1) of Σ_k outer[:, k] inner^k: ``outer`` (s, N), ``inner`` (T+1,) as in `multiply`."""
    power = np.zeros_like(inner)
    power[0] = 1.0
    result = np.zeros((len(outer), len(inner)))
    for column in outer.T:
        result += column[:, None] * power
        power = multiply(power, inner)
    return result


def dual_series(dual: PiecewiseLinear | Smooth, q: float, terms: int) -> np.ndarray:
    """Coefficients (2, terms) of E σσ and of E σ'σ' in the correlation, both variances ``q``."""
    if isinstance(dual, PiecewiseLinear):
        return piecewise_linear_series(dual.a, dual.b, terms) * [[q], [1.0]]
    return np.array([squared_hermite(f, q, terms, dual.strip) for f in (dual.function, dual.derivative)])


def piecewise_linear_series(a: float, b: float, terms: int) -> np.ndarray:
    """Dual series (2, terms) of σ(u) = a u + b |u| and of σ' at unit variance.

    E σσ = a² t + (2b²/π)(√(1−t²) + t arcsin t) and E σ'σ' = a² + (2b²/π) arcsin t, where the bracket is the integral
    1 + ∫₀^t arcsin and arcsin t = Σ_j w_j t^{2j+1}/(2j+1), w_j = C(2j, j)/4^j.
    """
    j = np.arange(terms // 2 + 1)
    w = np.cumprod(np.where(j, (2 * j - 1) / np.maximum(2 * j, 1), 1.0))
    arcsin, integral = np.zeros(terms + 3), np.zeros(terms + 3)
    arcsin[1 : 2 * len(j) : 2] = w / (2 * j + 1)
    integral[0] = 1.0
    integral[2 : 2 * len(j) + 1 : 2] = w / ((2 * j + 1) * (2 * j + 2))
    series = 2 * b**2 / np.pi * np.array([integral, arcsin])
    series[0, 1] += a**2
    series[1, 0] += a**2
    return series[:, :terms]


def squared_hermite(f: Function, q: float, terms: int, strip: float | None) -> np.ndarray:
    """c_k(f, q)² for k < ``terms``, never above their exact values: each |c_k| is lowered by `NOISE` √(E f²).

    Coefficients beyond the resolution of the quadrature, whose squares sum to less than 1e-14 E f², are left at 0.
    """
    resolved, step = resolution(f, q, strip)
    even, odd = hermite_coefficients(f, np.array([q]), resolved, step)
    c = np.stack([even[0], odd[0]], axis=1).ravel()
    noise = NOISE * root_mean_square(f, np.array([q]), step)[0]
    squares = np.maximum(np.abs(c) - noise, 0.0)[:terms] ** 2
    return np.pad(squares, (0, terms - len(squares)))
