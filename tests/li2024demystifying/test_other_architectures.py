"""other-architectures on drawn configurations: architecture, activation, depth and data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.data import inputs
from checks.equivalence import equivalence
from checks.li2024demystifying import other_architectures as claim
from checks.rate_fit import rate_fit
from checks.verdict import Verdict
from tests import examples
from theory.convolution_limits import convolution_limit_grams

WIDTHS, SEEDS, MARGIN = [24, 60, 144], 160, 0.15
NAMES = ("relu", "tanh", "erf", "gelu", "softplus", "sigmoid", "leaky_relu", "abs", "sin", "cos")
architectures = st.sampled_from([claim.RESIDUAL, claim.WITHOUT_V, claim.CONVOLUTION])


@pytest.mark.claim("li2024demystifying/other-architectures")
def test_grams_approach_their_limits_like_one_over_root_width():
    verdicts, controls = [], []

    @examples(6)
    @given(
        architecture=architectures, activation=st.sampled_from(NAMES), L=st.integers(2, 3), first=st.integers(0, 2**32)
    )
    def draw(architecture, activation, L, first):
        design = {"architecture": architecture, "kind": "random", "activations": [activation], "hidden_layers": L}
        found = claim.grams(**design, widths=WIDTHS, first_seed=first, seeds=SEEDS)[activation]
        X = claim.data(architecture, "random", claim.GRAM_SAMPLES)
        limits = claim.limits(architecture, X, activation, L)
        errors = np.linalg.norm(found.sum(axis=2) - limits.sum(axis=0), axis=(2, 3))
        part = rate_fit("", WIDTHS, errors, predicted=-0.5, margin=MARGIN)
        last = found[:, -1]
        offsets = [claim.offset("", last[:, b], K, 0.02) for b, K in enumerate(limits)]
        assert Verdict.REFUTED not in [part.verdict, *(o.verdict for o in offsets)], (part, offsets)
        verdicts.extend([part.verdict, *(o.verdict for o in offsets)])
        controls.append(claim.offset("", last.sum(axis=1), 1.25 * limits.sum(axis=0), 0.02).verdict)
        controls.append(rate_fit("", WIDTHS, errors, predicted=0.0, margin=MARGIN).verdict)

    draw()
    assert controls.count(Verdict.REFUTED) == len(controls)
    assert verdicts.count(Verdict.SUPPORTED) >= 0.8 * len(verdicts)


@pytest.mark.claim("li2024demystifying/other-architectures")
def test_drift_and_predictions_are_those_of_the_limit_kernel():
    verdicts, controls = [], []

    @examples(4)
    @given(
        architecture=architectures,
        activation=st.sampled_from(["tanh", "erf", "relu", "gelu"]),
        kind=st.sampled_from(["random", "digits"]),
        first=st.integers(0, 2**32),
    )
    def draw(architecture, activation, kind, first):
        widths = [16, 40, 100]
        design = {"architecture": architecture, "kind": kind, "activation": activation, "widths": widths}
        found = claim.flows(**design, first_seed=first, seeds=12)
        slope = rate_fit("", widths, found["error"], predicted=-0.5, margin=0.4)
        drift = equivalence("", found["drift"][:, -1], margin=0.25)
        assert Verdict.REFUTED not in (slope.verdict, drift.verdict), (slope, drift)
        verdicts.extend([slope.verdict, drift.verdict])
        controls.append(equivalence("", 2 * found["drift"][:, -1], margin=0.25).verdict)

    draw()
    assert controls.count(Verdict.REFUTED) == len(controls)
    assert verdicts.count(Verdict.SUPPORTED) >= 0.8 * len(verdicts)


@given(architecture=architectures, seed=st.integers(0, 1000), L=st.integers(2, 3))
def test_wrong_limits_differ_from_the_limits_by_more_than_the_offset_may(architecture, seed, L):
    X = claim.data(architecture, "random", 5)[np.random.default_rng(seed).permutation(5)[:4]]
    right = claim.limits(architecture, X, "relu", L).sum(axis=0)
    _, wrong = claim.wrong_limit(architecture, X, "relu", L)
    assert (np.linalg.norm(wrong - right) / np.linalg.norm(right)) ** 2 > 0.02


@given(seed=st.integers(0, 1000))
def test_the_pooled_kernel_is_that_of_a_network_whose_positions_share_their_output_weights(seed):
    """With one position there is nothing to pool; with equal positions the kernel grows P-fold."""
    X = inputs("random", n=3, seed=seed, d=5)[:, None]
    options = {"hidden_layers": 2, "activation": "tanh"}
    single = convolution_limit_grams(X, taps=1, **options).ntk
    equal = claim.pooled_limit(np.repeat(X, 4, axis=1), 2, "tanh")
    assert np.allclose(equal, 4 * single, rtol=1e-6)


def test_a_flow_that_misses_its_target_leaves_no_number(monkeypatch):
    short = claim.model_flow
    monkeypatch.setattr(claim, "model_flow", lambda *a, **k: short(*a, **{**k, "max_evaluations": 4}))
    design = {"architecture": claim.RESIDUAL, "kind": "random", "activation": "tanh"}
    found = claim.flows(**design, widths=[8], first_seed=0, seeds=1)
    assert all(np.isnan(values).all() for values in found.values())


def test_offsets_of_exact_draws_are_nothing_and_of_shifted_draws_their_square():
    K = np.eye(3)
    noise = np.random.default_rng(1).normal(size=(320, 3, 3)) * 0.05
    assert claim.offset("", K + noise, K, 0.01).verdict is Verdict.SUPPORTED
    shifted = claim.offset("", 1.2 * K + noise, K, 0.01)
    assert shifted.verdict is Verdict.REFUTED and shifted.measured == pytest.approx(0.04, rel=0.1)
