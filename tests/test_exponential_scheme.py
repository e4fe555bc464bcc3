"""One step of the scheme against its literal form in the space of parameters, and its order."""

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.linalg import expm

from kernels.exponential_scheme import (
    Linearisation,
    Spectrum,
    Step,
    Vector,
    increment,
    linearise,
    output_error,
    phi,
    second_stage,
    third_stage,
)
from kernels.losses import LogCoshLoss, SquareLoss
from kernels.model_flow import ModelProblem
from kernels.models import Linearised, NetworkModel
from kernels.network_problem import NetworkProblem
from tests import examples
from tests.flows import LOSSES, flat, losses, make_map, maps, networks
from theory import linearized_flow


@example(exponent=0.0)
@given(exponent=st.floats(-12, 12))
def test_phi_functions_are_right_to_the_last_digits(exponent):
    z = -(10.0**exponent)
    with mpmath.workdps(60):
        exact, value = [mpmath.exp(z)], mpmath.exp(z)
        for s in range(3):
            value = (value - 1 / mpmath.factorial(s)) / z
            exact.append(value)
        exact = [float(v) for v in exact]
    assert np.allclose(phi(np.array([z]))[:, 0], exact, rtol=2e-14, atol=1e-300)


def test_phi_functions_at_zero():
    assert np.array_equal(phi(np.zeros(1))[:, 0], [1, 1, 1 / 2, 1 / 6])


def matrix_phi(hL):
    """e, φ1, φ2, φ3 of a matrix: the first row of blocks of the exponential of an augmented one."""
    p = len(hL)
    augmented = np.zeros((4 * p, 4 * p))
    augmented[:p, :p] = hL
    for s in range(3):
        augmented[s * p : (s + 1) * p, (s + 1) * p : (s + 2) * p] = np.eye(p)
    return [expm(augmented)[:p, s * p : (s + 1) * p] for s in range(4)]


def literal_step(problem, v, h, c, inside):
    """θ₂, θ₃, θ_{k+1}, the error vector and θ(t_k + ``inside`` h), as the scheme is written in the space of parameters."""

    def force(theta):
        point = problem.point((theta,))
        return -point.factors.T @ point.gradient

    here = problem.point((v,))
    J, F = here.factors, force(v)
    L = -J.T @ np.diag(here.curvature) @ J
    D = lambda theta: force(theta) - F - L @ (theta - v)  # noqa: E731
    second = v + c * h * matrix_phi(c * h * L)[1] @ F
    two_thirds = matrix_phi(2 / 3 * h * L)
    third = v + 2 / 3 * h * two_thirds[1] @ F + 4 / 9 / c * h * two_thirds[2] @ D(second)
    whole, part = matrix_phi(h * L), matrix_phi(inside * h * L)
    end = v + h * whole[1] @ F + 1.5 * h * whole[2] @ D(third)
    error = h * whole[2] @ (1.5 * D(third) - D(second) / c)
    between = v + inside * h * part[1] @ F + 1.5 * inside**2 * h * part[2] @ D(third)
    return second, third, end, error, between


class HalfStraight(LogCoshLoss):
    """The first output has the gradient 1 + cos(f)/10 and a curvature of 0, as where a Hessian underflows."""

    def evaluate(self, outputs):
        value, gradient, curvature = super().evaluate(outputs)
        gradient[0], curvature[0] = 1 + np.cos(outputs[0]) / 10, 0.0
        return value, gradient, curvature


STRAIGHT = LOSSES | {"half straight": lambda y: HalfStraight(y, 0.5, 2.0)}


@examples(40)
@given(
    drawn=maps,
    loss=st.sampled_from(sorted(STRAIGHT)),
    stiffness=st.floats(-2, 1.5),
    c=st.sampled_from([0.5, 1.0]),
    inside=st.floats(0, 1),
    alpha=st.sampled_from([0.5, 1.0, 30.0]),
)
def test_a_step_in_the_space_of_outputs_is_the_literal_one(drawn, loss, stiffness, c, inside, alpha):
    model, start, seed = drawn
    y = np.random.default_rng(seed).normal(size=len(model(start)))
    problem = ModelProblem(model, STRAIGHT[loss](y), start, alpha)
    v, scratch = np.zeros_like(start), (np.empty_like(start),)
    linear = linearise(problem, problem.point((v,)))
    h = 10.0**stiffness / linear.values[-1]
    with np.errstate(over="ignore", invalid="ignore"):
        second, third, end, error, between = literal_step(problem, v, h, c, inside)
    assume(all((np.abs(x) < 1e3).all() for x in (second, third, end)))

    def close(found, literal):
        return np.allclose(found, literal, rtol=1e-9, atol=1e-10 * max(1.0, np.abs(end).max()))

    stage2 = second_stage(problem, linear, h, c, (v,), scratch)
    assert close(scratch[0], second)
    stage3 = third_stage(problem, linear, h, stage2, (v,), scratch)
    assert close(scratch[0], third)
    step = Step(linear, h, stage3)
    for s, literal in ((1.0, end), (inside, between)):
        problem.add((v,), step.increment(s), scratch)
        assert close(scratch[0], literal)
    parts = step.error_parts(stage2)
    problem.add(None, increment(linear, h, parts, flow=False), scratch)
    assert close(scratch[0], error)
    here = problem.point((v,))
    seen = np.linalg.norm(np.sqrt(here.curvature) * (here.factors @ error))
    assert np.isclose(output_error(linear, h, parts), seen, rtol=1e-7, atol=1e-9 * max(1.0, np.abs(end).max()))
    assert np.array_equal(v, np.zeros_like(start))  # stages leave the state alone


