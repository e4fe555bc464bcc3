"""Kernel regression against the closed form of the flow, the pseudo-inverse, and conditional Gaussians."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory import kernel_regression, limit_grams, linearized_flow

seeds, sizes = st.integers(0, 2**32 - 1), st.integers(1, 6)


def kernels(seed, n, p, tests=3):
    """K (n, n), K_* (tests, n) and k(x, x) of random features, singular where p < n."""
    rng = np.random.default_rng(seed)
    J, J_test = rng.normal(size=(n, p)), rng.normal(size=(tests, p))
    K = J @ J.T
    return (K + K.T) / 2, J_test @ J.T, (J_test**2).sum(axis=1), J, J_test, rng.normal(size=n)


@given(seed=seeds, n=sizes, p=sizes, t=st.floats(0, 50))
def test_at_any_time_it_is_what_the_linearised_flow_predicts(seed, n, p, t):
    K, K_test, _, _, _, y = kernels(seed, n, p)
    flow = linearized_flow(K, y, [t, np.inf], K_test=K_test)
    for time, expected in zip((t, np.inf), flow.test_outputs, strict=True):
        found = kernel_regression(K, K_test, y, time=time)
        assert found.mean == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert found.unresolved == pytest.approx(flow.unresolved, abs=1e-12)


@given(seed=seeds, n=sizes, p=sizes, k=st.integers(1, 3))
def test_in_the_end_it_is_the_least_squares_fit_of_least_norm_column_by_column(seed, n, p, k):
    K, K_test, _, J, J_test, _ = kernels(seed, n, p)
    Y = np.random.default_rng(seed + 1).normal(size=(n, k))
    assert np.allclose(
        kernel_regression(K, K_test, Y).mean, J_test @ np.linalg.pinv(J, rcond=1e-7) @ Y, rtol=1e-6, atol=1e-6
    )


@given(seed=seeds, n=sizes, extra=st.integers(1, 4))
def test_the_variance_is_that_of_the_gaussian_given_the_data(seed, n, extra):
    """By the precision matrix of all inputs: its inverse block of the new ones."""
    K, K_test, K_self, *_, y = kernels(seed, n, n + extra + 3)
    found = kernel_regression(K, K_test, y, K_self=K_self)
    for x in range(len(K_test)):
        joint = np.block([[K, K_test[x][:, None]], [K_test[x][None], K_self[x]]])
        precision = np.linalg.inv(joint)
        assert found.variance[x] == pytest.approx(1 / precision[-1, -1], rel=1e-5, abs=1e-9)
        assert found.mean[x] == pytest.approx(-precision[-1, :-1] @ y / precision[-1, -1], rel=1e-5, abs=1e-7)


@given(seed=seeds, n=st.integers(2, 6), L=st.integers(1, 3))
def test_training_inputs_are_met_and_have_no_variance(seed, n, L):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, 8)), rng.normal(size=n)
    K = limit_grams(X, hidden_layers=L, activation="erf").nngp
    found = kernel_regression(K, K, y, K_self=np.diag(K))
    assert found.mean == pytest.approx(y, abs=1e-6) and found.variance == pytest.approx(np.zeros(n), abs=1e-6)


@given(seed=seeds, n=sizes, less=st.floats(0.01, 0.9))
def test_a_variance_that_no_kernel_has_is_refused_and_not_set_to_zero(seed, n, less):
    K, K_test, _, _, _, y = kernels(seed, n, n + 3)
    needed = np.einsum("xi,ij,xj->x", K_test, np.linalg.inv(K), K_test)
    with pytest.raises(ValueError, match=r"`K_self` must be at least"):
        kernel_regression(K, K_test, y, K_self=less * needed)
