"""under-parameterized on drawn models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.scaled_flows import LOSSES, make_loss
from checks.chizat2019lazy.under_parameterized import (
    CONTROL_SCALES,
    OUTPUTS,
    SIZES,
    degenerate,
    draw_under,
    local,
    rank,
    rates,
    scaled_hessian,
)
from checks.deterministic_slope import deterministic_slope
from checks.verdict import Verdict
from tests import examples

kinds, losses, seeds = st.sampled_from(tuple(OUTPUTS)), st.sampled_from(LOSSES), st.integers(0, 1000)


@pytest.mark.claim("chizat2019lazy/under-parameterized")
@examples(12)
@given(kind=kinds, seed=seeds, loss=losses)
def test_the_flow_ends_in_a_local_minimiser_at_a_rate_that_does_not_depend_on_the_scale(kind, seed, loss):
    found = rates(kind=kind, seed=seed, loss=loss, sizes=SIZES)
    assert deterministic_slope("", SIZES, found["rate"], predicted=0.0).verdict is Verdict.SUPPORTED
    for key in ("gradient", "negative", "null"):
        assert local("", [found], (key,), True).verdict is Verdict.SUPPORTED
    assert abs(found["rate"][-1] / found["predicted"][0] - 1) * SIZES[-1] < 100


@pytest.mark.claim("chizat2019lazy/under-parameterized")
@examples(10)
@given(kind=kinds, seed=seeds, loss=losses, alpha=st.floats(1, 100))
def test_the_hessian_is_that_of_finite_differences(kind, seed, loss, alpha):
    drawn = draw_under(kind, seed)
    R, rng = make_loss(loss, drawn.targets), np.random.default_rng(seed)
    w, u = drawn.start + rng.normal(size=len(drawn.start)) / alpha, rng.normal(size=len(drawn.start))
    slope = lambda x: drawn.model.jacobian(x).T @ R.evaluate(alpha * drawn.model(x))[1] / alpha  # noqa: E731
    step = 1e-5 / alpha
    difference = (slope(w + step * u) - slope(w - step * u)) / (2 * step)
    product = scaled_hessian(drawn.model, R, w, alpha) @ u
    assert np.allclose(product, difference, atol=1e-5 * np.abs(product).max())


@pytest.mark.claim("chizat2019lazy/under-parameterized")
@examples(10)
@given(kind=kinds, seed=seeds)
def test_ranks_are_those_of_generic_points(kind, seed):
    drawn = draw_under(kind, seed)
    expected = {"quadratic": 7, "oscillator": 3, "neuron": 2, "rank one": 8}[kind]
    assert rank(drawn.model.jacobian(drawn.start)) == expected
    assert len(drawn.targets) == OUTPUTS[kind] > expected


@pytest.mark.claim("chizat2019lazy/under-parameterized")
def test_without_constant_rank_the_rate_falls_or_the_limit_is_a_saddle():
    product = degenerate(name="product", alphas=CONTROL_SCALES)
    assert np.allclose(product["rate"] * np.square(CONTROL_SCALES), 0.5, rtol=1e-2)
    assert deterministic_slope("", CONTROL_SCALES, product["rate"], predicted=0.0).verdict is Verdict.REFUTED
    square = degenerate(name="square", alphas=CONTROL_SCALES)
    assert np.allclose(square["negative"] * CONTROL_SCALES, 2.0)
    assert local("", [square], ("negative",), False).verdict is Verdict.REFUTED
    assert local("", [square, product], ("negative",), True).verdict is Verdict.HYPOTHESES_NOT_MET
