"""The layerwise recursion of `theory.limit_grams` over tiles of pairs, with the half-angle carried through the depth.

A pair carries h = sin²(θ/2) and h̄ = cos²(θ/2), from the chord of its unit rows: h = |u − v|²/4, and h̄ = 1 − h, near opposite
rows |u + v|²/4 instead. Then no layer needs a sine, a cosine or an inverse of one. With k = min(h, h̄) ≤ ½ and s = √k,

    φ = 2 asin s = 2s(1 + k a(k)),      sin φ − φ cos φ = 2sk e(k),

a and e polynomials of degree 17: no cancellation for k → 0. θ = φ where h ≤ ½, and π − φ beyond, which adds π(1 − 2k) to the
excess sin θ − θ cos θ. The layers, with variances q and next variances p:

    a u + b|u|  h' = h − b²/(πN)(sin θ − θ cos θ), N = a² + b²; E σσ = √(p1p2)(h̄' − h'); E σ'σ' = N − 2b²θ/π
    erf, gelu   the arcsine of x = √(Q1Q2)(h̄ − h)/√((1+Q1)(1+Q2)), Q = 2q or q, and of w = √(1 − x²) where that is smaller;
                w² comes from 1 + Q1 + Q2 + 4Q1Q2hh̄, without cancellation
    sin, cos    E = e^{−½(√q1 − √q2)² − 2√(q1q2)k} and t = e^{−2|c|}, c = √(q1q2)(h̄ − h): ±½E(1 − t) and ½E(1 + t)
    tanh, …     the series of `theory.logistic_duals`, with as many terms as the largest |cos θ| of a strip needs
    smooth      h' = ½ − ½E σσ/√(p1p2); equal rows stay equal

Strips of one row and up to `COLUMNS` columns go through all layers while they are in the first-level cache; loops touch at
most five arrays, so that the compiler can prove them apart and use vector instructions. Nothing is contracted or reordered,
and tiles share nothing: the same bits for any number of threads. Without a series a pair depends on its own two rows alone.

A side of the kernel is a tuple of arrays with a column for every row of X: its unit rows (d, n), factors (L, 4, n) of which
the first is √q, the second √p (for a u + b|u|) or 1/√p and 0 where p = 0, then √Q and 1/√(1+Q) or E σ; and N_k(q) (T, n).
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

ROWS, COLUMNS = 32, 128  # of a tile
ALIGN = 32  # columns of a strip are a multiple of it: no loop ends in a part that is not vectorised
SHARE = 2**16  # pairs a thread has at least: its tile is a sixteenth of them
PIECEWISE_LINEAR, ERF, GELU, SIN, COS, LOGISTIC, INTEGRATED_LOGISTIC = range(7)

# (asin s/s − 1)/k and (sin φ − φ cos φ)/(2s³), s = √k, φ = 2 asin s, in powers of k: interpolated on [0, ½] at 18 Chebyshev
# nodes in 50 digits. Their errors are 1.4e-16 and 7e-17: k times that of the first, 7e-17, is what an angle sees.
ARCSINE = (
    0.1666666666666666, 0.07500000000008983, 0.04464285712358516, 0.030381946078023858, 0.022372086303686842,
    0.017354730668996843, 0.013929824301362788, 0.011985559032731258, 0.0058919623838489124, 0.033823977477227554,
    -0.1174784139555458, 0.46581061083892006, -1.258681300394588, 2.573508064401593, -3.7415993002001366,
    3.7316474816315224, -2.277990489441633, 0.6629475548369097,
)  # fmt: skip
EXCESS = (
    1.3333333333333333, 0.13333333333334071, 0.04285714285556105, 0.01984126997538724, 0.011047973819713819,
    0.006883902841014827, 0.004624524012430204, 0.0033215467566209025, 0.0021131214880823336, 0.003957653306862928,
    -0.008852367759358297, 0.03920019737776707, -0.10397122300928494, 0.21454873761093943, -0.31229446643630443,
    0.3134989900684328, -0.19244609536278637, 0.05683066296223018,
)  # fmt: skip

LOG2_E = 1 / math.log(2)
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # their sum is ln 2 to 86 bits
ROUND = 1.5 * 2.0**52  # adding it rounds to an integer, held in the last bits
T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10 = (2 / (2 * k + 1) for k in range(11))
TINY, ROOT_HALF_BITS = np.finfo(float).tiny, int(np.float64(0.5**0.5).view(np.int64))
NEGLIGIBLE = 1e-17  # terms of a series smaller than this, relative to the first, are left out
LOG_NEGLIGIBLE = math.log(NEGLIGIBLE)
C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13 = (1 / math.factorial(k) for k in range(2, 14))

_jit = njit(cache=True, error_model="numpy", nogil=True)


@_jit
def _polynomial(c, k):
    """Σ c_i k^i of 18 coefficients, as four interleaved Horner chains in k⁴."""
    k2 = k * k
    k4 = k2 * k2
    zero = c[0] + k4 * (c[4] + k4 * (c[8] + k4 * (c[12] + k4 * c[16])))
    one = c[1] + k4 * (c[5] + k4 * (c[9] + k4 * (c[13] + k4 * c[17])))
    two = c[2] + k4 * (c[6] + k4 * (c[10] + k4 * c[14]))
    three = c[3] + k4 * (c[7] + k4 * (c[11] + k4 * c[15]))
    return (zero + k * one) + k2 * (two + k * three)


@_jit
def _half_angles(U, i, V, part, h, hc):
    """sin²(θ/2) and cos²(θ/2) of the unit column i of ``U`` (d, n) with the unit columns ``part`` of ``V`` (d, n2)."""
    d, columns = len(U), h.size
    h[:] = 0.0
    for k in range(d):
        x, v = U[k, i], V[k, part]
        for j in range(columns):
            h[j] += (x - v[j]) * (x - v[j])
    opposite = False
    for j in range(columns):  # the chord of opposite rows has lost cos²(θ/2)
        h[j] *= 0.25
        hc[j] = 1.0 - h[j]
        opposite |= h[j] > 0.96
    if opposite:
        far = np.zeros(columns)
        for k in range(d):
            x, v = U[k, i], V[k, part]
            for j in range(columns):
                far[j] += (x + v[j]) * (x + v[j])
        for j in range(columns):
            if h[j] > 0.96:
                hc[j] = 0.25 * far[j]
                h[j] = 1.0 - hc[j]


@_jit
def _piecewise_linear(a2, b2, root1, root2, h, hc, value, dot):
    """E σσ, E σ'σ' and the next half-angles for σ(u) = a u + b|u|; ``root`` are √p of the next variances p."""
    N = a2 + b2
    for j in range(h.size):
        near, far = min(h[j], hc[j]), h[j] > hc[j]
        twice = 2.0 * math.sqrt(near)
        share = twice * (1.0 + near * _polynomial(ARCSINE, near)) * (2.0 / math.pi)  # 2φ/π
        dot[j] = (N - 2.0 * b2) + b2 * share if far else N - b2 * share
        far &= a2 > 0.0  # even σ: u and −u give the same features
        excess = twice * near * _polynomial(EXCESS, near) / math.pi + (1.0 - 2.0 * near if far else 0.0)
        before = h[j] if far else near
        h[j] = before - b2 / N * excess
    for j in range(h.size):
        hc[j] = 1.0 - h[j]
    for j in range(h.size):
        value[j] = root1 * root2[j] * (hc[j] - h[j])


@_jit
def _arcsine(gelu, R1, inverse1, R2, inverse2, h, hc, value, dot):
    """E σσ and E σ'σ' of erf or gelu; R = √Q and ``inverse`` = 1/√(1 + Q) of the row and the columns."""
    Q1 = R1 * R1
    for j in range(h.size):
        value[j] = R1 * R2[j] * (hc[j] - h[j])
        dot[j] = 4.0 * (Q1 * (R2[j] * R2[j])) * (h[j] * hc[j])
    for j in range(h.size):
        c, gap, inverse = value[j], dot[j], inverse1 * inverse2[j]
        D = 1.0 + (Q1 + R2[j] * R2[j]) + gap
        root = math.sqrt(D)
        x, w = abs(c * inverse), root * inverse
        y = min(x, w)
        y2 = min(y * y, 0.5)  # x² + w² = 1 to rounding
        arcsine = y * (1.0 + y2 * _polynomial(ARCSINE, y2))
        arcsine = math.copysign(0.5 * math.pi - arcsine if w < x else arcsine, c)
        if gelu:
            s = inverse1 * inverse1 + inverse2[j] * inverse2[j]
            P, F = 0.25 + arcsine / (2.0 * math.pi), 0.5 / math.pi / root
            value[j] = c * P + F * (gap + c * c * s)
            dot[j] = P + F * c * (s + 1.0 / D)
        else:
            value[j] = 2.0 / math.pi * arcsine
            dot[j] = 4.0 / math.pi / root


@_jit
def _exp_and_expm1(x):
    """(e^x, e^x − 1) for x ≤ 0, both to full relative accuracy; (0, −1) for x ≤ −708.

    x = k ln 2 + r, |r| ≤ ln 2/2; e^r − 1 by its Taylor series, 2^k from its exponent bits.
    """
    outside = x <= -708.0
    x = -708.0 if outside else x
    shifted = x * LOG2_E + ROUND
    k = shifted - ROUND
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    r2 = r * r
    odd = C3 + r2 * (C5 + r2 * (C7 + r2 * (C9 + r2 * (C11 + r2 * C13))))
    even = C2 + r2 * (C4 + r2 * (C6 + r2 * (C8 + r2 * (C10 + r2 * C12))))
    series = r + r2 * (even + r * odd)
    power = 0.0 if outside else np.int64((np.float64(shifted).view(np.int64) + 1023) << 52).view(np.float64)
    return power + power * series, (power - 1.0) + power * series


@_jit
def _sine(cosine, root1, root2, h, hc, value, dot):
    """E σσ and E σ'σ' of sin or cos; ``root`` = √q of the row and the columns."""
    for j in range(h.size):
        product, distance = root1 * root2[j], root1 - root2[j]
        c = product * (hc[j] - h[j])
        E, _ = _exp_and_expm1(-0.5 * (distance * distance) - 2.0 * product * min(h[j], hc[j]))
        t, tm1 = _exp_and_expm1(-2.0 * abs(c))
        odd, even = math.copysign(-0.5 * E * tm1, c), 0.5 * E * (1.0 + t)
        value[j] = even if cosine else odd
        dot[j] = odd if cosine else even


@_jit
def _log(x, less):
    """log x of x in [0, 1] to full relative accuracy, ``less`` = 1 − x; −708 for 0.

    x = 2^e m with m in [√½, √2); log m = 2 artanh z, z = (m − 1)/(m + 1), by its series.
    """
    bits = np.float64(max(x, TINY)).view(np.int64)
    e = (bits - ROOT_HALF_BITS) >> 52
    m = np.int64(bits - (e << 52)).view(np.float64)
    z = (m - 1.0 if e else -less) / (m + 1.0)
    z2 = z * z
    z4 = z2 * z2
    even = T0 + z4 * (T2 + z4 * (T4 + z4 * (T6 + z4 * (T8 + z4 * T10))))
    odd = T1 + z4 * (T3 + z4 * (T5 + z4 * (T7 + z4 * T9)))
    return e * LN2_HIGH + (e * LN2_LOW + z * (even + z2 * odd))


@_jit
def _logistic(integrated, gain, offset, root1, mean1, root2, mean2, N1, i, N2, table, part, h, hc, log, value, dot):
    """E σσ and E σ'σ' of tanh or sigmoid, or ``integrated`` of softplus: Horner's rule from the last node."""
    size, (weights, ratios, steps, k, log_bounds) = h.size, table
    for j in range(size):
        log[j] = _log((hc[j] - h[j]) * (hc[j] - h[j]), 4.0 * h[j] * hc[j])
        value[j] = 0.0
        dot[j] = 0.0
    few, largest = len(k), log.max()
    while few > 1 and log_bounds[few - 1] + k[few - 1] * largest < LOG_NEGLIGIBLE:
        few -= 1
    for t in range(few - 1, -1, -1):
        left, ratio, N, step = weights[t] * N1[t, i], ratios[t], N2[t, part], steps[t]
        for j in range(size):
            power, _ = _exp_and_expm1(step * log[j])
            term = left * N[j]
            value[j] = (value[j] + term) * power
            dot[j] = (dot[j] + ratio * term) * power
    for j in range(size):
        c = root1 * root2[j] * (hc[j] - h[j])
        value[j] *= gain * c * c if integrated else gain * c
        dot[j] *= gain * c if integrated else gain
    if integrated:
        for j in range(size):
            value[j] += 0.25 * (root1 * root2[j] * (hc[j] - h[j]))
        for j in range(size):
            value[j] += mean1 * mean2[j]
            dot[j] += offset
    else:
        for j in range(size):
            value[j] += offset


