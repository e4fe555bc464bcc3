"""Data of the figure lazy_tightness."""

import numpy as np
import pytest

from checks.claim import Run
from checks.running.sweep import Sweep
from figures import lazy_tightness
from figures.style import save, style
from theory.convergence_bounds import convergence_scale


@pytest.fixture(scope="module")
def table():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lazy_tightness, "POINTS", {"quick": 3})
        patch.setattr(lazy_tightness, "SHARES", {"quick": 6})
        return lazy_tightness.compute(Run("quick", 0, Sweep()))


def test_no_bound_is_exceeded(table):
    assert table.dtype.names == lazy_tightness.COLUMNS
    assert np.isfinite(table["y"]).all() and not any("," in value for value in table["series"].tolist())
    assert (table[table["panel"] == "bounds"]["y"] <= 1).all()
    last = {row["series"]: row["y"] for row in table[table["panel"] == "bounds"]}
    assert last["rate"] == pytest.approx(0.25, abs=0.05) and last["horizon K = 0.01"] > 0.9 > last["horizon K = 1"]
    assert last["drift"] < 0.2 and last["predictions"] < 0.01  # far from tight


def test_the_dotted_threshold_is_the_guaranteed_one():
    """σ = Dh = 1 and c = 1; r_0 = ½ for all three maps: |h''| ≤ 1 for sin and the parabola, 2r within r for the cubic."""
    assert lazy_tightness.GUARANTEED == 1 / convergence_scale(1.0, 1.0, 1.0, 0.5)


def test_final_errors_are_those_of_the_stuck_maps(table):
    own = table[table["panel"] == "failure"]
    decided = np.abs(own["predicted"] - 0.05) > 0.06  # close to the threshold the flow is slow
    assert decided.any() and np.allclose(own["y"][decided], own["predicted"][decided], atol=1e-2)


def test_worst_cases_and_late_rates_tend_to_one(table):
    own = table[table["panel"] == "limits"]
    last = [own[own["series"] == series]["y"][-1] for series in dict.fromkeys(own["series"].tolist())]
    assert len(last) == 3 and np.allclose(last, 1, atol=0.06)


def test_it_is_drawn(table, tmp_path):
    with style():
        paths = save(lazy_tightness.draw(table), str(tmp_path / "figure"))
    assert all((tmp_path / name).stat().st_size > 1000 for name in ("figure.svg", "figure.png")) and len(paths) == 2
