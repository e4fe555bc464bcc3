"""Descent of several relu networks at once is that of each of them alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import Parameters, gradient_descent
from kernels.relu_descent import descend, stacked_weights, take_steps


@given(
    seed=st.integers(0, 2**31),
    shape=st.tuples(*[st.integers(1, 7)] * 3),
    count=st.integers(1, 3),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_every_network_is_trained_as_if_it_were_alone(seed, shape, count, dtype):
    rng, (n, d, m) = np.random.default_rng(seed), shape
    starts = [Parameters((rng.normal(size=(m, d)),), rng.normal(size=m)) for _ in range(count)]
    before = [start.arrays[0].copy() for start in starts]
    X, y, scale, step, steps = rng.normal(size=(n, d)), rng.normal(size=n), rng.uniform(0.1, 1), 0.1 / m, 20
    options = {"activation": "relu", "kappa": scale * m, "step": step, "steps": steps}
    found = descend(starts, X, y, scale=scale, step=step, steps=steps, dtype=dtype)
    allowed = {"rtol": 1e-9, "atol": 1e-12} if dtype is np.float64 else {"rtol": 1e-3, "atol": 1e-4}
    for start, W, end in zip(starts, before, found, strict=True):
        alone = gradient_descent(start, X, y, **options).params
        assert all(np.allclose(*pair, **allowed) for pair in zip(end.arrays, alone.arrays, strict=True))
        assert all(array.dtype == dtype for array in end.arrays)
        assert np.array_equal(start.arrays[0], W)


@given(seed=st.integers(0, 2**31), shape=st.tuples(*[st.integers(1, 7)] * 3), inner=st.sampled_from([0.0, 1.0, 5.0]))
def test_every_network_has_its_own_step_and_its_inner_weights_theirs(seed, shape, inner):
    rng, (n, d, m) = np.random.default_rng(seed), shape
    starts = [Parameters((rng.normal(size=(m, d)),), rng.normal(size=m)) for _ in range(2)]
    X, y, scale, paces = rng.normal(size=(n, d)), rng.normal(size=n), rng.uniform(0.1, 1), [0.02 / m, 0.05 / m]
    B, a = stacked_weights(starts)
    losses = take_steps(B, a, X, y, scale=scale, step=paces, steps=20, inner=inner)
    for k, (start, pace) in enumerate(zip(starts, paces, strict=True)):
        options = {"activation": "relu", "kappa": scale * m, "step": pace, "layer_rates": [inner, 1.0]}
        alone = gradient_descent(start, X, y, **options, steps=20, record_every=1)
        assert np.allclose(B[k], alone.params.weights[0], rtol=1e-9, atol=1e-12)
        assert np.allclose(a[k], alone.params.output, rtol=1e-9, atol=1e-12)
        assert losses[k] == pytest.approx(alone.losses[-2], rel=1e-9, abs=1e-15)


def test_a_network_that_overflows_is_not_finite_and_leaves_the_others_alone():
    X, y = np.eye(2), np.ones(2)
    calm, wild = (Parameters((np.full((1, 2), size),), np.full(1, size)) for size in (0.1, 1e120))
    ends = descend([wild, calm], X, y, scale=1.0, step=0.5, steps=50)
    (alone,) = descend([calm], X, y, scale=1.0, step=0.5, steps=50)
    assert not np.isfinite(ends[0].output).all()
    assert np.allclose(ends[1].output, alone.output) and np.isfinite(alone.output).all()
