"""tangent-kernel-method on drawn models: within the hypotheses kernel regression, outside of them counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.tangent_kernel_method import CLAIM, CONDITION, PAIRED, SWEEP
from checks.claim import Case
from checks.measurements.held_out import trained_limits
from checks.measurements.scaled_models import draw
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, judged_together, part_of

PREDICTIONS, DRIFT, CLOSE = (part_of(CLAIM, letter) for letter in "abc")
seeds = st.integers(0, 2**32 - 1)
NOT_MET = Verdict.HYPOTHESES_NOT_MET


def case_of(kind, paired=False, draws=1):
    paired = paired and kind in ("inner weights", "two layers")
    return Case("", (PAIRED if paired else SWEEP) | {"kind": kind, "largest_condition": CONDITION}, draws)


@pytest.mark.claim("chizat2019lazy/tangent-kernel-method")
@examples(10)
@given(kind=st.sampled_from(("quadratic", "inner weights", "two layers", "network")), seed=seeds, paired=st.booleans())
def test_predictions_are_those_of_kernel_regression(kind, seed, paired):
    (found,), controls = judged(PREDICTIONS, [case_of(kind, paired)], seed)
    assert found.verdict in (Verdict.SUPPORTED, NOT_MET)
    if found.verdict is Verdict.SUPPORTED:
        assert [control.verdict for control in controls] == [Verdict.REFUTED] * (kind == "two layers")


@pytest.mark.claim("chizat2019lazy/tangent-kernel-method")
@examples(5)
@given(seed=seeds, paired=st.booleans())
def test_the_drift_has_its_limit(seed, paired):
    case = case_of("two layers", paired, draws=4)
    found, _ = judged_together([DRIFT, CLOSE], [case], seed)
    assert {part.verdict for part in found} <= {Verdict.SUPPORTED, NOT_MET}


@pytest.mark.claim("chizat2019lazy/tangent-kernel-method")
@examples(6)
@given(seed=seeds)
def test_a_singular_kernel_does_not_meet_the_hypotheses(seed):
    assert draw("neuron", seed).start.size == 2  # fewer than the four outputs
    found, _ = judged_together([PREDICTIONS, DRIFT, CLOSE], [case_of("neuron")], seed)
    assert len(found) == 3 and all(part.verdict is NOT_MET and part.excluded >= 1 for part in found)


@pytest.mark.claim("chizat2019lazy/tangent-kernel-method")
def test_most_models_meet_the_hypotheses():
    found = trained_limits(**case_of("two layers").config, stream=[0], first=0, draws=12)
    assert (found["condition"] <= CONDITION).mean() >= 0.5
