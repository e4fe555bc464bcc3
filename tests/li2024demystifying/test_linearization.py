"""linearization on drawn configurations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.inequality import worst_case
from checks.li2024demystifying.trainings import SHARE, deviations, limits, samples
from checks.rate_fit import rate_fit
from checks.verdict import Verdict
from tests import examples
from tests.lazy import datasets, depths, least_of_start, mostly_supported, second_order, seeds, smooth, width
from theory.lazy_bounds import linearization_bound


@pytest.mark.claim("li2024demystifying/linearization")
@examples(8)
@given(data=datasets(16), L=depths, activation=smooth, log_kappa=st.floats(2, 3), seed=seeds)
def test_the_network_stays_closer_to_its_linearisation_than_the_bound(data, L, activation, log_kappa, seed):
    """At every depth, with the λ that the network itself allows."""
    (X, y), m = samples(data), width(L, 1)
    found = deviations(
        data=data, activation=activation, hidden_layers=L, pairs=[[m, 10.0**log_kappa]], first_seed=seed, seeds=1
    )
    lam, loss = least_of_start(X, activation, m, L, seed), 0.5 * (y @ y) / len(y)
    bound = linearization_bound(len(y), lam, loss, 1.0) * found["scaled"]
    assert worst_case("", found["outputs"], bound, SHARE * found["outputs"] / bound).verdict is Verdict.SUPPORTED


@pytest.mark.claim("li2024demystifying/linearization")
def test_paired_networks_leave_their_linearisation_in_second_order():
    assert mostly_supported(second_order("outputs"), 3, data=datasets(6), activation=smooth, seed=seeds)


@pytest.mark.claim("li2024demystifying/linearization")
@examples(2)
@given(activation=st.sampled_from(["tanh", "erf", "softplus"]), seed=seeds)
def test_at_kappa_one_the_width_does_not_help(activation, seed):
    widths, data = [64, 256, 1024], {"kind": "random", "n": 6, "d": 8, "seed": seed % 1000}
    design = {"data": data, "activation": activation, "hidden_layers": 1, "first_seed": seed % 2**31, "seeds": 6}
    found = deviations(**design, pairs=[[m, 1.0] for m in widths])["outputs"]
    assert rate_fit("", widths, found, predicted=-0.5, margin=0.2).verdict is Verdict.REFUTED


def test_the_limit_of_the_data_sets_is_that_of_their_inputs():
    K, y = limits({"kind": "digits", "n": 3, "seed": 0}, "tanh", 2)
    assert K.shape == (3, 3, 3) and np.linalg.norm(y) == pytest.approx(np.sqrt(3))
