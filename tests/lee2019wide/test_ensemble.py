"""ensemble: the formula against draws of its Gaussian process and of networks, on drawn data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.lee2019wide.ensemble import CLAIM
from checks.measurements.data import samples
from checks.measurements.ensembles import SCALE, ensemble_outputs, predicted
from checks.measurements.kernel_predictions import held_out
from checks.measurements.streams import data_seed
from checks.verdict import Verdict
from tests import examples
from tests.claims import part_of
from tests.lazy import verdict_of
from theory import kernel_regression, limit_grams
from theory.ensemble_variance import ensemble_variance

seeds = st.integers(0, 2**32 - 1)
few = st.tuples(st.integers(2, 8), st.integers(6, 12)).map(lambda nd: {"kind": "random", "n": nd[0], "d": nd[1]})


def kernels(n, n_test, seed, activation="tanh"):
    """Tangent kernel and NNGP of n inputs and of n_test others."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n + n_test, 6))
    K = limit_grams(X / np.linalg.norm(X, axis=1, keepdims=True), hidden_layers=1, activation=activation)
    return K.ntk, K.nngp


@pytest.mark.claim("lee2019wide/ensemble")
@examples(20)
@given(n=st.integers(1, 6), seed=seeds, time=st.floats(0, 100))
def test_the_variance_is_that_of_every_linear_flow(n, seed, time):
    """cov(f_0(x) − a·f_0(X)) with a from the matrix exponential, term by term of its Taylor series in small steps."""
    K, S = kernels(n, 3, seed)
    steps = 20_000
    kept = np.linalg.matrix_power(np.eye(n) - time / n / steps * K[:n, :n], steps)
    a = np.linalg.solve(K[:n, :n], (np.eye(n) - kept) @ K[:n, n:]).T
    map_to_end = np.hstack([-a, np.eye(3)])  # from (f_0(X), f_0(x)) to f_t(x) − aᵀy
    found = ensemble_variance(K[:n, :n], K[n:, :n], S[:n, :n], S[n:, :n], np.diagonal(S)[n:], time=time)
    assert found == pytest.approx(np.diagonal(map_to_end @ S @ map_to_end.T), rel=2e-2, abs=1e-6)


@pytest.mark.claim("lee2019wide/ensemble")
@examples(20)
@given(n=st.integers(1, 6), seed=seeds, activation=st.sampled_from(("relu", "tanh", "erf")))
def test_trained_networks_vary_more_than_the_posterior(n, seed, activation):
    """And as much if only the output layer moves; at the start as the prior."""
    K, S = kernels(n, 4, seed, activation)
    start = S[:n, :n], S[n:, :n], np.diagonal(S)[n:]
    posterior = kernel_regression(*start[:2], np.ones(n), K_self=start[2]).variance
    assert (ensemble_variance(K[:n, :n], K[n:, :n], *start) >= posterior * (1 - 1e-8) - 1e-12).all()
    assert ensemble_variance(S[:n, :n], S[n:, :n], *start) == pytest.approx(posterior, rel=1e-6, abs=1e-12)
    assert ensemble_variance(K[:n, :n], K[n:, :n], *start, time=0.0) == pytest.approx(start[2])


@pytest.mark.claim("lee2019wide/ensemble")
@examples(4)
@given(data=few, time=st.integers(0, 1), seed=seeds)
def test_networks_vary_as_predicted(data, time, seed):
    """Few examples, for cost."""
    config = {"data": data, "activation": "erf", "width": 256}
    found = verdict_of(part_of(CLAIM, "a"), config, seed, 64, control=None, time=time, margin=0.4, close=False)
    assert found.verdict is Verdict.SUPPORTED, found


@pytest.mark.claim("lee2019wide/ensemble")
@examples(4)
@given(data=few, seed=seeds)
def test_a_cell_trains_each_network_from_its_own_outputs(data, seed):
    """Few examples, for cost. Draws differ; the times are those of the kernel; the posterior varies least, the start most."""
    case = {"data": data, "activation": "tanh", "stream": [seed, 0, 0, 0]}
    theory = predicted(**case)
    found = ensemble_outputs(**case, width=256, first=0, draws=2)["outputs"]
    assert found.shape == (2, 2, len(held_out(data, case["stream"]))) and np.isfinite(found).all()
    assert not np.allclose(found[0], found[1])
    X, _ = samples(data, data_seed(case["stream"]))
    own = limit_grams(X, hidden_layers=1, activation="tanh").ntk
    assert theory["times"] == pytest.approx(
        len(X) * np.array([1 / np.trace(own) * len(X), 2 / np.linalg.eigvalsh(own)[0]])
    )
    Z = held_out(data, case["stream"])
    prior = [limit_grams(z[None], hidden_layers=1, activation="tanh").nngp[0, 0] for z in Z]
    assert theory["start"] == pytest.approx(SCALE**2 * np.array(prior))
    assert (theory["variance"] < theory["start"]).all() and (
        theory["posterior"] <= theory["variance"] * (1 + 1e-9)
    ).all()
