"""not-over-parameterization on drawn models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.general_lazy import cell
from checks.chizat2019lazy.scaled_flows import EXPONENTS, LOSSES, distances, draw
from checks.deterministic_slope import deterministic_slope
from checks.verdict import Verdict
from tests import examples

SMALL = ("neuron", "oscillator")
ALPHAS = [10.0 ** (k / 2) for k in range(7, 11)]
seeds = st.integers(0, 2**32 - 1)


def verdicts(found, factor):
    """Of the exponents times ``factor``."""
    parts = [deterministic_slope("", ALPHAS, found[key], predicted=factor * e) for key, e in EXPONENTS.items()]
    return {part.verdict for part in parts}


@pytest.mark.claim("chizat2019lazy/not-over-parameterization")
@examples(4)
@given(kind=st.sampled_from(SMALL), seed=seeds, loss=st.sampled_from(LOSSES))
def test_a_neuron_and_an_oscillator_train_lazily(kind, seed, loss):
    drawn = draw(kind, seed)
    assert len(drawn.start) < len(drawn.targets)
    found = distances(**cell(kind, seed, ALPHAS) | {"loss": loss, "rtol": 1e-5})
    assert verdicts(found, 1.0) == {Verdict.SUPPORTED} and verdicts(found, 0.5) == {Verdict.REFUTED}


@pytest.mark.claim("chizat2019lazy/not-over-parameterization")
@examples(6)
@given(seed=seeds, outputs=st.integers(8, 20), horizon=st.floats(0.2, 3))
def test_overdetermined_quadratic_maps_train_lazily(seed, outputs, horizon):
    found = distances(**cell("quadratic", seed, ALPHAS, outputs=outputs) | {"horizon": horizon})
    assert verdicts(found, 1.0) == {Verdict.SUPPORTED} and verdicts(found, 0.5) == {Verdict.REFUTED}


@pytest.mark.claim("chizat2019lazy/not-over-parameterization")
@examples(4)
@given(kind=st.sampled_from(SMALL), seed=seeds)
def test_at_a_fixed_scale_nothing_falls(kind, seed):
    found = distances(**cell(kind, seed, [1.0]))
    for key, exponent in EXPONENTS.items():
        values = np.full(len(ALPHAS), found[key][0])
        assert deterministic_slope("", ALPHAS, values, predicted=exponent).verdict is Verdict.REFUTED
