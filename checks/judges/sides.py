"""Judges of a deterministic inequality, up to the error of the numerical method."""

import math
from dataclasses import dataclass, replace

import numpy as np

from checks.judges.reading import Sides
from checks.verdict import Evidence, Verdict, loudest

ROUNDING = 1e-9
"""Relative slack for rounding, added to the measured numerical error."""

COARSE = 0.01
"""Largest numerical error of the ratio, relative where it exceeds 1, with which an inequality can be decided at all."""


@dataclass(frozen=True)
class _Side:
    """One side: strain is measured/bound for ≤ and bound/measured for ≥, 1 at the edge."""

    least_share: float = 0.5
    random = False

    def __call__(self, reading: Sides, *, looks: int = 1, control: bool = False) -> Evidence:
        """Evidence of the worst entry; for a ``control`` of the one that comes closest to being true."""
        arrays = np.broadcast_arrays(reading.measured, reading.bound, reading.error, reading.holds)
        measured, bound, error, holds = (np.ravel(array) for array in arrays)
        # what is not a number was not shown to miss the hypotheses either
        held = holds.astype(bool) | np.isnan(measured)
        excluded = int(np.count_nonzero(~held))
        note = f"hypotheses not met by {excluded} of {held.size} entries"
        judged = [self.one(*entry) for entry in zip(measured[held], bound[held], error[held], strict=True)]
        if not judged:
            nothing = Evidence("", Verdict.HYPOTHESES_NOT_MET, math.nan, math.nan, note=note, side=self.side)
            return replace(nothing, excluded=excluded)
        found = replace(loudest(judged, lambda e: e.strain, control=control), excluded=excluded)
        if len(judged) < self.least_share * held.size and found.verdict is Verdict.SUPPORTED:
            return replace(found, verdict=Verdict.INCONCLUSIVE, note=f"{note}, more than declared")
        return found

    def one(self, measured: float, bound: float, error: float) -> Evidence:
        """Evidence of one entry."""
        measured, bound, error = float(measured), float(bound), float(error)
        lower, upper = (measured, bound) if self.side == "≤" else (bound, measured)
        with np.errstate(all="ignore"):  # divisions by zero are answered below
            strain = float(np.divide(lower, upper))
            eps = float(np.divide(error, upper)) * (1.0 if self.side == "≤" else strain) + ROUNDING
        verdict, note = Verdict.INCONCLUSIVE, f"ratio {strain:.12g} is within ten times the error {eps:.2g} of 1"
        if math.isnan(strain) or math.isnan(eps):
            note = "a number is not defined (NaN)"
        elif measured < 0 or bound < 0 or error < 0 or (measured == 0 if self.side == "≥" else bound == 0):
            note = "a side or its error is not positive"
        elif math.isinf(measured):
            note = "diverged"
        elif math.isinf(bound) or (self.side == "≥" and bound == 0):
            note = "vacuous bound"
        elif math.isinf(eps) or eps > COARSE * max(1.0, strain):  # a ratio of 40 known to 0.1 % is decided
            note = f"the numerical error {eps:.2g} of the ratio exceeds {COARSE}"
        elif strain <= 1 + eps:
            verdict, note = Verdict.SUPPORTED, ""
        elif strain > 1 + 10 * eps:
            verdict, note = Verdict.REFUTED, f"ratio {strain:.12g} exceeds 1 by more than ten times the error {eps:.2g}"
        refutation = 0.0 if verdict is Verdict.REFUTED else 1.0
        resolution = (1 + 10 * eps) / strain if strain > 0 else math.inf
        return Evidence(
            "",
            verdict,
            bound,
            measured,
            refutation=refutation,
            note=note,
            side=self.side,
            strain=strain,
            resolution=max(resolution, 1.0),
        )

    def __str__(self) -> str:
        return f"measured {self.side} bound in the worst entry, {self.least_share:.0%} within the hypotheses"


@dataclass(frozen=True)
class AtMost(_Side):
    """measured ≤ bound: SUPPORTED if the ratio is at most 1 + ε, REFUTED above 1 + 10ε, else, and for ε > 0.01, INCONCLUSIVE.

    ε is the numerical error of the ratio plus 1e−9. Nothing is random: no interval, and no correction for the number of parts.
    Entries outside the hypotheses are counted; SUPPORTED needs ``least_share`` of them inside. NaN, a negative side or error,
    infinity, and a bound that forbids nothing are INCONCLUSIVE.

    Notes
    -----
    If ``error`` is at least the true error, a true inequality is SUPPORTED or, when ε > 0.01, INCONCLUSIVE; it is never refuted
    as long as the error is below 10ε. A false inequality with true ratio above 1 + 2ε is never supported, and above 1 + 11ε
    always refuted.
    """

    side = "≤"


@dataclass(frozen=True)
class AtLeast(_Side):
    """measured ≥ bound, as `AtMost` with the sides exchanged."""

    side = "≥"
