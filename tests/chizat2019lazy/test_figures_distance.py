"""Data of the figures lazy_distance and oscillator."""

import numpy as np
import pytest

from checks.chizat2019lazy import general_lazy
from checks.claim import Run
from checks.measurements.scaled_models import KINDS
from checks.running.sweep import Sweep
from figures import lazy_distance, oscillator
from figures.style import save, style


@pytest.fixture(scope="module")
def table():
    """Of general-lazy only what is drawn: the square loss, on the first horizon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(general_lazy.SWEEP, "horizons", general_lazy.HORIZONS[:1])
        patch.setattr(general_lazy, "models", lambda tier: [("square", kind) for kind in KINDS])
        patch.setattr(general_lazy, "rippled", lambda tier: [])
        return lazy_distance.compute(Run("quick", 0, Sweep()))


def test_lazy_distance_falls_with_the_predicted_slopes(table):
    assert set(table["panel"].tolist()) == set(lazy_distance.PANELS)
    paired = {"inner weights paired", "two layers paired"}
    assert set(table["series"].tolist()) == {*KINDS, *paired}
    for panel, series in {(row["panel"], row["series"]) for row in table}:
        own = table[(table["panel"] == panel) & (table["series"] == series)]
        exponent = -2.0 if series in paired or panel == "path" else -1.0
        slope = np.diff(np.log10(own["y"]))[-1] / np.diff(np.log10(own["x"]))[-1]
        assert slope == pytest.approx(exponent, abs=0.05)
        assert own["predicted"] * own["x"] ** -exponent == pytest.approx(
            own["predicted"][-1] * own["x"][-1] ** -exponent
        )
        assert own["y"][-1] == pytest.approx(own["predicted"][-1])


def test_lazy_distance_is_drawn(table, tmp_path):
    with style():
        paths = save(lazy_distance.draw(table), str(tmp_path / "figure"))
    assert all((tmp_path / name).stat().st_size > 1000 for name in ("figure.svg", "figure.png")) and len(paths) == 2


def test_oscillator_fits_the_data_at_scale_one_and_its_tangent_at_a_large_scale():
    table = oscillator.compute(Run("quick", 0, Sweep()))
    data = table[table["series"] == "data"]

    def misfit(series):
        own = table[(table["panel"] == "fit") & (table["series"] == series)]
        return np.abs(np.interp(data["x"], own["x"], own["y"]) - data["y"]).max()

    def end(series):
        own = table[(table["panel"] == "path") & (table["series"] == series)]
        return np.array([own["x"][-1], own["y"][-1]]), own["size"][0]

    assert misfit("α = 100 true") == pytest.approx(misfit("α = 1 linear"), rel=0.05)  # the fit of the tangent
    assert misfit("α = 1 true") < 0.02 < 0.2 < misfit("α = 100 true")
    (rich, size), (lazy, small) = end("α = 1 true"), end("α = 100 true")
    linear, _ = end("α = 100 linear")
    assert np.allclose(end("α = 1 linear")[0], linear, rtol=1e-3)  # one path for every α
    assert np.linalg.norm(lazy - linear) < 0.05 < 0.5 < np.linalg.norm(rich - linear)
    assert small < 0.05 * size
