"""min-eigenvalue on drawn inputs, widths, activations and ε."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.data import inputs
from checks.frequency import frequency, trials_needed
from checks.li2024demystifying.min_eigenvalue import (
    crossing,
    failure_bound,
    least_eigenvalues,
    limit_least,
    pair,
    width_for,
)
from checks.rate_fit import rate_fit
from checks.verdict import Verdict
from tests import examples
from theory import gram_fluctuations, limit_grams, sufficient_width

cases = st.sampled_from([("relu", 1), ("tanh", 1), ("sin", 1), ("erf", 2), ("tanh", 2)])
drawn = {
    "kind": st.sampled_from(["random", "digits"]),
    "n": st.integers(1, 4),
    "data_seed": st.integers(0, 1000),
    "seed": st.integers(0, 2**32),
}


def measure(X, widths, activation, seed, draws):
    return least_eigenvalues(X=X.tolist(), widths=widths, activation=activation, seed=seed, draws=draws)


@pytest.mark.claim("li2024demystifying/min-eigenvalue")
def test_failures_are_no_more_frequent_than_their_bound():
    verdicts = []

    @examples(15)
    @given(
        **drawn,
        case=st.sampled_from([("relu", 1), ("tanh", 1), ("sin", 1), ("erf", 2), ("tanh", 2)]),
        eps=st.floats(0.3, 0.9),
    )
    def draw(kind, n, data_seed, seed, case, eps):
        activation, layer = case
        X = inputs(kind, n=n, seed=data_seed)
        m = width_for(X, activation, layer)
        assume(m <= 4000)
        bound = failure_bound(X, m, activation, layer, eps)
        trials = min(4000, trials_needed(bound)) if bound < 1 else 400
        least = measure(X, [m], activation, seed, trials)["least"][:, 0, layer - 1]
        failures = int(np.count_nonzero(least <= (1 - eps) * limit_least(X, activation)[layer - 1]))
        verdicts.append(frequency("", failures, trials, bound=bound).verdict)
        assert verdicts[-1] is not Verdict.REFUTED

    draw()
    assert verdicts.count(Verdict.SUPPORTED) >= 0.5 * len(verdicts)  # small ε make the bound vacuous


@pytest.mark.claim("li2024demystifying/min-eigenvalue")
@pytest.mark.parametrize("n, m, eps", [(4, 64, 0.5), (4, 128, 0.5), (1, 16, 0.75)])
def test_ten_times_the_exponent_is_refuted(n, m, eps):
    bound = failure_bound(np.eye(n), m, "relu", 1, eps)
    least = measure(np.eye(n), [m], "relu", 1, 4000)["least"][:, 0, 0]
    failures = int(np.count_nonzero(least <= (1 - eps) * limit_least(np.eye(n), "relu")[0]))
    assert frequency("", failures, 4000, bound=bound).verdict is Verdict.SUPPORTED
    assert frequency("", failures, 4000, bound=n * (bound / n) ** 10).verdict is Verdict.REFUTED


def width_from_which_the_gap_shows(X, activation, layer):
    """16 C_l/(ng)², where an entry of (m/κ²)G^l fluctuates on average by a quarter of the gap g above λ_min(K^l)."""
    values = np.linalg.eigvalsh(limit_grams(X, hidden_layers=1, activation=activation).layers[layer])
    return 16 * gram_fluctuations(X, activation=activation)[layer] / (len(X) * max(values[1] - values[0], 1e-6)) ** 2


@pytest.mark.claim("li2024demystifying/min-eigenvalue")
@examples(8)
@given(
    **(drawn | {"n": st.integers(2, 6)}),
    activation=st.sampled_from(["relu", "tanh", "erf", "softplus"]),
    layer=st.sampled_from([0, 1]),
)
def test_the_bias_is_negative_and_of_order_one_over_width(kind, n, data_seed, seed, activation, layer):
    X = inputs(kind, n=n, seed=data_seed)
    start = width_from_which_the_gap_shows(X, activation, layer)
    assume(start <= 2000)
    widths = [max(64, int(start)) * 2**k for k in range(4)]
    gap = measure(X, widths, activation, seed, 320)["gap"][..., layer]
    assert (gap >= -1e-12).all()  # vᵀGv is never below λ_min
    means = gap.reshape(20, 16, -1).mean(axis=1)
    assert rate_fit("", widths, means, predicted=-1.0, margin=0.25).verdict is not Verdict.REFUTED
    assert rate_fit("", widths, means, predicted=-0.5, margin=0.25).verdict is not Verdict.SUPPORTED


@pytest.mark.claim("li2024demystifying/min-eigenvalue")
@examples(10)
@given(phi=st.floats(0.05, 1.5), seed=st.integers(0, 2**32), activation=st.sampled_from(["relu", "tanh", "erf"]))
def test_the_sufficient_width_suffices(phi, seed, activation):
    X = pair(phi)
    m = sufficient_width(X, activation=activation)
    assume(m <= 20000)
    least = measure(X, [m], activation, seed, 300)["least"][:, 0, 0]
    failures = int(np.count_nonzero(least < limit_least(X, activation)[0] / 2))
    assert frequency("", failures, 300, bound=0.1).verdict is Verdict.SUPPORTED


def test_crossing_interpolates_and_reports_what_the_grid_does_not_show():
    share = lambda p: np.arange(100)[:, None] < 100 * np.array(p)  # noqa: E731
    assert crossing([10, 20, 40], share([0.5, 0.2, 0.0])) == pytest.approx(20 * 2**0.5)
    assert np.isnan(crossing([10, 20], share([0.5, 0.2]))) and np.isnan(crossing([10, 20], share([0.05, 0.0])))
