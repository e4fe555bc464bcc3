"""tangent-kernel-method on drawn models: within the hypotheses kernel regression, outside of them counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.scaled_flows import draw
from checks.chizat2019lazy.tangent_kernel_method import (
    ALPHAS,
    CLOSE,
    CONDITION,
    PAIRED_ALPHAS,
    controls,
    exponents,
    limits,
)
from checks.verdict import Verdict
from tests import examples
from tests.lazy import mostly_supported

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.claim("chizat2019lazy/tangent-kernel-method")
def test_predictions_are_those_of_kernel_regression():
    def judge(kind, seed, paired):
        paired = paired and kind in ("inner weights", "two layers")
        alphas = PAIRED_ALPHAS if paired else ALPHAS
        found = limits(kind=kind, seed=seed, alphas=alphas, paired=paired)
        return next(iter(exponents("", [found], alphas, paired)))

    kinds = st.sampled_from(("quadratic", "curved directions", "inner weights", "two layers", "neuron"))
    assert mostly_supported(judge, 10, kind=kinds, seed=seeds, paired=st.booleans())


@pytest.mark.claim("chizat2019lazy/tangent-kernel-method")
@examples(3)
@given(seed=seeds, paired=st.booleans())
def test_the_drift_has_its_limit_and_one_layer_alone_does_not_do(seed, paired):
    alphas = PAIRED_ALPHAS if paired else ALPHAS
    found = limits(kind="two layers", seed=seed, alphas=alphas, paired=paired)
    verdicts = [part.verdict for part in controls("", [found], alphas)]
    met = bool(found["condition"] <= CONDITION)
    assert verdicts == [Verdict.REFUTED] * met
    assert found["drift"][-1] <= CLOSE if met else np.isnan(found["drift"]).all()


@pytest.mark.claim("chizat2019lazy/tangent-kernel-method")
@examples(6)
@given(seed=seeds)
def test_a_singular_kernel_does_not_meet_the_hypotheses(seed):
    assert draw("neuron", seed).start.size == 2  # fewer than the four outputs
    found = limits(kind="neuron", seed=seed, alphas=ALPHAS, paired=False)
    assert {part.verdict for part in exponents("", [found], ALPHAS, False)} == {Verdict.HYPOTHESES_NOT_MET}
