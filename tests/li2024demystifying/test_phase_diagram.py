"""phase-diagram on drawn networks, and its exponents and bounds by themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.li2024demystifying.phase_diagram import points
from checks.measurements.layer_trainings import growths, layer_drifts, mean_layer_drifts, power_rates
from checks.measurements.trainings import along, network
from kernels import forward
from tests import examples
from tests.flows import make_network
from tests.lazy import drawn, seeds
from theory.lazy_bounds import balanced_growth
from theory.rates import phase_exponents

logs = st.floats(-3, 3)


@pytest.mark.claim("li2024demystifying/phase-diagram")
@given(gamma=st.floats(-2, 2), delta=st.floats(-2, 2))
def test_the_exponents_balance_the_layers_and_meet_at_the_boundaries(gamma, delta):
    """W and a change places with δ; growing layers obey r_W V_growth = r_a A_growth and κ√(VA) ∝ 1; continuous everywhere."""
    W, a = phase_exponents(gamma, delta)
    assert phase_exponents(gamma, -delta) == (a, W)
    if gamma < -abs(delta):
        assert W > 0 and a > 0 and W - a == pytest.approx(-delta) and gamma + W + a == pytest.approx(0)
    else:
        assert (max(W, a) > 0) == (gamma < 0) and max(W, a) == -gamma
        if gamma < 0:  # |w|² changes by r_W/r_a times what a² does
            assert min(W, a) == pytest.approx(2 * max(W, a) - 2 * abs(delta))
    near = phase_exponents(gamma + 1e-9, delta - 1e-9)
    assert near == pytest.approx((W, a), abs=1e-7)


@pytest.mark.claim("li2024demystifying/phase-diagram")
@given(kappa=logs, targets=logs, own=logs, other=logs, ratio=logs)
def test_the_least_growth_solves_the_equation_of_the_balanced_layers(kappa, targets, own, other, ratio):
    kappa, targets, own, other, ratio = 10.0 ** np.array([kappa, targets, own, other, ratio])
    V, needed = own * balanced_growth(kappa, targets, 1.5, own, other, ratio) ** 2, (targets / (1.5 * kappa)) ** 2
    terms = V * np.array([other, V / ratio, -own / ratio])
    assert terms.sum() == pytest.approx(needed, rel=1e-9, abs=1e-12 * np.abs(terms).max())


@pytest.mark.claim("li2024demystifying/phase-diagram")
@given(seed=seeds, size=st.floats(-2, 2), ratio=logs)
def test_no_balanced_displacement_reaches_more_than_the_bound_allows(seed, size, ratio):
    """Neurons moved anyhow, a so that |w_k|²/r_W − a_k²/r_a keeps its value: the bound is about outputs, not about flows."""
    net, rng = make_network(seed, n=3, d=3, m=6, L=1, kappa=0.7, activation="relu"), np.random.default_rng(seed)
    (W,), a = net.params.weights, net.params.output
    ratio, moved = 10.0**ratio, W + 10.0**size * rng.normal(size=W.shape)
    square = a**2 + ((moved**2 - W**2).sum(axis=1)) / ratio
    moved[square < 0], square = W[square < 0], np.where(square < 0, a**2, square)
    after = type(net.params)((moved,), np.sqrt(square) * rng.choice([-1.0, 1.0], 6))
    f = forward(after, net.X, activation="relu", kappa=0.7)
    squares, norm = (np.sum(W**2) / 6, a @ a / 6), np.linalg.norm(net.X, 2)
    growth = balanced_growth(0.7, np.linalg.norm(f), norm, *squares, ratio)
    assert np.linalg.norm(moved) / np.linalg.norm(W) >= growth * (1 - 1e-9)


@pytest.mark.claim("li2024demystifying/phase-diagram")
@examples(5)
@given(seed=seeds, log_kappa=st.floats(-1, 1), log_rate=st.floats(-2, 2))
def test_the_law_of_every_neuron_survives_the_flow(seed, log_kappa, log_rate):
    """And no layer grows less than it must."""
    rates = [min(1.0, 2.0**log_rate), min(1.0, 2.0**-log_rate)]
    data = {"kind": "random", "n": 2, "d": 4}
    found = growths(data=data, pairs=[[64, 2.0**log_kappa]], rates=[rates], stream=[seed, 0, 0, 0], first=0, draws=1)
    assert (found["balance"] < 0.02).all()
    squares, (W, a) = found["squares"][0, 0], found["relative"][0, 0]
    at = (2.0**log_kappa, found["targets"][0, 0], found["inputs"][0])
    assert W >= balanced_growth(*at, *squares, rates[0] / rates[1]) - 1.001
    assert a >= balanced_growth(*at, *squares[::-1], rates[1] / rates[0]) - 1.001


@pytest.mark.claim("li2024demystifying/phase-diagram")
@examples(3)
@given(seed=seeds, delta=st.floats(0.4, 0.6))
def test_input_weights_and_kernel_rest_where_the_drift_grows(seed, delta):
    """γ = −1/4: D grows, RD(W) and the kernel's change fall like m^{−2(γ+δ)}, not by the law −γ − 2δ of γ > 0.

    Three examples, for cost; for larger δ the slow modes by which W moves ask for a tolerance of 1e-6: see the claim.
    """
    widths = [256, 1024, 4096]
    rates = power_rates(widths, (-2 * delta, 0.0), (1 / 25, 1.0))
    config = network(1, "relu", {"kind": "random", "n": 3, "d": 6}, along(widths, -0.25, 0.5), rates=rates)
    found = layer_drifts(**drawn(config, seed), first=0, draws=8, rtol=3e-5, scaled=True, kernels=True)
    x = np.log(widths) - np.log(widths).mean()
    read = (found["relative"][..., 0], found["kernel"], found["drift"])
    W, kernel, D = (np.log(own).mean(axis=0) @ x / (x @ x) for own in read)
    assert D == pytest.approx(0.25, abs=0.1)
    assert W == pytest.approx(0.5 - 2 * delta, abs=0.12)
    assert kernel == pytest.approx(0.5 - 2 * delta, abs=0.12)


@pytest.mark.claim("li2024demystifying/phase-diagram")
def test_output_weights_that_alone_are_lazy_are_followed_finely_enough():
    """Data at which a run to the default tolerance shows nothing but its error, see docs/repeating_a_row.md."""
    (case,) = (
        config
        for _, config, select in points("standard", rich=False)
        if (select["region"], config["data"]["kind"]) == ("a-lazy", "diabetes")
    )
    case |= {"stream": [2000006, 2574362212839441225, 837470523017666232, 3736166190447420931], "repeats": [1, 1]}
    case |= {"pairs": case["pairs"][1:], "rates": case["rates"][1:]}
    narrow, wide = mean_layer_drifts(**case, first=0, draws=1)["relative"][0, :, 1]
    assert np.log(wide / narrow) / np.log(8) == pytest.approx(-0.5, abs=0.1)
