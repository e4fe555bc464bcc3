"""scheme-independence on drawn splits of β."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.li2024demystifying import scheme_independence as claim
from checks.measurements.trainings import drifts, network, split_drifts
from checks.verdict import Verdict
from tests import examples
from tests.claims import part_of
from tests.lazy import data_sets, drawn, seeds, start_of, train, verdict_of, width
from theory.lazy_bounds import rated_drift_constant
from theory.parametrization import layer_rates

splits = st.lists(st.floats(-1, 1), min_size=3, max_size=3).map(lambda logs: 10.0 ** np.array(logs))


@pytest.mark.claim("li2024demystifying/scheme-independence")
@examples(10)
@given(data=data_sets(12), L=st.integers(1, 2), betas=splits, seed=seeds)
def test_both_constants_are_those_of_the_kernel_with_rates(data, L, betas, seed):
    """At finite width, for each network by itself, at κ = 10⁴ and the tolerance of kinks."""
    rates, case = layer_rates(betas[: L + 1]), drawn(network(L, "relu", data, [[width(L, 1), 1e4]]), seed)
    _, y, _, G = start_of(case)
    found = train(drifts, case, rates=rates.tolist(), rtol=1e-2)
    for key, constant in zip(("drift", "metric"), rated_drift_constant(G, rates, y), strict=True):
        assert 1e4 * found[key] == pytest.approx(constant, rel=0.1)


@pytest.mark.claim("li2024demystifying/scheme-independence")
@examples(4)
@given(data=data_sets(6), betas=splits, seed=seeds)
def test_whatever_the_split_the_drift_is_of_order_one_over_kappa(data, betas, seed):
    pairs = [[1024, kappa] for kappa in claim.SCALES]
    config = network(1, "relu", data, pairs, betas=[betas[:2].tolist()])
    assert verdict_of(part_of(claim.CLAIM, "a"), config, seed, 5, split=0).verdict is Verdict.SUPPORTED


@pytest.mark.claim("li2024demystifying/scheme-independence")
@examples(4)
@given(data=data_sets(6), seed=seeds)
def test_equal_kappa_does_not_mean_equal_drift(data, seed):
    """D differs by what the two constants say, which a factor 10 in one layer's β moves far."""
    config = network(1, "relu", data, [[1024, 1024.0]], betas=[[1.0, 1.0], [1.0, 10.0]])
    equal, other = train(split_drifts, drawn(config, seed))["drift"][0]
    assert other > 1.05 * equal
