"""Figures: the data they are drawn from, and the files they leave; never the pixels."""

import csv
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from scipy import stats

import figures.__main__ as program
from benchmarks.flow import FlowProblem
from checks import forecast as foretelling
from checks.chizat2019lazy import trajectories
from checks.claim import Run
from checks.claims import CLAIMS
from checks.forecast.measured import train
from checks.measurements.eigenvalues import ANGLES
from checks.measurements.gram_errors import data_sets
from checks.measurements.teacher_student import CIRCLE
from checks.running import verify
from checks.running.paper_claims import read_paper_claims
from checks.running.sweep import Sweep
from checks.running.verify import measure
from figures import (
    cnn,
    drift,
    forecast,
    gallery,
    gradient_descent,
    gram_limit,
    gram_moments,
    integrators,
    kernel_description,
    kernel_stability,
    lazy_tightness,
    limit_positive_definite,
    loss_decay,
    min_eigenvalue,
    neighbouring_papers,
    ntk_special_case,
    other_architectures,
    phase_diagram,
    regime_map,
    relu_condition,
    scheme_independence,
    sphere_eigenvalue,
    teacher_student,
    training,
    training_direction,
    width_population,
)
from figures.style import PREDICTED, picture_of, points, signed, style, summary
from tests import needs_cnn
from tests.flows import make_network
from theory import gram_fluctuations
from theory.rates import phase_exponents


def cut(claim, letter, run, widen=lambda config: config):
    """`measure` with few draws, in a few cases of small sizes."""
    keep, changes = CUTS.get(claim.name, (lambda settings: True, {}))
    (part,) = (part for part in claim.parts if part.letter == letter)
    cases = []
    for case in part.cases(run.tier):
        changed = {key: changes[key](value) for key, value in case.config.items() if key in changes}
        config = case.config | changed
        if keep({**config, **case.select}):
            cases.append(replace(case, config=config, draws=min(case.draws, DRAWS.get(claim.name, 3)), chunk=None))
    return measure(replace(claim, parts=(replace(part, cases=lambda tier: cases),)), letter, run, widen)


def to(value):
    """A setting in place of any other."""
    return lambda old: value


def every(settings):
    return True


def narrower(pairs):
    """(m, κ) at one width at a smaller one, along several widths the first three."""
    return [[min(m, 512), kappa] for m, kappa in pairs] if len({m for m, _ in pairs}) == 1 else pairs[:3]


def one_kind(settings):
    return settings["kind"] == "quadratic"


CUTS = {
    "general-lazy": (lambda s: one_kind(s) and s["loss"] == "square", {"horizons": lambda times: times[:1]}),
    "generalization": (one_kind, {}),
    "tangent-kernel-method": (one_kind, {}),
    "scale-generalization": (every, {"n": to(80), "d": to(16), "m": to(16), "steps": to(500)}),
    "width-generalization": (every, {"n": to(50), "d": to(10), "steps": to(200)}),
    "population-loss": (every, {"d": to(10), "m": to(10), "batch": to(50), "steps": to(500)}),
    "cnn-performance": (every, {"n": to(80), "width": to(4), "epochs": to([25, 50])}),
    "cnn-activation-stability": (every, {"n": to(50), "width": to(3), "epochs": to([20])}),
    "gram-limit": (lambda s: s["activation"] == "relu", {"widths": to([32, 64])}),
    "limit-positive-definite": (
        lambda s: (
            s["activation"] in ("relu", "tanh")
            and s.get("hidden_layers", 1) == 1
            and s.get("data", {"n": 0})["n"] <= 16
        ),
        {},
    ),
    "lazy-threshold": (lambda s: s["gamma"] in (-0.25, 0.0, 0.5), {"pairs": lambda pairs: pairs[:3]}),
    "kernel-stability": (lambda s: s["data"]["kind"] == "random", {"pairs": narrower}),
    "linearization": (lambda s: s["data"]["kind"] == "random", {"pairs": narrower}),
    "scheme-independence": (lambda s: s["data"]["kind"] == "random", {}),
    "phase-diagram": (lambda s: s["data"]["kind"] == "random", {}),
    "gradient-descent": (
        lambda s: s["data"]["kind"] == "random" and s["data"]["n"] <= 8,
        {"width": to(256), "widths": lambda widths: widths[:2]},
    ),
    "kernel-description": (
        lambda s: s["data"]["kind"] == ("diabetes" if s.get("paired") else "random"),
        {"pairs": lambda pairs: [pairs[0], pairs[2]]},
    ),
    "other-architectures": (every, {"widths": lambda widths: widths[:2]}),
}
"""By claim: the cases that are kept, and settings that are changed."""
DRAWS = {"other-architectures": 12, "gram-limit": 12, "two-layer-width": 4}

