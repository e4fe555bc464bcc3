"""Data of the figures lazy_distance and oscillator."""

import numpy as np
import pytest

from checks.chizat2019lazy.scaled_flows import KINDS
from checks.claim import Run
from checks.running.sweep import Sweep
from figures import lazy_distance, oscillator


def test_lazy_distance_falls_with_the_predicted_slopes(monkeypatch):
    monkeypatch.setattr(lazy_distance, "ALPHAS", {"quick": [1.0, 100.0, 1000.0]})
    table = lazy_distance.compute(Run("quick", 0, Sweep()))
    names = [*KINDS, f"{lazy_distance.PAIRED} paired"]
    assert list(dict.fromkeys(table["series"].tolist())) == names
    for panel, exponent in lazy_distance.EXPONENTS.items():
        for name in names:
            own = table[(table["panel"] == panel) & (table["series"] == name)]
            slope = np.diff(np.log10(own["y"]))[-1]
            assert slope == pytest.approx(-2.0 if name == names[-1] else exponent, abs=0.05)
            assert own["y"][-1] == pytest.approx(own["predicted"][-1])


def test_oscillator_fits_the_data_at_scale_one_and_its_tangent_at_a_large_scale():
    table = oscillator.compute(Run("quick", 0, Sweep()))
    data = table[table["series"] == "data"]

    def misfit(series):
        own = table[(table["panel"] == "fit") & (table["series"] == series)]
        return np.abs(np.interp(data["x"], own["x"], own["y"]) - data["y"]).max()

    def end(series):
        own = table[(table["panel"] == "path") & (table["series"] == series)]
        return np.array([own["x"][-1], own["y"][-1]]), own["size"][0]

    assert misfit("α = 1 true") < 0.02 < 0.2 < misfit("α = 100 true")
    (rich, size), (lazy, small) = end("α = 1 true"), end("α = 100 true")
    linear, _ = end("α = 100 linear")
    assert np.allclose(end("α = 1 linear")[0], linear, rtol=1e-3)  # one path for every α
    assert np.linalg.norm(lazy - linear) < 0.05 < 0.5 < np.linalg.norm(rich - linear)
    assert small < 0.05 * size
