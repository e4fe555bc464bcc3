"""limit_grams against a literal transcription of the recursion, and the properties users rely on."""

import tracemalloc
from functools import partial

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from tests import examples
from tests.limit_references import layers_of_pair
from theory import gram_fluctuations, limit_grams
from theory.dual_activations import DUALS, PiecewiseLinear
from theory.gram_limits import entry_error
from theory.limit_tiles import ARCSINE, EXCESS, _log

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


def piecewise_linear_expectation(name):
    slope = {"relu": 0.0, "leaky_relu": 0.01, "abs": -1.0, "identity": 1.0}[name]  # σ(u) = u for u > 0, slope u below
    even, odd = (1 - slope) ** 2 / 2, slope

    def expectation(a, b, c):  # relu(u) relu(v), and −uv where the signs differ
        value, derivative = relu_expectation(a, b, c)
        return even * 2 * value + odd * c, even * 2 * derivative + odd

    return expectation


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs", "identity"])
@given(seed=seeds, L=depths)
def test_piecewise_linear_activations_match_the_literal_recursion(name, seed, L):
    X = inputs(seed)
    K = limit_grams(X, hidden_layers=L, activation=name).layers
    assert np.allclose(K, literal_recursion(X, L, piecewise_linear_expectation(name)), rtol=1e-11)


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
@examples(5)
@given(seed=seeds, L=depths)
def test_threads_do_not_change_a_bit(name, seed, L):
    X = inputs(seed, n=400)  # enough pairs for two threads, and tiles that are not full
    found = []
    for processors in (1, 2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("os.cpu_count", lambda processors=processors: processors)
            found.append(limit_grams(X, hidden_layers=L, activation=name).layers)
    assert np.array_equal(*found) and np.array_equal(found[0], found[0].transpose(0, 2, 1))


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs", "identity"])
@examples(5)
@given(seed=seeds, L=depths, n=st.integers(30, 170), n2=st.integers(1, 170))
def test_a_pair_depends_on_its_two_rows_alone(name, seed, L, n, n2):
    X, rows = inputs(seed, n=n), np.random.default_rng(seed).integers(0, n, size=n2)
    square = limit_grams(X, hidden_layers=L, activation=name).layers
    assert np.array_equal(limit_grams(X, X[rows], hidden_layers=L, activation=name).layers, square[:, :, rows])


@pytest.mark.parametrize("name", DUALS)
@examples(5)
@given(seed=seeds, L=depths)
def test_ntk_and_nngp_alone(name, seed, L):
    X = inputs(seed, n=40)
    for X2 in (None, X[:7]):
        every = limit_grams(X, X2, hidden_layers=L, activation=name)
        two = limit_grams(X, X2, hidden_layers=L, activation=name, layers=False)
        assert np.abs(two.ntk - every.ntk).max() <= 1e-14 * np.abs(every.ntk).max()
        assert np.array_equal(two.nngp, every.nngp)
        assert X2 is not None or np.array_equal(two.ntk, two.ntk.T)


@pytest.mark.parametrize("layers", [True, False])
def test_the_result_goes_where_it_is_asked_for(layers, tmp_path):
    X, options = inputs(0, n=50), {"hidden_layers": 2, "layers": layers}
    kept = limit_grams(X, **options)
    shape = (3 if layers else 2, 50, 50)
    for out in (np.full(shape, np.nan), np.memmap(tmp_path / "K", np.float64, "w+", shape=shape)):
        found = limit_grams(X, **options, out=out)
        assert np.array_equal(out[-1], kept.nngp) and np.shares_memory(found.nngp, out)
        assert np.array_equal(found.ntk, kept.ntk)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs", "identity"])
@given(seed=seeds, L=depths, exponent=st.integers(-60, 60))
def test_piecewise_linear_kernels_scale_with_any_norm(name, seed, L, exponent):
    X = inputs(seed)
    K = limit_grams(X, hidden_layers=L, activation=name).layers
    scaled = limit_grams(10.0**exponent * X, hidden_layers=L, activation=name).layers
    assert np.allclose(scaled / 10.0 ** (2 * exponent), K, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["erf", "gelu", "sin", "cos", "tanh", "sigmoid", "softplus"])
@examples(40)
@given(
    seed=seeds,
    L=st.integers(1, 3),
    exponent=st.one_of(st.floats(-3, 4), st.floats(-145, 7.9)),
    separation=st.floats(-8, 0),
    ratio=st.sampled_from([1.0, 0.5, -1.0, 1e-3]),
)
def test_smooth_kernels_over_the_whole_range_of_norms(name, seed, L, exponent, separation, ratio):
    rng = np.random.default_rng(seed)
    x, step = rng.normal(size=(2, 3)) / 3
    rows = np.stack([x, ratio * (x + 10**separation * step)])
    X = 10**exponent * rows / np.linalg.norm(rows, axis=1).max()
    K = limit_grams(X, hidden_layers=L, activation=name).layers
    exact, *squares = (layers_of_pair(name, x, y, L) for x, y in (X, X[[0, 0]], X[[1, 1]]))
    error = np.abs(K[:, 0, 1] - exact) / np.sqrt(squares[0] * squares[1])
    visible = np.sqrt(squares[0] * squares[1]) > 1e-290  # K^1 of cos is of fourth order in the norm
    assert (error[visible] <= entry_error(name, np.linalg.norm(X, axis=1).max())).all()


def test_raw_iris_rows_under_tanh():
    X = load_iris().data[[131, 118]]
    K = limit_grams(X, hidden_layers=1, activation="tanh").layers
    assert K[:, 0, 1] == pytest.approx([3.7914544084, 0.8930824338], abs=6e-11)
    assert K[:, 0, 0] == pytest.approx([5.8629528976, 0.9279489622], abs=6e-11)


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_diabetes, load_digits])
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus"])
def test_raw_data_sets(load, name):
    """Rows as scikit-learn ships them, norms up to 5 000 and zeros among the entries."""
    X = load().data[:40]
    K = limit_grams(X, hidden_layers=3, activation=name).layers
    for i, j in [(0, 1), (3, 30)]:
        exact = layers_of_pair(name, X[i], X[j], 3)
        assert (np.abs(K[:, i, j] - exact) <= 1e-11 * np.sqrt(K[:, i, i] * K[:, j, j])).all()


