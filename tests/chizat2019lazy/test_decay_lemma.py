"""decay-lemma on drawn Σ(t)."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.decay_lemma import CLAIM
from checks.claim import Case
from checks.measurements.kernel_paths import decay_along_a_level_set
from checks.measurements.scaled_models import LOSSES
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of
from theory.convergence_bounds import decay_envelope


@pytest.mark.claim("chizat2019lazy/decay-lemma")
@examples(15)
@given(loss=st.sampled_from(LOSSES), seed=st.integers(0, 2**32 - 1))
def test_the_error_stays_below_the_bound(loss, seed):
    (found,), _ = judged(part_of(CLAIM, "a"), [Case("", {"loss": loss}, draws=1)], seed)
    target(found.strain)
    assert found.verdict is Verdict.SUPPORTED, found


@pytest.mark.claim("chizat2019lazy/decay-lemma")
@examples(5)
@given(log_speed=st.floats(1, 6), condition=st.floats(1.5, 10), lam=st.floats(0.1, 10))
def test_motion_along_a_level_set_attains_the_bound(log_speed, condition, lam):
    speeds = [lam * 10**log_speed, lam * 1e6]
    case = Case("", {"speeds": speeds, "condition": condition, "lam": lam})
    (found,), (control,) = judged(part_of(CLAIM, "b"), [case])
    assert found.verdict is Verdict.SUPPORTED, found
    assert decay_along_a_level_set(**case.config)["share"][1] > 0.99
    fast = Case("", {**case.config, "speeds": speeds[1:]})
    _, (control,) = judged(part_of(CLAIM, "b"), [fast])
    assert control.verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/decay-lemma")
def test_at_the_start_the_bound_is_the_root_of_the_condition_number():
    assert decay_envelope(0.5, 2.0, 3.0, 0.0) == 2.0
    assert np.isclose(decay_envelope(0.5, 2.0, 3.0, 2.0), 2 * np.exp(-3.0))
    with pytest.raises(ValueError, match=r"`lam` must be a positive finite number, got 0.0"):
        decay_envelope(0.5, 2.0, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"`mu` must be at most `M` = 0.25, got 0.5"):
        decay_envelope(0.5, 0.25, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"`t` must be a finite number of at least 0, got -1.0"):
        decay_envelope(0.5, 2.0, 1.0, -1.0)
