"""linearization on drawn configurations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.judges import AtMost, Sides
from checks.li2024demystifying.linearization import CLAIM
from checks.measurements.trainings import SHARE, deviations, limits, network
from checks.verdict import Verdict
from tests import examples
from tests.claims import part_of
from tests.lazy import (
    data_sets,
    depths,
    drawn,
    least_of,
    mostly_supported,
    second_order,
    seeds,
    smooth,
    start_of,
    train,
    verdict_of,
    width,
)
from theory.lazy_bounds import linearization_bound


@pytest.mark.claim("li2024demystifying/linearization")
@examples(8)
@given(data=data_sets(16), L=depths, activation=smooth, log_kappa=st.floats(2, 3), seed=seeds)
def test_the_network_stays_closer_to_its_linearisation_than_the_bound(data, L, activation, log_kappa, seed):
    """At every depth, with the λ that the network itself allows."""
    case = drawn(network(L, activation, data, [[width(L, 1), 10.0**log_kappa]]), seed)
    _, y, _, G = start_of(case)
    found = train(deviations, case)
    bound = linearization_bound(len(y), least_of(G), 0.5 * (y @ y) / len(y), 1.0) * found["scaled"]
    assert AtMost()(Sides(found["outputs"], bound, SHARE * found["outputs"])).verdict is Verdict.SUPPORTED


@pytest.mark.claim("li2024demystifying/linearization")
def test_paired_networks_leave_their_linearisation_in_second_order():
    assert mostly_supported(second_order(part_of(CLAIM, "a")), 3, data=data_sets(6), activation=smooth, seed=seeds)


@pytest.mark.claim("li2024demystifying/linearization")
@examples(2)
@given(activation=st.sampled_from(["tanh", "erf", "softplus"]), seed=seeds)
def test_at_kappa_one_the_width_does_not_help(activation, seed):
    config = network(1, activation, {"kind": "random", "n": 6, "d": 8}, [[m, 1.0] for m in (64, 256, 1024)])
    found = verdict_of(part_of(CLAIM, "c"), config, seed, 6, control=None, margin=0.2)
    assert found.verdict is Verdict.REFUTED


def test_the_limit_of_the_data_sets_is_that_of_their_inputs():
    K, y = limits(drawn(network(2, "tanh", {"kind": "digits", "n": 3}, []), 0))
    assert K.shape == (3, 3, 3) and np.linalg.norm(y) == pytest.approx(np.sqrt(3))
