"""Losses against their definitions in many digits."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.losses import LogCoshLoss, SquareLoss, rounding_loss
from tests.flows import Logistic, Poisson

sizes = st.floats(-150, 150).map(lambda e: 10.0**e) | st.floats(0.01, 40)
signs = st.sampled_from([-1.0, 1.0])


@given(u=sizes, sign=signs, mu=st.floats(0.01, 1), ratio=st.floats(1, 100), soft_far=st.booleans())
def test_log_cosh_loss_gradient_and_curvature(u, sign, mu, ratio, soft_far):
    u, M = sign * u, mu * ratio
    value, gradient, curvature = LogCoshLoss(np.zeros(1), mu, M, soft_far).evaluate(np.array([u]))
    with mpmath.workdps(400):
        outer, spread = (mu, mpmath.mpf(M) - mu) if soft_far else (M, mu - mpmath.mpf(M))
        exact = mpmath.mpf(outer) * mpmath.mpf(u) ** 2 / 2 + spread * mpmath.log(mpmath.cosh(mpmath.mpf(u)))
        slope = outer * mpmath.mpf(u) + spread * mpmath.tanh(u)
        bend = outer + spread / mpmath.cosh(mpmath.mpf(u)) ** 2
    # for soft_far=False the two terms cancel down to μu²/2, which costs a factor M/μ
    assert value == pytest.approx(float(exact), rel=1e-14 * ratio, abs=1e-300)
    assert gradient[0] == pytest.approx(float(slope), rel=1e-14 * ratio, abs=1e-300)
    assert curvature[0] == pytest.approx(float(bend), rel=1e-14 * ratio)
    assert mu * (1 - 1e-13 * ratio) <= curvature[0] <= M * (1 + 1e-13)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6), weight=st.floats(0.01, 10))
def test_square_loss(seed, n, weight):
    y, f = np.random.default_rng(seed).normal(size=(2, n))
    value, gradient, curvature = SquareLoss(y, weight).evaluate(f)
    assert value == pytest.approx(weight / 2 * sum((a - b) ** 2 for a, b in zip(f, y, strict=True)))
    assert np.allclose(gradient, weight * (f - y)) and np.array_equal(curvature, np.full(n, weight))


@given(seed=st.integers(0, 2**32 - 1))
def test_equal_constants_make_the_log_cosh_loss_quadratic(seed):
    y, f = np.random.default_rng(seed).normal(size=(2, 3))
    for soft_far in (True, False):
        for a, b in zip(LogCoshLoss(y, 2.0, 2.0, soft_far).evaluate(f), SquareLoss(y, 2.0).evaluate(f), strict=True):
            assert np.allclose(a, b, rtol=1e-14)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 4))
def test_the_rounding_of_a_loss_is_that_at_its_point_whatever_the_minimum(seed, n):
    """At least the change that any signs of the errors make, at most a few times as much."""
    rng = np.random.default_rng(seed)
    f, sizes = rng.normal(size=n), 10.0 ** rng.uniform(-9, -5, size=n)
    for loss in (SquareLoss(f + rng.normal(size=n)), Logistic(), Poisson(), Poisson(deviance=True)):
        value = loss.evaluate(f)[0]
        signs = np.array(np.meshgrid(*[(-1, 1)] * n)).reshape(n, -1).T
        worst = max(abs(loss.evaluate(f + sign * sizes)[0] - value) for sign in signs)
        assert worst <= rounding_loss(loss, f, sizes) <= 4 * worst + 1e-13


def test_the_rounding_of_a_loss_sees_its_own_rounding():
    at_minimum = np.full(1, np.log(3))
    for loss in (Poisson(), Poisson(deviance=True)):
        assert 1e-16 < rounding_loss(loss, at_minimum, np.full(1, 1e-16)) < 1e-14
    assert rounding_loss(SquareLoss(np.full(1, 3.0)), np.full(1, 3.0), np.full(1, 1e-16)) < 1e-29