SIZES = {
    training_direction: {"WIDTHS": [64, 1024], "TIMES": [0.1, 1.0], "LENGTHS": [1.0, 8.0], "REPEATS": {"quick": 64}},
    sphere_eigenvalue: {"SAMPLES": {"quick": [64, 128, 256]}, "DRAWS": 2},
    gram_moments: {"WIDTHS": (16, 64), "NETWORKS": 2**19},
    lazy_tightness: {"POINTS": {"quick": 3}, "SHARES": {"quick": 6}},
    min_eigenvalue: {"WIDTHS": [8, 16], "SEEDS": 8, "TRIALS": 400, "FAILURE_WIDTHS": [8, 16]},
    loss_decay: {"WIDTHS": {"quick": (256, 1024)}, "SEEDS": {"quick": 1}, "POINTS": 21},
    drift: {"WIDTHS": {"quick": (256, 1024)}, "SCALES": {"quick": [1.0, 16.0, 256.0, 1024.0]}, "SEEDS": {"quick": 1}},
    relu_condition: {
        "ANGLES": {"quick": ([0.1, 0.05], [2048, 4096])},
        "DRAWS": {"quick": 2},
        "SCALES": [100.0, 1e5],
        "WIDTH": {"quick": 2048},
    },
    trajectories: {"STEPS": {"quick": 4_000}},
    teacher_student: {"SCALES": {"quick": (0.03, 1.0)}, "POINTS": 8},
    width_population: {"WIDTHS": {"quick": (16, 64)}, "SCALES": {"quick": (0.04, 1.0, 10.0)}},
    cnn: {"RANKS": (2, 10, 50)},
}
"""Sizes that figures have of their own."""


@pytest.fixture
def small(monkeypatch):
    """Every sweep of the figures, cut down to seconds."""
    for module in program.FIGURES.values():
        if hasattr(module, "measure"):
            monkeypatch.setattr(module, "measure", cut)
    for module, values in SIZES.items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)
    problem = lambda name, seed: FlowProblem(*SMALL.arguments[0], SMALL.kappa, SMALL.horizon(50))  # noqa: E731
    monkeypatch.setattr(integrators, "make_problem", problem)
    return Run("quick", 0, Sweep())


SMALL = make_network(0, n=4, d=3, m=16, L=1, kappa=4.0, activation="tanh")


TABLES = {}


def table_of(module, small):
    """What a figure is drawn from, computed once."""
    if module not in TABLES:
        TABLES[module] = module.compute(small)
    return TABLES[module]


def bars(panel):
    """Ends of the bars of every series of a panel, (points, 2)."""
    return [np.array(drawn[2][0].get_segments())[:, :, 1] for drawn in panel.containers]


def slopes_of(line, key="predicted"):
    """Slopes of a predicted line in the logarithms, from point to point."""
    assert len(line) > 1
    return np.diff(np.log(line[key])) / np.diff(np.log(line["x"]))


def test_points_have_bars_from_low_to_high_and_every_second_series_is_hollow():
    line = np.array([(1.0, 2.0, 1.5, 4.0), (2.0, 3.0, 1.0, 3.5)], dtype=[(k, float) for k in ("x", "y", "low", "high")])
    panel = Figure().subplots()
    for k in range(4):
        points(panel, line, k, f"series {k}")
    assert all(own == pytest.approx(np.array([[1.5, 4.0], [1.0, 3.5]])) for own in bars(panel))
    looks = [drawn[0] for drawn in panel.containers]
    assert [look.get_markerfacecolor() == "white" for look in looks] == [False, True, False, True]
    assert len({look.get_marker() for look in looks}) == len({look.get_color() for look in looks}) == 4


def test_a_summary_is_the_mean_between_the_least_and_the_largest():
    assert np.array(summary(np.array([[1.0, 5.0], [2.0, 9.0], [6.0, 4.0]]))).tolist() == [[3, 6], [1, 4], [6, 9]]


def test_numbers_have_a_minus_sign_and_zero_has_none():
    assert [signed(x) for x in (-0.5, -0.001, 0.0, 1.0, -12.346)] == ["−0.50", "0.00", "0.00", "1.00", "−12.35"]


def test_gram_limit_predicts_the_exact_constant_of_one_hidden_layer(small):
    table = table_of(gram_limit, small)
    (case, _), *_ = cut(gram_limit.CLAIM, "a", small)
    own = table[(table["L"] == 1) & (table["activation"] == "relu") & (table["data"] == "digits")]
    X = data_sets(case["data"], case["stream"])[1]
    for layer, constant in enumerate(gram_fluctuations(X, activation="relu"), 1):
        assert np.allclose((line := own[own["layer"] == layer])["predicted"], np.sqrt(constant / line["m"]))
    assert (table["rms_error"] > 0).all() and (table["standard_error"] > 0).all()
    ratio = table[table["L"] == 2]["predicted"].reshape(-1, 2)
    assert np.allclose(ratio[:, 0] / ratio[:, 1], np.sqrt(2))  # slope −1/2
    case, found = next(pair for pair in cut(gram_limit.CLAIM, "a", small) if pair[0]["hidden_layers"] == 1)
    squares = (
        gram_limit.distance(case, found).values ** 2
    )  # the error of a root is that of the square over twice the root
    line = table[(table["L"] == 1) & (table["layer"] == case["layer"] + 1) & (table["data"] == "random")]
    assert line["standard_error"] * 2 * line["rms_error"] == pytest.approx(stats.sem(squares))
    for drawn in bars(gram_limit.draw(line).axes[0]):
        assert drawn == pytest.approx(np.outer(line["standard_error"], [-2, 2]) + line["rms_error"][:, None])


