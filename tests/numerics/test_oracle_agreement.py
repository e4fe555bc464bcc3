"""oracle-agreement on drawn configurations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.inequality import inequality
from checks.numerics.oracle_agreement import (
    DESCENT_TOLERANCE,
    KINKED_TOLERANCE,
    LINEAR_TOLERANCE,
    SOLVER_TOLERANCE,
    kinked_case,
    linear_case,
    smooth_case,
)
from checks.verdict import Verdict
from tests import examples
from tests.flows import SMOOTH

data = st.builds(
    lambda kind, n, seed: {"kind": kind, "n": n, "seed": seed} | ({"d": 8} if kind == "random" else {}),
    st.sampled_from(["random", "digits"]),
    st.integers(2, 6),
    st.integers(0, 1000),
)
cases = {"data": data, "hidden_layers": st.integers(1, 2), "seed": st.integers(0, 2**32 - 1)}
scales = st.floats(0.3, 1.8).map(lambda k: 10.0**k)


@pytest.mark.claim("numerics/oracle-agreement")
@examples(5)
@given(**cases, activation=st.sampled_from(SMOOTH), kappa=scales)
def test_flow_solver_and_descent_agree(**case):
    found = smooth_case(**case)
    assert inequality("", found["solver"], SOLVER_TOLERANCE).verdict is Verdict.SUPPORTED
    assert inequality("", found["descent"], DESCENT_TOLERANCE + found["gap"]).verdict is Verdict.SUPPORTED
    assert inequality("", found["wrong rate"], SOLVER_TOLERANCE).verdict is Verdict.REFUTED


@pytest.mark.claim("numerics/oracle-agreement")
@examples(5)
@given(**cases, activation=st.sampled_from(["relu", "leaky_relu"]), kappa=st.floats(4, 100))
def test_kinked_flow_and_euler_agree(**case):
    found = kinked_case(**case)
    assert inequality("", found["flow"], KINKED_TOLERANCE + found["gap"]).verdict is Verdict.SUPPORTED
    assert inequality("", found["wrong targets"], KINKED_TOLERANCE).verdict is Verdict.REFUTED


@pytest.mark.claim("numerics/oracle-agreement")
@examples(10)
@given(**cases, activation=st.sampled_from([*SMOOTH, "relu", "abs"]), kappa=scales)
def test_a_linear_model_follows_the_closed_form(**case):
    found = linear_case(**case)
    assert inequality("", found["closed form"], LINEAR_TOLERANCE).verdict is Verdict.SUPPORTED
    assert inequality("", found["over n + 1"], LINEAR_TOLERANCE).verdict is Verdict.REFUTED
