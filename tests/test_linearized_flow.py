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


@given(problem=problems, columns=st.integers(1, 3))
def test_columns_of_targets_are_outputs_of_one_model_that_share_nothing(problem, columns):
    """The flow of the columns one below the other, for the kernel K ⊗ I written out."""
    rng = np.random.default_rng(problem["seed"])
    n, p, times = problem["n"], problem["p"], [problem["t"], np.inf]
    J, J_test, y, f0 = (rng.normal(size=shape) for shape in ((n, p), (2, p), (n, columns), (n, columns)))
    f0_test, unit = rng.normal(size=(2, columns)), np.eye(columns)
    found = linearized_flow(J @ J.T, y, times, f0=f0, K_test=J_test @ J.T, f0_test=f0_test)
    whole = {"f0": f0.ravel(), "K_test": np.kron(J_test @ J.T, unit), "f0_test": f0_test.ravel(), "weight": 1 / n}
    one = linearized_flow(np.kron(J @ J.T, unit), y.ravel(), times, **whole)
    assert found.outputs == pytest.approx(one.outputs.reshape(2, n, columns), rel=1e-8, abs=1e-8)
    assert found.test_outputs == pytest.approx(one.test_outputs.reshape(2, 2, columns), rel=1e-6, abs=1e-6)
    assert found.losses == pytest.approx(one.losses, rel=1e-8, abs=1e-12)
    assert found.drift == pytest.approx(one.drift, rel=1e-6, abs=1e-9)
    assert found.unresolved == pytest.approx(one.unresolved, abs=1e-8)


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
    flow = linearized_flow(np.ones((2, 2)), np.array([1.0, -1.0]), [0.0, 1.0, 1e6, np.inf])
    assert (
        np.allclose(flow.outputs, 0, atol=1e-15)
        and np.allclose(flow.losses, 0.5)
        and np.allclose(flow.drift, 0, atol=1e-15)
    )
    assert flow.unresolved == pytest.approx(1)


LATE = [1e3, 1e10, 1e16, 1e18, 1e300, np.inf]


@pytest.mark.parametrize(
    "K, y, drift, loss, unresolved",
    [
        ([[2.0, 2, 1], [2, 2, 1], [1, 1, 1]], [0.0, 1, 1], 1.25, 1 / 12, 0.25),  # repeated input, two labels
        (5 * np.ones((3, 3)), [0.0, 1, 2], 0.2, 1 / 3, 0.4),
        (np.diag([4.0, 0]), [2.0, 0], 1.0, 0.0, 0.0),
        (np.zeros((2, 2)), [1.0, 1], 0.0, 0.5, 1.0),
    ],
)
def test_singular_kernels_at_late_times(K, y, drift, loss, unresolved):
    """Squares of the drift, √(yᵀK⁺y), and of the share of y outside of the range of K."""
    flow = linearized_flow(K, y, LATE)
    assert flow.drift**2 == pytest.approx([drift] * len(LATE), rel=1e-12)
    assert flow.losses == pytest.approx([loss] * len(LATE), rel=1e-12, abs=1e-30)
    assert flow.unresolved**2 == pytest.approx(unresolved, rel=1e-12, abs=1e-30)


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 30),
    share=st.floats(0.1, 0.9),
    t=st.floats(0, 300) | st.just(np.inf),
)
def test_kernels_of_few_parameters_move_in_their_range_alone(seed, n, share, t):
    """At t = 10^t the end: projection of y, least displacement; the rank is found whatever the scales of the parameters."""
    rng = np.random.default_rng(seed)
    p = max(1, int(share * n))
    Q, _ = np.linalg.qr(rng.normal(size=(n, p)))
    J, y = Q * 10.0 ** rng.uniform(-2, 2, size=p), rng.normal(size=n)
    flow = linearized_flow(J @ J.T, y, [n * 10.0 ** (t + 6)])
    assert flow.outputs[0] == pytest.approx(Q @ Q.T @ y, abs=1e-6 * np.linalg.norm(y))
    assert flow.drift[0] == pytest.approx(np.linalg.norm(np.linalg.pinv(J) @ y), rel=1e-6)
    assert flow.unresolved == pytest.approx(np.linalg.norm(y - Q @ Q.T @ y) / np.linalg.norm(y), rel=1e-6)


