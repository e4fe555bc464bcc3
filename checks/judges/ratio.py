"""Judges of a constant: does the mean of independent draws agree with its predicted value, or stay below its bound?"""

from dataclasses import dataclass, replace

import numpy as np

from checks.judges.interval import check_level, check_positive, check_region, decide, text, two_sided_strain
from checks.judges.reading import Draws
from checks.verdict import LEVEL, Evidence


@dataclass(frozen=True)
class Ratio:
    """The mean of the draws is ``predicted`` ± ``margin``: usually the ratio of measured to predicted, 1.

    The t interval of the mean, error ``level`` on each side shared among the looks, against the region: SUPPORTED inside,
    REFUTED disjoint, else INCONCLUSIVE. A draw that is not finite, fewer than five, or equal ones: INCONCLUSIVE.

    Notes
    -----
    Measured with 12 draws, margin = 1.9 sd at level 1e−3, one look, 50,000 repetitions:

    - True mean exactly one margin away: SUPPORTED (false) in .0011 to .0013 (normal, χ_16), .0004 (t_3), .0019 (χ_4).
    - Skewed draws break the level, for false support when the true mean lies one margin away on the side of their long
      tail, for false refutation on the other side: .008 (half-normal), .011 (lognormal, log sd 1/2), .051 (lognormal,
      log sd 1) each. Average such draws in blocks before they are judged.
    - True mean as predicted: SUPPORTED in .95 (normal, χ_4, χ_16), .93 (half-normal), .91 (t_3), .89 (lognormal, log sd
      1); REFUTED (false) never.
    """

    predicted: float = 1.0
    margin: float = 0.05
    level: float = LEVEL
    side = "="
    random = True

    def __post_init__(self) -> None:
        check_region(self.predicted, self.margin, self.level)

    def __str__(self) -> str:
        region = f"{text(self.predicted)} ± {text(self.margin)}"
        return f"mean inside {region} at level {self.level:g}"

    def __call__(self, reading: Draws, *, looks: int = 1, control: bool = False) -> Evidence:
        """Evidence of one case."""
        found = decide(
            reading.values,
            (self.predicted - self.margin, self.predicted + self.margin),
            predicted=self.predicted,
            margin=self.margin,
            level=self.level / looks,
            excluded=reading.excluded,
        )
        if found.interval is None:
            return found
        strain = two_sided_strain(found.interval, self.predicted, self.margin, "=")
        return replace(found, strain=strain, resolution=self._resolution(found.interval))

    def _resolution(self, interval: tuple[float, float]) -> float:
        """The smallest factor f such that f times the prediction and 1/f of it would both be refuted; for 0 the shift.

        The margin goes with the prediction, as a relative one does.
        """
        lower, upper = interval
        if self.predicted == 0.0:
            return max(upper, -lower) + self.margin
        low, high = sorted((lower / self.predicted, upper / self.predicted))
        share = self.margin / abs(self.predicted)
        if share >= 1 or low <= 0:
            return float("inf")
        return max(high / (1 - share), (1 + share) / low)


@dataclass(frozen=True)
class MeanAtMost:
    """The mean of the draws, of each at least 0, is at most ``bound``: usually a ratio to a proved bound on an expectation, 1.

    The t interval of the mean, error ``level`` on each side shared among the looks: SUPPORTED if its upper end is at most the
    bound, REFUTED if its lower end exceeds it, else INCONCLUSIVE; what `Ratio` says of skewed draws holds here.
    """

    bound: float = 1.0
    level: float = LEVEL
    side = "≤"
    random = True

    def __post_init__(self) -> None:
        check_positive("bound", self.bound)
        check_level(self.level)

    def __str__(self) -> str:
        return f"mean at most {text(self.bound)} at level {self.level:g}"

    def __call__(self, reading: Draws, *, looks: int = 1, control: bool = False) -> Evidence:
        """Evidence of one case."""
        found = decide(
            reading.values,
            (-np.inf, self.bound),
            predicted=self.bound,
            margin=None,
            level=self.level / looks,
            side=self.side,
            excluded=reading.excluded,
        )
        if found.interval is None:
            return found
        lower, upper = found.interval
        resolution = max(1.0, self.bound / lower) if lower > 0 else float("inf")
        return replace(found, strain=upper / self.bound, resolution=resolution)