def test_least_eigenvalues_on_the_sphere_lie_near_the_law(small):
    table = table_of(sphere_eigenvalue, small)
    lines = [line for line in sphere_eigenvalue.draw(table).axes[0].lines if len(line.get_xdata()) > 3]
    for L, line in zip((1, 2, 3), lines, strict=True):
        own = table[table["series"] == f"L = {L}"]
        assert np.interp(own["x"], *line.get_data()) == pytest.approx(own["y"], rel=0.1)


def test_kernels_that_are_led_lie_near_their_laws(small):
    table = table_of(training_direction, small)
    width, relu, length = (table[table["panel"] == name] for name in ("width", "relu", "length"))
    for series in dict.fromkeys(width["series"].tolist()):
        expected = 0 if series.endswith("κ = 1") else -1
        assert slopes_of(width[width["series"] == series], "y") == pytest.approx(expected, abs=0.3)
    assert relu["y"] == pytest.approx(relu["predicted"], abs=0.1)
    assert length["y"] == pytest.approx(length["predicted"], rel=0.3)


def test_gram_moments_lie_near_the_exact_law(small):
    table = table_of(gram_moments, small)
    assert set(table["panel"]) == {"relu", "tanh"} and (table["low"] < table["high"]).all()
    assert np.abs(np.log(table["y"] / table["predicted"])).max() < 0.25  # one layer more would be 0.55 at least
    for panel, name in zip(gram_moments.draw(table).axes, ("relu", "tanh"), strict=True):
        own, width = table[table["panel"] == name], PREDICTED["linewidth"]
        dashed = [line for line in panel.lines if line.get_linestyle() == "--" and line.get_linewidth() == width]
        for series, line in zip(dict.fromkeys(own["series"].tolist()), dashed, strict=True):
            at = own[own["series"] == series]
            drawn = np.exp(np.interp(np.log(at["x"]), *np.log(line.get_data())))
            assert drawn == pytest.approx(at["predicted"], rel=0.01)


def test_limit_positive_definite_shows_bounds_below_one(small):
    table = table_of(limit_positive_definite, small)
    tightness = table[table["panel"] == "tightness"]
    assert len(tightness) and (tightness["y"] > 0).all() and (tightness["y"] <= 1).all()
    own = table[table["series"] == "relu NTK"]
    assert np.array_equal(own["x"], ANGLES) and (np.diff(own["y"]) < 0).all()


def test_min_eigenvalue_brackets_its_frequencies(small):
    table = table_of(min_eigenvalue, small)
    failure = table[table["panel"] == "failure"]
    assert (failure["low"] <= failure["y"]).all() and (failure["y"] <= failure["high"]).all()
    width = table[table["panel"] == "width"]
    assert (width["low"] < width["high"]).all() and (width["predicted"] > 0).all()
    *depths, _ = min_eigenvalue.draw(table).axes
    for panel, L in zip(depths, (1, 2, 3), strict=True):
        line = width[width["series"] == f"L = {L}"]
        (drawn,) = bars(panel)
        assert drawn == pytest.approx(np.column_stack([line["low"], line["high"]]) / line["predicted"][:, None])


def test_loss_decay_stays_below_its_envelope_and_follows_the_limit_where_kappa_is_large(small):
    table = table_of(loss_decay, small)
    assert (table["y"] <= table["envelope"] * (1 + 1e-9)).all()
    assert (table["limit"] <= table["envelope"] * (1 + 1e-9)).all()  # by twice the rate
    assert np.log(table["envelope"]) == pytest.approx(-table["x"])  # κ²λt/(mn)
    late = table[(table["x"] >= 4) & (table["x"] <= 8)]
    wide = late[(late["panel"] == "tanh digits κ = 64") & (late["series"] == "m = 1024")]
    assert np.polyfit(wide["x"], np.log(wide["y"]), 1)[0] == pytest.approx(-2, abs=0.1)
    rich = late[late["panel"] == "tanh digits κ = 1"]
    assert (rich["y"] < 0.1 * rich["limit"]).all()


def test_relu_condition_brackets_its_scale_and_leaves_the_envelope_below_it(small):
    table = table_of(relu_condition, small)
    scale = table[table["panel"] == "scale"]
    lost, kept = (scale[scale["series"] == name] for name in ("$κ_c$", "$κ_{cert}$"))
    assert (lost["y"] < kept["low"]).all()
    assert np.log(lost["y"] / lost["predicted"]) == pytest.approx(np.zeros(len(lost)), abs=0.7)
    assert lost["predicted"] * lost["x"] ** 2 / 2 == pytest.approx(
        10, abs=3.3
    )  # 13.26 as φ → 0; half of it for a gap of 1
    excess = table[table["panel"] == "excess"]
    assert excess["y"][excess["series"] == "relu, opposite labels"].max() > 4
    assert excess["high"][excess["series"] != "relu, opposite labels"].max() < 0.5


