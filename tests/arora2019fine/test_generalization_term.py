"""generalization-term on drawn inputs, with kernels and moments written out anew."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.arora2019fine.generalization_term import CLAIM, POWERS
from checks.claim import Case
from checks.measurements.data import inputs, samples
from checks.measurements.label_costs import digit_costs, harmonic_costs, polynomial_costs
from checks.measurements.streams import draw_seeds
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of
from theory.generalization_bounds import cubic_square, linear_shortfall, power_coefficient

seeds = st.integers(0, 2**32 - 1)
STREAM = [0, 0, 0]


def kernel(X):
    """t(π − arccos t)/(2π), entry by entry."""
    t = np.clip(X @ X.T, -1, 1)
    return t * (np.pi - np.arccos(t)) / (2 * np.pi)


def cost(X, y, H=None):
    return y @ np.linalg.solve(kernel(X) if H is None else H, y)


@pytest.mark.claim("arora2019fine/generalization-term")
@examples(15)
@given(n=st.integers(2, 128), d=st.integers(3, 40), power=st.integers(0, 3), seed=seeds)
def test_the_cost_of_polynomials_stays_below_its_bound(n, d, power, seed):
    case = Case("", {"n": n, "d": d, "powers": POWERS}, 1, 1, {"power": power})
    (found,), _ = judged(part_of(CLAIM, "a"), [case], seed)
    assert found.verdict is Verdict.SUPPORTED, found


@pytest.mark.claim("arora2019fine/generalization-term")
@examples(8)
@given(n=st.integers(2, 48), d=st.integers(4, 16), seed=seeds)
def test_costs_are_those_of_the_kernels_written_out(n, d, seed):
    stream = [seed, *STREAM]
    X = inputs("random", n=n, d=d, seed=draw_seeds(stream, 0, 1)[0])
    t, H = X[:, 0], kernel(X)
    theta = np.arccos(np.clip(X @ X.T, -1, 1))
    both = H + (np.sin(theta) + (np.pi - theta) * np.cos(theta)) / (2 * np.pi)
    found = polynomial_costs(n=n, d=d, powers=[1, 2, 3], stream=stream, first=0, draws=1)
    assert found["inner"][0] == pytest.approx([cost(X, t**p) for p in (1, 2, 3)], rel=1e-4)
    assert found["both"][0] == pytest.approx([cost(X, t**p, both) for p in (1, 2, 3)], rel=1e-4)
    assert found["largest"][0] == pytest.approx([np.abs(t**p).max() for p in (1, 2, 3)])
    found = harmonic_costs(n=n, d=d, stream=stream, first=0, draws=1)
    assert found["inner"][0] == pytest.approx([cost(X, t**3 - 3 * t / (d + 2)), cost(X, t)], rel=1e-4)
    assert found["trace"][0] == pytest.approx(sum(cost(X, e) for e in np.eye(n)), rel=1e-4)


@pytest.mark.claim("arora2019fine/generalization-term")
@examples(4)
@given(n=st.integers(40, 80), seed=seeds)
def test_permuted_labels_are_those_of_the_digits(n, seed):
    """The same number of each; the first are not permuted, and the two permutations differ. Few, since digits are few."""
    stream = [seed, *STREAM]
    X, y = samples({"kind": "digits", "n": n, "target": "own"}, draw_seeds(stream, 0, 1)[0])
    true, *permuted = digit_costs(n=n, stream=stream, first=0, draws=1)["inner"][0]
    assert true == pytest.approx(cost(X, y), rel=1e-4)
    assert permuted[0] != permuted[1] and min(permuted) > true


def test_coefficients_are_those_of_the_series():
    """By differentiation; and 1/√c_p is at most the 3p of the paper."""
    series = mpmath.taylor(lambda t: t * (mpmath.pi - mpmath.acos(t)) / (2 * mpmath.pi), 0, 10)
    assert [power_coefficient(p) for p in range(11)] == pytest.approx([float(c) for c in series], abs=1e-12)
    assert all(power_coefficient(p) ** -0.5 <= 3 * p for p in (1, *range(2, 1001, 2)))
    assert sum(map(power_coefficient, range(1001))) == pytest.approx(0.5, abs=0.01)  # all of H_ii, slowly


@examples(10)
@given(d=st.integers(2, 60))
def test_moments_are_those_of_the_sphere(d):
    """By quadrature over t, which has the density (1 − t²)^{(d−3)/2}; g is orthogonal to t."""
    weight = lambda t: (1 - t**2) ** mpmath.mpf((d - 3) / 2)  # noqa: E731
    mean = lambda f: mpmath.quad(lambda t: f(t) * weight(t), [-1, 0, 1]) / mpmath.quad(weight, [-1, 0, 1])  # noqa: E731
    g = lambda t: t**3 - 3 * t / mpmath.mpf(d + 2)  # noqa: E731
    assert cubic_square(d) == pytest.approx(float(mean(lambda t: g(t) ** 2)), rel=1e-6)
    assert float(mean(lambda t: g(t) * t)) == pytest.approx(0, abs=1e-8)


@examples(5)
@given(n=st.integers(8, 24), d=st.integers(3, 6))
def test_the_mean_of_the_quadratic_form_is_what_the_shortfall_says(n, d):
    """E yᵀHy n²/(4(E yᵀy)²) = 1 + shortfall for y = Xβ, the mean over all β and 400 X, within its own error."""
    draws = (inputs("random", n=n, d=d, seed=seed) for seed in range(400))
    forms = [4 * d * np.trace(X.T @ kernel(X) @ X) / n**2 for X in draws]
    error = 4 * np.std(forms) / 20
    assert np.mean(forms) == pytest.approx(1 + linear_shortfall(n, d), abs=error) and error < d / n / 2
