"""population-loss on drawn problems, and its control."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.population_loss import CLAIM, LARGEST_STEP, STEP, TAUS
from checks.claim import Case
from checks.measurements.teacher_student import population_losses
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of

seeds = st.integers(0, 2**31)
SIZE = {"d": 20, "m": 10, "batch": 100, "steps": 800, "step": STEP, "largest_step": LARGEST_STEP}


def verdict(seed, **variant):
    case = Case("", {**SIZE, "taus": TAUS, **variant}, draws=6)
    return judged(part_of(CLAIM, "a"), [case], seed)[0][0].verdict


# One draw is half a dozen trainings: the variety is in the problems that it draws itself.
@pytest.mark.claim("chizat2019lazy/population-loss")
@examples(1)
@given(seed=seeds)
def test_a_lazy_start_ends_at_a_higher_population_loss(seed):
    assert verdict(seed) is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/population-loss")
@examples(1)
@given(seed=seeds)
def test_noise_costs_the_same_from_every_start(seed):
    assert verdict(seed, labels="random") is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/population-loss")
@examples(5)
@given(seed=seeds, exponent=st.floats(0.5, 1.5))
def test_far_in_the_lazy_regime_the_loss_does_not_depend_on_the_start(seed, exponent):
    taus = [10**exponent, 10 ** (exponent + 1)]
    ((near, far),) = population_losses(**SIZE, taus=taus, stream=[seed, 1, 2, 3], first=0, draws=1)["loss"]
    assert near == pytest.approx(far, rel=0.02)


def test_a_run_that_diverges_has_no_loss():
    wild = {**SIZE, "step": 100.0, "taus": [10.0]}
    assert np.isnan(population_losses(**wild, stream=[0, 1, 2, 3], first=0, draws=1)["loss"])
