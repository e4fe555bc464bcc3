"""Flows of maps: losses without targets or with another minimum than 0, ill-conditioned Jacobians, and what is refused."""

from unittest.mock import patch

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import kernels.model_flow
from kernels.integrators import Ending
from kernels.losses import LogCoshLoss, SquareLoss
from kernels.model_flow import ModelProblem, flow_and_linearised_flow, model_flow
from kernels.models import Centred, ComponentwiseMap, QuadraticMap, TwoLayerModel
from tests import examples
from tests.flows import LOSSES, Logistic, Poisson, linear_map, losses

LINE = linear_map([[1.0]])
SINE = ComponentwiseMap("sin")


@pytest.mark.parametrize(
    "loss, times, exact",
    [  # w + e^w = t + 1, and e^{−w} = 1/3 + (2/3)e^{−3t}
        (Logistic(), (1, 10, 100, 1000), (0.4428544010, 2.1773251006, 4.5688294948, 6.9018359584)),
        (Poisson(), (0.1, 1, 10), (0.189694, 1.003689, 1.098612)),
        (Poisson(deviance=True), (0.1, 1, 10), (0.189694, 1.003689, 1.098612)),
    ],
    ids=str,
)
def test_flows_of_losses_whose_minimum_is_not_zero(loss, times, exact):
    """What stops at a minimum that was assumed is 1.013 at t = 10 instead of 2.177."""
    run = model_flow(LINE, loss, [0.0], times=times)
    assert run.status == Ending.TIME
    assert np.allclose(run.displacements[:, 0], exact, rtol=1e-6, atol=5e-7)


@pytest.mark.parametrize("deviance", [False, True])
@pytest.mark.parametrize("times", [None, (1.0, 1e3, 1e12)])
def test_a_minimum_that_the_loss_cannot_resolve_is_reached_and_held(deviance, times):
    run = model_flow(LINE, Poisson(deviance), [0.0], times=times, max_evaluations=1000)
    assert run.status in (Ending.FLOOR, Ending.STATIONARY)
    assert run.displacements[-1, 0] == pytest.approx(np.log(3), rel=1e-14)


@example(start=-34.0, times=[34.6, 173.0])
@example(start=-40.0, times=[1.0, 39.0, 100.0])
@example(start=-800.0, times=[1.0, 799.0, 900.0])
@examples(15)
@given(start=st.floats(-900, 30), times=st.lists(st.floats(1e-2, 2e3), min_size=1, max_size=3, unique=True))
def test_saturated_losses_move_with_their_gradient(start, times):
    """Where the Hessian underflows the gradient of the logistic loss is −1, that of the Poisson loss −3: nothing rests.

    A step whose stages lie in the saturated region, and whose end does not, would be 0.6 off in w at −34.
    """
    times = np.sort(times)
    found = model_flow(LINE, Logistic(), [start], times=times, rtol=1e-5).displacements[:, 0]
    low, high = np.zeros(len(times)), times.copy()
    for _ in range(100):  # v + e^{w_0}(e^v − 1) = t
        middle = np.minimum(0.5 * (low + high), times * (1 - 1e-15))
        above = middle + np.log(-np.expm1(-middle)) + start >= np.log(times - middle)
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    assert np.allclose(found, low, rtol=1e-4, atol=0)
    if start < 20:  # e^{−w} = 1/3 + (e^{−w_0} − 1/3)e^{−3t}; from further up it falls within no time
        found = model_flow(LINE, Poisson(), [start], times=times, rtol=1e-5).displacements[:, 0]
        exact = -np.logaddexp(np.log(-np.expm1(-3 * times) / 3), -start - 3 * times) - start
        assert np.allclose(found, exact, rtol=1e-4, atol=1e-11)


def centred_neuron(seed, size, inputs):
    """tanh(Xw) less its value at a start of length ``size``, which saturates it where that is large."""
    rng = np.random.default_rng(seed)
    X, start = rng.normal(size=(inputs, 2)), rng.normal(size=2)
    start *= size / np.linalg.norm(start)
    return Centred(TwoLayerModel(X, "tanh", np.ones(1)), start), rng


