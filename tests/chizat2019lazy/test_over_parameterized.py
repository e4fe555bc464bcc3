"""over-parameterized on drawn models, within and outside of the hypotheses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import event, given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.over_parameterized import CLAIM, KINDS, LATE_KINDS, RTOLS, SHORT, SIZES, below, neurons
from checks.claim import Case
from checks.judges import AtLeast, Sides
from checks.measurements.convergence import best_radius, late_convergence, singular_values, stuck
from checks.measurements.scaled_models import LOSSES, QUANTITIES
from checks.verdict import Verdict
from kernels.models import ComponentwiseMap
from tests import examples
from tests.claims import judged, part_of
from theory.convergence_bounds import convergence_radius, convergence_rate, convergence_scale

RATE = replace(part_of(CLAIM, "a"), controls=())
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@examples(20)
@given(
    kind=st.sampled_from(KINDS),
    seed=seeds,
    loss=st.sampled_from(LOSSES),
    factor=st.floats(0.3, 3),
    offset=st.sampled_from((0.0, 0.5, 1.0, 1.5)),
)
def test_beyond_the_threshold_the_bounds_hold(kind, seed, loss, factor, offset):
    config = {"kind": kind, "loss": loss, "factors": [factor], "offsets": [offset]}
    (found,), _ = judged(RATE, [Case("", config, 1)], seed)
    expected = Verdict.SUPPORTED if factor > 1 and offset <= 1 else Verdict.HYPOTHESES_NOT_MET
    event(expected.value)
    target(found.strain if expected is Verdict.SUPPORTED else 0.0)
    assert found.verdict is expected
    if offset == 0:
        cases = [Case(name, config, 1, select={"quantity": name}) for name in ("drift", "predictions")]
        suprema, _ = judged(part_of(CLAIM, "b"), cases, seed)
        assert {part.verdict for part in suprema} == {expected}


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@examples(5)
@given(seed=seeds)
def test_without_a_least_singular_value_there_is_no_rate(seed):
    (case,) = neurons("quick")
    (found,), _ = judged(RATE, [case], seed)
    assert found.verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@examples(5)
@given(kind=st.sampled_from(LATE_KINDS), seed=seeds, loss=st.sampled_from(LOSSES))
def test_the_late_rate_is_that_of_the_linearised_model(kind, seed, loss):
    found = late_convergence(kinds=[kind], loss=loss, factor=30.0, stream=[seed], first=0, draws=1)
    curvature = 2.0 if loss == "soft far" else 0.5 if loss == "soft near" else 1.0
    assert found["late"][0] == pytest.approx(curvature * found["sigma"][0] ** 2, rel=0.02)


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@examples(5)
@given(kind=st.sampled_from(LATE_KINDS), seed=seeds)
def test_exponents_for_all_times(kind, seed):
    for growing, expected in ((False, Verdict.SUPPORTED), (True, Verdict.REFUTED)):
        config = {
            "kind": kind,
            "loss": "square",
            "sizes": SIZES,
            "rtols": SHORT if growing else RTOLS,
            "growing": growing,
        }
        cases = [Case(name, config, 1, select={"quantity": name}) for name in QUANTITIES]
        found, _ = judged(part_of(CLAIM, "d"), cases, seed)
        assert {part.verdict for part in found} == {expected}


@given(outputs=st.integers(1, 4), r=st.floats(0.5, 10))
def test_the_parabola_keeps_exactly_half_of_its_singular_value_on_the_radius(outputs, r):
    radius = convergence_radius(1.0, 1.0, r)  # Dh(0) is the identity, l = 1
    assert singular_values(ComponentwiseMap("parabola").jacobian(np.full(outputs, radius)))[1] == 0.5


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@examples(15)
@given(kind=st.sampled_from((*KINDS, *ComponentwiseMap.known)), seed=seeds)
def test_within_the_radius_half_of_the_least_singular_value_is_left(kind, seed):
    (found,), controls = judged(part_of(CLAIM, "e"), [Case("", {"kind": kind}, 1)], seed)
    target(found.strain)
    assert found.verdict is Verdict.SUPPORTED
    assert [control.verdict for control in controls] == [Verdict.REFUTED] * (kind == "parabola")


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@examples(10)
@given(name=st.sampled_from(ComponentwiseMap.known), share=st.floats(0.05, 0.97), outputs=st.integers(1, 4))
def test_below_the_true_threshold_nothing_converges(name, share, outputs):
    found = stuck(name=name, share=share, outputs=outputs)
    assert np.isclose(found["left"], 1 - share, atol=1e-3)
    assert AtLeast()(Sides(found["rate"], convergence_rate(1.0, 1.0))).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@pytest.mark.parametrize("name", ComponentwiseMap.known)
def test_the_guaranteed_threshold_of_the_scalar_maps_is_32(name):
    radius, _ = best_radius(ComponentwiseMap(name), np.zeros(1), 1.0)
    assert np.isclose(radius, 0.5) and np.isclose(convergence_scale(1.0, 1.0, 1.0, radius), 1 / 32)
    assert all(case.config["share"] < 1 for case in below("standard"))
    assert convergence_radius(1.0, 1.0, 0.1) == 0.1
    with pytest.raises(ValueError, match=r"`sigma` must be a positive finite number, got 0.0"):
        convergence_radius(0.0, 1.0, 0.1)
