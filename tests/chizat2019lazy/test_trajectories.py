"""trajectories on drawn problems: the scale of the start decides how far neurons travel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.trajectories import CLAIM, LAZY, PANEL, SMALL, STEP
from checks.claim import Case
from checks.measurements.teacher_student import (
    LAZY_STEPS,
    LAZY_TIME,
    Teacher,
    on_the_circle,
    paths,
    schedule,
    sphere,
    teacher_angle,
)
from checks.verdict import Verdict
from kernels import Parameters
from tests import examples
from tests.claims import judged_together, part_of

seeds = st.integers(0, 2**32 - 1)


def judge(letters, taus, seed, draws=6, **variant):
    """Verdicts of the parts, and of the controls of each."""
    config = {"taus": taus, "paired": True, "step": STEP, "steps": 4_000, **variant}
    found = judged_together([part_of(CLAIM, letter) for letter in letters], [Case("", config, draws=draws)], seed)
    return [[evidence.verdict for evidence in rows] for rows in found]


@pytest.mark.claim("chizat2019lazy/trajectories")
@examples(5)
@given(seed=seeds, tau=st.floats(4, 8))
def test_a_large_start_moves_like_the_inverse_square_of_its_scale(seed, tau):
    assert judge("a", [tau, 2 * tau, 4 * tau], seed)[0] == [Verdict.SUPPORTED]


@pytest.mark.claim("chizat2019lazy/trajectories")
@examples(1)
@given(seed=seeds)
def test_a_small_start_turns_to_the_teacher_and_travels_far_and_that_of_the_other_panel_does_not(seed):
    assert judge("bcde", [SMALL, PANEL], seed, 16, steps=10_000) == [[Verdict.SUPPORTED] * 4, [Verdict.REFUTED] * 4]


@pytest.mark.claim("chizat2019lazy/trajectories")
@examples(5)
@given(seed=seeds, tau=st.floats(4, 8))
def test_outputs_at_the_start_that_must_be_removed_keep_the_displacement(seed, tau):
    assert judge("a", [tau, 2 * tau, 4 * tau], seed, paired=False, steps=10)[0] == [Verdict.REFUTED]


@given(seed=seeds, m=st.integers(1, 6), d=st.integers(2, 4))
def test_the_angle_is_that_to_the_nearest_neuron_of_the_same_sign(seed, m, d):
    rng = np.random.default_rng(seed)
    teacher, B, a = (
        Teacher(sphere(rng, 3, d), rng.choice([-1.0, 1.0], 3), 1.0),
        rng.normal(size=(m, d)),
        rng.normal(size=m),
    )
    angles = []
    for b, sign in zip(B, np.sign(a), strict=True):
        cosines = [
            b @ t / np.linalg.norm(b) for t, own in zip(teacher.directions, teacher.signs, strict=True) if own == sign
        ]
        angles.append(min(map(np.arccos, cosines), default=np.pi))
    weight = [abs(x) * np.linalg.norm(b) for x, b in zip(a, B, strict=True)]
    expected = np.dot(weight, angles) / np.sum(weight)
    assert teacher_angle(teacher, Parameters((B,), a)) == pytest.approx(expected, rel=1e-9)
    own = Parameters((3 * teacher.directions,), 2 * teacher.signs)
    assert teacher_angle(teacher, own) == pytest.approx(0, abs=1e-7)


@given(seed=seeds)
def test_paired_neurons_start_with_the_output_zero(seed):
    problem, start = on_the_circle(seed, True)
    assert start.output.shape == (16,) and problem.X.shape == (15, 2)
    assert np.allclose(np.maximum(problem.X @ start.weights[0].T, 0) @ start.output, 0, atol=1e-14)


@examples(5)
@given(seed=seeds, tau=st.sampled_from((SMALL, 2.0)))
def test_paths_end_where_one_long_run_ends(seed, tau):
    found = paths(seed=seed, tau=tau, step=STEP, steps=200, points=10)
    problem, start = on_the_circle(seed, True)
    W, a = tau * start.weights[0], tau * start.output
    step, steps = schedule(tau, STEP, 200)
    for _ in range(steps):
        hidden = problem.X @ W.T
        pull = (np.maximum(hidden, 0) @ a - problem.y) / len(problem.y)
        W, a = W - step * ((hidden > 0) * pull[:, None] * a).T @ problem.X, a - step * np.maximum(hidden, 0).T @ pull
    assert np.allclose(found["neurons"][-1], np.abs(a)[:, None] * W, rtol=1e-6, atol=1e-9)
    assert np.array_equal(found["signs"], np.sign(a))


def test_large_starts_are_all_trained_for_the_same_time_of_the_linearised_network():
    assert {s * tau**2 * steps for tau in LAZY for s, steps in [schedule(tau, STEP, 7)]} == {LAZY_TIME * LAZY_STEPS}
