"""Judge of an exponent where nothing is random: the local log-log slopes at the small end of a sweep."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from checks.equivalence import undecided
from checks.verdict import Evidence, Verdict, loudest

AGREE, DISAGREE = 0.02, 0.1
LARGEST_CHANGE = 0.01


def deterministic_slope(
    part: str, sizes: ArrayLike, values: ArrayLike, *, predicted: float, change: float = 0.0
) -> Evidence:
    """Judge the exponent of ``values`` in ``sizes`` by its last three local slopes.

    Nothing is random, so there is no interval: SUPPORTED if the three slopes over the last four sizes all lie within
    0.02 of ``predicted`` and the values are known to 1 %, REFUTED if all three are further than 0.1 away, else
    INCONCLUSIVE. The interval shown is the range of the three.

    Parameters
    ----------
    part : what is judged.
    sizes : (W,) positive and monotone, towards the limit, half a decade apart or more; at least four.
    values : (W,) positive; a value that is not makes the part INCONCLUSIVE.
    predicted : exponent declared beforehand.
    change : largest relative change of a value when the numerical tolerances are cut by ten.

    Raises
    ------
    ValueError : fewer than four sizes, sizes that are not positive and monotone, or another shape of ``values``.
    """
    sizes, values = np.asarray(sizes, dtype=float), np.asarray(values, dtype=float)
    steps = np.diff(sizes)
    if sizes.ndim != 1 or len(sizes) < 4 or not (sizes > 0).all() or not ((steps > 0).all() or (steps < 0).all()):
        raise ValueError(f"`sizes` must be at least four positive monotone numbers, got {sizes.tolist()}")
    if values.shape != sizes.shape:
        raise ValueError(f"`values` must have shape {sizes.shape}, got {values.shape}")
    if not (np.isfinite(values).all() and (values > 0).all() and np.isfinite(change)):
        return undecided(part, predicted, AGREE, "not finite and positive")
    local = (np.diff(np.log(values)) / np.diff(np.log(sizes)))[-3:]
    distance = np.abs(local - predicted)
    verdict, note = Verdict.INCONCLUSIVE, f"local slopes {', '.join(f'{slope:.4g}' for slope in local)}"
    if change > LARGEST_CHANGE:
        note = f"the values are only known to {change:.2g}"
    elif (distance <= AGREE).all():
        verdict = Verdict.SUPPORTED
    elif (distance > DISAGREE).all():
        verdict = Verdict.REFUTED
    refutation = 0.0 if verdict is Verdict.REFUTED else 1.0
    interval = (float(local.min()), float(local.max()))
    return Evidence(part, verdict, predicted, float(local[-1]), interval, None, refutation, AGREE, note)


def worst_slope(
    part: str,
    sizes: ArrayLike,
    rows: Sequence[ArrayLike],
    *,
    predicted: float,
    changes: Sequence[float] | None = None,
    control: bool = False,
) -> Evidence:
    """`deterministic_slope` of every row, see `loudest`: the worst one, for a ``control`` the one closest to ``predicted``."""
    changes = [0.0] * len(rows) if changes is None else changes
    judged = [
        deterministic_slope(part, sizes, row, predicted=predicted, change=change)
        for row, change in zip(rows, changes, strict=True)
    ]

    def distance(found: Evidence) -> float:
        return math.inf if found.interval is None else max(abs(end - predicted) for end in found.interval)

    return loudest(judged, distance, control=control)
