"""Data of the figure relative_scale_width."""

import numpy as np

from checks.chizat2019lazy import two_layer_width
from checks.claim import Run
from checks.running.sweep import Sweep
from figures import relative_scale_width
from figures.style import style


def test_data_of_the_relative_scale(monkeypatch):
    monkeypatch.setattr(two_layer_width, "THREE", two_layer_width.THREE[:1])  # the data set that is drawn
    table = relative_scale_width.compute(Run("quick", 0, Sweep()))
    assert table.dtype.names == relative_scale_width.COLUMNS and set(table["panel"]) == {"width", "trained", "start"}
    assert not any("," in text for text in (*table["panel"], *table["series"]))
    assert (table["low"] <= table["y"]).all() and (table["y"] <= table["high"]).all()
    width, trained, start = (table[table["panel"] == panel] for panel in ("width", "trained", "start"))
    for own, exponents, rtol in ((width, (-0.5, -0.25, 0.0), 0.2), (trained, (-1.0, 0.0), 0.5)):
        for series, exponent in zip(dict.fromkeys(own["series"]), exponents, strict=True):
            line = own[own["series"] == series]
            factor = (line["x"][-1] / line["x"][0]) ** exponent
            np.testing.assert_allclose(line["y"][-1] / line["y"][0], factor, rtol=rtol)
            np.testing.assert_allclose(line["predicted"][-1] / line["predicted"][0], factor)
    exact = start[np.isfinite(start["predicted"])]
    np.testing.assert_allclose(exact["y"], exact["predicted"], rtol=1e-10)
    with style():
        assert len(relative_scale_width.draw(table).axes) == 3
