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
from theory.descent import catapult, linearized_descent
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
    bound = q ** (2 * np.arange(1, 201))
    assert np.all(losses <= (1 + 1e-9) * bound + 1e-22)  # residuals of 1e-11 may be rounding


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
@examples(5)
@given(kind=st.sampled_from(["random", "digits"]), n=st.integers(2, 6), activation=smooth, seed=seeds)
def test_descent_tends_to_the_flow_with_order_one(kind, n, activation, seed):
    config = {"data": {"kind": kind, "n": n}, "activation": activation, "width": 256, "kappa": 4.0, "counts": COUNTS}
    (part,), (control,) = judged(part_of(CLAIM, "c"), [Case("", config, 1)], seed)
    assert (part.verdict, control.verdict) == (Verdict.SUPPORTED, Verdict.REFUTED)


@pytest.mark.claim("li2024demystifying/gradient-descent")
@examples(3)
@given(activation=smooth, n=st.integers(2, 5), seed=seeds)
def test_the_bound_from_the_limit_kernel_holds_and_beyond_stability_it_does_not(activation, n, seed):
    """Three examples, for cost; few inputs, for K to have no mode that takes thousands of steps."""
    config = {"data": {"kind": "random", "n": n}, "activation": activation, "width": 1024, "kappa": 1e5}
    (part,), (_, unstable) = judged(part_of(CLAIM, "a"), [Case("", config, 2)], seed)
    assert part.verdict in (Verdict.SUPPORTED, Verdict.HYPOTHESES_NOT_MET) or part.excluded
    assert unstable.verdict is Verdict.REFUTED


@pytest.mark.claim("li2024demystifying/gradient-descent")
@examples(30)
@given(n=st.integers(1, 6), share=st.floats(0.01, 1.99), seed=seeds)
def test_every_mode_has_its_own_factor(n, share, seed):
    rng = np.random.default_rng(seed)
    B, y = rng.normal(size=(n, 8)), rng.normal(size=n)
    K = B @ B.T
    step, w, squares = share * n / np.linalg.eigvalsh(K)[-1], np.zeros(8), []
    for _ in range(30):
        e = B @ w - y
        squares.append(e @ e)
        w -= step / n * B.T @ e
    assert linearized_descent(K, y, step=step, steps=29) == pytest.approx(
        np.array(squares), rel=1e-8, abs=1e-12 * (y @ y)
    )


@pytest.mark.claim("li2024demystifying/gradient-descent")
@examples(30)
@given(m=st.integers(1, 64), start=st.floats(0.5, 5), seed=seeds)
def test_two_numbers_tell_the_whole_descent_of_a_linear_network(m, start, seed):
    """Against literal steps of the weights, one at a time, since rounding grows where the path is chaotic."""
    rng = np.random.default_rng(seed)
    W, a, x = rng.normal(size=(m, 3)), rng.normal(size=m), np.array([0.6, 0.0, 0.8])
    state = lambda: np.array([a @ W @ x / np.sqrt(m), (a @ a + np.sum((W @ x) ** 2)) / m])  # noqa: E731
    step = start / state()[1]
    for _ in range(8):
        f, curvature = state()
        own = catapult(f, curvature, step=step, width=m, steps=1)[-1]
        a, W = a - step * f * (W @ x) / np.sqrt(m), W - step * f / np.sqrt(m) * np.outer(a, x)
        assert np.allclose(state(), own, rtol=1e-9, atol=1e-9 * np.abs(own).max())
        if np.abs(own).max() > 1e6:
            break


@pytest.mark.claim("li2024demystifying/gradient-descent")
@examples(50)
@given(m=st.integers(1, 10**6), start=st.floats(0.1, 6), output=st.floats(0.01, 1))
def test_below_four_it_converges_to_a_flat_place_and_above_it_diverges(m, start, output):
    """``output`` as a share of the largest f that λ = 2 allows, √m λ/2."""
    assume(abs(start - 4) > 0.05)
    found = catapult(output * np.sqrt(m), 2.0, step=start / 2, width=m, steps=3000)
    f, curvature = found[:, 0] / np.sqrt(m), start / 2 * found[:, 1]
    if start < 4:
        assert len(found) == 3001 and (np.diff(curvature) <= 1e-12).all()
        assert (start / 2) ** 2 * (f @ f) <= start / (4 - start) * (1 + 1e-9)
        assert curvature[-1] <= 2 or abs(f[-1]) >= abs(f[-2])  # flat enough, or still on its way
    else:
        assert len(found) < 3001 or (f == 0).any()
        assert (np.diff(curvature) >= 0).all()
