"""lazy-threshold on drawn configurations."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.claim import Case
from checks.judges import Draws, Gap, Slope
from checks.li2024demystifying.lazy_threshold import CLAIM, SMALL_SCALES, signed_slopes
from checks.measurements.trainings import along, drifts, network
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of
from tests.lazy import activations, data_sets, drawn, mostly_supported, seeds, start_of

WIDTHS = [128, 512, 2048]


@pytest.mark.claim("li2024demystifying/lazy-threshold")
def test_the_sign_of_gamma_decides():
    def judge(data, activation, gamma, sign, seed):
        case = drawn(network(1, activation, data, along(WIDTHS, sign * gamma, 1.0)), seed)
        found = drifts(**case, first=0, draws=8)
        opposite = Slope(sign * gamma / 2, gamma / 2)(Draws(found["drift"], WIDTHS))
        assert opposite.verdict is not Verdict.SUPPORTED
        return Gap(0.01)(signed_slopes(case | {"gamma": sign * gamma}, found))

    cases = {"data": data_sets(6, each=1 / 4), "activation": activations, "seed": seeds}
    assert mostly_supported(judge, 5, **cases, gamma=st.floats(0.15, 0.25), sign=st.sampled_from([1, -1]))


@pytest.mark.claim("li2024demystifying/lazy-threshold")
@examples(5)
@given(seed=seeds, L=st.integers(1, 2))
def test_all_layers_of_relu_grow_where_kappa_tends_to_zero(seed, L):
    pairs = [[128, kappa] for kappa in SMALL_SCALES[L, "relu"]]
    config = network(L, "relu", {"kind": "random", "n": 4, "d": 8}, pairs)
    (found,), (control,) = judged(part_of(CLAIM, "d"), [Case("", config, 5, 5)], seed)
    assume("not finite" not in found.note)  # a flow that does not end
    assert found.verdict is Verdict.SUPPORTED and control.verdict is Verdict.REFUTED


@pytest.mark.claim("li2024demystifying/lazy-threshold")
@examples(8)
@given(
    kind=st.sampled_from(["random", "digits", "diabetes"]), log_kappa=st.floats(-4, 0), L=st.integers(1, 2), seed=seeds
)
def test_bounded_activations_need_a_drift_of_order_one_over_kappa(kind, log_kappa, L, seed):
    """D ≥ max|y|/κ − 2‖a_0‖/√m, up to what is left of the residual at the end."""
    kappa = 2.0**log_kappa
    case = drawn(network(L, "tanh", {"kind": kind, "n": 4, "d": 4, "target": "linear"}, [[64, kappa]]), seed)
    if kind != "random":
        case["data"].pop("d")
    _, y, params, _ = start_of(case)
    D = drifts(**case, first=0, draws=1)["drift"].item()
    least = np.abs(y).max() / kappa - 2 * np.linalg.norm(params.output) / 8
    assert D >= least - 1e-3 / kappa
