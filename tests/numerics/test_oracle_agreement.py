"""oracle-agreement on drawn configurations."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.claim import Case
from checks.measurements.oracles import WIDTHS, drawn
from checks.measurements.scaled_models import KINDS, LOSSES
from checks.numerics.oracle_agreement import CLAIM
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of
from tests.flows import SMOOTH

data = st.builds(
    lambda kind, n: {"kind": kind, "n": n} | ({"d": 8} if kind == "random" else {}),
    st.sampled_from(["random", "digits"]),
    st.integers(2, 6),
)
depths, seeds = st.integers(1, 2).map(lambda L: [L]), st.integers(0, 2**32 - 1)
scales = st.floats(0.3, 1.8).map(lambda k: [10.0**k] * 2)


def agrees(letter, seed, draws=1, **design):
    """The part is SUPPORTED and its control REFUTED for ``draws`` networks."""
    (part,), controls = judged(part_of(CLAIM, letter), [Case("", {"design": design}, draws)], seed)
    return part.verdict is Verdict.SUPPORTED and all(control.verdict is Verdict.REFUTED for control in controls)


@pytest.mark.claim("numerics/oracle-agreement")
@examples(5)
@given(data=data, activation=st.sampled_from(SMOOTH), depths=depths, scales=scales, seed=seeds)
def test_flow_and_solver_agree(**case):
    assert agrees("a", **case)


@pytest.mark.claim("numerics/oracle-agreement")
@examples(5)
@given(data=data, activation=st.sampled_from(SMOOTH), depths=depths, scales=scales, seed=seeds)
def test_flow_and_descent_agree(data, activation, depths, scales, seed):
    design = {"data": data, "activation": activation, "depths": depths, "scales": scales}
    (part,), _ = judged(part_of(CLAIM, "b"), [Case("", {"design": design}, 1)], seed)
    assume(part.verdict is not Verdict.HYPOTHESES_NOT_MET)  # the descents are too far apart
    assert part.verdict is Verdict.SUPPORTED


@pytest.mark.claim("numerics/oracle-agreement")
@examples(5)
@given(
    data=data,
    activation=st.sampled_from(["relu", "leaky_relu"]),
    depths=depths,
    scales=st.floats(4, 100).map(lambda kappa: [kappa] * 2),
    seed=seeds,
)
def test_kinked_flow_and_euler_agree(**case):
    assert agrees("c", draws=12, **case)


@pytest.mark.claim("numerics/oracle-agreement")
@examples(10)
@given(data=data, activation=st.sampled_from([*SMOOTH, "relu", "abs"]), depths=depths, scales=scales, seed=seeds)
def test_a_linear_model_follows_the_closed_form(**case):
    assert agrees("d", **case)


@pytest.mark.claim("numerics/oracle-agreement")
@examples(5)
@given(kind=st.sampled_from(KINDS), loss=st.sampled_from(LOSSES[1:]), alpha=st.floats(1, 30), seed=seeds)
def test_flows_of_nonlinear_maps_agree_with_the_solver(kind, loss, alpha, seed):
    config = {"kind": kind, "loss": loss, "alpha": alpha}
    (part,), (control,) = judged(part_of(CLAIM, "e"), [Case("", config, 1)], seed)
    assert part.verdict is Verdict.SUPPORTED and control.verdict is Verdict.REFUTED


@given(data=data, seed=seeds, number=st.integers(0, 20))
def test_draws_take_their_depth_in_turn_and_kappa_between_the_scales(data, seed, number):
    design = {"data": data, "activation": "tanh", "depths": [1, 2, 3], "scales": [2.0, 64.0]}
    (params, X, y), options, t_end, fastest = drawn(design, seed, number)
    L = 1 + number % 3
    assert len(params.weights) == L and params.width == WIDTHS[L] and 2 <= options["kappa"] <= 64
    assert len(X) == len(y) == data["n"] and t_end * fastest <= 60 * (1 + 1e-12)
    assert np.allclose(np.linalg.norm(X, axis=1), 1)
