"""The forecast against the networks it speaks of: raw weights, lazy ones, the closed form, and trained ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.forecast import forecast, make_network
from checks.forecast.limits import GOAL, limits
from checks.forecast.measured import POINTS, around, train
from checks.forecast.prediction import SCHEMES, LinearPath, raw_betas, relative_change
from checks.forecast.subsample import spreads
from checks.measurements.data import samples
from kernels import forward, gradient_flow, layer_grams
from tests import examples
from theory import limit_grams, linearized_flow

RAW = SCHEMES[2:]
SIGMAS = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh}
seeds = st.integers(0, 2**31)
activations, depths = st.sampled_from(sorted(SIGMAS)), st.integers(1, 3)


def raw_outputs(weights, output, X, sigma):
    """a·σ(W^L … σ(W^1x)) for every row x."""
    values = X.T
    for W in weights:
        values = sigma(W @ values)
    return output @ values


@given(seed=seeds, scheme=st.sampled_from(RAW), activation=activations, L=depths)
def test_a_scheme_is_the_network_of_its_raw_weights_and_one_step_of_its_rates_that_of_theirs(
    seed, scheme, activation, L
):
    rng, m, d = np.random.default_rng(seed), 6, 4
    X, sigma = rng.normal(size=(3, d)), SIGMAS[activation]
    network = make_network(d, m, hidden_layers=L, activation=activation, scheme=scheme, seed=seed)
    roots = np.array([1.0, *[m**0.5] * (L - 1), 1.0])  # W here over raw W
    raw = [array / root for array, root in zip(network.params.arrays, roots, strict=True)]
    outputs = forward(network.params, X, activation=activation, kappa=network.kappa)
    assert outputs == pytest.approx(raw_outputs(raw[:-1], raw[-1], X, sigma), rel=1e-10, abs=1e-12)
    G = np.tensordot(network.rates, layer_grams(network.params, X, activation=activation, kappa=network.kappa), axes=1)
    J = []
    for array in raw:
        for index in np.ndindex(array.shape):
            value, sides = array[index], []
            for sign in (1, -1):
                array[index] = value + sign * 1e-6
                sides.append(raw_outputs(raw[:-1], raw[-1], X, sigma))
            array[index] = value
            J.append((sides[0] - sides[1]) / 2e-6)
    assert G == pytest.approx(np.array(J).T @ np.array(J), rel=1e-4, abs=1e-6)


@given(seed=seeds, scheme=st.sampled_from(RAW), L=depths)
def test_weights_have_the_deviations_of_the_scheme(seed, scheme, L):
    network = make_network(40, 60, hidden_layers=L, activation="relu", scheme=scheme, seed=seed)
    betas = raw_betas(scheme, 40, 60, L) * [1.0, *[60**0.5] * (L - 1), 1.0]
    assert network.betas == pytest.approx(betas)
    assert [array.std() for array in network.params.arrays] == pytest.approx(betas, rel=0.5)


@given(m=st.integers(1, 10**6), factor=st.floats(0.1, 10), power=st.floats(-2, 2))
def test_deviations_may_be_powers_of_the_width(m, factor, power):
    texts = [f"{factor}*m^{power}", f"m^{power}", str(factor)]
    assert raw_betas(texts, 3, m, 2) == pytest.approx([factor * m**power, m**power, factor], rel=1e-12)


def test_a_width_is_foretold_along_the_scheme_and_not_at_fixed_deviations():
    """He's deviations written as powers have its widths, the same numbers at one width have others."""
    X, y = samples({"kind": "random", "n": 6, "d": 8}, 0)
    widths = [
        limits(X, y, make_network(8, 64, hidden_layers=1, activation="relu", scheme=scheme), 0.1).width
        for scheme in ("he", ["0.5", f"{2**0.5}*m^-0.5"], [0.5, 2**0.5 / 8])
    ]
    assert widths[0] == widths[1] != widths[2]


