"""Constants of lazy training, and what raw weights amount to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import gradient_descent, gradient_flow, layer_grams
from kernels.activations import activate
from kernels.models import NetworkModel
from tests import examples
from tests.flows import flat, make_network
from theory import limit_grams, linearized_flow
from theory.eigenvalue_bounds import SLOPE_BOUNDS
from theory.lazy_bounds import (
    CURVATURE_BOUNDS,
    condition_threshold,
    decay_rate,
    descent_factor,
    drift_bound,
    drift_constant,
    feature_constant,
    kernel_change_bound,
    largest_step,
    layer_drift_bound,
    layer_drift_constants,
    linearization_bound,
    rated_drift_constant,
    rated_kernel,
    uncentred_drift_square,
)
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
    assert np.allclose(layer_drift_constants(layers, rates, y), [np.linalg.norm(part) for part in moved])
    equal = rated_drift_constant(layers, np.ones(3), y)
    assert np.allclose(equal, drift_constant(layers.sum(axis=0), y))
    assert np.isclose(drift_constant(rated_kernel(layers, rates), y), metric)


def test_the_bound_of_a_layer_written_out():
    """And it is that of rates and λ of another unit of time."""
    assert layer_drift_bound(2.0, 16, 2, 0.5, 4.0, 3.0, 1.5, 0.25, 9.0) == pytest.approx(
        3 * (1.5 + 0.25 * 3 * 2 * 4 / 2) * 2 * 4 / 0.5 * 4 / 2
    )
    faster = layer_drift_bound(2.0, 16, 2, 5.0, 4.0, 30.0, 1.5, 0.25, 90.0)
    assert faster == pytest.approx(layer_drift_bound(2.0, 16, 2, 0.5, 4.0, 3.0, 1.5, 0.25, 9.0))


def test_where_rates_differ_the_distance_may_pass_its_end():
    """Two layers with kernels that pull apart: in the metric of the rates the drift grows, ‖θ_t − θ_0‖ turns back."""
    blocks, rates, y = [np.array([[1.5], [-2.0]]), np.diag([0.3, 0.03])], np.array([1.0, 30]), np.array([0.235, -0.304])
    layers = np.array([J @ J.T for J in blocks])
    K, times = rated_kernel(layers, rates), np.geomspace(1e-2, 1e6, 300)
    flow = linearized_flow(K, y, times, weight=1.0)
    pulls = np.linalg.solve(K, flow.outputs.T)  # (I − e^{−Kt})K⁻¹y = K⁻¹f_t
    moved = np.linalg.norm(np.concatenate([r * J.T @ pulls for r, J in zip(rates, blocks, strict=True)]), axis=0)
    plain, metric = rated_drift_constant(layers, rates, y)
    assert np.isclose(moved[-1], plain) and np.isclose(flow.drift[-1], metric)
    assert moved.max() > 1.1 * plain and (np.diff(flow.drift) >= -1e-12).all()


@given(seed=seeds, kappa=st.floats(0.1, 100), m=st.integers(1, 1000), logs=st.tuples(*[st.floats(-1, 1)] * 2))
def test_mean_square_drift_from_gaussian_outputs(seed, kappa, m, logs):
    """E ‖SJᵀ(JSJᵀ)⁻¹(y − f_0)‖²/κ² over f_0 ~ N(0, (κ²/m)Σ), the mean over ± the columns of a square root of Σ."""
    rng, rates = np.random.default_rng(seed), 10.0 ** np.array(logs)
    blocks, y, n = rng.normal(size=(2, 3, 5)), rng.normal(size=3), 3
    layers = np.array([J @ J.T for J in blocks])
    root = np.linalg.cholesky(layers[-1])
    for r, options in ((np.ones(2), {}), (rates, {"layer_rates": rates})):
        J, S = np.hstack(list(blocks)), np.repeat(r, 5)
        end = (S * J).T @ np.linalg.inv(J * S @ J.T)
        points = [y - sign * kappa / np.sqrt(m) * np.sqrt(n) * column for column in root.T for sign in (1, -1)]
        mean = np.mean([np.sum((end @ e) ** 2) for e in points]) / kappa**2
        assert np.isclose(uncentred_drift_square(layers, y, kappa, m, **options), mean)


@given(
    seed=seeds,
    activation=st.sampled_from(sorted(CURVATURE_BOUNDS)),
    size=st.floats(-3, 1),
    d=st.integers(2, 6),
    logs=st.just((0.0, 0.0)) | st.tuples(*[st.floats(-2, 2)] * 2),
)
def test_gradients_change_no_faster_than_the_feature_constant(seed, activation, size, d, logs):
    """For any change v = S^{−½}(θ − θ_0) of the weights, not only along a flow; and the kernel JSJᵀ follows."""
    network, rates = make_network(seed, n=3, d=d, m=8, L=1, kappa=2.0, activation=activation), 10.0 ** np.array(logs)
    rng, c = np.random.default_rng(seed), feature_constant(activation, network.params.output, layer_rates=rates)
    model, w = NetworkModel(network.X, activation, 2.0, 8, 1), flat(network.params.arrays)
    delta, roots = 10.0**size * rng.normal(size=w.shape), np.sqrt(np.repeat(rates, [8 * d, 8]))
    J_0, J = model.jacobian(w) * roots, model.jacobian(w + roots * delta) * roots
    assert (np.linalg.norm(J - J_0, axis=1) <= 2.0 / 8 * c * np.linalg.norm(delta) * (1 + 1e-9)).all()
    change = 8 / 4 * np.linalg.norm(J @ J.T - J_0 @ J_0.T, 2)
    D, norm = np.linalg.norm(delta) / np.sqrt(8), np.sqrt(8) / 2 * np.linalg.norm(J_0, 2)
    top = np.linalg.eigvalsh(network.X @ network.X.T)[-1]
    assert np.linalg.norm(J - J_0, 2) <= np.sqrt(top) * 2.0 / 8 * c * np.linalg.norm(delta) * (1 + 1e-9)
    assert change <= kernel_change_bound(3, c, norm, D, largest=top) * (1 + 1e-9)


def test_the_threshold_keeps_half_of_the_eigenvalue():
    """At the threshold the residual is used up where √λ_min, in units of κ√(λ/m), has come from √(3/4) to √(1/2)."""
    n, lam, loss, c, m, top = 5, 0.3, 0.7, 1.9, 100, 2.5
    kappa = condition_threshold(n, lam, loss, c, largest=top)
    length = (np.sqrt(0.75) - np.sqrt(0.5)) * np.sqrt(lam * m / top) / c
    speed = lambda l: np.sqrt(0.75) * kappa * np.sqrt(lam / m) - np.sqrt(top) * kappa * c * l / m  # noqa: E731
    assert speed(length) == pytest.approx(np.sqrt(0.5) * kappa * np.sqrt(lam / m))
    assert (speed(0) + speed(length)) / 2 * length == pytest.approx(np.sqrt(2 * n * loss))
    assert condition_threshold(n, lam, loss, c) == pytest.approx(np.sqrt(n / top) * kappa)
    with pytest.raises(ValueError, match="`largest` must be at most `n`"):
        condition_threshold(n, lam, loss, c, largest=6.0)


@given(
    log=st.floats(-2, 2),
    other=st.floats(-2, 2),
    a=st.floats(0, 10),
    activation=st.sampled_from(sorted(CURVATURE_BOUNDS)),
)
def test_feature_constant_of_rates_is_that_of_a_rescaled_network(log, other, a, activation):
    """w = √r_1 ω, a = √r_2 α: a network with κ√r_2 and σ(√r_1 ·), hence √r_1B and r_1B_2, that trains at rate 1 from a/√r_2."""
    r_1, r_2 = 10.0**log, 10.0**other
    B, B_2 = np.sqrt(r_1) * SLOPE_BOUNDS[activation], r_1 * CURVATURE_BOUNDS[activation]
    expected = np.sqrt(r_2) * np.sqrt(max(2 * B**2, B**2 + 2 * B_2**2 * a**2 / r_2))
    assert feature_constant(activation, [a, -a / 2], layer_rates=[r_1, r_2]) == pytest.approx(expected)


def test_feature_constant_of_tanh_and_of_a_layer_alone():
    assert feature_constant("tanh", [1.0, -3.0]) == pytest.approx(np.sqrt(1 + 2 * 16 / 27 * 9))
    assert feature_constant("tanh", [9.0], layer_rates=[0.0, 7.0]) == 0  # a alone: a linear model
    assert feature_constant("tanh", [0.5], layer_rates=[4.0, 4.0]) == pytest.approx(4 * np.sqrt(2))


@given(
    kappa=st.floats(0.1, 100), m=st.integers(1, 1000), lam=st.floats(0.01, 10), e=st.floats(0.1, 10), t=st.floats(0, 3)
)
def test_one_sample_at_the_least_kernel_allowed_attains_the_bounds(kappa, m, lam, e, t):
    """n = 1, G = κ²λ/(2m), which is what the condition leaves: loss, drift, descent as bounded."""
    G, loss = kappa**2 * lam / (2 * m), e**2 / 2
    flow = linearized_flow([[G]], [e], [t / G, np.inf])
    assert np.isclose(flow.losses[0], loss * np.exp(-decay_rate(kappa, m, 1, lam) * t / G))
    assert np.isclose(flow.drift[1], drift_bound(kappa, m, 1, lam, loss))
    step = largest_step(kappa, m, 1, lam / 2)
    assert np.isclose(1 - step * G, 0.5) and np.isclose(descent_factor(step, kappa, m, 1, lam, largest=lam), 0.5)
    change = 1e-6 * G  # ε = e^{−(G + Δ)t} − e^{−Gt} is largest, Δ/(eG), at t = 1/G
    gap = e * (np.exp(-1) - np.exp(-1 - 1e-6))
    assert np.isclose(gap, linearization_bound(1, lam, loss, m / kappa**2 * change), rtol=1e-5)


@given(r=st.floats(0.01, 100), e=st.floats(0.1, 10))
def test_drift_bound_of_rates_is_attained_too(r, e):
    """One weight with rate r and the least kernel allowed, r J² = λ/2: it moves e/|J|, in the metric e/(|J|√r)."""
    lam, J = 2 * r * 0.49, 0.7
    assert np.isclose(drift_bound(1.0, 1, 1, lam, e**2 / 2, layer_rates=[r]), e / J)
    assert np.isclose(drift_bound(1.0, 1, 1, lam, e**2 / 2), e / J / np.sqrt(r))


def test_kernel_change_of_a_gradient_that_grows_along_itself():
    """n = 1, m = κ = 1, J from 3 to 3 + cD: J² changes by 2·3cD + (cD)²."""
    assert kernel_change_bound(1, 0.5, 3.0, 4.0) == pytest.approx(25 - 9)
    assert kernel_change_bound(4, 0.5, 3.0, 4.0) == pytest.approx(2 * 3 * 4 + 16)  # four equal samples, j as it is


@examples(5)
@given(
    seed=seeds,
    activation=st.sampled_from(("tanh", "erf", "relu")),
    logs=st.lists(st.floats(-1, 2), min_size=3, max_size=3),
)
def test_constants_of_rates_hold_along_a_flow_and_a_descent(seed, activation, logs):
    """κ = 10⁴, the network's own layers: loss, drift in both metrics, and the step, which four times as large diverges."""
    network, rates = make_network(seed, n=4, d=6, m=64, L=2, kappa=1e4, activation=activation), 10.0 ** np.array(logs)
    arguments, options = network.arguments
    layers = 64 / 1e8 * layer_grams(*arguments[:2], **options)
    K, y = rated_kernel(layers, rates), network.y
    values, loss = np.linalg.eigvalsh(K), y @ y / 8
    run = gradient_flow(*arguments, **options, layer_rates=rates, centred=True, loss_ratio=1e-8)
    moved, constants = np.linalg.norm(run.layer_drift / np.sqrt(rates), axis=1), rated_drift_constant(layers, rates, y)
    assert 1e4 / 8 * moved[-1] == pytest.approx(constants[1], rel=0.02)
    assert 1e4 / 8 * run.drift[-1] == pytest.approx(constants[0], rel=0.02)
    assert moved.max() <= drift_bound(1e4, 64, 4, values[0], loss)
    assert run.drift.max() <= drift_bound(1e4, 64, 4, values[0], loss, layer_rates=rates)
    assert (run.losses <= loss * np.exp(-decay_rate(1e4, 64, 4, values[0]) * run.times) * (1 + 1e-9)).all()
    step = largest_step(1e4, 64, 4, values[-1])
    q = descent_factor(step, 1e4, 64, 4, values[0], largest=values[-1])
    options |= {"layer_rates": rates, "centred": True, "steps": 60}
    losses = gradient_descent(*arguments, **options, step=step).losses
    assert (losses <= losses[0] * q ** (2 * np.arange(61)) * (1 + 1e-9)).all()
    assert gradient_descent(*arguments, **options, step=5 * step).losses.max() > 10 * losses[0]


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


