"""Judge of an exponent where nothing is random: the local log-log slopes at the small end of a sweep."""

import math
from dataclasses import dataclass, replace

import numpy as np

from checks.judges.interval import text, undecided
from checks.judges.reading import Curves
from checks.verdict import Evidence, Verdict, loudest

LARGEST_ERROR = 0.01


@dataclass(frozen=True)
class LocalSlope:
    """The last three local slopes of every curve lie within ``agree`` of ``predicted``.

    Nothing is random, so there is no interval: SUPPORTED if the three slopes over the last four sizes all lie within ``agree``,
    and the values are known to 1 % and well enough for slopes to ``agree``, REFUTED if all three are further than ``disagree``
    away, else INCONCLUSIVE. The interval shown is the range of the three.
    """

    predicted: float
    agree: float = 0.02
    disagree: float = 0.1
    side = "="
    random = False

    def __str__(self) -> str:
        return (
            f"last three local log-log slopes inside {text(self.predicted)} ± {text(self.agree)}, refuted beyond "
            f"± {text(self.disagree)}"
        )

    def __call__(self, reading: Curves, *, looks: int = 1, control: bool = False) -> Evidence:
        """Evidence of the worst curve, for a ``control`` of the one closest to the prediction."""
        sizes, rows = np.asarray(reading.x, dtype=float), np.atleast_2d(np.asarray(reading.values, dtype=float))
        steps = np.diff(sizes)
        if sizes.ndim != 1 or len(sizes) < 4 or not (sizes > 0).all() or not ((steps > 0).all() or (steps < 0).all()):
            raise ValueError(f"`x` must be at least four positive monotone numbers, got {sizes.tolist()}")
        if rows.shape[1:] != sizes.shape:
            raise ValueError(f"`values` must have shape (curves, {len(sizes)}), got {rows.shape}")
        errors = np.broadcast_to(reading.error, len(rows))
        judged = [self.one(sizes, row, error) for row, error in zip(rows, errors, strict=True)]
        kept = reading.members * len(rows)
        note = f"hypotheses not met by {reading.excluded} of {reading.excluded + kept} models"
        if not judged:
            nothing = undecided(self.predicted, self.agree, note, excluded=reading.excluded)
            return replace(nothing, verdict=Verdict.HYPOTHESES_NOT_MET)
        found = replace(loudest(judged, lambda e: e.strain, control=control), excluded=reading.excluded)
        if reading.excluded > kept and found.verdict is Verdict.SUPPORTED:
            return replace(found, verdict=Verdict.INCONCLUSIVE, note=f"{note}, more than half")
        return found

    def one(self, sizes: np.ndarray, values: np.ndarray, error: float) -> Evidence:
        """Evidence of one curve."""
        if not (np.isfinite(values).all() and (values > 0).all() and math.isfinite(error)):
            return undecided(self.predicted, self.agree, "not finite and positive")
        steps = np.diff(np.log(sizes))
        local = (np.diff(np.log(values)) / steps)[-3:]
        distance = np.abs(local - self.predicted)
        verdict, note = Verdict.INCONCLUSIVE, f"local slopes {', '.join(f'{slope:.4g}' for slope in local)}"
        if not 0 <= error <= min(LARGEST_ERROR, 0.5 * self.agree * float(np.abs(steps).min())):
            note = f"the values are only known to {error:.2g}"
        elif (distance <= self.agree).all():
            verdict = Verdict.SUPPORTED
        elif (distance > self.disagree).all():
            verdict = Verdict.REFUTED
        return Evidence(
            "",
            verdict,
            self.predicted,
            float(local[-1]),
            (float(local.min()), float(local.max())),
            refutation=0.0 if verdict is Verdict.REFUTED else 1.0,
            margin=self.agree,
            note=note,
            strain=float(distance.max()) / self.agree,
            resolution=float(distance.max()) + self.disagree,
        )
