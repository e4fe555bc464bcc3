"""loss-decay on drawn configurations."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.claim import Case
from checks.judges import AtLeast, Sides
from checks.li2024demystifying.loss_decay import CLAIM, LOST, PAIR, TWIN_PAIRS, TWO_INPUTS
from checks.measurements.trainings import (
    LATE_EXCESS,
    LATE_FROM,
    decays,
    isolated_seed,
    late_rates,
    least_shares,
    limits,
    network,
    repeated_input,
)
from checks.verdict import Verdict
from kernels import gradient_flow, layer_grams
from tests import examples
from tests.claims import judged, part_of
from tests.lazy import (
    activations,
    data_sets,
    decay_cases,
    decay_config,
    depths,
    drawn,
    least_of,
    mostly_supported,
    seeds,
    smooth,
    start_of,
    train,
    verdict_of,
    width,
)
from theory import linearized_flow
from theory.lazy_bounds import condition_threshold, decay_rate, feature_constant


@pytest.mark.claim("li2024demystifying/loss-decay")
def test_the_loss_stays_below_its_envelope():
    def judge(seed, **case):
        return verdict_of(part_of(CLAIM, "a"), decay_config(**case), seed, control=None)

    assert mostly_supported(judge, 12, **decay_cases)


@pytest.mark.claim("li2024demystifying/loss-decay")
def test_where_a_path_slides_along_kinks_the_tangent_kernel_does_not_bound_the_rate():
    """The counterexample of docs/theory.md: λ_min(G_t) stays above λ/2 and the loss above its envelope."""
    stream = [10566037, 724168020789173026, 3649569658711240562, 2852222946949371043]
    config = network(1, "relu", {"kind": "random", "n": 3, "d": 2}, [[256, 100.0023026116027]]) | {"stream": stream}
    X, y, params, _ = start_of(config)
    (m, kappa), lam = config["pairs"][0], least_of(limits(config)[0])
    options = {"activation": "relu", "kappa": kappa, "centred": True, "kernels": True, "rtol": 1e-2}
    run = gradient_flow(params, X, y, times=np.geomspace(0.01, 60, 100), **options)
    assert np.linalg.eigvalsh(run.kernels)[:, 0].min() > 0.55 * kappa**2 / m * lam
    rates = np.log((y @ y) / 6 / run.losses) / run.times
    assert rates.min() < 0.95 * decay_rate(kappa, m, 3, lam)
    assert (np.abs(run.params.weights[0] @ X.T) < 1e-3).sum() >= 15


@pytest.mark.claim("li2024demystifying/loss-decay")
@examples(10)
@given(data=data_sets(12, each=1), L=depths, activation=smooth, seed=seeds)
def test_four_times_lambda_is_refuted(data, L, activation, seed):
    """Where the network is all but linear the late rate is 2λ; λ here of the network's own kernel."""
    found = train(decays, drawn(network(L, activation, data, [[width(L, 1), 1e5]]), seed))
    own, error = found["least_0"] / data["n"], found["rate error"]
    assert AtLeast()(Sides(found["rate"], own, error)).verdict is Verdict.SUPPORTED
    assert AtLeast()(Sides(found["rate"], 4 * own, error)).verdict is Verdict.REFUTED


@pytest.mark.claim("li2024demystifying/loss-decay")
@examples(10)
@given(data=data_sets(12, each=1), activation=smooth, size=st.integers(0, 1), seed=seeds)
def test_from_the_threshold_on_half_of_the_eigenvalue_stays(data, activation, size, seed):
    """The condition theorem, for the largest λ that its hypothesis allows: λ_min(G_0) = (3/4)(κ²/m)λ."""
    m = width(1, size)
    case = drawn(network(1, activation, data, [[m, 1.0]]), seed)
    X, y, params, G = start_of(case)
    lam, c_sigma = least_of(G) / 0.75, feature_constant(activation, params.output)
    top = min(np.linalg.norm(X, 2) ** 2, len(y))
    kappa = condition_threshold(len(y), lam, 0.5 * (y @ y) / len(y), c_sigma, largest=top)
    found, limit = train(decays, case | {"pairs": [[m, kappa]]}), kappa**2 / m * lam
    assert AtLeast()(Sides(found["least"], 0.5 * limit, found["least error"])).verdict is Verdict.SUPPORTED
    assert AtLeast()(Sides(found["least"], 1.5 * limit, found["least error"])).verdict is Verdict.REFUTED