@pytest.mark.parametrize("name", ["tanh", "erf", "sin", "identity"])
@pytest.mark.parametrize("scale", [1e-82, 1e-90, 1e-140])
def test_odd_kernels_of_tiny_rows_are_linear(name, scale):
    X = scale * np.array([[1.0, 0.0], [0.6, 0.8]])
    K = limit_grams(X, hidden_layers=2, activation=name).nngp
    assert K[0, 1] / K[0, 0] == pytest.approx(0.6, rel=1e-13)
    assert K[0, 0] == pytest.approx(scale**2 * (16 / np.pi**2 if name == "erf" else 1.0), rel=1e-12)


@pytest.mark.parametrize("name", DUALS)
@given(seed=seeds, L=depths)
def test_zero_rows_are_the_limit_of_small_rows(name, seed, L):
    X = inputs(seed, n=4)
    X[1] *= 1e-100
    near = limit_grams(X, hidden_layers=L, activation=name)
    X[1] = 0.0
    K = limit_grams(X, hidden_layers=L, activation=name)
    assert np.abs(K.layers - near.layers).max() <= 1e-13 * np.abs(K.layers).max()
    cross = limit_grams(X[1:2], X, hidden_layers=L, activation=name)
    assert np.abs(cross.layers - K.layers[:, 1:2]).max() <= 1e-13 * np.abs(K.layers).max()
    if name in ("sigmoid", "softplus", "cos"):  # σ(0) ≠ 0: only the first layer has a zero row
        assert not K.layers[0, 1].any() and (K.layers[1:, 1] > 0).all()
    else:
        assert not K.layers[:, 1].any()


