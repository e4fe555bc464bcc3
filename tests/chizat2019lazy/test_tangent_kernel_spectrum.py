"""tangent-kernel-spectrum on drawn seeds, and its control."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.cnn_runs import spectrum
from checks.chizat2019lazy.tangent_kernel_spectrum import FIRST, KINDS, LAST, gap
from checks.verdict import Verdict
from tests import examples


@pytest.mark.claim("chizat2019lazy/tangent-kernel-spectrum")
@examples(1)
@given(first=st.integers(0, 2**31))
def test_eigenvalues_fall_faster_on_digits_than_on_noise(first):
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    cells = [spectrum(seed=first + s, n=100, width=4, images=KINDS, device="cpu") for s in range(8)]
    found = np.array([one["eigenvalues"] for one in cells])
    assert (np.diff(found) <= 0).all()
    assert gap("", found[:, :2]).verdict is Verdict.SUPPORTED
    assert gap("", found[:, 1:]).verdict is Verdict.REFUTED


@given(exponent=st.floats(0.1, 2))
def test_the_gap_is_that_of_the_logarithms(exponent):
    ranks = np.arange(1, 101.0)
    found = gap("", np.array([[ranks**-exponent, np.ones(100)]] * 5))
    assert found.measured == pytest.approx(exponent * np.log10(LAST / FIRST))