@given(drawn=maps, stiffness=st.floats(-3, 7), inside=st.floats(1e-6, 1))
def test_one_step_of_any_size_is_the_closed_form_of_a_linear_model(drawn, stiffness, inside):
    model, start, seed = drawn
    y = np.random.default_rng(seed).normal(size=len(model(start)))
    linear_model = Linearised(model, start)
    problem = ModelProblem(linear_model, SquareLoss(y), start, 1.0)
    v, scratch = (np.zeros_like(start),), (np.empty_like(start),)
    linear = linearise(problem, problem.point(v))
    h = 10.0**stiffness / linear.values[-1]
    second = second_stage(problem, linear, h, 1.0, v, scratch)
    third = third_stage(problem, linear, h, second, v, scratch)
    J = linear_model.slope
    for s in (1.0, inside):
        problem.add(v, Step(linear, h, third).increment(s), scratch)
        exact = linearized_flow(J @ J.T, y, [s * h], f0=model(start), weight=1.0)
        outputs = problem.point(scratch).outputs
        scale = np.abs(y).max() + np.abs(model(start)).max()
        # An eigenvalue is uncertain by 2⁻⁵² λ_max, and what the closed form makes of K alone by that times h, and h².
        assert np.allclose(outputs, exact.outputs[0], rtol=0, atol=scale * (1e-12 + 2e-15 * 10.0**stiffness))
        pull = s * h * np.linalg.norm(model(start) - y)
        unsure = 1e-9 * exact.drift[0] ** 2 + 2.0**-50 * linear.values[-1] * pull**2
        assert abs((scratch[0] ** 2).sum() - exact.drift[0] ** 2) <= unsure


def fixed_steps(problem, start, t_end, count):
    """``count`` equal steps of the full scheme with c = ½."""
    theta = start
    for _ in range(count):
        linear, scratch = linearise(problem, problem.point(theta)), tuple(np.empty_like(a) for a in start)
        second = second_stage(problem, linear, t_end / count, 0.5, theta, scratch)
        third = third_stage(problem, linear, t_end / count, second, theta, scratch)
        problem.add(theta, Step(linear, t_end / count, third).increment(), scratch)
        theta = scratch
    return theta[0]


@examples(8)
@given(
    kind=st.sampled_from(["quadratic", "two layers", "network", "oscillator"]),
    seed=st.integers(0, 2**32 - 1),
    loss=losses,
)
def test_fixed_steps_converge_with_order_three(kind, seed, loss):
    model, start = make_map(kind, seed)
    y = model(start) + 0.3 * np.random.default_rng(seed).normal(size=len(model(start)))
    problem = ModelProblem(model, LOSSES[loss](y), start, 1.0)
    t_end = 1 / linearise(problem, problem.point((start * 0,))).values[-1]
    ends = [fixed_steps(problem, (np.zeros_like(start),), t_end, count) for count in (32, 64, 128, 512)]
    errors = [np.linalg.norm(end - ends[-1]) for end in ends[:-1]]
    assume(errors[-1] > 1e-12 * np.linalg.norm(ends[-1]))  # else rounding decides
    assert np.log2(errors[0] / errors[1]) == pytest.approx(3, abs=0.3)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(3, abs=0.3)


@examples(12)
@given(network=networks(L=(1, 2), m=(8, 32), log_kappa=(0.0, 1.0)), straight=st.booleans())
def test_the_network_problem_takes_the_steps_of_its_dense_model(network, straight):
    n, L = len(network.X), network.params.hidden_layers
    loss = HalfStraight(network.y, 0.5, 2.0) if straight else SquareLoss(network.y, 1 / n)
    arrays = network.params.arrays
    own = NetworkProblem(
        np.ascontiguousarray(network.X.T),
        loss,
        activation=network.activation,
        kappa=network.kappa,
        rates=np.ones(L + 1),
    )
    model = NetworkModel(network.X, network.activation, network.kappa, network.params.width, L)
    dense = ModelProblem(model, loss, flat(arrays), 1.0)
    h = network.horizon(3.0)
    ends = []
    for problem, theta in ((own, arrays), (dense, (np.zeros(flat(arrays).size),))):
        scratch = tuple(np.empty_like(a) for a in theta)
        linear = linearise(problem, problem.point(theta))
        second = second_stage(problem, linear, h, 0.5, theta, scratch)
        third = third_stage(problem, linear, h, second, theta, scratch)
        problem.add(None, Step(linear, h, third).increment(), scratch)
        ends.append(flat(scratch))
        assert np.isclose(problem.distance(scratch, None), np.linalg.norm(ends[-1]), rtol=1e-12)
    assert np.allclose(ends[0], ends[1], rtol=1e-8, atol=1e-9 * np.abs(ends[1]).max())


@given(
    values=st.lists(st.floats(0, 50), min_size=1, max_size=5),
    h=st.floats(1e-3, 3),
    push=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_fall_of_the_loss_is_that_of_half_the_squares(values, h, push, seed):
    """Of the linear flow w' = −Λw − p, solved by the exponential of an augmented matrix."""
    w, p = np.random.default_rng(seed).normal(size=(2, len(values)))
    spectrum = Spectrum(np.sort(values), np.eye(len(values)), 0.0)
    linear = Linearisation(None, spectrum, np.eye(len(values)), w, 0.0, p, Vector([], p) if push else None)
    A = np.block([[-np.diag(spectrum.values), -push * p[:, None]], [np.zeros((1, len(values) + 1))]])
    end = (expm(h * A) @ np.append(w, 1.0))[:-1]
    assert linear.fall(h) == pytest.approx(w @ w / 2 - end @ end / 2, rel=1e-9, abs=1e-12)
