"""min-eigenvalue on drawn inputs, widths, activations and ε."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.claim import Case
from checks.judges import Counts, Frequency, Slope
from checks.judges.frequency import trials_needed
from checks.li2024demystifying.min_eigenvalue import BLOCK, CLAIM
from checks.measurements.eigenvalues import (
    crossing,
    failure_bound,
    failure_setting,
    gap_width,
    least_eigenvalues,
    limit_least,
    pair,
    spaced,
)
from checks.verdict import Verdict
from kernels import init_parameters
from kernels.activations import activate
from kernels.ensemble import ensemble_grams
from tests import examples
from tests.claims import judged, part_of
from theory import kernel_failure_bound, limit_grams, sufficient_kernel_width, sufficient_width
from theory.eigenvalue_bounds import kernel_rate

kinds, seeds = st.sampled_from(["random", "digits"]), st.integers(0, 2**32)


@pytest.mark.claim("li2024demystifying/min-eigenvalue")
def test_failures_are_no_more_frequent_than_their_bound():
    verdicts, part = [], replace(part_of(CLAIM, "a"), controls=())

    @examples(15)
    @given(
        kind=kinds,
        n=st.integers(1, 4),
        case=st.sampled_from([("relu", 1), ("tanh", 1), ("sin", 1), ("erf", 2), ("tanh", 2), ("relu", 0), ("sin", 0)]),
        eps=st.floats(0.3, 0.9),
        seed=seeds,
    )
    def draw(kind, n, case, eps, seed):
        activation, layer = case
        setting = {"data": {"kind": kind, "n": n}, "activation": activation, "layer": layer, "eps": eps, "width": 0.1}
        assume(failure_setting(setting, [seed, 0, 0, 0])[1] <= 4000)  # other data, of the same kind
        (found,), _ = judged(part, [Case("", {"setting": setting}, trials_needed(0.1))], seed)
        assert found.verdict is not Verdict.REFUTED
        verdicts.append(found.verdict)

    draw()
    assert verdicts.count(Verdict.SUPPORTED) >= 0.9 * len(verdicts)


@pytest.mark.claim("li2024demystifying/min-eigenvalue")
@pytest.mark.parametrize("n, m, eps", [(4, 64, 0.5), (4, 128, 0.5), (1, 16, 0.75)])
def test_ten_times_the_exponent_is_refuted(n, m, eps):
    setting = {"data": {"kind": "orthonormal", "n": n}, "activation": "relu", "layer": 1, "eps": eps, "width": m}
    (part,), (control,) = judged(part_of(CLAIM, "a"), [Case("", {"setting": setting}, 1000)], 1)
    assert (part.verdict, control.verdict) == (Verdict.SUPPORTED, Verdict.REFUTED)


@given(kind=kinds, n=st.integers(2, 5), layer=st.sampled_from([1, 2]), eps=st.floats(0.3, 0.9), seed=seeds)
def test_the_width_of_a_probability_is_the_least_with_that_bound(kind, n, layer, eps, seed):
    setting = {"data": {"kind": kind, "n": n}, "activation": "erf", "layer": layer, "eps": eps, "width": 0.1}
    X, m = failure_setting(setting, [seed, 0, 0, 0])
    assume(m > 1)
    assert failure_bound(X, m, "erf", layer, eps) <= 0.1 * (1 + 1e-9)
    assert failure_bound(X, m - 1, "erf", layer, eps) >= 0.1 * (1 - 1e-9)


@pytest.mark.claim("li2024demystifying/min-eigenvalue")
@examples(8)
@given(
    n=st.integers(2, 3),
    activation=st.sampled_from(["relu", "tanh", "erf", "softplus"]),
    layer=st.sampled_from([1, 2]),
    seed=seeds,
)
def test_the_bias_is_negative_and_of_order_one_over_width(n, activation, layer, seed):
    data, widths = {"kind": "random", "n": n, "d": 16}, [1024 << k for k in range(4)]
    config = {"data": data, "activation": activation, "layer": layer, "widths": widths}
    part = replace(part_of(CLAIM, "b2"), judge=Slope(-1.0, 0.25))
    (found,), (control,) = judged(part, [Case("", config, 10 * BLOCK)], seed)
    assert found.verdict is not Verdict.REFUTED and control.verdict is not Verdict.SUPPORTED
    X = spaced(data, activation, layer, widths[0], [seed, 0, 0, 0])
    assert gap_width(X, activation, layer) <= widths[0] and X.shape == (n, n)  # in their span
    cell = least_eigenvalues(**config, stream=[seed, 0, 0, 0], first=0, draws=4)
    assert (cell["bias"] >= -1e-12).all()  # vᵀGv is never below λ_min


@pytest.mark.claim("li2024demystifying/min-eigenvalue")
@examples(10)
@given(phi=st.floats(0.05, 1.5), seed=st.integers(0, 2**32), activation=st.sampled_from(["relu", "tanh", "erf"]))
def test_the_sufficient_width_suffices(phi, seed, activation):
    X = pair(phi)
    m = sufficient_width(X, activation=activation)
    assume(m <= 20000)
    least = np.linalg.eigvalsh(ensemble_grams(seed, X, [m], draws=300, activation=activation)[:, 0, 0])[:, 0]
    failures = int(np.count_nonzero(least < limit_least(X, activation, 1) / 2))
    assert Frequency()(Counts(failures, 300, 0.1)).verdict is Verdict.SUPPORTED


def test_crossing_interpolates_and_reports_what_the_grid_does_not_show():
    share = lambda p: np.arange(100)[:, None] < 100 * np.array(p)  # noqa: E731
    assert crossing([10, 20, 40], share([0.5, 0.2, 0.0])) == pytest.approx(20 * 2**0.5)
    assert np.isnan(crossing([10, 20], share([0.5, 0.2]))) and np.isnan(crossing([10, 20], share([0.05, 0.0])))


@pytest.mark.claim("li2024demystifying/min-eigenvalue")
@examples(10)
@given(
    n=st.integers(1, 5),
    d=st.integers(1, 5),
    seed=seeds,
    name=st.sampled_from(["relu", "leaky_relu", "abs", "erf", "sin"]),
)
def test_second_moments_of_one_neuron_are_at_most_a_multiple_of_the_kernel(n, d, seed, name):
    """E Y² ≼ CK, Y = a²M + N, over 20,000 neurons; C is what the exponent λε²/(2C) is made of."""
    X = np.random.default_rng(seed).normal(size=(n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    params = init_parameters(seed, d, 20_000, hidden_layers=1)
    u, K = params.weights[0] @ X.T, limit_grams(X, hidden_layers=1, activation=name).ntk
    back, values = activate(name, forward := u.copy()) * params.output[:, None], forward
    Y = np.einsum("ki,ij,kj->kij", back, X @ X.T, back) + np.einsum("ki,kj->kij", values, values)
    assert np.allclose(Y.mean(axis=0), K, atol=0.2)
    least = np.linalg.eigvalsh(K)[0]
    assume(least > 0.05)
    C = least / (2 * kernel_rate(X, name))
    second = np.einsum("kij,kjl->il", Y, Y) / len(Y)
    assert np.linalg.eigvalsh(C * K - second)[0] > -0.05 * C


def test_width_of_the_whole_kernel_is_where_its_bound_is_small():
    X = np.eye(3)
    m = sufficient_kernel_width(X, activation="relu", eps=0.5, probability=0.9)
    assert kernel_failure_bound(X, m, activation="relu", eps=0.5) <= 0.1
    assert kernel_failure_bound(X, m - 1, activation="relu", eps=0.5) > 0.1
    assert kernel_rate(X, "relu") == pytest.approx((1 - 1 / (2 * np.pi)) / (2 * 7))
