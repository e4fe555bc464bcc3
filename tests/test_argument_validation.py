"""The one validator: what passes comes out as plain float64, and what would lose a part is refused by name."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from argument_validation import (
    EXACT,
    SYMMETRY,
    validate_array,
    validate_count,
    validate_flag,
    validate_name,
    validate_positive,
    validate_real,
    validate_symmetric,
    validate_times,
)
from tests.hostile import SAME_ARRAYS

X = np.array([[0.5, -1.0], [2.0, 0.25], [1.5, 3.0]])
FRAME = pd.DataFrame(X, columns=["length", "width"])
RAGGED = [[1.0, 2.0], [3.0]]
MATRICES = {
    "complex": (X + 1j, "`X` must hold real numbers, got complex numbers"),
    "real complex": (X + 0j, "`X` must hold real numbers, got complex numbers"),
    "masked": (np.ma.array(X, mask=X > 1), "`X` must hold real numbers, got a masked array: fill or drop what is masked"),
    "rows of masked": (list(np.ma.array(X, mask=X > 1)), "`X` must hold real numbers, got a masked array"),
    "masked leaf": ([[1.0, np.ma.masked]], "`X` must be an array of real numbers, got list"),
    "dates": (np.full((3, 2), np.datetime64("2020-01-01")), "`X` must hold real numbers, got dates"),
    "time differences": (np.full((3, 2), np.timedelta64(1, "s")), "`X` must hold real numbers, got time differences"),
    "texts": (X.astype(str), "`X` must hold real numbers, got strings"),
    "bytes": (X.astype("S8"), "`X` must hold real numbers, got bytes"),
    "booleans": (X > 0, "`X` must hold real numbers, got booleans"),
    "boolean leaf": ([[1.0, True]], "`X` must hold real numbers, got booleans"),
    "NumPy boolean leaf": ([[1.0, np.True_]], "`X` must hold real numbers, got booleans"),
    "large integer": (np.array([[2**53 + 1, 0]]), r"`X` must hold integers of at most 2\^53, .* got 9007199254740993"),
    "large negative": (np.array([[-(2**62), 0]]), r"`X` must hold integers of at most 2\^53, .* got -4611686018427387904"),
    "large integer leaf": ([[2**53 + 1, 0.5]], r"`X` must hold integers of at most 2\^53, .* got 9007199254740993"),
    "unsigned beside signed": ([[2**63, -1]], r"`X` must hold integers of at most 2\^53, .* got 9223372036854775808"),
    "huge integer": ([[10**5000, 0]], "`X` must hold real numbers that float64 represents, got .* integer of 16610 bits"),
    "objects": (X.astype(object), "`X` must hold real numbers .* got objects"),
    "Decimal": ([[Decimal("1.5"), 1.0]], "`X` must hold real numbers .* got objects such as Decimal"),
    "Fraction": ([[1.0, Fraction(1, 3)]], "`X` must hold real numbers .* got objects"),
    "date": ([[datetime.date(2020, 1, 1), 1.0]], "`X` must hold real numbers .* got objects such as datetime.date"),
    "None inside": ([[1.0, None]], "`X` must hold real numbers .* got objects such as None"),
    "None": (None, "`X` must be an array of real numbers, got NoneType"),
    "ragged": (RAGGED, "`X` must be an array of real numbers, got list: setting an array element with a sequence"),
    "sparse": (scipy.sparse.csr_matrix(X), r"`X` must be an array of real numbers, got csr_matrix: X.toarray\(\) is one"),
    "dict": ({"a": [1.0]}, "`X` must be an array of real numbers, got dict"),
    "generator": ((row for row in X), "`X` must be an array of real numbers, got generator"),
    "records": (np.zeros((3, 2), [("a", float)]), "`X` must hold real numbers, got records"),
    "column of texts": (FRAME.assign(species="setosa"), r"`X\['species'\]` must hold real numbers"),
    "column of booleans": (FRAME.assign(long=[True, False, True]), r"`X\['long'\]` must hold real numbers, got booleans"),
    "column of dates": (FRAME.assign(day=pd.Timestamp("2020-01-01")), r"`X\['day'\]` must hold real numbers, got dates"),
    "column of large integers": (FRAME.assign(id=2**60), r"`X\['id'\]` must hold integers of at most 2\^53"),
    "column with nan": (FRAME.assign(width=[1.0, np.nan, 2.0]), r"`X` must be finite, got nan at \(1, 1\), column 'width'"),
    "two columns of one name": (FRAME.set_axis(["a", "a"], axis=1) > 0, r"`X\['a'\]` must hold real numbers, got booleans"),
    "number": (1.5, r"`X` must have shape \(n, d\), got \(\)"),
    "vector": (X[0], r"`X` must have shape \(n, d\), got \(2,\)"),
    "three axes": (X[None], r"`X` must have shape \(n, d\), got \(1, 3, 2\)"),
    "no rows": (X[:0], r"`X` must have shape \(n, d\), got \(0, 2\)"),
    "no columns": (X[:, :0], r"`X` must have shape \(n, d\), got \(3, 0\)"),
    "empty frame": (pd.DataFrame(), r"`X` must have shape \(n, d\), got \(0, 0\)"),
    "minus inf": (np.where(X > 2, -np.inf, X), r"`X` must be finite, got -inf at \(2, 1\)"),
}  # fmt: skip
VECTORS = {
    "one column": (np.ones((3, 1)), r"`y` must have shape \(3,\), got \(3, 1\); np.ravel\(y\) has one dimension"),
    "one row": (np.ones((1, 3)), r"`y` must have shape \(3,\), got \(1, 3\); np.ravel\(y\) has one dimension"),
    "column of another length": (np.ones((2, 1)), r"`y` must have shape \(3,\), got \(2, 1\)$"),
    "frame of one column": (FRAME[["width"]], r"`y` must have shape \(3,\), got \(3, 1\); np.ravel\(y\) has one dimension"),
    "series with NA": (pd.Series([1, None, 2], dtype="Int64"), r"got nan at \(1,\)|got objects such as <NA>"),
    "series of texts": (pd.Series(["a", "b", "c"]), "`y` must hold real numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", MATRICES)
def test_what_would_lose_a_part_is_refused(case):
    value, message = MATRICES[case]
    with pytest.raises(ValueError, match=message):
        validate_array(value, "X", ("n", "d"))


@pytest.mark.parametrize("case", VECTORS)
def test_vectors_of_another_shape_are_refused_with_the_fix(case):
    value, message = VECTORS[case]
    with pytest.raises(ValueError, match=message):
        validate_array(value, "y", (3,))


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="longdouble is float64 here")
def test_longdouble_is_refused():
    with pytest.raises(ValueError, match="`X` must hold real numbers of at most 64 bits, got "):
        validate_array(X.astype(np.longdouble), "X", ("n", "d"))


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy 2")
def test_texts_of_any_length_are_not_parsed():
    with pytest.raises(ValueError, match="`X` must hold real numbers, got StringDType"):
        validate_array(X.astype(str).astype(np.dtypes.StringDType()), "X", ("n", "d"))


@pytest.mark.parametrize("form", SAME_ARRAYS)
def test_every_form_of_real_numbers_is_the_plain_array(form):
    value = SAME_ARRAYS[form](X)
    array = validate_array(value, "X", ("n", "d"))
    assert array.dtype == np.float64 and array.flags.c_contiguous and array.dtype.isnative
    assert np.array_equal(array, np.array(value, dtype=float))


def test_nothing_is_copied_that_is_plain_already():
    assert validate_array(X, "X", ("n", "d")) is X
    assert np.shares_memory(validate_array(X.T.T, "X", ("n", "d")), X)


def test_a_tensor_that_carries_gradients_is_refused_with_what_pytorch_says():
    torch = pytest.importorskip("torch")
    assert np.array_equal(validate_array(torch.tensor(X), "X", ("n", "d")), X)
    with pytest.raises(ValueError, match=r"`X` must be an array of real numbers, got Tensor: .*detach"):
        validate_array(torch.tensor(X, requires_grad=True), "X", ("n", "d"))


@given(n=st.integers(1, 4), seed=st.integers(0, 2**32 - 1), exponent=st.integers(-300, 300))
def test_symmetry_to_rounding_is_made_exact_and_more_is_refused_with_the_entries(n, seed, exponent):
    A = np.random.default_rng(seed).normal(size=(n + 1, n + 1)) * 10.0**exponent
    K = A + A.T
    assert validate_symmetric(K, "K") is K
    largest = np.abs(K).max()
    K[0, n] = K[n, 0] + 0.5 * SYMMETRY * largest
    mended = validate_symmetric(K, "K")
    assert np.array_equal(mended, mended.T) and np.allclose(mended, K, rtol=0, atol=SYMMETRY * largest)
    K[0, n] = K[n, 0] + 2 * SYMMETRY * largest
    with pytest.raises(ValueError, match=rf"`K` must be symmetric, got .* at \((0, {n}|{n}, 0)\) and .* at "):
        validate_symmetric(K, "K")


NOT_NUMBERS = [
    True, np.True_, "1", b"1", None, 1j, 1 + 0j, Decimal("1"), [1.0], np.array([1.0]), np.timedelta64(1, "s"), np.ma.masked,
    np.datetime64("2020"), pd.NA, pd.NaT, object(), np.nan, np.inf, -np.inf, 10**400, -(10**5000),
]  # fmt: skip


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=lambda value: type(value).__name__)
def test_what_is_no_finite_real_number_is_refused(value):
    for validate, rule in ((validate_real, "a finite number"), (validate_positive, "a positive finite number")):
        with pytest.raises(ValueError, match=f"^`kappa` must be {rule}, got "):
            validate(value, "kappa")
    with pytest.raises(ValueError, match=r"^`m` must be a whole number of at (least 0|most 9), got "):
        validate_count(value, "m", least=0, most=9)


@pytest.mark.parametrize("value", [3, np.uint8(3), np.int64(3), np.float16(3), np.float64(3), Fraction(3)], ids=type)
def test_numbers_are_plain_python_numbers_afterwards(value):
    assert type(validate_positive(value, "kappa")) is float
    whole = isinstance(value, int | np.integer)
    assert not whole or type(validate_count(value, "m", most=3)) is int


def test_counts_have_an_upper_limit_where_one_is_given():
    with pytest.raises(ValueError, match=r"^`m` must be a whole number of at most 3, got 4$"):
        validate_count(4, "m", most=3)
    with pytest.raises(ValueError, match=r"^`m` must be a whole number of at least 1, got 0$"):
        validate_count(0, "m", most=3)
    with pytest.raises(ValueError, match=r"^`m` must be a whole number of at most 3, got an integer of 1329 bits$"):
        validate_count(10**400, "m", most=3)


def test_integers_up_to_2_53_pass():
    assert validate_array([EXACT, -EXACT], "y", ("n",)).tolist() == [EXACT, -EXACT]


def test_flags_and_names():
    assert validate_flag(np.True_, "centred") is True
    for value in (1, 0.0, "yes", None, [], np.array([True])):
        with pytest.raises(ValueError, match=r"^`centred` must be True or False, got "):
            validate_flag(value, "centred")
    with pytest.raises(ValueError, match=r"^`activation` 'Relu' is unknown: did you mean 'relu'"):
        validate_name("Relu", ["relu", "tanh"], "activation")
    with pytest.raises(ValueError, match=r"^`activation` \['relu'\] is unknown: known are relu, tanh$"):
        validate_name(["relu"], ["relu", "tanh"], "activation")


@pytest.mark.parametrize("times", [[1.0, 1.0], [2.0, 1.0], [-1.0, 1.0]])
def test_times_increase_strictly_from_zero_on(times):
    with pytest.raises(ValueError, match="`times` must be increasing and not negative"):
        validate_times(times, None)