def test_the_variance_of_pytorch_is_a_third_over_the_fan_in():
    """Its layers are uniform on ± 1/√(fan-in)."""
    assert raw_betas("torch", 12, 75, 2) == pytest.approx([1 / 6, 1 / 15, 1 / 15])


@examples(10)
@given(seed=seeds, scheme=st.sampled_from(RAW), L=depths)
def test_the_drift_per_neuron_counts_every_layer_in_its_own_units(seed, scheme, L):
    X, y = samples({"kind": "random", "n": 5, "d": 8}, seed)
    network = make_network(8, 64, hidden_layers=L, activation="tanh", scheme=scheme, seed=seed)
    found = forecast(X, y, network, loss_ratio=0.5, nodes=1)
    betas = raw_betas(scheme, 8, 64, L) * [1.0, *[8.0] * (L - 1), 1.0]
    moved = found.layer_changes * [np.linalg.norm(array) for array in network.params.arrays] / betas
    assert found.drift == pytest.approx(np.linalg.norm(moved) / 8, rel=1e-8)


@examples(10)
@given(seed=seeds, L=st.integers(1, 2), kappa=st.floats(100, 300))
def test_the_correction_leaves_an_error_of_second_order(seed, L, kappa):
    """When the linearised network has a tenth of its loss left: the corrected loss is off by c/κ², with one c."""
    X, y = samples({"kind": "random", "n": 5, "d": 8}, seed)
    errors = []
    for scale in (kappa, 3 * kappa):
        network = make_network(8, 128, hidden_layers=L, activation="tanh", kappa=scale, seed=seed)
        found = forecast(X, y, network, loss_ratio=0.1, centred=True, nodes=24)
        flow = {"activation": "tanh", "kappa": scale, "centred": True, "times": [found.time], "rtol": 1e-7}
        true = 2 * len(y) * gradient_flow(network.params, X, y, **flow).losses[0] / (y @ y)
        errors.append(scale**2 * np.log(found.corrected_ratio / true))
    assert errors[1] == pytest.approx(errors[0], rel=0.1, abs=0.5)


@given(seed=seeds, n=st.integers(2, 8), ratio=st.floats(0.01, 0.9))
def test_the_linear_path_is_the_closed_form(seed, n, ratio):
    rng = np.random.default_rng(seed)
    J, y = rng.normal(size=(n, n + 3)), rng.normal(size=n)
    K = J @ J.T
    path = LinearPath.of(K, -y)
    t = path.time_of(ratio)
    flow = linearized_flow(K, y, [t])
    assert path.loss(t) == pytest.approx(ratio, rel=1e-8)
    assert flow.losses[0] == pytest.approx(ratio * (y @ y) / (2 * n), rel=1e-8)
    assert path.residual(t) == pytest.approx(flow.outputs[0] - y, abs=1e-9 * np.linalg.norm(y))
    moved = path.passed(t) / n
    assert np.sqrt(moved @ K @ moved) == pytest.approx(flow.drift[0], rel=1e-8)


@given(seed=seeds, ratio=st.floats(0.01, 0.5), share=st.floats(0.1, 0.95))
def test_steps_are_those_of_descent_on_the_linear_model(seed, ratio, share):
    rng = np.random.default_rng(seed)
    J, y = rng.normal(size=(4, 9)), rng.normal(size=4)
    path, e, steps = LinearPath.of(J @ J.T, -y), -y, 0
    step = share * 2 / path.values[-1]
    while e @ e > ratio * (y @ y) and steps < 10_000:
        e, steps = e - step * (J @ J.T) @ e / 4, steps + 1
    assert abs(path.steps_to(ratio, step) - steps) <= 1


@given(seed=seeds, unit=st.floats(-200, 200), ratio=st.floats(1e-9, 0.999999))
def test_the_time_to_a_loss_has_its_digits_in_every_unit_of_time(seed, unit, ratio):
    """A gap of 1 and 1/9, shares a half: ratio = (s + s^{1/9})/2 for s = e^{−2t}."""
    K = np.diag([1.0, 1 / 9]) * 10.0**unit
    t = LinearPath.of(K, np.ones(2), 1).time_of(ratio) * 10.0**unit
    assert -(np.expm1(-2 * t) + np.expm1(-2 * t / 9)) / 2 == pytest.approx(1 - ratio, rel=1e-7)


