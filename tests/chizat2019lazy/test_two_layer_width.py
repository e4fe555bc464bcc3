"""two-layer-width on drawn inputs and units: exact norms, the bound, the exponents."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.chizat2019lazy.two_layer_width import (
    BETAS,
    DATA,
    MARGIN,
    curvatures,
    relative_scales,
    samples,
    units,
)
from checks.inequality import inequality
from checks.rate_fit import rate_fit
from checks.verdict import Verdict
from tests import examples
from theory.width_bounds import width_exponent

seeds = st.integers(0, 2**31)
kinds, outputs = st.sampled_from(tuple(DATA)), st.sampled_from(("signs", "uniform"))


@pytest.mark.claim("chizat2019lazy/two-layer-width")
@examples(25)
@given(kind=kinds, output=outputs, seed=seeds)
def test_norm_of_the_second_derivative(kind, output, seed):
    (X, _), rng = samples(kind, seed), np.random.default_rng(seed)
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
    found = relative_scales(kind=kind, output=output, paired=paired, widths=[2 * m], first_seed=seed, seeds=1)
    target(found["ratio"].max())
    assert inequality("", found["ratio"].max(), 1.0).verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/two-layer-width")
@examples(5)
@given(kind=kinds, seed=seeds)
def test_exponents_of_paired_units(kind, seed):
    widths = [2**k for k in range(8, 13)]
    found = relative_scales(kind=kind, output="signs", paired=True, widths=widths, first_seed=seed, seeds=24)["kappa"]
    for beta, values in zip(BETAS, found, strict=True):
        judged = rate_fit("", widths, values, predicted=width_exponent(beta), margin=MARGIN)
        assert judged.verdict is Verdict.SUPPORTED, judged
    lazy = rate_fit("", widths, found[-1], predicted=-0.5, margin=MARGIN, one_sided=True)
    assert lazy.verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/two-layer-width")
@examples(4)
@given(kind=kinds, seed=seeds)
def test_unpaired_units_are_no_slower(kind, seed):
    widths = [2**k for k in range(8, 13)]
    found = relative_scales(kind=kind, output="signs", paired=False, widths=widths, first_seed=seed, seeds=48)["kappa"]
    for beta, values in zip(BETAS, found, strict=True):
        judged = rate_fit("", widths, values, predicted=width_exponent(beta), margin=0.15, one_sided=True)
        assert judged.verdict is not Verdict.REFUTED, judged
