"""scale-generalization on drawn problems, and its controls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.scale_generalization import LARGE, SMALL, gaps, losses
from checks.chizat2019lazy.teacher_student import make_problem, paired_start
from checks.verdict import Verdict
from tests import examples

seeds = st.integers(0, 2**32 - 1)
SIZE = {"n": 80, "d": 16, "m": 16, "steps": 1_000}


def rises(seeds, **setting):
    """Both losses of both scales for every seed, (seeds, 2) each."""
    found = [[losses(seed=seed, tau=tau, **SIZE, **setting) for tau in (SMALL, LARGE)] for seed in seeds]
    return {key: np.array([[one[key] for one in pair] for pair in found]) for key in ("end", "best")}


@pytest.mark.claim("chizat2019lazy/scale-generalization")
@examples(1)
@given(first=seeds)
def test_a_lazy_start_generalises_worse(first):
    assert {part.verdict for part in gaps("", rises(range(first, first + 16)))} == {Verdict.SUPPORTED}


@pytest.mark.claim("chizat2019lazy/scale-generalization")
@examples(1)
@given(first=seeds)
def test_noise_is_not_learned_worse(first):
    found = gaps("", rises(range(first, first + 12), labels="random"))
    assert found[1].verdict is Verdict.REFUTED and found[0].verdict is not Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/scale-generalization")
@examples(3)
@given(seed=seeds)
def test_the_output_layer_alone_learns_the_same_from_every_start(seed):
    found = rises([seed], trained="output")
    assert all(pair[0, 0] == pytest.approx(pair[0, 1], rel=1e-9) for pair in found.values())


@given(seed=seeds, n=st.integers(1, 20), d=st.integers(2, 10), m=st.integers(1, 10))
def test_problems_have_unit_inputs_and_labels_of_three_neurons(seed, n, d, m):
    rng = np.random.default_rng(seed)
    problem, start = make_problem(rng, n=n, d=d, size=2.0), paired_start(rng, 2 * m, d)
    for X, y in ((problem.X, problem.y), (problem.X_test, problem.y_test)):
        assert np.allclose(np.linalg.norm(X, axis=1), 1)
        neurons = zip(problem.teacher.directions, problem.teacher.signs, strict=True)
        assert np.allclose(y, sum(2 * sign * np.maximum(X @ neuron, 0) for neuron, sign in neurons))
    assert np.allclose(np.maximum(problem.X @ start.weights[0].T, 0) @ start.output, 0, atol=1e-12)