@_jit
def mixture_sums(first, log_ratio, k, out):
    """Σ_K first e^{k log_ratio} of arrays (K, n) for every k (T,) into ``out`` (T, n); ``log_ratio`` at most 0."""
    for t in range(len(k)):
        total = out[t]
        total[:] = 0.0
        for K in range(len(first)):
            a, log = first[K], log_ratio[K]
            for i in range(total.size):
                total[i] += a[i] * _exp_and_expm1(k[t] * log[i])[0]


@_jit
def _smooth_half_angles(inverse1, inverse2, value, h, hc):
    """The half-angles of the next layer, h' = ½ − ½E σσ/√(p1p2), from ``inverse`` = 1/√p, or 0 where p is."""
    for j in range(h.size):
        # what is cut off is rounding: |E σσ| exceeds √(p1p2) by less than 1e-15 of it
        after = min(max(0.5 - 0.5 * (value[j] * inverse1 * inverse2[j]), 0.0), 1.0)
        h[j] = 0.0 if h[j] == 0.0 and inverse1 == inverse2[j] else after
    for j in range(h.size):
        hc[j] = 1.0 - h[j]


@_jit
def _strip(kind, a, b, one, two, table, starts, i, part, work, values, dots):
    """Σ^0 … Σ^L into ``values`` and Σ̇^1 … Σ̇^L into ``dots`` for row i of ``one`` and the columns ``part`` of ``two``."""
    (U, rows1, N1), (V, rows2, N2) = one, two
    size, L = part.stop - part.start, len(rows1)
    h, hc, value, root1, root2 = work[0, :size], work[1, :size], values[0, :size], rows1[0, 0, i], rows2[0, 0, part]
    _half_angles(U, i, V, part, h, hc)
    for j in range(size):
        value[j] = root1 * root2[j] * (hc[j] - h[j])
    for l in range(L):
        value, dot = values[l + 1, :size], dots[l, :size]
        if kind == PIECEWISE_LINEAR:
            _piecewise_linear(a, b, rows1[l, 1, i], rows2[l, 1, part], h, hc, value, dot)
            continue
        if kind <= GELU:
            R, inverse = rows2[l, 2, part], rows2[l, 3, part]
            _arcsine(kind == GELU, rows1[l, 2, i], rows1[l, 3, i], R, inverse, h, hc, value, dot)
        elif kind <= COS:
            _sine(kind == COS, rows1[l, 0, i], rows2[l, 0, part], h, hc, value, dot)
        else:
            terms, integrated = slice(starts[l], starts[l + 1]), kind == INTEGRATED_LOGISTIC
            _logistic(
                integrated, a, b, rows1[l, 0, i], rows1[l, 2, i], rows2[l, 0, part], rows2[l, 2, part], N1[terms], i,
                N2[terms], table[:, terms], part, h, hc, work[2, :size], value, dot,
            )  # fmt: skip
        if l < L - 1:
            _smooth_half_angles(rows1[l, 1, i], rows2[l, 1, part], value, h, hc)


