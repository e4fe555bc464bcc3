"""Training of networks against literal versions: descent by finite differences, rates, centring, mini-batches."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels import Parameters, forward, gradient_descent, gradient_flow, init_parameters, layer_grams
from kernels.integrators import Ending
from kernels.training import mini_batches
from tests import examples
from tests.flows import SMOOTH, flat, make_network, networks, unit_rows
from theory import linearized_flow

small = networks(m=(2, 8), d=(2, 4), n=(1, 4), log_kappa=(-0.3, 1.0))


def loss_of(network, arrays, y):
    outputs = forward(Parameters(arrays[:-1], arrays[-1]), network.X, **network.arguments[1])
    return np.mean((outputs - y) ** 2) / 2


def numerical_gradient(network, y):
    """∇R by central differences, array by array."""
    gradients = []
    for l, array in enumerate(network.params.arrays):
        gradient = np.empty_like(array)
        for index in np.ndindex(array.shape):
            values = []
            for shift in (1e-5, -1e-5):
                arrays = [a.copy() for a in network.params.arrays]
                arrays[l][index] += shift
                values.append(loss_of(network, tuple(arrays), y))
            gradient[index] = (values[0] - values[1]) / 2e-5
        gradients.append(gradient)
    return gradients


@examples(20)
@given(network=small, centred=st.booleans(), seed=st.integers(0, 1000))
def test_one_step_of_descent_is_the_gradient_times_the_rates(network, centred, seed):
    arguments, options = network.arguments
    rates = np.random.default_rng(seed).uniform(0, 2, size=len(network.params.arrays))
    step = 0.1 / max(1.0, network.kappa) ** 2
    run = gradient_descent(*arguments, **options, step=step, steps=1, centred=centred, layer_rates=rates)
    y = network.y + forward(network.params, network.X, **options) if centred else network.y
    for new, old, gradient, rate in zip(
        run.params.arrays, network.params.arrays, numerical_gradient(network, y), rates, strict=True
    ):
        assert np.allclose(old - new, step * rate * gradient, rtol=1e-6, atol=1e-7 * step * network.kappa**2)
    assert run.losses[0] == pytest.approx(loss_of(network, network.params.arrays, y), rel=1e-12)
    assert run.losses[1] == pytest.approx(loss_of(network, run.params.arrays, y), rel=1e-12)
    assert np.allclose(
        run.layer_drift[1],
        [np.linalg.norm(a - b) for a, b in zip(run.params.arrays, network.params.arrays, strict=True)],
    )
    assert run.evaluations == 2 and np.array_equal(run.times, [0, step])


@examples(15)
@given(network=networks(m=(8, 32), log_kappa=(0.0, 1.5)), seed=st.integers(0, 1000))
def test_rates_are_a_change_of_the_metric(network, seed):
    """The kernel that the flow starts with is Σ_l r_l G^l, and for short times the flow is that of the kernel."""
    arguments, options = network.arguments
    rates = np.random.default_rng(seed).uniform(0, 2, size=network.params.hidden_layers + 1)
    K = np.tensordot(rates, layer_grams(network.params, network.X, **options), axes=1)
    fastest = np.linalg.eigvalsh(K)[-1] / len(network.X)
    times = np.array([1e-3, 2e-3]) / fastest / max(1.0, np.abs(network.y).max())
    run = gradient_flow(*arguments, **options, centred=True, layer_rates=rates, times=times, kernels=True)
    exact = linearized_flow((K + K.T) / 2, network.y, times)
    assert (np.linalg.norm(run.outputs - exact.outputs, axis=1) <= 0.05 * np.linalg.norm(exact.outputs, axis=1)).all()
    weighted = np.sqrt((run.layer_drift[:, rates > 0] ** 2 / rates[rates > 0]).sum(axis=1))
    assert np.allclose(weighted, exact.drift, rtol=0.05)
    first = gradient_flow(*arguments, **options, layer_rates=rates, t_end=times[0], kernels=True).kernels[0]
    assert np.allclose(first, K, rtol=1e-12)


@examples(15)
@given(network=networks(m=(8, 32)), rtol=st.sampled_from([1e-2, 1e-4]))
def test_centred_training_is_training_of_shifted_targets(network, rtol):
    (params, X, y), options = network.arguments
    f0 = forward(params, X, **options)
    one = gradient_flow(params, X, y, **options, centred=True, loss_ratio=1e-3, rtol=rtol, X_test=X)
    other = gradient_flow(params, X, y + f0, **options, loss_ratio=1e-3, rtol=rtol)
    # a step follows an error estimate that may be nearly rounding
    assert np.allclose(one.times, other.times, rtol=1e-7, atol=0)
    assert np.allclose(one.losses, other.losses, rtol=1e-9, atol=1e-9 * one.losses[0])
    assert np.allclose(one.outputs + f0, other.outputs, atol=1e-12 * (1 + np.abs(f0).max()))
    assert np.allclose(one.test_outputs, one.outputs, atol=1e-12 * (1 + np.abs(f0).max()))
    assert not one.outputs[0].any() and one.drift[0] == 0


@examples(10)
@given(network=networks(activations=("tanh", "sin", "softplus"), m=(8, 32), L=(1, 2), log_kappa=(0.0, 1.0)))
def test_a_layer_with_rate_zero_stays(network):
    arguments, options = network.arguments
    rates = [1.0] * network.params.hidden_layers + [0.0]
    run = gradient_flow(*arguments, **options, layer_rates=rates, t_end=network.horizon(20), max_evaluations=2000)
    assert np.array_equal(run.params.output, network.params.output) and not run.layer_drift[:, -1].any()
    run = gradient_descent(*arguments, **options, layer_rates=rates, step=1e-3, steps=3)
    assert np.array_equal(run.params.output, network.params.output)


@examples(6)
@given(network=networks(m=(8, 32), log_kappa=(0.0, 1.5)))
def test_descent_tends_to_the_flow_with_order_one(network):
    arguments, options = network.arguments
    fastest = network.spectrum[-1]
    t_end = min(network.horizon(30), 20 / fastest)
    flow = gradient_flow(*arguments, **options, t_end=t_end, rtol=1e-7, max_evaluations=100_000, kernels=True)
    largest = max(np.linalg.norm(kernel, 2) for kernel in flow.kernels) / len(network.X)
    assume(largest <= 4 * fastest)  # else the first of these steps do not resolve the flow
    counts = [int(32 * t_end * fastest) + 64 << k for k in range(3)]
    ends = [gradient_descent(*arguments, **options, step=t_end / k, steps=k, record_every=k) for k in counts]
    errors = [np.linalg.norm(flat(end.params.arrays) - flat(flow.params.arrays)) for end in ends]
    assume(errors[-1] > 1e-5 * flow.drift[-1])
    assert np.log2(errors[1] / errors[2]) == pytest.approx(1, abs=0.2)
    extrapolated = 2 * flat(ends[2].params.arrays) - flat(ends[1].params.arrays)
    assert np.linalg.norm(extrapolated - flat(flow.params.arrays)) < 0.2 * errors[2]


@given(n=st.integers(1, 20), size=st.integers(1, 20), seed=st.integers(0, 100))
def test_an_epoch_shows_every_sample_at_most_once(n, size, seed):
    assume(size <= n)
    batches = mini_batches(n, size, seed)
    for _ in range(3):
        epoch = np.concatenate([next(batches) for _ in range(n // size)])
        assert len(set(epoch.tolist())) == len(epoch) == n // size * size


@given(n=st.integers(10, 20), seed=st.integers(0, 2**32 - 1))
def test_every_epoch_has_an_order_of_its_own(n, seed):
    batches = mini_batches(n, 1, seed)
    orders = [tuple(int(next(batches)[0]) for _ in range(n)) for _ in range(4)]
    assert len(set(orders)) == 4 and all(sorted(order) == list(range(n)) for order in orders)


@given(seed=st.integers(0, 1000), size=st.integers(1, 5))
def test_a_mini_batch_step_is_a_step_on_its_samples(seed, size):
    network = make_network(seed, n=5, d=3, m=6, L=2, kappa=2.0, activation="tanh")
    (params, X, y), options = network.arguments
    run = gradient_descent(params, X, y, **options, step=0.1, steps=1, batch_size=size, seed=seed)
    chosen = next(mini_batches(5, size, seed)) if size < 5 else np.arange(5)
    alone = gradient_descent(params, X[chosen], y[chosen], **options, step=0.1, steps=1)
    assert all(np.allclose(a, b, rtol=1e-12) for a, b in zip(run.params.arrays, alone.params.arrays, strict=True))
    everything = gradient_descent(params, X, y, **options, step=0.1, steps=1)
    assert run.losses[0] == pytest.approx(everything.losses[0], rel=1e-12)  # recorded on all samples


def test_mini_batches_reduce_the_loss():
    network = make_network(0, n=16, d=4, m=64, L=1, kappa=8.0, activation="relu")
    arguments, options = network.arguments
    step = 1 / network.spectrum[-1]
    run = gradient_descent(*arguments, **options, step=0.2 * step, steps=400, batch_size=4, record_every=50)
    assert run.losses[-1] < 0.1 * run.losses[0] and len(run.times) == 9


def test_divergence_is_a_sentence_and_what_came_before_is_kept():
    network = make_network(0, n=4, d=3, m=32, L=1, kappa=6.0, activation="relu")
    arguments, options = network.arguments
    run = gradient_descent(*arguments, **options, step=1e3 / network.spectrum[-1], steps=500)
    assert run.status.startswith("diverged") and np.isfinite(run.losses).all()
    assert 2 <= len(run.losses) < 500 and run.losses[-1] > run.losses[0]


@pytest.mark.parametrize("batch_size", [None, 2])
def test_a_dead_network_is_named(batch_size):
    network = make_network(5, n=4, d=3, m=16, L=2, kappa=2.0, activation="relu")
    arguments, options = network.arguments
    run = gradient_descent(*arguments, **options, step=10 / network.spectrum[-1], steps=60, batch_size=batch_size)
    assert run.losses[-1] == pytest.approx(np.mean(network.y**2) / 2)  # the outputs are 0
    assert "the loss stopped changing after" in run.status and "exactly zero" in run.status
    since = int(run.status.split("after ")[1].split(":")[0])
    assert (run.losses[since:] == run.losses[-1]).all() and run.losses[since - 1] != run.losses[-1]


def test_a_loss_that_is_constant_to_the_last_digit_is_named():
    network = make_network(0, n=2, d=3, m=16, L=1, kappa=2.0, activation="tanh")
    arguments, options = network.arguments
    run = gradient_descent(*arguments, **options, step=1e-17, steps=20)
    assert run.status == "all steps taken; the loss stopped changing after 0, to the last digit"


@pytest.mark.parametrize("kernels", [False, True])
def test_a_flow_that_ends_before_its_first_time_keeps_the_shapes(kernels):
    network = make_network(0, n=4, d=3, m=8, L=2, kappa=1.0, activation="tanh")
    arguments, options = network.arguments
    run = gradient_flow(
        *arguments, **options, times=[1.0, 2.0], max_evaluations=1, X_test=network.X[:3], kernels=kernels
    )
    assert run.status == Ending.CAP and run.times.shape == run.losses.shape == run.drift.shape == (0,)
    assert run.outputs.shape == (0, 4) and run.layer_drift.shape == (0, 3) and run.test_outputs.shape == (0, 3)
    assert run.kernels.shape == (0, 4, 4) if kernels else run.kernels is None


def test_callbacks_see_every_step():
    network = make_network(0, n=4, d=3, m=8, L=1, kappa=1.0, activation="tanh")
    arguments, options = network.arguments
    seen = []
    run = gradient_flow(*arguments, **options, t_end=3.0, callback=lambda *args: seen.append(args))
    assert [args[0] for args in seen] == run.times.tolist() and [args[1] for args in seen] == run.losses.tolist()
    assert seen[-1][2] == run.evaluations
    seen.clear()
    run = gradient_descent(*arguments, **options, step=0.1, steps=5, callback=lambda *args: seen.append(args))
    assert [args[:2] for args in seen] == list(zip(run.times, run.losses, strict=True))
    assert [args[2] for args in seen] == [1, 2, 3, 4, 5, 6]


def test_records_are_taken_as_often_as_asked():
    network = make_network(0, n=4, d=3, m=8, L=1, kappa=1.0, activation="tanh")
    arguments, options = network.arguments
    run = gradient_descent(*arguments, **options, step=0.1, steps=10, record_every=4, X_test=network.X[:2])
    assert np.allclose(run.times, [0, 0.4, 0.8, 1.0])
    assert run.test_outputs.shape == (4, 2) and np.allclose(run.test_outputs, run.outputs[:, :2])
    assert run.status == "all steps taken" and run.evaluations == 11
    assert run.drift_bound == run.drift.max()


def test_the_flow_records_kernels_and_stops_where_it_is_told():
    network = make_network(0, n=3, d=3, m=16, L=2, kappa=4.0, activation="erf")
    arguments, options = network.arguments
    run = gradient_flow(*arguments, **options, loss_ratio=1e-2, t_end=1e9, kernels=True)
    assert run.status == Ending.TARGET and run.losses[-1] <= 1e-2 * run.losses[0] < run.losses[-2]
    for kernel, params in ((run.kernels[0], network.params), (run.kernels[-1], run.params)):
        assert np.allclose(kernel, layer_grams(params, network.X, **options).sum(axis=0), rtol=1e-12)
    assert run.kernels.shape == (len(run.times), 3, 3) and run.test_outputs is None


@pytest.mark.parametrize("activation", [*SMOOTH, "relu", "leaky_relu", "abs", "identity"])
def test_every_activation_can_be_trained(activation):
    X, y = unit_rows(np.random.default_rng(0), 3, 4), np.array([0.5, -1.0, 0.2])
    params = init_parameters(1, 4, 64, hidden_layers=2)
    run = gradient_flow(params, X, y, activation=activation, kappa=32.0, centred=True, loss_ratio=1e-4)
    assert run.status == Ending.TARGET


@pytest.mark.parametrize(("d", "tests"), [(12, 0), (12, 3), (4, 3)])
@pytest.mark.parametrize("L", [1, 2])
def test_more_dimensions_than_inputs_change_nothing(d, tests, L):
    """W¹ moves in their span, where the flow follows it: the weights at the end are those that the outputs belong to."""
    network = make_network(5, n=3, d=d, m=16, L=L, kappa=2.0, activation="tanh")
    (params, X, y), options = network.arguments
    X_test = unit_rows(np.random.default_rng(6), tests, d) if tests else None
    run = gradient_flow(params, X, y, **options, loss_ratio=1e-4, rtol=1e-8, X_test=X_test)
    moved = [W - W_0 for W, W_0 in zip(run.params.arrays, params.arrays, strict=True)]
    assert np.allclose(forward(run.params, X, **options), run.outputs[-1], rtol=1e-9)
    assert tests == 0 or np.allclose(forward(run.params, X_test, **options), run.test_outputs[-1], rtol=1e-9)
    assert np.allclose([np.linalg.norm(change) for change in moved], run.layer_drift[-1], rtol=1e-9)
    # the same network seen in more dimensions
    turned, _ = np.linalg.qr(np.random.default_rng(7).normal(size=(d + 9, d)))
    lifted = Parameters((params.weights[0] @ turned.T, *params.weights[1:]), params.output)
    other = gradient_flow(lifted, X @ turned.T, y, **options, loss_ratio=1e-4, rtol=1e-8)
    assert np.allclose(other.params.weights[0], run.params.weights[0] @ turned.T, rtol=1e-7, atol=1e-9)


def test_matrix_products_in_blocks_of_rows_are_those_of_the_whole(monkeypatch):
    network = make_network(2, n=4, d=3, m=20, L=3, kappa=3.0, activation="gelu")
    arguments, options = network.arguments
    whole = gradient_flow(*arguments, **options, loss_ratio=1e-3)
    monkeypatch.setattr("kernels.network_problem.CACHED", 7)
    monkeypatch.setattr("kernels.network_problem.ROWS", 7)
    monkeypatch.setattr("kernels.updated_matrix.BLOCK", 5)
    blocks = gradient_flow(*arguments, **options, loss_ratio=1e-3)
    assert np.allclose(flat(whole.params.arrays), flat(blocks.params.arrays), rtol=1e-9)
    assert np.allclose(whole.layer_drift, blocks.layer_drift, rtol=1e-9)


def test_the_drift_bound_of_descent_is_the_largest_of_all_recorded_ones():
    """With 1.9 of the step 1/λ_max the weights overshoot and come back, so that the last drift is not the largest."""
    network = make_network(0, n=1, d=3, m=64, L=1, kappa=64.0, activation="tanh")
    arguments, options = network.arguments
    run = gradient_descent(*arguments, **options, step=1.9 / network.spectrum[-1], steps=2)
    assert run.drift_bound == run.drift.max() == run.drift[1] > 2 * run.drift[2]
