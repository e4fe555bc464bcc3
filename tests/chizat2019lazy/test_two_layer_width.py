"""two-layer-width on drawn inputs and units: exact norms, the bound, the exponents."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.two_layer_width import BETAS, CLAIM
from checks.claim import Case
from checks.measurements.width_scales import SHAPES, curvatures, inputs_and_targets, units
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of

seeds = st.integers(0, 2**31)
kinds, outputs = st.sampled_from(tuple(SHAPES)), st.sampled_from(("signs", "uniform"))


@pytest.mark.claim("chizat2019lazy/two-layer-width")
@examples(25)
@given(kind=kinds, output=outputs, seed=seeds)
def test_norm_of_the_second_derivative(kind, output, seed):
    (X, _), rng = inputs_and_targets(kind, seed), np.random.default_rng(seed)
    (w,), a = units(seed, 1, X.shape[1], output, False)
    t = np.tanh(X @ w)
    u, v = rng.normal(size=(2, 4000, X.shape[1]))
    u, v = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (u, v))
    tensor = lambda u, v: np.linalg.norm(-2 * a * t * (1 - t**2) * (u @ X.T) * (v @ X.T), axis=1)  # noqa: E731
    bound = curvatures(X, w[None], a)[0]
    directions = np.vstack([u, np.eye(X.shape[1])])
    assert tensor(u, v).max() <= bound * (1 + 1e-12)
    assert tensor(directions, directions).max() >= 0.99 * bound  # attained


@pytest.mark.claim("chizat2019lazy/two-layer-width")
@examples(25)
@given(kind=kinds, output=outputs, paired=st.booleans(), seed=seeds, m=st.integers(1, 200))
def test_the_bound_on_the_relative_scale(kind, output, paired, seed, m):
    config = {"kind": kind, "output": output, "paired": paired, "betas": BETAS, "widths": [2 * m]}
    (found,), _ = judged(part_of(CLAIM, "b"), [Case("", config, draws=1)], seed)
    target(found.strain)
    assert found.verdict is Verdict.SUPPORTED, found


@pytest.mark.claim("chizat2019lazy/two-layer-width")
@examples(5)
@given(kind=kinds, paired=st.booleans(), seed=seeds)
def test_exponents(kind, paired, seed):
    widths = [2**k for k in range(8, 13)]
    config = {"kind": kind, "output": "signs", "paired": paired, "betas": BETAS, "widths": widths}
    cases = [Case(f"{beta}", config, draws=16 if paired else 48, select={"beta": beta}) for beta in BETAS]
    found, (lazy,) = judged(part_of(CLAIM, "a"), cases, seed)
    assert all(evidence.verdict is Verdict.SUPPORTED for evidence in found), found
    assert lazy.verdict is Verdict.REFUTED
