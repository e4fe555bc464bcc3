"""homogeneous on drawn maps, scales and losses."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.chizat2019lazy.homogeneous import (
    AGREEMENT,
    DEGREES,
    LAST_PLACE,
    ROUNDING,
    SMOOTH,
    descent_gaps,
    flow_gaps,
    make,
    scale_law,
)
from checks.inequality import inequality
from checks.verdict import Verdict
from tests import examples

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


@pytest.mark.claim("chizat2019lazy/homogeneous")
@examples(40)
@given(kind=kinds, seed=seeds, power=st.integers(-8, 8), loss=losses)
def test_descent_is_equal_bit_for_bit_for_powers_of_two(kind, seed, power, loss):
    (gap,) = descent_gaps(kind=kind, seed=seed, scales=[2.0**power], loss=loss)["right"]
    assert inequality("", gap, LAST_PLACE).verdict is Verdict.SUPPORTED and gap == 0


@pytest.mark.claim("chizat2019lazy/homogeneous")
@examples(40)
@given(kind=kinds, seed=seeds, s=scales, loss=losses)
def test_descent_of_any_scale(kind, seed, s, loss):
    found = descent_gaps(kind=kind, seed=seed, scales=[s], loss=loss)
    assert inequality("", found["right"][0], ROUNDING).verdict is Verdict.SUPPORTED
    assert inequality("", found["wrong"][0], ROUNDING).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/homogeneous")
@examples(10)
@given(seed=seeds, s=scales)
def test_an_output_bias_breaks_it(seed, s):
    (gap,) = descent_gaps(kind="relu", seed=seed, scales=[s], loss="square", bias=True)["right"]
    assert inequality("", gap, ROUNDING).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/homogeneous")
@examples(8)
@given(kind=smooth, seed=seeds, s=st.floats(0.5, 2).filter(lambda s: abs(s - 1) > 0.1), loss=losses)
def test_flow(kind, seed, s, loss):
    found = flow_gaps(kind=kind, seed=seed, scales=[s], loss=loss)
    assert inequality("", found["right"][0], AGREEMENT).verdict is Verdict.SUPPORTED
    assert inequality("", found["wrong"][0], AGREEMENT).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/homogeneous")
@examples(25)
@given(kind=smooth, seed=seeds, s=scales)
def test_relative_scale(kind, seed, s):
    found = scale_law(kind=kind, seed=seed, scales=[s])
    assume(found["away"][0] > 1e-6)  # s^q h(w_0) as far from y* as h(w_0) by chance
    assert inequality("", found["error"][0], ROUNDING).verdict is Verdict.SUPPORTED
    assert inequality("", found["away"][0], ROUNDING).verdict is Verdict.REFUTED
