"""The sum that relu kernels of close inputs rest on has full relative accuracy."""

import mpmath
import numpy as np
import pytest

from theory.dual_activations import sine_excess


def test_the_excess_of_the_sine_is_right_in_all_its_digits():
    angles = np.concatenate([np.geomspace(1e-9, np.pi, 200), np.linspace(0.69, 0.71, 9)])
    with mpmath.workdps(60):
        exact = [float(mpmath.sin(t) - t * mpmath.cos(t)) for t in map(mpmath.mpf, angles.tolist())]
    assert sine_excess(angles) == pytest.approx(np.array(exact), rel=1e-14, abs=0)
