"""drift on drawn configurations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.inequality import worst_case
from checks.li2024demystifying.trainings import drifts, pairs_along, samples
from checks.rate_fit import rate_fit
from checks.verdict import Verdict
from kernels import init_parameters, layer_grams
from tests import examples
from tests.lazy import (
    activations,
    datasets,
    decay_case,
    decay_cases,
    depths,
    mostly_supported,
    one,
    seeds,
    smooth,
    width,
)
from theory.lazy_bounds import drift_bound, drift_constant

PATH_WIDTHS = {1: [128, 512, 2048], 2: [64, 128, 256]}


@pytest.mark.claim("li2024demystifying/drift")
def test_the_drift_stays_below_its_bound():
    def judge(**case):
        found, holds, constants = decay_case(**case)
        bound = drift_bound(*constants, 0.5)  # R(θ_0), since ‖y‖² = n
        return worst_case("", found["drift"], bound, found["drift error"] * found["drift"] / bound, holds=holds)

    assert mostly_supported(judge, 10, **decay_cases)


@pytest.mark.claim("li2024demystifying/drift")
@examples(10)
@given(data=datasets(16), L=depths, activation=smooth, size=st.integers(0, 1), seed=seeds)
def test_the_sharp_constant_is_that_of_the_kernel_at_the_start(data, L, activation, size, seed):
    """At finite width, for each network by itself: κD → √(yᵀ((m/κ²)G_0)^{−1}y); and a is not the only layer that moves."""
    (X, y), m = samples(data), width(L, size)
    G = m * layer_grams(init_parameters(seed, X.shape[1], m, hidden_layers=L), X, activation=activation, kappa=1.0)
    found = drifts(data=data, activation=activation, hidden_layers=L, pairs=[[m, 1e5]], first_seed=seed, seeds=1)
    assert 1e5 * one(found, "drift") == pytest.approx(drift_constant(G.sum(axis=0), y), rel=0.02)
    assert 1e5 * one(found, "drift") < 0.98 * drift_constant(G[-1], y)


@pytest.mark.claim("li2024demystifying/drift")
def test_along_a_path_the_drift_falls_like_kappa():
    def judge(data, L, activation, gamma, seed):
        widths = PATH_WIDTHS[L]
        design = {"data": data, "activation": activation, "hidden_layers": L}
        pairs = pairs_along(widths, gamma, 256.0 / widths[0] ** gamma)
        found = drifts(**design, pairs=pairs, first_seed=seed % 2**31, seeds=8)["drift"]
        control = rate_fit("", widths, found, predicted=-gamma - 0.5, margin=0.2)
        assert control.verdict is Verdict.REFUTED
        return rate_fit("", widths, found, predicted=-gamma, margin=0.2)

    drawn = {"data": datasets(6), "L": st.integers(1, 2), "activation": activations, "seed": seeds}
    assert mostly_supported(judge, 5, **drawn, gamma=st.floats(0, 1))


@pytest.mark.claim("li2024demystifying/drift")
@examples(4)
@given(data=datasets(6), activation=activations, kappa=st.floats(1, 4), seed=seeds)
def test_at_fixed_kappa_the_drift_does_not_depend_on_the_width(data, activation, kappa, seed):
    widths = PATH_WIDTHS[1]
    pairs = pairs_along(widths, 0.0, kappa)
    found = drifts(data=data, activation=activation, hidden_layers=1, pairs=pairs, first_seed=seed % 2**31, seeds=6)
    assert rate_fit("", widths, found["drift"], predicted=0.0, margin=0.2).verdict is Verdict.SUPPORTED
    assert rate_fit("", widths, found["drift"], predicted=-0.5, margin=0.2).verdict is Verdict.REFUTED


@pytest.mark.claim("li2024demystifying/drift")
@examples(5)
@given(data=datasets(8), L=depths, seed=seeds)
def test_outputs_at_the_start_have_to_be_undone(data, L, seed):
    """Not centred, for each network by itself: D² → (y − f_0)ᵀG_0^{−1}(y − f_0)/m."""
    (X, y), m, kappa = samples(data), width(L, 1), 1e4
    params = init_parameters(seed, X.shape[1], m, hidden_layers=L)
    G = layer_grams(params, X, activation="tanh", kappa=kappa).sum(axis=0)
    x = X.T
    for l, W in enumerate(params.weights):
        x = np.tanh(W @ x / (np.sqrt(m) if l else 1.0))
    found = drifts(
        data=data, activation="tanh", hidden_layers=L, pairs=[[m, kappa]], first_seed=seed, seeds=1, centred=False
    )
    assert one(found, "drift") ** 2 == pytest.approx(
        drift_constant(G, y - kappa / m * params.output @ x) ** 2 / m, rel=0.1
    )