def test_drift_meets_its_constant_where_kappa_is_large_and_falls_short_of_it_where_it_is_small(small):
    table = table_of(drift, small)
    wide = table[table["series"] == "m = 1024"]
    ratio = wide["y"] / wide["predicted"]
    assert ratio[wide["x"] >= 256] == pytest.approx(1, abs=0.1)
    assert (ratio[wide["x"] == 1] < 0.8).all()
    assert (table["low"] <= table["y"]).all() and (table["y"] <= table["high"]).all()
    assert np.isnan(table["power"][table["x"] > 1]).all() and (table["power"][table["x"] <= 1] > 0).all()


def test_drift_has_the_power_laws_of_small_kappa_and_names_their_slopes():
    """Bounded tanh κ⁻¹, relu with one hidden layer κ^{−1/2}; through the leftmost point."""
    x, laws = np.array([1 / 16, 1 / 4, 1.0, 4.0]), {"tanh": (-1.0, "−1"), "relu": (-0.5, "−1/2")}
    rows = [(name, "m = 4", *[1.0] * 6) for name in laws]
    figure = drift.draw(np.array(rows, dtype=list(zip(drift.COLUMNS, ["U12"] * 2 + [float] * 6, strict=True))))
    for panel, (name, (exponent, text)) in zip(figure.axes[:2], laws.items(), strict=True):
        law = drift.power_law(name, x, 3.0)
        assert law[0] == 3 and np.isnan(law[3])
        assert np.diff(np.log(law[:3])) / np.diff(np.log(x[:3])) == pytest.approx(exponent)
        assert f"slope {text} in κ" in [entry.get_text() for entry in panel.get_legend().get_texts()]


def test_regime_map_has_the_predicted_signs_inside_its_intervals(small):
    table = table_of(regime_map, small)
    assert table["high"] - table["y"] == pytest.approx(table["y"] - table["low"])
    (case, found), *_ = cut(regime_map.CLAIM, "a", small)
    widths = np.log([m for m, _ in case["pairs"]])
    own = [stats.linregress(widths, np.log(row)).slope for row in found["drift"]]
    interval = stats.t.interval(1 - 2e-3, len(own) - 1, np.mean(own), stats.sem(own))
    assert np.min(np.abs(table["low"] - interval[0]) + np.abs(table["high"] - interval[1])) < 1e-9
    assert (np.sign(table["y"]) == -np.sign(table["x"]))[table["x"] != 0].all()
    flat, ntk = table[table["x"] == 0], table[table["x"] == 0.5]
    assert (np.abs(flat["y"]) < 0.1).all() and (flat["predicted"] == 0).all()
    assert ntk["y"] == pytest.approx(-0.5, abs=0.15)


def test_kernel_stability_falls_with_the_square_of_kappa_for_paired_neurons_alone(small):
    table = table_of(kernel_stability, small)
    for quantity in ("kernel", "outputs"):
        for label, exponent in ((f"{quantity}, pairs", -2), (quantity, -1)):
            line = table[table["series"] == label]
            assert line["slope"] == pytest.approx(exponent, abs=0.1)
            assert line["predicted"][-1] == pytest.approx(line["y"][-1]) and slopes_of(line) == pytest.approx(exponent)
    for axis in "κm":
        noise = table[(table["panel"] == "relu noise") & (table["series"] == f"against {axis}")]
        assert slopes_of(noise) == pytest.approx(-0.5)
    rich, lazy = (table[table["series"] == f"κ = {kappa}"] for kappa in (1, 4096))
    assert (rich["y"] > 100 * lazy["y"]).all()
    for series, limit in (("as it is", 1.0), ("less crossings", 0.0)):
        relu = table[(table["panel"] == "relu mean") & (table["series"] == series)]
        assert (relu["predicted"] == limit).all() and relu["x"][0] == 0
        line = np.polyfit(relu["x"][1:3], relu["y"][1:3], 1)  # what is judged leads on from both κ
        assert line[1] == pytest.approx(relu["y"][0])
    assert np.abs(relu["y"][0]) < 0.3  # as judged; without crossings taken away 1


def test_scheme_independence_collapses_all_rates_onto_one_curve(small):
    table = table_of(scheme_independence, small)
    D, collapsed = (table[table["panel"] == panel] for panel in ("D", "D over its constant"))
    assert len(set(D["series"].tolist())) == 2 and np.ptp(D["y"][D["x"] == 256]) > 0.0025
    assert collapsed["y"] * collapsed["x"] == pytest.approx(1, abs=0.15)
    assert collapsed["predicted"] * collapsed["x"] == pytest.approx(1)
    assert D["predicted"] == pytest.approx(D["y"], rel=0.15)
    layers = table[table["panel"] == "layers"]
    assert layers["y"] == pytest.approx(layers["predicted"], rel=0.4)


def test_phase_diagram_has_the_predicted_signs_and_exponents(small):
    table = table_of(phase_diagram, small)
    assert (np.sign(table["measured"]) == np.sign(table["predicted"])).all()
    assert table["measured"] == pytest.approx(table["predicted"], abs=0.2)
    assert set(table["layer"].tolist()) == {"W", "a"}


