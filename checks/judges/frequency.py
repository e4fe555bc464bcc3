"""Judge of a probability: does an event of declared bound fail no more often than the bound allows?"""

import math
from dataclasses import dataclass

from scipy.special import betainc, betaincinv

from checks.judges.interval import check_level, check_positive
from checks.judges.reading import Counts
from checks.verdict import LEVEL, Evidence, Verdict


def trials_needed(bound: float) -> int:
    """Number ⌈30/bound⌉ of independent trials with which `Frequency` is worth asking; see its powers."""
    check_positive("bound", bound)
    return math.ceil(30 / bound)


def clopper_pearson(failures: int, trials: int, level: float) -> tuple[float, float]:
    """Clopper-Pearson limits of a probability, each wrong with probability at most ``level``.

    The lower limit p solves P(X ≥ failures | p) = level, the upper one P(X ≤ failures | p) = level, for X binomial.
    """
    lower = float(betaincinv(failures, trials - failures + 1, level)) if failures else 0.0
    # 1 − the lower limit of the successes
    upper = 1 - float(betaincinv(trials - failures, failures + 1, level)) if failures < trials else 1.0
    return lower, upper


@dataclass(frozen=True)
class Frequency:
    """An independent trial fails with probability at most the bound of the case.

    Clopper-Pearson limits at one-sided ``level``, shared among the looks: SUPPORTED if the upper limit is at most the bound,
    REFUTED if the lower one exceeds it, else INCONCLUSIVE. A bound of one or more forbids nothing: INCONCLUSIVE.

    Notes
    -----
    Exact binomial sums for `trials_needed` trials at level 1e−3, one look, and bounds from .001 to .1: false support at the
    bound ≤ .001, false refutation at the bound ≤ .001; a true probability of bound/10 is SUPPORTED in 1.00, of bound/2 in
    .46, and 2·bound is REFUTED in .93 or more. The largest number of failures that is supported is 14.
    """

    level: float = LEVEL
    side = "≤"
    random = True

    def __post_init__(self) -> None:
        check_level(self.level)

    def __str__(self) -> str:
        return f"upper limit of the share of failures at most the bound at level {self.level:g}"

    def __call__(self, reading: Counts, *, looks: int = 1, control: bool = False) -> Evidence:
        """Evidence of one case. Raises ValueError unless 0 ≤ failures ≤ trials, trials ≥ 1, and the bound is positive."""
        failures, trials, bound = reading.failures, reading.trials, float(reading.bound)
        if not (1 <= trials < math.inf and trials == int(trials)):
            raise ValueError(f"`trials` must be a positive integer, got {trials}")
        if not (0 <= failures <= trials and failures == int(failures)):
            raise ValueError(f"`failures` must be an integer between 0 and {trials}, got {failures}")
        if not bound > 0:
            raise ValueError(f"`bound` must be positive, got {bound}")
        failures, trials = int(failures), int(trials)
        lower, upper = clopper_pearson(failures, trials, self.level / looks)
        verdict, note = Verdict.INCONCLUSIVE, f"the limits [{lower:.4g}, {upper:.4g}] contain {bound:.4g}"
        if bound >= 1:
            note = "vacuous bound"
        elif upper <= bound:
            verdict, note = Verdict.SUPPORTED, f"upper limit {upper:.4g} is at most {bound:.4g}"
        elif lower > bound:
            verdict, note = Verdict.REFUTED, f"lower limit {lower:.4g} exceeds {bound:.4g}"
        return Evidence(
            "",
            verdict,
            bound,
            failures / trials,
            (lower, upper),
            refutation=float(betainc(failures, trials - failures + 1, min(bound, 1.0))) if failures else 1.0,
            note=note,
            side=self.side,
            strain=upper / bound,
            resolution=max(bound / lower, 1.0) if lower > 0 else math.inf,
            draws=trials,
            excluded=reading.excluded,
        )
