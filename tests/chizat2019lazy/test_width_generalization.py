"""width-generalization on drawn problems, and its control."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.width_generalization import STEPS, losses
from checks.paired_gap import paired_gap
from checks.verdict import Verdict
from tests import examples

seeds = st.integers(0, 2**31)
SIZE = {"m": 128, "n": 150, "d": 20, "steps": 500}


def judged(first, count, **setting):
    ratios = [
        math.log(lazy["end"] / other["end"])
        for seed in range(first, first + count)
        for lazy, other in [[losses(seed=seed, beta=beta, **SIZE, **setting) for beta in STEPS]]
    ]
    return paired_gap("", ratios, threshold=math.log(1.25)).verdict


@pytest.mark.claim("chizat2019lazy/width-generalization")
@examples(1)
@given(first=seeds)
def test_the_lazy_scaling_generalises_worse_at_a_large_width(first):
    assert judged(first, 20) is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/width-generalization")
@examples(1)
@given(first=seeds)
def test_noise_is_learned_alike(first):
    assert judged(first, 8, labels="random") is Verdict.REFUTED


@given(seed=seeds, beta=st.sampled_from(list(STEPS)), m=st.integers(1, 8))
def test_one_step_is_the_gradient_of_the_scaled_network(seed, beta, m):
    """After one step from the start the training loss is that of a step written out."""
    found = losses(seed=seed, m=m, beta=beta, n=10, d=3, steps=1)
    data, weights = np.random.default_rng(seed).spawn(2)
    directions = data.normal(size=(3, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    signs = data.choice([-1.0, 1.0], size=3)
    X, X_test = (Z / np.linalg.norm(Z, axis=1, keepdims=True) for Z in data.normal(size=(2, 10, 3)))
    y, y_test = (100 * math.sqrt(0.03) * np.maximum(Z @ directions.T, 0) @ signs for Z in (X, X_test))
    W, a, s = weights.normal(size=(m, 3)), weights.normal(size=m), m**-beta
    hidden, step = X @ W.T, STEPS[beta] * m ** (2 * beta - 1)
    pull = s * (s * np.maximum(hidden, 0) @ a - y) / 10
    W, a = W - step * ((hidden > 0) * pull[:, None] * a).T @ X, a - step * np.maximum(hidden, 0).T @ pull
    level = np.mean(y_test**2)
    assert found["train"] == pytest.approx(np.mean((s * np.maximum(X @ W.T, 0) @ a - y) ** 2) / level, rel=1e-9)
    assert found["end"] == pytest.approx(np.mean((s * np.maximum(X_test @ W.T, 0) @ a - y_test) ** 2) / level, rel=1e-9)
