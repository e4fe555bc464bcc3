"""Judge of a deterministic inequality: measured ≤ bound, up to the error of the numerical method."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from checks.verdict import Evidence, Verdict, loudest

ROUNDING = 1e-9
"""Relative slack for rounding, added to the measured numerical error."""

COARSE = 0.01
"""Largest numerical error of the ratio with which an inequality can be decided at all."""


def inequality(part: str, measured: float, bound: float, *, change: float = 0.0) -> Evidence:
    """Judge ``measured`` ≤ ``bound`` by ratio = measured/bound and ε = change + 1e−9.

    SUPPORTED if ratio ≤ 1 + ε, REFUTED if ratio > 1 + 10ε, INCONCLUSIVE between the two and whenever ε > 0.01. Nothing
    is random, so there is no interval and a refutation needs no correction for the number of parts. The tightness is
    the ratio.

    Parameters
    ----------
    part : what is judged.
    measured, bound : the two sides. A side that is NaN or infinite makes the part INCONCLUSIVE.
    change : absolute change of the ratio when every numerical tolerance is cut by ten; 0 where there is none. NaN or
        infinity makes the part INCONCLUSIVE.

    Raises
    ------
    ValueError : ``bound`` is zero or negative, or ``change`` negative.

    Notes
    -----
    If ``change`` is at least the true error of the ratio, a true inequality is always SUPPORTED or, when ε > 0.01,
    INCONCLUSIVE; it is never refuted as long as the error is below 10ε. A false inequality with true ratio above
    1 + 2ε is never supported, and above 1 + 11ε it is always refuted.
    """
    measured, bound, change = float(measured), float(bound), float(change)
    if bound <= 0:
        raise ValueError(f"`bound` must be positive, got {bound}")
    if change < 0:
        raise ValueError(f"`change` must be non-negative, got {change}")
    ratio, eps = measured / bound, change + ROUNDING
    verdict, note = Verdict.INCONCLUSIVE, f"ratio {ratio:.12g} is within ten times the numerical error {eps:.2g} of 1"
    if math.isnan(ratio) or math.isnan(eps):
        note = "a number is not defined (NaN)"
    elif math.isinf(measured):
        note = "diverged"
    elif math.isinf(bound):
        note = "vacuous bound"
    elif eps > COARSE:
        note = f"the numerical error {eps:.2g} of the ratio exceeds {COARSE}"
    elif ratio <= 1 + eps:
        verdict, note = Verdict.SUPPORTED, ""
    elif ratio > 1 + 10 * eps:
        verdict, note = Verdict.REFUTED, f"ratio {ratio:.12g} exceeds 1 by more than ten times the error {eps:.2g}"
    refutation = 0.0 if verdict is Verdict.REFUTED else 1.0
    return Evidence(part, verdict, bound, measured, tightness=ratio, refutation=refutation, note=note)


def worst_case(
    part: str,
    measured: ArrayLike,
    bound: ArrayLike,
    change: ArrayLike = 0.0,
    *,
    holds: ArrayLike = True,
    control: bool = False,
) -> Evidence:
    """`inequality` of every case, see `loudest`: the worst one, for a ``control`` the one closest to the bound.

    The arrays are broadcast against each other. Cases that do not meet the hypotheses, ``holds`` false, are counted in the
    note; if none meets them the outcome is HYPOTHESES_NOT_MET.
    """
    *sides, holds = (np.ravel(array) for array in np.broadcast_arrays(measured, bound, change, holds))
    left_out = f"hypotheses not met by {np.count_nonzero(~holds)} of {holds.size} cases"
    judged = [inequality(part, m, b, change=c) for m, b, c, held in zip(*sides, holds, strict=True) if held]
    if not judged:
        return Evidence(part, Verdict.HYPOTHESES_NOT_MET, math.nan, math.nan, note=left_out)
    found = loudest(judged, lambda evidence: evidence.tightness, control=control)
    return found if holds.all() else replace(found, note=f"{found.note}; {left_out}".lstrip("; "))