def test_phase_diagram_draws_what_was_measured_on_the_plane_of_its_layer():
    """Colours of a mesh and of points; on one side of a dashed line the layer is lazy, on the other not."""
    rows = [(layer, 0.5, 0.25, 0.1 * (l + 1), -0.5) for l, layer in enumerate(phase_diagram.LAYERS)]
    table = np.array(rows, dtype=list(zip(phase_diagram.COLUMNS, ["U1", *[float] * 4], strict=True)))
    panels = phase_diagram.draw(table).axes[:2]
    for l, panel in enumerate(panels):
        mesh, dots = panel.collections
        corners = mesh.get_coordinates()
        for i, j in ((10, 10), (10, 110), (60, 30), (110, 60), (100, 20)):
            g, d = corners[i : i + 2, j : j + 2].mean(axis=(0, 1))
            assert mesh.get_array().reshape(121, 121)[i, j] == pytest.approx(
                np.clip(phase_exponents(g, d)[l], -phase_diagram.LARGEST, phase_diagram.LARGEST), abs=1e-9
            )
        assert dots.get_array() == pytest.approx(0.1 * (l + 1))
        for line in panel.lines[:2]:
            g, d = line.get_xydata().mean(axis=0)
            assert phase_exponents(g + 0.1, d)[l] < 0 <= phase_exponents(g - 0.1, d)[l]


def test_kernel_description_gets_closer_to_the_kernel_with_the_width(small):
    table = table_of(kernel_description, small)
    for name, gamma in kernel_description.DRAWN_GAMMA.items():
        own = table[table["panel"] == f"{name} random"]
        off = [
            max(np.abs(line["y"] - line["predicted"]).max() for line in lines)
            for lines in ([own[own["series"] == f"{m} {i}"] for i in kernel_description.SHOWN] for m in (128, 4096))
        ]
        assert off[1] < off[0]
        right = table[table["series"] == f"{name} {gamma:g}"]["y"]
        assert right[1] < 0.6 * right[0]
    right, wrong = (table[table["series"] == f"tanh {key}"]["y"] for key in ("0.5", "$K^{L+1}$"))
    assert right[1] < wrong[1]
    error = table[table["panel"] == "error"]
    exponents = {"tanh 0.125": -0.25, "tanh 0.5": -0.5, "relu 1": -0.5, "tanh 0.125 pairs": -0.25}
    for series, exponent in (exponents | {"tanh $K^{L+1}$": 0.0}).items():
        assert slopes_of(error[error["series"] == series]) == pytest.approx(exponent)


def test_teacher_student_shows_short_ways_from_a_large_start_and_what_it_costs(small):
    table = table_of(teacher_student, small)
    lengths = {}
    for name in teacher_student.SHOWN:
        own = table[table["panel"] == name]
        assert np.allclose(np.hypot(*(own[k][np.char.startswith(own["series"], "teacher")] for k in "xy")), 1)
        lines = [own[own["series"] == s] for s in set(own["series"].tolist()) if s.startswith("neuron")]
        assert len(lines) == CIRCLE["neurons"] and {len(line) for line in lines} == {teacher_student.POINTS}
        ways = [np.hypot(line["x"][-1] - line["x"][0], line["y"][-1] - line["y"][0]) for line in lines]
        lengths[name] = np.median(
            [way / np.hypot(line["x"][0], line["y"][0]) for way, line in zip(ways, lines, strict=True)]
        )
    assert lengths["τ = 0.1"] > 5 * lengths["τ = 2"]
    own = table[table["panel"] == "loss"]
    losses = {name: own[own["series"] == name]["y"] for name in teacher_student.LINES.values()}
    assert losses["test, end of training"][1] > 2 * losses["test, end of training"][0]
    assert (losses["test, best moment"] <= losses["test, end of training"]).all()


def test_width_population_has_both_scalings_and_both_starts(small):
    table = table_of(width_population, small)
    names = {f"{kind} {scaling}" for kind in ("test", "training") for scaling in ("1/√m", "1/m")}
    assert set(table[table["panel"] == "width"]["series"].tolist()) == names
    population, lazy = (table[table["series"] == series]["y"] for series in ("population", "linearised"))
    assert population[1] > 2 * population[0] and population[2] == pytest.approx(lazy[2], rel=0.1)
    test, training = (table[table["series"] == f"{kind} 1/√m"]["y"] for kind in ("test", "training"))
    assert (training < test).all()


def test_runs_that_diverged_are_counted_and_left_out_of_the_means():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.inf]])
    mean, low, high, diverged, draws = width_population.finished(values)
    assert mean == pytest.approx([2, 5, np.nan], nan_ok=True) and low[0] == 1 and high[:2].tolist() == [3, 5]
    assert diverged.tolist() == [0, 1, 2] and draws.tolist() == [2, 2, 2]


def test_both_planes_of_the_teacher_have_one_scale(small):
    left, middle, _ = teacher_student.draw(table_of(teacher_student, small)).axes
    assert left.get_xlim() == middle.get_xlim() and left.get_ylim() == middle.get_ylim()


