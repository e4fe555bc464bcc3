"""two-layer-width on drawn inputs and units: exact norms, the bound, the exponents."""

from dataclasses import replace
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erf

from checks.chizat2019lazy.two_layer_width import BETAS, CLAIM
from checks.claim import Case
from checks.measurements.data import DATA
from checks.measurements.width_scales import SHAPES, curvatures, inputs_and_targets, units
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of
from theory.width_bounds import width_constant

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
@examples(6)
@given(kind=kinds, output=outputs, paired=st.booleans(), seed=seeds, m=st.sampled_from((32, 128, 512)))
def test_the_mean_of_the_relative_scale_stays_below_its_bound(kind, output, paired, seed, m):
    config = {"kind": kind, "output": output, "paired": paired, "betas": BETAS, "widths": [m]}
    cases = [Case(f"{beta}", config, draws=64, select={"beta": beta, "end": 0}) for beta in BETAS]
    found, _ = judged(replace(part_of(CLAIM, "b"), controls=()), cases, seed)
    assert all(evidence.verdict is Verdict.SUPPORTED for evidence in found), found


@pytest.mark.claim("chizat2019lazy/two-layer-width")
def test_without_its_second_term_the_bound_fails_where_the_scale_is_one_over_m():
    config = {"kind": "orthonormal", "output": "signs", "paired": True, "betas": BETAS, "widths": [8192]}
    _, (control,) = judged(part_of(CLAIM, "b"), [Case("", config, draws=8, select={"beta": 1.0, "end": -1})], 0)
    assert control.verdict is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/two-layer-width")
@examples(6)
@given(uniform=st.booleans(), seed=seeds, d=st.integers(1, 2), block=st.integers(16, 32))
def test_the_constant_is_that_of_drawn_units(uniform, seed, d, block):
    rng = np.random.default_rng(seed)
    X, target, draws = rng.uniform(-1, 1, size=(3, d)), 0.7, 20_000
    W = rng.normal(size=(draws, block, d))
    a = rng.uniform(-1, 1, size=(draws, block)) if uniform else np.ones((draws, block))
    u = np.tanh(W @ X.T)
    means = (a**2 * ((1 - u**2) ** 2 @ (X**2).sum(axis=1))).mean(axis=1)
    size = np.mean(a**2 * (u**2).sum(axis=-1))
    curvature = 4 / np.sqrt(27) * np.linalg.norm(X, 2) * np.linalg.norm(X, axis=1).max()
    drawn = 3 * curvature * max(target * np.mean(1 / means), np.sqrt(size * np.mean(means**-2.0)))
    assert width_constant(X, target, uniform=uniform, block=block) == pytest.approx(drawn, rel=0.05)


def inverse_moment(length, power, block, uniform):
    """E Z̄^{−p} of one input, Z = a²length² sech⁴(w length): a fine grid over w, the integral over t in logarithms."""
    w = np.linspace(-12, 12, 4001)
    squares, weights = length**2 / np.cosh(w * length) ** 4, np.exp(-(w**2) / 2)
    logs = np.arange(-50, 250, 0.1)  # of t
    s = np.exp(logs)[:, None] * squares / block
    law = np.sqrt(np.pi) / 2 * erf(np.sqrt(s)) / np.sqrt(s) if uniform else np.exp(-s)
    with np.errstate(divide="ignore"):
        return np.exp(power * logs + block * np.log(law @ weights / weights.sum())).sum() * 0.1 / factorial(power - 1)


@pytest.mark.claim("chizat2019lazy/two-layer-width")
@pytest.mark.parametrize("block", [16, 64])
@pytest.mark.parametrize(
    ("length", "error"), [(1 / 8, 1e-3), (0.5, 1e-3), (1.0, 1e-3), (2.0, 1e-3), (4.0, 1e-2), (8.0, 1e-2)]
)
@pytest.mark.parametrize("uniform", [False, True])
def test_the_constant_of_one_input_is_exact_where_saturated_units_decide_too(length, error, uniform, block):
    w = np.linspace(-12, 12, 4001)
    size = np.average(np.tanh(w * length) ** 2, weights=np.exp(-(w**2) / 2)) * (1 / 3 if uniform else 1)
    first, second = (inverse_moment(length, p, block, uniform) for p in (1, 2))
    for target in (0.0, 100.0):
        exact = 4 / np.sqrt(27) * length**2 * max(target * first, np.sqrt(size * second))
        found = width_constant(np.array([[length]]), target, uniform=uniform, block=block)
        assert found == pytest.approx(exact, rel=error)


@pytest.mark.claim("chizat2019lazy/two-layer-width")
def test_the_kernel_after_training():
    config = {"data": DATA["random"] | {"n": 3}, "betas": [0.5, 1.0], "widths": [64, 256, 1024]}
    cases = [Case(f"{beta}", config, draws=32, select={"beta": beta}) for beta in (0.5, 1.0)]
    found, (lazy,) = judged(part_of(CLAIM, "c"), cases, 1)
    assert all(evidence.verdict is not Verdict.REFUTED for evidence in found), found
    assert lazy.verdict is Verdict.REFUTED


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
