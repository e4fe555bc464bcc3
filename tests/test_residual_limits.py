"""Residual networks: their limits, and the finite networks themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.activations import ACTIVATIONS
from kernels.residual import ResidualNetwork
from tests import examples
from tests.flows import SMOOTH, unit_rows
from theory import limit_grams
from theory.dual_activations import DUALS
from theory.quadrature import gaussian_grid
from theory.residual_limits import activation_mean, residual_limit_grams

seeds = st.integers(0, 2**32 - 1)
activations = st.sampled_from(sorted(DUALS))
depths = st.integers(1, 4)
scales = st.floats(0.1, 2)


def inputs(seed, n=4, d=3):
    return unit_rows(np.random.default_rng(seed), n, d)


@given(seed=seeds, activation=activations, V=st.booleans())
def test_one_layer_is_the_plain_network(seed, activation, V):
    X = inputs(seed)
    grams = residual_limit_grams(X, hidden_layers=1, activation=activation, second_weights=V)
    assert np.allclose(grams, limit_grams(X, hidden_layers=1, activation=activation).layers, rtol=1e-9, atol=1e-12)


@given(seed=seeds, activation=activations, L=depths, s=scales, V=st.booleans())
def test_limits_are_symmetric_and_positive_semidefinite(seed, activation, L, s, V):
    grams = residual_limit_grams(inputs(seed), hidden_layers=L, activation=activation, branch_scale=s, second_weights=V)
    assert len(grams) == (2 * L if V else L + 1)
    assert np.array_equal(grams, grams.transpose(0, 2, 1))
    assert (np.linalg.eigvalsh(grams)[:, 0] >= -1e-9 * np.linalg.norm(grams, 2, axis=(1, 2))).all()


@given(seed=seeds, activation=activations, L=depths, V=st.booleans())
def test_a_permutation_of_the_inputs_permutes_the_limits(seed, activation, L, V):
    X, order = inputs(seed), np.random.default_rng(seed).permutation(4)
    grams = residual_limit_grams(X, hidden_layers=L, activation=activation, second_weights=V)
    permuted = residual_limit_grams(X[order], hidden_layers=L, activation=activation, second_weights=V)
    assert np.allclose(permuted, grams[:, order][:, :, order], rtol=1e-6)  # angles come from cosines


@given(seed=seeds, activation=activations, L=depths, V=st.booleans())
def test_branches_of_scale_zero_leave_one_layer(seed, activation, L, V):
    X = inputs(seed)
    grams = residual_limit_grams(X, hidden_layers=L, activation=activation, branch_scale=0.0, second_weights=V)
    one = limit_grams(X, hidden_layers=1, activation=activation).layers
    assert np.allclose(grams[[0, -1]], one, rtol=1e-9, atol=1e-12) and not grams[1:-1].any()


@given(seed=seeds, L=depths, s=scales)
def test_identity_has_closed_form_powers(seed, L, s):
    """Σ^l = (1 + s²)^{l−1}XXᵀ and every Σ̇ is 1, so each branch has the kernel s²(1 + s²)^{L−2} XXᵀ for W and V."""
    X = inputs(seed)
    grams = residual_limit_grams(X, hidden_layers=L, activation="identity", branch_scale=s)
    growth = 1 + s**2
    powers = [growth ** (L - 1)] + [s**2 * growth ** (L - 2)] * (2 * L - 2) + [growth ** (L - 1)]
    assert np.allclose(grams, np.array(powers)[:, None, None] * (X @ X.T), rtol=1e-9, atol=1e-12)


@given(seed=seeds, L=depths, s=scales, activation=st.sampled_from(["tanh", "erf", "sin", "identity"]))
def test_odd_activations_have_no_mean_terms(seed, L, s, activation):
    options = {"hidden_layers": L, "activation": activation, "branch_scale": s}
    X = inputs(seed)
    with_V = residual_limit_grams(X, **options)[[0, *range(1, 2 * L, 2)]]
    assert np.allclose(residual_limit_grams(X, **options, second_weights=False), with_V, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", sorted(DUALS))
def test_means_of_activations_are_those_of_a_fine_sum(activation):
    q, (z, weights) = np.array([0.1, 1.0, 7.0]), gaussian_grid(1e-4)
    density = weights * np.exp(-(z**2) / 4) / (2 * np.pi) ** 0.25
    dual = DUALS[activation]
    f = getattr(dual, "function", lambda u: dual.a * u + dual.b * np.abs(u))
    u = np.sqrt(q)[:, None] * z
    assert np.allclose(activation_mean(q, activation), (f(u) + f(-u)) / 2 @ density, rtol=1e-7, atol=1e-12)


def drawn(seed, activation, L, s, V):
    return ResidualNetwork(inputs(seed), activation, 1.7, 5, L, s, second_weights=V)


@given(seed=seeds, activation=st.sampled_from(SMOOTH), L=st.integers(1, 3), s=scales, V=st.booleans())
def test_jacobian_is_that_of_finite_differences(seed, activation, L, s, V):
    model = drawn(seed, activation, L, s, V)
    w, step = model.initial(seed), 1e-6
    differences = [(model(w + step * e) - model(w - step * e)) / (2 * step) for e in np.eye(len(w))]
    assert np.allclose(model.jacobian(w), np.transpose(differences), atol=1e-7)


@given(seed=seeds, activation=st.sampled_from(sorted(ACTIVATIONS)), L=st.integers(1, 3), s=scales, V=st.booleans())
def test_block_grams_are_those_of_the_jacobian(seed, activation, L, s, V):
    model = drawn(seed, activation, L, s, V)
    w = model.initial(seed)
    edges = np.cumsum([rows * columns for rows, columns in model.shapes])
    blocks = np.split(model.jacobian(w), edges[:-1], axis=1)
    assert edges[-1] == len(w)
    assert np.allclose(model.block_grams(w), [J @ J.T for J in blocks], rtol=1e-10, atol=1e-14)


def test_other_inputs_and_narrower_networks_share_the_weights():
    model, X = drawn(3, "tanh", 2, 1.0, True), inputs(4)
    w = model.initial(7)
    assert np.array_equal(model.at(X)(w), ResidualNetwork(X, "tanh", 1.7, 5, 2)(w))
    narrow = ResidualNetwork(X, "tanh", 1.7, 3, 2)
    wide = [
        block[: len(part), : part.shape[1]]
        for block, part in zip(model.split(w), narrow.split(narrow.initial(7)), strict=True)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(wide, narrow.split(narrow.initial(7)), strict=True))


@examples(6)
@given(seed=seeds, activation=activations, V=st.booleans())
def test_wide_networks_have_the_limits(seed, activation, V):
    X, m, draws = inputs(seed), 256, 40
    model = ResidualNetwork(X, activation, 3.0, m, 3, 0.8, second_weights=V)
    grams = np.array([model.block_grams(model.initial(seed + s)) for s in range(draws)]) * (m / 9)
    limits = residual_limit_grams(X, hidden_layers=3, activation=activation, branch_scale=0.8, second_weights=V)
    error = np.linalg.norm(grams.mean(axis=0) - limits, axis=(1, 2))
    spread = np.sqrt(grams.var(axis=0, ddof=1).sum(axis=(1, 2)) / draws)
    assert (error <= 4 * spread + 0.02 * np.linalg.norm(limits, axis=(1, 2))).all()


X = np.eye(3)[:, :2] + 0.5
BAD_LIMITS = {
    "depth": ({"hidden_layers": 0}, "`hidden_layers` must be a whole number of at least 1, got 0"),
    "activation": ({"activation": "rleu"}, "did you mean 'relu'"),
    "scale": ({"branch_scale": -1.0}, "`branch_scale` must be finite and not negative, got -1.0"),
    "zero row": ({"X": np.zeros((2, 2))}, "`X` must not have zero rows"),
    "variance": ({"X": 11 * np.eye(2), "activation": "tanh"}, "must be at most 100 for tanh"),
}
BAD_MODELS = {
    "inputs": ({"X": np.full((2, 2), 1j)}, "`X` must hold real numbers, got complex numbers"),
    "activation": ({"activation": "rleu"}, "did you mean 'relu'"),
    "kappa": ({"kappa": 0.0}, "`kappa` must be a positive finite number, got 0.0"),
    "width": ({"width": 0}, "`width` must be a whole number of at least 1, got 0"),
    "scale": ({"branch_scale": -0.5}, "`branch_scale` must be a finite number of at least 0, got -0.5"),
}


@pytest.mark.parametrize("case", BAD_LIMITS)
def test_limits_refuse_bad_input(case):
    arguments, message = BAD_LIMITS[case]
    arguments = {"X": X, "hidden_layers": 2} | arguments
    with pytest.raises(ValueError, match=message):
        residual_limit_grams(arguments.pop("X"), **arguments)


@pytest.mark.parametrize("case", BAD_MODELS)
def test_networks_refuse_bad_input(case):
    arguments, message = BAD_MODELS[case]
    with pytest.raises(ValueError, match=message):
        ResidualNetwork(**{"X": X, "activation": "relu", "kappa": 1.0, "width": 4, "hidden_layers": 2} | arguments)
