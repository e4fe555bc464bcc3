"""Descent of several relu networks at once is that of each of them alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kernels import Parameters, gradient_descent
from kernels.relu_descent import descend


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


def test_a_network_that_overflows_is_not_finite_and_leaves_the_others_alone():
    X, y = np.eye(2), np.ones(2)
    calm, wild = (Parameters((np.full((1, 2), size),), np.full(1, size)) for size in (0.1, 1e120))
    ends = descend([wild, calm], X, y, scale=1.0, step=0.5, steps=50)
    (alone,) = descend([calm], X, y, scale=1.0, step=0.5, steps=50)
    assert not np.isfinite(ends[0].output).all()
    assert np.allclose(ends[1].output, alone.output) and np.isfinite(alone.output).all()
