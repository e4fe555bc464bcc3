"""Weights kept as the start plus factors of low rank: the same numbers as matrices that are multiplied out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import gradient_flow
from kernels.losses import SquareLoss
from kernels.network_problem import NetworkProblem
from kernels.updated_matrix import SHARE, updated_matrices
from tests import examples
from tests.flows import flat, networks

# smooth σ: at kinks rounding decides which steps are taken, and rich networks enlarge it
deep = networks(activations=("tanh", "erf"), n=(2, 4), d=(4, 6), m=(8, 48), L=(2, 3), log_kappa=(0.5, 1.5))


def with_least(least, run, **settings):
    """``run()`` where matrices of at least so many rows are kept as factors."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ({"LEAST": least} | settings).items():
            patch.setattr(f"kernels.network_problem.{name}", value)
        return run()


@examples(20)
@given(network=deep, seed=st.integers(0, 1000))
def test_a_flow_with_factors_is_the_flow_of_the_matrices(network, seed):
    """Through rejected trials, times inside steps, and beyond the rank that is kept, as m/2 is a step or a few."""
    arguments, options = network.arguments
    rates = np.random.default_rng(seed).uniform(0.1, 1, size=network.params.hidden_layers + 1)
    horizon = network.horizon(20)
    options |= {"layer_rates": rates, "times": np.linspace(0, horizon, 7), "kernels": True, "max_evaluations": 300}
    options |= {"t_end": 1e3 * horizon, "loss_ratio": 1e-4}  # not a time: rounding may decide on a last step
    run = lambda: gradient_flow(*arguments, **options)  # noqa: E731
    factors, matrices = (with_least(least, run, CANCELLED=np.inf) for least in (1, 10**9))
    assert factors.evaluations == matrices.evaluations
    assert factors.status == matrices.status
    for key in ("losses", "outputs", "layer_drift", "kernels"):
        one, other = getattr(factors, key), getattr(matrices, key)
        assert np.allclose(one, other, rtol=1e-8, atol=1e-8 * np.abs(other).max(initial=0)), key
    assert np.allclose(flat(factors.params.arrays), flat(matrices.params.arrays), rtol=1e-8, atol=1e-8)


@examples(20)
@given(seed=st.integers(0, 1000), m=st.integers(4, 12), ranks=st.lists(st.integers(1, 3), min_size=1, max_size=6))
def test_sums_of_products(seed, m, ranks):
    """Trials that are overwritten leave no trace, and where there is no room nothing is taken."""
    rng, W = np.random.default_rng(seed), np.random.default_rng(seed).normal(size=(m, m))
    room, x = m // SHARE, rng.normal(size=(m, 2))
    current, exact, free = W, W.copy(), updated_matrices(W)
    for k, r in enumerate(ranks):
        trial, (U, V) = free[k % 2], (rng.normal(size=(m, r)), rng.normal(size=(r, m)))
        trial.append(current, np.ones((m, 1)), np.ones((1, m)))
        if not trial.append(current, U, V):
            assert sum(ranks[: k + 1]) > room
            break
        current, exact = trial, exact + U @ V
        assert np.allclose(current @ x, exact @ x) and np.allclose(current.T @ x, exact.T @ x)
        assert np.allclose(np.asarray(current), exact) and current.any()
        assert current.norm_square() == pytest.approx(np.sum((exact - W) ** 2), rel=1e-9)
    else:
        assert sum(ranks) <= room
    if current is not W:
        assert np.allclose(current.fill(), exact) and np.allclose(current.T @ x, exact.T @ x) and not current.memory
        assert current.norm_square() == pytest.approx(np.sum((exact - W) ** 2), rel=1e-9)


@examples(20)
@given(network=deep, size=st.floats(-9, 0))
def test_the_norm_of_a_sum_that_cancels(network, size):
    """Between nearly equal points the two terms leave a share down to 10⁻⁹ of themselves."""
    theta = network.params.arrays
    moved = tuple(W * (1 + 10**size) for W in theta)
    model = {"activation": network.activation, "kappa": network.kappa, "rates": np.ones(len(theta))}
    problem = NetworkProblem(np.ascontiguousarray(network.X.T), SquareLoss(network.y), **model)
    terms = [(problem.point(theta), network.y), (problem.point(moved), -network.y)]
    out = tuple(np.empty_like(W) for W in theta)
    problem.add(None, terms, out)
    exact = np.linalg.norm(flat(out))
    found, whole = (with_least(1, lambda part=part: problem.norm(part)) for part in (terms, terms[:1]))
    assert found == pytest.approx(exact, rel=1e-5, abs=1e-12 * whole)
