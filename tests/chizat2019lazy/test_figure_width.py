"""Data of the figure relative_scale_width."""

import numpy as np

from checks.chizat2019lazy import two_layer_width
from checks.claim import Run
from checks.running.sweep import Sweep
from figures import relative_scale_width
from figures.style import style


def test_data_of_the_relative_scale(monkeypatch):
    monkeypatch.setitem(relative_scale_width.WIDTHS, "quick", [64, 256])
    monkeypatch.setitem(two_layer_width.SEEDS, "quick", {True: 8, False: 8})
    table = relative_scale_width.compute(Run("quick", 0, Sweep()))
    assert table.dtype.names == relative_scale_width.COLUMNS and set(table["panel"]) == {"width", "start"}
    assert not any("," in text for text in (*table["panel"], *table["series"]))
    assert (table["low"] <= table["y"]).all() and (table["y"] <= table["high"]).all()
    width, start = (table[table["panel"] == panel] for panel in ("width", "start"))
    for series, factor in zip(dict.fromkeys(width["series"]), (0.5, 0.25**0.25, 1.0), strict=True):
        small, large = width[width["series"] == series]["y"]
        np.testing.assert_allclose(large / small, factor, rtol=0.2)
    exact = start[np.isfinite(start["predicted"])]
    np.testing.assert_allclose(exact["y"], exact["predicted"], rtol=1e-10)
    with style():
        assert len(relative_scale_width.draw(table).axes) == 2
