"""cnn-activation-stability on drawn seeds, and what its readings are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.cnn_activation_stability import ALPHAS, CLAIM, both_layers, stable
from checks.verdict import Verdict
from tests import examples, needs_cnn
from tests.claims import judged, part_of

LAYERS = [{"alphas": ALPHAS, "key": key} for key in ("flipped", "replaced")]


# One draw is two dozen trainings: the variety is in the networks and images that it draws itself.
@needs_cnn
@pytest.mark.claim("chizat2019lazy/cnn-activation-stability")
@examples(1)
@given(seed=st.integers(0, 2**31))
def test_activations_stay_at_a_large_scale_and_not_at_ten(seed):
    found, at_ten = judged(part_of(CLAIM, "a"), both_layers("quick"), seed)
    assert {evidence.verdict for evidence in found} == {Verdict.SUPPORTED}
    assert {evidence.verdict for evidence in at_ten} == {Verdict.REFUTED}


@given(exponent=st.floats(0.5, 2.0), case=st.sampled_from(LAYERS))
def test_stability_is_the_logarithm_of_the_share_at_the_end(exponent, case):
    shares = np.array(ALPHAS) ** -exponent
    found = {case["key"]: np.stack([np.full((5, 3), np.nan), np.tile(shares, (5, 1))], axis=2)}
    for k, alpha in enumerate(ALPHAS):
        assert stable(alpha, case, found).values == pytest.approx((k + 1) * exponent)


def test_no_change_at_all_is_no_number():
    """The judge is to say that there is nothing to measure, not that it is infinitely well."""
    case, found = LAYERS[0], {"flipped": np.zeros((6, 3, 2))}
    (part,) = (part for part in CLAIM.parts if part.letter == "a")
    assert part.judge(stable(100.0, case, found)).verdict is Verdict.INCONCLUSIVE
