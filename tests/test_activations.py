"""Activations and derivatives of the finite-width side against mpmath, and against the analytic side's."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.activations import ACTIVATIONS, _exp_and_expm1, activate

SIGMOID = lambda u: 1 / (1 + mpmath.exp(-u))  # noqa: E731
EXACT = {
    "relu": (lambda u: max(u, 0), lambda u: float(u > 0)),
    "leaky_relu": (lambda u: u if u > 0 else mpmath.mpf(0.01) * u, lambda u: 1.0 if u > 0 else 0.01),
    "abs": (abs, mpmath.sign),
    "identity": (lambda u: u, lambda u: 1),
    "erf": (mpmath.erf, lambda u: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-(u**2))),
    "gelu": (lambda u: u * mpmath.ncdf(u), lambda u: mpmath.ncdf(u) + u * mpmath.npdf(u)),
    "sin": (mpmath.sin, mpmath.cos),
    "cos": (mpmath.cos, lambda u: -mpmath.sin(u)),
    "tanh": (mpmath.tanh, lambda u: mpmath.sech(u) ** 2),
    "sigmoid": (SIGMOID, lambda u: SIGMOID(u) * SIGMOID(-u)),
    "softplus": (lambda u: mpmath.log(1 + mpmath.exp(u)), SIGMOID),
}


def test_every_activation_has_a_reference():
    assert set(EXACT) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", EXACT)
@given(z=st.lists(st.one_of(st.floats(-30, 30), st.floats(-1e-3, 1e-3)), min_size=1, max_size=40))
def test_values_and_derivatives_are_right_to_a_few_units_in_the_last_place(name, z):
    z = np.array(z)
    value = z.copy()
    derivative = activate(name, value)
    with mpmath.workdps(40):
        exact = [[float(f(mpmath.mpf(u))) for f in EXACT[name]] for u in z]
    # the distribution function's own rounding, amplified in the tail, limits gelu's derivative
    absolute = 1e-15 if name == "gelu" else 1e-300
    assert np.allclose(value, [e[0] for e in exact], rtol=1e-14, atol=absolute)
    # rounding z² moves e^{−z²} by z² units in the last place
    assert np.allclose(derivative, [e[1] for e in exact], rtol=2e-13 if name == "erf" else 1e-14, atol=absolute)


LIMITS = {  # σ and σ' at large |z|, relative to z where σ grows
    "relu": ((0, 0), (1, 1)), "leaky_relu": ((0.01, 0.01), (1, 1)), "abs": ((-1, -1), (1, 1)), "erf": ((-1, 0), (1, 0)),
    "gelu": ((0, 0), (1, 1)), "tanh": ((-1, 0), (1, 0)), "sigmoid": ((0, 0), (1, 0)), "softplus": ((0, 0), (1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("size", [800.0, 1e154, 1e300])
def test_large_arguments_reach_their_limits(name, size):
    for sign, (level, slope) in zip((-1.0, 1.0), LIMITS[name], strict=True):
        value = np.array([sign * size])
        derivative = activate(name, value)
        grows = name in ("relu", "leaky_relu", "abs", "gelu", "softplus")
        assert value[0] / (sign * size if grows else 1.0) == pytest.approx(level, abs=1e-300)
        assert derivative[0] == pytest.approx(slope, abs=1e-300)


@given(k=st.integers(0, 1000), side=st.floats(-1e-3, 1e-3))
def test_the_exponential_is_right_where_its_series_is_longest(k, side):
    """At (k + ½) ln 2, half-way between two powers of 2; the last term left out moves it by thirty units in the last place."""
    x = -(k + 0.5) * np.log(2) * (1 + side)
    assert _exp_and_expm1(x) == pytest.approx((float(mpmath.exp(x)), float(mpmath.expm1(x))), rel=1e-15, abs=0)


@given(k=st.integers(-(2**20), 2**20), side=st.floats(-1e-3, 1e-3), far=st.booleans())
def test_sine_and_cosine_are_right_beside_their_zeros_and_with_any_neighbour(k, side, far):
    """Near kπ/2 all digits but the last of x cancel; a neighbour beyond the range of the reduction changes the formula."""
    x = np.array([k * np.pi / 2 + side, 1e22 if far else 0.5])
    value = x.copy()
    slope = activate("sin", value)
    with mpmath.workdps(60):
        exact = [[float(f(mpmath.mpf(u))) for u in x] for f in EXACT["sin"]]
    assert np.allclose([value, slope], exact, rtol=5e-16, atol=0)


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_and_cosine_of_what_is_not_finite_are_not_numbers(name):
    for u in (np.nan, np.inf, -np.inf):
        value = np.array([u])
        assert np.isnan([activate(name, value)[0], value[0]]).all()


@pytest.mark.parametrize("name", ["relu", "gelu", "softplus"])
def test_an_overflow_is_not_hidden(name):
    """Where large negative numbers become 0, an infinite one is no number."""
    value = np.array([-np.inf, -1e300])
    activate(name, value)
    assert np.isnan(value[0]) and value[1] == 0
