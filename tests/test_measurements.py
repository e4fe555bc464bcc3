"""Cells: what they take from a flow that is given to them, and their small parts against naive computations.

The claims' own tests train networks; here every flow is a table of random numbers, so that each entry is traced to its source.
"""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import datasets

from checks.forecast.tables import table
from checks.forecast.user_data import SETS
from checks.measurements import (
    architectures,
    convergence,
    convolutional,
    data,
    descents,
    eigenvalues,
    forecasts,
    gram_errors,
    held_out,
    homogeneous_maps,
    horizon_distances,
    kernel_changes,
    kernel_paths,
    kernel_predictions,
    largest_drift,
    layer_trainings,
    local_minima,
    oracles,
    relu_conditions,
    scaled_models,
    teacher_student,
    trainings,
    width_scales,
)
from checks.measurements.streams import data_seed, draw_seeds
from kernels import forward, init_parameters, layer_grams
from kernels.integrators import Ending
from tests import examples, needs_cnn
from theory import limit_grams
from theory.kink_crossings import crossing_change

DATA, PAIRS, STREAM = {"kind": "random", "n": 3, "d": 4}, [[6, 2.0], [8, 5.0]], [5, 0, 0, 0]
M, KAPPA = np.array(PAIRS).T
TRAINED = {"data": DATA, "activation": "tanh", "pairs": PAIRS, "stream": STREAM, "first": 0, "draws": 2}
STEPS = 5
seeds = st.integers(0, 2**32 - 1)


class Flows:
    """Flows of random numbers in place of `gradient_flow`, one after the other; ``fixed`` entries are given."""

    def __init__(self, monkeypatch, module, name="gradient_flow", **fixed):
        self.runs, self.calls, self.fixed, self.rng = [], [], fixed, np.random.default_rng(0)
        monkeypatch.setattr(module, name, self)

    def __call__(self, params, X, y, **options):
        n, draw = len(X), lambda *shape: np.exp(self.rng.normal(size=shape))
        times = np.array(options["times"]) if "times" in options else np.sort(draw(STEPS))
        times[-1] = options.get("t_end", times[-1])
        A = self.rng.normal(size=(len(times), n, n))
        run = dict(times=times, losses=draw(len(times)), drift=draw(len(times)), drift_bound=10.0 + draw()[()])
        run |= dict(kernels=A @ A.transpose(0, 2, 1), outputs=draw(len(times), n), layer_drift=draw(len(times), 2))
        run |= dict(status=Ending.TARGET, params=params) | self.fixed
        self.calls.append((params, X, y, options))
        self.runs.append(SimpleNamespace(**run))
        return self.runs[-1]

    def each(self, of):
        """``of(run, params, X)`` of every flow, (2, 2) or (2, 2, …)."""
        rows = [of(run, *call[:2]) for run, call in zip(self.runs, self.calls, strict=True)]
        return np.array(rows).reshape(2, 2, *np.shape(rows[0]))


def kernel_at_start(options, params, X):
    return layer_grams(params, X, activation=options["activation"], kappa=options["kappa"]).sum(axis=0)


