"""kernel-stability on drawn configurations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.li2024demystifying.kernel_stability import CLAIM
from checks.measurements.trainings import network
from checks.verdict import Verdict
from tests import examples
from tests.claims import part_of
from tests.lazy import data_sets, mostly_supported, second_order, seeds, smooth, verdict_of, width


@pytest.mark.claim("li2024demystifying/kernel-stability")
@examples(8)
@given(data=data_sets(16), activation=smooth, log_kappa=st.floats(1, 3), paired=st.booleans(), seed=seeds)
def test_the_kernel_changes_less_than_its_bound(data, activation, log_kappa, paired, seed):
    config = network(1, activation, data, [[width(1, 1), 10.0**log_kappa]], paired=paired)
    assert verdict_of(part_of(CLAIM, "e"), config, seed).verdict is Verdict.SUPPORTED


@pytest.mark.claim("li2024demystifying/kernel-stability")
def test_paired_kernels_change_in_second_order():
    assert mostly_supported(second_order(part_of(CLAIM, "a")), 3, data=data_sets(6), activation=smooth, seed=seeds)


@pytest.mark.claim("li2024demystifying/kernel-stability")
def test_outputs_at_the_start_leave_a_change_of_first_order():
    def judge(data, activation, seed):
        config = network(1, activation, data, [[256, 2.0**k] for k in (12, 13, 14)])
        return verdict_of(part_of(CLAIM, "b"), config, seed, 5)

    assert mostly_supported(judge, 2, data=data_sets(6), activation=smooth, seed=seeds)
