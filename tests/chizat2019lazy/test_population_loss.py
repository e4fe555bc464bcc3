"""population-loss on drawn problems, and its control."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy import population_loss
from checks.chizat2019lazy.population_loss import LARGE, SMALL, THRESHOLD, losses
from checks.paired_gap import paired_gap
from checks.verdict import Verdict
from tests import examples

seeds = st.integers(0, 2**31)
SIZE = {"d": 20, "m": 10, "batch": 100, "steps": 800}


def judged(first, **setting):
    found = [
        [losses(seed=seed, tau=tau, **SIZE, **setting)["loss"] for tau in (SMALL, LARGE)]
        for seed in range(first, first + 6)
    ]
    return paired_gap("", np.log(found) @ (-1, 1), threshold=THRESHOLD).verdict


@pytest.mark.claim("chizat2019lazy/population-loss")
@examples(1)
@given(first=seeds)
def test_a_lazy_start_ends_at_a_higher_population_loss(first):
    assert judged(first) is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/population-loss")
@examples(1)
@given(first=seeds)
def test_noise_costs_the_same_from_every_start(first):
    assert judged(first, labels="random") is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/population-loss")
@examples(5)
@given(seed=seeds, exponent=st.floats(0.5, 1.5))
def test_far_in_the_lazy_regime_the_loss_does_not_depend_on_the_start(seed, exponent):
    near, far = (losses(seed=seed, tau=tau, **SIZE)["loss"] for tau in (10**exponent, 10 ** (exponent + 1)))
    assert near == pytest.approx(far, rel=0.02)


def test_a_run_that_diverges_has_no_loss(monkeypatch):
    monkeypatch.setattr(population_loss, "STEP", 100.0)
    assert np.isnan(losses(seed=0, tau=10.0, **SIZE)["loss"])
