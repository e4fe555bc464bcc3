"""general-lazy on drawn models."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.general_lazy import CLAIM, GROWING, PAIRED, SWEEP
from checks.claim import Case
from checks.judges import LocalSlope
from checks.measurements.scaled_models import KINDS, LOSSES, QUANTITIES, SteadyDescent, make_loss
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of
from theory.scaled_bounds import LINEAR_SHARE, largest_drift

SIZES = [10.0 ** (k / 2) for k in range(6, 10)]
EXPONENTS, DRIFT = part_of(CLAIM, "a"), part_of(CLAIM, "b")
seeds = st.integers(0, 2**32 - 1)


def verdicts(config, seed, quantities=QUANTITIES, part=EXPONENTS):
    found, _ = judged(part, [Case(name, config, 1, select={"quantity": name}) for name in quantities], seed)
    return {evidence.verdict for evidence in found}


@pytest.mark.claim("chizat2019lazy/general-lazy")
def test_drift_path_and_predictions_have_their_exponents():
    """For a rare model the window is not asymptotic yet: INCONCLUSIVE, never REFUTED."""
    found = []

    @examples(6)
    @given(kind=st.sampled_from(KINDS), seed=seeds, loss=st.sampled_from(LOSSES), horizon=st.floats(0.2, 2))
    def draw(kind, seed, loss, horizon):
        found.append(verdicts(SWEEP | {"kind": kind, "loss": loss, "horizons": [horizon], "sizes": SIZES}, seed))
        assert Verdict.REFUTED not in found[-1]

    draw()
    assert found.count({Verdict.SUPPORTED}) >= 0.8 * len(found)


@pytest.mark.claim("chizat2019lazy/general-lazy")
@examples(5)
@given(kind=st.sampled_from(("quadratic", "curved directions", "neuron", "oscillator")), seed=seeds)
def test_a_loss_need_not_be_convex(kind, seed):
    assert Verdict.REFUTED not in verdicts(SWEEP | {"kind": kind, "loss": "rippled", "sizes": SIZES}, seed)


@examples(20)
@given(outputs=st.lists(st.floats(-5, 5), min_size=1, max_size=3), seed=seeds)
def test_the_loss_that_is_not_convex_has_the_derivatives_it_states(outputs, seed):
    f = np.array(outputs)
    loss, step = make_loss("rippled", np.random.default_rng(seed).normal(size=len(f))), 1e-5
    value, gradient, curvature = loss.evaluate(f)
    sides = [loss.evaluate(f + sign * step * np.eye(len(f))[0]) for sign in (1, -1)]
    assert value >= 0 and gradient[0] == pytest.approx((sides[0][0] - sides[1][0]) / (2 * step), abs=1e-7)
    assert curvature[0] == pytest.approx((sides[0][1] - sides[1][1])[0] / (2 * step), abs=1e-7)


@pytest.mark.claim("chizat2019lazy/general-lazy")
@examples(5)
@given(kind=st.sampled_from(KINDS), seed=seeds)
def test_with_targets_that_grow_like_the_scale_nothing_falls(kind, seed):
    config = GROWING | {"kind": kind, "sizes": SIZES}
    assert verdicts(config, seed) == {Verdict.REFUTED}


@pytest.mark.claim("chizat2019lazy/general-lazy")
@examples(5)
@given(kind=st.sampled_from(("inner weights", "two layers")), seed=seeds, paired=st.booleans())
def test_predictions_of_paired_units_alone_are_of_order_two(kind, seed, paired):
    part = replace(EXPONENTS, judge=LocalSlope(-2.0))
    expected = Verdict.SUPPORTED if paired else Verdict.REFUTED
    assert verdicts(PAIRED | {"kind": kind, "paired": paired}, seed, ("predictions",), part) == {expected}


@pytest.mark.claim("chizat2019lazy/general-lazy")
@examples(15)
@given(
    kind=st.sampled_from(KINDS),
    seed=seeds,
    loss=st.sampled_from(LOSSES),
    size=st.floats(-1, 3).map(lambda power: 10.0**power),
    horizon=st.floats(0.1, 8),
    centred=st.booleans(),
)
def test_the_drift_is_bounded_for_every_scale_and_start(kind, seed, loss, size, horizon, centred):
    config = {"kind": kind, "loss": loss, "sizes": [size], "horizon": horizon, "centred": centred}
    (found,), _ = judged(DRIFT, [Case("", config, 1)], seed)
    target(found.strain)
    assert found.verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/general-lazy")
def test_the_bound_on_the_drift_is_sharp():
    config = {"kind": "steady descent", "loss": "square", "sizes": [1.0], "horizon": 0.5}
    (found,), controls = judged(DRIFT, [Case("", config, 1)])
    assert found.verdict is Verdict.SUPPORTED and found.strain == pytest.approx(0.9996, abs=2e-4)
    assert [control.verdict for control in controls] == [Verdict.REFUTED] * 2


@pytest.mark.claim("chizat2019lazy/general-lazy")
def test_a_linear_map_uses_at_most_its_share():
    t = np.linspace(0.01, 10, 10_000)
    shares = -np.expm1(-t) / [largest_drift(s, 0.5, 1.0) for s in t]  # h(w) = w, y* = 1
    assert shares.max() == pytest.approx(LINEAR_SHARE, abs=1e-4) and shares.max() <= LINEAR_SHARE


@examples(10)
@given(w=st.floats(-2, 3), corner=st.floats(0.01, 1))
def test_the_sharp_map_has_the_derivative_it_states(w, corner):
    model, step = SteadyDescent(corner), 1e-4 * corner
    slope = (model(np.array([w + step])) - model(np.array([w - step]))) / (2 * step)
    assert model.jacobian(np.array([w]))[0] == pytest.approx(slope, rel=1e-5)
    assert model(np.zeros(1)) == pytest.approx(0.0, abs=1e-15)
