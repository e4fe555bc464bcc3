"""drift on drawn configurations."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.judges import Slope
from checks.li2024demystifying.drift import CLAIM
from checks.measurements.trainings import along, drifts, network, signed_outputs
from checks.verdict import Verdict
from kernels import Parameters, forward, layer_grams
from tests import examples
from tests.claims import part_of
from tests.lazy import (
    activations,
    data_sets,
    decay_cases,
    decay_config,
    depths,
    drawn,
    mostly_supported,
    seeds,
    smooth,
    start_of,
    train,
    verdict_of,
    width,
)
from theory.lazy_bounds import drift_constant

PATH_WIDTHS = {1: [128, 512, 2048], 2: [64, 128, 256]}


@pytest.mark.claim("li2024demystifying/drift")
def test_the_drift_stays_below_its_bound():
    def judge(seed, **case):
        return verdict_of(part_of(CLAIM, "a"), decay_config(**case), seed, control=None)

    assert mostly_supported(judge, 10, **decay_cases)


@pytest.mark.claim("li2024demystifying/drift")
@examples(2)
@given(seed=seeds)
def test_without_its_condition_the_bound_fails(seed):
    """Two examples, for cost. Two close relu inputs with opposite labels: condition met at the larger κ, not at the smaller."""
    config = network(1, "relu", {"kind": "orthonormal", "n": 2, "twin": 0.05}, [[8192, 100.0], [8192, 1e6]])
    found = verdict_of(part_of(CLAIM, "a"), config, seed)
    assert (found.verdict, found.excluded) == (Verdict.SUPPORTED, 1)


@pytest.mark.claim("li2024demystifying/drift")
@examples(5)
@given(data=data_sets(8, each=1), L=depths, activation=smooth, seed=seeds)
def test_the_relative_change_of_a_layer_is_that_of_its_weights(data, L, activation, seed):
    case = drawn(network(L, activation, data, [[width(L, 0), 8.0]]), seed)
    _, _, params, _ = start_of(case)
    found = drifts(**case, first=0, draws=1)
    moved = found["relative"][0, 0] * [np.linalg.norm(W) for W in params.arrays] / np.sqrt(params.width)
    assert np.linalg.norm(moved) == pytest.approx(
        found["drift"].item(), rel=0.05
    )  # the layers' largest, not at one time


@pytest.mark.claim("li2024demystifying/drift")
@examples(10)
@given(data=data_sets(16, each=1), L=depths, activation=smooth, size=st.integers(0, 1), seed=seeds)
def test_the_sharp_constant_is_that_of_the_kernel_at_the_start(data, L, activation, size, seed):
    """At finite width, for each network by itself: κD → √(yᵀ((m/κ²)G_0)^{−1}y); and a is not the only layer that moves."""
    _, y, _, G = start_of(drawn(network(L, activation, data, [[width(L, size), 1e5]]), seed))
    constant = drift_constant(G.sum(axis=0), y)
    kappa = max(1e5, 1000 * constant**2)  # the slowest mode's kernel changes by about constant²/κ of itself
    D = train(drifts, drawn(network(L, activation, data, [[width(L, size), kappa]]), seed))["drift"]
    alone = drift_constant(G[-1], y)
    assert kappa * D == pytest.approx(constant, rel=0.002)
    assert kappa * D < (constant + alone) / 2


@pytest.mark.claim("li2024demystifying/drift")
def test_along_a_path_the_drift_falls_like_kappa():
    def judge(data, L, activation, gamma, seed):
        widths = PATH_WIDTHS[L]
        config = network(L, activation, data, along(widths, gamma, 256.0 / widths[0] ** gamma))
        return verdict_of(part_of(CLAIM, "e"), config, seed, 8, gamma=gamma, margin=0.2)

    cases = {"data": data_sets(6, each=1), "L": st.integers(1, 2), "activation": activations, "seed": seeds}
    assert mostly_supported(judge, 5, **cases, gamma=st.floats(0, 1))


@pytest.mark.claim("li2024demystifying/drift")
def test_at_fixed_kappa_the_drift_does_not_depend_on_the_width():
    def judge(data, activation, kappa, seed):
        config = network(1, activation, data, along(PATH_WIDTHS[1], 0.0, kappa))
        return verdict_of(replace(part_of(CLAIM, "c"), judge=Slope(0.0, 0.05)), config, seed, 6)

    cases = {"data": data_sets(6, each=1), "activation": activations, "kappa": st.floats(1, 4), "seed": seeds}
    assert mostly_supported(judge, 5, **cases)


@pytest.mark.claim("li2024demystifying/drift")
@examples(5)
@given(data=data_sets(8, each=1), L=depths, seed=seeds)
def test_outputs_at_the_start_have_to_be_undone(data, L, seed):
    """Not centred, for each network by itself: D² → (y − f_0)ᵀG_0^{−1}(y − f_0)/m."""
    m, kappa = 4 * width(L, 1), 1e4
    case = drawn(network(L, "tanh", data, [[m, kappa]]), seed)
    X, y, params, G = start_of(case)
    missing = y - forward(params, X, activation="tanh", kappa=kappa)
    expected = drift_constant(G.sum(axis=0), missing) / kappa
    assume(drift_constant(G.sum(axis=0), y) / kappa < 0.5 * expected)  # f_0 decides: by far the most draws
    assert train(drifts, case, centred=False)["drift"] == pytest.approx(expected, rel=0.03)


@pytest.mark.claim("li2024demystifying/drift")
@given(data=data_sets(8), activation=activations, seed=seeds)
def test_signs_of_the_output_weights_change_the_outputs_and_not_the_kernel(data, activation, seed):
    X, _, params, _ = start_of(drawn(network(1, activation, data, [[width(1, 0), 2.0]]), seed))
    signs, model = np.random.default_rng(seed).choice([-1.0, 1.0], size=(3, params.width)), {"activation": activation}
    for own, f in zip(signs, signed_outputs(params, X, signs, **model, kappa=2.0), strict=True):
        changed = Parameters(params.weights, own * params.output)
        assert f == pytest.approx(forward(changed, X, **model, kappa=2.0), abs=1e-12)
        grams = [layer_grams(net, X, **model, kappa=2.0) for net in (changed, params)]
        assert grams[0] == pytest.approx(grams[1])