@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0.1, 30), log_alpha=st.floats(0, 10))
def test_the_outputs_of_a_centred_map_are_off_by_no_more_than_their_rounding(seed, size, log_alpha):
    """Of a saturated neuron h is near 1 and Dh near 0: the outputs left by the subtraction do not show their rounding."""
    (model, rng), alpha = centred_neuron(seed, size, 4), 10.0**log_alpha
    problem, v = ModelProblem(model, SquareLoss(np.ones(4)), model.start, alpha), rng.normal(size=2)
    point = problem.point((v,))
    with mpmath.workprec(200):
        w = [mpmath.mpf(a) + mpmath.mpf(b) / mpmath.mpf(alpha) for a, b in zip(model.start, v, strict=True)]
        exact = [mpmath.tanh(mpmath.fdot(map(mpmath.mpf, x), w)) for x in model.model.X]
        rows = zip(point.outputs, exact, model.value, strict=True)
        errors = [float(abs(mpmath.mpf(f) - mpmath.mpf(alpha) * (e - mpmath.mpf(y)))) for f, e, y in rows]
    assert (errors <= problem.rounding((v,), point)).all()


@examples(20)
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(1, 4), log_alpha=st.floats(6, 10))
def test_the_flow_of_a_saturated_neuron_ends(seed, size, log_alpha):
    """Late, the loss changes by less than the rounding of αh(w_0): a rise that is not known for that is refused for ever."""
    (model, rng), times = centred_neuron(seed, size, 6), np.arange(1, 4)
    least = np.linalg.svd(model.jacobian(model.start), compute_uv=False)[-1]
    assume(least > 1e-3)
    loss, options = LogCoshLoss(rng.normal(size=6), 0.5, 2.0, soft_far=False), {"alpha": 10.0**log_alpha, "rtol": 1e-5}
    run = model_flow(model, loss, model.start, times=times * 20 / least**2, max_evaluations=1000, **options)
    assert run.status in (Ending.TIME, Ending.FLOOR) and len(run.times) == 3


def test_a_saturated_sample_beside_one_that_is_not():
    A, times = np.array([[1.0, 0.5], [0.5, 1.0]]), [10.0, 100.0, 500.0, 2000.0]
    start = np.array([0.0, -800.0])
    run = model_flow(linear_map(A), Logistic(), start, times=times)
    field = lambda _, w: -A.T @ Logistic().evaluate(A @ w)[1]  # noqa: E731
    exact = solve_ivp(field, (0, times[-1]), start, method="LSODA", rtol=1e-11, atol=1e-10, t_eval=times).y.T - start
    assert run.status == Ending.TIME
    assert (np.linalg.norm(run.displacements - exact, axis=1) <= 1e-5 * np.linalg.norm(exact, axis=1)).all()


@pytest.mark.parametrize("e", [1e-7, 3e-8, 1e-9])
def test_weak_directions_of_an_ill_conditioned_jacobian_move(e):
    """Through JJᵀ, which squares the condition number, the first is 0.5 % off and the others stand still."""
    A, c = [[1, 1], [1, 1 + e], [1, 1 - e]], 1e-3 / e
    run = model_flow(linear_map(A), SquareLoss(np.array([0, c, -c])), np.zeros(2), times=[1, 10])
    exact = [(-8.337465e-4, 1.1662535e-3), (-9.8333333e-3, 1.01666667e-2)]
    assert np.allclose(run.displacements, exact, rtol=1e-6) and run.status == Ending.TIME and run.unresolved == 0


@given(least=st.floats(-7, 0), seed=st.integers(0, 2**32 - 1))
def test_the_spectrum_of_a_large_jacobian_is_right_whatever_its_condition(least, seed):
    """From the Gram matrix alone the least of these eigenvalues, 10⁻¹⁴ of the largest, would be 0.1 % off and more."""
    rng, sizes = np.random.default_rng(seed), np.logspace(least, 0, 4)
    (U, _), (V, _) = (np.linalg.qr(rng.normal(size=(n, 4))) for n in (4, 9))
    root, J = rng.uniform(0.5, 2, 4), U * sizes @ V.T
    problem = ModelProblem(linear_map(J), SquareLoss(np.zeros(4)), np.zeros(9), 1.0)
    with patch.object(kernels.model_flow, "LARGE_JACOBIAN", 0):
        found = problem.spectrum(problem.point((np.zeros(9),)), root)
    scaled = root[:, None] * J
    assert found.values == pytest.approx(np.linalg.svd(scaled, compute_uv=False)[::-1] ** 2, rel=1e-6)
    assert np.allclose(found.vectors.T @ found.vectors, np.eye(4), atol=1e-12)
    assert np.allclose(found.rows.factors, found.vectors.T @ scaled, atol=1e-12)


