"""Lower bounds on least eigenvalues: the series, the bounds against the kernels, and the failure probabilities."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from tests import examples
from theory import limit_grams
from theory.dual_activations import DUALS
from theory.eigenvalue_bounds import (
    BOUNDED,
    SLOPE_BOUNDS,
    first_layer_failure_bound,
    first_layer_rate,
    gershgorin_bounds,
    hadamard_power_bounds,
    last_layer_failure_bound,
    min_eigenvalue_lower_bound,
    psi,
    separation_lower_bound,
    sufficient_width,
)
from theory.power_series import kernel_coefficients, order_masses

seeds = st.integers(0, 2**32 - 1)
names = st.sampled_from(list(DUALS))
depths = st.integers(1, 3)
ODD, EVEN = ("erf", "sin", "tanh", "identity"), ("abs", "cos")


def unit(seed, n=6, d=8):
    X = np.random.default_rng(seed).normal(size=(n, d))
    return X / np.linalg.norm(X, axis=1)[:, None]


def kernels(X, L, name):
    """(layer, K^layer) for every layer and (None, neural tangent kernel)."""
    limits = limit_grams(X, hidden_layers=L, activation=name)
    return [*enumerate(limits.layers, start=1), (None, limits.ntk)]


def rounding(K):
    """Allowance for `limit_grams` (1e-13 of the diagonal an entry) and for the eigenvalue routine."""
    return 2e-13 * len(K) * np.diagonal(K).max()


def matrices(seed, n, rank, count):
    """Positive semi-definite M (count, n, n) of norm at most 1."""
    A = np.random.default_rng(seed).normal(size=(count, n, rank))
    M = A @ A.transpose(0, 2, 1)
    return M / np.linalg.norm(M, 2, axis=(1, 2)).max()


# the series


@pytest.mark.parametrize("name", DUALS)
@examples(5)
@given(seed=seeds, L=depths)
def test_series_sums_to_the_kernel_within_what_is_missing(name, seed, L):
    rho = np.random.default_rng(seed).uniform(-1, 1, size=5)
    X = np.stack([rho, np.sqrt(1 - rho**2)], axis=1)
    exact = limit_grams(np.array([[1.0, 0.0]]), X, hidden_layers=L, activation=name).layers[:, 0]
    diagonal = limit_grams(np.ones((1, 1)), hidden_layers=L, activation=name).layers[:, 0, 0]
    c = kernel_coefficients(name, hidden_layers=L, terms=128)
    missing = diagonal - c.sum(axis=1)
    assert (c >= 0).all() and (missing >= -1e-13 * diagonal).all()
    assert (np.abs(exact - c @ rho ** np.arange(128)[:, None]) <= (missing + 1e-12 * diagonal)[:, None]).all()


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs"])
def test_piecewise_linear_coefficients_are_taylor_coefficients(name):
    a, b = mpmath.mpf(DUALS[name].a), mpmath.mpf(DUALS[name].b)
    n = a**2 + b**2

    def value(t):
        return a**2 * t + 2 * b**2 / mpmath.pi * (mpmath.sqrt(1 - t**2) + t * mpmath.asin(t))

    def derivative(t):
        return a**2 + 2 * b**2 / mpmath.pi * mpmath.asin(t)

    def inner(t):
        return value(t) / n

    one = [lambda t: t * derivative(t), value]
    two = [
        lambda t: t * derivative(t) * derivative(inner(t)),
        lambda t: value(t) * derivative(inner(t)),
        lambda t: n * value(inner(t)),
    ]
    with mpmath.workdps(40):
        for L, functions in ((1, one), (2, two)):
            exact = np.array([[float(x) for x in mpmath.taylor(f, 0, 11)] for f in functions])
            assert np.allclose(kernel_coefficients(name, hidden_layers=L, terms=12), exact, rtol=1e-12, atol=1e-16), (
                f"{L} hidden layers"
            )


def test_coefficients_of_sin_are_those_of_its_exponentials():
    """K^2 = e^{−1} sinh ρ and K^1 = e^{−1} ρ cosh ρ for unit inputs."""
    factorials = np.array([float(mpmath.factorial(r)) for r in range(20)])
    odd = np.arange(20) % 2
    first, last = np.append(0, (1 - odd)[:-1] / factorials[:-1]) / np.e, odd / factorials / np.e
    c = kernel_coefficients("sin", hidden_layers=1, terms=20)
    assert np.allclose(c, [first, last], rtol=1e-6, atol=1e-15)


@examples(10)
@given(name=names, L=depths)
def test_order_masses_are_moved_to_lower_orders_only(name, L):
    """Their sum is the diagonal, and every partial sum is at least that of a longer series, itself a lower bound."""
    diagonal = limit_grams(np.ones((1, 1)), hidden_layers=L, activation=name).layers[:, 0, 0]
    masses, c = order_masses(name, L, 64), kernel_coefficients(name, hidden_layers=L, terms=256)
    assert (masses >= 0).all() and np.allclose(masses.sum(axis=1), diagonal, rtol=1e-12)
    assert (np.cumsum(masses, axis=1)[:, :-1] >= np.cumsum(c, axis=1)[:, :64] - 1e-13).all()


# the bounds on λ_min(K)


@examples(20)
@given(seed=seeds, name=names, L=depths, n=st.integers(1, 12), d=st.integers(2, 12))
def test_bounds_hold_for_every_layer(seed, name, L, n, d):
    X = unit(seed, n, d)
    rho = gram_separation(X)
    for layer, K in kernels(X, L, name):
        data = min_eigenvalue_lower_bound(X, hidden_layers=L, activation=name, layer=layer)
        separation = separation_lower_bound(rho, n, hidden_layers=L, activation=name, layer=layer)
        assert 0 <= separation <= data * (1 + 1e-9) + 1e-15
        assert data <= np.linalg.eigvalsh(K)[0] + rounding(K)


@examples(12)
@given(
    seed=seeds, name=names, L=depths, angle=st.floats(-6, -0.5).map(lambda e: 10.0**e), sign=st.sampled_from([1, -1])
)
def test_bounds_hold_for_close_and_for_nearly_opposite_inputs(seed, name, L, angle, sign):
    """The weights of orders that the coefficients miss matter here: least eigenvalues of powers grow like r angle²."""
    X = unit(seed, 3, 4)
    X[2] = sign * (np.cos(angle) * X[1] + np.sin(angle) * _orthogonal(X[1], X[0]))
    X /= np.linalg.norm(X, axis=1)[:, None]
    for layer, K in kernels(X, L, name):
        bound = min_eigenvalue_lower_bound(X, hidden_layers=L, activation=name, layer=layer)
        assert bound <= np.linalg.eigvalsh(K)[0] + rounding(K)


@examples(15)
@given(seed=seeds, name=names.filter(lambda name: name != "identity"), L=depths)
def test_bounds_are_positive_for_separated_inputs(seed, name, L):
    X = unit(seed)
    for layer in [*range(1, L + 2), None]:
        assert min_eigenvalue_lower_bound(X, hidden_layers=L, activation=name, layer=layer) > 0
        assert separation_lower_bound(0.7, 6, hidden_layers=L, activation=name, layer=layer) > 0


@examples(12)
@given(seed=seeds, name=names, L=depths)
def test_bounds_vanish_where_the_kernel_is_singular(seed, name, L):
    X = unit(seed)
    singular = [np.vstack([X, X[2]])]
    if name in ODD + EVEN:
        singular.append(np.vstack([X, -X[2]]))
    if name == "identity":
        singular.append(unit(seed, 9, 8))
    for inputs in singular:
        for layer in [*range(1, L + 2), None]:
            assert min_eigenvalue_lower_bound(inputs, hidden_layers=L, activation=name, layer=layer) == 0
    assert separation_lower_bound(1.0, 2, hidden_layers=L, activation=name) == 0


@pytest.mark.parametrize("name", ["tanh", "sin", "erf"])
@pytest.mark.parametrize("L", [1, 2, 3])
def test_odd_activations_lose_a_tenth_at_most_on_separated_inputs(name, L):
    for seed in range(3):
        X = unit(seed, 8, 16)
        for layer, K in kernels(X, L, name):
            bound = min_eigenvalue_lower_bound(X, hidden_layers=L, activation=name, layer=layer)
            assert bound >= 0.9 * np.linalg.eigvalsh(K)[0]


@examples(15)
@given(name=names.filter(lambda name: name != "identity"), L=st.integers(1, 5), angle=st.floats(0.15, 1.57))
def test_separation_bound_of_two_inputs_is_attained_from_below(name, L, angle):
    """λ_min(K) = Σ_r c_r (1 − ρ^r) for two inputs with ρ ≥ 0. Crediting all that the coefficients of abs miss at five
    hidden layers to the highest orders would exceed this by 7e-7; orders above 512 lack most, 2.7e-3 of the bound, at five
    hidden layers of abs and an angle of 0.15."""
    X = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    for layer, K in kernels(X, L, name):
        least = K[0, 0] - K[0, 1]
        bound = separation_lower_bound(np.cos(angle), 2, hidden_layers=L, activation=name, layer=layer)
        assert least * (1 - 3e-3) - rounding(K) <= bound <= least * (1 - 5e-11) + 5e-13 * K[0, 0]


@given(seed=seeds, name=names, L=depths)
def test_orthonormal_inputs_attain_both_bounds_up_to_the_constant_coefficient(seed, name, L):
    """(XXᵀ)^{∘r} = I for r ≥ 1, so that both are K_ii − c_0, which is λ_min(K)."""
    X = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]
    X /= np.linalg.norm(X, axis=1)[:, None]
    for layer, K in kernels(X, L, name):
        least = np.linalg.eigvalsh(K)[0]
        data = min_eigenvalue_lower_bound(X, hidden_layers=L, activation=name, layer=layer)
        separation = separation_lower_bound(0.0, 5, hidden_layers=L, activation=name, layer=layer)
        # the proved bounds of Hadamard powers give away up to 0.3 %
        assert least == pytest.approx(separation, rel=1e-9) and separation * 0.996 <= data <= least * (1 + 1e-9)


@given(seed=seeds, n=st.integers(1, 12), d=st.integers(1, 12))
def test_hadamard_power_bounds_hold(seed, n, d):
    X = unit(seed, n, d)
    bounds = hadamard_power_bounds(X, 40)
    assert (np.diff(bounds) >= 0).all() and (bounds >= gershgorin_bounds(gram_separation(X), n, 40) - 1e-9).all()
    for r in range(41):
        assert bounds[r] <= max(0.0, np.linalg.eigvalsh((X @ X.T) ** r)[0]) + 1e-12


def gram_separation(X):
    """Largest |⟨x_i, x_j⟩| of different rows, 0 for a single one."""
    S = np.abs(X @ X.T)
    np.fill_diagonal(S, 0.0)
    return min(1.0, S.max())


def _orthogonal(x, y):
    """Unit vector along the part of y orthogonal to x."""
    y = y - (y @ x) * x
    return y / np.linalg.norm(y)


# the failure probabilities


@given(eps=st.floats(1e-6, 1.0))
def test_psi_is_the_maximum_of_the_exponent(eps):
    exponent = lambda log_x: 1 - np.exp(-log_x / 2) - (1 - eps) * np.expm1(log_x) / 2  # noqa: E731
    best = minimize_scalar(lambda u: -exponent(u), bounds=(0.0, 80.0), method="bounded", options={"xatol": 1e-10})
    assert float(psi(eps)) == pytest.approx(-best.fun, rel=1e-4, abs=1e-14)
    assert float(psi(eps)) == pytest.approx(1 - 1.5 * (1 - eps) ** (1 / 3) + (1 - eps) / 2, abs=1e-15)


@given(seed=seeds, s=st.floats(-2, 3).map(lambda e: 10.0**e), n=st.integers(1, 5), rank=st.integers(1, 5))
def test_steps_of_the_laplace_transform(seed, s, n, rank):
    """E_a e^{−sa²M} = (I + 2sM)^{−1/2} ≼ I − gM, then tr exp(k log E(…)) ≤ n e^{−kgλ_min(E M)}."""
    M = matrices(seed, n, rank, 6)
    g = 1 - (1 + 2 * s) ** -0.5  # R_0 = 1
    values, vectors = np.linalg.eigh(M)
    values = np.maximum(values, 0.0)
    transform = (vectors * (1 + 2 * s * values[:, None]) ** -0.5) @ vectors.transpose(0, 2, 1)
    assert np.linalg.eigvalsh(np.eye(n) - g * M - transform).min() >= -1e-12
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    if s <= 1:  # the nodes resolve e^{−sa²μ}
        mean = (weights * np.exp(-s * nodes**2 * values[..., None])).sum(axis=-1) / np.sqrt(2 * np.pi)
        assert np.allclose(mean, (1 + 2 * s * values) ** -0.5, rtol=1e-9)
    k, least = 3, np.linalg.eigvalsh(M.mean(axis=0))[0]
    trace = (np.linalg.eigvalsh(transform.mean(axis=0)) ** k).sum()
    assert trace <= n * np.exp(-k * g * least) * (1 + 1e-10)


@given(seed=seeds, name=names)
def test_slopes_are_bounded(seed, name):
    u = np.concatenate([np.linspace(-6, 6, 20001), 10 * np.random.default_rng(seed).normal(size=1000), [2**0.5]])
    if hasattr(DUALS[name], "derivative"):
        slope = np.abs(DUALS[name].derivative(u)).max()
    else:
        slope = abs(DUALS[name].a) + abs(DUALS[name].b)
    assert 0.9999 * SLOPE_BOUNDS[name] <= slope <= SLOPE_BOUNDS[name] * (1 + 4e-16)  # a rounding of the slope itself


@given(seed=seeds, name=names, width=st.integers(1, 10**4), eps=st.floats(0.0, 1.0))
def test_failure_bounds_are_the_formulas(seed, name, width, eps):
    X = 1.5 * unit(seed, 5, 8)
    first, last = (np.linalg.eigvalsh(K)[0] for K in limit_grams(X, hidden_layers=1, activation=name).layers)
    rate = first / (SLOPE_BOUNDS[name] ** 2 * np.linalg.norm(X, 2) ** 2)
    exact = 5 * np.exp(-width * rate * (1 - 1.5 * (1 - eps) ** (1 / 3) + (1 - eps) / 2))
    assert first_layer_failure_bound(X, width, activation=name, eps=eps) == pytest.approx(exact, rel=1e-6)
    if name in BOUNDED:
        chernoff = 5 * (np.exp(-eps) / (1 - eps) ** (1 - eps)) ** (width * last / 5)
        assert last_layer_failure_bound(X, width, activation=name, eps=eps) == pytest.approx(chernoff, rel=1e-6)


@given(seed=seeds, name=names, width=st.integers(1, 1000), eps=st.floats(0.1, 1.0))
def test_failure_bounds_decrease_with_the_width(seed, name, width, eps):
    X = unit(seed, 5, 8)
    for bound in (first_layer_failure_bound, last_layer_failure_bound):
        if bound is first_layer_failure_bound or name in BOUNDED:
            assert bound(X, width + 1, activation=name, eps=eps) < bound(X, width, activation=name, eps=eps) <= 5


def test_failure_bound_of_orthonormal_inputs():
    """relu: K^1 = I/2, so the bound is n exp(−m ψ(ε)/2); the values for three cases."""
    for n, width, eps, value in ((4, 64, 0.5, 0.597), (4, 128, 0.5, 0.0891), (1, 16, 0.75, 0.2368)):
        bound = first_layer_failure_bound(np.eye(n), width, activation="relu", eps=eps)
        assert bound == pytest.approx(value, rel=2e-3)


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_failures_are_rarer_than_the_bounds(name):
    """2,000 networks of 4 orthonormal inputs: relative frequency plus 4 standard deviations below the bound."""
    rng, width, eps, X = np.random.default_rng(0), 64, 0.5, np.eye(4)
    z, a = rng.normal(size=(2000, width, 4)), rng.normal(size=(2000, width, 1))
    K = limit_grams(X, hidden_layers=1, activation=name).layers
    slope = (z > 0) * 1.0 if name == "relu" else DUALS[name].derivative(z)
    factors = [a * slope]
    grams = [(factors[0].transpose(0, 2, 1) @ factors[0]) / width * (X @ X.T)]
    bounds = [first_layer_failure_bound(X, width, activation=name, eps=eps)]
    if name == "tanh":
        value = np.tanh(z)
        grams.append(value.transpose(0, 2, 1) @ value / width)
        bounds.append(last_layer_failure_bound(X, width, activation=name, eps=eps))
    for G, limit, bound in zip(grams, K, bounds, strict=False):
        failures = np.linalg.eigvalsh(G)[:, 0] <= (1 - eps) * np.linalg.eigvalsh(limit)[0]
        assert failures.mean() + 4 * np.sqrt((failures.mean() + 1e-3) / 2000) <= bound


@given(seed=seeds, name=names, probability=st.floats(0.0, 0.999))
def test_sufficient_width_is_the_least_at_which_the_bound_suffices(seed, name, probability):
    X = unit(seed, 5, 8)
    width = sufficient_width(X, activation=name, probability=probability)
    fails = lambda m: first_layer_failure_bound(X, m, activation=name, eps=0.5)  # noqa: E731
    assert fails(width) <= (1 - probability) * (1 + 1e-9)
    assert width == 1 or fails(width - 1) >= (1 - probability) * (1 - 1e-9)


def test_lost_least_eigenvalue():
    """Repeated inputs: the rate is 0 or rounding is subtracted from it, the bound is trivial, no width is enough."""
    X = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert first_layer_rate(X, "relu") == 0
    assert first_layer_failure_bound(X, 10, activation="relu", eps=0.5) == 2
    with pytest.raises(ValueError, match="`X` must give a first-layer kernel"):
        sufficient_width(X, activation="relu")


X = unit(0, 3, 4)
LONG = X * [[1.0], [1.5], [1.0]]


def data(x=X, **kwargs):
    return lambda: min_eigenvalue_lower_bound(x, **{"hidden_layers": 1, **kwargs})


def separated(rho=0.5, n=3, **kwargs):
    return lambda: separation_lower_bound(rho, n, **{"hidden_layers": 1, **kwargs})


def failure(bound=first_layer_failure_bound, x=X, width=8, **kwargs):
    return lambda: bound(x, width, **{"activation": "tanh", "eps": 0.5, **kwargs})


CASES = {
    "norm": (data(LONG), "`X` must have rows of norm 1, row 1 has norm 1.5"),
    "nan": (data(np.full((2, 2), np.nan)), "`X` must be finite"),
    "depth": (data(hidden_layers=0), "`hidden_layers` must be a whole number of at least 1, got 0"),
    "name": (data(activation="tahn"), "`activation` 'tahn' is unknown: did you mean 'tanh'"),
    "layer 0": (data(layer=0), "`layer` must be a whole number of at least 1, got 0"),
    "layer 3": (data(layer=3), "`layer` must be at most 2, the number of layers, got 3"),
    "rho": (separated(1.5), r"`rho` must be a number in \[0, 1\], got 1.5"),
    "rho text": (separated("a"), r"`rho` must be a number in \[0, 1\], got 'a'"),
    "rho nan": (separated(np.nan), r"`rho` must be a number in \[0, 1\], got nan"),
    "rho bool": (separated(True), r"`rho` must be a number in \[0, 1\], got True"),
    "huge n": (separated(n=10**400), r"`n` must be a whole number of at most 2\^53, got one of 1329 bits"),
    "psi": (lambda: psi(np.array([0.5, 1.5])), r"`eps` must lie in \[0, 1\], got 0.5 to 1.5"),
    "psi nan": (lambda: psi(np.nan), "`eps` must be finite, got nan"),
    "huge width": (failure(width=10**400), r"`width` must be a whole number of at most 2\^53"),
    "n": (separated(n=0), "`n` must be a whole number of at least 1, got 0"),
    "terms": (
        lambda: kernel_coefficients("relu", hidden_layers=1, terms=0),
        "`terms` must be a whole number of at least 1, got 0",
    ),
    "width": (failure(width=0), "`width` must be a whole number of at least 1, got 0"),
    "eps": (failure(eps=-0.1), r"`eps` must be a number in \[0, 1\], got -0.1"),
    "eps nan": (failure(last_layer_failure_bound, eps=np.nan), r"`eps` must be a number in \[0, 1\], got nan"),
    "unbounded": (failure(last_layer_failure_bound, activation="relu"), r"`activation` must be bounded \(erf.*'relu'"),
    "probability": (
        lambda: sufficient_width(X, activation="relu", probability=1.0),
        r"`probability` must be a number in \[0, 1\), got 1.0",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input(case):
    call, message = CASES[case]
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("rows", [[[0.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]])
def test_a_zero_row_leaves_no_bound(rows):
    """λ_min(K^1) = 0, so no failure is excluded at any width."""
    X = np.array(rows)
    assert first_layer_failure_bound(X, 10**9, activation="tanh", eps=0.5) == 2.0
    with pytest.raises(ValueError, match="`X` must give a first-layer kernel with a least eigenvalue above rounding"):
        sufficient_width(X, activation="relu")


def test_large_rows_keep_their_bound():
    """Rows of norm 1e4: the rounding of K^1 of tanh is 5e-12 of its diagonal, below its least eigenvalue."""
    X = 1e4 * np.eye(3)
    assert 0 < first_layer_failure_bound(X, 10**7, activation="tanh", eps=0.5) < 3