@given(seed=seeds, hidden=st.floats(1e-6, 0.989), ratio=st.floats(1e-12, 0.9))
def test_what_cannot_fall_never_keeps_the_path_from_its_end(seed, hidden, ratio):
    path = LinearPath.of(np.diag([0.0, 1e-9, 1.0]), np.sqrt([hidden, (1 - hidden) / 2, (1 - hidden) / 2]))
    goal, own = path.reachable(ratio)
    assert hidden < goal < 1 and own == (goal == ratio) and path.loss(path.time_of(goal)) == pytest.approx(goal)
    assert path.steps_to(goal, 0.9) > 0


def test_a_network_that_cannot_move_is_refused():
    X, y = np.eye(3), np.arange(3.0)
    for kappa in (1e-300, 1e-100, 1e100):
        with pytest.raises(ValueError, match="a scale extreme"):
            forecast(X, y, make_network(3, 8, hidden_layers=1, activation="relu", kappa=kappa))
    with pytest.raises(ValueError, match="must be finite"):
        forecast(X, y, make_network(3, 8, hidden_layers=1, activation="relu", kappa=1e200))
    with pytest.raises(ValueError, match=r"1[.]0000 of the loss cannot fall"):
        forecast(np.ones((2, 3)), [1.0, -1.0], make_network(3, 8, hidden_layers=1, activation="tanh"), centred=True)


@given(seed=seeds)
def test_the_generalisation_term_of_equal_rows_with_one_target_is_that_of_the_least_norm_fit(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(5, 4)), rng.normal(size=5)
    X[1], y[1] = X[0], y[0]
    network = make_network(4, 32, hidden_layers=1, activation="tanh")
    K = limit_grams(X, hidden_layers=1, activation="tanh").ntk
    found = limits(X, y, network, 0.1)
    assert found.generalisation == pytest.approx(np.sqrt(2 * y @ np.linalg.pinv(K, rcond=1e-12) @ y / 5), rel=1e-6)
    assert found.certified <= 0 and found.condition == np.inf
    assert limits(X, y + np.eye(5)[0], network, 0.1).generalisation == np.inf


@pytest.mark.parametrize("points", [POINTS, (0, 0, 0), (1, 0, 2)])
def test_a_run_is_observed_from_its_start_to_far_beyond_the_time_foretold(points):
    times = around(2.0, points)
    assert len(times) == 2 + sum(points) and times[0] == 0 and times[-1] == 60 and (np.diff(times) > 0).all()


@examples(5)
@given(seed=seeds)
def test_the_kernel_change_is_measured_where_the_loss_is_the_one_foretold(seed):
    """Little training changes the kernel in proportion to time; a run that does not land ends far beyond."""
    X, y = samples({"kind": "random", "n": 6, "d": 8}, seed)
    network = make_network(8, 256, hidden_layers=1, activation="tanh", seed=seed)
    found = forecast(X, y, network, loss_ratio=0.999, centred=True)
    run = train(X, y, network, found, centred=True, descent=False)
    assert found.kernel_change == pytest.approx(run.kernel_change, rel=0.02)


