"""The integrators that the benchmark and the figure compare with: each follows its equation with its order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from benchmarks import flow
from benchmarks.reference_integrators import chebyshev_step, etd2rk, euler, rkc2
from tests.flows import flat, make_network


@given(stages=st.integers(2, 12), seed=st.integers(0, 1000))
def test_chebyshev_steps_have_order_two_and_are_stable_far_out(stages, seed):
    rng = np.random.default_rng(seed)
    A, x = rng.normal(size=(3, 3)), rng.normal(size=3)
    A = -A @ A.T / np.linalg.norm(A) ** 2
    errors = [
        np.linalg.norm(chebyshev_step(lambda v: A @ v, x, A @ x, h, stages) - expm(h * A) @ x) for h in (0.1, 0.05)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(3, abs=0.4)  # the error of a single step is of order h³
    for z in np.linspace(0, 0.6 * (stages**2 - 1), 50):  # stability polynomial on the negative axis
        assert abs(chebyshev_step(lambda v, z=z: -z * v, np.ones(1), -z * np.ones(1), 1.0, stages)[0]) <= 1 + 1e-9


@pytest.mark.parametrize("activation, L", [("tanh", 1), ("softplus", 2)])
def test_every_method_tends_to_the_reference(activation, L):
    network = make_network(3, n=4, d=3, m=16, L=L, kappa=3.0, activation=activation)
    t_end = network.horizon(30)
    problem = flow.FlowProblem(network.params, network.X, network.y, network.kappa, t_end, activation)
    start, reference = flat(network.params.arrays), network.reference(t_end)
    assert np.allclose(problem.field(start), network.field(start)) and np.array_equal(problem.flat, start)
    assert problem.radius(start) == pytest.approx(network.spectrum[-1])
    loose, tight = 1e-2, 1e-4
    runs = {
        "RKC2": [rkc2(problem.field, start, t_end, rtol, problem.radius) for rtol in (loose, tight)],
        "ETD2RK": [etd2rk(problem.field, problem.jacobian, start, t_end, rtol, 1 / 4) for rtol in (loose, tight)],
        "Euler": [euler(problem.field, start, t_end, steps) for steps in (400, 8000)],
    }
    for ends in runs.values():
        errors = [flow.displacement_error(problem, x, reference) for x, _ in ends]
        assert errors[1] < 0.2 * errors[0] < 0.02 and ends[1][1] > ends[0][1]


def test_the_problems_of_the_benchmark_have_their_sizes():
    problem = flow.make_problem("P2", 0)
    assert problem.params.width == 256 and problem.X.shape == (32, 6) and problem.kappa == 16
    assert np.allclose(np.linalg.norm(problem.X, axis=1), 1)
    assert 1e3 < problem.t_end * problem.radius(problem.flat) < 2e4
