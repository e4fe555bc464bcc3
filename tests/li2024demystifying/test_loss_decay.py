"""loss-decay on drawn configurations."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.inequality import worst_case
from checks.li2024demystifying.loss_decay import late_rates, repeated_input
from checks.li2024demystifying.trainings import decays, samples
from checks.verdict import Verdict
from kernels import init_parameters, layer_grams
from tests import examples
from tests.lazy import (
    activations,
    datasets,
    decay_case,
    decay_cases,
    depths,
    least_of_start,
    mostly_supported,
    one,
    seeds,
    smooth,
    width,
)
from theory import limit_grams
from theory.lazy_bounds import condition_threshold, decay_rate, feature_constant


@pytest.mark.claim("li2024demystifying/loss-decay")
def test_the_loss_stays_below_its_envelope():
    def judge(**case):
        found, holds, constants = decay_case(**case)
        bound = decay_rate(*constants)
        return worst_case("", bound, found["rate"], found["rate error"] * bound / found["rate"], holds=holds)

    assert mostly_supported(judge, 12, **decay_cases)


@pytest.mark.claim("li2024demystifying/loss-decay")
@examples(10)
@given(data=datasets(12), L=depths, activation=smooth, seed=seeds)
def test_four_times_lambda_is_refuted(data, L, activation, seed):
    """Where the network is all but linear the late rate is 2λ; λ here of the network's own kernel."""
    m, kappa = width(L, 1), 1e5
    found = decays(data=data, activation=activation, hidden_layers=L, pairs=[[m, kappa]], first_seed=seed, seeds=1)
    own = found["least_0"] / data["n"]
    change = found["rate error"] * own / found["rate"]
    assert worst_case("", own, found["rate"], change).verdict is Verdict.SUPPORTED
    assert worst_case("", 4 * own, found["rate"], 4 * change).verdict is Verdict.REFUTED


@pytest.mark.claim("li2024demystifying/loss-decay")
@examples(10)
@given(data=datasets(12), activation=smooth, size=st.integers(0, 1), seed=seeds)
def test_from_the_threshold_on_half_of_the_eigenvalue_stays(data, activation, size, seed):
    """The condition theorem, for the largest λ that its hypothesis allows: λ_min(G_0) = (3/4)(κ²/m)λ."""
    m, (X, y) = width(1, size), samples(data)
    lam = least_of_start(X, activation, m, 1, seed) / 0.75
    loss, output = 0.5 * (y @ y) / len(y), init_parameters(seed, X.shape[1], m, hidden_layers=1).output
    kappa = condition_threshold(len(y), lam, loss, feature_constant(activation, output))
    found = decays(data=data, activation=activation, hidden_layers=1, pairs=[[m, kappa]], first_seed=seed, seeds=1)
    limit = kappa**2 / m * lam
    assert worst_case("", 0.5 * limit, found["least"]).verdict is Verdict.SUPPORTED
    assert worst_case("", 1.5 * limit, found["least"]).verdict is Verdict.REFUTED


@pytest.mark.claim("li2024demystifying/loss-decay")
@examples(10)
@given(data=datasets(8), L=depths, activation=activations, seed=seeds)
def test_the_late_rate_is_that_of_the_last_kernel(data, L, activation, seed):
    least, second = np.linalg.eigvalsh(limit_grams(samples(data)[0], hidden_layers=L, activation=activation).ntk)[:2]
    assume(second > 1.5 * least)  # closer modes have not died out where the rate is measured
    found = late_rates(
        data=data, activation=activation, hidden_layers=L, pairs=[[width(L, 0), 256.0]], first_seed=seed, seeds=1
    )
    assert one(found, "rate") == pytest.approx(one(found, "own"), rel=0.05)


@pytest.mark.claim("li2024demystifying/loss-decay")
@examples(5)
@given(data=datasets(8), activation=activations, seed=seeds)
def test_a_repeated_input_with_two_labels_stalls(data, activation, seed):
    X, _ = samples(data)
    lam = least_of_start(X, activation, 512, 1, seed)
    found = repeated_input(data=data, activation=activation, m=512, kappa=64.0, seed=seed)
    bound = decay_rate(64.0, 512, len(X), lam)
    assert worst_case("", bound, found["rate"]).verdict is Verdict.REFUTED


def test_the_start_is_the_one_of_the_cells():
    X, _ = samples({"kind": "digits", "n": 3, "seed": 0})
    G = layer_grams(init_parameters(5, 64, 32, hidden_layers=2), X, activation="tanh", kappa=3.0).sum(axis=0)
    assert least_of_start(X, "tanh", 32, 2, 5) == pytest.approx(32 / 9 * np.linalg.eigvalsh(G)[0])
