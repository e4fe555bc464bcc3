"""lazy-threshold on drawn configurations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.equivalence import equivalence
from checks.li2024demystifying.trainings import drifts, pairs_along
from checks.paired_gap import paired_gap
from checks.rate_fit import rate_fit, slopes
from checks.verdict import Verdict
from tests import examples
from tests.lazy import activations, datasets, mostly_supported, seeds
from theory.rates import drift_exponent

WIDTHS = [128, 512, 2048]


@pytest.mark.claim("li2024demystifying/lazy-threshold")
def test_the_sign_of_gamma_decides():
    def judge(data, activation, gamma, sign, seed):
        pairs = pairs_along(WIDTHS, sign * gamma, 1.0)
        found = drifts(data=data, activation=activation, hidden_layers=1, pairs=pairs, first_seed=seed % 2**31, seeds=8)
        own = -sign * slopes(np.array(WIDTHS), found["drift"])
        assert equivalence("", own, predicted=-gamma / 2, margin=gamma / 2).verdict is not Verdict.SUPPORTED
        return paired_gap("", own, threshold=0.01)

    drawn = {"data": datasets(6), "activation": activations, "seed": seeds}
    assert mostly_supported(judge, 5, **drawn, gamma=st.floats(0.15, 0.25), sign=st.sampled_from([1, -1]))


@pytest.mark.claim("li2024demystifying/lazy-threshold")
@examples(3)
@given(seed=st.integers(0, 1000), L=st.integers(1, 2))
def test_all_layers_of_relu_grow_where_kappa_tends_to_zero(seed, L):
    scales = [2.0**k for k in ((-12, -11, -10), (-18, -16, -14))[L - 1]]
    pairs = [[128, kappa] for kappa in scales]
    data = {"kind": "random", "n": 4, "d": 8, "seed": seed}
    found = drifts(data=data, activation="relu", hidden_layers=L, pairs=pairs, first_seed=seed, seeds=5)["drift"]
    exponent = -drift_exponent(-1.0, centred=True, hidden_layers=L)
    assert rate_fit("", scales, found, predicted=exponent, margin=0.1).verdict is Verdict.SUPPORTED
    assert rate_fit("", scales, found, predicted=-1.0, margin=0.1).verdict is Verdict.REFUTED
