"""relative-scale on drawn models."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.finite_horizon import KINDS as LIPSCHITZ_KINDS
from checks.chizat2019lazy.general_lazy import ALPHAS
from checks.chizat2019lazy.relative_scale import (
    ALONE,
    FAR_ALPHAS,
    curvature_bound,
    make,
    relative_distances,
    scale,
    shares,
    uncentred,
)
from checks.chizat2019lazy.scaled_flows import KINDS, draw
from checks.deterministic_slope import deterministic_slope
from checks.inequality import inequality
from checks.verdict import Verdict
from tests import examples
from theory.scaled_bounds import scalar_distance

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.claim("chizat2019lazy/relative-scale")
@examples(15)
@given(kind=st.sampled_from((ALONE, *KINDS)), seed=seeds, horizon=st.floats(0.1, 5))
def test_the_distance_is_at_most_K_squared_kappa(kind, seed, horizon):
    found = shares(kind=kind, seed=seed, horizon=horizon)
    share, change = float(found["share"][-1]), float(found["change"])
    target(share)
    assert inequality("", share, 1.0, change=change).verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/relative-scale")
@examples(5)
@given(horizon=st.floats(0.02, 1))
def test_the_sharp_model_has_the_distance_that_is_derived(horizon):
    found = shares(kind=ALONE, seed=0, horizon=horizon)
    assert found["share"][-1] == pytest.approx(scalar_distance(horizon), rel=2e-3)


@pytest.mark.claim("chizat2019lazy/relative-scale")
def test_the_constant_is_sharp():
    assert scalar_distance(1e-3) == pytest.approx(1 - 4e-3 / 3, abs=1e-6)
    found = shares(kind=ALONE, seed=0, horizon=0.01)
    share, change = float(found["share"][-1]), float(found["change"])
    assert inequality("", share, 0.95, change=change).verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/relative-scale")
@examples(6)
@given(kind=st.sampled_from(KINDS), seed=seeds)
def test_the_distance_is_proportional_to_kappa_for_a_fixed_model(kind, seed):
    drawn, alphas = draw(kind, seed), ALPHAS["quick"]
    kappas = [scale(drawn, alpha) for alpha in alphas]
    found = relative_distances(drawn, alphas, 1.0, 1e-6)
    assert deterministic_slope("", kappas, found, predicted=1.0).verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/relative-scale")
@examples(6)
@given(kind=st.sampled_from(KINDS), seed=seeds)
def test_kappa_and_the_distance_reach_a_plateau_where_the_start_is_not_zero(kind, seed):
    found = uncentred(kind=kind, seed=seed, alphas=FAR_ALPHAS)
    for key in ("distance", "scale"):
        assert deterministic_slope("", FAR_ALPHAS, found[key], predicted=-1.0).verdict is Verdict.REFUTED


@examples(10)
@given(kind=st.sampled_from((ALONE, *KINDS)), seed=seeds, directions=seeds)
def test_the_bound_of_the_curvature_holds_in_drawn_directions(kind, seed, directions):
    drawn, rng = make(kind, seed), np.random.default_rng(directions)
    u, v = rng.normal(size=(2, len(drawn.start)))
    u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
    change = drawn.model.jacobian(drawn.start + 1e-4 * v) - drawn.model.jacobian(drawn.start - 1e-4 * v)
    assert np.linalg.norm(change @ u) / 2e-4 <= curvature_bound(drawn.model, drawn.start) * (1 + 1e-6)


@examples(10)
@given(kind=st.sampled_from(LIPSCHITZ_KINDS), seed=seeds)
def test_the_bound_of_the_curvature_is_below_the_lipschitz_constant_times_a_dimension(kind, seed):
    drawn = draw(kind, seed)
    rank = np.sqrt(min(len(drawn.targets), len(drawn.start)))
    lipschitz = drawn.model.jacobian_lipschitz(drawn.start, 0.0)
    assert curvature_bound(drawn.model, drawn.start) <= rank * lipschitz * (1 + 1e-6)