@pytest.mark.parametrize("name", ["relu", "erf", "gelu", "sin", "cos", "tanh", "sigmoid", "softplus"])
def test_a_zero_row_against_the_closed_form(name):
    X = np.array([[0.0, 0.0], [0.7, -1.1]])
    K = limit_grams(X, hidden_layers=2, activation=name).layers
    for i, j in [(0, 0), (0, 1)] if name != "relu" else [(1, 1)]:
        assert np.allclose(K[:, i, j], layers_of_pair(name, X[i], X[j], 2).astype(float), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", DUALS)
@examples(5)
@given(seed=seeds, L=depths)
def test_equal_second_inputs_give_a_symmetric_kernel_to_the_last_bit(name, seed, L):
    X = inputs(seed, n=40)
    K = limit_grams(X, X.copy(), hidden_layers=L, activation=name).layers
    assert np.array_equal(K, K.transpose(0, 2, 1)) and np.array_equal(
        K, limit_grams(X, hidden_layers=L, activation=name).layers
    )


def test_underflow_of_deep_kernels_is_no_silent_zero():
    with pytest.raises(ValueError, match="`hidden_layers` must leave variances that float64 represents"):
        limit_grams(1e-150 * np.eye(2), hidden_layers=40)


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


@pytest.mark.parametrize("separation, relative", [(1e-8, 1e-6), (1e-9, 1e-5), (1e-10, 1e-4)])
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


@pytest.mark.parametrize("norm", [1e3, 1e6])
@pytest.mark.parametrize("name", ["erf", "sin", "gelu"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("separation", [0.0, 1e-9, 1e-6, 1e-3])
def test_equal_and_opposite_rows_of_large_norm(norm, name, sign, separation):
    """With 1 − h for cos²(θ/2) opposite rows are wrong by 5e-9 at norm 10³ and by 1e-3 at 10⁶."""
    X = norm * np.array([[0.6, 0.8, 0.0], [0.6 * sign, 0.8 * sign, separation]])
    K = limit_grams(X, hidden_layers=2, activation=name).layers
    exact, *squares = (layers_of_pair(name, x, y, 2) for x, y in (X, X[[0, 0]], X[[1, 1]]))
    assert (np.abs(K[:, 0, 1] - exact) <= entry_error(name, norm) * np.sqrt(squares[0] * squares[1])).all()


@pytest.mark.parametrize("name", DUALS)
@given(seed=seeds, L=depths)
def test_equal_and_opposite_rows(name, seed, L):
    """To the last bit where σ is piecewise linear; the variances of a smooth σ depend on the place of a row by an ulp."""
    x, y = inputs(seed, n=2)
    K = limit_grams(np.stack([x, x, -x, y, y]), hidden_layers=L, activation=name).layers
    rtol = 0 if isinstance(DUALS[name], PiecewiseLinear) else 1e-13
    near = partial(np.allclose, rtol=rtol, atol=0)
    assert near(K[:, 0, :2], K[:, 1, :2]) and near(K[:, :3, 3], K[:, :3, 4])
    if name in ("abs", "cos"):
        assert near(K[:, 0, 2], K[:, 0, 0])
    if name in ("identity", "erf", "sin", "tanh"):
        assert near(K[:, 0, 2], -K[:, 0, 0])
    if name == "relu" and L == 1:
        assert not K[:, 0, 2].any()


@pytest.mark.parametrize("norm", [1e3, 1e6, 5e7])
@pytest.mark.parametrize("name", ["gelu", "softplus"])
def test_a_row_with_itself_keeps_its_digits_at_large_norms(name, norm):
    """An angle of equal rows that rounding has opened moves the diagonal by 3e-14 to 2e-9."""
    X = norm * inputs(1, spread=0.0)
    K = limit_grams(X, hidden_layers=3, activation=name).layers
    for i, x in enumerate(X):
        assert K[:, i, i] == pytest.approx(layers_of_pair(name, x, x, 3).astype(float), rel=5e-15, abs=0)


def test_polynomials_of_the_angle_and_its_excess():
    """The interpolants of `theory.limit_tiles` in 50 digits, and what they leave."""

    def arcsine(k):
        s = mpmath.sqrt(k)
        return (mpmath.asin(s) / s - 1) / k

    def excess(k):
        phi = 2 * mpmath.asin(mpmath.sqrt(k))
        return (mpmath.sin(phi) - phi * mpmath.cos(phi)) / (2 * k * mpmath.sqrt(k))

    with mpmath.workdps(50):
        for function, coefficients, largest in ((arcsine, ARCSINE, 1.4e-16), (excess, EXCESS, 7.5e-17)):
            exact = mpmath.chebyfit(function, [0, 0.5], 18)[::-1]
            assert [float(c) for c in exact] == list(coefficients)
            points = [mpmath.mpf(i + 0.5) / 200 for i in range(100)]
            assert max(abs(mpmath.polyval(coefficients[::-1], k) - function(k)) for k in points) <= largest


@given(st.floats(1e-300, 0.4999))
def test_the_logarithm_of_the_cosine_keeps_its_digits_between_near_parallel_inputs(h):
    """x = cos² near 1 has lost what log x is made of, ``less`` = sin² has not."""
    c = 1 - 2 * h
    with mpmath.workdps(400):
        exact = 2 * mpmath.log(1 - 2 * mpmath.mpf(h))
    assert _log(c * c, 4 * h * (1 - h)) == pytest.approx(float(exact), rel=1e-15 + 2e-16 / c, abs=0)


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
def test_memory_is_the_result_and_a_tenth(processors, monkeypatch):
    assert peak(processors, "relu", monkeypatch) <= 4.4


@pytest.mark.parametrize("name", ["gelu", "tanh"])
def test_memory_does_not_grow_with_processors(name, monkeypatch):
    assert peak(64, name, monkeypatch) <= 1.5 * peak(1, name, monkeypatch)


@pytest.mark.parametrize("norm", [1e-3, 1.0, 10.0])
@pytest.mark.parametrize("name", DUALS)
def test_fluctuation_constants_against_one_dimensional_integrals(name, norm):
    """One input: C_1 = |x|⁴ (3 E σ'⁴ − (E σ'²)²), C_2 = E σ⁴ − (E σ²)²; a zero row adds 2σ(0)² (E σ² − (E σ)²) to C_2."""
    functions = {
        "relu": (lambda u: max(u, 0.0), lambda u: float(u > 0)),
        "leaky_relu": (lambda u: max(u, 0.01 * u), lambda u: 1.0 if u > 0 else 0.01),
        "abs": (abs, np.sign),
        "identity": (lambda u: u, lambda u: 1.0),
    }
    f, df = functions.get(name) or (DUALS[name].function, DUALS[name].derivative)
    density = lambda u: np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)  # noqa: E731
    ends = {"points": [-1, 0, 1], "limit": 400, "epsabs": 1e-12, "epsrel": 1e-9}
    moment = lambda g, k: integrate.quad(lambda u: g(norm * u) ** k * density(u), -12, 12, **ends)[0]  # noqa: E731
    C1, C2 = gram_fluctuations(norm * np.array([[0.6, 0.8]]), activation=name)
    assert pytest.approx(norm**4 * (3 * moment(df, 4) - moment(df, 2) ** 2), rel=1e-7) == C1
    # σ(0) ≠ 0: the variance of σ² is a small difference for small inputs
    assert pytest.approx(moment(f, 4) - moment(f, 2) ** 2, rel=1e-7, abs=1e-12 * moment(f, 4)) == C2
    with_zero = gram_fluctuations(norm * np.array([[0.6, 0.8], [0.0, 0.0]]), activation=name)
    assert with_zero[0] == pytest.approx(C1, rel=1e-12)
    added = 2 * float(f(0.0)) ** 2 * (moment(f, 2) - moment(f, 1) ** 2)
    assert with_zero[1] == pytest.approx(C2 + added, rel=1e-7, abs=1e-12 * moment(f, 4))