@_jit
def _tiles_jit(kind, a, b, one, two, table, starts, symmetric, every, first, step, tile, out):
    """Fill the tiles ``first``, ``first`` + ``step``, … of ``out``; with ``symmetric`` only those on and above the diagonal."""
    planes, n, n2 = out.shape
    L = len(one[1])
    across = (n2 + COLUMNS - 1) // COLUMNS
    width = tile.shape[2]
    work, values, dots = np.empty((3, width)), np.empty((L + 1, width)), np.empty((L, width))
    for number in range(first, (n + ROWS - 1) // ROWS * across, step):
        top, left = number // across * ROWS, number % across * COLUMNS
        bottom, right = min(top + ROWS, n), min(left + COLUMNS, n2)
        if symmetric and right <= top:
            continue
        for i in range(top, bottom):
            start = max(left, i // ALIGN * ALIGN) if symmetric else left
            if start >= right:
                continue
            part = slice(start, (right + ALIGN - 1) // ALIGN * ALIGN)
            _strip(kind, a, b, one, two, table, starts, i, part, work, values, dots)
            size, offset = part.stop - start, start - left
            tile[planes - 1, i - top, offset : offset + size] = values[L, :size]
            if every:  # K^l = Σ^{l−1} ∘ Σ̇^l ∘ … ∘ Σ̇^L
                for l in range(L - 1, -1, -1):
                    layer, sigma, dot = tile[l, i - top, offset : offset + size], values[l], dots[l]
                    if l < L - 1:
                        after = dots[l + 1]
                        for j in range(size):
                            dot[j] *= after[j]
                    for j in range(size):
                        layer[j] = sigma[j] * dot[j]
            else:  # K of l layers is that of l − 1, times Σ̇^l, plus Σ^l
                total = tile[0, i - top, offset : offset + size]
                for j in range(size):
                    total[j] = values[0, j]
                for l in range(L):
                    dot, sigma = dots[l], values[l + 1]
                    for j in range(size):
                        total[j] = total[j] * dot[j] + sigma[j]
        for plane in range(planes):
            for i in range(top, bottom):
                start = max(left, i) if symmetric else left
                if start < right:
                    out[plane, i, start:right] = tile[plane, i - top, start - left : right - left]
            if symmetric:
                for j in range(left, right):
                    mirrored = out[plane, j, top : min(bottom, j)]
                    for i in range(mirrored.size):
                        mirrored[i] = tile[plane, i, j - left]


def side(unit: np.ndarray, factors: np.ndarray, N: np.ndarray) -> tuple[np.ndarray, ...]:
    """A side of the kernel, see above, of unit rows (n, d), factors (L, 4, n) and N (T, n), filled up to whole strips."""
    n, filled = len(unit), []
    for array in (unit.T, factors, N):
        filled.append(np.zeros((*array.shape[:-1], n + -n % ALIGN)))
        filled[-1][..., :n] = array
    return tuple(filled)


def fill(
    kind: int,
    constants: tuple[float, float],
    one: tuple[np.ndarray, ...],
    two: tuple[np.ndarray, ...],
    table: np.ndarray,
    starts: np.ndarray,
    every: bool,
    out: np.ndarray,
) -> None:
    """Write K^1 … K^{L+1} (L+1, n, n2) with ``every``, else the NTK and Σ^L (2, n, n2), into ``out``.

    Two sides that are one object make a symmetric kernel. ``constants`` are a², b² or gain and offset, ``table`` (5, T) the
    series of all layers, see `theory.logistic_duals.series_table`, and layer l has those from ``starts`` [l] on.
    """
    planes, n, n2 = out.shape
    threads = max(1, min(os.cpu_count() or 1, n * n2 // SHARE))
    step = 8 * threads if threads > 1 else 1  # threads take parts of the tiles until none is left
    parts = iter(range(step))

    def work(_: int) -> None:
        width = min(COLUMNS, len(two[0][0])) + 8  # rows begin in different sets of the cache
        tile = np.empty((planes, min(ROWS, n), width))
        for first in parts:
            _tiles_jit(kind, *constants, one, two, table, starts, one is two, every, first, step, tile, out)

    if threads == 1:
        work(0)
        return
    with ThreadPoolExecutor(threads - 1) as pool:
        others = pool.map(work, range(threads - 1))
        work(0)
        list(others)  # raises what they raised