@pytest.mark.claim("li2024demystifying/loss-decay")
def test_the_late_rate_is_that_of_the_last_kernel():
    """In four draws of five: data are drawn by the limit kernel, and the slowest mode of a network may be close to the next."""
    errors = []

    @examples(10)
    @given(data=data_sets(8), L=depths, activation=activations, seed=seeds)
    def draw(data, L, activation, seed):
        found = train(late_rates, drawn(network(L, activation, data, [[width(L, 0), 256.0]]), seed))
        errors.append(np.nan_to_num(abs(found["rate"] / found["own"] - 1), nan=np.inf))  # a flow that does not end

    draw()
    assert np.quantile(errors, 0.8) < 0.01


@pytest.mark.claim("li2024demystifying/loss-decay")
@examples(10)
@given(data=data_sets(8), activation=activations, seed=seeds)
def test_where_the_late_rate_is_taken_kernel_regression_has_it(data, activation, seed):
    """On the data that are drawn for it, one rate for the last four decades of the window."""
    layers, y = limits(case := drawn(network(1, activation, data, []), seed), isolated_seed(case))
    K, lam = layers.sum(axis=0), least_of(layers)
    share = (np.linalg.eigh(K)[1][:, 0] @ y) ** 2 / (y @ y)
    times = len(y) / (2 * lam) * np.log(share / LATE_FROM * np.array([1.0, 1e4]))
    first, last = linearized_flow(K, y, times).losses
    assert np.log(first / last) / np.diff(times)[0] == pytest.approx(2 * lam / len(y), rel=2 * LATE_EXCESS)


@pytest.mark.claim("li2024demystifying/loss-decay")
@examples(5)
@given(data=data_sets(8, each=1), activation=activations, seed=seeds)
def test_a_repeated_input_with_two_labels_stalls(data, activation, seed):
    case = drawn(network(1, activation, data, [[512, 64.0]]), seed)
    bound = decay_rate(64.0, 512, data["n"], least_of(start_of(case)[-1]))
    found = train(repeated_input, {key: value for key, value in case.items() if key != "hidden_layers"})
    assert AtLeast()(Sides(found["rate"], bound)).verdict is Verdict.REFUTED


def test_fewer_weights_than_inputs_have_no_decay_time():
    data = {"kind": "random", "n": 8, "d": 2}
    found = repeated_input(data=data, activation="tanh", pairs=[[2, 10.0]], stream=[1, 0, 0, 0], first=0, draws=1)
    assert np.isnan(found["rate"]).all()


def test_the_start_is_the_one_of_the_cells():
    case = drawn(network(2, "tanh", {"kind": "digits", "n": 3}, [[32, 3.0]]), 5)
    X, _, params, G = start_of(case)
    own = np.linalg.eigvalsh(layer_grams(params, X, activation="tanh", kappa=3.0).sum(axis=0))[0]
    assert least_of(G) == pytest.approx(32 / 9 * own)
    assert train(decays, case)["least_0"] == pytest.approx(own)


@pytest.mark.claim("li2024demystifying/loss-decay")
@examples(5)
@given(data=data_sets(8, 6), L=st.integers(1, 2), seed=seeds)
def test_the_condition_is_kept_more_often_by_wide_networks(data, L, seed):
    """The least share of λ that eight networks keep grows with their width."""
    case = drawn(network(L, "relu", data, [[16, 64.0], [256, 64.0]]), seed)
    narrow, wide = least_shares(**case, first=0, draws=8)["least"].min(axis=0)
    assume(not np.isnan(wide))  # close inputs may stop even a wide network
    assert np.isnan(narrow) or narrow < wide


@pytest.mark.claim("li2024demystifying/loss-decay")
@examples(5)
@given(seed=seeds)
def test_runs_whose_condition_fails_are_excluded_and_counted(seed):
    part = replace(part_of(CLAIM, "a"), controls=())
    (found,), _ = judged(part, [Case("", network(1, "relu", PAIR, TWIN_PAIRS), 1)], seed)
    assert found.verdict is Verdict.SUPPORTED and found.excluded == 1


@pytest.mark.claim("li2024demystifying/loss-decay")
@examples(5)
@given(seed=seeds)
def test_two_inputs_under_sin_lose_the_condition_at_a_small_scale(seed):
    lost = least_shares(**drawn(network(1, "sin", TWO_INPUTS, LOST), seed), first=0, draws=1)["least"]
    assert lost.item() < 0.5
