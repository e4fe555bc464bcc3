"""finite-horizon on drawn models."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.finite_horizon import KINDS, drawn_shares, shares, sharp_shares
from checks.chizat2019lazy.scaled_flows import draw
from checks.inequality import inequality, worst_case
from checks.verdict import Verdict
from kernels.models import ComponentwiseMap
from tests import examples

seeds, radii = st.integers(0, 2**32 - 1), st.floats(0.02, 1)


def judge(found):
    share, change, holds = (np.atleast_1d(found[key]) for key in ("share", "change", "holds"))
    return worst_case("", share, 1.0, change, holds=holds)


@pytest.mark.claim("chizat2019lazy/finite-horizon")
@examples(30)
@given(
    kind=st.sampled_from(KINDS),
    seed=seeds,
    centred=st.booleans(),
    horizon=st.floats(0.002, 4),
    radius=radii,
    factor=st.floats(0.5, 20),
)
def test_the_bound_holds_wherever_its_hypotheses_do(kind, seed, centred, horizon, radius, factor):
    options = {"horizon": horizon, "radius": radius, "factor": factor}
    found = drawn_shares(kind=kind, seed=seed, centred=centred, **options)
    target(float(found["share"]) if found["holds"] else 0.0)
    wanted = Verdict.SUPPORTED if found["holds"] else Verdict.HYPOTHESES_NOT_MET
    assert judge(found).verdict is wanted
    if centred:
        assert bool(found["holds"]) is (factor >= 1)


@pytest.mark.claim("chizat2019lazy/finite-horizon")
@examples(15)
@given(
    name=st.sampled_from(ComponentwiseMap.known),
    start=st.floats(-0.6, 0.6),  # where φ' is not 0
    residual=st.floats(0.1, 3),
    sign=st.sampled_from([-1, 1]),
    horizon=st.floats(0.001, 1),
    radius=radii,
)
def test_the_bound_holds_in_one_dimension_whatever_the_start(name, start, residual, sign, horizon, radius):
    model, start = ComponentwiseMap(name), np.array([start])
    targets = 2.0 * model(start) + sign * residual
    found = shares(model, targets, start, horizon=horizon, radius=radius, factor=2.0)
    target(float(found["share"]) if found["holds"] else 0.0)
    assert judge(found).verdict is (Verdict.SUPPORTED if found["holds"] else Verdict.HYPOTHESES_NOT_MET)


@pytest.mark.claim("chizat2019lazy/finite-horizon")
@examples(8)
@given(power=st.floats(-3, -1))
def test_half_the_bound_is_refuted_where_it_is_sharp(power):
    found = sharp_shares(horizon=10.0**power)
    share, change = float(found["share"]), float(found["change"])
    assert found["holds"] and inequality("", share, 1.0, change=change).verdict is Verdict.SUPPORTED
    assert inequality("", share, 0.5, change=change).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/finite-horizon")
def test_the_bound_is_met_as_the_horizon_shrinks():
    found = [float(sharp_shares(horizon=K)["share"]) for K in (1.0, 0.1, 0.01, 0.001)]
    assert found == pytest.approx([0.2225, 0.7816, 0.9739, 0.9973], abs=2e-4)


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
