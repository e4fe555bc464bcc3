"""tangent-kernel-spectrum on drawn seeds, and its control."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.tangent_kernel_spectrum import CLAIM, FIRST, LAST, excess, networks
from checks.measurements.convolutional import spectra
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of


# One draw is a dozen networks: the variety is in the networks and images that it draws itself.
@pytest.mark.claim("chizat2019lazy/tangent-kernel-spectrum")
@examples(1)
@given(seed=st.integers(0, 2**31))
def test_eigenvalues_fall_faster_on_digits_than_on_noise(seed):
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    (found,), (noise,) = judged(part_of(CLAIM, "a"), networks("quick"), seed)
    assert found.verdict is Verdict.SUPPORTED and noise.verdict is Verdict.REFUTED


def test_eigenvalues_fall():
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    config = networks("quick")[0].config
    found = spectra(**config, stream=[0, 1, 2, 3], first=0, draws=1, device="cpu")["eigenvalues"]
    assert found.shape == (1, 3, config["n"]) and (np.diff(found) <= 0).all()


@given(exponent=st.floats(0.1, 2))
def test_the_gap_is_that_of_the_logarithms(exponent):
    ranks = np.arange(1, 101.0)
    found = excess({}, {"eigenvalues": np.array([[ranks**-exponent, np.ones(100)]] * 5)})
    assert found.values == pytest.approx(exponent * np.log10(LAST / FIRST))
