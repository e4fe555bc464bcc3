"""Weights as a function of (seed, layer, row, column): against published vectors, mpmath and the normal law.

Statistical tests have fixed seeds, so they pass or fail for good; the stated level bounds the chance that a perfect
generator would have failed with the seed chosen.
"""

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from kernels.random_weights import _centre_jit, _philox_jit, _tails_jit, normal_matrix

SEEDS = st.integers(0, 2**200)
INDICES = st.integers(0, 2**32 - 1)
FIVE_SIGMA = 5.0  # two-sided level 5.7e-7 for each statistic compared with it


def reference_philox(counter, key):
    """Philox4x32-10 in Python integers, as in the 2011 paper."""
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c[0], 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c[2], 2**32)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


def reference_word(seed, layer, row, column):
    """The 64 random bits of an entry."""
    key = [int(number) for number in np.random.SeedSequence(seed).generate_state(2, np.uint32)]
    numbers = reference_philox((column // 2, row, layer, 0), key)
    high, low = numbers[2 * (column % 2) :][:2]
    return 2**32 * high + low


def quantile_error(value, word):
    """Return |value − quantile of word| / max(1, |value|) from Φ in 40 digits: error of z = error of Φ / density."""
    with mpmath.workdps(40):
        z = mpmath.mpf(float(value)) * (-1) ** (word % 2)
        tau = (word // 2**12 + mpmath.mpf("0.5")) / 2**53
        error = (mpmath.erfc(z / mpmath.sqrt(2)) / 2 - tau) / mpmath.npdf(z)
        return float(abs(error) / max(1, abs(z)))


def quantiles(words):
    """The module's normals of given words."""
    words = np.array(words, np.uint64)
    out = np.empty(words.size)
    _centre_jit(words, out)
    _tails_jit(words, np.empty(words.size + 1, np.uint32), np.empty(words.size, np.uint64), out)
    return out


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_published_known_answers(counter, key, expected):
    words = _philox_jit(*(np.uint64(number) for number in counter + key))
    text = "".join(f"{int(word):016x}" for word in words)
    assert text == expected.replace(" ", "")
    assert "".join(f"{number:08x}" for number in reference_philox(counter, key)) == text


@settings(deadline=None, max_examples=50)
@given(SEEDS, INDICES, INDICES, INDICES)
def test_an_entry_is_the_quantile_of_its_philox_word(seed, layer, row, column):
    value = normal_matrix(seed, layer, 1, 1, first_row=row, first_column=column)[0, 0]
    assert quantile_error(value, reference_word(seed, layer, row, column)) <= 1e-13


def test_quantiles_are_accurate_from_the_median_to_the_last_tail_value():
    rng = np.random.default_rng(5)
    near_powers = [2**power + step for power in range(1, 52) for step in (-1, 0, 1)]
    near_median = [2**52 - number for number in near_powers]
    any_octave = [int(2.0**exponent) for exponent in rng.uniform(0, 52, 1000)]
    words = [k * 2**12 for k in [0, *near_powers, *near_median, *any_octave]]
    values = quantiles(words)
    assert max(quantile_error(value, word) for value, word in zip(values, words, strict=True)) <= 1e-13
    assert np.array_equal(quantiles([word + 1 for word in words]), -values)
    assert 8.29 < values[0] == values.max() < 8.30


@settings(deadline=None, max_examples=50)
@given(st.data(), SEEDS, INDICES, st.integers(1, 6), st.sampled_from([1, 2, 3, 8, 63, 2047, 2048, 2049, 4500]))
def test_any_block_equals_the_slice_of_the_larger_matrix(data, seed, layer, rows, columns):
    first_row = data.draw(st.integers(0, 2**32 - rows))
    first_column = data.draw(st.integers(0, 2**32 - columns))
    large = normal_matrix(seed, layer, rows, columns, first_row=first_row, first_column=first_column)
    top, left = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    bottom, right = data.draw(st.integers(top, rows)), data.draw(st.integers(left, columns))
    offsets = {"first_row": first_row + top, "first_column": first_column + left}
    block = normal_matrix(seed, layer, bottom - top, right - left, **offsets)
    assert block.shape == (bottom - top, right - left)
    assert np.array_equal(block, large[top:bottom, left:right])


def test_a_long_row_equals_its_pieces():
    whole = normal_matrix(3, 1, 2, 7000)
    pieces = [normal_matrix(3, 1, 2, 700, first_column=column) for column in range(0, 7000, 700)]
    assert np.array_equal(whole, np.hstack(pieces))


@pytest.mark.parametrize("columns", [1, 2, 3, 8, 41])
def test_a_tall_matrix_equals_its_rows(columns):
    """Many more rows than are drawn side by side."""
    tall = normal_matrix(3, 1, 3000, columns, first_row=2**31, first_column=5)
    rows = [normal_matrix(3, 1, 1, columns, first_row=2**31 + i, first_column=5)[0] for i in range(3000)]
    assert np.array_equal(tall, rows)


def test_the_bits_are_those_of_every_other_machine():
    """260 rows × 65 columns: whole vectors, remainders and 1000 tail values; the digest was found with AVX2."""
    weights = normal_matrix(2**70 + 1, 3, 260, 65).astype("<f8")
    digest = hashlib.sha256(weights.tobytes()).hexdigest()
    assert digest == "0498ec67d785da511040f781e1e9454265f5f5aa63a9d0ed3436f6f1ee11a50e"


def test_seeds_layers_and_neighbours_are_uncorrelated():
    base = normal_matrix(1, 1, 500, 501)
    others = {
        "seed": normal_matrix(2, 1, 500, 501),
        "long seed": normal_matrix(1 + 2**64, 1, 500, 501),
        "layer": normal_matrix(1, 2, 500, 501),
        "next row": normal_matrix(1, 1, 500, 501, first_row=1),
        "next column": normal_matrix(1, 1, 500, 501, first_column=1),
    }
    for name, other in others.items():
        # products of independent normals have variance 1
        assert abs(np.mean(base * other)) < FIVE_SIGMA / np.sqrt(base.size), name


def test_a_million_draws_have_the_moments_and_the_law_of_the_normal():
    draws = np.sort(normal_matrix(2024, 0, 1000, 1000), axis=None)
    count = draws.size
    for power, mean, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert abs(np.mean(draws**power) - mean) < FIVE_SIGMA * np.sqrt(variance / count), power
    # Kolmogorov-Smirnov distance with the bound of Dvoretzky, Kiefer, Wolfowitz and Massart at level 1e-6
    steps = np.arange(count + 1) / count
    distance = max(np.max(ndtr(draws) - steps[:-1]), np.max(steps[1:] - ndtr(draws)))
    assert distance < np.sqrt(np.log(2 / 1e-6) / (2 * count))


def test_threads_that_fill_parts_give_the_bits_of_one_call():
    whole, parts = normal_matrix(9, 4, 64, 3000), np.empty((64, 3000))

    def fill(row):
        return normal_matrix(9, 4, 4, 3000, first_row=row, out=parts[row : row + 4])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fill, range(0, 64, 4)))
    assert np.array_equal(parts, whole)


GOOD = {"seed": 1, "layer": 1, "rows": 2, "columns": 3}


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("seed", -1, "at least 0"),
        ("seed", 1.0, "at least 0"),
        ("seed", None, "at least 0"),
        ("seed", True, "at least 0"),
        ("layer", -1, "at least 0"),
        ("layer", 2**32, "at most 4294967295"),
        ("rows", -1, "at least 0"),
        ("rows", 2.5, "at least 0"),
        ("columns", "3", "at least 0"),
        ("columns", 2**32 + 1, "at most 4294967296"),
        ("first_row", np.float64(1), "at least 0"),
        ("first_column", 2**32, "at most 4294967295"),
    ],
)
def test_bad_input_is_refused_with_name_rule_and_value(name, value, rule):
    with pytest.raises(ValueError, match=f"^{re.escape(f'`{name}` must be a whole number of {rule}, got {value!r}')}$"):
        normal_matrix(**(GOOD | {name: value}))


