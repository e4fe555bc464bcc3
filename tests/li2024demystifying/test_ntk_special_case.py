"""ntk-special-case on drawn configurations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.li2024demystifying.ntk_special_case import differences, judge
from checks.verdict import Verdict
from kernels.activations import ACTIVATIONS
from tests import examples


@pytest.mark.claim("li2024demystifying/ntk-special-case")
@examples(20)
@given(
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    L=st.integers(1, 3),
    m=st.integers(32, 64),
    kind=st.sampled_from(["random", "digits"]),
    n=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)
def test_raw_and_normalised_networks_are_one(activation, L, m, kind, n, seed):
    configuration = {
        "activation": activation,
        "hidden_layers": L,
        "width": m,
        "data": {"kind": kind, "n": n, "seed": seed},
    }
    result = differences(**configuration, seed=seed)
    for quantity in result:
        assert judge([result], quantity, quantity).verdict is Verdict.SUPPORTED
    other = differences(**configuration, seed=seed, equal_rates=True)
    assert judge([other], "Gram matrices", "equal raw rates").verdict is Verdict.REFUTED
