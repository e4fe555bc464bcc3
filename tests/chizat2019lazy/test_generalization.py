"""generalization on drawn models, scales and test points."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.generalization import BOUNDED, CLAIM, PAIRED, SWEEP, UNSCALED
from checks.claim import Case
from checks.judges import LocalSlope
from checks.measurements.held_out import gaps_along_scales
from checks.measurements.scaled_models import LOSSES
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of

BOUND, ATTAINED, SLOPE = part_of(CLAIM, "a"), part_of(CLAIM, "b"), replace(part_of(CLAIM, "c"), controls=())
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.claim("chizat2019lazy/generalization")
@examples(8)
@given(kind=st.sampled_from(BOUNDED), seed=seeds, power=st.floats(-0.5, 3), loss=st.sampled_from(LOSSES))
def test_the_bound_holds_and_is_attained_at_the_worst_test_point(kind, seed, power, loss):
    case = Case("", {"kind": kind, "alphas": [10**power], "loss": loss}, 1)
    (bound,), _ = judged(BOUND, [case], seed)
    (attained,), controls = judged(ATTAINED, [case], seed)
    target(bound.strain)
    assert bound.verdict is Verdict.SUPPORTED and attained.verdict is Verdict.SUPPORTED
    assert [control.verdict for control in controls] == [Verdict.REFUTED] * 2


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
    config = (PAIRED | {"paired": True} if paired else SWEEP) | {"kind": kind}
    for exponent, expected in ((-2.0, Verdict.SUPPORTED), (-1.0, Verdict.REFUTED)):
        part = replace(SLOPE, judge=LocalSlope(exponent if paired else -3 - exponent))
        (found,), _ = judged(part, [Case("", config, 1)], seed)
        assert found.verdict is expected


@pytest.mark.claim("chizat2019lazy/generalization")
@examples(5)
@given(kind=st.sampled_from(("quadratic", "two layers")), seed=seeds)
def test_multiplying_the_loss_is_not_lazy(kind, seed):
    config = UNSCALED | {"kind": kind}
    distances = gaps_along_scales(**config, stream=[seed], first=0, draws=1)["distance"]
    assert np.ptp(distances) <= 1e-2 * distances.max()
    (found,), _ = judged(SLOPE, [Case("", config, 1)], seed)
    assert found.verdict is Verdict.REFUTED