def test_a_block_that_leaves_the_index_range_is_refused():
    assert normal_matrix(1, 1, 1, 1, first_row=2**32 - 1, first_column=2**32 - 1).shape == (1, 1)
    with pytest.raises(ValueError, match=r"^`rows` must be a whole number of at most 1, got 2$"):
        normal_matrix(1, 1, 2, 1, first_row=2**32 - 1)
    with pytest.raises(ValueError, match=r"^`columns` must be a whole number of at most 1, got 2$"):
        normal_matrix(1, 1, 1, 2, first_column=2**32 - 1)
    with pytest.raises(ValueError, match=r"^`rows` times `columns` must be at most 2\^36, got 262144 and 262145$"):
        normal_matrix(1, 1, 2**18, 2**18 + 1)


@pytest.mark.parametrize(
    "out",
    [np.empty((3, 2)), np.empty((2, 3), np.float32), np.empty((3, 2)).T, np.empty((2, 6))[:, ::2], [[0.0] * 3] * 2],
)
def test_an_unsuitable_out_is_refused(out):
    with pytest.raises(ValueError, match=r"^`out` must be a C-contiguous writeable float64 array of shape \(2, 3\)"):
        normal_matrix(**GOOD, out=out)


def test_out_is_filled_and_returned():
    out = np.empty((2, 3))
    assert normal_matrix(**GOOD, out=out) is out
    assert np.array_equal(out, normal_matrix(**GOOD))
