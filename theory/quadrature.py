"""Dual activations E f(u) g(v) of smooth functions by Mehler's formula.

For (u, v) Gaussian with variances q1, q2 and correlation ρ,

    E f(u) g(v) = Σ_k c_k(f, q1) c_k(g, q2) ρ^k,      c_k(f, q) = E f(√q Z) H_k(Z),

where H_k are the orthonormal Hermite polynomials. The coefficients are trapezoid sums, which converge
exponentially for functions analytic near the real line; Σ_k c_k² = E f(√q Z)² (Parseval) says how many are needed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from argument_validation import validate_array, validate_positive

Function = Callable[[np.ndarray], np.ndarray]

HALF_RANGE = 13.0  # exp(-13²/4) = 4e-19: what lies beyond is below rounding
MAX_TERMS = 32768
MAX_INVERSE = 9.36  # √variance over strip that needs MAX_TERMS
RESIDUAL = 1e-14  # part of Parseval's sum that may be missing; also the error of a dual, relative to √(E f² E g²)
NEGLIGIBLE = 1e-17  # terms whose sum is smaller than this, relative, are not evaluated
GOLDEN = (np.sqrt(5) - 1) / 2
CLOSE = 0.97  # pairs with larger |ρ| need many terms and are evaluated one by one, not as a dense block


@dataclass(frozen=True)
class Expansion:
    """Hermite coefficients of one function at n variances: ``even`` (n, K) holds c_0, c_2, …, ``odd`` c_1, c_3, …

    ``even_tail`` and ``odd_tail`` (K + 1,) bound what is left from each coefficient on: the largest over the n rows
    of √(Σ_{j≥k} c_j² / E f²).
    """

    even: np.ndarray
    odd: np.ndarray
    even_tail: np.ndarray
    odd_tail: np.ndarray


def gaussian_grid(step: float) -> tuple[np.ndarray, np.ndarray]:
    """Points z_j ≥ 0 and trapezoid weights h √φ(z_j) for even integrands on the real line, φ the normal density."""
    z = np.arange(0.0, HALF_RANGE + step, step)
    weights = 2 * step * np.exp(-(z**2) / 4) / (2 * np.pi) ** 0.25
    weights[0] /= 2
    return z, weights


def hermite_coefficients(f: Function, variances: np.ndarray, terms: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Even and odd c_k(f, q), k < ``terms``, for every q in ``variances`` (n,): trapezoid rule with spacing ``step``.

    The Hermite functions ψ_k = H_k √φ come from z ψ_k = √(k+1) ψ_{k+1} + √k ψ_{k−1}, which is stable upwards.
    """
    z, weights = gaussian_grid(step)
    u = np.sqrt(variances)[:, None] * z
    right, left = _values(f, u), _values(f, -u)
    even_part, odd_part = (right + left) / 2 * weights, (right - left) / 2 * weights
    even, odd = np.empty((len(u), terms // 2)), np.empty((len(u), terms // 2))
    psi, psi_next = np.exp(-(z**2) / 4) / (2 * np.pi) ** 0.25, z * np.exp(-(z**2) / 4) / (2 * np.pi) ** 0.25
    block = 256
    table = np.empty((2, block, len(z)))
    for start in range(0, terms // 2, block):
        count = min(block, terms // 2 - start)
        for i in range(count):
            k = 2 * (start + i)
            table[0, i], table[1, i] = psi, psi_next
            psi = (z * psi_next - np.sqrt(k + 1) * psi) / np.sqrt(k + 2)
            psi_next = (z * psi - np.sqrt(k + 2) * psi_next) / np.sqrt(k + 3)
        even[:, start : start + count] = even_part @ table[0, :count].T
        odd[:, start : start + count] = odd_part @ table[1, :count].T
    return even, odd


def root_mean_square(f: Function, variances: np.ndarray, step: float) -> np.ndarray:
    """√(E f(√q Z)²) for every q in ``variances`` (n,), by the trapezoid rule with spacing ``step``."""
    z, weights = gaussian_grid(step)
    u = np.sqrt(variances)[:, None] * z
    values = np.stack([_values(f, u), _values(f, -u)])
    largest = np.abs(values).max(axis=(0, 2))
    values /= np.where(largest > 0, largest, 1.0)[:, None]  # squares neither overflow nor vanish
    return largest * np.sqrt((values**2).sum(axis=0) / 2 @ (weights * np.exp(-(z**2) / 4) / (2 * np.pi) ** 0.25))


def _values(f: Function, u: np.ndarray) -> np.ndarray:
    """``f`` (u), or one ValueError if it is not a function from arrays to finite arrays of the same shape."""
    try:
        with np.errstate(all="ignore"):
            values = np.asarray(f(u))
    except Exception as error:  # whatever a caller's function raises
        raise ValueError(f"`f` and `g` must be functions of arrays, got {f!r}, which raises {error!r}") from error
    rule = "`f` and `g` must map arrays to arrays of finite real numbers of the same shape"
    if values.dtype.kind not in "fiu" or values.shape != u.shape:
        raise ValueError(f"{rule}, got {values.dtype} of shape {values.shape} for shape {u.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{rule}, got {values[~np.isfinite(values)][0]} at {u[~np.isfinite(values)][0]:.6g}")
    return values.astype(np.float64)


def resolution(f: Function, variance: float, strip: float | None) -> tuple[int, float]:
    """Number of terms and spacing that resolve ``f`` at ``variance``.

    If f is bounded by a polynomial in the strip |Im u| < ``strip``, then c_k decays like e^{−a√k} with a = strip/√q,
    and the trapezoid error of c_k like e^{√k s − 2πs/h} for every s < a: the two formulas below leave e^{−36}.
    Without a strip the spacing is reduced until the coefficients no longer change, and the number of terms doubled
    until Parseval's sum is complete to ``RESIDUAL``. The spacings have an irrational ratio: two grids, one in the other, see
    the same alias of a function that both are too coarse for. Raises ValueError where ``MAX_TERMS`` do not suffice: for kinked
    functions, for example.
    """
    if strip is not None:
        inverse = float(np.sqrt(variance)) / strip
        if inverse > MAX_INVERSE:
            raise ValueError(
                f"`strip` must be at least {np.sqrt(variance) / MAX_INVERSE:.3g} at variance {variance:.6g}, got {strip:.3g}: "
                f"more than {MAX_TERMS} Hermite terms would be needed"
            )
        terms = 2 * int(0.575 * (18 * inverse) ** 2 + 40)
        return terms, min(0.25, 2 * np.pi / (np.sqrt(terms) + 42 * inverse))
    terms, step, q = 64, 0.25, np.array([variance])
    coarse = hermite_coefficients(f, q, terms, step)
    while True:
        fine = hermite_coefficients(f, q, terms, GOLDEN * step)
        size = root_mean_square(f, q, GOLDEN * step)[0]
        change = max(np.abs(new - old).max() for new, old in zip(fine, coarse, strict=True))
        missing = 1 - sum(((part / size) ** 2).sum() for part in fine) if size else 0.0
        if change <= 1e-15 * size and missing <= RESIDUAL:
            return terms, step
        if terms >= MAX_TERMS or step < 0.01:
            raise ValueError(
                f"`f` is not resolved by {terms} Hermite terms at variance {variance:.6g} (relative residual "
                f"{missing:.1e}): it must be analytic near the real line and the variance not too large"
            )
        if change > 1e-15 * size:
            step, coarse = GOLDEN * step, fine
        else:
            terms *= 2
            coarse = hermite_coefficients(f, q, terms, step)


def expand(f: Function, variances: np.ndarray, terms: int, step: float) -> Expansion:
    """Hermite coefficients of ``f`` at every variance (n,), each distinct variance computed once."""
    distinct, where = np.unique(variances, return_inverse=True)
    even, odd = hermite_coefficients(f, distinct, terms, step)
    size = np.maximum(np.abs(even).max(axis=1), np.abs(odd).max(axis=1))[:, None]
    relative = [part / np.where(size > 0, size, 1.0) for part in (even, odd)]
    total = sum((part**2).sum(axis=1) for part in relative)[:, None]
    tails = []
    for part in relative:
        left = np.cumsum((part**2 / np.where(total > 0, total, 1.0))[:, ::-1], axis=1).max(axis=0)[::-1]
        tails.append(np.append(np.sqrt(left), 0.0))
    return Expansion(even[where], odd[where], *tails)


def _terms_at(tail1: np.ndarray, tail2: np.ndarray, x: float) -> int:
    """Least N with Σ_{k≥N} |c_k d_k| x^k ≤ NEGLIGIBLE √(E f² E g²) for all rows, by Cauchy-Schwarz on the tails."""
    bound = tail1 * tail2 * np.power(x, np.arange(len(tail1)))
    bound[-1] = 0.0
    return int(np.argmax(bound <= NEGLIGIBLE))


def mehler(first: Expansion, second: Expansion, correlation: np.ndarray) -> np.ndarray:
    """Σ_k c_k d_k ρ^k for all pairs: ``first`` (r rows), ``second`` (c rows), ``correlation`` (r, c) in [−1, 1].

    Horner's rule in ρ² on the whole block with the terms that |ρ| ≤ CLOSE needs; closer pairs one by one.
    """
    square = correlation**2
    close = square > CLOSE**2
    rows, columns = np.nonzero(close)
    bound = min(CLOSE**2, square.max())
    result, at_close = np.zeros_like(correlation), np.zeros(len(rows))
    # odd terms first: their sum is ρ times a series in ρ²
    for c, d, tail1, tail2, odd in (
        (first.odd, second.odd, first.odd_tail, second.odd_tail, True),
        (first.even, second.even, first.even_tail, second.even_tail, False),
    ):
        part = np.zeros_like(correlation)
        product = np.empty_like(correlation)
        for k in reversed(range(_terms_at(tail1, tail2, bound))):
            part *= square
            part += np.multiply.outer(c[:, k], d[:, k], out=product)
        exact = _horner_pairs(c, d, rows, columns, square[close], _terms_at(tail1, tail2, 1.0))
        result += part * correlation if odd else part
        at_close += exact * correlation[close] if odd else exact
    result[close] = at_close
    return result


def _horner_pairs(
    c: np.ndarray, d: np.ndarray, rows: np.ndarray, columns: np.ndarray, x: np.ndarray, terms: int
) -> np.ndarray:
    """Σ_{k<terms} c[rows, k] d[columns, k] x^k for each listed pair."""
    total = np.zeros(len(x))
    for start in reversed(range(0, terms if len(x) else 0, 16)):  # sixteen terms copied at a time, by every thread
        few = slice(start, min(start + 16, terms))
        left, right = np.ascontiguousarray(c[:, few].T), np.ascontiguousarray(d[:, few].T)
        for k in reversed(range(len(left))):
            total *= x
            total += left[k, rows] * right[k, columns]
    return total


def dual_activation(
    f: Function,
    g: Function,
    variance1: np.ndarray,
    variance2: np.ndarray,
    correlation: np.ndarray,
    *,
    strip: float | None = None,
) -> np.ndarray:
    """E f(u) g(v) for every pair of rows, (u, v) centred Gaussian.

    Parameters
    ----------
    f, g : vectorised functions, analytic near the real line, of at most polynomial growth.
    variance1, variance2 : (r,) and (c,) variances of u and of v, not negative.
    correlation : (r, c) correlations of u and v.
    strip : distance of the nearest singularity of f and g from the real axis, where it is known (π/2 for tanh); the
        resolution then comes from it instead of from a search.

    Returns
    -------
    (r, c) array; error at most about 1e-13 √(E f(u)² E g(v)²).

    Raises
    ------
    ValueError for variances that are negative, correlations outside [−1, 1], shapes that do not fit, a ``strip`` that is not
    positive, and functions that are not resolved by 32768 terms (kinked, or too sharp at this variance), not finite, or no
    functions of arrays.
    """
    q1, q2 = validate_array(variance1, "variance1", ("r",)), validate_array(variance2, "variance2", ("c",))
    for name, q in (("variance1", q1), ("variance2", q2)):
        if q.min() < 0:
            raise ValueError(f"`{name}` must not be negative, got {q.min():g}")
    rho = validate_array(correlation, "correlation", (len(q1), len(q2)))
    if np.abs(rho).max() > 1:
        raise ValueError(f"`correlation` must lie in [-1, 1], got {rho[np.abs(rho) > 1][0]}")
    strip = None if strip is None else validate_positive(strip, "strip")
    needs = resolution(f, q1.max(), strip), resolution(g, q2.max(), strip)
    terms, step = max(t for t, _ in needs), min(h for _, h in needs)
    return mehler(expand(f, q1, terms, step), expand(g, q2, terms, step), rho)
