"""kernel-description on drawn configurations."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.claim import Case
from checks.li2024demystifying.kernel_description import CLAIM
from checks.measurements.data import samples
from checks.measurements.kernel_predictions import TIMES, held_out, kernel_predictions, predictions
from checks.measurements.streams import data_seed
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of
from tests.lazy import activations, depths, seeds
from theory import limit_grams

WIDTHS = {1: [64, 256, 1024], 2: [32, 64, 128]}
digits = st.builds(lambda n: {"kind": "digits", "n": n}, st.integers(4, 6))
close, data = (
    st.one_of(
        st.builds(lambda n, d: {"kind": "random", "n": n, "d": d}, st.integers(4, 8), st.integers(8, most)), digits
    )
    for most in (12, 64)
)


@pytest.mark.claim("li2024demystifying/kernel-description")
def test_predictions_approach_those_of_the_kernel():
    """Above the corner; the margin is below half the distance to 0 and to −1."""
    verdicts, part = [], replace(part_of(CLAIM, "a"), controls=(), looks=2)

    @examples(5)
    @given(data=data, L=st.integers(1, 2), activation=activations, gamma=st.sampled_from([0.75, 1.0]), seed=seeds)
    def draw(data, L, activation, gamma, seed):
        config = {"data": data, "activation": activation, "hidden_layers": L}
        config["pairs"] = [[m, 4.0 * m**gamma] for m in WIDTHS[L]]
        (found,), _ = judged(part, [Case("", config, 16, select={"gamma": gamma, "margin": 0.24})], seed)
        assert found.verdict is not Verdict.REFUTED
        verdicts.append(found.verdict)

    draw()
    assert verdicts.count(Verdict.SUPPORTED) >= 0.8 * len(verdicts)


@pytest.mark.claim("li2024demystifying/kernel-description")
@examples(5)
@given(data=close, activation=st.sampled_from(["tanh", "erf", "relu"]), stream=seeds.map(lambda s: [s, 0, 0, 0]))
def test_the_last_layer_alone_does_not_predict_and_all_times_count(data, activation, stream):
    """Not for inputs that are all but orthogonal, for which all kernels predict next to nothing."""
    setting = {"data": data, "activation": activation, "hidden_layers": 1, "stream": stream}
    found = predictions(**setting, pairs=[[2048, 512.0]], first=0, draws=5)
    wrong, slower, right, training = (found[key].mean() for key in ("wrong", "slower", "right", "training"))
    assert wrong > 1.5 * right and slower > 2 * right and training < right
    _, kernel = kernel_predictions(**setting)
    assert (found["right"][:, 0] >= np.abs(found["outputs"][:, 0, -1] - kernel[-1]).max(axis=-1)).all()


@pytest.mark.claim("li2024demystifying/kernel-description")
@pytest.mark.parametrize("activation, corner", [("tanh", 1 / 4), ("relu", 1 / 2)])
def test_the_exponent_turns_at_the_corner(activation, corner):
    """−min(1/2, 2γ) and −min(1/2, γ): a bound up to the corner, two-sided beyond."""
    for gamma in (corner / 2, corner, 2 * corner):
        judge = part_of(CLAIM, "a").judge({"activation": activation, "gamma": gamma, "margin": 0.1})
        assert judge.predicted == -0.5 * min(1, gamma / corner) and judge.side == ("=" if gamma > corner else "≤")


@examples(5)
@given(data=data, L=depths, activation=activations, stream=seeds.map(lambda s: [s, 0, 0, 0]))
def test_predictions_start_at_zero_and_end_in_kernel_regression(data, L, activation, stream):
    X, y = samples(data, data_seed(stream))
    K, cross = (limit_grams(Z, X, hidden_layers=L, activation=activation).ntk for Z in (X, held_out(data, stream)))
    late = 1e4 * len(y) / np.linalg.eigvalsh(K)[0]
    _, (start, end) = kernel_predictions(data, activation, L, stream, times=np.array([0.0, late]))
    assert (start == 0).all()
    assert np.allclose(end, cross @ np.linalg.solve(K, y), rtol=1e-5, atol=1e-7)
    times, _ = kernel_predictions(data, activation, L, stream)
    assert len(times) == TIMES and 2 * times[-1] * np.linalg.eigvalsh(K)[0] / len(y) == pytest.approx(20)
