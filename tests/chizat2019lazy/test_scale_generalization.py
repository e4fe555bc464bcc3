"""scale-generalization on drawn problems, and its controls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.scale_generalization import CLAIM, LARGEST_STEP, SIZES, STEP, TAUS, starts
from checks.claim import Case
from checks.measurements.teacher_student import losses_of_scales, make_problem, paired_start
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, judged_together, part_of

seeds = st.integers(0, 2**32 - 1)
SIZE = {"taus": TAUS, **SIZES["quick"], "steps": 1_000, "step": STEP, "largest_step": LARGEST_STEP}


def verdicts(letter, seed, draws, **variant):
    """At the end and at the best moment of training."""
    cases = [Case(key, {**SIZE, **variant}, draws, select={"key": key}) for key in ("end", "best")]
    return [evidence.verdict for evidence in judged(part_of(CLAIM, letter), cases, seed)[0]]


# One draw is a dozen trainings: the variety is in the problems that it draws itself.
@pytest.mark.claim("chizat2019lazy/scale-generalization")
@examples(1)
@given(seed=seeds)
def test_a_lazy_start_generalises_worse_and_a_lazier_one_no_worse(seed):
    cases = [Case(case.name, case.config, case.draws, select=case.select) for case in starts("quick")]
    found, _ = judged_together([part_of(CLAIM, letter) for letter in "ab"], cases, seed)
    assert [evidence.verdict for evidence in found] == [Verdict.SUPPORTED] * 4


@pytest.mark.claim("chizat2019lazy/scale-generalization")
@examples(1)
@given(seed=seeds)
def test_noise_is_not_learned_worse(seed):
    found = verdicts("a", seed, 12, labels="random")
    assert found[1] is Verdict.REFUTED and found[0] is not Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/scale-generalization")
@examples(5)
@given(seed=seeds)
def test_the_output_layer_alone_learns_the_same_from_every_start(seed):
    found = losses_of_scales(**SIZE, trained="output", stream=[seed, 1, 2, 3], first=0, draws=1)
    for key in ("end", "best"):
        assert found[key][0, 1:] == pytest.approx(found[key][0, 0], rel=1e-9)


@given(seed=seeds, n=st.integers(1, 20), d=st.integers(2, 10), m=st.integers(1, 10))
def test_problems_have_unit_inputs_and_labels_of_three_neurons(seed, n, d, m):
    rng = np.random.default_rng(seed)
    problem, start = make_problem(rng, n=n, d=d, size=2.0), paired_start(rng, 2 * m, d)
    for X, y in ((problem.X, problem.y), (problem.X_test, problem.y_test)):
        assert np.allclose(np.linalg.norm(X, axis=1), 1)
        neurons = zip(problem.teacher.directions, problem.teacher.signs, strict=True)
        assert np.allclose(y, sum(2 * sign * np.maximum(X @ neuron, 0) for neuron, sign in neurons))
    assert np.allclose(np.maximum(problem.X @ start.weights[0].T, 0) @ start.output, 0, atol=1e-12)
