"""other-architectures on drawn configurations: architecture, activation, depth and data."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.claim import Case
from checks.judges import Draws, Ratio
from checks.li2024demystifying.other_architectures import CLAIM, squared_offsets
from checks.measurements import architectures as cells
from checks.measurements.data import inputs
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of

NAMES = ("relu", "tanh", "erf", "gelu", "softplus", "sigmoid", "leaky_relu", "abs", "sin", "cos")
architectures = st.sampled_from([cells.RESIDUAL, cells.WITHOUT_V, cells.CONVOLUTION])
seeds = st.integers(0, 2**32)


@pytest.mark.claim("li2024demystifying/other-architectures")
def test_grams_approach_their_limits_like_one_over_root_width():
    verdicts, rate, offset = [], *(replace(part_of(CLAIM, letter), controls=(), looks=2) for letter in ("a1", "a2"))

    @examples(6)
    @given(architecture=architectures, activation=st.sampled_from(NAMES), L=st.integers(2, 3), seed=seeds)
    def draw(architecture, activation, L, seed):
        config = {"architecture": architecture, "data": {"kind": "random", "n": 6}, "activations": [activation]}
        config |= {"hidden_layers": L, "widths": [24, 60, 144]}
        blocks = 2 * L if architecture == cells.RESIDUAL else L + 1
        case = Case("", config, 96, select={"activation": activation, "block": None, "margin": 0.15})
        found, _ = judged(rate, [case], seed)
        own = [
            Case(str(b), config, 96, select=case.select | {"block": b, "margin": 0.02}) for b in (None, *range(blocks))
        ]
        found += judged(offset, own, seed)[0]
        assert all(part.verdict is not Verdict.REFUTED for part in found), found
        verdicts.extend(part.verdict for part in found)

    draw()
    assert verdicts.count(Verdict.SUPPORTED) >= 0.8 * len(verdicts)


@pytest.mark.claim("li2024demystifying/other-architectures")
@pytest.mark.parametrize("architecture", [cells.RESIDUAL, cells.WITHOUT_V, cells.CONVOLUTION])
def test_wrong_kernels_are_refuted(architecture):
    config = {"architecture": architecture, "data": {"kind": "random", "n": 6}, "activations": ["relu"]}
    config |= {"hidden_layers": 3, "widths": [24, 60, 144]}
    for letter, margin in (("a1", 0.15), ("a2", 0.01)):
        case = Case("", config, 96, select={"activation": "relu", "block": None, "margin": margin})
        part = part_of(CLAIM, letter)
        part = replace(part, controls=part.controls[:1])  # the other one, taps, is of convolutions alone
        _, controls = judged(part, [case])
        assert controls and all(control.verdict is Verdict.REFUTED for control in controls)


@pytest.mark.claim("li2024demystifying/other-architectures")
def test_drift_and_predictions_are_those_of_the_limit_kernel():
    verdicts = []

    @examples(4)
    @given(
        architecture=architectures,
        activation=st.sampled_from(["tanh", "erf", "relu", "gelu"]),
        kind=st.sampled_from(["random", "digits"]),
        seed=seeds,
    )
    def draw(architecture, activation, kind, seed):
        config = {"architecture": architecture, "data": {"kind": kind, "n": 19}, "activation": activation}
        config |= {"hidden_layers": 2, "widths": [16, 40, 100]}
        for letter, margin in (("b", 0.25), ("c", 0.4)):
            part = replace(part_of(CLAIM, letter), controls=(), looks=2)
            (found,), _ = judged(part, [Case("", config, 10, select={"block": None, "margin": margin})], seed)
            assert found.verdict is not Verdict.REFUTED, found
            verdicts.append(found.verdict)

    draw()
    assert verdicts.count(Verdict.SUPPORTED) >= 0.8 * len(verdicts)


@given(architecture=architectures, seed=seeds, L=st.integers(2, 3))
def test_wrong_limits_differ_from_the_limits_by_more_than_the_offset_may(architecture, seed, L):
    X = cells.architecture_inputs(architecture, "random", 4, [seed, 0, 0, 0])
    right = cells.block_limits(architecture, X, "relu", L).sum(axis=0)
    wrong = cells.wrong_limit(architecture, X, "relu", L)
    assert (np.linalg.norm(wrong - right) / np.linalg.norm(right)) ** 2 > 0.02


@given(seed=st.integers(0, 1000))
def test_the_pooled_kernel_is_that_of_a_network_whose_positions_share_their_output_weights(seed):
    """With one position there is nothing to pool; with equal positions the kernel grows P-fold."""
    X = inputs("random", n=3, seed=seed, d=5)[:, None]
    single = cells.block_limits(cells.CONVOLUTION, X, "tanh", 2, taps=1).sum(axis=0)
    equal = cells.pooled_limit(np.repeat(X, 4, axis=1), 2, "tanh")
    assert np.allclose(equal, 4 * single, rtol=1e-6)


def test_a_flow_that_misses_its_target_leaves_no_number(monkeypatch):
    short = cells.model_flow
    monkeypatch.setattr(cells, "model_flow", lambda *a, **k: short(*a, **{**k, "max_evaluations": 4}))
    design = {"architecture": cells.RESIDUAL, "data": {"kind": "random", "n": 5}, "activation": "tanh"}
    found = cells.flows(**design, hidden_layers=2, widths=[8], stream=[0, 0, 0, 0], first=0, draws=1)
    assert all(np.isnan(values).all() for values in found.values())


def test_offsets_of_exact_draws_are_nothing_and_of_shifted_draws_their_square():
    K, judge = np.eye(3), Ratio(0.0, 0.01)
    noise = np.random.default_rng(1).normal(size=(320, 3, 3)) * 0.05
    assert judge(Draws(squared_offsets(K + noise, K))).verdict is Verdict.SUPPORTED
    shifted = judge(Draws(squared_offsets(1.2 * K + noise, K)))
    assert shifted.verdict is Verdict.REFUTED and shifted.measured == pytest.approx(0.04, rel=0.1)
