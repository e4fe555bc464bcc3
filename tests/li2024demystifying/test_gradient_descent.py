"""gradient-descent on drawn configurations."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.claim import Case
from checks.li2024demystifying.gradient_descent import CLAIM, COUNTS
from checks.measurements.data import samples
from checks.verdict import Verdict
from kernels import gradient_descent, init_parameters, layer_grams
from tests import examples
from tests.claims import judged, part_of
from tests.lazy import activations, datasets, depths, seeds, smooth, width
from theory.lazy_bounds import descent_factor, largest_step


def descend(data, L, activation, size, seed, factor):
    """Losses over R(θ_0) of 200 steps of ``factor`` η_max, and q of the rates λ and 4λ; both of the network's own kernel."""
    (X, y), m, kappa = samples({key: data[key] for key in data if key != "seed"}, data["seed"]), width(L, size), 1e4
    params, options = init_parameters(seed, X.shape[1], m, hidden_layers=L), {"activation": activation, "kappa": kappa}
    values = m / kappa**2 * np.linalg.eigvalsh(layer_grams(params, X, **options).sum(axis=0))
    step = factor * largest_step(kappa, m, len(y), values[-1])
    run = gradient_descent(params, X, y, **options, centred=True, step=step, steps=200)
    rates = (1, 4) if factor <= 1 else ()
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
    assert len(losses) == 200 and ratio <= 1 + 1e-9


@pytest.mark.claim("li2024demystifying/gradient-descent")
@examples(8)
@given(**drawn)
def test_beyond_stability_the_loss_grows(data, L, activation, size, seed):
    (losses,) = descend(data, L, activation, size, seed, 5.0)
    assert losses.max() > 1 + 1e-6


@pytest.mark.claim("li2024demystifying/gradient-descent")
@examples(8)
@given(data=datasets(4), L=depths, activation=smooth, seed=seeds)
def test_four_times_lambda_is_refuted(data, L, activation, seed):
    losses, _, q = descend(data, L, activation, 1, seed, 1.0)
    late = np.flatnonzero((losses < 1e-6) & (losses > 0))  # by then only the slowest mode is left; 0 is below float64
    assume(late.size)
    assert (np.log(losses[late]) - 2 * (late + 1) * np.log(q)).max() > 1e-6


@pytest.mark.claim("li2024demystifying/gradient-descent")
@examples(3)
@given(kind=st.sampled_from(["random", "digits"]), n=st.integers(2, 6), activation=smooth, seed=seeds)
def test_descent_tends_to_the_flow_with_order_one(kind, n, activation, seed):
    config = {"data": {"kind": kind, "n": n}, "activation": activation, "width": 256, "kappa": 4.0, "counts": COUNTS}
    (part,), (control,) = judged(part_of(CLAIM, "c"), [Case("", config, 1)], seed)
    assert (part.verdict, control.verdict) == (Verdict.SUPPORTED, Verdict.REFUTED)


@pytest.mark.claim("li2024demystifying/gradient-descent")
@examples(3)
@given(L=st.integers(1, 2), activation=activations, n=st.integers(2, 4), seed=seeds)
def test_the_bound_from_the_limit_kernel_holds_and_four_times_its_rate_does_not(L, activation, n, seed):
    config = {"data": {"kind": "random", "n": n, "d": 64}, "activation": activation, "hidden_layers": L}
    case = Case("", config | {"width": {1: 2048, 2: 512}[L], "kappa": 256.0}, 2)
    for letter in "ab":
        (part,), controls = judged(part_of(CLAIM, letter), [case], seed)
        assert part.verdict in (Verdict.SUPPORTED, Verdict.HYPOTHESES_NOT_MET)
        assert all(control.verdict is Verdict.REFUTED for control in controls) or part.excluded