ONES, KERNEL = np.ones(2), np.array([[2.0, 1.0], [1.0, 2.0]])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: decay_rate(0.0, 1, 1, 1.0), "`kappa` must be a positive finite number, got 0.0"),
        (lambda: drift_bound(1.0, 1, 1, float("nan"), 1.0), "`lam` must be a positive finite number, got nan"),
        (lambda: feature_constant("relu", ONES), "`activation` must be smooth, one of tanh.*'relu': at its kink .* gelu or"),
        (lambda: feature_constant("rleu", ONES), "`activation` 'rleu' is unknown: did you mean .*'relu'"),
        (lambda: feature_constant("tanh", [np.nan, 1]), r"`output` must be finite, got nan at \(0,\)"),
        (lambda: feature_constant("tanh", [1e200], layer_rates=[1e200, 1]), "must give a feature_constant within float64"),
        (lambda: feature_constant("tanh", ONES, layer_rates=ONES[:1]), r"`layer_rates` must have shape \(2,\), got \(1,\)"),
        (lambda: drift_constant(np.diag([1.0, -1]), ONES), "`K` must be positive semidefinite, got the eigenvalue -1 beyond"),
        (lambda: drift_constant(np.ones((2, 2)), ONES), "`K` must be positive definite, got the least eigenvalue"),
        (lambda: drift_constant([[2.0, 1], [0, 2]], ONES), r"`K` must be symmetric, got 1.0 at \(0, 1\)"),
        (lambda: drift_constant(np.full((2, 2), np.nan), ONES), r"`K` must be finite, got nan at \(0, 0\)"),
        (lambda: drift_constant(np.eye(3), ONES), r"`K` must have shape \(2, 2\), got \(3, 3\)"),
        (lambda: drift_constant(1e-300 * np.eye(2), 1e300 * ONES), "`y` 1e.300, .* must give a drift_constant within float64"),
        (lambda: uncentred_drift_square([KERNEL, -KERNEL / 2], ONES, 1.0, 1), r"`layers\[1\]` must be positive semidefinite"),
        (lambda: uncentred_drift_square([KERNEL], ONES, 1.0, 0.5), "`m` must be a whole number of at least 1, got 0.5"),
        (lambda: rated_drift_constant([KERNEL], [1.0, 2], ONES), r"`layer_rates` must have shape \(1,\), got \(2,\)"),
        (lambda: rated_drift_constant([KERNEL, KERNEL], [1.0, -2], ONES), "`layer_rates` must not be negative"),
        (lambda: rated_drift_constant([np.ones((2, 2))], [1.0], ONES), "`layers` summed with `layer_rates` must be positive"),
        (lambda: rated_kernel([KERNEL], [1e308]), r"`layer_rates` must leave Σ_l r_lK\^l within float64, got \[1e\+308\]"),
        (lambda: descent_factor(2.0, 1.0, 1, 1, 1e6), "`step` must be at most 2e-06, beyond which .* got 2"),
        (lambda: descent_factor(0.2, 1.0, 1, 1, 1.0, largest=6.0), "`step` must be at most 0.1667, beyond which"),
        (lambda: descent_factor(0.2, 1.0, 1, 1, 1.0, largest=0.5), "`lam` must be at most `largest` = 0.5, got 1"),
        (lambda: kernel_change_bound(1, 1.0, 1.0, -0.5), "`D` must be a finite number of at least 0, got -0.5"),
        (lambda: drift_exponent(np.nan, centred=True), "`gamma` must be a finite number, got nan"),
        (lambda: drift_exponent(0.5, centred="no"), "`centred` must be True or False, got 'no'"),
        (lambda: prediction_exponent(-0.3, kinked=False), "`gamma` must be a finite number of at least 0, got -0.3"),
    ],
)  # fmt: skip
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_constants_of_kernels_at_the_ends_of_float64(scale):
    """c√(yᵀK⁻¹y) for c√K: nothing overflows on the way, nor in a K that is all but too large."""
    assert np.array_equal(rated_kernel([1.7e308 * np.eye(2)], [1.0]), 1.7e308 * np.eye(2))
    for root in (1.0, np.sqrt(scale)):
        assert drift_constant(scale * KERNEL, root * ONES) == pytest.approx(np.sqrt(2 / 3) * root / np.sqrt(scale))
        plain, metric = rated_drift_constant([scale * KERNEL], [1e200], root * ONES)
        assert (plain, metric * 1e100) == pytest.approx([np.sqrt(2 / 3) * root / np.sqrt(scale)] * 2)
    assert drift_constant(KERNEL, 0 * ONES) == 0 and uncentred_drift_square(
        [KERNEL], 0 * ONES, 1.0, 4
    ) == pytest.approx(0.5)
