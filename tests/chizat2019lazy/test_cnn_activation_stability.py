"""cnn-activation-stability on drawn seeds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.cnn_activation_stability import CLAIM, QUANTITIES
from checks.chizat2019lazy.cnn_designs import digits
from checks.claim import Case
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of

pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")


# One draw is two dozen trainings: the variety is in the networks and images that it draws itself.
@pytest.mark.claim("chizat2019lazy/cnn-activation-stability")
@examples(1)
@given(seed=st.integers(0, 2**31))
def test_weights_and_activations_move_like_the_inverse_of_the_scale(seed):
    config = digits("quick", [10.0, 50.0, 250.0], [0.5])
    cases = [Case(key, config, draws=7, select={"key": key, "margin": 0.1}) for key in QUANTITIES]
    found, half = judged(part_of(CLAIM, "a"), cases, seed)
    assert {evidence.verdict for evidence in found} == {Verdict.SUPPORTED}
    assert {evidence.verdict for evidence in half[:2]} == {Verdict.REFUTED}
