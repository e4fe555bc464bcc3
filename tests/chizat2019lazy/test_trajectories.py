"""trajectories on drawn problems: the scale of the start decides how far neurons travel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.trajectories import (
    DIMENSION,
    FAR,
    LAZY,
    LAZY_STEP,
    LAZY_STEPS,
    NEAR,
    SMALL,
    WIDTH,
    displacement,
    parts,
    paths,
    schedule,
    setting,
)
from checks.verdict import Verdict
from tests import examples

seeds = st.integers(0, 2**32 - 1)
STEPS = 4_000


def moved(seed, tau, paired=True):
    return float(displacement(seed=seed, tau=tau, paired=paired, steps=STEPS)["moved"])


@pytest.mark.claim("chizat2019lazy/trajectories")
@examples(5)
@given(seed=seeds, tau=st.floats(4, 16))
def test_a_large_start_moves_like_the_inverse_square_of_its_scale(seed, tau):
    near, far = moved(seed, tau), moved(seed, 2 * tau)
    assert np.log2(near / far) == pytest.approx(2, abs=0.1)
    assert near <= NEAR


@pytest.mark.claim("chizat2019lazy/trajectories")
@examples(5)
@given(seed=seeds)
def test_a_small_start_travels_further_than_its_own_length(seed):
    assert moved(seed, SMALL) > FAR


@pytest.mark.claim("chizat2019lazy/trajectories")
@examples(5)
@given(seed=seeds, tau=st.floats(4, 16))
def test_outputs_at_the_start_that_must_be_removed_keep_the_displacement(seed, tau):
    near, far = (moved(seed, scale, paired=False) for scale in (tau, 2 * tau))
    assert abs(np.log2(near / far)) < 0.3 and near > NEAR


@pytest.mark.claim("chizat2019lazy/trajectories")
def test_the_judge_refutes_half_the_exponent_and_a_short_way():
    scales = np.array((SMALL, *LAZY))
    spread = 1 + 0.01 * np.arange(8)[:, None]
    right, half = spread * 0.5 * scales**-2, spread * 0.2 / scales
    assert [part.verdict for part in parts(right)] == [Verdict.SUPPORTED] * 3
    assert parts(half)[0].verdict is Verdict.REFUTED
    assert parts(0.01 * right)[1].verdict is Verdict.REFUTED and parts(10 * right)[2].verdict is Verdict.REFUTED


@given(seed=seeds)
def test_paired_neurons_start_with_the_output_zero(seed):
    problem, start = setting(seed, True)
    assert start.output.shape == (WIDTH,) and problem.X.shape[1] == DIMENSION
    assert np.allclose(np.maximum(problem.X @ start.weights[0].T, 0) @ start.output, 0, atol=1e-14)


@examples(3)
@given(seed=seeds, tau=st.sampled_from((SMALL, 2.0)))
def test_paths_end_where_one_long_run_ends(seed, tau):
    found = paths(seed=seed, tau=tau, steps=200, points=10)
    problem, start = setting(seed, True)
    W, a = tau * start.weights[0], tau * start.output
    step, steps = schedule(tau, 200)
    for _ in range(steps):
        hidden = problem.X @ W.T
        pull = (np.maximum(hidden, 0) @ a - problem.y) / len(problem.y)
        W, a = W - step * ((hidden > 0) * pull[:, None] * a).T @ problem.X, a - step * np.maximum(hidden, 0).T @ pull
    assert np.allclose(found["neurons"][-1], np.abs(a)[:, None] * W, rtol=1e-6, atol=1e-9)
    assert np.array_equal(found["signs"], np.sign(a))


def test_large_starts_are_all_trained_for_the_same_time_of_the_linearised_network():
    assert {step * tau**2 * steps for tau in LAZY for step, steps in [schedule(tau, 7)]} == {LAZY_STEP * LAZY_STEPS}