@needs_cnn
def test_cnn_shows_a_worse_fit_changes_that_fall_with_the_scale_and_a_steeper_spectrum_of_digits(small):
    table = table_of(cnn, small)
    loss = table[table["series"] == "training loss"]["y"]
    assert loss[2] > 1.2 * loss[0]
    for series in cnn.CHANGES.values():
        line = table[table["series"] == series]
        assert (np.diff(line["y"]) < 0).all() and line["predicted"][-1] == pytest.approx(line["y"][-1])
        assert slopes_of(line) == pytest.approx(-1)
    drift = table[(table["series"] == "drift") & (table["x"] >= 100)]
    assert len(drift) == 2 and drift["y"] == pytest.approx(drift["predicted"], rel=0.05)
    digits, noise, _ = (table[table["series"] == kind]["y"] for kind in cnn.KINDS)
    assert digits[0] == noise[0] == 1 and (digits[1:] < noise[1:]).all()


def test_without_pytorch_the_other_figures_are_drawn_and_cnn_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(verify, "find_spec", lambda _: None)
    monkeypatch.setattr(program, "FIGURES", {"cnn": cnn})
    assert program.main(["--out", str(tmp_path)]) == 0 and "pip install -e '.[cnn]'" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        program.main(["cnn", "--out", str(tmp_path)])


def test_forecast_has_its_points_near_the_line(small):
    table = table_of(forecast, small)
    assert set(table["panel"].tolist()) == set(forecast.PREDICTIONS)
    assert np.median(np.abs(np.log(table["predicted"] / table["measured"]))) < np.log(1.1)


@pytest.mark.parametrize("L", [1, 2])
def test_a_forecast_is_drawn_beside_its_training(L):
    X, y = np.random.default_rng(L).normal(size=(6, 8)), np.arange(6) - 2.5
    network = foretelling.make_network(8, 64, hidden_layers=L, activation="tanh", scheme="he", seed=L)
    found = foretelling.forecast(X, y, network, loss_ratio=0.3)
    run = train(X, y, network, found)
    left, right = training.draw(found, run, ["W^1", "W^2", "a"][-L - 1 :]).axes
    lines = {line.get_label(): line.get_data() for panel in (left, right) for line in panel.get_lines()}
    times, losses = lines["predicted, linearised path"]
    assert losses == pytest.approx(found.linear_loss(times)) and times[0] < found.time < times[-1]
    times, losses = lines["measured, gradient flow"]
    assert np.array_equal(losses, run.losses[1:]) and losses[-1] < 0.3 < losses[0]
    times, losses = lines[f"measured, {run.steps} steps of descent"]
    assert times[0] == run.steps * run.rate and losses[0] == run.descent_ratio
    assert np.array_equal(lines["predicted"][0], found.layer_changes)
    assert np.array_equal(lines["measured"][0], run.layer_changes)


def test_layers_that_stay_or_leave_zero_are_marked_at_the_ends_of_the_axis():
    X, y = np.random.default_rng(0).normal(size=(6, 8)), np.arange(6) - 2.5
    network = foretelling.make_network(8, 64, hidden_layers=1, activation="tanh")
    found = foretelling.forecast(X, y, network, loss_ratio=0.3)
    run = train(X, y, network, found, descent=False)
    found, run = (replace(own, layer_changes=np.array(to)) for own, to in ((found, [0.0, np.inf]), (run, [0.0, 0.5])))
    _, right = training.draw(found, run, ["W^1", "a"]).axes
    drawn = {line.get_label(): np.array(line.get_data()) for line in right.get_lines()}
    assert np.isnan(drawn["predicted"][0]).all() and np.array_equal(drawn["measured"][0], [np.nan, 0.5], equal_nan=True)
    left_end, right_end = right.get_xlim()
    ends = {"predicted 0": (left_end, 0), "predicted ∞": (right_end, 1), "measured 0": (left_end, 0)}
    assert {name: tuple(drawn[name].ravel()) for name in drawn if name[-1] in "0∞"} == ends
    assert set(drawn) <= {entry.get_text() for entry in right.get_legend().get_texts()}


def test_integrators_shows_errors_that_fall_with_the_tolerance(small):
    table = table_of(integrators, small)
    assert set(table["problem"].tolist()) == {"P1", "P2"} and (table["evaluations"] > 0).all()
    for method in ("gradient_flow", "ETD2RK", "RKC2"):
        errors = table[(table["problem"] == "P1") & (table["method"] == method)]["error"]
        assert errors[0] < 0.1 * errors[-1]  # from the tightest tolerance to the loosest


def test_gradient_descent_follows_its_laws_and_tends_to_the_flow_with_order_one(small):
    table = table_of(gradient_descent, small)
    modes, flow, beyond = (table[table["panel"] == panel] for panel in ("modes", "flow", "catapult"))
    early = modes["predicted"] > 0.05  # later the error of λ at this width, times k, is no longer small
    assert modes["y"][modes["x"] == 0] == pytest.approx(1) and early.sum() > 4
    assert modes["y"][early] == pytest.approx(modes["predicted"][early], rel=0.3)
    assert flow["y"] == pytest.approx(flow["predicted"], rel=0.2)  # of order 2 the first would be 100 times too large
    assert beyond["y"] == pytest.approx(beyond["predicted"], rel=1e-6, abs=1e-20)
    ends = {
        series: line["y"][-1]
        for series in set(beyond["series"].tolist())
        for line in [beyond[beyond["series"] == series]]
    }
    assert len(ends) == 3 and all((end > 1) == series.endswith("diverges") for series, end in ends.items())