def test_drifts_are_the_largest_over_the_steps_per_neuron(monkeypatch):
    flows = Flows(monkeypatch, trainings)
    found = trainings.drifts(**TRAINED, hidden_layers=1, rates=[1.0, 0.25])
    norms = flows.each(lambda run, params, X: [np.linalg.norm(W) for W in params.arrays])
    layers = flows.each(lambda run, *_: run.layer_drift)
    assert found["drift"] == pytest.approx(flows.each(lambda run, *_: run.drift.max()) / np.sqrt(M))
    rated = np.sqrt((layers**2 / [1.0, 0.25]).sum(axis=-1)).max(axis=-1)
    assert found["metric"] == pytest.approx(rated / np.sqrt(M))
    assert found["relative"] == pytest.approx(layers.max(axis=2) / norms) and not found["plateau"].any()
    for k, (params, *_, options) in enumerate(flows.calls):
        own = init_parameters(draw_seeds(STREAM, 0, 2)[k // 2], 4, PAIRS[k % 2][0], hidden_layers=1)
        assert options["kappa"] == PAIRS[k % 2][1] and all(map(np.array_equal, params.arrays, own.arrays))


@pytest.mark.parametrize("status", [Ending.PLATEAU, Ending.CAP])
def test_what_does_not_get_there_is_not_a_number(monkeypatch, status):
    Flows(monkeypatch, trainings, status=status)
    found = trainings.drifts(**TRAINED, hidden_layers=1)
    assert all(np.isnan(found[key]).all() for key in ("drift", "metric", "relative"))
    assert (found["plateau"] == (status == Ending.PLATEAU)).all()


@given(
    seed=st.integers(0, 2**31),
    name=st.sampled_from(["relu", "abs", "tanh"]),
    few=st.integers(0, 99),
    size=st.floats(0, 1),
)
def test_flows_slide_that_were_cut_with_enough_neurons_at_the_kink_of_an_input(seed, name, few, size):
    """A hundredth of them, counted by |a_k|‖w_k‖."""
    rng = np.random.default_rng(seed)
    X, W, a = rng.normal(size=(4, 6)), rng.normal(size=(999, 6)), rng.normal(size=999)
    x = X[seed % 4] / np.linalg.norm(X[seed % 4])
    W[:few] -= np.outer(W[:few] @ x, x)
    a[:few] *= size
    sizes = np.abs(a) * np.linalg.norm(W, axis=1)
    share, params = sizes[:few].sum() / sizes.sum(), SimpleNamespace(weights=(W,), output=a)
    assume(not 0.005 < share < 0.015)  # a neuron may be near a kink by chance
    assert trainings.slides(SimpleNamespace(status=Ending.CAP, params=params), X, name) == (
        name != "tanh" and share > 0.01
    )
    assert not trainings.slides(SimpleNamespace(status=Ending.TARGET, params=params), X, name)


@given(rate=st.floats(0.1, 10), error=st.floats(0, 5), bound=st.floats(0.1, 10))
def test_rates_agree_where_both_are_on_one_side_of_the_bound(rate, error, bound):
    (found,) = trainings.agreed_rates({"rate": np.array([rate]), "rate error": np.array([error])}, [bound])
    assert np.isnan(found) == (rate - error < bound <= rate + error)
    assert np.isnan(found) or (found >= bound) == (rate >= bound)


def test_decays_are_of_the_finer_of_two_flows(monkeypatch):
    flows = Flows(monkeypatch, trainings)
    found = trainings.decays(**TRAINED, hidden_layers=1)
    y = flows.calls[0][2]
    coarse, fine = flows.runs[::2], flows.runs[1::2]
    least = [[np.linalg.eigvalsh(run.kernels).min() for run in runs] for runs in (coarse, fine)]
    rates = [min(np.log(y @ y / (2 * len(y)) / run.losses) / run.times) for run in fine]
    assert found["drift"].ravel() == pytest.approx([run.drift_bound for run in fine])
    assert found["least"].ravel() == pytest.approx(least[1]) and found["rate"].ravel() == pytest.approx(rates)
    assert found["least error"].ravel() == pytest.approx(np.abs(np.subtract(*least)))
    drifts = [[run.drift.max() for run in runs] for runs in (coarse, fine)]
    assert found["drift error"].ravel() == pytest.approx(np.abs(np.subtract(*drifts)))


def test_the_late_rate_is_taken_from_its_share_of_the_loss_on():
    losses = np.array([1.0, 1e-3, 0.9 * trainings.LATE_FROM, 1e-14, 1e-16])
    run = SimpleNamespace(losses=losses, times=np.array([0.0, 1.0, 2.0, 2.5, 7.0]))
    assert trainings.late_rate(run) == pytest.approx(np.log(losses[2] / losses[4]) / 5)


@given(seed=seeds)
def test_paired_networks_are_zero(seed):
    params, X = trainings.start(seed, 4, 8, 1, paired=True), np.random.default_rng(seed).normal(size=(3, 4))
    assert forward(params, X, activation="tanh", kappa=2.0) == pytest.approx(np.zeros(3), abs=1e-14)
    assert np.abs(params.output).min() > 0


def test_deviations_are_followed_until_the_tolerance_is_a_share_of_the_distance(monkeypatch):
    """The flow is off by 10⁻⁶ at every tolerance."""
    flat = lambda K, y, times: SimpleNamespace(outputs=np.zeros((len(times), len(y))))  # noqa: E731
    monkeypatch.setattr(trainings, "linearized_flow", flat)
    flows = Flows(monkeypatch, trainings, outputs=np.full((24, 3), 1e-6))
    found = trainings.deviations(**TRAINED | {"pairs": PAIRS[:1], "draws": 1}, hidden_layers=1)
    tolerances = [options["rtol"] for *_, options in flows.calls]
    assert tolerances[0] == trainings.SMOOTH_RTOL and len(tolerances) > 1
    assert tolerances[-1] <= trainings.SHARE * 1e-6 / np.sqrt(3) < tolerances[-2]
    assert found["outputs"].item() == 1e-6
    (params, X, _, options), run = flows.calls[-1], flows.runs[-1]
    G = kernel_at_start(options, params, X)
    change = max(np.linalg.norm(K - G, 2) for K in run.kernels)
    assert found["scaled"].item() == pytest.approx(6 / 4 * change)
    assert found["kernel"].item() == pytest.approx(change / np.linalg.norm(G, 2))
    assert found["drift"].item() == pytest.approx(run.drift.max() / np.sqrt(6))


def test_a_later_draw_starts_from_the_tolerance_that_the_one_before_needed(monkeypatch):
    """The flow is off by 10⁻⁶ at every tolerance."""
    flat = lambda K, y, times: SimpleNamespace(outputs=np.zeros((len(times), len(y))))  # noqa: E731
    monkeypatch.setattr(trainings, "linearized_flow", flat)
    flows = Flows(monkeypatch, trainings, outputs=np.full((24, 3), 1e-6))
    found = trainings.deviations(**TRAINED | {"pairs": PAIRS[:1]}, hidden_layers=1, kernels=False)
    first, *_, last = [options["rtol"] for *_, options in flows.calls]
    assert first == trainings.SMOOTH_RTOL and last == pytest.approx(trainings.SHARE * 1e-6 / np.sqrt(3) / 2)
    assert (found["outputs"] == 1e-6).all() and not {"kernel", "scaled", "least"} & set(found)


def test_changes_of_kernels_are_the_largest_over_the_times(monkeypatch):
    flows = Flows(monkeypatch, kernel_changes)
    found = kernel_changes.largest_changes(**TRAINED, hidden_layers=1)
    starts = [kernel_at_start(options, params, X) for params, X, _, options in flows.calls]
    gaps = [max(np.linalg.norm(K - G, 2) for K in run.kernels) for run, G in zip(flows.runs, starts, strict=True)]
    assert found["kernel"].ravel() == pytest.approx(
        [gap / np.linalg.norm(G, 2) for gap, G in zip(gaps, starts, strict=True)]
    )
    assert found["scaled"] == pytest.approx(np.reshape(gaps, (2, 2)) * M / KAPPA**2)
    assert found["drift"] == pytest.approx(flows.each(lambda run, *_: run.drift.max()) / np.sqrt(M))


def test_changes_of_relu_kernels_are_in_units_of_kappa_over_m(monkeypatch):
    flows = Flows(monkeypatch, kernel_changes)
    case = {"data": DATA, "sizes": [[6, 8], [8, 32]], "stream": STREAM, "first": 0, "draws": 2}
    found = kernel_changes.changes_and_crossings(**case)
    X, y, time, _ = kernel_changes.setting(DATA, STREAM)
    for k, ((params, X, _, options), run) in enumerate(zip(flows.calls, flows.runs, strict=True)):
        m, kappa = params.width, options["kappa"]
        expected = m / kappa * (run.kernels[-1] - kernel_at_start(options, params, X))
        assert found["change"][k // 2, k % 2] == pytest.approx(expected)
        own = crossing_change(X, y, params.weights[0] @ X.T, params.output, kappa=kappa, scaled_time=time)
        assert found["crossings"][k // 2, k % 2] == pytest.approx(kappa * own)


def test_repeated_networks_of_a_pair_are_averaged_in_logarithms_and_no_two_draws_share_any(monkeypatch):
    flows = Flows(monkeypatch, layer_trainings)
    rates = [[1.0, 0.5], [0.25, 1.0]]
    found = layer_trainings.mean_layer_drifts(**TRAINED, hidden_layers=1, rates=rates, repeats=[3, 1])
    drifts = np.array([run.drift.max() for run in flows.runs])
    narrow, wide = drifts[:6].reshape(2, 3), drifts[6:]
    assert found["drift"][:, 0] == pytest.approx(narrow.prod(axis=1) ** (1 / 3) / np.sqrt(M[0]))
    assert found["drift"][:, 1] == pytest.approx(wide / np.sqrt(M[1])) and found["relative"].shape == (2, 2, 2)
    for (params, *_, options), m, own in zip(
        flows.calls, [*[6] * 6, 8, 8], [*rates[:1] * 6, *rates[1:] * 2], strict=True
    ):
        assert params.width == m and options["layer_rates"] == own
    assert len({params.output[0] for params, *_ in flows.calls[:6]}) == 6


@given(seed=seeds, n=st.integers(1, 5), d=st.integers(1, 5))
def test_coordinates_of_the_span_keep_all_products(seed, n, d):
    X = np.random.default_rng(seed).normal(size=(n, d))
    own = data.in_span(X)
    assert own.shape == (n, min(n, d)) and own @ own.T == pytest.approx(X @ X.T)


def test_layers_are_those_at_the_end_and_their_shares_the_largest(monkeypatch):
    flows = Flows(monkeypatch, layer_trainings)
    rates = [[1.0, 0.5], [0.25, 1.0]]
    found = layer_trainings.layer_drifts(**TRAINED, hidden_layers=1, rates=rates, kernels=True)
    norms = flows.each(lambda run, params, X: [np.linalg.norm(W) for W in params.arrays])
    assert found["layers"] == pytest.approx(flows.each(lambda run, *_: run.layer_drift[-1]) / np.sqrt(M)[:, None])
    assert found["relative"] == pytest.approx(flows.each(lambda run, *_: run.layer_drift.max(axis=0)) / norms)
    assert found["end"] == pytest.approx(flows.each(lambda run, *_: run.drift[-1]) / np.sqrt(M))
    change = lambda run, *_: max(np.linalg.norm(K - run.kernels[0], 2) for K in run.kernels)  # noqa: E731
    assert found["kernel"] == pytest.approx(
        flows.each(change) / flows.each(lambda run, *_: np.linalg.norm(run.kernels[0], 2))
    )
    assert [options["layer_rates"] for *_, options in flows.calls] == rates * 2


def test_the_balance_of_a_neuron_is_weighed_by_the_rates(monkeypatch):
    end = init_parameters(9, 4, 6, hidden_layers=1)
    flows = Flows(monkeypatch, layer_trainings, params=end)
    rates = [[0.25, 1.0]]
    found = layer_trainings.growths(data=DATA, pairs=PAIRS[:1], rates=rates, stream=STREAM, first=0, draws=1)
    before = flows.calls[0][0]
    W, a = [
        (after**2 - start**2).reshape(6, -1).sum(axis=1) for after, start in zip(end.arrays, before.arrays, strict=True)
    ]
    assert found["balance"].item() == pytest.approx(np.abs(W / 0.25 - a).max() / np.abs(a).max())
    assert found["unrated"].item() == pytest.approx(np.abs(W - a).max() / np.abs(a).max())


def test_the_certified_flow_is_above_its_scale(monkeypatch):
    flows = Flows(monkeypatch, relu_conditions)
    wide = {"data": {"kind": "orthonormal", "n": 2}, "width": 512, "stream": STREAM, "first": 0, "draws": 1}
    found = relu_conditions.certified_flows(**wide)
    kappas = {options["kappa"] for *_, options in flows.calls}
    assert len(kappas) == 1 and found["scale"].item() < kappas.pop() < 1.001 * found["scale"].item()


def test_the_scale_at_which_half_is_lost_lies_between_two_steps(monkeypatch):
    """Shares 1, .8, .6, .4 of the least eigenvalue: half is lost half-way between the last two."""
    flows = Flows(monkeypatch, relu_conditions, outputs=np.array([[1.0, 0.0], [2.0, 0.0], [4.0, 0.0]]))

    def run(params, X, y, **options):
        least = np.linalg.eigvalsh(kernel_at_start(options, params, X))[0]
        flows.fixed["kernels"] = np.array([np.diag([share * least, 1e9]) for share in (0.8, 0.6, 0.4)])
        return flows(params, X, y, **options)

    monkeypatch.setattr(relu_conditions, "gradient_flow", run)
    found = relu_conditions.halvings(angles=[0.05], widths=[8192], stream=STREAM, first=0, draws=1)
    assert found["scale"].item() == pytest.approx(2 / 3 * flows.calls[0][3]["kappa"])


@given(
    seed=seeds, kind=st.sampled_from(("random", "digits", "diabetes")), phi=st.floats(0.05, 1.5), alike=st.booleans()
)
def test_data_are_unit_rows_with_targets_of_mean_square_one(seed, kind, phi, alike):
    """Twins at their angle, with opposite labels or with the same."""
    X, y = data.samples({"kind": kind, "n": 5, "d": 6, "twin": phi, "alike": alike}, seed)
    assert np.linalg.norm(X, axis=1) == pytest.approx(np.ones(5)) and y @ y == pytest.approx(5)
    assert X[0] @ X[1] == pytest.approx(np.cos(phi)) and y[1] == (y[0] if alike else -y[0])
    assert not np.allclose(X, data.samples({"kind": kind, "n": 5, "d": 6}, seed + 1)[0])


@pytest.mark.parametrize("seed", [27098, 88459, 27915, 77941, 15582])  # of 120,000 the nearest to parallel
def test_twins_are_unit_rows_where_the_rows_they_come_from_are_nearly_parallel(seed):
    X = data.inputs("random", n=2, d=2, twin=1.0, seed=seed)
    assert np.linalg.norm(X, axis=1) == pytest.approx(np.ones(2), abs=1e-15)
    assert X[0] @ X[1] == pytest.approx(np.cos(1.0), abs=1e-15)


@given(seed=seeds, kind=st.sampled_from(["random", "digits", "diabetes"]))
def test_inputs_apart_are_the_first_that_are(seed, kind):
    def closeness(X, y):
        angles = np.arccos(np.clip(X @ X.T, -1, 1))
        return max(abs(y[i] - y[j]) / angles[i, j] ** 2 for i in range(5) for j in range(i))

    spec, most = {"kind": kind, "n": 5, "d": 6}, 4.0
    tried = (data.samples(spec, own) for own in itertools.count(seed))
    X, y = next((X, y) for X, y in tried if closeness(X, y) <= most)
    found = data.samples(spec | {"apart": most}, seed)
    assert np.array_equal(found[0], X) and np.array_equal(found[1], y)


@pytest.mark.parametrize("name", SETS)
def test_tables_are_what_scikit_learn_gives(name):
    X, y = table(name)
    found = getattr(datasets, f"load_{name}")()
    assert found.data == pytest.approx(X, rel=1e-12, abs=1e-14) and np.array_equal(found.target, y)


@examples(10)
@given(seed=seeds, kind=st.sampled_from(("digits", "diabetes")))
def test_own_targets_are_those_of_the_rows(seed, kind):
    found = getattr(datasets, f"load_{kind}")()
    rows = found.data / np.linalg.norm(found.data, axis=1, keepdims=True)
    X, y = data.samples({"kind": kind, "n": 5, "target": "own"}, seed)
    own = found.target[np.argmax(X @ rows.T, axis=1)]
    own = 2.0 * (own % 2) - 1 if kind == "digits" else own - found.target.mean()
    assert y == pytest.approx(own * np.sqrt(5) / np.linalg.norm(own))


def test_data_sets_of_one_kind_are_drawn_apart_and_distances_are_norms():
    blocks = gram_errors.data_sets([DATA, DATA], STREAM)
    assert not np.allclose(*blocks)
    grams = np.random.default_rng(0).normal(size=(2, 1, 2, 6, 6))
    found = gram_errors.distances(grams, blocks, "relu")
    for s, k, l in np.ndindex(2, 2, 2):
        K = limit_grams(blocks[k], hidden_layers=1, activation="relu").layers[l]
        own = grams[s, 0, l, 3 * k : 3 * k + 3, 3 * k : 3 * k + 3]
        assert found[s, 0, k, l] == pytest.approx(np.sqrt(((own - K) ** 2).sum()))


def test_held_out_inputs_are_not_those_of_the_training(seed=7):
    X = data.inputs(**DATA, seed=data_seed([seed, 0, 0, 0]))
    Z = kernel_predictions.held_out(DATA, [seed, 0, 0, 0])
    assert np.abs(Z @ X.T).max() < 1 - 1e-6
    for kind in ("inner weights", "network"):
        drawn = scaled_models.draw(kind, seed)
        tests = held_out.predictor(kind, seed, drawn)
        gaps = [np.linalg.norm(x - z) for x in drawn.model.model.X for z in tests.model.X]
        assert len(tests.model.X) == held_out.TESTS and min(gaps) > 1e-6


def test_failures_and_biases_are_of_the_least_eigenvalue(monkeypatch):
    A = np.random.default_rng(0).normal(size=(6, 2, 2, 3, 3))
    grams = A @ A.swapaxes(-1, -2)
    monkeypatch.setattr(eigenvalues, "ensemble_grams", lambda *_, **__: grams)
    own = {"stream": STREAM, "first": 0, "draws": 6}
    setting = {"data": DATA, "activation": "relu", "layer": 2, "eps": 0.5, "width": 9}
    least = np.array([[np.linalg.eigvalsh(grams[s, w, 1])[0] for w in range(2)] for s in range(6)])
    assert eigenvalues.failures(setting=setting, **own)["least"] == pytest.approx(least[:, 0])
    design = {"data": DATA, "activation": "relu", "layer": 2, "widths": [10**9, 10**9]}
    found = eigenvalues.least_eigenvalues(**design, **own)
    X = data.inputs(**DATA, seed=data_seed(STREAM))
    values, vectors = np.linalg.eigh(limit_grams(X, hidden_layers=1, activation="relu").layers[1])
    v = vectors[:, 0]
    assert found["bias"] == pytest.approx(v @ grams[:, :, 1] @ v - least) and (found["bias"] >= -1e-12).all()
    assert found["error"] == pytest.approx(np.abs(least - values[0]))


def test_the_width_from_which_on_few_fail_is_the_last_crossing():
    """Shares .5, 0, .3, .1, 0 at 1, 2, 4, 8, 16: a tenth is crossed at 8, the earlier fall does not count."""
    failed = np.arange(10)[:, None] < np.array([5, 0, 3, 1, 0])
    assert eigenvalues.crossing([1, 2, 4, 8, 16], failed) == pytest.approx(8)
    assert np.isnan(eigenvalues.crossing([1, 2], failed[:, :1] * [1, 1]))


@given(seed=seeds, output=st.sampled_from(("signs", "uniform")), beta=st.floats(0.3, 1.2))
def test_relative_scales_are_those_of_the_jacobian_written_out(seed, output, beta):
    """Orthonormal rows: D²h consists of blocks of one unit and one output, so that its norm is its largest entry."""
    options = {"kind": "orthonormal", "output": output, "paired": False, "betas": [beta], "widths": [3, 5]}
    found = width_scales.relative_scales(**options, stream=[seed, 0, 0, 0], first=0, draws=2)
    X, y = width_scales.inputs_and_targets("orthonormal", data_seed([seed, 0, 0, 0]))
    for (s, own), (k, m) in itertools.product(enumerate(draw_seeds([seed, 0, 0, 0], 0, 2)), enumerate([3, 5])):
        W, a = width_scales.units(own, m, 4, output, False)
        t = np.tanh(W @ X.T)
        J = m**-beta * np.concatenate([(a[i] * (1 - t[i] ** 2))[:, None] * X for i in range(m)], axis=1)
        bend = m**-beta * np.abs(a[:, None] * 2 * t * (1 - t**2)).max()
        h = m**-beta * a @ t
        unit = bend / np.linalg.norm(J, 2) ** 2
        assert found["kappa"][s, 0, k] == pytest.approx(np.linalg.norm(h - y) * unit)
        assert found["both"][s, 0, k] == pytest.approx(np.sqrt(h @ h + y @ y) * unit)


def test_units_of_two_draws_and_of_two_widths_are_drawn_apart():
    first, second, wide = (width_scales.units(seed, m, 3, "uniform", False)[0] for seed, m in ((1, 4), (2, 4), (1, 6)))
    assert not np.isin(first, second).any() and not np.isin(first, wide).any()


def test_second_derivatives_are_exact_to_the_square_of_the_step():
    """b e^{−ct}: −te^{−ct} mixed, bt²e^{−ct} in c twice; and the bound is the smaller norm of two unfoldings."""
    t, w = np.linspace(0, 3, 5), np.array([1.0, -1.0, 0.4, 2.0])
    found = scaled_models.second_derivative(scaled_models.Decays(t), w, scaled_models.STEP)
    expected = np.zeros((5, 4, 4))
    for k in (0, 1):
        decay = np.exp(-w[2 + k] * t)
        expected[:, k, 2 + k] = expected[:, 2 + k, k] = -t * decay
        expected[:, 2 + k, 2 + k] = w[k] * t**2 * decay
    assert found == pytest.approx(expected, abs=1e-7)
    norms = [np.linalg.norm(expected.reshape(shape), 2) for shape in ((20, 4), (5, 16))]
    bound = scaled_models.curvature_bound(scaled_models.Decays(t), w)
    assert bound == pytest.approx(min(norms), rel=1e-5) and min(norms) < 0.999 * max(norms)


def test_separations_are_of_weights_and_of_predictions(monkeypatch):
    rng, alpha = np.random.default_rng(0), 4.0
    true, linear = (
        SimpleNamespace(times=[1, 2], displacements=rng.normal(size=(2, 7)), outputs=rng.normal(size=(2, 4)))
        for _ in range(2)
    )
    monkeypatch.setattr(scaled_models, "flow_and_linearised_flow", lambda *_, **__: (true, linear))
    drawn = scaled_models.draw("quadratic", 0)
    found = scaled_models.separations(
        drawn, scaled_models.make_loss("square", drawn.targets), alpha=alpha, times=[1, 2], rtol=1
    )
    rows = (true.displacements, true.displacements - linear.displacements, alpha * (true.outputs - linear.outputs))
    assert found == pytest.approx(np.array([np.linalg.norm(row, axis=1) / alpha for row in rows]))


@given(seed=seeds, kind=st.sampled_from(scaled_models.KINDS))
def test_models_are_centred_where_they_should_be(seed, kind):
    for centred in (True, False):
        drawn = scaled_models.draw(kind, seed, centred=centred)
        assert (np.abs(drawn.model(drawn.start)).max() < 1e-14) == centred


def test_errors_are_of_the_last_size_by_the_finer_tolerance():
    sizes = [1.0, 2.0, 4.0]
    runs = scaled_models.with_finer(sizes, (1e-3, 1e-4))
    assert runs == [(1.0, 1e-3), (2.0, 1e-3), (4.0, 1e-3), (4.0, 1e-4)]
    rows = np.random.default_rng(0).uniform(1, 2, size=(4, 3))
    found = scaled_models.with_errors(list(rows))
    for k, name in enumerate(scaled_models.QUANTITIES):
        assert found[name] == pytest.approx(rows[:3, k])
        assert found[f"{name} error"] == pytest.approx(abs(rows[2, k] / rows[3, k] - 1))


def test_horizons_are_those_of_the_constants_and_distances_relative(monkeypatch):
    seen = []

    def distances(drawn, loss, *, alpha, times, rtol):
        seen.append(times)
        return np.array([1.0, 2.0, 3.0])

    monkeypatch.setattr(horizon_distances, "suprema", distances)
    found = horizon_distances.within_radius(kind="quadratic", factors=[1.0], stream=STREAM, first=0, draws=1)
    assert seen[0][-1] == pytest.approx((found["horizon"] / found["lipschitz"] ** 2).item())
    drawn = scaled_models.draw("quadratic", 3, centred=False)
    residual = np.linalg.norm(2 * drawn.model(drawn.start) - drawn.targets)
    assert horizon_distances.relative_distance(drawn, 2.0, 1.0, 1e-6) == pytest.approx(3 / residual)


@given(seed=seeds, kind=st.sampled_from(("quadratic", "two layers", "factorization")))
def test_within_its_radius_the_jacobian_keeps_half_of_its_least_value(seed, kind):
    drawn = scaled_models.draw(kind, seed)
    sigma = convergence.singular_values(drawn.model.jacobian(drawn.start))[1]
    radius, lipschitz = convergence.best_radius(drawn.model, drawn.start, sigma)
    assert lipschitz == pytest.approx(drawn.model.jacobian_lipschitz(drawn.start, radius))
    assert 2 * radius * lipschitz == pytest.approx(sigma)


def test_the_rate_of_convergence_is_that_of_the_envelope(monkeypatch):
    """Errors e_t = 3e^{−t²}: the least of ln(√(M/μ)‖y‖/‖e_t‖)/t."""
    drawn = scaled_models.draw("quadratic", 0)

    def flow(model, loss, start, *, times, **_):
        errors = 3 * np.exp(-(times**2))
        outputs = drawn.targets + errors[:, None] * np.eye(1, 4)
        return SimpleNamespace(times=times, outputs=outputs, displacements=np.outer(times, np.ones(7)))

    monkeypatch.setattr(convergence, "model_flow", flow)
    found = convergence.converge(drawn, "soft far", 2.0)
    sigma = np.linalg.svd(drawn.model.jacobian(drawn.start))[1]
    mu, M, curvature = convergence.CONSTANTS["soft far"]
    t = np.geomspace(0.1 / sigma[0] ** 2, convergence.DECAYS / (curvature * sigma[-1] ** 2), convergence.POINTS)
    logs = np.log(np.sqrt(M / mu) * np.linalg.norm(drawn.targets) / 3) + t**2
    assert found["rate"] == pytest.approx((logs / t).min())
    assert found["drift"] == pytest.approx(np.sqrt(7) * t[-1] / found["alpha"])


def test_displacements_over_the_scale_are_drifts(monkeypatch):
    v = np.random.default_rng(0).normal(size=(12, 7))
    monkeypatch.setattr(
        largest_drift, "model_flow", lambda *_, times, **__: SimpleNamespace(times=times, displacements=v)
    )
    options = {"kind": "quadratic", "loss": "square", "sizes": [2.0], "horizon": 1.0}
    found = largest_drift.drifts(**options, stream=STREAM, first=0, draws=1)
    assert found["drift"][0, 0] == pytest.approx(np.linalg.norm(v, axis=1) / found["alpha"][0, 0])


def test_what_the_loss_has_left_is_added(monkeypatch):
    """A flow that has not moved: what is left is all of √(yᵀK⁻¹y), and the predictions are kernel regression to 1/α."""
    stopped = SimpleNamespace(status=Ending.TARGET, displacements=np.zeros((1, 7)), outputs=np.zeros((1, 4)))
    monkeypatch.setattr(held_out, "model_flow", lambda *_, **__: stopped)
    sizes = {"sizes": [1e6], "tolerances": [1e-3, 1e-4], "largest_condition": np.inf}
    found = held_out.trained_limits(kind="quadratic", **sizes, stream=STREAM, first=0, draws=1)
    assert found["drift"].item() == pytest.approx(0, abs=1e-6) and found["predictions"].item() < 1e-3


def test_steps_of_descent_are_doubled(monkeypatch):
    counts = []

    def descent(params, X, y, *, step, steps: int, **_):
        counts.append((step, steps))
        return SimpleNamespace(params=params)

    monkeypatch.setattr(oracles, "gradient_descent", descent)
    params = init_parameters(0, 2, 3, hidden_layers=1)
    oracles.by_descent((params, np.eye(2), np.ones(2)), {}, 3.0, 2.0, 3)
    first = counts[0][1]
    assert counts == [(3.0 / (first << k), first << k) for k in range(3)]


def test_descent_has_half_the_largest_stable_step():
    step, _, values = descents.schedule(DATA, "tanh", 64, 8.0, 5)
    K = limit_grams(data.samples(DATA, 5)[0], hidden_layers=1, activation="tanh").ntk
    assert values == pytest.approx(np.linalg.eigvalsh(K)) and step * 8.0**2 / 64 * values[-1] == pytest.approx(3 / 2)


def test_catapults_begin_at_the_curvature_of_the_start():
    """λ = (‖a‖² + ‖Wx‖²)/m, and one step multiplies f by 1 − ηλ + η²f²/m."""
    sample = {"kind": "random", "n": 1, "d": 3}
    found = descents.catapults(data=sample, widths=[5, 9], start=2.5, steps=1, stream=STREAM, first=0, draws=2)
    (x,) = data.in_span(data.inputs(**sample, seed=data_seed(STREAM)))
    for (s, seed), (k, m) in itertools.product(enumerate(draw_seeds(STREAM, 0, 2)), enumerate([5, 9])):
        (W,), a = (params := init_parameters(seed, 1, m, hidden_layers=1)).weights, params.output
        lam, f = (a @ a + (W @ x) @ (W @ x)) / m, a @ W @ x / np.sqrt(m)
        assert found["curvature"][s, k] == pytest.approx(lam)
        after = f * (1 - 2.5 + (2.5 / lam) ** 2 * f**2 / m)
        assert found["outputs"][s, k] == pytest.approx([f, after])


@examples(5)
@given(seed=seeds, kind=st.sampled_from(("relu", "deep linear", "product", "quadratic form")))
def test_jacobians_of_homogeneous_maps_are_derivatives_and_obey_their_degree(seed, kind):
    case = homogeneous_maps.make(kind, seed)
    J = case.model.jacobian(case.start)
    differences = [
        (case.model(case.start + e) - case.model(case.start - e)) / 2e-6 for e in 1e-6 * np.eye(len(case.start))
    ]
    assert J == pytest.approx(np.array(differences).T, abs=1e-6)
    degree = homogeneous_maps.DEGREES[kind]
    assert J @ case.start == pytest.approx(degree * case.model(case.start), abs=1e-10)


@examples(5)
@given(seed=seeds, alpha=st.floats(1, 9))
def test_hessians_of_scaled_losses_are_second_differences(seed, alpha):
    drawn = scaled_models.draw("quadratic", seed)
    loss = scaled_models.make_loss("square", drawn.targets)
    H = local_minima.scaled_hessian(drawn.model, loss, drawn.start, alpha)

    def gradient(w):
        return drawn.model.jacobian(w).T @ loss.evaluate(alpha * drawn.model(w))[1] / alpha

    columns = [(gradient(drawn.start + e) - gradient(drawn.start - e)) / 2e-5 for e in 1e-5 * np.eye(7)]
    assert H == pytest.approx(np.array(columns), rel=1e-5, abs=1e-5)


def test_the_wrong_kernel_of_an_architecture_is_another(monkeypatch):
    totals = np.random.default_rng(0).normal(size=(2, 3, 4, 4))
    monkeypatch.setattr(architectures, "ensemble_block_grams", lambda *_, **__: totals)
    for name in (architectures.RESIDUAL, architectures.WITHOUT_V, architectures.CONVOLUTION):
        design = {"architecture": name, "data": {"kind": "random", "n": 4}, "activation": "tanh", "hidden_layers": 2}
        found = architectures.block_errors(**design, widths=[8], stream=STREAM, first=0, draws=2)
        X = architectures.architecture_inputs(name, "random", 4, STREAM)
        kernels = {"wrong": architectures.wrong_limit(name, X, "tanh", 2)}
        kernels["distance"] = architectures.block_limits(name, X, "tanh", 2).sum(axis=0)
        for key, K in kernels.items():
            assert found[key][:, 0] == pytest.approx(np.linalg.norm(totals.sum(axis=1) - K, axis=(1, 2)))
        assert np.linalg.norm(kernels["wrong"] - kernels["distance"]) > 0.02 * np.linalg.norm(kernels["distance"])


def test_students_are_tested_on_labels_of_their_own_inputs():
    problem = teacher_student.make_problem(np.random.default_rng(0), n=20, d=3)
    T = problem.teacher
    for X, y in ((problem.X, problem.y), (problem.X_test, problem.y_test)):
        expected = [T.size * sum(s * max(t @ x, 0) for t, s in zip(T.directions, T.signs, strict=True)) for x in X]
        assert y == pytest.approx(expected)
    outputs = problem.y_test + np.array([[[3.0]], [[1.0]], [[2.0]]])
    level = np.mean(problem.y_test**2)
    found = teacher_student.relative_losses(problem.y[None] + 0.5, outputs, problem)
    assert {key: value[0] for key, value in found.items()} == pytest.approx(
        {"train": 0.25 / level, "end": 4 / level, "best": 1 / level}
    )
    outputs[1] = np.inf
    assert np.isnan(list(teacher_student.relative_losses(problem.y[None], outputs, problem).values())).all()


def test_every_scale_takes_its_own_steps_on_the_population_and_its_inner_weights_those_times_d():
    taus, d, m, batch, steps, LATE = [0.1, 2.0], 5, 4, 6, 10, teacher_student.LATE
    options = {"d": d, "m": m, "batch": batch, "steps": steps, "step": 0.5, "largest_step": 25.0, "stream": STREAM}
    found = teacher_student.population_losses(**options, taus=taus, first=0, draws=1)["loss"][0]
    for tau, pace, loss in zip(taus, (m * 25.0, m * 0.5 / 2.0**2), found, strict=True):
        rng = np.random.default_rng(draw_seeds(STREAM, 0, 1)[0])
        teacher, start = teacher_student.make_teacher(rng, d, 1 / batch), teacher_student.paired_start(rng, m, d)
        B, a, levels, losses = tau * start.weights[0], tau * start.output, [], []
        for _ in range(steps):
            X = teacher_student.sphere(rng, batch, d)
            y, Z = teacher(X), X @ B.T
            e = np.maximum(Z, 0) @ a / m - y
            inner, outer = a[:, None] * ((Z > 0).T * e @ X), np.maximum(Z, 0).T @ e
            B, a = B - pace * d * inner / (m * batch), a - pace * outer / (m * batch)
            levels.append(np.mean(y**2))
            losses.append(np.mean(e**2))
        assert loss == pytest.approx(losses[-int(LATE * steps)] / np.mean(levels))


@given(seed=seeds)
def test_the_change_of_a_kernel_is_that_along_the_flow_itself(seed):
    """Σ(t) = λ + A(t)A(t)ᵀ written out: K = sup ‖(Σ(t) − Σ(0))∇R(y(t))‖ on a path y that is given, not on that of Σ(0)."""
    rng = np.random.default_rng(draw_seeds([seed, 0, 0, 0], 0, 1)[0])
    n, s, lam = int(rng.integers(1, 5)), 10.0 ** rng.uniform(-2, 0), 3.0 ** rng.uniform(-1, 1)
    target, A = rng.normal(size=n), rng.normal(size=(3, n, rng.integers(1, n + 1)))
    omega = 3 * lam * rng.uniform()
    paths = np.random.default_rng(seed).normal(size=(2 * n, kernel_paths.STABILITY_TIMES))
    given_path = lambda *_, t_eval, **__: SimpleNamespace(success=True, t=t_eval, y=paths)  # noqa: E731
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel_paths, "solve_ivp", given_path)
        found = kernel_paths.stability_along_random_paths(loss="square", stream=[seed, 0, 0, 0], first=0, draws=1)

    def kernel(t):
        B = A[0] + s * (A[1] * (np.cos(omega * t) - 1) + A[2] * np.sin(omega * t))
        return lam * np.eye(n) + B @ B.T

    values = np.linalg.eigvalsh(kernel(0))
    times = np.geomspace(1e-3 / values[-1], kernel_paths.STABILITY_DECAYS / lam, kernel_paths.STABILITY_TIMES)
    K = max(np.linalg.norm((kernel(t) - kernel(0)) @ (y - target)) for t, y in zip(times, paths[:n].T, strict=True))
    distance = np.linalg.norm(paths[:n] - paths[n:], axis=0).max()
    assert found["share"].item() == pytest.approx(distance * values[0] ** 1.5 / (K * np.sqrt(values[-1])))


def test_what_is_foretold_is_over_what_was_measured():
    """All modes decaying like the fastest: e^{−2λt/n} is the loss ratio at t, and 2n/λ the largest step."""
    found = SimpleNamespace(drift=0.3, layer_changes=np.array([0.1, 0.4, 0.2]), kernel_change=0.5, time=6.0)
    found.loss_ratio, found.largest_step = 0.01, 2.0
    run = SimpleNamespace(drift=0.2, layer_changes=np.array([0.9, 0.5, 0.8]), kernel_change=0.25, time=3.0)
    ratios = forecasts._ratios(found, SimpleNamespace(drift=0.7), run)
    expected = {
        "drift": 1.5,
        "layer": 0.8,
        "kernel": 2,
        "time": 2,
        "other": 3.5,
        "alike": 0.7 / 3 / 0.5,
        "square": 0.36,
    }
    assert ratios == pytest.approx(expected | {"fastest": np.log(100) / 2 / (2 / found.largest_step) / 3})


@pytest.mark.parametrize(
    "losses, falls", [(np.arange(31, 0, -1), 1), (np.arange(30, 0, -1), 0), ([*range(31, 1, -1), 3], 0)]
)
def test_a_loss_falls_at_every_step_or_it_does_not(monkeypatch, losses, falls):
    """All steps were taken, and none rose; a run that stops early diverged."""

    def descent(*_, callback, **__):
        for k, loss in enumerate(losses):
            callback(float(k), float(loss), k)

    monkeypatch.setattr(forecasts, "gradient_descent", descent)
    network = SimpleNamespace(activation="relu", kappa=1.0, rates=None, params=None)
    assert len(losses) <= forecasts.STEPS + 1 and forecasts._falls(None, None, network, 0.1, True) == falls


@needs_cnn
def test_convolutional_networks_have_images_of_their_own_and_noise_like_them(monkeypatch):
    """Draws of one cell, every α the same; 3 + N(0, 1/4) for pictures around 3 with deviation 1/2, and [0, 1) beside it."""
    from kernels import cnn

    seen, kinds = [], []
    pictures = lambda rng, n, tests: ((rng.normal(3, 0.5, size=(n, 1, 20, 20)),), seen.append(rng.random()))  # noqa: E731
    monkeypatch.setitem(convolutional.IMAGES, "digits", pictures)
    monkeypatch.setattr(cnn, "make_network", lambda *_, **__: None)
    monkeypatch.setattr(cnn, "stable_step", lambda *_, **__: 1.0)
    monkeypatch.setattr(cnn, "centred_training", lambda *_, **__: {"accuracy": [0.5]})
    options = {"width": 1, "gain": 1.0, "stream": STREAM, "first": 0, "draws": 2, "device": "cpu", "n": 4}
    convolutional.train_on_digits(images="digits", alphas=[1.0, 2.0], epochs=[1], share=0.5, batch=1, **options)
    assert len(set(seen)) == len(seen) == 2

    def kernel(model, images, device):
        kinds.append(images)
        return np.zeros((4, cnn.CLASSES, 4, cnn.CLASSES))

    monkeypatch.setattr(cnn, "whole_tangent_kernel", kernel)
    convolutional.spectra(images="digits", **options)
    moments = [(own.mean(), own.std()) for own in kinds]
    expected = [(3, 0.5), (3, 0.5), (0.5, 12**-0.5)] * 2
    assert np.array(moments) == pytest.approx(np.array(expected), abs=0.06)
    assert not any(np.array_equal(*pair) for pair in itertools.combinations(kinds, 2))


@given(seed=seeds, n=st.integers(1, 6), kind=st.sampled_from(data.KINDS))
def test_coordinates_of_the_span_keep_all_inner_products(seed, n, kind):
    X = data.inputs(kind, n=n, seed=seed, d=3)
    found = data.in_span(X)
    assert found.shape == (n, min(n, X.shape[1])) and found @ found.T == pytest.approx(X @ X.T, abs=1e-13)