@given(seed=seeds, n=st.integers(4, 12))
def test_a_part_of_the_rows_has_eigenvalues_between_those_of_all(seed, n):
    """Cauchy's interlacing, of every part that is drawn."""
    X, y = samples({"kind": "random", "n": 16, "d": 8}, seed)
    network, parts = make_network(8, 32, hidden_layers=1, activation="tanh", seed=seed), []

    def of_rows(rows):
        parts.append(rows)
        return forecast(X[rows], y[rows], network, loss_ratio=0.5, centred=True, nodes=1)

    own = np.sort(np.random.default_rng(seed).choice(16, size=n, replace=False))
    others, halves = spreads(own, 16, of_rows, seed=seed)
    whole, chosen = of_rows(np.arange(16)), of_rows(own)
    assert all(len(set(rows.tolist())) == size for rows, size in zip(parts, [n] * 3 + [n // 2] * 2, strict=False))
    assert len({tuple(rows.tolist()) for rows in parts[:3]}) > 1
    assert not set(parts[3]) & set(parts[4]) and set(parts[3]) | set(parts[4]) <= set(own)
    rise = 1 + 1e-9
    assert whole.eigenvalues[0] <= others.least.min() * rise and others.largest.max() <= whole.eigenvalues[-1] * rise
    assert chosen.eigenvalues[0] <= halves.least.min() * rise and halves.largest.max() <= chosen.eigenvalues[-1] * rise


def test_a_part_that_has_no_forecast_is_counted_and_hides_no_other():
    X, y = samples({"kind": "random", "n": 8, "d": 4}, 0)
    network, calls = make_network(4, 16, hidden_layers=1, activation="tanh"), []

    def of_rows(rows):
        calls.append(rows)
        if len(calls) == 2:
            raise ValueError
        return forecast(X[rows], y[rows], network, loss_ratio=0.5, nodes=1)

    others, _ = spreads(np.arange(6), 8, of_rows)
    assert np.isnan(others.drift).tolist() == [False, True, False]


@given(seed=seeds, n=st.integers(1, 6))
def test_a_relative_change_is_in_operator_norm(seed, n):
    rng = np.random.default_rng(seed)
    A, B = (J @ J.T for J in rng.normal(size=(2, n, n)))
    assert relative_change(A, B) == pytest.approx(np.linalg.norm(A - B, 2) / np.linalg.norm(B, 2), rel=1e-9)


@given(seed=seeds, ratio=st.floats(0.02, 0.5))
def test_the_loss_of_the_linearised_path_is_the_closed_form(seed, ratio):
    X, y = samples({"kind": "random", "n": 6, "d": 8}, seed)
    network = make_network(8, 64, hidden_layers=1, activation="tanh", seed=seed)
    found = forecast(X, y, network, loss_ratio=ratio, centred=True, nodes=1)
    G = layer_grams(network.params, X, activation="tanh", kappa=network.kappa).sum(axis=0)
    times = found.time * np.array([0.0, 0.1, 1.0, 3.0])
    flow = linearized_flow(G, y, times)
    assert found.linear_loss(times) == pytest.approx(flow.losses / flow.losses[0], rel=1e-6)
    assert found.linear_loss(times)[2] == pytest.approx(ratio, rel=1e-6)


@pytest.mark.claim("numerics/forecast")
@examples(10)
@given(seed=seeds, activation=activations, L=st.integers(1, 2), ratio=st.floats(0.02, 0.5))
def test_a_lazy_network_does_what_is_foretold(seed, activation, L, ratio):
    """At κ = 1000 what is left out is of order 1/κ; the flow of relu is known to a few per cent."""
    X, y = samples({"kind": "random", "n": 6, "d": 8}, seed)
    network = make_network(8, 256, hidden_layers=L, activation=activation, kappa=1_000.0, seed=seed)
    found = forecast(X, y, network, loss_ratio=ratio, centred=True)
    run = train(X, y, network, found, centred=True)
    assert found.valid and found.regime == found.per_neuron == "lazy"
    assert found.drift == pytest.approx(run.drift, rel=0.05)
    assert found.layer_changes == pytest.approx(run.layer_changes, rel=0.05)
    assert found.time == pytest.approx(run.time, rel=0.1)
    assert run.descent_ratio < 1.1 * ratio


@given(seed=seeds)
def test_the_correction_is_not_needed_where_nothing_changes_and_forbids_trust_where_much_does(seed):
    X, y = samples({"kind": "digits", "n": 6, "target": "own"}, seed)
    still, moving = (
        forecast(X, y, make_network(64, 128, hidden_layers=1, activation="tanh", kappa=kappa, seed=seed), centred=True)
        for kappa in (1e4, 0.5)
    )
    assert still.corrected_ratio == pytest.approx(still.loss_ratio, rel=1e-2) and still.distance < 1e-2 and still.valid
    assert not moving.valid and moving.regime == "not lazy"


@given(seed=seeds, ratio=st.floats(0.01, 0.3))
def test_rows_that_contradict_each_other_leave_a_loss_that_is_said(seed, ratio):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(4, 5))
    X[1], y = X[0], np.array([1.0, -1.0, 0.5, -0.5])
    found = forecast(
        X, y, make_network(5, 128, hidden_layers=1, activation="relu", seed=seed), centred=True, loss_ratio=ratio
    )
    assert not found.reached and found.hidden == pytest.approx(0.8) and found.loss_ratio > 0.8
    assert set(found.least_rows.tolist()) == {0, 1}


@examples(10)
@given(seed=seeds, L=st.integers(1, 2), factor=st.sampled_from([2, 4]))
def test_width_and_scale_of_one_per_cent(seed, L, factor):
    """∝ 1/κ for N(0, 1) weights: the κ for 1 % gives 1 %, and with κ = √m its square is the width, to the next doubling."""
    X, y = samples({"kind": "random", "n": 6, "d": 8}, seed)
    ntk = make_network(8, 64, hidden_layers=L, activation="tanh", scheme="ntk", seed=seed)
    wide = limits(X, y, ntk, 0.01)
    assert 0.99 * wide.kappa**2 <= wide.width < 2.02 * wide.kappa**2
    own = make_network(8, 64, hidden_layers=L, activation="tanh", kappa=factor * 8.0, seed=seed)
    assert limits(X, y, own, 0.01).kappa == pytest.approx(wide.kappa, rel=1e-10)
    lazy = forecast(
        X, y, make_network(8, 2_048, hidden_layers=L, activation="tanh", kappa=wide.kappa, seed=seed), centred=True
    )
    assert lazy.layer_changes.max() == pytest.approx(GOAL, rel=0.3)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"scheme": "kaiming"}, "`scheme` 'kaiming' is unknown"),
        ({"scheme": [1.0]}, "`scheme` must be 3 positive deviations"),
        ({"scheme": [1.0, -1.0, 1.0]}, "`scheme` must be 3 positive deviations"),
        ({"scheme": "he", "kappa": 2.0}, "`kappa` is for"),
        ({"kappa": 0.0}, "`kappa` must be"),
        ({"activation": "swish"}, "`activation` 'swish' is unknown"),
        ({"hidden_layers": 0}, "`hidden_layers` must be"),
    ],
)
def test_a_network_that_is_none_is_refused(change, message):
    with pytest.raises(ValueError, match=message.replace("(", "\\(")):
        make_network(3, 8, **{"hidden_layers": 2, "activation": "relu", **change})


