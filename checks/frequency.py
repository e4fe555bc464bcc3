"""Judge of a probability: does an event of declared bound fail no more often than the bound allows?"""

import math

from scipy.special import betainc, betainccinv, betaincinv

from checks.equivalence import check_level, check_positive
from checks.verdict import LEVEL, Evidence, Verdict


def trials_needed(bound: float) -> int:
    """Number ⌈30/bound⌉ of independent trials with which `frequency` is worth asking; see its powers."""
    check_positive("bound", bound)
    return math.ceil(30 / bound)


def clopper_pearson(failures: int, trials: int, level: float) -> tuple[float, float]:
    """Clopper-Pearson limits of a probability, each wrong with probability at most ``level``.

    The lower limit p solves P(X ≥ failures | p) = level, the upper one P(X ≤ failures | p) = level, for X binomial.
    """
    lower = float(betaincinv(failures, trials - failures + 1, level)) if failures else 0.0
    upper = float(betainccinv(failures + 1, trials - failures, level)) if failures < trials else 1.0
    return lower, upper


def frequency(part: str, failures: int, trials: int, *, bound: float, level: float = LEVEL) -> Evidence:
    """Judge "an independent trial fails with probability at most ``bound``" from the number of failures.

    Clopper-Pearson limits at one-sided ``level``: SUPPORTED if the upper limit is at most ``bound``, REFUTED if the
    lower one exceeds it, else INCONCLUSIVE. The interval is that of the failure probability, the tightness
    (failures/trials)/bound, and the refutation level the tail P(X ≥ failures | bound) of the binomial distribution.
    A bound of one or more forbids nothing: INCONCLUSIVE.

    Parameters
    ----------
    part : what is judged.
    failures, trials : numbers of failed and of all independent trials.
    bound : declared upper bound on the failure probability.
    level : error probability of each limit.

    Raises
    ------
    ValueError : the counts are not integers with 0 ≤ failures ≤ trials and trials ≥ 1, ``bound`` is not positive, or
        ``level`` is outside (0, 0.5).

    Notes
    -----
    Exact binomial sums for `trials_needed` trials at level 1e−3 and bounds from .001 to .1: false support at the bound
    ≤ .001, false refutation at the bound ≤ .001; a true probability of bound/10 is SUPPORTED in 1.00, of bound/2 in
    .46, and 2·bound is REFUTED in .93 or more. The largest number of failures that is supported is 14.
    """
    if not (1 <= trials < math.inf and trials == int(trials)):
        raise ValueError(f"`trials` must be a positive integer, got {trials}")
    if not (0 <= failures <= trials and failures == int(failures)):
        raise ValueError(f"`failures` must be an integer between 0 and {trials}, got {failures}")
    if not bound > 0:
        raise ValueError(f"`bound` must be positive, got {bound}")
    check_level(level)
    failures, trials = int(failures), int(trials)
    lower, upper = clopper_pearson(failures, trials, level)
    share = failures / trials
    refutation = float(betainc(failures, trials - failures + 1, min(bound, 1.0))) if failures else 1.0
    verdict, note = Verdict.INCONCLUSIVE, f"the limits [{lower:.4g}, {upper:.4g}] contain {bound:.4g}"
    if bound >= 1:
        note = "vacuous bound"
    elif upper <= bound:
        verdict, note = Verdict.SUPPORTED, f"upper limit {upper:.4g} is at most {bound:.4g}"
    elif lower > bound:
        verdict, note = Verdict.REFUTED, f"lower limit {lower:.4g} exceeds {bound:.4g}"
    return Evidence(part, verdict, bound, share, (lower, upper), share / bound, refutation, note=note)
