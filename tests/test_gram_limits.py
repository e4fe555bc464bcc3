"""limit_grams against a literal transcription of the recursion, and the properties users rely on."""

import tracemalloc

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from tests import examples
from theory import gram_fluctuations, limit_grams
from theory.dual_activations import DUALS

depths = st.integers(1, 4)
seeds = st.integers(0, 2**32 - 1)


def inputs(seed, n=5, d=3, spread=1.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    norms = np.exp(spread * rng.uniform(-1, 1, size=n))
    return X * (norms / np.linalg.norm(X, axis=1))[:, None]


def literal_recursion(X, L, expectation):
    """K^1 … K^{L+1}, with E f(u) g(v) from `expectation(order, S_ii, S_jj, S_ij)`, pair by pair."""
    sigma, dots = [X @ X.T], []
    n = len(X)
    for _ in range(L):
        S = sigma[-1]
        values = [[expectation(S[i, i], S[j, j], S[i, j]) for j in range(n)] for i in range(n)]
        sigma.append(np.array([[v[0] for v in row] for row in values]))
        dots.append(np.array([[v[1] for v in row] for row in values]))
    layers = []
    for l in range(L):
        K = sigma[l].copy()
        for dot in dots[l:]:
            K *= dot
        layers.append(K)
    return np.array([*layers, sigma[L]])


def relu_expectation(a, b, c):
    theta = np.arccos(np.clip(c / np.sqrt(a * b), -1, 1))
    return np.sqrt(a * b) * (np.sin(theta) + (np.pi - theta) * np.cos(theta)) / (2 * np.pi), (np.pi - theta) / (
        2 * np.pi
    )


def gauss_hermite_expectation(f, df, nodes=100):
    z, w = np.polynomial.hermite_e.hermegauss(nodes)
    w = w / np.sqrt(2 * np.pi)

    def expectation(a, b, c):
        rho = np.clip(c / np.sqrt(a * b), -1, 1)
        u, v = np.sqrt(a) * z[:, None], np.sqrt(b) * (rho * z[:, None] + np.sqrt(1 - rho**2) * z)
        return tuple(float(((w[:, None] * w) * g(u) * g(v)).sum()) for g in (f, df))

    return expectation


@given(seed=seeds, L=depths)
def test_relu_matches_the_literal_recursion(seed, L):
    X = inputs(seed)
    assert np.allclose(limit_grams(X, hidden_layers=L).layers, literal_recursion(X, L, relu_expectation), rtol=1e-11)


@pytest.mark.parametrize("name", ["erf", "gelu", "sin", "cos", "tanh", "sigmoid", "softplus"])
@given(seed=seeds, L=st.integers(1, 3))
def test_smooth_activations_match_gauss_hermite_at_unit_norm(name, seed, L):
    X = inputs(seed, n=3, spread=0.0)
    exact = literal_recursion(X, L, gauss_hermite_expectation(DUALS[name].function, DUALS[name].derivative))
    # 100 nodes leave 1e-6 for tanh at variance 1, and less for the others
    assert np.allclose(limit_grams(X, hidden_layers=L, activation=name).layers, exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", DUALS)
@examples(10)
@given(seed=seeds, L=depths)
def test_cross_kernel_is_a_block_of_the_square_one(name, seed, L):
    X = inputs(seed, n=6)
    square = limit_grams(X, hidden_layers=L, activation=name)
    cross = limit_grams(X[:2], X[2:], hidden_layers=L, activation=name)
    scale = np.abs(square.layers).max()
    assert np.abs(cross.layers - square.layers[:, :2, 2:]).max() <= 1e-13 * scale
    assert np.array_equal(square.layers, square.layers.transpose(0, 2, 1))
    assert np.allclose(square.ntk, square.layers.sum(axis=0)) and np.array_equal(square.nngp, square.layers[-1])


@pytest.mark.parametrize("name", DUALS)
@pytest.mark.parametrize("size", [1, 5, 16])
@examples(5)
@given(seed=seeds, L=depths)
def test_blocks_do_not_change_the_result(name, size, seed, L):
    import theory.gram_limits as module

    X = inputs(seed, n=9)
    whole, kept = limit_grams(X, hidden_layers=L, activation=name).layers, module.BLOCK
    try:
        module.BLOCK = size
        blocked = limit_grams(X, hidden_layers=L, activation=name).layers
    finally:
        module.BLOCK = kept
    assert np.abs(whole - blocked).max() <= 1e-13 * np.abs(whole).max()
    assert np.array_equal(blocked, blocked.transpose(0, 2, 1))


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs", "identity"])
@given(seed=seeds, L=depths, exponent=st.integers(-60, 60))
def test_piecewise_linear_kernels_scale_with_any_norm(name, seed, L, exponent):
    X = inputs(seed)
    K = limit_grams(X, hidden_layers=L, activation=name).layers
    scaled = limit_grams(10.0**exponent * X, hidden_layers=L, activation=name).layers
    assert np.allclose(scaled / 10.0 ** (2 * exponent), K, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["erf", "gelu", "sin", "cos"])
@pytest.mark.parametrize("norm", [1e-60, 1e-8, 1e4, 1e60])
def test_closed_forms_stay_finite_and_positive_at_any_norm(name, norm):
    K = limit_grams(norm * inputs(1), hidden_layers=3, activation=name)
    assert np.isfinite(K.layers).all() and (np.diagonal(K.layers, axis1=1, axis2=2) >= 0).all()


def exact_least_eigenvalue(X, L, a, b):
    """λ_min of the 2×2 NTK of a u + b|u| in 60 digits."""
    mpmath.mp.dps = 60
    rows = [[mpmath.mpf(float(x)) for x in row] for row in X]
    S = [[mpmath.fdot(x, y) for y in rows] for x in rows]
    layers = [S]
    a, b = mpmath.mpf(a), mpmath.mpf(b)
    for _ in range(L):
        value, derivative = mpmath.zeros(2), mpmath.zeros(2)
        for i in range(2):
            for j in range(2):
                cosine = S[i][j] / mpmath.sqrt(S[i][i] * S[j][j]) if i != j else mpmath.mpf(1)
                theta = mpmath.acos(cosine)
                both = 2 / mpmath.pi * (mpmath.sin(theta) + (mpmath.pi / 2 - theta) * cosine)
                value[i, j] = mpmath.sqrt(S[i][i] * S[j][j]) * (a**2 * cosine + b**2 * both)
                derivative[i, j] = a**2 + b**2 * (1 - 2 * theta / mpmath.pi)
        S = value.tolist()
        layers = [
            [[p * q for p, q in zip(r, s, strict=True)] for r, s in zip(K, derivative.tolist(), strict=True)]
            for K in layers
        ]
        layers.append(S)
    K = [[sum(layer[i][j] for layer in layers) for j in range(2)] for i in range(2)]
    mean, gap = (K[0][0] + K[1][1]) / 2, (K[0][0] - K[1][1]) / 2
    least = float(mean - mpmath.sqrt(gap**2 + K[0][1] * K[1][0]))
    mpmath.mp.dps = 15
    return least


@pytest.mark.parametrize("separation, relative", [(1e-8, 1e-6), (1e-10, 1e-4)])
@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@given(seed=seeds, L=st.integers(1, 3))
def test_least_eigenvalue_of_close_inputs(separation, relative, name, sign, seed, L):
    """Nearly equal, or nearly opposite, inputs: the least eigenvalue of the NTK keeps its leading digits."""
    rng = np.random.default_rng(seed)
    x, step = rng.normal(size=3), rng.normal(size=3)
    x /= np.linalg.norm(x)
    step -= (step @ x) * x
    close = x + separation * step / np.linalg.norm(step)
    X = np.stack([x, sign * close / np.linalg.norm(close)])
    least = np.linalg.eigvalsh(limit_grams(X, hidden_layers=L, activation=name).ntk)[0]
    exact = exact_least_eigenvalue(X, L, DUALS[name].a, DUALS[name].b)
    assert least == pytest.approx(exact, rel=relative)


def peak(processors, name, monkeypatch):
    """Peak memory of 1000 inputs and three hidden layers, in float64 entries a pair."""
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    X = np.random.default_rng(0).normal(size=(1000, 10))
    tracemalloc.start()
    limit_grams(X, hidden_layers=3, activation=name)
    entries = tracemalloc.get_traced_memory()[1] / 8
    tracemalloc.stop()
    return entries / 1000**2


@pytest.mark.parametrize("processors", [1, 2, 8, 64, 256])
def test_memory_is_the_result_and_half_as_much(processors, monkeypatch):
    assert peak(processors, "relu", monkeypatch) <= 5.5


@pytest.mark.parametrize("name", ["gelu", "tanh"])
def test_memory_does_not_grow_with_processors(name, monkeypatch):
    assert peak(64, name, monkeypatch) <= 1.5 * peak(1, name, monkeypatch)


@pytest.mark.parametrize("name", DUALS)
def test_fluctuation_constants_against_one_dimensional_integrals(name):
    """One input of unit norm: C_1 = 3 E σ'⁴ − (E σ'²)², C_2 = E σ⁴ − (E σ²)²."""
    functions = {
        "relu": (lambda u: max(u, 0.0), lambda u: float(u > 0)),
        "leaky_relu": (lambda u: max(u, 0.01 * u), lambda u: 1.0 if u > 0 else 0.01),
        "abs": (abs, np.sign),
        "identity": (lambda u: u, lambda u: 1.0),
    }
    f, df = functions.get(name) or (DUALS[name].function, DUALS[name].derivative)
    density = lambda u: np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)  # noqa: E731
    moment = lambda g, k: integrate.quad(lambda u: g(u) ** k * density(u), -12, 12, points=[0], limit=200)[0]  # noqa: E731
    C1, C2 = gram_fluctuations(np.array([[0.6, 0.8]]), activation=name)
    assert pytest.approx(3 * moment(df, 4) - moment(df, 2) ** 2, rel=1e-7) == C1
    assert pytest.approx(moment(f, 4) - moment(f, 2) ** 2, rel=1e-7) == C2
