"""stability-lemma on drawn Σ(t)."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.scaled_flows import LOSSES
from checks.chizat2019lazy.stability_lemma import random_path, scalar
from checks.inequality import inequality
from checks.verdict import Verdict
from tests import examples
from theory.convergence_bounds import stability_bound

positive = st.floats(0.01, 100)


@pytest.mark.claim("chizat2019lazy/stability-lemma")
@examples(10)
@given(
    loss=st.sampled_from(LOSSES),
    outputs=st.integers(1, 5),
    lam=st.floats(0.3, 3),
    size=st.floats(0.01, 2),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_distance_stays_below_the_bound(loss, outputs, lam, size, seed):
    found = random_path(loss=loss, outputs=outputs, lam=lam, size=size, seed=seed)
    target(float(found["ratio"][0]))
    assert inequality("", found["ratio"][0], 1.0, change=found["change"][0]).verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/stability-lemma")
@given(lam=positive, mu=positive, K=positive, start=st.floats(1.1, 1e6))
def test_the_scalar_case_attains_the_bound(lam, mu, K, start):
    ratio = scalar(lam=lam, mu=mu, K=K, start=start)["ratio"][0]
    assert np.isclose(ratio, start / (1 + start), rtol=1e-9)
    assert inequality("", ratio, 1.0).verdict is Verdict.SUPPORTED
    assert inequality("", 2 * ratio, 1.0).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/stability-lemma")
def test_the_bound_of_a_multiple_of_the_identity():
    assert np.isclose(stability_bound(3.0, 2.0, 2.0, 0.5), 3.0)
    assert stability_bound(0.0, 2.0, 2.0, 0.5) == 0  # Σ does not change
    with pytest.raises(ValueError, match="`lam` must be at most `norm` = 2, got 3"):
        stability_bound(1.0, 2.0, 3.0, 0.5)
