"""stability-lemma on drawn Σ(t)."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.stability_lemma import CLAIM
from checks.claim import Case
from checks.measurements.kernel_paths import scalar_stability
from checks.measurements.scaled_models import LOSSES
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of
from theory.convergence_bounds import stability_bound

positive = st.floats(0.01, 100)


@pytest.mark.claim("chizat2019lazy/stability-lemma")
@examples(10)
@given(loss=st.sampled_from(LOSSES), seed=st.integers(0, 2**32 - 1))
def test_the_distance_stays_below_the_bound(loss, seed):
    (found,), _ = judged(part_of(CLAIM, "a"), [Case("", {"loss": loss}, draws=1)], seed)
    target(found.strain)
    assert found.verdict is Verdict.SUPPORTED, found


@pytest.mark.claim("chizat2019lazy/stability-lemma")
@examples(20)
@given(lam=positive, mu=positive, K=positive, start=st.floats(1.1, 1e6))
def test_the_scalar_case_attains_the_bound(lam, mu, K, start):
    config = {"lam": lam, "mu": mu, "K": K, "starts": [start]}
    assert np.isclose(scalar_stability(**config)["share"][0], start / (1 + start), rtol=1e-5)
    (found,), (control,) = judged(part_of(CLAIM, "b"), [Case("", config)])
    assert found.verdict is Verdict.SUPPORTED and control.verdict is Verdict.REFUTED
    (found,), (control,) = judged(part_of(CLAIM, "c"), [Case("", config)])
    assert found.verdict is Verdict.SUPPORTED and control.verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/stability-lemma")
def test_the_bound_of_a_multiple_of_the_identity():
    assert np.isclose(stability_bound(3.0, 2.0, 2.0, 0.5), 3.0)
    assert stability_bound(0.0, 2.0, 2.0, 0.5) == 0  # Σ does not change
    with pytest.raises(ValueError, match="`lam` must be at most `norm` = 2, got 3"):
        stability_bound(1.0, 2.0, 3.0, 0.5)
