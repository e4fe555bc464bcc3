"""cnn-activation-stability on drawn seeds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.cnn_activation_stability import slopes
from checks.chizat2019lazy.cnn_runs import train_on_digits
from checks.verdict import Verdict
from tests import examples

SETTING = {"n": 100, "width": 4, "epochs": 500, "device": "cpu", "levels": [0.5]}
ALPHAS = (10.0, 50.0, 250.0)


@pytest.mark.claim("chizat2019lazy/cnn-activation-stability")
@examples(1)
@given(first=st.integers(0, 2**31))
def test_weights_and_activations_move_like_the_inverse_of_the_scale(first):
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    runs = [[train_on_digits(seed=first + s, alpha=alpha, **SETTING) for alpha in ALPHAS] for s in range(7)]
    found = {key: np.array([[one[key] for one in line] for line in runs]) for key in ("moved", "flipped")}
    assert {part.verdict for part in slopes("", found, ALPHAS, -1.0, "quick")} == {Verdict.SUPPORTED}
    assert {part.verdict for part in slopes("", found, ALPHAS, -0.5, "quick")} == {Verdict.REFUTED}
