"""A part of the rows in place of all: how far its forecast is from those of other parts as large, and of smaller ones."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from checks.forecast.prediction import Forecast

OTHERS = 3  # other draws


@dataclass(frozen=True)
class Spread:
    """What forecasts from several parts of ``rows`` rows say, (k,) each, NaN for one that has none. Measured, no bound.

    ``drift``, ``largest_change`` of a layer, ``time`` and ``largest_step`` as in `Forecast`; ``largest``, ``least`` eigenvalue
    of the tangent kernel.
    """

    rows: int
    drift: np.ndarray
    largest_change: np.ndarray
    time: np.ndarray
    largest_step: np.ndarray
    largest: np.ndarray
    least: np.ndarray


def spreads(
    chosen: np.ndarray, total: int, forecast_of: Callable[[np.ndarray], Forecast], *, seed: int = 0
) -> tuple[Spread, Spread]:
    """Of `OTHERS` other draws of as many rows as ``chosen`` (n,) from ``total``, and of the two halves of ``chosen``.

    The first tells what the choice of the rows does, the second, beside the forecast of ``chosen``, what their number does.
    """
    rng, n = np.random.default_rng([seed, 1]), len(chosen)
    others = [np.sort(rng.choice(total, size=n, replace=False)) for _ in range(OTHERS)]
    mixed = rng.permutation(chosen)
    halves = [np.sort(mixed[: n // 2]), np.sort(mixed[n // 2 : 2 * (n // 2)])]
    return _spread(others, forecast_of), _spread(halves, forecast_of)


def _spread(parts: list[np.ndarray], forecast_of: Callable[[np.ndarray], Forecast]) -> Spread:
    numbers = np.full((len(parts), 6), np.nan)
    for own, rows in zip(numbers, parts, strict=True):
        with suppress(ValueError):  # rows that cannot be told apart, or are fitted already
            f = forecast_of(rows)
            own[:] = f.drift, f.layer_changes.max(), f.time, f.largest_step, f.eigenvalues[-1], f.eigenvalues[0]
    return Spread(len(parts[0]), *numbers.T)
