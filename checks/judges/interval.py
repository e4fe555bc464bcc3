"""The Student t interval of independent draws and the rule that turns it into a verdict, for slopes, constants and gaps."""

import math

import numpy as np
from scipy.special import stdtr, stdtrit

from checks.verdict import Evidence, Verdict

MIN_DRAWS = 5
"""Below this the t quantile at the usual level exceeds 10 and the interval says nothing about the margin."""


def text(value: float) -> str:
    """A number as it is declared: with a minus sign, but not before 0, and no trailing zeros."""
    return f"{value + 0.0:.4g}".replace("-", "−")


def check_positive(name: str, value: float) -> None:
    """Raise ValueError unless ``value`` is a finite positive number."""
    if not 0 < value < math.inf:
        raise ValueError(f"`{name}` must be positive and finite, got {value}")


def check_level(level: float) -> None:
    """Raise ValueError unless ``level`` can be the error probability of one side of an interval."""
    if not 0 < level < 0.5:
        raise ValueError(f"`level` must lie between 0 and 0.5, got {level}")


def check_region(predicted: float, margin: float, level: float) -> None:
    """Raise ValueError unless ``predicted`` ± ``margin`` is a region and ``level`` an error probability."""
    if not math.isfinite(predicted):
        raise ValueError(f"`predicted` must be finite, got {predicted}")
    check_positive("margin", margin)
    check_level(level)


def mean_and_error(draws: np.ndarray) -> tuple[float, float]:
    """Mean of the draws (S,) and its standard error, sd/√S with the S − 1 denominator.

    Both are taken relative to the first draw, so equal draws have error exactly 0. Draws too large for the arithmetic
    give inf or NaN, for `decide` to report.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        offsets = draws - draws[0]
        return float(draws[0] + offsets.mean()), float(offsets.std(ddof=1) / math.sqrt(len(draws)))


def t_interval(mean: float, error: float, draws: int, level: float) -> tuple[float, float]:
    """Student t interval mean ± t·error with ``draws`` − 1 degrees of freedom and tail ``level`` on each side."""
    half = -float(stdtrit(draws - 1, level)) * error
    return mean - half, mean + half


def t_refutation(mean: float, error: float, draws: int, low: float, high: float) -> float:
    """Smallest level at which the t interval still misses [low, high]; 1.0 if the mean is inside.

    The t tail P(T > distance/error) with ``draws`` − 1 degrees of freedom, ``distance`` from the mean to the region.
    """
    distance = max(low - mean, mean - high)
    if distance <= 0:
        return 1.0
    return float(stdtr(draws - 1, -distance / error)) if error > 0 else 0.0


def undecided(
    predicted: float, margin: float | None, note: str, side: str = "=", excluded: int = 0, draws: int = 0
) -> Evidence:
    """Evidence of a case whose draws allow no interval; ``draws`` is 0 where more of them would not help."""
    return Evidence(
        "",
        Verdict.INCONCLUSIVE,
        predicted,
        math.nan,
        margin=margin,
        note=note,
        side=side,
        excluded=excluded,
        draws=draws,
    )


def decide(
    draws: np.ndarray,
    region: tuple[float, float],
    *,
    predicted: float,
    margin: float | None,
    level: float,
    side: str = "=",
    excluded: int = 0,
) -> Evidence:
    """Place the t interval of the mean of the draws (S,) against the closed region ``(low, high)`` of agreement; ValueError for
    draws of another shape.

    SUPPORTED if the interval lies inside, REFUTED if it is disjoint from the region, else INCONCLUSIVE. A draw that is
    not finite is never dropped: it makes the case INCONCLUSIVE, and so do fewer than `MIN_DRAWS` draws, and draws that are
    all equal, which are not independent draws of anything; and so does a majority of draws that do not meet the hypotheses.
    """
    draws = np.asarray(draws, dtype=float)
    if draws.ndim != 1:
        raise ValueError(f"`values` must be one-dimensional, got shape {draws.shape}")
    bad = int(np.count_nonzero(~np.isfinite(draws)))
    if bad:
        return undecided(predicted, margin, f"not finite: {bad} of {draws.size} values", side, excluded)
    if excluded > draws.size:
        note = f"hypotheses not met by {excluded} of {excluded + draws.size} draws, more than half"
        return undecided(predicted, margin, note, side, excluded, draws.size + excluded)
    if draws.size < MIN_DRAWS:
        note = f"too few draws: {draws.size}, at least {MIN_DRAWS} are needed"
        return undecided(predicted, margin, note, side, excluded, max(1, draws.size))
    mean, error = mean_and_error(draws)
    if not (math.isfinite(mean) and math.isfinite(error)):
        note = "the values are too large for the arithmetic of their interval"
        return undecided(predicted, margin, note, side, excluded)
    if error == 0.0:
        note = f"all {draws.size} draws are equal: does the cell ignore its seeds?"
        return undecided(predicted, margin, note, side, excluded)
    low, high = region
    lower, upper = t_interval(mean, error, draws.size, level)
    verdict, place = Verdict.INCONCLUSIVE, "is not inside"
    if low <= lower and upper <= high:
        verdict, place = Verdict.SUPPORTED, "lies in"
    elif upper < low or lower > high:
        verdict, place = Verdict.REFUTED, "is disjoint from"
    return Evidence(
        "",
        verdict,
        predicted,
        mean,
        (lower, upper),
        refutation=t_refutation(mean, error, draws.size, low, high),
        margin=margin,
        note=f"interval [{lower:.4g}, {upper:.4g}] {place} [{low:.4g}, {high:.4g}]",
        side=side,
        draws=draws.size,
        excluded=excluded,
    )


def two_sided_strain(interval: tuple[float, float], predicted: float, margin: float, side: str) -> float:
    """Distance of the far end of the interval from the prediction over the margin; for a bound only the end that matters."""
    above, below = (interval[1] - predicted) / margin, (predicted - interval[0]) / margin
    return above if side == "≤" else below if side == "≥" else max(above, below)
