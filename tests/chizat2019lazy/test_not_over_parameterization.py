"""not-over-parameterization on drawn models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.not_over_parameterization import CLAIM, GROWING, OUTPUTS, SWEEP
from checks.claim import Case
from checks.measurements.scaled_models import QUANTITIES, draw
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged

(PART,) = CLAIM.parts
SMALL = ("two decays", "few units")
SIZES = [10.0 ** (k / 2) for k in range(6, 10)]
seeds = st.integers(0, 2**32 - 1)


def verdicts(seed, design=SWEEP, **changed):
    """Of the three exponents."""
    config = design | {"sizes": SIZES} | changed
    found, _ = judged(PART, [Case(name, config, 1, select={"quantity": name}) for name in QUANTITIES], seed)
    return {part.verdict for part in found}


@pytest.mark.claim("chizat2019lazy/not-over-parameterization")
@examples(5)
@given(kind=st.sampled_from(SMALL), seed=seeds, loss=st.sampled_from(("square", "rippled")))
def test_sums_of_decays_and_a_few_units_train_lazily(kind, seed, loss):
    drawn = draw(kind, seed, outputs=OUTPUTS[kind])
    assert len(drawn.start) < len(drawn.targets)
    assert Verdict.REFUTED not in verdicts(seed, kind=kind, loss=loss, outputs=OUTPUTS[kind])


@pytest.mark.claim("chizat2019lazy/not-over-parameterization")
@examples(6)
@given(seed=seeds, outputs=st.integers(8, 20), horizon=st.floats(0.2, 100))
def test_overdetermined_quadratic_maps_train_lazily(seed, outputs, horizon):
    assert verdicts(seed, kind="quadratic", outputs=outputs, horizons=[horizon]) == {Verdict.SUPPORTED}


@pytest.mark.claim("chizat2019lazy/not-over-parameterization")
@examples(5)
@given(kind=st.sampled_from(SMALL), seed=seeds)
def test_with_targets_that_grow_like_the_scale_nothing_falls(kind, seed):
    assert verdicts(seed, GROWING, kind=kind, outputs=OUTPUTS[kind]) == {Verdict.REFUTED}
