"""general-lazy on drawn models."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.general_lazy import (
    PAIRED,
    PAIRED_ALPHAS,
    PAIRED_RTOL,
    SteadyDescent,
    cell,
    drift_shares,
    steady_share,
)
from checks.chizat2019lazy.scaled_flows import EXPONENTS, KINDS, LOSSES, distances
from checks.deterministic_slope import deterministic_slope
from checks.inequality import inequality
from checks.verdict import Verdict
from tests import examples
from theory.scaled_bounds import LINEAR_SHARE, largest_drift

ALPHAS = [10.0 ** (k / 2) for k in range(7, 11)]
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.claim("chizat2019lazy/general-lazy")
@examples(6)
@given(kind=st.sampled_from(KINDS), seed=seeds, loss=st.sampled_from(LOSSES), horizon=st.floats(0.2, 1.5))
def test_drift_path_and_predictions_have_their_exponents(kind, seed, loss, horizon):
    options = {"loss": loss, "horizon": horizon, "rtol": 1e-5}
    found = distances(**cell(kind, seed, ALPHAS) | options)
    for key, exponent in EXPONENTS.items():
        assert deterministic_slope("", ALPHAS, found[key], predicted=exponent).verdict is Verdict.SUPPORTED
        assert deterministic_slope("", ALPHAS, found[key], predicted=exponent / 2).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/general-lazy")
@examples(4)
@given(kind=st.sampled_from(PAIRED), seed=seeds)
def test_predictions_of_paired_units_are_of_order_two(kind, seed):
    found = distances(**cell(kind, seed, PAIRED_ALPHAS) | {"paired": True, "rtol": PAIRED_RTOL})
    assert deterministic_slope("", PAIRED_ALPHAS, found["predictions"], predicted=-2.0).verdict is Verdict.SUPPORTED
    assert deterministic_slope("", PAIRED_ALPHAS, found["predictions"], predicted=-1.0).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/general-lazy")
@examples(15)
@given(
    kind=st.sampled_from(KINDS),
    seed=seeds,
    loss=st.sampled_from(LOSSES),
    alpha=st.floats(-1, 3).map(lambda power: 10.0**power),
    horizon=st.floats(0.1, 8),
    centred=st.booleans(),
)
def test_the_drift_is_bounded_for_every_scale_and_start(kind, seed, loss, alpha, horizon, centred):
    found = drift_shares(kind=kind, seed=seed, loss=loss, alphas=[alpha], horizon=horizon, centred=centred)
    share, change = float(found["share"][0]), float(found["change"][0])
    target(share)
    assert inequality("", share, 1.0, change=change).verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/general-lazy")
@examples(4)
@given(corner=st.floats(-3, -2).map(lambda power: 10.0**power))
def test_the_bound_on_the_drift_is_sharp(corner):
    found = steady_share(corner=corner)
    share, change = float(found["share"]), float(found["change"])
    assert inequality("", share, 1.0, change=change).verdict is Verdict.SUPPORTED
    assert inequality("", share, 0.95, change=change).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/general-lazy")
def test_a_linear_map_uses_at_most_its_share():
    t = np.linspace(0.01, 10, 10_000)
    shares = -np.expm1(-t) / [largest_drift(s, 0.5, 1.0) for s in t]  # h(w) = w, y* = 1
    assert shares.max() == pytest.approx(LINEAR_SHARE, abs=1e-4) and shares.max() <= LINEAR_SHARE


@examples(10)
@given(w=st.floats(-2, 3), corner=st.floats(0.01, 1))
def test_the_sharp_map_has_the_derivative_it_states(w, corner):
    model, step = SteadyDescent(corner), 1e-4 * corner
    slope = (model(np.array([w + step])) - model(np.array([w - step]))) / (2 * step)
    assert model.jacobian(np.array([w]))[0] == pytest.approx(slope, rel=1e-5)
    assert model(np.zeros(1)) == pytest.approx(0.0, abs=1e-15)