@pytest.mark.parametrize(
    "X, y, options, message",
    [
        (np.ones((1, 3)), [1.0], {}, "at least 2 rows"),
        (np.eye(3), [1.0, 2.0], {}, "`y`"),
        (np.eye(3), [0.0, 0.0, 0.0], {"centred": True}, "`y` must differ"),
        (np.eye(3), [1.0, 2.0, 3.0], {"loss_ratio": 0.0}, "`loss_ratio`"),
        (np.eye(3), [1.0, 2.0, 3.0], {"loss_ratio": 1.0}, "`loss_ratio`"),
        (np.eye(4), [1.0, 2.0, 3.0, 4.0], {}, "`X`"),
    ],
)
def test_data_that_do_not_fit_are_refused(X, y, options, message):
    with pytest.raises(ValueError, match=message):
        forecast(X, y, make_network(3, 8, hidden_layers=1, activation="relu"), **options)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_what_a_theorem_asks_is_named_and_whether_it_is_met(activation):
    X, y = samples({"kind": "orthonormal", "n": 2}, 0)
    small, large = (
        limits(X, y, make_network(2, 30_000, hidden_layers=1, activation=activation, kappa=kappa), 0.1).theorem
        for kappa in (1.0, 1e6)
    )
    assert "(not met here)" in small and "(met here)" in large and "λ_min never halves" in large
