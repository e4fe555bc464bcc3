"""Dual activations against two-dimensional quadrature in extended precision and one-dimensional integrals in mpmath."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from tests import examples
from theory import dual_activation
from theory.dual_activations import DUALS, PiecewiseLinear
from theory.logistic_duals import series_nodes

SMOOTH = [name for name, dual in DUALS.items() if not isinstance(dual, PiecewiseLinear)]
KINKED = [name for name, dual in DUALS.items() if isinstance(dual, PiecewiseLinear)]
EXACT = {  # σ and σ' in extended precision
    "tanh": (np.tanh, lambda u: 1 / np.cosh(u) ** 2),
    "sigmoid": (lambda u: 1 / (1 + np.exp(-u)), lambda u: 1 / (2 + np.exp(u) + np.exp(-u))),
    "softplus": (lambda u: np.logaddexp(0, u), lambda u: 1 / (1 + np.exp(-u))),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda u: -np.sin(u)),
}
variances = st.floats(0.05, 20.0)
correlations = st.one_of(st.floats(-1.0, 1.0), st.sampled_from([-1.0, -1 + 1e-9, 0.0, 1 - 1e-9, 1.0]))


def trapezoid(f, g, q1, q2, rho, step=0.055):
    """E f(u) g(v) on a grid of spacing `step` over ±13 standard deviations, in extended precision."""
    z = np.longdouble(step) * np.arange(-int(13 / step), int(13 / step) + 1)
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    rho = np.longdouble(rho)
    u, v = np.sqrt(np.longdouble(q1)) * z, np.sqrt(np.longdouble(q2)) * (rho * z[:, None] + np.sqrt(1 - rho**2) * z)
    return float((weights * f(u)) @ g(v) @ weights)


def erf_pair(q1, q2, rho):
    """E erf erf and E erf' erf', the value as ∫_0^ρ of its derivative in ρ, for an odd function."""
    product = mpmath.sqrt(q1 * q2)
    slope = lambda r: 4 / (mpmath.pi * mpmath.sqrt((1 + 2 * q1) * (1 + 2 * q2) - 4 * (r * product) ** 2))  # noqa: E731
    return mpmath.quad(lambda r: product * slope(r), [0, rho]), slope(rho)


def gelu_pair(q1, q2, rho):
    """Trapezoid rule over u = √q1 z: given u, v is Gaussian and E gelu(v), E gelu'(v) are elementary (Stein's lemma)."""
    z, step = np.linspace(-14, 14, 1121, retstep=True)
    phi = lambda x: np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)  # noqa: E731
    u, mean, rest = np.sqrt(q1) * z, rho * np.sqrt(q2) * z, q2 * (1 - rho**2)
    t, weights = mean / np.sqrt(1 + rest), step * phi(z)
    density = phi(t) / np.sqrt(1 + rest)
    value = mean * ndtr(t) + rest * density
    derivative = ndtr(t) + mean * density - rest * t * density / np.sqrt(1 + rest)
    return weights @ (u * ndtr(u) * value), weights @ ((ndtr(u) + u * phi(u)) * derivative)


def reference(name, q1, q2, angle):
    if name in EXACT:
        f, df = EXACT[name]
        rho = np.cos(np.longdouble(angle))
        return trapezoid(f, f, q1, q2, rho), trapezoid(df, df, q1, q2, rho)
    if name == "gelu":
        return gelu_pair(q1, q2, np.cos(angle))
    return tuple(map(float, erf_pair(mpmath.mpf(q1), mpmath.mpf(q2), mpmath.cos(angle))))


def computed(name, q1, q2, angle):
    """Value and derivative dual of one pair, and the four diagonal values that set its scale."""
    dual = DUALS[name]
    q = np.array([q1, q2])
    theta = np.array([[0.0, angle], [angle, 0.0]])
    features, p = dual.features(q, q.max()), dual.variance(q)
    value, derivative, _ = dual.layer(features, features, p, p, theta)
    scale = np.sqrt(value[0, 0] * value[1, 1]), np.sqrt(derivative[0, 0] * derivative[1, 1])
    assert np.allclose(np.diag(value), p, rtol=2e-13)
    return (value[0, 1], derivative[0, 1]), scale


@pytest.mark.parametrize("name", SMOOTH)
@examples(8)
@given(q1=variances, q2=variances, rho=correlations)
def test_smooth_duals_are_right_to_2e13_of_the_diagonal(name, q1, q2, rho):
    angle = float(np.arccos(np.float64(rho)))
    exact = reference(name, q1, q2, angle)
    values, scales = computed(name, q1, q2, angle)
    for value, truth, scale in zip(values, exact, scales, strict=True):
        assert abs(value - truth) <= 2e-13 * scale


def fourier(q1, q2, angle):
    """E tanh'(u) tanh'(v) from the Fourier transform πs/sinh(πs/2) of tanh', on a grid along and across the line s = t."""
    q1, q2, theta = (np.longdouble(x) for x in (q1, q2, min(angle, np.pi - angle)))  # tanh' is even
    near, far = 2 * np.sin(theta / 2) ** 2, 2 * np.cos(theta / 2) ** 2
    widest = 40 / (1 / np.sqrt(q1) + 1 / np.sqrt(q2))
    p = np.linspace(-10, 10, 161, dtype=np.longdouble)
    end = min(widest, 10 / np.sqrt(near)) if near else widest
    m = np.linspace(-end, end, 1201, dtype=np.longdouble)
    transform = lambda x: np.divide(x, np.sinh(x), out=np.ones_like(x), where=x != 0) * 2  # noqa: E731
    s, t = ((p[:, None] + sign * m) / np.sqrt(2 * q) for sign, q in ((1, q1), (-1, q2)))
    values = transform(np.pi * s / 2) * transform(np.pi * t / 2) * np.exp(-(far * p[:, None] ** 2 + near * m**2) / 2)
    return float(values.sum() * (p[1] - p[0]) * (m[1] - m[0]) / (4 * np.pi**2 * np.sqrt(q1 * q2)))


