"""Figures: the data they are drawn from, and the files they leave; never the pixels."""

import csv
from pathlib import Path

import numpy as np
import pytest

import figures.__main__ as program
from benchmarks.flow import FlowProblem
from checks.claim import Run
from checks.li2024demystifying import limit_positive_definite as separation
from checks.sweep import Sweep
from figures import gram_limit, integrators, limit_positive_definite, min_eigenvalue
from figures.style import save, style
from tests.flows import make_network


@pytest.fixture
def small(monkeypatch):
    """Every sweep of the figures, cut down to seconds."""
    monkeypatch.setattr(gram_limit, "DESIGNS", {"quick": {1: ((5, 6, 7), 8), 2: ((5, 6), 8)}})
    monkeypatch.setattr(limit_positive_definite, "ACTIVATIONS", ("relu", "sin"))
    monkeypatch.setattr(limit_positive_definite, "DEPTHS", (1,))
    for name, value in (("WIDTHS", [8, 16]), ("SEEDS", 8), ("TRIALS", 400), ("FAILURE_WIDTHS", [8, 16])):
        monkeypatch.setattr(min_eigenvalue, name, value)
    problem = lambda name, seed: FlowProblem(*SMALL.arguments[0], SMALL.kappa, SMALL.horizon(50))  # noqa: E731
    monkeypatch.setattr(integrators, "make_problem", problem)
    return Run("quick", 0, Sweep())


SMALL = make_network(0, n=4, d=3, m=16, L=1, kappa=4.0, activation="tanh")


def test_gram_limit_predicts_the_exact_constant_of_one_hidden_layer(small):
    table = gram_limit.compute(small)
    own = table[
        (table["L"] == 1) & (table["activation"] == "relu") & (table["data"] == "digits") & (table["layer"] == 2)
    ]
    constant = gram_limit.exact_constants(1, "relu")[1]
    assert np.allclose(own["predicted"], np.sqrt(constant / own["m"]))
    assert (table["rms_error"] > 0).all() and (table["standard_error"] > 0).all()
    deep = table[table["L"] == 2]
    ratio = deep["predicted"].reshape(-1, 2)
    assert np.allclose(ratio[:, 0] / ratio[:, 1], np.sqrt(2))  # slope −1/2


def test_limit_positive_definite_shows_bounds_below_one(small):
    table = limit_positive_definite.compute(small)
    tightness = table[table["panel"] == "tightness"]
    assert len(tightness) == 4 and (tightness["y"] > 0).all() and (tightness["y"] <= 1).all()
    own = table[table["series"] == "relu NTK"]
    assert np.array_equal(own["x"], separation.ANGLES) and (np.diff(own["y"]) < 0).all()


def test_min_eigenvalue_brackets_its_frequencies(small):
    table = min_eigenvalue.compute(small)
    failure = table[table["panel"] == "failure"]
    assert (failure["low"] <= failure["y"]).all() and (failure["y"] <= failure["high"]).all()
    width = table[table["panel"] == "width"]
    assert (width["low"] <= width["high"]).all() and (width["predicted"] > 0).all()


def test_integrators_shows_errors_that_fall_with_the_tolerance(small):
    table = integrators.compute(small)
    assert set(table["problem"].tolist()) == {"P1", "P2"} and (table["evaluations"] > 0).all()
    for method in ("gradient_flow", "ETD2RK", "RKC2"):
        errors = table[(table["problem"] == "P1") & (table["method"] == method)]["error"]
        assert errors[0] < 0.1 * errors[-1]  # from the tightest tolerance to the loosest


def test_the_command_writes_every_figure_with_data_and_caption(small, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(program, "Sweep", lambda *_, **__: Sweep())
    assert program.main(["--out", str(tmp_path)]) == 0
    for name, module in program.FIGURES.items():
        for suffix in ("svg", "png", "csv", "txt"):
            assert (tmp_path / "figures" / f"{name}.{suffix}").stat().st_size > 0
        with (tmp_path / "figures" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file))
        assert header == list(module.COLUMNS)
        assert all(len(row) == len(header) for row in rows), "a comma in a name breaks the table"
        assert "<dc:date>" not in (tmp_path / "figures" / f"{name}.svg").read_text()


def test_the_same_data_gives_the_same_svg(small, tmp_path):
    table = limit_positive_definite.compute(small)
    with style():
        paths = [save(limit_positive_definite.draw(table), str(tmp_path / name))[0] for name in "ab"]
    assert Path(paths[0]).read_bytes() == Path(paths[1]).read_bytes()


def test_an_unknown_figure_is_answered_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        program.main(["gram_limt"])
    assert "known are gram_limit" in capsys.readouterr().err
