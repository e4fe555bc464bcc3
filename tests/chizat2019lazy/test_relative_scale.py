"""relative-scale on drawn models."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.finite_horizon import KINDS as LIPSCHITZ_KINDS
from checks.chizat2019lazy.relative_scale import CHANGES, CLAIM, FAR, SWEEP, against_scale, over_scale
from checks.claim import Case
from checks.judges import AtMost, LocalSlope
from checks.measurements import horizon_distances
from checks.measurements.horizon_distances import along_scales, at_small_scales
from checks.measurements.scaled_models import (
    KINDS,
    LOSSES,
    Drawn,
    curvature_bound,
    curvature_found,
    draw,
    second_derivative,
)
from checks.verdict import Verdict
from kernels.models import Centred, TwoLayerModel
from tests import examples
from tests.claims import judged, part_of
from theory.scaled_bounds import scalar_distance

BOUND, SLOPE = part_of(CLAIM, "a"), replace(part_of(CLAIM, "b"), controls=())
seeds = st.integers(0, 2**32 - 1)


def judge(seed=0, **config):
    (found,), controls = judged(BOUND, [Case("", config, 1)], seed)
    return found, controls


@pytest.mark.claim("chizat2019lazy/relative-scale")
@examples(15)
@given(kind=st.sampled_from(("one parameter", *KINDS)), seed=seeds, horizon=st.floats(0.1, 5))
def test_the_distance_is_at_most_K_squared_kappa(kind, seed, horizon):
    found, _ = judge(seed, kinds=[kind], horizon=horizon)
    target(found.strain)
    assert found.verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/relative-scale")
@examples(5)
@given(horizon=st.floats(0.02, 1))
def test_the_sharp_model_has_the_distance_that_is_derived(horizon):
    found, _ = judge(kinds=["one parameter"], horizon=horizon)
    assert found.strain == pytest.approx(scalar_distance(horizon), rel=2e-3)


@pytest.mark.claim("chizat2019lazy/relative-scale")
def test_the_constant_is_sharp():
    assert scalar_distance(1e-3) == pytest.approx(1 - 4e-3 / 3, abs=1e-6)
    found, controls = judge(kinds=["one parameter"], horizon=0.01)
    assert found.resolution < 1.02 and [control.verdict for control in controls] == [Verdict.REFUTED]


@pytest.mark.claim("chizat2019lazy/relative-scale")
@examples(6)
@given(kind=st.sampled_from(KINDS), seed=seeds)
def test_the_distance_is_proportional_to_kappa_for_a_fixed_model(kind, seed):
    (found,), _ = judged(SLOPE, [Case("", SWEEP | {"kind": kind}, 1)], seed)
    assert found.verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/relative-scale")
@examples(6)
@given(kind=st.sampled_from(KINDS), seed=seeds)
def test_kappa_and_the_distance_reach_a_plateau_where_the_start_is_not_zero(kind, seed):
    found = along_scales(kind=kind, stream=[seed], first=0, draws=1, **FAR)
    for quantity in ("distance", "scale"):
        reading = against_scale(FAR | {"quantity": quantity}, found)
        assert LocalSlope(-1.0)(reading).verdict is Verdict.REFUTED


@examples(10)
@given(kind=st.sampled_from(("one parameter", *KINDS)), seed=seeds, directions=seeds)
def test_the_bound_of_the_curvature_holds_in_drawn_directions(kind, seed, directions):
    drawn, rng = draw(kind, seed), np.random.default_rng(directions)
    u, v = rng.normal(size=(2, len(drawn.start)))
    u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
    change = drawn.model.jacobian(drawn.start + 1e-4 * v) - drawn.model.jacobian(drawn.start - 1e-4 * v)
    assert np.linalg.norm(change @ u) / 2e-4 <= curvature_bound(drawn.model, drawn.start) * (1 + 1e-6)


@examples(10)
@given(kind=st.sampled_from(("one parameter", *KINDS)), seed=seeds)
def test_the_norm_that_is_found_is_below_the_bound_and_above_drawn_directions(kind, seed):
    drawn, rng = draw(kind, seed), np.random.default_rng(seed)
    found, D2 = curvature_found(drawn.model, drawn.start, seed), second_derivative(drawn.model, drawn.start, 1e-4)
    u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in rng.normal(size=(2, 500, len(drawn.start))))
    drawn_directions = np.linalg.norm(np.einsum("ijk,rj,rk->ri", D2, u, v), axis=1).max()
    assert drawn_directions <= found * (1 + 1e-6) and found <= curvature_bound(drawn.model, drawn.start) * (1 + 1e-6)
    if kind == "curved directions":
        assert found == pytest.approx(1.0, rel=1e-5)


@pytest.mark.claim("chizat2019lazy/relative-scale")
@examples(8)
@given(kind=st.sampled_from(KINDS), seed=seeds, loss=st.sampled_from(LOSSES))
def test_dh_changes_at_first_by_at_most_its_criterion(kind, seed, loss):
    (found,), _ = judged(part_of(CLAIM, "d"), [Case("", {"kinds": [kind], "loss": loss}, 1)], seed)
    assert found.verdict is not Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/relative-scale")
def test_the_criterion_is_sharp_in_one_dimension_and_is_not_that_of_the_square_loss():
    (found,), (control,) = judged(part_of(CLAIM, "d"), [Case("", {"kinds": ["one parameter"], "loss": "soft far"}, 1)])
    assert found.strain == pytest.approx(1, abs=1e-3) and control.verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/relative-scale")
@examples(5)
@given(kind=st.sampled_from(KINDS), seed=seeds, loss=st.sampled_from(LOSSES[1:]))
def test_dh_changes_like_the_criterion_as_the_scale_grows(kind, seed, loss):
    config = {"kind": kind, "loss": loss, **CHANGES}
    (found,), _ = judged(replace(part_of(CLAIM, "e"), controls=()), [Case("", config, 1)], seed)
    assert found.verdict is Verdict.SUPPORTED


@examples(10)
@given(kind=st.sampled_from(LIPSCHITZ_KINDS), seed=seeds)
def test_the_bound_of_the_curvature_is_below_the_lipschitz_constant_times_a_dimension(kind, seed):
    drawn = draw(kind, seed)
    rank = np.sqrt(min(len(drawn.targets), len(drawn.start)))
    lipschitz = drawn.model.jacobian_lipschitz(drawn.start, 0.0)
    assert curvature_bound(drawn.model, drawn.start) <= rank * lipschitz * (1 + 1e-6)


def test_a_model_whose_distance_is_rounding_is_counted_and_not_judged():
    found = {"distance": np.array([0.5, 9.0]), "error": np.zeros(2), "resolved": np.array([True, False])}
    evidence = AtMost()(over_scale({"horizon": 1.0}, found))
    assert evidence.verdict is Verdict.SUPPORTED and evidence.excluded == 1


def test_of_a_saturated_neuron_the_distance_is_rounding(monkeypatch):
    """tanh' is of order 1e-7 there, and the α at which κ is 1e-4 so large that αh keeps two digits of the distance."""
    model, y = TwoLayerModel(np.array([[1.0], [-1.0]]), "tanh", np.ones(1)), np.ones(2)
    cases = {"neuron": Drawn(Centred(model, np.full(1, 9.0)), np.full(1, 9.0), y), "quadratic": draw("quadratic", 0)}
    monkeypatch.setattr(horizon_distances, "draw", lambda kind, seed: cases[kind])
    found = at_small_scales(kinds=["neuron", "quadratic"], horizon=0.01, stream=[0, 1, 2, 3], first=0, draws=1)
    assert found["resolved"].tolist() == [[False, True]]
