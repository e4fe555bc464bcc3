"""finite-horizon on drawn models."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.finite_horizon import CLAIM, KINDS
from checks.claim import Case
from checks.measurements.horizon_distances import descents_within_radius, within_radius
from checks.measurements.scaled_models import draw
from checks.verdict import Verdict
from kernels.models import ComponentwiseMap
from tests import examples
from tests.claims import judged

PART, DESCENT = CLAIM.parts
seeds, radii = st.integers(0, 2**32 - 1), st.floats(0.02, 1)
factors = st.floats(0.5, 1 - 1e-9) | st.floats(1, 20)  # just below 1 rounding decides


def judge(seed=0, **config):
    (found,), controls = judged(PART, [Case("", config, 1)], seed)
    return found, controls


@pytest.mark.claim("chizat2019lazy/finite-horizon")
@examples(30)
@given(kind=st.sampled_from(KINDS), seed=seeds, horizon=st.none() | st.floats(0.02, 1), factor=factors)
def test_the_bound_holds_wherever_its_hypotheses_do(kind, seed, horizon, factor):
    found, _ = judge(seed, kind=kind, horizon=horizon, factors=[factor])
    target(found.strain if factor >= 1 else 0.0)
    assert found.verdict is (Verdict.SUPPORTED if factor >= 1 else Verdict.HYPOTHESES_NOT_MET)


@pytest.mark.claim("chizat2019lazy/finite-horizon")
@examples(15)
@given(kind=st.sampled_from((*KINDS, *ComponentwiseMap.known)), seed=seeds, factor=st.floats(1.001, 20))
def test_the_bound_holds_whatever_the_start(kind, seed, factor):
    """Above the threshold: at it a single output may start at its target, and nothing moves."""
    found, _ = judge(seed, kind=kind, centred=False, factors=[factor])
    target(found.strain)
    assert found.verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/finite-horizon")
@examples(8)
@given(power=st.floats(-3, -1))
def test_another_power_of_the_horizon_is_refuted_where_the_bound_is_sharp(power):
    found, (control,) = judge(kind="one parameter", horizon=10.0**power, factors=[1.0])
    assert found.verdict is Verdict.SUPPORTED and control.verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/finite-horizon")
def test_the_bound_is_met_as_the_horizon_shrinks():
    strains = [judge(kind="one parameter", horizon=K, factors=[1.0])[0].strain for K in (1.0, 0.1, 0.01, 0.001)]
    assert strains == pytest.approx([0.2225, 0.7816, 0.9739, 0.9973], abs=2e-4)


@pytest.mark.claim("chizat2019lazy/finite-horizon")
@examples(20)
@given(kind=st.sampled_from(KINDS), seed=seeds, factor=st.floats(1, 20), more=st.integers(1, 20), centred=st.booleans())
def test_descent_stays_as_close(kind, seed, factor, more, centred):
    config = {"kind": kind, "centred": centred, "factor": factor, "refinements": [1, more]}
    (found,), _ = judged(DESCENT, [Case("", config, 1)], seed)
    target(found.strain)
    assert found.verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/finite-horizon")
def test_one_step_of_descent_attains_its_bound():
    config = {"kind": "one parameter", "horizon": 0.001, "factor": 1.0, "refinements": [1, 8]}
    (found,), (control,) = judged(DESCENT, [Case("", config, 1)])
    assert found.strain == pytest.approx(1, abs=5e-3) and control.verdict is Verdict.REFUTED
    run = descents_within_radius(**config, stream=[0], first=0, draws=1)
    assert run["steps"][0].tolist() == [1, 8]


@examples(10)
@given(kind=st.sampled_from(KINDS), seed=seeds, radius=radii, direction=seeds)
def test_the_constants_bound_the_jacobian_on_the_ball(kind, seed, radius, direction):
    drawn = draw(kind, seed)
    move = np.random.default_rng(direction).normal(size=len(drawn.start))
    move *= radius / np.linalg.norm(move)
    slope, moved = drawn.model.jacobian(drawn.start), drawn.model.jacobian(drawn.start + move)
    curvature = drawn.model.jacobian_lipschitz(drawn.start, radius)
    assert np.linalg.norm(moved - slope, 2) <= curvature * radius * (1 + 1e-9)
    assert np.linalg.norm(moved, 2) <= (np.linalg.norm(slope, 2) + curvature * radius) * (1 + 1e-9)


@examples(10)
@given(kind=st.sampled_from(KINDS), seed=seeds, centred=st.booleans())
def test_horizon_and_radius_are_drawn_from_their_ranges(kind, seed, centred):
    found = within_radius(kind=kind, centred=centred, factors=[1.0], stream=[seed], first=0, draws=2)
    assert (found["horizon"] <= 4).all() and (found["radius"] >= 0.03).all() and (found["radius"] <= 1).all()
    assert (found["horizon"] >= 0.05).all() or not centred
    assert found["radius"][0, 0] != found["radius"][1, 0]