def test_ntk_special_case_shows_one_trajectory_and_with_equal_rates_another(small):
    table = table_of(ntk_special_case, small)
    same = table["rates"] != "all rates 1/m"
    assert table["y"][same] == pytest.approx(table["predicted"][same], rel=1e-9)
    assert (table["difference"][same] < 1e-12).all() and (table["difference"][~same] > 1e-2).all()


def test_other_architectures_get_closer_to_their_kernels_and_not_to_the_wrong_ones(small):
    table = table_of(other_architectures, small)
    for panel in ("kernel", "predictions"):
        own = table[table["panel"] == panel]
        names = set(own["series"].tolist())
        assert {name.split()[0] for name in names} == {"residual", "convolution"}
        for line in (own[own["series"] == name] for name in names):
            assert line["y"][1] < 0.8 * line["y"][0] and line["control"][1] > line["y"][1]
            assert slopes_of(line) == pytest.approx(-0.5)


def test_neighbouring_papers_stay_within_their_bounds(small):
    table = table_of(neighbouring_papers, small)
    path, labels, features = (table[table["panel"] == name] for name in ("path", "labels", "features"))
    assert len(path) and (path["predicted"] <= path["y"]).all() and (path["y"] <= 1).all()
    least = path[path["series"] == "least"]
    assert (least["y"] > 0.9).all() and (path[path["series"] == "largest"]["y"] < least["y"].min()).all()
    linear, signs = (labels[labels["series"] == name] for name in ("linear", "random signs"))
    assert (linear["y"] <= linear["predicted"]).all() and (signs["low"] >= signs["predicted"]).all()
    for gamma in (0, 0.25, 0.5):
        assert slopes_of(features[features["series"] == f"γ = {gamma:g}"], "y") == pytest.approx(-gamma, abs=0.1)


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.figure], ids=lambda claim: claim.label)
def test_the_figure_of_a_claim_names_its_label(claim):
    """As a whole word: drift is not in "drift-constant"."""
    assert re.search(rf"{claim.label}(?![\w-])", program.FIGURES[claim.figure].CAPTION)


@pytest.mark.parametrize("name", program.FIGURES)
def test_a_figure_names_labels_of_claims_and_no_others(name):
    papers = "|".join({claim.paper for claim in CLAIMS})
    labels = re.findall(rf"(?:{papers})/[\w-]+", program.FIGURES[name].CAPTION)
    assert labels and set(labels) <= {claim.label for claim in CLAIMS}


FINISHED = {}


@pytest.fixture
def written(request, small, tmp_path_factory):
    """Name and path of a figure that was written, and what was drawn, whose texts have places then; once."""
    if request.param not in FINISHED:
        module, path = program.FIGURES[request.param], tmp_path_factory.mktemp("figures") / request.param
        table = table_of(module, small)
        with style():
            figure = module.draw(table)
        program.write_figure(path, table, lambda _: figure, module.CAPTION)
        FINISHED[request.param] = request.param, path, figure
    return FINISHED[request.param]


@pytest.fixture
def drawn(written):
    """What was drawn."""
    return written[2]


DRAWN = pytest.mark.parametrize(
    "written", [pytest.param(n, marks=needs_cnn) if n == "cnn" else n for n in program.FIGURES], indirect=True
)


def looks(lines):
    """Style and width of every line, and every marker."""
    strokes = {(line.get_linestyle(), line.get_linewidth()) for line in lines if line.get_linestyle() != "None"}
    return strokes | {line.get_marker() for line in lines} - {"None", "", None}


@DRAWN
def test_every_line_and_marker_of_a_panel_is_in_a_legend(drawn):
    """In its own, or one of the figure; a panel without one shares that of its neighbours."""
    for panel in drawn.axes:
        legends = [panel.get_legend()] if panel.get_legend() else [other.get_legend() for other in drawn.axes]
        entries = [line for legend in [*legends, *drawn.legends] if legend for line in legend.findobj(Line2D)]
        assert looks(panel.lines) <= looks(entries)


