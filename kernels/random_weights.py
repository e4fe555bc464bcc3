"""Standard normal weight matrices as a pure function of seed, layer, row and column.

No state is carried from one entry to the next, so any block of any matrix can be made anew, the matrix of a wider
network of the same seed holds the narrower one as its upper left block, and threads or block sizes change no bit.

Entry (i, j) of layer l comes from the counter-based generator Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel
random numbers: as easy as 1, 2, 3", SC 2011). The counter (j // 2, i, l, 0) gives four 32-bit numbers r0, r1, r2, r3;
even columns take the word 2³² r0 + r1, odd columns 2³² r2 + r3. The two 32-bit keys are the hash of the seed by
`numpy.random.SeedSequence`. The word's top 52 bits k give the tail probability τ = (k + ½) 2⁻⁵³ in (0, ½), its lowest
bit the sign, and the entry is ± Φ⁻¹(1 − τ), so |entry| <= 8.3 and the tail is resolved to its last value.

Φ⁻¹ is computed from +, −, × and / alone, each rounded once by IEEE 754, with no libm call and no fused operation:
every machine gives the same bits. The coefficients are minimax fits (Remez, 50 digits) to the formulas stated there.
"""

from functools import lru_cache

import numpy as np
from numba import njit

from argument_validation import validate_count

__all__ = ["INDICES", "MOST_WEIGHTS", "normal_matrix"]

INDICES = 2**32
"""Layers, rows and columns are numbered below this."""
MOST_WEIGHTS = 2**36
"""The most entries that are drawn at once: 512 GiB."""

_OPTIONS = {"cache": True, "error_model": "numpy", "nogil": True}

# Numba makes uint64 with int a float64, hence every integer constant is a uint64.
_LOW = np.uint64(0xFFFFFFFF)
_0, _1, _2, _12, _32, _52, _63 = (np.uint64(number) for number in (0, 1, 2, 12, 32, 52, 63))
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))

_EXPONENT_OF_1 = np.uint64(0x3FF << 52)  # with a 52-bit fraction k below it: 1 + k 2⁻⁵²
_EXPONENT_OF_2_52 = np.uint64(0x433 << 52)  # with a 52-bit integer n below it: 2⁵² + n
_EXPONENT_MASK = np.uint64(0x7FF << 52)
_BITS_OF_ROOT_2 = np.float64(1.4142135623730951).view(np.uint64)

_TAIL = np.uint64(1 << 60)  # words below this have 2τ < 2⁻⁴
_BLOCK = 2048  # words per pass: the passes over a block find it in the first or second level of cache

# z / (1 − 2τ) as a function of y = 4τ(1 − τ) for 2τ >= 2⁻⁴, powers of y ascending; relative error 1.7e-15.
_CENTRE_P = (
    3.410144772282986, 533.3851247868078, 16803.83191415994, 170938.06193968558, 657482.0020619091,
    987151.5803157793, 540081.7411320687, 85579.01575859704, 1794.0873561691958,
)  # fmt: skip
_CENTRE_Q = (
    1.0, 194.40468020096105, 7275.584428519494, 87700.658004203, 406341.74333977664,
    761558.2610226386, 556516.0284454423, 136261.12213329462, 7240.133508269024,
)  # fmt: skip

# z as a function of w = −log2(2τ) in [4, 53], powers of w ascending; relative error 8.5e-16.
_TAIL_P = (
    0.00012055754199731227, 0.8682576971903583, 1.055713807081914, 0.41126161203864087, 0.06577097518654555,
    0.004632576687829391, 0.00014300667353339593, 1.7946733851821424e-06, 7.488789593459082e-09,
    5.286213628586233e-12, -1.4538986262469154e-15,
)  # fmt: skip
_TAIL_Q = (
    1.0, 1.560668562807216, 0.8101665936949117, 0.17769123819130045, 0.0176511848077039, 0.0007977631406003418,
    1.561571651294255e-05, 1.161239135337346e-07, 2.328282605635778e-10,
)  # fmt: skip

# log2(m) / s as a function of s², s = (m − 1) / (m + 1), for m in [√½, √2]; absolute error of log2 5e-17.
_LOG2 = (
    2.8853900817779294, 0.9617966939219118, 0.5770780179335174, 0.412198320020594, 0.3206211076944977,
    0.2613145157209391, 0.24428375862159651,
)  # fmt: skip