def test_a_condition_number_of_1e8_leaves_no_plateau():
    run = model_flow(linear_map(np.diag([1e8, 1.0])), SquareLoss(np.ones(2)), np.zeros(2))
    assert run.status in (Ending.FLOOR, Ending.STATIONARY)
    assert np.allclose(run.displacements[-1], [1e-8, 1], rtol=1e-12)


@given(
    exponents=st.lists(st.floats(-7, 0), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
    log_time=st.floats(-2, 16),
)
def test_every_direction_of_a_linear_map_follows_its_own_exponential(exponents, seed, log_time):
    s, rng, t = 10.0 ** np.array(exponents), np.random.default_rng(seed), 10.0**log_time
    y = rng.normal(size=len(s))
    run = model_flow(linear_map(np.diag(s)), SquareLoss(y), np.zeros(len(s)), times=[t])
    exact = -np.expm1(-(s**2) * t) * y / s
    assert np.linalg.norm(run.displacements[-1] - exact) <= 1e-6 * np.linalg.norm(exact)


LONGLEY = """83.0 234289 2356 1590 107608 1947 60323
88.5 259426 2325 1456 108632 1948 61122
88.2 258054 3682 1616 109773 1949 60171
89.5 284599 3351 1650 110929 1950 61187
96.2 328975 2099 3099 112075 1951 63221
98.1 346999 1932 3594 113270 1952 63639
99.0 365385 1870 3547 115094 1953 64989
100.0 363112 3578 3350 116219 1954 63761
101.2 397469 2904 3048 117388 1955 66019
104.6 419180 2822 2857 118734 1956 67857
108.4 442769 2936 2798 120445 1957 68169
110.8 444546 4681 2637 121950 1958 66513
112.6 482704 3813 2552 123366 1959 68655
114.2 502601 3931 2514 125368 1960 69564
115.7 518173 4806 2572 127852 1961 69331
116.9 554894 4007 2827 130081 1962 70551"""
"""Longley (1967): deflator, GNP, unemployed, armed forces, population, year; employed."""
CERTIFIED = [-3482258.63459582, 15.0618722713733, -0.0358191792925910, -2.02022980381683]
CERTIFIED += [-1.03322686717359, -0.0511041056535807, 1829.15146461355]


@pytest.mark.parametrize("times", [None, (1e12,), (1.0, 1e30)])
def test_longleys_regression_is_that_of_certified_values(times):
    """NIST's certified coefficients of the raw data with a constant, condition number 5e9."""
    data = np.array([row.split() for row in LONGLEY.split("\n")], dtype=float)
    X = np.column_stack([np.ones(len(data)), data[:, :-1]])
    run = model_flow(linear_map(X), SquareLoss(data[:, -1]), np.zeros(7), times=times, max_evaluations=300)
    assert run.status in (Ending.FLOOR, Ending.PLATEAU) and run.unresolved == 0
    assert np.allclose(run.displacements[-1], CERTIFIED, rtol=1e-8)


@pytest.mark.parametrize("times", [None, (1.0, 1e30)])
def test_least_squares_rests_at_its_solution(times):
    run = model_flow(linear_map(np.ones((2, 1))), SquareLoss(np.array([1.0, -3.0])), np.zeros(1), times=times)
    assert run.displacements[-1, 0] == pytest.approx(-1, rel=1e-6) and run.losses[-1] == pytest.approx(4)
    assert run.status == (Ending.PLATEAU if times is None else Ending.FLOOR)


def test_a_kernel_that_underflows_is_no_stationary_point():
    square = QuadraticMap(np.zeros((1, 1)), np.full((1, 1, 1), 2.0))  # h = w², w' = w near 0
    assert model_flow(square, SquareLoss(np.full(1, 0.5)), [1e-170], t_end=1e3).status == Ending.UNDERFLOW
    run = model_flow(square, SquareLoss(np.full(1, 0.5)), [1e-100], times=[1.0])
    assert run.displacements[0, 0] == pytest.approx(np.expm1(1.0) * 1e-100, rel=1e-6)


def test_a_run_that_ends_before_its_first_time_keeps_the_shapes():
    run = model_flow(ComponentwiseMap("sin"), Logistic(), np.zeros(3), times=[1.0], max_evaluations=1)
    assert run.status == Ending.CAP and run.times.shape == run.losses.shape == (0,)
    assert run.outputs.shape == run.displacements.shape == (0, 3)


@given(loss=losses, seed=st.integers(0, 100))
def test_the_callback_sees_every_step(loss, seed):
    y, seen = np.random.default_rng(seed).normal(size=2), []
    run = model_flow(SINE, LOSSES[loss](y), np.zeros(2), t_end=2.0, callback=lambda *args: seen.append(args))
    times, values, evaluations = zip(*seen, strict=True)
    assert np.array_equal(times, run.times) and np.array_equal(values, run.losses)
    assert evaluations[-1] == run.evaluations and list(evaluations) == sorted(evaluations)


def test_tolerances_below_rounding_are_refused():
    for follow in (model_flow, flow_and_linearised_flow):
        for rtol in (5e-324, 1e-16):
            with pytest.raises(ValueError, match="`rtol` must be at least 1e-14"):
                follow(SINE, SquareLoss(np.ones(1)), np.zeros(1), alpha=1.0, times=[1.0], rtol=rtol)
    runs = flow_and_linearised_flow(SINE, SquareLoss(np.ones(1)), np.zeros(1), alpha=1e3, times=[1.0], rtol=1e-14)
    assert [run.status for run in runs] == [Ending.TIME, Ending.TIME]


@given(seed=st.integers(0, 100), rtol=st.floats(1e-8, 1e-3), atol=st.none() | st.floats(1e-9, 1e-3))
def test_no_step_exceeds_what_is_allowed(seed, rtol, atol):
    y = np.random.default_rng(seed).uniform(-0.9, 0.9, size=3)
    run = model_flow(SINE, SquareLoss(y), np.zeros(3), times=[5.0], rtol=rtol, atol=atol)
    longest = np.linalg.norm(y) * 1.5  # a bound on ‖v‖: |arcsin y| ≤ 1.25|y|
    assert 0 < run.step_error <= min(rtol * longest, np.inf if atol is None else atol * (1 + 1e-12))


class Broken(Logistic):
    def evaluate(self, outputs):
        return super().evaluate(outputs)[0], np.zeros(1), np.zeros(1)


class Flat:
    def __call__(self, w):
        return 2 * w

    def jacobian(self, w):
        return np.full(2, 2.0)


@pytest.mark.parametrize(
    "arguments, options, message",
    [
        (
            (SINE, SquareLoss(np.ones(1)), [0.0, 0.0]),
            {},
            "`model` must have as many outputs as there are targets, (1,), got (2,)",
        ),
        ((SINE, Broken(), [0.0, 0.0]), {}, "`loss` must give shapes (), (N,) and (N,) for outputs (2,)"),
        ((Flat(), Logistic(), [0.0, 0.0]), {}, "`model` must have a Jacobian of shape (2, 2), got (2,)"),
        ((LINE, Poisson(), [1.0]), {"loss_ratio": 0.1}, "`loss_ratio` needs a loss that is not negative at the start"),
        ((LINE, Poisson(), [1.0]), {"callback": 3}, "`callback` must be a function or None, got 3"),
        ((LINE, Poisson(), [1j]), {}, "`start` must hold real numbers, got complex numbers"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, options, message):
    with pytest.raises(ValueError) as error:
        model_flow(*arguments, **options)
    assert message in str(error.value)


def test_a_linearised_flow_is_one_at_the_first_of_the_times():
    loss, start = SquareLoss(np.ones(1)), np.zeros(1)
    longer = model_flow(SINE, loss, start, times=[0.5, 1.0, 2.0])
    for times in ([0.5, 1.0], [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match=r"^`linearised` must be a flow at the first of `times`"):
            flow_and_linearised_flow(SINE, loss, start, alpha=1.0, times=times, linearised=longer)
