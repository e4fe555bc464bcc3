"""Judge of a separation: is the mean of a paired difference, a ratio or a slope larger than a declared threshold?"""

import math
from dataclasses import dataclass, replace

from checks.judges.interval import check_level, check_positive, decide, text
from checks.judges.reading import Draws
from checks.verdict import LEVEL, Evidence, Verdict


@dataclass(frozen=True)
class Gap:
    """The mean of the draws, usually differences of two numbers of one draw, exceeds ``threshold`` > 0.

    The t interval of the mean, error ``level`` on each side shared among the looks: SUPPORTED if its lower end is above the
    threshold, REFUTED if its upper end is below, else INCONCLUSIVE. The threshold must be positive, because against zero
    every positive mean, however small, is found with enough draws.

    Notes
    -----
    Measured with 12 normal differences at level 1e−3, one look: with the true gap at the threshold SUPPORTED (false) in .0011
    and REFUTED in .0013 of 50,000 repetitions; 1.7 sd above it SUPPORTED in .930, 1.7 sd below it REFUTED in .935 of 10,000.
    Power .95 needs (gap − threshold)/sd of 3.8, 2.6, 2.1, 1.8 with 6, 8, 10, 12 draws (exact). Skewed differences break the
    level as they do in `Ratio`: .011 for lognormal ones with log sd 1/2.
    """

    threshold: float
    level: float = LEVEL
    side = "≥"
    random = True

    def __post_init__(self) -> None:
        check_positive("threshold", self.threshold)
        check_level(self.level)

    def __str__(self) -> str:
        return f"mean above {text(self.threshold)} at level {self.level:g}"

    def __call__(self, reading: Draws, *, looks: int = 1, control: bool = False) -> Evidence:
        """Evidence of one case."""
        found = decide(
            reading.values,
            (self.threshold, math.inf),
            predicted=self.threshold,
            margin=None,
            level=self.level / looks,
            side=self.side,
            excluded=reading.excluded,
        )
        if found.interval is None:
            return found
        lower, upper = found.interval
        # share of the gap that the threshold is; the nearest larger threshold that would be refuted
        strain = self.threshold / lower if lower > 0 else math.inf
        found = replace(found, strain=strain, resolution=upper / self.threshold)
        if found.verdict is Verdict.SUPPORTED and lower <= self.threshold:  # the region is closed, the claim is strict
            note = f"the lower end of the interval equals the threshold {self.threshold:.4g}"
            return replace(found, verdict=Verdict.INCONCLUSIVE, note=note)
        return found
