"""dichotomy: features of drawn networks, with changes and probabilities written out anew."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.measurements.data import samples
from checks.measurements.feature_changes import LOSS_RATIO, feature_changes
from checks.measurements.streams import data_seed, draw_seeds
from checks.measurements.trainings import along, network
from checks.verdict import Verdict
from checks.yang2021feature.dichotomy import CLAIM
from kernels import gradient_flow, init_parameters
from tests import examples
from tests.claims import part_of
from tests.lazy import data_sets, drawn, mostly_supported, seeds, smooth, verdict_of
from theory import limit_grams
from theory.feature_changes import feature_change_constant


def features(params, X, sigma):
    """Last hidden layer, unit by unit."""
    x = sigma(X @ params.weights[0].T)
    for W in params.weights[1:]:
        x = sigma(x @ W.T / np.sqrt(len(W)))
    return x


@pytest.mark.claim("yang2021feature/dichotomy")
@examples(6)
@given(data=data_sets(6), L=st.integers(1, 3), kappa=st.floats(1, 100), seed=seeds)
def test_a_change_is_that_of_the_last_hidden_layer(data, L, kappa, seed):
    case = drawn(network(L, "tanh", data, [[64, kappa]], rtol=1e-2), seed)
    X, y = samples(data, data_seed(case["stream"]))
    params = init_parameters(draw_seeds(case["stream"], 0, 1)[0], X.shape[1], 64, hidden_layers=L)
    options = {"activation": "tanh", "kappa": kappa, "loss_ratio": LOSS_RATIO, "centred": True, "rtol": 1e-2}
    before, after = (features(theta, X, np.tanh) for theta in (params, gradient_flow(params, X, y, **options).params))
    expected = np.sqrt(((after - before) ** 2).sum() / (before**2).sum())
    found = feature_changes(**case, first=0, draws=1)["change"].item()
    assert np.isnan(found) or found == pytest.approx(expected, rel=1e-6)


@pytest.mark.claim("yang2021feature/dichotomy")
@pytest.mark.parametrize("gamma, k_0", [(0.0, 2.0), (0.5, 32.0)])
def test_features_stay_in_one_regime_and_move_in_the_other(gamma, k_0):
    """Smooth networks with one hidden layer; the control is the other regime's exponent. Few examples, for cost."""

    def judge(data, activation, seed):
        config = network(1, activation, data, along([128, 512, 2048], gamma, k_0), rtol=1e-2)
        return verdict_of(part_of(CLAIM, "a"), config, seed, 6, gamma=gamma)

    random = st.integers(2, 6).map(lambda n: {"kind": "random", "n": n, "d": 8})
    assert mostly_supported(judge, 4, data=random, activation=smooth, seed=seeds)


@pytest.mark.claim("yang2021feature/dichotomy")
@examples(4)
@given(n=st.integers(2, 6), seed=seeds)
def test_wide_relu_networks_move_by_the_constant(n, seed):
    """Few examples, for cost."""
    config = network(1, "relu", {"kind": "random", "n": n, "d": 8}, [[4096, 2048.0]], rtol=1e-2)
    found = verdict_of(part_of(CLAIM, "b"), config, seed, 8, control=None)
    assert found.verdict is not Verdict.REFUTED and found.measured == pytest.approx(1, abs=0.03)


@pytest.mark.claim("yang2021feature/dichotomy")
@examples(5)
@given(n=st.integers(1, 5), seed=seeds)
def test_the_constant_is_the_mean_over_drawn_neurons(n, seed):
    """Σ_k (δx_k)² over Σ_k x_k² for 400,000 neurons moved by (1/κ) Σ_j α_jσ'(w·x_j)x_j, one at a time."""
    X, y = samples({"kind": "random", "n": n, "d": 5}, seed)
    alpha = np.linalg.solve(limit_grams(X, hidden_layers=1, activation="relu").ntk, y)
    z = np.random.default_rng(seed).normal(size=(400_000, 5)) @ X.T
    moved = (z > 0) * (((z > 0) * alpha) @ X @ X.T)
    expected = np.sqrt((moved**2).sum() / (np.maximum(z, 0) ** 2).sum())
    assert feature_change_constant(X, y) == pytest.approx(expected, rel=0.01)
