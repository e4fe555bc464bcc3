"""ntk-special-case on drawn configurations."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.claim import Case
from checks.li2024demystifying.ntk_special_case import CLAIM
from checks.verdict import Verdict
from kernels.activations import ACTIVATIONS
from tests import examples
from tests.claims import judged, part_of


@pytest.mark.claim("li2024demystifying/ntk-special-case")
@examples(20)
@given(
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    L=st.integers(1, 3),
    m=st.integers(32, 64),
    kind=st.sampled_from(["random", "digits", "diabetes"]),
    n=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)
def test_raw_and_normalised_networks_are_one(activation, L, m, kind, n, seed):
    data = {"kind": kind, "n": n}
    config = {"data": data, "activations": [activation], "hidden_layers": L, "width": m}
    for part in CLAIM.parts:
        (found,), _ = judged(replace(part, controls=()), [Case("", config)], seed)
        assert found.verdict is Verdict.SUPPORTED
    _, (wrong,) = judged(part_of(CLAIM, "c"), [Case("", config | {"equal_rates": True})], seed)
    assert wrong.verdict is Verdict.REFUTED
