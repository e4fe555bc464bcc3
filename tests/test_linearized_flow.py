"""The closed form of the linearised flow against the exponential of its equation in the space of parameters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from theory import linearized_flow

problems = st.fixed_dictionaries(
    {"seed": st.integers(0, 2**32 - 1), "n": st.integers(1, 5), "p": st.integers(1, 8), "t": st.floats(0, 20)}
)


def literal(J, J_test, f0, f0_test, y, weight, t):
    """δ' = −w Jᵀ(f_0 + Jδ − y) from δ = 0, by the exponential of the affine equation."""
    p = J.shape[1]
    generator = np.zeros((p + 1, p + 1))
    generator[:p, :p] = -weight * J.T @ J
    generator[:p, p] = -weight * J.T @ (f0 - y)
    delta = expm(t * generator)[:p, p]
    return f0 + J @ delta, f0_test + J_test @ delta, np.linalg.norm(delta)


@given(problem=problems, weight=st.none() | st.floats(0.1, 3))
def test_outputs_drift_and_predictions_are_those_of_the_equation(problem, weight):
    rng = np.random.default_rng(problem["seed"])
    n, p, t = problem["n"], problem["p"], problem["t"]  # p < n makes the kernel singular
    J, J_test, f0, f0_test, y = (rng.normal(size=shape) for shape in ((n, p), (2, p), n, 2, n))
    K = J @ J.T
    K = (K + K.T) / 2
    flow = linearized_flow(K, y, [0.0, t], f0=f0, K_test=J_test @ J.T, f0_test=f0_test, weight=weight)
    w = 1 / n if weight is None else weight
    outputs, test_outputs, drift = literal(J, J_test, f0, f0_test, y, w, t)
    assert np.allclose(flow.outputs, [f0, outputs], rtol=1e-9, atol=1e-10)
    assert np.allclose(flow.test_outputs, [f0_test, test_outputs], rtol=1e-8, atol=1e-8)
    assert np.allclose(flow.drift, [0, drift], rtol=1e-7, atol=1e-9)
    assert np.allclose(flow.losses, w / 2 * ((flow.outputs - y) ** 2).sum(axis=1), rtol=1e-12)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6))
def test_in_the_end_it_interpolates_with_the_least_displacement(seed, n):
    rng = np.random.default_rng(seed)
    J, y = rng.normal(size=(n, 2 * n)), rng.normal(size=n)
    K = J @ J.T
    values = np.linalg.eigvalsh(K)
    flow = linearized_flow((K + K.T) / 2, y, [40 * n / values[0]])
    assert np.allclose(flow.outputs[0], y, atol=1e-12 * np.abs(y).max())
    assert flow.drift[0] == pytest.approx(np.linalg.norm(np.linalg.pinv(J) @ y), rel=1e-8)


def test_a_null_mode_stands_still_at_all_times():
    K = np.ones((2, 2))
    flow = linearized_flow(K, np.array([1.0, -1.0]), [0.0, 1.0, 1e6])
    assert np.allclose(flow.outputs, 0, atol=1e-9) and np.allclose(flow.losses, 0.5)
