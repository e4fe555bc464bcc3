"""Convolutional networks without pooling: their limits, and the finite networks themselves."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.activations import ACTIVATIONS
from kernels.convolution import ConvolutionalNetwork
from tests import examples
from tests.flows import SMOOTH
from tests.limit_references import exact_gram, exact_relu_pair, hadamard, least_eigenvalue_of_two
from theory import limit_grams
from theory.convolution_limits import convolution_limit_grams
from theory.dual_activations import DUALS

seeds = st.integers(0, 2**32 - 1)
activations = st.sampled_from(sorted(DUALS))
depths = st.integers(1, 3)
taps = st.integers(1, 4)


def inputs(seed, n=3, P=4, c=2):
    X = np.random.default_rng(seed).normal(size=(n, P, c))
    return X * np.sqrt(P) / np.linalg.norm(X, axis=(1, 2), keepdims=True)


@given(seed=seeds, activation=activations, L=depths)
def test_one_position_is_the_plain_network(seed, activation, L):
    X = inputs(seed, P=1, c=3)
    grams = convolution_limit_grams(X, taps=1, hidden_layers=L, activation=activation).layers
    assert np.allclose(
        grams, limit_grams(X[:, 0], hidden_layers=L, activation=activation).layers, rtol=1e-11, atol=1e-12
    )


@given(seed=seeds, activation=activations, L=depths, q=taps)
def test_equal_positions_are_one_position(seed, activation, L, q):
    X = inputs(seed, P=1, c=3)
    grams = convolution_limit_grams(np.repeat(X, 4, axis=1), taps=q, hidden_layers=L, activation=activation).layers
    assert np.allclose(
        grams, limit_grams(X[:, 0], hidden_layers=L, activation=activation).layers, rtol=1e-11, atol=1e-12
    )


@given(seed=seeds, activation=activations, L=depths)
def test_taps_of_one_position_leave_a_mean_over_positions(seed, activation, L):
    """With q = 1 the positions are P plain networks that share W but not a."""
    X = inputs(seed, c=3)
    alone = [limit_grams(X[:, p], hidden_layers=L, activation=activation).layers for p in range(X.shape[1])]
    grams = convolution_limit_grams(X, taps=1, hidden_layers=L, activation=activation).layers
    assert np.allclose(grams, np.mean(alone, axis=0), rtol=1e-11, atol=1e-12)


@given(seed=seeds, activation=activations, L=depths, q=taps)
def test_limits_are_symmetric_and_positive_semidefinite(seed, activation, L, q):
    grams = convolution_limit_grams(inputs(seed), taps=q, hidden_layers=L, activation=activation).layers
    assert np.array_equal(grams, grams.transpose(0, 2, 1))
    assert (np.linalg.eigvalsh(grams)[:, 0] >= -1e-9 * np.linalg.norm(grams, 2, axis=(1, 2))).all()


@given(seed=seeds, activation=activations, L=depths, q=taps, shift=st.integers(0, 3))
def test_a_common_shift_changes_nothing_and_a_permutation_permutes(seed, activation, L, q, shift):
    X, order = inputs(seed), np.random.default_rng(seed).permutation(3)
    options = {"taps": q, "hidden_layers": L, "activation": activation}
    grams = convolution_limit_grams(X, **options).layers
    moved = convolution_limit_grams(np.roll(X, shift, axis=1)[order], **options).layers
    assert np.allclose(moved, grams[:, order][:, :, order], rtol=1e-11, atol=1e-12)


def exact_convolution(X, L, q):
    """Σ_l K^l of a relu network for two inputs (2, P, c), in 60 digits, by its definition."""
    P = X.shape[1]
    with mpmath.workdps(60):
        mean = lambda arrays, p, sign: sum((arrays[(p + sign * o) % P] for o in range(q)), mpmath.zeros(2)) / q  # noqa: E731
        sigma, covariances, dots = [exact_gram(X[:, p]) for p in range(P)], [], []
        for _ in range(L):
            covariances.append([mean(sigma, p, 1) for p in range(P)])
            pairs = [exact_relu_pair(C) for C in covariances[-1]]
            sigma = [value for value, _ in pairs]
            dots.append([dot for _, dot in pairs])
        K, gamma = sum(sigma, mpmath.zeros(2)) / P, [dot / P for dot in dots[-1]]
        for l in range(L - 1, -1, -1):
            K += sum((hadamard(gamma[p], covariances[l][p]) for p in range(P)), mpmath.zeros(2))
            gamma = [hadamard(dots[l - 1][p], mean(gamma, p, -1)) for p in range(P)]
        return least_eigenvalue_of_two(K)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@given(seed=seeds, L=depths, q=st.integers(1, 3))
def test_least_eigenvalue_of_close_inputs(sign, seed, L, q):
    x, step = np.random.default_rng(seed).normal(size=(2, 3, 2))
    X = np.stack([x, sign * (x + 1e-8 * step)])
    least = np.linalg.eigvalsh(convolution_limit_grams(X, taps=q, hidden_layers=L).ntk)[0]
    assert least == pytest.approx(exact_convolution(X, L, q), rel=1e-6)


@given(seed=seeds, activation=activations, L=depths, q=taps)
def test_cross_kernel_is_a_block_of_the_square_one(seed, activation, L, q):
    X, options = inputs(seed), {"taps": q, "hidden_layers": L, "activation": activation}
    X[1, 1:3] = 0.0  # for two taps a whole patch
    square, cross = convolution_limit_grams(X, **options), convolution_limit_grams(X[:2], X[1:], **options)
    assert np.abs(cross.layers - square.layers[:, :2, 1:]).max() <= 1e-13 * np.abs(square.layers).max()
    assert np.array_equal(square.nngp, square.layers[-1]) and np.allclose(square.ntk, square.layers.sum(axis=0))
    assert np.array_equal(convolution_limit_grams(X, X.copy(), **options).layers, square.layers)
    X[1, 1:3] = 1e-100
    near = convolution_limit_grams(X, **options).layers
    assert np.abs(near - square.layers).max() <= 1e-13 * np.abs(square.layers).max()


def drawn(seed, activation, L, q):
    return ConvolutionalNetwork(inputs(seed), activation, 1.7, 4, L, q)


@given(seed=seeds, activation=st.sampled_from(SMOOTH), L=depths, q=taps)
def test_jacobian_is_that_of_finite_differences(seed, activation, L, q):
    model = drawn(seed, activation, L, q)
    w, step = model.initial(seed), 1e-6
    differences = [(model(w + step * e) - model(w - step * e)) / (2 * step) for e in np.eye(len(w))]
    assert np.allclose(model.jacobian(w), np.transpose(differences), atol=1e-7)


@given(seed=seeds, activation=st.sampled_from(sorted(ACTIVATIONS)), L=depths, q=taps)
def test_block_grams_are_those_of_the_jacobian(seed, activation, L, q):
    model = drawn(seed, activation, L, q)
    w = model.initial(seed)
    edges = np.cumsum([rows * columns for rows, columns in model.shapes])
    blocks = np.split(model.jacobian(w), edges[:-1], axis=1)
    assert edges[-1] == len(w)
    assert np.allclose(model.block_grams(w), [J @ J.T for J in blocks], rtol=1e-10, atol=1e-14)


@given(seed=seeds, activation=st.sampled_from(sorted(ACTIVATIONS)), L=depths, q=taps, shift=st.integers(0, 3))
def test_shifted_inputs_and_shifted_output_weights_give_the_same_outputs(seed, activation, L, q, shift):
    model = drawn(seed, activation, L, q)
    w = model.initial(seed)
    *weights, output = model.split(w)
    turned = np.concatenate([block.ravel() for block in [*weights, np.roll(output, shift, axis=0)]])
    assert np.allclose(model.at(np.roll(model.X, shift, axis=1))(turned), model(w), rtol=1e-9, atol=1e-12)


def test_networks_compute_the_formula():
    """The sums of the docstring, written out with loops."""
    model = drawn(5, "tanh", 2, 3)
    W1, W2, a = model.split(w := model.initial(5))
    n, P, c, m, q = 3, 4, 2, 4, 3
    x, out = model.X, np.zeros(n)
    for i in range(n):
        first = [
            np.tanh(sum(W1[:, o * c : (o + 1) * c] @ x[i, (p + o) % P] for o in range(q)) / np.sqrt(q))
            for p in range(P)
        ]
        for p in range(P):
            z = sum(W2[:, o * m : (o + 1) * m] @ first[(p + o) % P] for o in range(q)) / np.sqrt(q * m)
            out[i] += 1.7 / (m * np.sqrt(P)) * (a[p] @ np.tanh(z))
    assert np.allclose(model(w), out, rtol=1e-12)


@examples(6)
@given(seed=seeds, activation=activations, q=taps)
def test_wide_networks_have_the_limits(seed, activation, q):
    X, m, draws = inputs(seed), 128, 40
    model = ConvolutionalNetwork(X, activation, 3.0, m, 3, q)
    grams = np.array([model.block_grams(model.initial(seed + s)) for s in range(draws)]) * (m / 9)
    limits = convolution_limit_grams(X, taps=q, hidden_layers=3, activation=activation).layers
    error = np.linalg.norm(grams.mean(axis=0) - limits, axis=(1, 2))
    spread = np.sqrt(grams.var(axis=0, ddof=1).sum(axis=(1, 2)) / draws)
    assert (error <= 4 * spread + 0.02 * np.linalg.norm(limits, axis=(1, 2))).all()


X = np.ones((2, 4, 2))
BAD_LIMITS = {
    "axes": ({"X": np.ones((2, 3))}, r"`X` must have shape \(n, P, c\), got \(2, 3\)"),
    "taps": ({"taps": 5}, "`taps` must be at most the number of positions, 4, got 5"),
    "no taps": ({"taps": 0}, "`taps` must be a whole number of at least 1, got 0"),
    "depth": ({"hidden_layers": 0}, "`hidden_layers` must be a whole number of at least 1, got 0"),
    "activation": ({"activation": "rleu"}, "did you mean 'relu'"),
    "positions": (
        {"X2": np.ones((2, 3, 2))},
        r"`X2` must have the positions and channels of `X`, \(4, 2\), got \(3, 2\)",
    ),
    "norm": ({"X": 1e9 * X, "activation": "tanh"}, r"1e-150 and 1e\+08 for tanh.*row \(0, 0\) has norm"),
}
BAD_MODELS = {
    "axes": ({"X": np.ones((2, 3))}, r"`X` must have shape \(n, P, c\), got \(2, 3\)"),
    "taps": ({"taps": 5}, "`taps` must be at most the number of positions, 4, got 5"),
    "kappa": ({"kappa": -1.0}, "`kappa` must be a positive finite number, got -1.0"),
    "depth": ({"hidden_layers": 0}, "`hidden_layers` must be a whole number of at least 1, got 0"),
}


@pytest.mark.parametrize("case", BAD_LIMITS)
def test_limits_refuse_bad_input(case):
    arguments, message = BAD_LIMITS[case]
    arguments = {"X": X, "taps": 2, "hidden_layers": 2} | arguments
    with pytest.raises(ValueError, match=message):
        convolution_limit_grams(arguments.pop("X"), **arguments)


@pytest.mark.parametrize("case", BAD_MODELS)
def test_networks_refuse_bad_input(case):
    arguments, message = BAD_MODELS[case]
    options = {"X": X, "activation": "relu", "kappa": 1.0, "width": 4, "hidden_layers": 2, "taps": 2}
    with pytest.raises(ValueError, match=message):
        ConvolutionalNetwork(**options | arguments)
