"""Networks that are never stored against the stored ones of the same seed, and the memory they take."""

import tracemalloc
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import StreamedParameters, forward, gradient_flow, init_parameters, layer_grams, network
from kernels.activations import ACTIVATIONS
from tests import examples

seeds, widths, depths = st.integers(0, 2**64), st.integers(1, 40), st.integers(1, 4)
dimensions, heights, activations = st.integers(1, 5), st.integers(1, 9), st.sampled_from(sorted(ACTIVATIONS))


def blocks_of(numbers, rows):
    """A block holds about so many numbers, and at least so many rows."""
    return patch.multiple(network, BLOCK=numbers, LEAST_ROWS=rows)


@examples(60)
@given(
    seed=seeds, d=dimensions, m=widths, L=depths, n=st.integers(1, 4), n2=st.integers(0, 3), activation=activations,
    kappa=st.floats(0.1, 100),
    numbers=st.sampled_from([1, 30, 100, 2**15]), rows=heights,
)  # fmt: skip
def test_a_streamed_network_is_the_stored_one(seed, d, m, L, n, n2, activation, kappa, numbers, rows):
    """A block that is left out, or taken twice, would change a matrix by a fortieth or so."""
    X, X2 = np.random.default_rng(seed).normal(size=(n, d)), np.random.default_rng(seed + 1).normal(size=(n2, d))
    stored, streamed = init_parameters(seed, d, m, hidden_layers=L), StreamedParameters(seed, d, m, L)
    options = {"activation": activation, "kappa": kappa}
    with blocks_of(numbers, rows):
        outputs, grams = forward(streamed, X, **options), layer_grams(streamed, X, **options)
        cross = layer_grams(streamed, X, X2, **options) if n2 else np.empty((L + 1, n, 0))
    assert np.array_equal(grams, grams.transpose(0, 2, 1))
    expected = forward(stored, X, **options), layer_grams(stored, X, **options)
    if n2:
        expected = (*expected, layer_grams(stored, X, X2, **options))
    for found, right in zip((outputs, grams, cross), expected, strict=False):
        assert np.allclose(found, right, rtol=1e-10, atol=1e-12 * kappa ** min(right.ndim, 2))  # κ or κ²


@given(seed=seeds, d=dimensions, m=widths, L=depths, n=heights, numbers=st.integers(1, 100), rows=heights)
def test_blocks_hold_the_bits_of_the_stored_weights(seed, d, m, L, n, numbers, rows):
    stored, streamed = init_parameters(seed, d, m, hidden_layers=L), StreamedParameters(seed, d, m, L)
    with blocks_of(numbers, rows):
        for l, W in enumerate(stored.weights):
            found = [(own, block.copy()) for own, block in streamed.blocks(l, n)]
            assert np.array_equal(np.concatenate([block for _, block in found]), W)
            assert all(np.array_equal(W[own], block) for own, block in found)
            assert np.array_equal(np.concatenate([streamed.output(own) for own, _ in found]), stored.output)


@pytest.mark.parametrize("n, m, L", [(4, 200_000, 1), (16, 400_000, 1), (64, 3000, 2), (64, 2000, 3)])
def test_memory_is_that_estimated_and_far_below_the_weights(n, m, L):
    """Without one of the arrays (m, n) the estimate would be too small for L ≥ 2."""
    d = 8
    X, params = np.random.default_rng(0).normal(size=(n, d)), StreamedParameters(0, d, m, L)
    run = lambda network: layer_grams(network, X, activation="relu", kappa=1.0)  # noqa: E731
    run(StreamedParameters(0, d, 2, L))  # compiled and imported
    tracemalloc.start()
    run(params)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.85 * params.memory(n) < peak < 1.05 * params.memory(n)
    assert peak < 0.35 * 8 * (m * (d + 1) + (L - 1) * m**2)
    assert L > 1 or params.memory(n) == StreamedParameters(0, d, 2**32, 1).memory(n)


@pytest.mark.parametrize("function", [layer_grams, forward])
def test_what_does_not_fit_into_memory_is_refused_before_a_weight_is_drawn(function):
    params = StreamedParameters(0, 2, 2**32, 2)
    with patch.object(network, "normal_matrix", side_effect=AssertionError):
        with pytest.raises(
            MemoryError, match=r"^`params` must fit into memory: 2 hidden layers of width 4294967296 and 100"
        ):
            function(params, np.ones((100, 2)), activation="relu", kappa=1.0)


@given(seed=seeds, d=dimensions, m=widths, L=depths, rows=heights)
def test_the_callback_counts_every_weight_that_is_drawn(seed, d, m, L, rows):
    calls = []
    with blocks_of(1, rows), patch.object(network, "normal_matrix", wraps=network.normal_matrix) as draw:
        layer_grams(
            StreamedParameters(seed, d, m, L), np.ones((2, d)), activation="relu", kappa=1.0,
            callback=lambda *call: calls.append(call),
        )  # fmt: skip
        drawn = [call.kwargs["out"].size for call in draw.call_args_list if "out" in call.kwargs]
    assert [count for count, _ in calls] == np.cumsum(drawn).tolist()
    assert {planned for _, planned in calls} == {calls[-1][0]}


@pytest.mark.parametrize("function, X", [(layer_grams, 1.0), (forward, 1e10)])
def test_a_scale_that_overflows_is_named(function, X):
    with pytest.raises(ValueError, match=r"^`kappa` must leave the result finite, got 1e\+308"):
        function(StreamedParameters(0, 2, 9, 2), X * np.ones((3, 2)), activation="relu", kappa=1e308)


def test_training_takes_stored_weights_only():
    with pytest.raises(ValueError, match=r"^`params` must be Parameters .*, got StreamedParameters"):
        gradient_flow(StreamedParameters(0, 2, 9, 2), np.eye(2), np.ones(2), activation="relu", kappa=1.0)
