"""linearization on drawn configurations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.judges import AtMost, Sides
from checks.li2024demystifying.linearization import CLAIM
from checks.measurements.trainings import DISTANCE_ERROR, deviations, limits, network
from checks.verdict import Verdict
from tests import examples
from tests.claims import part_of
from tests.lazy import (
    data_sets,
    depths,
    drawn,
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
@given(data=data_sets(16), L=depths, activation=smooth, log_kappa=st.floats(-0.5, 3), seed=seeds)
def test_the_network_stays_closer_to_its_linearisation_than_the_bound(data, L, activation, log_kappa, seed):
    """At every depth and κ, with the largest λ of which the run keeps half."""
    case = drawn(network(L, activation, data, [[width(L, 1), 10.0**log_kappa]]), seed)
    _, y, _, _ = start_of(case)
    found = train(deviations, case)
    bound = linearization_bound(len(y), 2 * found["least"], 0.5 * (y @ y) / len(y), 1.0) * found["scaled"]
    assert AtMost()(Sides(found["outputs"], bound, DISTANCE_ERROR * found["outputs"])).verdict is Verdict.SUPPORTED


@pytest.mark.claim("li2024demystifying/linearization")
def test_paired_networks_leave_their_linearisation_in_second_order():
    assert mostly_supported(
        second_order(part_of(CLAIM, "a")), 5, data=data_sets(6, each=1), activation=smooth, seed=seeds
    )


@pytest.mark.claim("li2024demystifying/linearization")
@examples(2)
@given(activation=st.sampled_from(["tanh", "erf", "softplus"]), seed=seeds)
def test_at_kappa_one_the_width_does_not_help(activation, seed):
    """Two examples, for cost: ten networks of three widths each, far from their linearisation."""
    config = network(1, activation, {"kind": "random", "n": 6, "d": 8}, [[m, 1.0] for m in (32, 128, 512)])
    found = verdict_of(part_of(CLAIM, "c"), config, seed, 10, control=None)
    assert found.verdict is Verdict.REFUTED


@pytest.mark.claim("li2024demystifying/linearization")
@examples(5)
@given(data=data_sets(6, least=4, each=1 / 4), seed=seeds)
def test_training_that_is_not_centred_is_compared_with_its_own_linearisation(data, seed):
    """At κ so small that f_0 is nothing beside y both are the same, here on average over four networks."""
    case = drawn(network(1, "tanh", data, [[4096, 8.0]]), seed) | {"first": 0, "draws": 4}
    centred, uncentred = (deviations(**case, centred=flag)["outputs"].mean() for flag in (True, False))
    size = 8 / np.sqrt(4096)
    assert abs(uncentred - centred) <= 5 * size * max(centred, uncentred)


def test_the_limit_of_the_data_sets_is_that_of_their_inputs():
    K, y = limits(drawn(network(2, "tanh", {"kind": "digits", "n": 3}, []), 0))
    assert K.shape == (3, 3, 3) and np.linalg.norm(y) == pytest.approx(np.sqrt(3))
