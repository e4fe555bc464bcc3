"""gram-limit on drawn configurations: any activation, depth, number of samples, data and κ."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.data import inputs
from checks.equivalence import equivalence
from checks.li2024demystifying.gram_limit import MARGIN, gram_errors, wrong_constants
from checks.rate_fit import rate_fit
from checks.verdict import Verdict, combine
from tests import examples
from theory import gram_fluctuations
from theory.dual_activations import DUALS

WIDTHS = [32, 64, 128, 256]
SEEDS = {1: 2400, 2: 800, 3: 800}  # half-width of the interval of a slope at most .05, for the linear network too

configurations = st.fixed_dictionaries(
    {
        "activation": st.sampled_from(sorted(DUALS)),
        "L": st.integers(1, 3),
        "kind": st.sampled_from(["random", "digits"]),
        "n": st.integers(4, 8),
        "data_seed": st.integers(0, 1000),
        "first_seed": st.integers(0, 2**32),
    }
)


def errors(activation, L, kind, n, data_seed, first_seed, widths, seeds):
    data = [{"kind": kind, "n": n, "seed": data_seed}]
    design = {"data": data, "activations": [activation], "hidden_layers": L, "widths": widths}
    return gram_errors(**design, first_seed=first_seed, seeds=seeds)[activation][:, :, 0]


@pytest.mark.claim("li2024demystifying/gram-limit")
def test_every_layer_approaches_its_limit_like_one_over_root_width():
    verdicts, controls = [], []

    @examples(12)
    @given(configuration=configurations)
    def draw(configuration):
        found = errors(**configuration, widths=WIDTHS, seeds=SEEDS[configuration["L"]])
        parts = [rate_fit("", WIDTHS, found[..., l], predicted=-0.5, margin=MARGIN) for l in range(found.shape[-1])]
        verdicts.append(combine(parts))
        assert verdicts[-1] is not Verdict.REFUTED, parts
        half = [rate_fit("", WIDTHS, found[..., l], predicted=-0.25, margin=MARGIN) for l in range(found.shape[-1])]
        controls.extend(part.verdict for part in half)

    draw()
    assert Verdict.SUPPORTED not in controls and controls.count(Verdict.REFUTED) >= 0.8 * len(controls)
    assert verdicts.count(Verdict.SUPPORTED) >= 0.8 * len(verdicts)


@pytest.mark.claim("li2024demystifying/gram-limit")
def test_one_hidden_layer_has_the_exact_constant_at_every_width():
    verdicts = []

    @examples(12)
    @given(configuration=configurations, m=st.integers(32, 256))
    def draw(configuration, m):
        configuration |= {"L": 1}
        found = errors(**configuration, widths=[m], seeds=2000)[:, 0] ** 2 * m
        X = inputs(configuration["kind"], n=configuration["n"], seed=configuration["data_seed"])
        for l, constant in enumerate(gram_fluctuations(X, activation=configuration["activation"])):
            part = equivalence("", found[:, l].reshape(-1, 40).mean(axis=1) / constant, margin=0.2)
            verdicts.append(part.verdict)
            assert part.verdict is not Verdict.REFUTED, (part, l)

    draw()
    assert verdicts.count(Verdict.SUPPORTED) >= 0.8 * len(verdicts)


@pytest.mark.claim("li2024demystifying/gram-limit")
@pytest.mark.parametrize("activation", ["relu", "tanh", "erf"])
def test_wrong_constants_are_refuted(activation):
    X = inputs("random", n=8, seed=1)
    found = errors(activation, 1, "random", 8, 1, 0, [256], 2000)[:, 0] ** 2 * 256
    for l, constant in enumerate(wrong_constants(X, activation)):
        ratios = found[:, l].reshape(-1, 40).mean(axis=1) / constant
        assert equivalence("", ratios, margin=0.1).verdict is Verdict.REFUTED


@given(n=st.integers(1, 6), seed=st.integers(0, 1000))
def test_grams_of_a_stack_of_data_sets_are_those_of_each(n, seed):
    """Cells put all data sets through one network; each block must be what its data set alone would give."""
    both = [{"kind": "random", "n": n, "seed": seed}, {"kind": "digits", "n": 2, "seed": seed}]
    design = {"activations": ["tanh"], "hidden_layers": 2, "widths": [16], "first_seed": seed, "seeds": 1}
    stacked = gram_errors(data=both, **design)["tanh"][0, 0]
    for kind, spec in enumerate(both):
        assert np.allclose(stacked[kind], gram_errors(data=[spec], **design)["tanh"][0, 0, 0], rtol=1e-9)
