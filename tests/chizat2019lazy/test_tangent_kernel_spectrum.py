"""tangent-kernel-spectrum on drawn seeds, and its controls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.tangent_kernel_spectrum import CLAIM, excess, networks
from checks.measurements.convolutional import spectra
from checks.verdict import Verdict
from tests import examples, needs_cnn
from tests.claims import judged, part_of


# One draw is a dozen networks: the variety is in the networks and images that it draws itself.
@needs_cnn
@pytest.mark.claim("chizat2019lazy/tangent-kernel-spectrum")
@examples(1)
@given(seed=st.integers(0, 2**31))
def test_eigenvalues_fall_faster_on_digits_than_on_noise(seed):
    (found,), (whole,) = judged(part_of(CLAIM, "a"), networks("quick"), seed)
    assert found.verdict is Verdict.SUPPORTED and whole.verdict is Verdict.REFUTED


@needs_cnn
def test_eigenvalues_fall_and_the_mean_kernel_is_that_of_the_whole():
    config = networks("quick")[0].config | {"n": 20}
    found = spectra(**config, stream=[0, 1, 2, 3], first=0, draws=1, device="cpu")
    assert found["mean"].shape == (1, 3, 20) and found["whole"].shape == (1, 3, 200)
    assert all((np.diff(values) <= 0).all() for values in found.values())
    assert found["whole"].sum(axis=2) == pytest.approx(10 * found["mean"].sum(axis=2), rel=1e-12)


@given(exponent=st.floats(0.1, 2), kernel=st.sampled_from([("mean", 2, 50), ("whole", 20, 500)]))
def test_the_gap_is_that_of_the_logarithms(exponent, kernel):
    name, first, last = kernel
    ranks = np.arange(1, 1001.0)
    found = excess({}, {name: np.array([[ranks**-exponent, np.ones(1000)]] * 5)}, kernel)
    assert found.values == pytest.approx(exponent * np.log10(last / first))