@pytest.mark.parametrize("variance", [20.0, 1e4, 1e8])
@pytest.mark.parametrize("angle", [0.0, 1e-4, 0.1, 1.5, 3.0])
@pytest.mark.parametrize("ratio", [1.0, 0.1])
def test_large_variances_against_a_fourier_integral(variance, angle, ratio):
    values, scales = computed("tanh", variance, ratio * variance, angle)
    assert abs(values[1] - fourier(variance, ratio * variance, angle)) <= 1e-12 * scales[1]


@given(exponent=st.floats(-11, 1.5))
def test_few_nodes_carry_the_sum_over_all_terms(exponent):
    """Σ_k C(2k, k)/4^k e^{−kt} = (1 − e^{−t})^{−1/2}."""
    t = 10.0**exponent
    k, weights = series_nodes(60 / t)
    assert weights @ np.exp(-k * t) == pytest.approx(1 / np.sqrt(-np.expm1(-t)), rel=1e-14)
    assert len(k) <= 130


@pytest.mark.parametrize("name", KINKED)
@given(q1=variances, q2=variances, angle=st.floats(0.0, np.pi))
def test_piecewise_linear_duals_against_the_quadrant_integrals(name, q1, q2, angle):
    """E|u||v| by an integral over polar angle, E sgn sgn by the area of the quadrants."""
    a, b = DUALS[name].a, DUALS[name].b
    theta = mpmath.mpf(angle)
    both = mpmath.quad(lambda t: abs(mpmath.cos(t) * mpmath.cos(t - theta)), kinks(theta)) * 2 / mpmath.pi
    exact = mpmath.sqrt(mpmath.mpf(q1) * q2) * (a**2 * mpmath.cos(theta) + b**2 * both)
    (value, derivative), (scale, slope_scale) = computed(name, q1, q2, angle)
    assert abs(value - float(exact)) <= 1e-13 * scale
    assert abs(derivative - float(a**2 + b**2 * (1 - 2 * theta / mpmath.pi))) <= 1e-13 * slope_scale


def kinks(theta):
    """Ends and kinks of |cos t cos(t − θ)| over half a turn, its period."""
    half = mpmath.pi / 2
    return sorted([mpmath.mpf(0), half, theta - half if theta > half else theta + half, mpmath.pi])


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs"])
@given(exponent=st.floats(-10.0, -1.0))
def test_next_angle_keeps_full_relative_accuracy_for_close_inputs(name, exponent):
    dual, angle = DUALS[name], 10.0**exponent
    one = np.ones(1)
    p = dual.variance(one)
    _, _, after = dual.layer(one, one, p, p, np.array([[angle]]))
    mpmath.mp.dps, theta = 50, mpmath.mpf(angle)
    weight = 2 * mpmath.mpf(dual.b) ** 2 / (mpmath.pi * (mpmath.mpf(dual.a) ** 2 + mpmath.mpf(dual.b) ** 2))
    cosine = mpmath.cos(theta) + weight * (mpmath.sin(theta) - theta * mpmath.cos(theta))
    exact = float(mpmath.acos(cosine))
    mpmath.mp.dps = 15
    assert after[0, 0] == pytest.approx(exact, rel=1e-14)


