"""Residual networks: their limits, and the finite networks themselves."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.activations import ACTIVATIONS
from kernels.residual import ResidualNetwork
from tests import examples
from tests.flows import SMOOTH, unit_rows
from tests.limit_references import exact_gram, exact_relu_pair, hadamard, least_eigenvalue_of_two
from theory import limit_grams
from theory.dual_activations import DUALS
from theory.gram_limits import angles
from theory.quadrature import gaussian_grid
from theory.residual_limits import combined_angle, dual_moments, residual_limit_grams
from theory.validation import polar

seeds = st.integers(0, 2**32 - 1)
activations = st.sampled_from(sorted(DUALS))
depths = st.integers(1, 4)
scales = st.floats(0.1, 2)


def inputs(seed, n=4, d=3):
    return unit_rows(np.random.default_rng(seed), n, d)


@given(seed=seeds, activation=activations, V=st.booleans())
def test_one_layer_is_the_plain_network(seed, activation, V):
    X = inputs(seed)
    grams = residual_limit_grams(X, hidden_layers=1, activation=activation, second_weights=V).layers
    assert np.allclose(grams, limit_grams(X, hidden_layers=1, activation=activation).layers, rtol=1e-9, atol=1e-12)


@given(seed=seeds, activation=activations, L=depths, s=scales, V=st.booleans())
def test_limits_are_symmetric_and_positive_semidefinite(seed, activation, L, s, V):
    options = {"hidden_layers": L, "activation": activation, "branch_scale": s, "second_weights": V}
    grams = residual_limit_grams(inputs(seed), **options).layers
    assert len(grams) == (2 * L if V else L + 1)
    assert np.array_equal(grams, grams.transpose(0, 2, 1))
    assert (np.linalg.eigvalsh(grams)[:, 0] >= -1e-9 * np.linalg.norm(grams, 2, axis=(1, 2))).all()


@given(seed=seeds, activation=activations, L=depths, V=st.booleans())
def test_a_permutation_of_the_inputs_permutes_the_limits(seed, activation, L, V):
    X, order = inputs(seed), np.random.default_rng(seed).permutation(4)
    grams = residual_limit_grams(X, hidden_layers=L, activation=activation, second_weights=V).layers
    permuted = residual_limit_grams(X[order], hidden_layers=L, activation=activation, second_weights=V).layers
    assert np.allclose(permuted, grams[:, order][:, :, order], rtol=1e-11, atol=1e-13)


@given(seed=seeds, activation=activations, L=depths, V=st.booleans())
def test_branches_of_scale_zero_leave_one_layer(seed, activation, L, V):
    X = inputs(seed)
    options = {"hidden_layers": L, "activation": activation, "branch_scale": 0.0, "second_weights": V}
    grams = residual_limit_grams(X, **options).layers
    one = limit_grams(X, hidden_layers=1, activation=activation).layers
    assert np.allclose(grams[[0, -1]], one, rtol=1e-9, atol=1e-12) and not grams[1:-1].any()


@given(seed=seeds, L=depths, s=scales)
def test_identity_has_closed_form_powers(seed, L, s):
    """Σ^l = (1 + s²)^{l−1}XXᵀ and every Σ̇ is 1, so each branch has the kernel s²(1 + s²)^{L−2} XXᵀ for W and V."""
    X = inputs(seed)
    grams = residual_limit_grams(X, hidden_layers=L, activation="identity", branch_scale=s).layers
    growth = 1 + s**2
    powers = [growth ** (L - 1)] + [s**2 * growth ** (L - 2)] * (2 * L - 2) + [growth ** (L - 1)]
    assert np.allclose(grams, np.array(powers)[:, None, None] * (X @ X.T), rtol=1e-9, atol=1e-12)


@given(seed=seeds, L=depths, s=scales, activation=st.sampled_from(["tanh", "erf", "sin", "identity"]))
def test_odd_activations_have_no_mean_terms(seed, L, s, activation):
    options = {"hidden_layers": L, "activation": activation, "branch_scale": s}
    X = inputs(seed)
    with_V = residual_limit_grams(X, **options).layers[[0, *range(1, 2 * L, 2)]]
    without = residual_limit_grams(X, **options, second_weights=False).layers
    assert np.allclose(without, with_V, rtol=1e-9, atol=1e-12)


def exact_residual(X, L, s, V):
    """Σ_b K_b of a relu network for two rows, in 60 digits, by its definition."""
    with mpmath.workdps(60):
        sigma, phi, dots, means = [exact_gram(X)], [], [], []
        for l in range(L):
            value, dot = exact_relu_pair(sigma[-1])
            means.append([mpmath.sqrt(sigma[-1][i, i] / (2 * mpmath.pi)) for i in range(2)])
            phi.append(value)
            dots.append(dot)
            total = value if l == 0 else sigma[-1] + s**2 * value
            if l and not V:
                before = [means[0][i] + s * sum(nu[i] for nu in means[1:l]) for i in range(2)]
                cross = lambda i, j, before=before, l=l: before[i] * means[l][j] + means[l][i] * before[j]  # noqa: E731
                total += s * mpmath.matrix([[cross(i, j) for j in range(2)] for i in range(2)])
            sigma.append(total)
        gamma, K = mpmath.ones(2), sigma[L]
        for l in range(L - 1, 0, -1):
            K += s**2 * hadamard(hadamard(sigma[l], dots[l]) + (phi[l] if V else mpmath.zeros(2)), gamma)
            gamma = hadamard(gamma, mpmath.ones(2) + s**2 * dots[l])
        return least_eigenvalue_of_two(K + hadamard(hadamard(sigma[0], dots[0]), gamma))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@given(seed=seeds, L=depths, s=scales, V=st.booleans())
def test_least_eigenvalue_of_close_inputs(sign, seed, L, s, V):
    x, step = np.random.default_rng(seed).normal(size=(2, 3))
    X = np.stack([x, sign * (x + 1e-8 * step)])
    least = np.linalg.eigvalsh(residual_limit_grams(X, hidden_layers=L, branch_scale=s, second_weights=V).ntk)[0]
    assert least == pytest.approx(exact_residual(X, L, s, V), rel=1e-6)


@given(seed=seeds, activation=activations, L=depths, V=st.booleans())
def test_cross_kernel_is_a_block_of_the_square_one(seed, activation, L, V):
    X, options = inputs(seed), {"hidden_layers": L, "activation": activation, "second_weights": V}
    X[2] = 0.0
    square, cross = residual_limit_grams(X, **options), residual_limit_grams(X[:3], X[2:], **options)
    assert np.abs(cross.layers - square.layers[:, :3, 2:]).max() <= 1e-13 * np.abs(square.layers).max()
    assert np.array_equal(square.nngp, square.layers[-1]) and np.allclose(square.ntk, square.layers.sum(axis=0))
    same = residual_limit_grams(X, X.copy(), **options).layers
    assert np.array_equal(same, square.layers)
    X[2] = 1e-100
    near = residual_limit_grams(X, **options).layers
    assert np.abs(near - square.layers).max() <= 1e-13 * np.abs(square.layers).max()


@given(seed=seeds, exponent=st.floats(-12, 0), sign=st.sampled_from([1.0, -1.0]))
def test_angles_of_parts_are_those_of_the_whole(seed, exponent, sign):
    rng = np.random.default_rng(seed)
    U = [rng.normal(size=(3, d)) for d in (1, 2, 3)]
    V = [sign * (u + 10**exponent * rng.normal(size=u.shape)) for u in U]
    units = [[polar(w) for w in parts] for parts in (U, V)]
    parts = [([r, s], angles(u, v)) for (u, r), (v, s) in zip(*units, strict=True)]
    whole = angles(polar(np.hstack(U))[0], polar(np.hstack(V))[0])
    assert np.allclose(combined_angle(parts), whole, rtol=1e-10, atol=1e-15)
    assert np.allclose(np.pi - combined_angle(parts), np.pi - whole, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("activation", sorted(DUALS))
def test_means_of_activations_are_those_of_a_fine_sum(activation):
    q, (z, weights) = np.array([0.0, 0.1, 1.0, 7.0, 1e4]), gaussian_grid(1e-4)
    density = weights * np.exp(-(z**2) / 4) / (2 * np.pi) ** 0.25
    dual = DUALS[activation]
    f = getattr(dual, "function", lambda u: dual.a * u + dual.b * np.abs(u))
    u = np.sqrt(q)[:, None] * z
    assert np.allclose(dual.mean(q), (f(u) + f(-u)) / 2 @ density, rtol=1e-7, atol=1e-12)


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
    options = {"hidden_layers": 3, "activation": activation, "branch_scale": 0.8, "second_weights": V}
    limits = residual_limit_grams(X, **options).layers
    error = np.linalg.norm(grams.mean(axis=0) - limits, axis=(1, 2))
    spread = np.sqrt(grams.var(axis=0, ddof=1).sum(axis=(1, 2)) / draws)
    assert (error <= 4 * spread + 0.02 * np.linalg.norm(limits, axis=(1, 2))).all()


X = np.eye(3)[:, :2] + 0.5
BAD_LIMITS = {
    "depth": ({"hidden_layers": 0}, "`hidden_layers` must be a whole number of at least 1, got 0"),
    "activation": ({"activation": "rleu"}, "did you mean 'relu'"),
    "scale": ({"branch_scale": -1.0}, "`branch_scale` must be a finite number of at least 0, got -1.0"),
    "huge scale": ({"branch_scale": 1e154}, "must give pre-activations of variance at most 1e\\+300 for relu, got "),
    "largest scale": (
        {"X": np.zeros((1, 2)), "branch_scale": 1.4e154},
        r"`branch_scale` must be at most 1.34078e\+154, so that its square is finite, got 1.4e\+154",
    ),
    "flag": ({"second_weights": 1}, "`second_weights` must be True or False, got 1"),
    "columns": ({"X2": np.ones((2, 3))}, r"`X2` must have the columns of `X` \(2\), got 3"),
    "norm": (
        {"X": 1e9 * X, "activation": "tanh"},
        r"`X` must have row norms that are 0 or between 1e-150 and 1e\+08 for tanh",
    ),
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


@pytest.mark.parametrize(
    "covariance, activation, message",
    [
        (np.eye(2), "rleu", "did you mean 'relu'"),
        (np.ones((2, 3)), "relu", r"`covariance` must have shape \(n, n\)"),
        (-np.eye(2), "relu", r"`covariance` must have a diagonal in \[0, 1e\+300\], got -1 to -1"),
        ([[1.0, 2.0], [2.0, 1.0]], "tanh", "`covariance` must be positive semi-definite, got a correlation above 1"),
        (
            [[1e-308]],
            "relu",
            "`covariance` must have a diagonal of 0 or with E σ.u.² that float64 represents, got 1e-308",
        ),
    ],
)
def test_moments_refuse_what_is_no_covariance(covariance, activation, message):
    with pytest.raises(ValueError, match=message):
        dual_moments(covariance, activation)


@pytest.mark.parametrize("case", BAD_MODELS)
def test_networks_refuse_bad_input(case):
    arguments, message = BAD_MODELS[case]
    with pytest.raises(ValueError, match=message):
        ResidualNetwork(**{"X": X, "activation": "relu", "kappa": 1.0, "width": 4, "hidden_layers": 2} | arguments)