@given(log_t=st.floats(-3, 30), log_lam=st.floats(-22, -16))
def test_what_a_null_mode_may_hide_is_bounded_as_stated(log_t, log_lam):
    """K = diag(1, λ) with λ below its rounding, exactly: decay up to 1 − e^{−twτ}, drift² up to min(τ(tw)², .41 tw)‖Pe_0‖²."""
    t, lam, tau = 10.0**log_t, 10.0**log_lam, 8 * 2.0**-53
    flow = linearized_flow(np.diag([1.0, lam]), [0.0, 1.0], [t], weight=1.0)
    assert flow.drift[0] == 0 and flow.outputs[0, 1] == 0 and flow.unresolved == 1
    assert -np.expm1(-t * lam) <= -np.expm1(-t * tau) and np.expm1(-t * lam) ** 2 / lam <= min(tau * t**2, 0.41 * t)


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**-300, 2.0**300, 2.0**1000])
def test_the_unit_of_time_does_not_matter(scale):
    """cK at t/c: the same outputs, drift/√c, also where twλ is formed of numbers at the ends of float64."""
    K, y, times = np.array([[2.0, 1, 0], [1, 2, 1], [0, 1, 2]]), [1.0, -1, 2], np.array([0.1, 1, 10, np.inf])
    one = linearized_flow(K, y, times, K_test=[[1.0, 1, 1]])
    other = linearized_flow(scale * K, y, times / scale, K_test=[[scale, scale, scale]])
    assert np.allclose(other.outputs, one.outputs, rtol=1e-12) and np.allclose(other.losses, one.losses, rtol=1e-12)
    assert np.allclose(other.test_outputs, one.test_outputs, rtol=1e-12)
    assert np.allclose(other.drift * np.sqrt(scale), one.drift, rtol=1e-12)


def test_a_kernel_symmetric_to_rounding_is_null_to_that_rounding():
    """Entries known to 1e-13 leave the null mode of equal rows at ±1e-13, which is not motion; exact entries resolve it."""
    off = 2.5e-13
    rough = linearized_flow([[1.0, 1 + off], [1 - off, 1.0]], [1.0, -1.0], [1e15])
    exact = linearized_flow([[1.0, 1 - off], [1 - off, 1.0]], [1.0, -1.0], [1e15])
    assert rough.unresolved == pytest.approx(1) and abs(rough.outputs).max() < 1e-12
    assert exact.unresolved < 1e-12 and exact.outputs[0] == pytest.approx([1, -1])


@pytest.mark.parametrize(
    "K, y, times, message",
    [
        ([[1.0, 2], [2, 1]], [1.0, 1], [1.0], "`K` must be positive semidefinite, got the eigenvalue -1 beyond"),
        (
            np.diag([1.0, -1e-12]),
            [1.0, 1],
            [1.0],
            "`K` must be positive semidefinite, got the eigenvalue -1e-12 beyond",
        ),
        (np.full((2, 2), 1.7e308), [1.0, 1], [1.0], "`K` must have eigenvalues within float64"),
        (np.eye(2), [1e200, 1], [1.0], "`y`, `f0` and `K` must leave the flow within float64"),
        (np.eye(2), [1.0, 1], [1.0, np.nan], r"`times` must be finite, got nan at \(1,\)"),
        (np.eye(2), [1.0, 1], [-np.inf], "`times` must be finite, got -inf"),
        (np.eye(2), [1.0, 1], np.inf, r"`times` must have shape \(k,\), got \(\)"),
        (np.eye(2), np.ones((3, 2)), [1.0], r"`K` must have shape \(3, "),
    ],
)
def test_what_has_no_flow_is_refused(K, y, times, message):
    with pytest.raises(ValueError, match=message):
        linearized_flow(K, y, times)