@DRAWN
def test_tick_labels_do_not_overlap_and_numbers_have_minus_signs(drawn):
    renderer = FigureCanvasAgg(drawn).get_renderer()  # not that of the file, which has other pixels
    for axis in (axis for panel in drawn.axes if panel.get_visible() for axis in (panel.xaxis, panel.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        boxes = [
            tick.label1.get_window_extent(renderer)
            for tick in ticks
            if tick.label1.get_text() and tick.label1.get_visible()
        ]
        ends = sorted((box.x0, box.x1) if axis.axis_name == "x" else (box.y0, box.y1) for box in boxes)
        assert all(one[1] <= other[0] for one, other in pairwise(ends))
    texts = [text.get_text() for text in drawn.findobj(Text)]
    assert not [text for text in texts if re.search(r"(?<![\w$])-\d", text.split("$")[0])]


@DRAWN
def test_every_figure_is_written_with_data_and_caption(written):
    name, path, _ = written
    module = program.FIGURES[name]
    for suffix in (".svg", ".png", ".csv"):
        assert path.with_suffix(suffix).stat().st_size > 0
    assert path.with_suffix(".txt").read_text(encoding="utf-8") == f"{module.CAPTION}\n"
    with path.with_suffix(".csv").open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    assert header == list(module.COLUMNS)
    assert all(len(row) == len(header) for row in rows), "a comma in a name breaks the table"
    assert "<dc:date>" not in path.with_suffix(".svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("columns, terminal", [(40, True), (60, True), (80, True), (80, False)])
def test_the_command_writes_into_the_folder_it_is_told_and_names_every_file_on_a_line(
    columns, terminal, small, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv(*("FORCE_COLOR", "1") if terminal else ("NO_COLOR", "1"))
    monkeypatch.setattr(program, "Sweep", lambda *_, **__: Sweep())
    table = table_of(limit_positive_definite, small)
    monkeypatch.setattr(limit_positive_definite, "compute", lambda run: table)
    monkeypatch.setattr(limit_positive_definite, "draw", lambda table: Figure())
    folder = tmp_path / "a [red] folder, :dog: by name"
    assert program.main(["limit_positive_definite", "--out", str(folder)]) == 0
    expected = {f"limit_positive_definite.{suffix}" for suffix in ("svg", "png", "csv", "txt")}
    assert {path.name for path in (folder / "figures").iterdir()} == expected
    assert set(capsys.readouterr().out.splitlines()) == {str(folder / "figures" / name) for name in expected}


def test_the_run_of_a_figure_has_the_options_of_the_command(monkeypatch, tmp_path):
    runs = []
    monkeypatch.setattr(program, "FIGURES", {"gram_limit": gram_limit})
    monkeypatch.setattr(gram_limit, "compute", runs.append)
    monkeypatch.setattr(program, "write_figure", lambda *_: [])
    options = ["--seed", "5", "--tier", "standard", "--jobs", "3", "--out", str(tmp_path)]
    assert program.main(["gram_limit", *options]) == 0
    assert (runs[0].seed, runs[0].tier, runs[0].sweep.jobs) == (5, "standard", 3)


def test_the_same_data_gives_the_same_files(small, monkeypatch):
    """Whenever they are written: matplotlib takes the date of a file from this variable."""
    table, found = table_of(limit_positive_definite, small), []
    for date in ("0", "1000000000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", date)
        with style():
            figure = limit_positive_definite.draw(table)
            found.append([picture_of(figure, kind) for kind in ("svg", "pdf")])
    assert found[0] == found[1]


def test_the_gallery_is_that_of_the_captions_and_of_the_run_on_record():
    """Every figure once, its picture there and no other; tier and seed are those of most claims that name a figure."""
    runs = Counter((r["provenance"]["tier"], r["provenance"]["seed"]) for r in read_paper_claims() if r["figure"])
    captions = {name: module.CAPTION for name, module in program.FIGURES.items()}
    ((run, _),) = runs.most_common(1)
    assert gallery.PAGE.read_text(encoding="utf-8") == gallery.page(captions, *run)
    pictures = sorted(gallery.FOLDER.iterdir())
    assert [path.name for path in pictures] == sorted(f"{name}.svg" for name in captions)
    assert sum(path.stat().st_size for path in pictures) <= 2**20


def test_the_gallery_is_written_whole_or_not_at_all(small, monkeypatch, tmp_path):
    table = table_of(limit_positive_definite, small)
    monkeypatch.setattr(limit_positive_definite, "compute", lambda run: table)
    monkeypatch.setattr(program, "FIGURES", {"limit_positive_definite": limit_positive_definite})
    monkeypatch.setattr(gallery, "FOLDER", tmp_path / "gallery")
    monkeypatch.setattr(gallery, "PAGE", tmp_path / "gallery.md")
    monkeypatch.setattr(program, "missing_packages", lambda _: "")
    with pytest.raises(SystemExit):
        program.main(["limit_positive_definite", "--gallery", "--out", str(tmp_path)])
    assert not gallery.PAGE.exists()
    assert program.main(["--gallery", "--seed", "3", "--out", str(tmp_path)]) == 0
    (picture,) = gallery.FOLDER.iterdir()
    assert picture.read_bytes() == (tmp_path / "figures" / picture.name).read_bytes()
    text = gallery.PAGE.read_text(encoding="utf-8")
    assert "--tier quick --seed 3" in text and "(gallery/limit_positive_definite.svg)" in text
    label = "li2024demystifying/limit-positive-definite"
    assert f"Claim [{label}](../paper_claims.md#{label.replace('/', '-')})." in text


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["gram_limt"], "'gram_limt' is unknown: did you mean gram_limit or gram_moments?"),
        (["zzz"], "'zzz' is unknown: known are lazy_distance"),
        (["--seed", "-1"], "--seed: must be a whole number of at least 0, got '-1'"),
        (["--jobs", "0"], "--jobs: must be at least 1, got '0'"),
        (["--out", __file__], f"--out: {__file__} is not a folder"),
    ],
)
def test_a_wrong_call_is_answered_with_one_sentence(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        program.main(arguments)
    assert stopped.value.code == 2 and message in capsys.readouterr().err
