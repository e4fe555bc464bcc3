"""training-direction: its bound along drawn directions, its constants against neurons followed one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss
from scipy.integrate import solve_ivp
from scipy.special import expit

from checks.jacot2018neural.training_direction import CLAIM
from checks.measurements.data import samples
from checks.measurements.directed_descents import DIRECTIONS, FAR, against, directed_changes
from checks.measurements.streams import data_seed, draw_seeds
from checks.measurements.trainings import network
from checks.verdict import Verdict
from kernels import init_parameters
from kernels.models import NetworkModel
from tests import examples
from tests.claims import part_of
from tests.flows import flat, make_network
from tests.lazy import data_sets, drawn, mostly_supported, seeds, smooth, verdict_of
from theory.directed_training import directed_change_bound, directed_change_moments, relu_directed_kernel

directions = st.sampled_from(DIRECTIONS)
FUNCTIONS = {
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "softplus": (lambda z: np.logaddexp(0, z), expit),
    "sin": (np.sin, np.cos),
}


def led(L, activation, data, pairs, direction, reach=1.0, steps=8, seen=4):
    return network(L, activation, data, pairs, direction=direction, reach=reach, steps=steps, seen=seen)


@pytest.mark.claim("jacot2018neural/training-direction")
@examples(20)
@given(
    data=data_sets(6), activation=smooth, way=directions, log_m=st.integers(0, 8), tau=st.floats(0.01, 1), seed=seeds
)
def test_the_kernel_changes_less_than_its_bound_along_every_direction(data, activation, way, log_m, tau, seed):
    """From one neuron on, and far beyond the lazy regime."""
    config = led(1, activation, data, [[2**log_m, 4.0]], way, reach=4 * tau)
    assert verdict_of(part_of(CLAIM, "a"), config, seed, control=None).verdict is Verdict.SUPPORTED


@pytest.mark.claim("jacot2018neural/training-direction")
@examples(5)
@given(seed=seeds, activation=smooth)
def test_after_a_closed_loop_the_kernel_is_elsewhere(seed, activation):
    config = led(1, activation, {"kind": "random", "n": 4, "d": 4}, [[64, 8.0]], "loop", steps=16)
    assert verdict_of(part_of(CLAIM, "a"), config, seed).verdict is Verdict.SUPPORTED


@pytest.mark.claim("jacot2018neural/training-direction")
@examples(40)
@given(size=st.floats(0.1, 10), path=st.floats(0, 3), kappa=st.floats(0.1, 10), c=st.floats(0, 3), m=st.integers(1, 99))
def test_the_bound_is_an_exponential_of_the_path_alone(size, path, kappa, c, m):
    expected = np.expm1(2 * np.sqrt(size) * c * kappa * path / m)
    assert directed_change_bound(kappa, m, c, path, largest=size) == pytest.approx(expected, rel=1e-9, abs=0)


def gram(model, w):
    J = model.jacobian(w)
    return J @ J.T


@pytest.mark.claim("jacot2018neural/training-direction")
@pytest.mark.parametrize("way", DIRECTIONS[:-1])
@examples(4)
@given(data=data_sets(4), L=st.integers(1, 2), kappa=st.floats(0.5, 8), reach=st.floats(0.1, 4), seed=seeds)
def test_a_path_is_descent_along_its_directions(way, data, L, kappa, reach, seed):
    """With a Jacobian that is formed, and directions written out anew."""
    case = drawn(led(L, "tanh", data, [[8, kappa]], way, reach, steps=6, seen=3), seed)
    X, y = samples(data, data_seed(case["stream"]))
    model = NetworkModel(X, "tanh", kappa, 8, L)
    theta = flat(init_parameters(draw_seeds(case["stream"], 0, 1)[0], X.shape[1], 8, hidden_layers=L).arrays)
    rng = np.random.default_rng([data_seed(case["stream"]), 2])
    first, second = np.linalg.qr(rng.normal(size=(len(y), 2)))[0].T
    signs, start, changes = rng.choice([-1.0, 1.0], size=(6, len(y))), gram(model, theta), []
    for k in range(6):
        f, around = model(theta), np.cos(np.pi * k / 3) * first + np.sin(np.pi * k / 3) * second
        logistic, moving = np.sign(y) / (1 + np.exp(np.sign(y) * f)), FAR * np.sqrt(len(y)) * around - f
        d = dict(fixed=first, signs=signs[k], loop=around, logistic=logistic, moving=moving)[way]
        theta = theta + reach * 8 / kappa**2 / 6 * model.jacobian(theta).T @ d / np.linalg.norm(d)
        changes.append(gram(model, theta) - start)
    found = directed_changes(**case, first=0, draws=1)
    expected = np.linalg.norm(changes[1::2], 2, axis=(1, 2)) / np.linalg.norm(start, 2)
    assert np.allclose(found["change"].ravel(), expected, rtol=1e-6)
    assert np.allclose(found["scaled"], 8 / kappa**2 * changes[-1][0, 0], rtol=1e-6)


@pytest.mark.claim("jacot2018neural/training-direction")
@examples(10)
@given(n=st.integers(2, 5), L=st.integers(1, 2), kappa=st.floats(0.5, 8), seed=seeds)
def test_against_is_the_direction_in_which_the_kernel_changes_fastest(n, L, kappa, seed):
    """Away from a start of 0.9 G; no random direction is faster, by central differences."""
    net = make_network(seed, n=n, d=3, m=8, L=L, kappa=kappa, activation="tanh")
    model, w, theta = NetworkModel(net.X, "tanh", kappa, 8, L), flat(net.params.arrays), net.params.arrays
    G, J, length = gram(model, w), model.jacobian(w), 1e-4 * 8 / kappa**2
    rate = lambda d: (gram(model, w + length * J.T @ d) - gram(model, w - length * J.T @ d)) / (2 * length)  # noqa: E731
    d = against(theta, net.X, 0.9 * G, length, {"activation": "tanh", "kappa": kappa})(None)
    fastest = np.linalg.norm(rate(d))
    assert np.linalg.norm(d) == pytest.approx(1) and np.sum(rate(d) * G) >= -1e-3 * fastest * np.linalg.norm(G)
    others = np.random.default_rng(seed).normal(size=(20, n))
    assert all(np.linalg.norm(rate(e / np.linalg.norm(e))) <= fastest * (1 + 1e-3) for e in others)


@pytest.mark.claim("jacot2018neural/training-direction")
@pytest.mark.parametrize("way", ["fixed", "logistic", "against"])
def test_no_direction_does_more_than_order_1_over_m(way):
    """Smooth σ; the controls are the order of the bound and κ = 1. Few examples, for cost."""

    def judge(data, activation, seed):
        config = led(1, activation, data, [[m, m**0.5] for m in (64, 512, 4096)], way)
        return verdict_of(part_of(CLAIM, "b"), config, seed, 16, control=None)

    random = st.integers(2, 4).map(lambda n: {"kind": "random", "n": n, "d": 4})
    assert mostly_supported(judge, 3, data=random, activation=st.sampled_from(("tanh", "erf", "sin")), seed=seeds)


def followed(sigma, slope, z, a, tau):
    """(m/κ²)G of neurons (z, a) led for the time τ, z' = aσ'(z), a' = σ(z), each."""
    field = lambda _, s: np.concatenate([s[len(z) :] * slope(s[: len(z)]), sigma(s[: len(z)])])  # noqa: E731
    z, a = np.split(solve_ivp(field, (0, tau), np.concatenate([z, a]), rtol=1e-10, atol=1e-12).y[:, -1], 2)
    return a**2 * slope(z) ** 2 + sigma(z) ** 2


