"""gram-limit on drawn configurations: any activation, depth, number of samples and data."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.claim import Case
from checks.li2024demystifying.gram_limit import BLOCK, CLAIM
from checks.measurements.data import inputs
from checks.measurements.gram_errors import data_sets, gram_errors, wrong_limits
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of
from theory import limit_grams
from theory.dual_activations import DUALS

RATE, CONSTANT = (replace(part_of(CLAIM, letter), controls=()) for letter in "ab")
WIDTHS = [32, 64, 128, 256]
DRAWS = {1: 600, 2: 200, 3: 200}  # after three more looks the half-width of the interval of a slope is at most .05
kinds, sizes, seeds = st.sampled_from(["random", "digits"]), st.integers(4, 8), st.integers(0, 2**32)
names = st.sampled_from(sorted(DUALS))


@pytest.mark.claim("li2024demystifying/gram-limit")
def test_every_layer_approaches_its_limit_like_one_over_root_width():
    verdicts = []

    @examples(12)
    @given(name=names, L=st.integers(1, 3), kind=kinds, n=sizes, seed=seeds)
    def draw(name, L, kind, n, seed):
        config = {"data": [{"kind": kind, "n": n}], "hidden_layers": L, "activations": [name], "widths": WIDTHS}
        select = [{"activation": name, "set": 0, "layer": layer} for layer in range(L + 1)]
        cases = [Case(f"K^{s['layer'] + 1}", config, DRAWS[L], select=s) for s in select]
        found, _ = judged(RATE, cases, seed)
        assert all(part.verdict is not Verdict.REFUTED for part in found), found
        assert all(part.resolution < 0.25 for part in found), found  # the data exclude half the exponent
        verdicts.extend(part.verdict for part in found)

    draw()
    assert verdicts.count(Verdict.SUPPORTED) >= 0.9 * len(verdicts)


@pytest.mark.claim("li2024demystifying/gram-limit")
def test_one_hidden_layer_has_the_exact_constant_at_every_width():
    verdicts = []

    @examples(12)
    @given(name=names, m=st.integers(32, 256), kind=kinds, n=sizes, seed=seeds)
    def draw(name, m, kind, n, seed):
        config = {"data": {"kind": kind, "n": n}, "activation": name, "width": m}
        cases = [Case(f"K^{layer + 1}", config, 50 * BLOCK, select={"layer": layer}) for layer in (0, 1)]
        found, _ = judged(CONSTANT, cases, seed)
        assert all(part.verdict is not Verdict.REFUTED for part in found), found
        verdicts.extend(part.verdict for part in found)

    draw()
    assert verdicts.count(Verdict.SUPPORTED) >= 0.9 * len(verdicts)


@pytest.mark.claim("li2024demystifying/gram-limit")
@pytest.mark.parametrize("name", ["relu", "tanh", "erf"])
def test_wrong_constants_are_refuted(name):
    config = {"data": {"kind": "random", "n": 8}, "activation": name, "width": 256}
    cases = [Case(f"K^{layer + 1}", config, 50 * BLOCK, select={"layer": layer}) for layer in (0, 1)]
    _, controls = judged(part_of(CLAIM, "b"), cases)
    assert len(controls) == 2 and all(control.verdict is Verdict.REFUTED for control in controls)


@given(n=st.integers(1, 6), seed=seeds)
def test_grams_of_a_stack_of_data_sets_are_those_of_each(n, seed):
    """Cells put all data sets through one network; each block must be what its data set alone would give."""
    both, stream = [{"kind": "random", "n": n}, {"kind": "digits", "n": 2}], [seed, 1, 2, 3]
    design = {"activations": ["tanh"], "hidden_layers": 2, "widths": [16], "stream": stream, "first": 0, "draws": 1}
    stacked, first = (gram_errors(data=data, **design)["tanh"][0, 0] for data in (both, both[:1]))
    assert np.allclose(stacked[0], first[0], rtol=1e-9)
    X, Y = data_sets(both, stream)
    assert len(X) == n and len(Y) == 2


@given(n=st.integers(2, 6), L=st.integers(1, 3), seed=seeds, name=st.sampled_from(["relu", "tanh", "erf", "sin"]))
def test_every_wrong_limit_is_wrong(n, L, seed, name):
    X = inputs("random", n=n, seed=seed, d=8)
    right = limit_grams(X, hidden_layers=L, activation=name).layers
    assert (
        np.linalg.norm(wrong_limits(X, L, name) - right, axis=(1, 2)) > 0.02 * np.linalg.norm(right, axis=(1, 2))
    ).all()
