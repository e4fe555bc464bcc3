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


cases = st.one_of(
    st.tuples(st.sampled_from(("quadratic", "inner weights", "two layers", "network")), st.just(False)),
    st.tuples(st.sampled_from(("inner weights", "two layers")), st.just(True)),
)
"""Kind, and whether paired."""


@pytest.mark.claim("chizat2019lazy/generalization")
@examples(7)
@given(case=cases, seed=seeds)
def test_exponents_of_centred_models_and_of_paired_units(case, seed):
    kind, paired = case
    alphas, exponents = (PAIRED_ALPHAS, (-2, -1)) if paired else (ALPHAS, (-1, -2))
    found = test_distances(kind=kind, seed=seed, alphas=alphas, loss="square", paired=paired)
    judged = {"sizes": alphas, "values": found["distance"], "change": found["change"].max()}
    verdicts = [deterministic_slope("", predicted=exponent, **judged).verdict for exponent in exponents]
    assert verdicts == [Verdict.SUPPORTED, Verdict.REFUTED]


@pytest.mark.claim("chizat2019lazy/generalization")
@examples(3)
@given(kind=st.sampled_from(("quadratic", "two layers")), seed=seeds)
def test_multiplying_the_loss_is_not_lazy(kind, seed):
    distances = unscaled(kind=kind, seed=seed, alphas=ALPHAS)["distance"]
    assert np.ptp(distances) <= 1e-2 * distances.max()
    assert deterministic_slope("", ALPHAS, distances, predicted=-1).verdict is Verdict.REFUTED
