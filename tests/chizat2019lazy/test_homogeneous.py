"""homogeneous on drawn maps, scales and losses."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.chizat2019lazy.homogeneous import CLAIM, SMOOTH
from checks.claim import Case
from checks.measurements.homogeneous_maps import DEGREES, make
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of

losses = st.sampled_from(("square", "soft far", "soft near"))
seeds, kinds, smooth = st.integers(0, 2**32 - 1), st.sampled_from(tuple(DEGREES)), st.sampled_from(SMOOTH)
scales = st.floats(0.2, 5).filter(lambda s: abs(s - 1) > 0.1)


@pytest.mark.claim("chizat2019lazy/homogeneous")
@examples(40)
@given(kind=kinds, seed=seeds, s=scales, balanced=st.booleans())
def test_maps_are_homogeneous(kind, seed, s, balanced):
    case, q = make(kind, seed, balanced=balanced), DEGREES[kind]
    np.testing.assert_allclose(case.model(s * case.start), s**q * case.model(case.start), rtol=1e-10, atol=1e-10)
    J = case.model.jacobian(case.start)
    np.testing.assert_allclose(case.model.jacobian(s * case.start), s ** (q - 1) * J, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(J @ case.start, q * case.model(case.start), atol=1e-10)  # Euler
    if balanced and kind in SMOOTH:
        assert np.abs(case.model(case.start)).max() < 1e-12


def judge(letter, config, seed):
    """Evidence of a part for one drawn map, and of its first control."""
    (found,), controls = judged(part_of(CLAIM, letter), [Case("", config, draws=1)], seed)
    return found, controls[0] if controls else None


@pytest.mark.claim("chizat2019lazy/homogeneous")
@examples(40)
@given(kind=kinds, seed=seeds, power=st.integers(-8, 8), loss=losses)
def test_descent_is_equal_bit_for_bit_for_powers_of_two(kind, seed, power, loss):
    found, _ = judge("a", {"kind": kind, "scales": [2.0**power], "loss": loss}, seed)
    assert found.verdict is Verdict.SUPPORTED and found.measured == 0


@pytest.mark.claim("chizat2019lazy/homogeneous")
@examples(40)
@given(kind=kinds, seed=seeds, s=scales, loss=losses)
def test_descent_of_any_scale(kind, seed, s, loss):
    found, wrong_step = judge("b", {"kind": kind, "scales": [s], "loss": loss}, seed)
    assert found.verdict is Verdict.SUPPORTED and wrong_step.verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/homogeneous")
@examples(10)
@given(seed=seeds, s=scales)
def test_an_output_bias_breaks_it(seed, s):
    found, _ = judge("b", {"kind": "relu", "scales": [s], "loss": "square", "bias": True}, seed)
    assert found.verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/homogeneous")
@examples(8)
@given(kind=smooth, seed=seeds, s=st.floats(0.5, 2).filter(lambda s: abs(s - 1) > 0.1), loss=losses)
def test_flow(kind, seed, s, loss):
    found, wrong_time = judge("c", {"kind": kind, "scales": [s], "loss": loss}, seed)
    assert found.verdict is Verdict.SUPPORTED and wrong_time.verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/homogeneous")
@examples(25)
@given(kind=smooth, seed=seeds, s=scales)
def test_relative_scale(kind, seed, s):
    found, uncentred = judge("d", {"kind": kind, "scales": [s]}, seed)
    assume(uncentred.measured > 1e-6)  # s^q h(w_0) as far from y* as h(w_0) by chance
    assert found.verdict is Verdict.SUPPORTED and uncentred.verdict is Verdict.REFUTED
