"""over-parameterized on drawn models, within and outside of the hypotheses."""

import numpy as np
import pytest
from hypothesis import event, given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.over_parameterized import (
    KINDS,
    LATE_KINDS,
    SIZES,
    best_radius,
    bound,
    convergence,
    distances_for_all_times,
    least_on_sphere,
    stuck,
)
from checks.chizat2019lazy.scaled_flows import LOSSES
from checks.deterministic_slope import deterministic_slope
from checks.inequality import inequality
from checks.verdict import Verdict
from kernels.models import ComponentwiseMap
from tests import examples
from theory.convergence_bounds import convergence_radius, convergence_scale

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@examples(20)
@given(
    kind=st.sampled_from((*KINDS, "neuron")),
    seed=seeds,
    loss=st.sampled_from(LOSSES),
    factor=st.floats(0.3, 3),
    offset=st.sampled_from((0.0, 0.5, 1.0, 1.5)),
)
def test_beyond_the_threshold_the_bounds_hold(kind, seed, loss, factor, offset):
    found = convergence(kind=kind, seed=seed, loss=loss, factor=factor, offset=offset)
    within = kind != "neuron" and factor > 1 and offset <= 1
    expected = Verdict.SUPPORTED if within else Verdict.HYPOTHESES_NOT_MET
    event(expected.value)
    for key in ("rate", "drift", "predictions") if offset == 0 else ("rate",):
        assert bound("", found, key).verdict is expected
    target(float(np.nan_to_num(found["rate"][0])))


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@examples(5)
@given(kind=st.sampled_from(LATE_KINDS), seed=st.integers(0, 1000), loss=st.sampled_from(LOSSES))
def test_the_late_rate_is_that_of_the_linearised_model(kind, seed, loss):
    found = convergence(kind=kind, seed=seed, loss=loss, factor=30.0, slowest=True)
    factor = 16 if loss == "soft far" else 4
    assert abs(found["late"][0] / factor - 1) < 0.02
    assert inequality("", 1.5 * factor * found["rate"][0], 1.0).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@examples(3)
@given(kind=st.sampled_from(LATE_KINDS), seed=st.integers(0, 1000))
def test_exponents_of_drift_and_path(kind, seed):
    found = distances_for_all_times(kind=kind, seed=seed, loss="square", sizes=SIZES)
    for key, exponent in (("drift", -1.0), ("path", -2.0)):
        parts = [deterministic_slope("", SIZES, found[key], predicted=p) for p in (exponent, exponent / 2)]
        assert [part.verdict for part in parts] == [Verdict.SUPPORTED, Verdict.REFUTED]


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@examples(15)
@given(kind=st.sampled_from((*KINDS, *ComponentwiseMap.known)), seed=seeds)
def test_within_the_radius_half_of_the_least_singular_value_is_left(kind, seed):
    ratio = least_on_sphere(kind=kind, seed=seed)["ratio"][0]
    target(float(ratio))
    assert inequality("", ratio, 1.0).verdict is Verdict.SUPPORTED
    assert kind != "parabola" or inequality("", 3 * ratio, 1.0).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@examples(10)
@given(name=st.sampled_from(ComponentwiseMap.known), share=st.floats(0.05, 0.97), outputs=st.integers(1, 4))
def test_below_the_true_threshold_nothing_converges(name, share, outputs):
    found = stuck(name=name, share=share, outputs=outputs)
    assert np.isclose(found["left"][0], 1 - share, atol=1e-3)
    assert inequality("", found["rate"][0], 1.0).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/over-parameterized")
@pytest.mark.parametrize("name", ComponentwiseMap.known)
def test_the_guaranteed_threshold_of_the_scalar_maps_is_32(name):
    radius, _ = best_radius(ComponentwiseMap(name), np.zeros(1), 1.0)
    assert np.isclose(radius, 0.5) and np.isclose(convergence_scale(1.0, 1.0, 1.0, radius), 1 / 32)
    assert convergence_radius(1.0, 1.0, 0.1) == 0.1
    with pytest.raises(ValueError, match=r"`sigma` must be a positive finite number, got 0.0"):
        convergence_radius(0.0, 1.0, 0.1)
