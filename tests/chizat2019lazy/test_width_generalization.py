"""width-generalization on drawn problems, and its control."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.width_generalization import BETAS, CLAIM, trends
from checks.claim import Case
from checks.measurements.streams import seed_of
from checks.measurements.teacher_student import WIDTH_STEPS, losses_of_widths
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of

seeds = st.integers(0, 2**31)
SIZE = {"betas": BETAS, "neurons": 1, "widths": [128], "n": 150, "d": 20, "steps": 500}


def verdict(seed, draws, **variant):
    case = Case("", {**SIZE, **variant}, draws, select={"threshold": 1.25})
    return judged(part_of(CLAIM, "a"), [case], seed)[0][0].verdict


# One draw is a dozen trainings: the variety is in the problems that it draws itself.
@pytest.mark.claim("chizat2019lazy/width-generalization")
@examples(1)
@given(seed=seeds)
def test_the_lazy_scaling_generalises_worse_at_a_large_width(seed):
    assert verdict(seed, 16) is Verdict.SUPPORTED


@given(rise=st.floats(-2, 2), fall=st.floats(-2, 2))
def test_trends_are_those_from_the_smallest_to_the_largest_width(rise, fall):
    losses = np.exp([[[0.0, 9.0, rise], [1.0, -9.0, 1 + fall]]] * 5)
    assert trends(losses) == pytest.approx(np.tile([[rise], [fall]], 5), abs=1e-12)


@pytest.mark.claim("chizat2019lazy/width-generalization")
@examples(1)
@given(seed=seeds)
def test_noise_is_learned_alike(seed):
    assert verdict(seed, 8, labels="random") is Verdict.REFUTED


@given(seed=seeds, b=st.integers(0, 1), m=st.integers(1, 8), starts=st.integers(1, 3))
def test_one_step_is_the_gradient_of_the_scaled_network(seed, b, m, starts):
    """After one step from every start the losses are geometric means of those of a step written out."""
    stream, beta = [seed, 1, 2, 3], BETAS[b]
    sizes = {"widths": [m], "betas": BETAS, "neurons": starts * m, "n": 10, "d": 3}
    found = losses_of_widths(**sizes, steps=1, stream=stream, first=0, draws=1)
    found = {key: values[0, b, 0] for key, values in found.items()}
    data, weights = np.random.default_rng(seed_of(stream, 0)).spawn(2)
    directions = data.normal(size=(3, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    signs = data.choice([-1.0, 1.0], size=3)
    X, X_test = (Z / np.linalg.norm(Z, axis=1, keepdims=True) for Z in data.normal(size=(2, 10, 3)))
    y, y_test = (100 * math.sqrt(0.03) * np.maximum(Z @ directions.T, 0) @ signs for Z in (X, X_test))
    s, level, losses = m**-beta, np.mean(y_test**2), []
    for _ in range(starts):
        W, a = weights.normal(size=(m, 3)), weights.normal(size=m)
        hidden, step = X @ W.T, WIDTH_STEPS[beta] * m ** (2 * beta - 1)
        pull = s * (s * np.maximum(hidden, 0) @ a - y) / 10
        W, a = W - step * ((hidden > 0) * pull[:, None] * a).T @ X, a - step * np.maximum(hidden, 0).T @ pull
        ends = [(X, y), (X_test, y_test)]
        losses.append([np.mean((s * np.maximum(Z @ W.T, 0) @ a - t) ** 2) / level for Z, t in ends])
    assert [found["train"], found["end"]] == pytest.approx(np.exp(np.log(losses).mean(axis=0)), rel=1e-4)
