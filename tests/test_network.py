"""The network and its Gram matrices against a Jacobian written out sample by sample, and finite differences."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kernels import Parameters, forward, init_parameters, layer_grams
from kernels.activations import ACTIVATIONS, activate
from kernels.random_weights import normal_matrix
from tests import examples

configurations = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "n": st.integers(1, 5),
        "d": st.integers(1, 4),
        "m": st.integers(1, 7),
        "L": st.integers(1, 4),
        "kappa": st.floats(0.1, 100.0),
    }
)


def build(seed, n, d, m, L, kappa):
    X = np.random.default_rng(seed).normal(size=(n, d))
    return init_parameters(seed, d, m, hidden_layers=L), X, kappa


@given(seed=st.integers(0, 2**64), L=st.integers(1, 5))
def test_every_layer_has_weights_of_its_own(seed, L):
    """No row of one is a row of another, and all are those of their number."""
    params = init_parameters(seed, 6, 6, hidden_layers=L)
    rows = [*np.concatenate(params.weights), params.output]
    assert len({row.tobytes() for row in rows}) == 6 * L + 1
    assert all(np.array_equal(W, normal_matrix(seed, l, 6, 6)) for l, W in enumerate(params.weights))
    assert np.array_equal(params.output, normal_matrix(seed, L, 1, 6)[0])


def naive(params, x, activation, kappa):
    """Output and the gradient with respect to every weight matrix, one input, by the chain rule written out."""
    m, values, slopes = params.width, [x], []
    for l, W in enumerate(params.weights):
        z = W @ values[-1] / (1.0 if l == 0 else np.sqrt(m))
        slope = activate(activation, z)
        values.append(z)
        slopes.append(slope)
    back, gradients = kappa / m * params.output, []
    for l in reversed(range(len(params.weights))):
        back = back * slopes[l]
        scale = 1.0 if l == 0 else np.sqrt(m)
        gradients.insert(0, np.outer(back, values[l]) / scale)
        back = params.weights[l].T @ back / scale
    return kappa / m * params.output @ values[-1], [*gradients, kappa / m * values[-1]]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@examples(5)
@given(configuration=configurations, n2=st.integers(1, 4))
def test_grams_with_other_inputs_match_the_naive_jacobians(activation, configuration, n2):
    params, X, kappa = build(**configuration)
    X2 = np.random.default_rng(configuration["seed"] + 1).normal(size=(n2, X.shape[1]))
    first, second = ([naive(params, x, activation, kappa)[1] for x in inputs] for inputs in (X, X2))
    grams = layer_grams(params, X, X2, activation=activation, kappa=kappa)
    assert grams.shape == (params.hidden_layers + 1, len(X), n2)
    for l, G in enumerate(grams):
        J, J2 = (np.stack([gradients[l].ravel() for gradients in own]) for own in (first, second))
        assert np.allclose(G, J @ J2.T, rtol=1e-11, atol=1e-12 * kappa**2)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@examples(10)
@example(configuration={"seed": 0, "n": 1, "d": 1, "m": 1, "L": 1, "kappa": 1.0})
@example(configuration={"seed": 0, "n": 1, "d": 3, "m": 6, "L": 4, "kappa": 2.0})
@given(configuration=configurations)
def test_outputs_and_grams_match_the_naive_jacobian(activation, configuration):
    params, X, kappa = build(**configuration)
    pairs = [naive(params, x, activation, kappa) for x in X]
    outputs = forward(params, X, activation=activation, kappa=kappa)
    assert np.allclose(outputs, [f for f, _ in pairs], rtol=1e-12, atol=1e-12 * kappa)
    grams = layer_grams(params, X, activation=activation, kappa=kappa)
    for l, G in enumerate(grams):
        J = np.stack([gradients[l].ravel() for _, gradients in pairs])
        assert np.allclose(G, J @ J.T, rtol=1e-11, atol=1e-12 * kappa**2)
        assert np.array_equal(G, G.T)


@pytest.mark.parametrize("activation", ["tanh", "softplus", "gelu", "erf", "sin", "cos", "sigmoid", "identity"])
@examples(5)
@given(configuration=configurations)
def test_grams_match_finite_differences_of_the_outputs(activation, configuration):
    params, X, kappa = build(**configuration)
    grams, step = layer_grams(params, X, activation=activation, kappa=kappa), 1e-5
    for l in range(params.hidden_layers + 1):
        arrays = [W.copy() for W in (*params.weights, params.output)]
        columns = []
        for index in np.ndindex(arrays[l].shape):
            kept, outputs = arrays[l][index], []
            for shift in (step, -step):
                arrays[l][index] = kept + shift
                outputs.append(
                    forward(Parameters(tuple(arrays[:-1]), arrays[-1]), X, activation=activation, kappa=kappa)
                )
            arrays[l][index] = kept
            columns.append((outputs[0] - outputs[1]) / (2 * step))
        J = np.array(columns)
        assert np.allclose(grams[l], J.T @ J, rtol=1e-6, atol=1e-7 * kappa**2)


@given(configuration=configurations)
def test_memory_order_of_the_arguments_does_not_matter(configuration):
    params, X, kappa = build(**configuration)
    fortran = Parameters(tuple(np.asfortranarray(W) for W in params.weights), params.output)
    for activation in ("relu", "tanh"):
        plain = layer_grams(params, X, activation=activation, kappa=kappa)
        assert np.array_equal(plain, layer_grams(fortran, np.asfortranarray(X), activation=activation, kappa=kappa))


@given(seed=st.integers(0, 2**64), L=st.integers(1, 3), m=st.integers(1, 9), d=st.integers(1, 9))
def test_a_narrow_network_is_the_leading_block_of_a_wide_one(seed, L, m, d):
    wide, narrow = init_parameters(seed, 9, 9, hidden_layers=L), init_parameters(seed, d, m, hidden_layers=L)
    assert np.array_equal(narrow.weights[0], wide.weights[0][:m, :d])
    assert all(np.array_equal(a, b[:m, :m]) for a, b in zip(narrow.weights[1:], wide.weights[1:], strict=True))
    assert np.array_equal(narrow.output, wide.output[:m])


@given(configuration=configurations, scale=st.sampled_from([0.5, 2.0, 8.0]))
def test_kappa_scales_outputs_and_grams(configuration, scale):
    params, X, kappa = build(**configuration)
    for compute, power in ((forward, 1), (layer_grams, 2)):
        plain = compute(params, X, activation="relu", kappa=kappa)
        assert np.allclose(compute(params, X, activation="relu", kappa=scale * kappa), scale**power * plain, rtol=1e-12)
