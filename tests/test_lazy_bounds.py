"""Constants of lazy training, and what raw weights amount to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import Parameters, forward, init_parameters, layer_grams
from kernels.activations import activate
from kernels.models import NetworkModel
from tests.flows import flat, make_network
from theory import limit_grams, linearized_flow
from theory.eigenvalue_bounds import SLOPE_BOUNDS
from theory.lazy_bounds import (
    CURVATURE_BOUNDS,
    condition_threshold,
    decay_rate,
    drift_bound,
    drift_constant,
    feature_constant,
    kernel_change_bound,
    rated_drift_constant,
    uncentred_drift_square,
)
from theory.parametrization import layer_rates, output_scale, standard_betas
from theory.rates import drift_exponent, prediction_exponent

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("activation", CURVATURE_BOUNDS)
def test_bounds_on_derivatives_are_suprema(activation):
    u = np.linspace(-6, 6, 240_001)
    slope = activate(activation, u.copy())
    curvature = np.abs(np.diff(slope) / np.diff(u)).max() if slope.shape else 0.0
    assert CURVATURE_BOUNDS[activation] * (1 - 1e-6) <= curvature + 1e-12 <= CURVATURE_BOUNDS[activation] + 1e-4
    assert np.abs(slope).max() <= SLOPE_BOUNDS[activation]


@given(seed=seeds, n=st.integers(1, 6), d=st.integers(2, 6))
def test_drift_constants_are_those_of_linear_models(seed, n, d):
    """The linearised flow with kernel (κ²/m)Σ_l r_lK^l ends where the constants say, in both metrics."""
    rng = np.random.default_rng(seed)
    blocks, y = [rng.normal(size=(n, n + 2)) for _ in range(3)], rng.normal(size=n)
    rates, layers = rng.uniform(0.1, 10, size=3), np.array([J @ J.T for J in blocks])
    K = np.tensordot(rates, layers, axes=1)
    K = (K + K.T) / 2
    plain, metric = rated_drift_constant(layers, rates, y)
    late = np.array([60 * n / np.linalg.eigvalsh(K)[0]])
    assert np.isclose(linearized_flow(K, y, late).drift[0], metric, rtol=1e-6)
    moved = [r * J.T @ np.linalg.solve(K, y) for r, J in zip(rates, blocks, strict=True)]
    assert np.isclose(np.linalg.norm(np.concatenate(moved)), plain)
    equal = rated_drift_constant(layers, np.ones(3), y)
    assert np.allclose(equal, drift_constant(layers.sum(axis=0), y))


@given(seed=seeds, kappa=st.floats(0.1, 100), m=st.integers(1, 1000))
def test_mean_square_drift_from_gaussian_outputs(seed, kappa, m):
    """E (y − f_0)ᵀK⁻¹(y − f_0)/κ² over f_0 ~ N(0, (κ²/m)Σ), the mean over ± the columns of a square root of Σ."""
    rng = np.random.default_rng(seed)
    layers, y, n = np.array([J @ J.T for J in rng.normal(size=(2, 3, 5))]), rng.normal(size=3), 3
    inverse, root = np.linalg.inv(layers.sum(axis=0)), np.linalg.cholesky(layers[-1])
    points = [y - sign * kappa / np.sqrt(m) * np.sqrt(n) * column for column in root.T for sign in (1, -1)]
    mean = np.mean([e @ inverse @ e for e in points]) / kappa**2
    assert np.isclose(uncentred_drift_square(layers, y, kappa, m), mean)


@given(seed=seeds, activation=st.sampled_from(sorted(CURVATURE_BOUNDS)), size=st.floats(-3, 1), d=st.integers(2, 6))
def test_gradients_change_no_faster_than_the_feature_constant(seed, activation, size, d):
    """For any change of the weights, not only along a flow; and the kernel follows."""
    network = make_network(seed, n=3, d=d, m=8, L=1, kappa=2.0, activation=activation)
    rng, c = np.random.default_rng(seed), feature_constant(activation, network.params.output)
    model, w = NetworkModel(network.X, activation, 2.0, 8, 1), flat(network.params.arrays)
    delta = 10.0**size * rng.normal(size=w.shape)
    J_0, J = model.jacobian(w), model.jacobian(w + delta)
    assert (np.linalg.norm(J - J_0, axis=1) <= 2.0 / 8 * c * np.linalg.norm(delta) * (1 + 1e-9)).all()
    change = 8 / 4 * np.linalg.norm(J @ J.T - J_0 @ J_0.T, 2)
    D, norm = np.linalg.norm(delta) / np.sqrt(8), np.sqrt(8) / 2 * np.linalg.norm(J_0, 2)
    assert change <= kernel_change_bound(3, c, norm, D) * (1 + 1e-9)


def test_the_threshold_keeps_half_of_the_eigenvalue():
    """At the threshold the drift bound moves √λ_min of the kernel from √(3/4) to no less than √(1/2), in units of κ√(λ/m)."""
    n, lam, loss, c, m = 5, 0.3, 0.7, 1.9, 100
    kappa = condition_threshold(n, lam, loss, c)
    moved = np.sqrt(n) * kappa / m * c * drift_bound(kappa, m, n, lam, loss)
    assert 0.998 <= (np.sqrt(0.75) - np.sqrt(0.5)) * kappa * np.sqrt(lam / m) / moved <= 1.002
    assert moved <= (np.sqrt(0.75) - np.sqrt(0.5)) * kappa * np.sqrt(lam / m)


@given(seed=seeds, L=st.integers(1, 3), logs=st.lists(st.floats(-1, 1), min_size=4, max_size=4))
def test_raw_weights_are_normalised_ones_with_their_kappa_and_rates(seed, L, logs):
    """Outputs agree, and raw gradient flow is the normalised one with rates r_l: β_l² G^l_raw = G^l, so G_raw = Σ_l r_lG^l."""
    d, m, betas = 3, 6, 10.0 ** np.array(logs[: L + 1])
    params, X = init_parameters(seed, d, m, hidden_layers=L), np.random.default_rng(seed).normal(size=(4, d))
    kappa, x = output_scale(betas, m), X.T
    for beta, W in zip(betas, params.weights, strict=False):
        x = np.maximum(beta * W @ x, 0)
    outputs = betas[-1] * params.output @ x
    assert np.allclose(forward(params, X, activation="relu", kappa=kappa), outputs, rtol=1e-9)
    raw = Parameters(tuple(b * W for b, W in zip(betas, params.weights, strict=False)), betas[-1] * params.output)
    scale = m ** ((L - 1) / 2 + 1)  # the normalised network of the raw weights at κ = 1 is the raw one over this
    grams = layer_grams(raw, X, activation="relu", kappa=scale)
    expected = layer_rates(betas)[:, None, None] * layer_grams(params, X, activation="relu", kappa=kappa)
    assert np.allclose(grams, expected, rtol=1e-9)


@given(d=st.integers(1, 100), m=st.integers(1, 10_000), L=st.integers(1, 4))
def test_kappa_of_the_schemes_in_use(d, m, L):
    kappa = lambda name, depth=L: output_scale(standard_betas(name, d, m, depth), m)  # noqa: E731
    assert np.isclose(kappa("he"), 2 ** ((L + 1) / 2) * np.sqrt(m / d))
    assert np.isclose(kappa("lecun"), np.sqrt(m / d))
    assert np.isclose(kappa("xavier", 1), 2 * m / np.sqrt((m + d) * (m + 1)))
    assert np.isclose(kappa("ntk"), np.sqrt(m))
    assert np.isclose(kappa("mean field", 1), 1.0)


def test_exponents():
    assert [drift_exponent(g, centred=True) for g in (0.25, 0.5, 0.0)] == [-0.25, -0.5, 0.0]
    assert drift_exponent(0.75, centred=False) == -0.5
    assert drift_exponent(-0.3, centred=True, hidden_layers=2) == pytest.approx(0.1)
    assert drift_exponent(-0.3, centred=True, bounded=True) == 0.3
    assert [prediction_exponent(g, kinked=k) for g, k in ((0.1, False), (0.1, True), (0.5, True))] == [-0.2, -0.1, -0.5]


def test_the_drift_bound_is_twice_the_sharp_constant_at_worst():
    """√(yᵀK⁻¹y) ≤ √(‖y‖²/λ) = √(2nR/λ) < 2√(nR/λ)."""
    X = np.random.default_rng(0).normal(size=(5, 4))
    K, y = limit_grams(X / np.linalg.norm(X, axis=1, keepdims=True), hidden_layers=1).ntk, np.ones(5)
    lam, loss = np.linalg.eigvalsh(K)[0], y @ y / 10
    assert drift_constant(K, y) <= np.sqrt(0.5) * drift_bound(1.0, 1, 5, lam, loss) * (1 + 1e-12)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: decay_rate(0.0, 1, 1, 1.0), "`kappa` must be a positive finite number, got 0.0"),
        (lambda: drift_bound(1.0, 1, 1, float("nan"), 1.0), "`lam` must be a positive finite number, got nan"),
        (lambda: feature_constant("relu", np.ones(1)), "`activation` 'relu' is unknown"),
        (lambda: standard_betas("glorot", 1, 1, 1), "`name` 'glorot' is unknown"),
        (lambda: standard_betas("mean field", 1, 1, 2), "`hidden_layers` must be 1 for mean field, got 2"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        call()
