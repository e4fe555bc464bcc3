"""scheme-independence on drawn rates, and on rates that depend on the width."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.li2024demystifying.scheme_independence import CLAIM, SCALES
from checks.measurements import layer_trainings
from checks.measurements.layer_trainings import bounded_drifts, layer_drifts, power_rates
from checks.measurements.trainings import along, network
from checks.verdict import Verdict
from kernels import gradient_flow
from kernels.models import NetworkModel
from tests import examples
from tests.claims import part_of
from tests.flows import flat, make_network
from tests.lazy import activations, data_sets, drawn, seeds, start_of, train, verdict_of, width
from theory.lazy_bounds import layer_drift_bound, layer_drift_constants, rated_drift_constant

decades = st.lists(st.floats(-4, 0), min_size=3, max_size=3).map(lambda logs: 10.0 ** np.array(logs))


def normalised(rates, L):
    """Rates of L + 1 layers, the largest 1."""
    return (rates[: L + 1] / rates[: L + 1].max()).tolist()


@pytest.mark.claim("li2024demystifying/scheme-independence")
@examples(10)
@given(data=data_sets(12), L=st.integers(1, 2), rates=decades, seed=seeds, activation=activations)
def test_every_layer_moves_as_its_rate_says(data, L, rates, seed, activation):
    """At finite width, for each network by itself, at a large κ: every layer, and all of them together."""
    rates, m = normalised(rates, L), width(L, 1)
    _, y, _, G = start_of(drawn(network(L, activation, data, [[m, 1e4]]), seed))
    together = rated_drift_constant(G, rates, y)[0]
    kappa = max(1e4, 10 * together**2)  # the slowest mode's kernel changes by about together²/κ of itself
    case = drawn(network(L, activation, data, [[m, kappa]], rates=[rates]), seed)
    found = layer_drifts(**case, first=0, draws=1, rtol=1e-2)
    assert kappa * found["layers"][0, 0] == pytest.approx(layer_drift_constants(G, rates, y), rel=0.1)
    assert kappa * found["end"][0, 0] == pytest.approx(together, rel=0.1)


@pytest.mark.claim("li2024demystifying/scheme-independence")
@examples(5)
@given(data=data_sets(6, each=1 / 4), rates=decades, seed=seeds)
def test_whatever_the_rates_the_drift_is_of_order_one_over_kappa(data, rates, seed):
    pairs = [[512, kappa] for kappa in SCALES]
    config = network(1, "relu", data, pairs, rates=[normalised(rates, 1)] * 3, rtol=1e-2)
    assert verdict_of(part_of(CLAIM, "d"), config, seed, 5).verdict is Verdict.SUPPORTED


@pytest.mark.claim("li2024demystifying/scheme-independence")
@examples(5)
@given(gamma=st.floats(0.2, 0.5), delta=st.floats(-1, 1), seed=seeds)
def test_the_drift_follows_gamma_and_the_slower_layer_its_rate(gamma, delta, seed):
    widths = [256, 1024, 4096]
    exponents = (min(0.0, -2 * delta), min(0.0, 2 * delta))
    options = {"rates": power_rates(widths, exponents), "rtol": 1e-2}
    config = network(1, "tanh", {"kind": "random", "n": 3, "d": 6}, along(widths, gamma, 64.0), **options)
    found = layer_drifts(**drawn(config, seed), first=0, draws=4)
    x = np.log(widths) - np.log(widths).mean()
    slope = lambda values: np.log(values).mean(axis=0) @ x / (x @ x)  # noqa: E731
    assert slope(found["drift"]) == pytest.approx(-gamma, abs=0.1)
    for l in range(2):
        assert slope(found["layers"][..., l]) == pytest.approx(exponents[l] - gamma, abs=0.15)


@pytest.mark.claim("li2024demystifying/scheme-independence")
@examples(8)
@given(data=data_sets(6), activation=activations, rates=decades, seed=seeds)
def test_no_layer_passes_its_bound_where_the_condition_holds(data, activation, rates, seed):
    """With the least eigenvalue that the run has seen, so that the condition holds by itself."""
    own = normalised(rates, 1)
    case = drawn(network(1, activation, data, [[256, 64.0]], rates=[own]), seed)
    X, y, _, _ = start_of(case)
    case.pop("hidden_layers")
    found = bounded_drifts(**case, first=0, draws=1)
    slope, lam = (
        1.13 * np.linalg.norm(X, 2),
        2 * found["least"][0, 0],
    )  # 1.129 is the largest slope of all, that of gelu
    for l, start in enumerate((slope * found["output"][0, 0], found["features"][0, 0])):
        at = (64.0, 256, len(y), lam, 0.5 * y @ y / len(y), own[l], start, slope, own[1 - l])
        assert found["layers"][0, 0, l] <= layer_drift_bound(*at)


@pytest.mark.claim("li2024demystifying/scheme-independence")
@given(seed=seeds, size=st.floats(-2, 1), activation=activations)
def test_the_jacobians_of_both_layers_stay_below_what_the_bound_says(seed, size, activation):
    """(√m/κ)‖J^1‖ ≤ B‖X‖‖a‖/√m and (√m/κ)‖J^2‖ ≤ ‖σ(XW_0ᵀ)‖/√m + B‖X‖‖ΔW‖/√m for any displacement."""
    net, rng = make_network(seed, n=3, d=4, m=8, L=1, kappa=2.0, activation=activation), np.random.default_rng(seed)
    model, start = NetworkModel(net.X, activation, 2.0, 8, 1), flat(net.params.arrays)
    moved = start + 10.0**size * rng.normal(size=start.shape)
    J_0, J = (np.sqrt(8) / 2 * model.jacobian(at) for at in (start, moved))
    X_norm = 1.13 * np.linalg.norm(net.X, 2)
    split = 8 * 4
    assert np.linalg.norm(J[:, :split], 2) <= X_norm * np.linalg.norm(moved[split:]) / np.sqrt(8) * (1 + 1e-9)
    change = X_norm * np.linalg.norm(moved[:split] - start[:split]) / np.sqrt(8)
    assert np.linalg.norm(J[:, split:], 2) <= np.linalg.norm(J_0[:, split:], 2) + change + 1e-9


@pytest.mark.claim("li2024demystifying/scheme-independence")
@examples(5)
@given(data=data_sets(6, each=1 / 4), seed=seeds)
def test_equal_kappa_does_not_mean_equal_drift(data, seed):
    """D differs by what the two constants say, which slower input weights move far."""
    pairs, rates = [[1024, 1024.0]] * 2, [[1.0, 1.0], [1e-2, 1.0]]
    config = network(1, "relu", data, pairs, rates=rates, rtol=1e-2)
    equal, other = train(layer_drifts, drawn(config, seed))["drift"][0]
    assert other > 1.05 * equal


def test_a_common_factor_of_the_rates_is_a_unit_of_time():
    net = make_network(3, n=3, d=4, m=16, L=1, kappa=8.0, activation="tanh")
    options = {"activation": "tanh", "kappa": 8.0, "loss_ratio": 1e-6, "centred": True}
    one, ten = (gradient_flow(net.params, net.X, net.y, layer_rates=[f, 0.1 * f], **options) for f in (1.0, 10.0))
    assert one.layer_drift[-1] == pytest.approx(ten.layer_drift[-1], rel=1e-9)
    assert one.times[-1] == pytest.approx(10 * ten.times[-1], rel=1e-9)


def test_a_run_that_is_given_up_bounds_nothing(monkeypatch):
    """As many evaluations as elsewhere, and no number where they do not suffice."""
    data = {"kind": "random", "n": 2, "d": 4}
    case = {"data": data, "activation": "relu", "pairs": [[64, 64.0]], "rates": [[1.0, 1.0]]}
    for evaluations, given_up in ((100_000, False), (4, True)):
        monkeypatch.setattr(layer_trainings, "EVALUATIONS", {"max_evaluations": evaluations})
        found = bounded_drifts(**case, stream=[1, 2, 3, 4], first=0, draws=1)
        assert np.isnan(found["layers"]).all() == given_up
