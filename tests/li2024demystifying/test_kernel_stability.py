"""kernel-stability on drawn configurations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.inequality import worst_case
from checks.li2024demystifying.trainings import SMOOTH_RTOL, deviations
from checks.rate_fit import rate_fit
from checks.verdict import Verdict
from tests import examples
from tests.lazy import datasets, mostly_supported, one, second_order, seeds, smooth, width
from theory.lazy_bounds import feature_constant, kernel_change_bound


@pytest.mark.claim("li2024demystifying/kernel-stability")
@examples(8)
@given(data=datasets(16), activation=smooth, log_kappa=st.floats(1, 3), paired=st.booleans(), seed=seeds)
def test_the_kernel_changes_less_than_its_bound(data, activation, log_kappa, paired, seed):
    pairs = [[width(1, 1), 10.0**log_kappa]]
    found = deviations(
        data=data, activation=activation, hidden_layers=1, pairs=pairs, first_seed=seed, seeds=1, paired=paired
    )
    c = feature_constant(activation, np.array([one(found, "largest")]))
    bound = kernel_change_bound(data["n"], c, one(found, "jacobian"), one(found, "drift"))
    assert worst_case("", found["scaled"], bound, SMOOTH_RTOL * found["scaled"] / bound).verdict is Verdict.SUPPORTED


@pytest.mark.claim("li2024demystifying/kernel-stability")
def test_paired_kernels_change_in_second_order():
    assert mostly_supported(second_order("kernel"), 3, data=datasets(6), activation=smooth, seed=seeds)


@pytest.mark.claim("li2024demystifying/kernel-stability")
@examples(2)
@given(data=datasets(6), activation=smooth, seed=seeds)
def test_outputs_at_the_start_leave_a_change_of_first_order(data, activation, seed):
    scales = [2.0**k for k in (12, 13, 14)]
    design = {"data": data, "activation": activation, "hidden_layers": 1, "first_seed": seed % 2**31, "seeds": 5}
    found = deviations(**design, pairs=[[256, kappa] for kappa in scales])["kernel"]
    assert rate_fit("", scales, found, predicted=-1.0, margin=0.2).verdict is Verdict.SUPPORTED
    assert rate_fit("", scales, found, predicted=-2.0, margin=0.2).verdict is Verdict.REFUTED
