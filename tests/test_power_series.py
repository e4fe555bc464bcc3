"""Squares of Hermite coefficients, on which lower bounds rest, are rounded down."""

import mpmath
import numpy as np
import pytest

from theory.power_series import squared_hermite

TERMS = 40


@pytest.mark.parametrize("q", [0.1, 0.3, 0.7, 1.0, 1.3])
@pytest.mark.parametrize("function, parity", [(np.sin, 1), (np.cos, 0)])
def test_squares_never_exceed_the_exact_ones_and_are_close_to_them(function, parity, q):
    """E e^{i√q Z}H_k(Z) = (i√q)^k e^{−q/2}/√k!: c_k² = q^k e^{−q}/k! for odd k of sin and even k of cos."""
    found = squared_hermite(function, q, TERMS, None)
    with mpmath.workdps(40):
        exact = [mpmath.mpf(q) ** k * mpmath.exp(-mpmath.mpf(q)) / mpmath.factorial(k) for k in range(TERMS)]
        assert all(
            mpmath.mpf(own) <= (square if k % 2 == parity else 0)
            for k, (own, square) in enumerate(zip(found, exact, strict=True))
        )
    expected = np.where(np.arange(TERMS) % 2 == parity, np.array(exact, dtype=float), 0)
    assert np.sqrt(found) == pytest.approx(np.sqrt(expected), abs=3e-15)
