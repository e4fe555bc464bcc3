"""scheme-independence on drawn splits of β."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.li2024demystifying.trainings import drifts, samples
from checks.rate_fit import rate_fit
from checks.verdict import Verdict
from kernels import init_parameters, layer_grams
from tests import examples
from tests.lazy import datasets, one, seeds, width
from theory.lazy_bounds import rated_drift_constant
from theory.parametrization import layer_rates

splits = st.lists(st.floats(-1, 1), min_size=3, max_size=3).map(lambda logs: 10.0 ** np.array(logs))


@pytest.mark.claim("li2024demystifying/scheme-independence")
@examples(10)
@given(data=datasets(12), L=st.integers(1, 2), betas=splits, seed=seeds)
def test_both_constants_are_those_of_the_kernel_with_rates(data, L, betas, seed):
    """At finite width, for each network by itself, at κ = 10⁴ and the tolerance of kinks."""
    (X, y), m, rates = samples(data), width(L, 1), layer_rates(betas[: L + 1])
    G = m * layer_grams(init_parameters(seed, X.shape[1], m, hidden_layers=L), X, activation="relu", kappa=1.0)
    design = {"data": data, "activation": "relu", "hidden_layers": L, "rates": rates.tolist(), "rtol": 1e-2}
    found = drifts(**design, pairs=[[m, 1e4]], first_seed=seed, seeds=1)
    for key, constant in zip(("drift", "metric"), rated_drift_constant(G, rates, y), strict=True):
        assert 1e4 * one(found, key) == pytest.approx(constant, rel=0.1)


@pytest.mark.claim("li2024demystifying/scheme-independence")
@examples(4)
@given(data=datasets(6), betas=splits, seed=seeds)
def test_whatever_the_split_the_drift_is_of_order_one_over_kappa(data, betas, seed):
    scales = [256.0, 512.0, 1024.0]
    design = {"data": data, "activation": "relu", "hidden_layers": 1, "rates": layer_rates(betas[:2]).tolist()}
    found = drifts(**design, pairs=[[1024, k] for k in scales], first_seed=seed % 2**31, seeds=5, rtol=1e-2)["drift"]
    assert rate_fit("", scales, found, predicted=-1.0, margin=0.1).verdict is Verdict.SUPPORTED
    assert rate_fit("", scales, found, predicted=-0.5, margin=0.1).verdict is Verdict.REFUTED


@pytest.mark.claim("li2024demystifying/scheme-independence")
@examples(4)
@given(data=datasets(6), seed=seeds)
def test_equal_kappa_does_not_mean_equal_drift(data, seed):
    """D differs by what the two constants say, which a factor 10 in one layer's β moves far."""
    found = [
        drifts(
            data=data,
            activation="relu",
            hidden_layers=1,
            pairs=[[1024, 1024.0]],
            first_seed=seed,
            seeds=1,
            rates=layer_rates(betas).tolist(),
        )
        for betas in ((1.0, 1.0), (1.0, 10.0))
    ]
    assert one(found[1], "drift") > 1.05 * one(found[0], "drift")
