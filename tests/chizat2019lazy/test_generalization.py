"""generalization on drawn models, scales and test points."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.generalization import (
    ALPHAS,
    BOUNDED,
    PAIRED_ALPHAS,
    ROUNDING,
    bound_ratios,
    test_distances,
    unscaled,
)
from checks.deterministic_slope import deterministic_slope
from checks.inequality import inequality
from checks.verdict import Verdict
from tests import examples

test_distances.__test__ = False  # a cell, not a test

losses = st.sampled_from(("square", "soft far", "soft near"))
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.claim("chizat2019lazy/generalization")
@examples(8)
@given(kind=st.sampled_from(BOUNDED), seed=seeds, power=st.floats(-0.5, 3), loss=losses)
def test_the_bound_holds_and_is_attained_at_the_worst_test_point(kind, seed, power, loss):
    found = bound_ratios(kind=kind, seed=seed, alphas=[10**power], loss=loss)
    (drawn,), (worst,) = found["drawn"], found["worst"]
    target(drawn)
    assert inequality("", drawn, 1.0).verdict is Verdict.SUPPORTED
    assert inequality("", 1.0, worst, change=ROUNDING).verdict is Verdict.SUPPORTED
    assert inequality("", worst, 0.5).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/generalization")
@examples(3)
@given(kind=st.sampled_from(("quadratic", "inner weights", "two layers", "network")), seed=seeds)
def test_exponent_of_centred_models(kind, seed):
    found = test_distances(kind=kind, seed=seed, alphas=ALPHAS, loss="square", paired=False)
    change = found["change"].max()
    verdicts = [
        deterministic_slope("", ALPHAS, found["distance"], predicted=p, change=change).verdict for p in (-1, -2)
    ]
    assert verdicts == [Verdict.SUPPORTED, Verdict.REFUTED]


@pytest.mark.claim("chizat2019lazy/generalization")
@examples(4)
@given(kind=st.sampled_from(("inner weights", "two layers")), seed=seeds)
def test_exponent_of_paired_units(kind, seed):
    found = test_distances(kind=kind, seed=seed, alphas=PAIRED_ALPHAS, loss="square", paired=True)
    change = found["change"].max()
    verdicts = [
        deterministic_slope("", PAIRED_ALPHAS, found["distance"], predicted=p, change=change).verdict for p in (-2, -1)
    ]
    assert verdicts == [Verdict.SUPPORTED, Verdict.REFUTED]


@pytest.mark.claim("chizat2019lazy/generalization")
@examples(3)
@given(kind=st.sampled_from(("quadratic", "two layers")), seed=seeds)
def test_multiplying_the_loss_is_not_lazy(kind, seed):
    distances = unscaled(kind=kind, seed=seed, alphas=ALPHAS)["distance"]
    assert np.ptp(distances) <= 1e-2 * distances.max()
    assert deterministic_slope("", ALPHAS, distances, predicted=-1).verdict is Verdict.REFUTED
