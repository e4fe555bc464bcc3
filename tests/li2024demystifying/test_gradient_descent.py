"""gradient-descent on drawn configurations."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.deterministic_slope import deterministic_slope
from checks.inequality import inequality
from checks.li2024demystifying.gradient_descent import ORDER_STEPS, distances
from checks.li2024demystifying.trainings import samples
from checks.verdict import Verdict
from kernels import gradient_descent, init_parameters, layer_grams
from tests import examples
from tests.lazy import activations, datasets, depths, seeds, smooth, width
from theory.lazy_bounds import descent_factor, largest_step


def descend(data, L, activation, size, seed, factor, rates=(1, 4)):
    """Losses over R(θ_0) of 200 steps of ``factor`` η_max, and q of ``rates`` times λ; both of the network's own kernel."""
    (X, y), m, kappa = samples(data), width(L, size), 1e4
    params, options = init_parameters(seed, X.shape[1], m, hidden_layers=L), {"activation": activation, "kappa": kappa}
    values = m / kappa**2 * np.linalg.eigvalsh(layer_grams(params, X, **options).sum(axis=0))
    step = factor * largest_step(kappa, m, len(y), values[-1])
    run = gradient_descent(params, X, y, **options, centred=True, step=step, steps=200)
    factors = [descent_factor(step, kappa, m, len(y), rate * values[0]) for rate in rates]
    return run.losses[1:] / run.losses[0], *factors


drawn = {"data": datasets(), "L": depths, "activation": activations, "size": st.integers(0, 1), "seed": seeds}


@pytest.mark.claim("li2024demystifying/gradient-descent")
@examples(15)
@given(**drawn, factor=st.floats(0.1, 1))
def test_the_loss_falls_geometrically(data, L, activation, size, seed, factor):
    losses, q, _ = descend(data, L, activation, size, seed, factor)
    steps = np.arange(1, len(losses) + 1)
    ratio = np.exp((np.log(losses) - 2 * steps * np.log(q)).max())
    assert len(losses) == 200 and inequality("", ratio, 1.0).verdict is Verdict.SUPPORTED


@pytest.mark.claim("li2024demystifying/gradient-descent")
@examples(8)
@given(**drawn)
def test_beyond_stability_the_loss_grows(data, L, activation, size, seed):
    (losses,) = descend(data, L, activation, size, seed, 5.0, rates=())
    assert inequality("", losses.max(), 1.0).verdict is Verdict.REFUTED


@pytest.mark.claim("li2024demystifying/gradient-descent")
@examples(8)
@given(data=datasets(4), L=depths, activation=smooth, seed=seeds)
def test_four_times_lambda_is_refuted(data, L, activation, seed):
    losses, _, q = descend(data, L, activation, 1, seed, 1.0)
    steps = np.arange(1, len(losses) + 1)
    slow = np.log(losses) - 2 * steps * np.log(q)
    late = losses < 1e-6  # by then only the slowest mode is left
    assume(late.any())
    assert inequality("", np.exp(slow[late].max()), 1.0).verdict is Verdict.REFUTED


@pytest.mark.claim("li2024demystifying/gradient-descent")
@examples(3)
@given(data=datasets(6), activation=smooth, seed=st.integers(0, 1000))
def test_descent_tends_to_the_flow_with_order_one(data, activation, seed):
    gaps = distances(data=data, activation=activation, seed=seed)["gaps"]
    steps = 1 / np.array(ORDER_STEPS)
    assert deterministic_slope("", steps, gaps, predicted=1.0).verdict is Verdict.SUPPORTED
    assert deterministic_slope("", steps, gaps, predicted=2.0).verdict is Verdict.REFUTED