def normal_matrix(
    seed: int,
    layer: int,
    rows: int,
    columns: int,
    *,
    first_row: int = 0,
    first_column: int = 0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Return the block of `rows` × `columns` standard normal weights that starts at (first_row, first_column).

    Entry (i, j) of the result is the weight of row first_row + i and column first_column + j, a function of seed,
    layer, row and column only (see the module's docstring). Entries are independent N(0, 1) as far as Philox is
    random. A few columns cost per entry what many do if their number is even, half as much again if it is odd, and a single
    column three times as much.

    Parameters
    ----------
    seed : int
        At least 0, of any size. Two seeds share their 64-bit key, hence all weights, with probability 2⁻⁶⁴.
    layer : int
        In [0, 2**32).
    rows, columns : int
        At least 0; the block's row and column indices stay below 2**32, its entries are at most 2**36.
    first_row, first_column : int
        In [0, 2**32).
    out : (rows, columns) float64 array, C-contiguous and writeable, optional
        Receives the weights; saves a fifth of the time of a large matrix, which fresh memory pages take.

    Returns
    -------
    (rows, columns) float64 array, C order; `out` where given

    Raises
    ------
    ValueError
        Where an argument breaks its rule above; the message names argument, rule and value.

    Notes
    -----
    |computed − exact quantile| <= 1e-13 max(1, |exact|); the tests find less than 3e-15 max(1, |exact|).
    Bit-reproducible across blocks, threads and IEEE 754 machines.
    """
    key = _key(validate_count(seed, "seed", least=0))
    layer = validate_count(layer, "layer", least=0, most=INDICES - 1)
    first_row = validate_count(first_row, "first_row", least=0, most=INDICES - 1)
    first_column = validate_count(first_column, "first_column", least=0, most=INDICES - 1)
    rows = validate_count(rows, "rows", least=0, most=INDICES - first_row)
    columns = validate_count(columns, "columns", least=0, most=INDICES - first_column)
    if rows * columns > MOST_WEIGHTS:
        raise ValueError(f"`rows` times `columns` must be at most 2^36, got {rows} and {columns}")
    if out is None:
        out = np.empty((rows, columns))
    elif not _fits(out, (rows, columns)):
        got = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise ValueError(f"`out` must be a C-contiguous writeable float64 array of shape {(rows, columns)}, got {got}")
    _fill_jit(*key, np.uint64(layer), np.uint64(first_row), np.uint64(first_column), out)
    return out


def _fits(out: object, shape: tuple[int, int]) -> bool:
    """Return whether out is an array that `_fill_jit` may write."""
    if not isinstance(out, np.ndarray) or out.dtype != np.float64 or out.shape != shape:
        return False
    return out.flags.c_contiguous and out.flags.writeable and out.flags.aligned


@lru_cache(maxsize=256)
def _key(seed: int) -> tuple[np.uint64, np.uint64]:
    """Return the two 32-bit Philox keys of a seed, held in uint64."""
    first, second = np.random.SeedSequence(seed).generate_state(2, np.uint32)
    return np.uint64(first), np.uint64(second)


@njit(inline="always", **_OPTIONS)
def _philox_jit(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, key0: np.uint64, key1: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Return the words (2³² r0 + r1, 2³² r2 + r3) of Philox4x32-10 for counter (c0, c1, c2, c3) and the keys.

    All arguments are uint64 that hold 32 bits. Between rounds the upper halves may hold anything; they are masked
    where they would be read, which costs nothing in a product: AVX2 multiplies the lower halves of 64-bit lanes.
    """
    for _ in range(10):
        product0 = _MULTIPLIERS[0] * (c0 & _LOW)
        product1 = _MULTIPLIERS[1] * (c2 & _LOW)
        c0, c2 = (product1 >> _32) ^ c1 ^ key0, (product0 >> _32) ^ c3 ^ key1
        c1, c3 = product1, product0
        key0, key1 = (key0 + _KEY_STEPS[0]) & _LOW, (key1 + _KEY_STEPS[1]) & _LOW
    return c0 << _32 | c1 & _LOW, c2 << _32 | c3 & _LOW


@njit(**_OPTIONS)
def _words_jit(
    key0: np.uint64,
    key1: np.uint64,
    layer: np.uint64,
    row: np.uint64,
    row_of: np.ndarray,
    pair_of: np.ndarray,
    words: np.ndarray,
) -> None:
    """Fill words, of even length, with those of counters k: row ``row + row_of[k]``, columns from 2 ``pair_of[k]`` on."""
    for k in range(words.size // 2):
        even, odd = _philox_jit(pair_of[k], row + row_of[k], layer, _0, key0, key1)
        words[2 * k] = even
        words[2 * k + 1] = odd


@njit(**_OPTIONS)
def _polynomial_jit(c: tuple[float, ...], x: float) -> float:
    """Return Σ c[k] xᵏ for an odd number of coefficients.

    Even and odd powers are summed apart: two chains of half the length of Horner's keep a processor twice as busy.
    """
    square = x * x
    even, odd = c[len(c) - 1], c[len(c) - 2]
    for k in range(len(c) - 3, 0, -2):
        even = even * square + c[k]
        odd = odd * square + c[k - 1]
    return even * square + c[0] + odd * x


@njit(**_OPTIONS)
def _twice_tau_jit(word: np.uint64) -> float:
    """Return 2τ = (2k + 1) 2⁻⁵³ in (0, 1), exact, for the top 52 bits k of a word."""
    return np.uint64(word >> _12 | _EXPONENT_OF_1).view(np.float64) - (1.0 - 2.0**-53)


@njit(**_OPTIONS)
def _with_sign_jit(size: float, word: np.uint64) -> float:
    """Return ± size: size >= 0 with the lowest bit of a word as its sign."""
    return np.uint64(np.float64(size).view(np.uint64) | word << _63).view(np.float64)


@njit(**_OPTIONS)
def _minus_log2_jit(t: float) -> float:
    """Return −log2(t) of t in [2⁻⁵³, √2), right but for the rounding of a result of its size.

    t = m 2⁻ⁿ with m in [√½, √2]; the exponent and n go through their bit patterns, which AVX2 has instructions for.
    """
    bits = np.float64(t).view(np.uint64)
    steps = _BITS_OF_ROOT_2 - bits
    m = np.uint64(bits + (steps & _EXPONENT_MASK)).view(np.float64)
    n = np.uint64(steps >> _52 | _EXPONENT_OF_2_52).view(np.float64) - 2.0**52
    s = (m - 1.0) / (m + 1.0)
    return n - s * _polynomial_jit(_LOG2, s * s)


@njit(**_OPTIONS)
def _centre_jit(words: np.ndarray, out: np.ndarray) -> None:
    """Write the normal of each word, right where 2τ >= 2⁻⁴; finite numbers that mean nothing elsewhere."""
    for i in range(out.size):
        t = _twice_tau_jit(words[i])
        y = t * (2.0 - t)
        x = _with_sign_jit(1.0 - t, words[i])
        out[i] = x * _polynomial_jit(_CENTRE_P, y) / _polynomial_jit(_CENTRE_Q, y)


@njit(**_OPTIONS)
def _tails_jit(words: np.ndarray, places: np.ndarray, tails: np.ndarray, out: np.ndarray) -> None:
    """Write the normal of each word with 2τ < 2⁻⁴, one in sixteen; places and tails are scratch of words' length.

    Gathering these words first keeps the loop over them free of branches, as the one of `_centre_jit` is.
    """
    count = 0
    for i in range(out.size):
        places[count] = i
        count += words[i] < _TAIL
    for k in range(count):
        tails[k] = words[places[k]]
    for k in range(count):
        w = _minus_log2_jit(_twice_tau_jit(tails[k]))
        z = _polynomial_jit(_TAIL_P, w) / _polynomial_jit(_TAIL_Q, w)
        tails[k] = np.float64(_with_sign_jit(z, tails[k])).view(np.uint64)
    for k in range(count):
        out[places[k]] = np.uint64(tails[k]).view(np.float64)


@njit(**_OPTIONS)
def _fill_jit(
    key0: np.uint64,
    key1: np.uint64,
    layer: np.uint64,
    first_row: np.uint64,
    first_column: np.uint64,
    out: np.ndarray,
) -> None:
    """Fill out with the weights of the block that starts at (first_row, first_column).

    One pass takes a part of a long row, or many short rows side by side, each with all words of its counters.
    """
    rows, columns = out.shape
    flat = out.reshape(-1)
    words = np.empty(_BLOCK + 2, np.uint64)
    normals = np.empty(words.size)
    places = np.empty(words.size, np.uint32)
    tails = np.empty(words.size, np.uint64)
    row_of = np.empty(words.size // 2, np.uint64)
    pair_of = np.empty(words.size // 2, np.uint64)
    for start in range(0, columns, _BLOCK):
        width = min(_BLOCK, columns - start)
        column = first_column + np.uint64(start)
        skip = np.int64(column & _1)  # a block may start at the second word of a counter
        pairs = (skip + width + 1) // 2
        group = min(max(rows, 1), words.size // (2 * pairs))
        for k in range(group * pairs):
            row_of[k] = k // pairs
            pair_of[k] = column // _2 + np.uint64(k % pairs)
        for first in range(0, rows, group):
            count = min(group, rows - first)
            own = words[: 2 * count * pairs]
            _words_jit(key0, key1, layer, first_row + np.uint64(first), row_of, pair_of, own)
            if count == 1 or 2 * pairs == columns:  # what is wanted lies side by side
                own = own[skip : skip + count * width]
                part = flat[first * columns + start :][: own.size]
                _centre_jit(own, part)
                _tails_jit(own, places, tails, part)
            else:
                part = normals[: own.size]
                _centre_jit(own, part)
                _tails_jit(own, places, tails, part)
                for i in range(count):
                    for j in range(width):
                        out[first + i, start + j] = part[2 * pairs * i + skip + j]
