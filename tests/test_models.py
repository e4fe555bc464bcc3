"""Maps: their derivatives by finite differences, their Lipschitz constants, and lazy flows beside their linearisations."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from kernels.integrators import Ending
from kernels.losses import SquareLoss
from kernels.model_flow import flow_and_linearised_flow, model_flow
from kernels.models import Centred, ComponentwiseMap, Factorization, Linearised, QuadraticMap, TwoLayerModel
from tests import examples
from tests.flows import LOSSES, MAPS, losses, make_map

seeds = st.integers(0, 2**32 - 1)
BOUNDED = (
    "quadratic",
    "along directions",
    "two layers",
    "inner weights",
    "neuron",
    "factorization",
    "sin",
    "parabola",
    "cubic",
)


def make_bounded(kind, seed):
    """A map with a Lipschitz constant of its derivative, and a start."""
    rng = np.random.default_rng(seed)
    if kind in ComponentwiseMap.known:
        return ComponentwiseMap(kind), rng.normal(size=4)
    if kind == "along directions":
        U = np.linalg.qr(rng.normal(size=(6, 3)))[0].T
        return QuadraticMap.along_directions(rng.normal(size=(3, 6)), U, rng.uniform(0.1, 2)), rng.normal(size=6)
    if kind == "inner weights":
        output = rng.choice([-1.0, 1.0], size=4)
        return TwoLayerModel(rng.normal(size=(3, 2)), "sin", output, 0.5), rng.normal(size=8)
    return make_map(kind, seed)


@given(kind=st.sampled_from(MAPS + BOUNDED), seed=seeds, centred=st.booleans())
def test_jacobians_are_those_of_finite_differences(kind, seed, centred):
    model, w = make_map(kind, seed) if kind in MAPS else make_bounded(kind, seed)
    model = Centred(model, w) if centred else model
    step, J = 1e-6, model.jacobian(w)
    differences = [(model(w + step * e) - model(w - step * e)) / (2 * step) for e in np.eye(len(w))]
    assert J.shape == (len(model(w)), len(w))
    assert np.allclose(J, np.transpose(differences), atol=1e-7 * max(1.0, np.abs(J).max()))
    assert not centred or np.array_equal(model(w), 0 * model(w))


@given(kind=st.sampled_from(BOUNDED), seed=seeds, radius=st.floats(0.01, 3))
def test_the_derivative_changes_no_faster_than_its_lipschitz_constant(kind, seed, radius):
    model, w = make_bounded(kind, seed)
    rng = np.random.default_rng(seed)
    a, b = (w + radius * rng.uniform() * v / np.linalg.norm(v) for v in rng.normal(size=(2, len(w))))
    ratio = np.linalg.norm(model.jacobian(a) - model.jacobian(b), 2) / np.linalg.norm(a - b)
    bound = model.jacobian_lipschitz(w, radius)
    target(ratio / bound)
    assert ratio <= bound * (1 + 1e-9)


@given(seed=seeds)
def test_least_lipschitz_constants_are_attained(seed):
    rng = np.random.default_rng(seed)
    model, w = make_bounded("along directions", seed)
    u = model.A[0] @ rng.normal(size=6)  # along u_1
    difference = model.jacobian(w + u) - model.jacobian(w)
    curvature = np.abs(np.linalg.eigvalsh(model.A[0])).max()
    assert np.linalg.norm(difference, 2) / np.linalg.norm(u) == pytest.approx(curvature, rel=1e-9)
    assert model.jacobian_lipschitz(w, 1.0) == pytest.approx(curvature, rel=1e-9)
    factors, start = Factorization(2, 3, 1), rng.normal(size=5)
    x, z = rng.normal(size=2), rng.normal(size=3)
    direction = np.concatenate([x / np.linalg.norm(x), z / np.linalg.norm(z)]) / np.sqrt(2)
    assert np.linalg.norm(factors.jacobian(start + direction) - factors.jacobian(start), 2) == pytest.approx(
        1, rel=1e-9
    )


@examples(10)
@given(kind=st.sampled_from(MAPS), seed=seeds, loss=losses)
def test_lazy_flows_approach_their_linearisation_like_one_over_alpha(kind, seed, loss):
    model, start = make_map(kind, seed)
    y = np.random.default_rng(seed).normal(size=len(model(start)))
    y /= np.linalg.norm(y)  # αh(w_0) is subtracted: its rounding must stay small against y
    times = np.array([0.3, 1.0]) / np.linalg.norm(model.jacobian(start), 2) ** 2
    gaps, linear = [], None
    for alpha in (1e3, 1e4, 1e5):
        options = {"alpha": alpha, "times": times, "linearised": linear}
        runs = flow_and_linearised_flow(Centred(model, start), LOSSES[loss](y), start, **options)
        linear = runs[1]  # h(w_0) = 0: it is that of every α
        assert {run.status for run in runs} == {Ending.TIME}
        gaps.append(np.linalg.norm(runs[0].displacements - runs[1].displacements, axis=1).max())
    assert np.allclose(np.diff(np.log10(gaps)), -1, atol=0.05)


def test_the_linearised_flow_of_a_linear_map_is_its_flow():
    model = Linearised(make_map("network", 1)[0], make_map("network", 1)[1])
    a, b = flow_and_linearised_flow(model, SquareLoss(np.ones(3)), model.start, alpha=2.0, times=[0.5, 1.0])
    assert np.allclose(a.displacements, b.displacements, rtol=1e-12)


def test_scaling_the_model_is_scaling_its_outputs():
    model, start = make_map("two layers", 5)
    y = np.array([0.3, -0.2, 0.1])
    run = model_flow(model, SquareLoss(y), start, alpha=7.0, t_end=0.5)
    w = start + run.displacements / 7.0
    assert np.allclose(run.outputs, [7.0 * model(point) for point in w], rtol=1e-12)
    assert np.allclose(run.losses, ((run.outputs - y) ** 2).sum(axis=1) / 2, rtol=1e-12)


def quotient(model, first, second):
    return np.linalg.norm(model.jacobian(second) - model.jacobian(first), 2) / np.linalg.norm(second - first)


def test_the_lipschitz_constant_of_one_unit_is_nearly_attained_by_its_cross_terms_and_by_the_move_of_its_output_weight():
    """a sin(wx) at w = a = 0, where D²h is [[0, x], [x, 0]], and at wx = π/2, where the radius is the largest |a|."""
    model = TwoLayerModel(np.array([[2.0]]), "sin")
    found, bound = quotient(model, np.zeros(2), np.array([1e-4, 0.0])), model.jacobian_lipschitz(np.zeros(2), 1e-4)
    assert 0.99 * bound < found <= bound
    model, start, radius = TwoLayerModel(np.array([[1.0]]), "sin"), np.array([np.pi / 2, 0.0]), 20.0
    ends = [start + np.array([side * 1e-4, radius - 1e-6]) for side in (-1, 1)]
    found, bound = quotient(model, *ends), model.jacobian_lipschitz(start, radius)
    assert 0.99 * bound < found <= bound