@pytest.mark.claim("jacot2018neural/training-direction")
@pytest.mark.parametrize("activation", FUNCTIONS)
def test_mean_and_variance_are_those_of_neurons_on_a_grid(activation):
    """First and second differences in τ; a at nodes that are exact for its moments, z at many; nothing to draw."""
    (nodes, masses), grid, step = hermegauss(8), np.arange(-8, 8, 0.1), 5e-3
    z, a = (own.ravel() for own in np.meshgrid(grid, nodes))
    weights = np.outer(masses, 0.1 * np.exp(-(grid**2) / 2)).ravel() / (2 * np.pi)
    back, here, on = (followed(*FUNCTIONS[activation], z, a, tau) for tau in (-step, 1e-9, step))
    V, M = directed_change_moments(activation)
    assert weights @ ((on - back) / (2 * step)) ** 2 == pytest.approx(V, rel=2e-3)
    assert weights @ (on + back - 2 * here) / step**2 / 2 == pytest.approx(M, rel=2e-3)


@pytest.mark.claim("jacot2018neural/training-direction")
@examples(10)
@given(tau=st.floats(0.0, 2.0), seed=seeds)
def test_relu_neurons_have_the_mean_of_the_law(tau, seed):
    """20,000 neurons, each with a and −a, in steps that are wrong by less than 1 % of the change."""
    z, a = np.random.default_rng(seed).normal(size=(2, 20_000))
    z, a = np.concatenate([z, z]), np.concatenate([a, -a])
    for _ in range(400):
        z, a = z + tau / 400 * a * (z > 0), a + tau / 400 * np.maximum(z, 0)
    pairs = np.mean(np.split((a**2 + z**2) * (z > 0), 2), axis=0)
    law = relu_directed_kernel(tau)
    assert pairs.mean() == pytest.approx(law, abs=5 * pairs.std() / np.sqrt(20_000) + 0.01 * abs(law - 1))


@pytest.mark.claim("jacot2018neural/training-direction")
@examples(20)
@given(tau=st.floats(1e-6, 1e-3))
def test_relu_loses_neurons_in_first_order(tau):
    assert relu_directed_kernel(tau) == pytest.approx(1 - tau / np.pi + 2 * tau**2, abs=3 * tau**3 + 1e-15)


def test_what_the_laws_do_not_cover_is_refused():
    with pytest.raises(ValueError, match="`tau` must be at most 350, got 351"):
        relu_directed_kernel(351)
    with pytest.raises(ValueError, match="`activation` 'relu' is unknown"):
        directed_change_moments("relu")
