"""Judges without statistics: local slopes of a sweep, and positive definiteness."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.judges import Curves, LocalSlope, Positive, Proof
from checks.verdict import Verdict
from theory import certified_min_eigenvalue

SIZES = 10.0 ** -np.arange(1, 4.1, 0.5)
exponents = st.floats(-3, 3)


def local_slope(sizes, rows, *, predicted, change=0.0, control=False):
    return LocalSlope(predicted)(Curves(rows, sizes, change), control=control)


def positivity(certificate, K, vector=None):
    return Positive()(Proof(certificate.lower, certificate.method, K, vector))


@given(exponent=exponents, constant=st.floats(1e-3, 1e3), off=st.floats(-0.015, 0.015))
def test_a_power_law_is_supported_and_a_wrong_exponent_refuted(exponent, constant, off):
    values = constant * SIZES**exponent
    assert local_slope(SIZES, values, predicted=exponent + off).verdict is Verdict.SUPPORTED
    for wrong in (-0.11, 0.11, 1.0):
        assert local_slope(SIZES, values, predicted=exponent + wrong).verdict is Verdict.REFUTED
    assert local_slope(SIZES, values, predicted=exponent + 0.05).verdict is Verdict.INCONCLUSIVE


@given(exponent=exponents, place=st.integers(0, len(SIZES) - 1), bad=st.sampled_from([np.nan, np.inf, 0.0, -1.0]))
def test_a_broken_value_or_a_coarse_computation_decides_nothing(exponent, place, bad):
    values = SIZES**exponent
    assert local_slope(SIZES, values, predicted=exponent, change=0.0105).verdict is Verdict.INCONCLUSIVE
    assert local_slope(SIZES, values, predicted=exponent, change=0.0095).verdict is Verdict.SUPPORTED
    assert local_slope(SIZES, values, predicted=exponent, change=np.nan).verdict is Verdict.INCONCLUSIVE
    values[place] = bad
    assert local_slope(SIZES, values, predicted=exponent).verdict is Verdict.INCONCLUSIVE


def test_the_closer_the_sizes_the_better_the_values_must_be_known():
    for ratio, error in ((1.01, 0.01), (1.01, 1e-4), (2.0, 0.008)):  # slopes are known to 2 error/log ratio
        x = ratio ** np.arange(4)
        assert local_slope(x, 1 / x, predicted=-1.0, change=error).verdict is Verdict.INCONCLUSIVE
        assert local_slope(x, 1 / x, predicted=-1.0, change=error / 2).verdict is (
            Verdict.SUPPORTED if error / np.log(ratio) <= 0.02 else Verdict.INCONCLUSIVE
        )


def test_only_the_end_of_the_sweep_counts_and_all_of_it():
    values = SIZES * (1 + 100 * SIZES)  # slope 2 far from the limit, 1 at it
    assert local_slope(SIZES, values, predicted=1.0).verdict is Verdict.INCONCLUSIVE
    longer = 10.0 ** -np.arange(1, 6.1, 0.5)
    assert local_slope(longer, longer * (1 + 100 * longer), predicted=1.0).verdict is Verdict.SUPPORTED


@given(members=st.integers(1, 9), excluded=st.integers(0, 9))
def test_most_models_must_meet_the_hypotheses_where_a_curve_is_the_mean_of_some(members, excluded):
    found = LocalSlope(1.0)(Curves(SIZES, SIZES, 0.0, excluded, members))
    assert found.excluded == excluded
    assert found.verdict is (Verdict.SUPPORTED if excluded <= members else Verdict.INCONCLUSIVE)


@pytest.mark.parametrize("sizes", [[1, 2, 3], [1, 2, 2, 3], [1, 3, 2, 4], [-1, 1, 2, 3]])
def test_bad_sizes(sizes):
    with pytest.raises(ValueError, match="`x` must be at least four positive monotone"):
        local_slope(sizes, np.ones(len(sizes)), predicted=0.0)


@given(seed=st.integers(0, 2**32), n=st.integers(2, 8))
def test_positivity(seed, n):
    A = np.random.default_rng(seed).integers(-3, 4, size=(n, n - 1)).astype(float)
    A[0] += 1.0 + (A[0] == -1.0)
    singular, null = A @ A.T, np.linalg.svd(A.T)[2][-1]
    diagonal = singular + np.eye(n)
    assert positivity(certified_min_eigenvalue(singular), singular, null).verdict is Verdict.REFUTED
    assert positivity(certified_min_eigenvalue(singular), singular).verdict is Verdict.INCONCLUSIVE
    assert positivity(certified_min_eigenvalue(diagonal), diagonal, null).verdict is Verdict.SUPPORTED


@pytest.mark.parametrize("K", [np.zeros((2, 2)), -np.eye(2), np.diag([1.0, 0.5]), np.full((2, 2), np.nan)])
def test_a_bound_that_a_vector_contradicts_is_no_proof(K):
    found = Positive()(Proof(0.6, "Cholesky", K, np.array([0.0, 1.0])))
    assert found.verdict is Verdict.INCONCLUSIVE and "contradicted" in found.note


def test_a_row_that_fails_is_never_hidden_by_others():
    good, bad, steep = (np.array(SIZES) ** power for power in (-1.0, -0.95, -3.0))
    undefined = np.full(len(SIZES), np.nan)
    judged = {"predicted": -1.0}
    assert local_slope(SIZES, [good, good], **judged).verdict is Verdict.SUPPORTED
    assert local_slope(SIZES, [good, bad], **judged).verdict is Verdict.INCONCLUSIVE
    assert local_slope(SIZES, [good, steep], **judged).verdict is Verdict.REFUTED
    assert local_slope(SIZES, [steep, good], **judged, control=True).verdict is Verdict.SUPPORTED
    for control in (False, True):
        rows = [good, undefined] if not control else [steep, undefined]
        assert local_slope(SIZES, rows, **judged, control=control).verdict is Verdict.INCONCLUSIVE
    assert local_slope(SIZES, [good, good], change=[0.0, 0.5], **judged).verdict is Verdict.INCONCLUSIVE