@pytest.mark.parametrize("name", DUALS)
def test_equal_rows_stay_equal(name):
    """Rounding of their cosine would open an angle of 1e-8."""
    dual, q = DUALS[name], np.linspace(0.1, 4.0, 60)
    features, p = dual.features(q, q.max()), dual.variance(q)
    assert not np.diag(dual.layer(features, features, p, p, np.zeros((60, 60)))[2]).any()


@pytest.mark.parametrize("name", DUALS)
@examples(10)
@given(q=st.floats(0.1, 4.0), angle=st.floats(0.0, np.pi))
def test_squared_moments_lie_between_their_bounds(name, q, angle):
    """E σ²σ² is at most E σ⁴ (Cauchy-Schwarz), with equality on the diagonal, and at least (E σσ)²."""
    dual, variances = DUALS[name], np.array([q])
    theta = np.array([[angle]])
    p = dual.variance(variances)
    features = dual.features(variances, q)
    for level, (square, square0, plain) in enumerate(
        zip(
            dual.squared_moments(variances, variances, theta),
            dual.squared_moments(variances, variances, 0 * theta),
            dual.layer(features, features, p, p, theta)[:2],
            strict=True,
        )
    ):
        assert square <= square0 * (1 + 1e-12), level
        assert square >= plain**2 - 1e-12 * square0, level


@pytest.mark.parametrize("name", ["tanh", "gelu", "sin"])
@examples(5)
@given(q=st.floats(0.1, 4.0), rho=st.floats(-1.0, 1.0))
def test_pairs_of_functions(name, q, rho):
    """σ² against σ', a pair without symmetry, on the extended-precision grid."""
    dual = DUALS[name]
    f, g = (lambda u: dual.function(np.asarray(u, float)) ** 2), (lambda u: dual.derivative(np.asarray(u, float)))
    value = dual_activation(f, g, np.array([q]), np.array([2 * q]), np.array([[rho]]))
    scale = np.sqrt(trapezoid(f, f, q, q, 1.0) * trapezoid(g, g, 2 * q, 2 * q, 1.0))
    assert abs(value[0, 0] - trapezoid(f, g, q, 2 * q, rho)) <= 1e-13 * scale


@pytest.mark.parametrize("name", ["erf", "gelu", "sin", "tanh", "sigmoid", "softplus"])
def test_squared_moments_at_the_end_of_their_range(name):
    dual = DUALS[name]
    q = min(dual.squares_norm, 24.0) ** 2
    values = dual.squared_moments(np.array([q]), np.array([q]), np.zeros((1, 1)))
    for value, f in zip(values, (dual.function, dual.derivative), strict=True):
        z = 0.005 * np.arange(-2600, 2601)
        exact = (f(np.sqrt(q) * z) ** 4 * np.exp(-(z**2) / 2)).sum() * 0.005 / np.sqrt(2 * np.pi)
        assert value[0, 0] == pytest.approx(exact, rel=1e-12)


@given(q=st.floats(1.0, 1e14))
def test_a_function_is_resolved_or_refused(q):
    """E sin² = (1 − e^{−2q})/2; on two nested grids the aliases of a fast function would agree."""
    try:
        value = dual_activation(np.sin, np.sin, [q], [q], [[1.0]])[0, 0]
    except ValueError:
        value = None
    assert value is None or abs(value + np.expm1(-2 * q) / 2) <= 1e-13
    assert value is not None or q > 1000


def test_functions_of_a_constant():
    value = dual_activation(np.cos, np.exp, [0.0, 1.0], [0.0], np.zeros((2, 1)))
    assert value[:, 0] == pytest.approx([1.0, np.exp(-0.5)], rel=1e-14)
    assert not dual_activation(np.sin, np.sin, [0.0], [0.0, 1.0], np.zeros((1, 2))).any()


def test_a_kinked_function_is_not_resolved_and_says_so():
    with pytest.raises(ValueError, match="must be analytic"):
        dual_activation(np.abs, np.abs, np.ones(1), np.ones(1), np.zeros((1, 1)))
