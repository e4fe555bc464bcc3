"""Judge of an exponent: is the log-log slope of a quantity against a size the predicted one?"""

import math
from dataclasses import dataclass, replace

import numpy as np

from checks.judges.interval import check_region, decide, mean_and_error, t_interval, text, two_sided_strain, undecided
from checks.judges.reading import Draws
from checks.verdict import LEVEL, Evidence, Verdict


def slopes(sizes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Least-squares slope of log value on log size for every row: sizes (W,), values (S, W) → (S,)."""
    x = np.log(sizes)
    x = x - x.mean()
    return np.log(values) @ x / (x @ x)


def rms_blocks(errors: np.ndarray, block: int) -> np.ndarray:
    """Root mean square of each block of ``block`` consecutive rows: (S·block, W) → (S, W).

    For signed errors, whose single draws come arbitrarily close to zero and would have heavy-tailed logarithms.
    Raises ValueError unless ``errors`` has two axes and its rows fill whole blocks.
    """
    errors = np.asarray(errors, dtype=float)
    if errors.ndim != 2:
        raise ValueError(f"`errors` must be two-dimensional, got shape {errors.shape}")
    if block < 1 or len(errors) % block:
        raise ValueError(f"`block` must be positive and divide the {len(errors)} rows of `errors`, got {block}")
    with np.errstate(over="ignore"):  # an overflow becomes inf, which the judge reports
        return np.sqrt(np.mean(errors.reshape(-1, block, errors.shape[1]) ** 2, axis=1))


@dataclass(frozen=True)
class Slope:
    """The exponent is ``predicted`` ± ``margin``; with ``side`` "≤" or "≥" it is at most, or at least, that.

    The unit is a draw s: the same data and targets at every size. b_s is its OLS slope of log value on log size over all
    sizes, so the sizes of a draw may be dependent; the b_s are independent. Their t interval, error ``level`` on each side
    shared among the looks, is placed against the region: SUPPORTED inside, REFUTED disjoint, else INCONCLUSIVE. With
    ``guard``, SUPPORTED becomes INCONCLUSIVE ("not asymptotic") where the slope over the upper half of the sizes differs
    significantly by more than the margin; it never changes REFUTED.

    A value that is NaN, infinite, zero or negative makes the case INCONCLUSIVE; so do fewer than five draws, and equal ones.

    Notes
    -----
    Measured with 12 draws, six sizes from 64 to 2048, margin 0.1 = 1.9 sd(b_s) at level 1e−3, one look, and independent noise
    on every log value: normal, lognormal, logarithm of χ with 1 and with 16 degrees of freedom, t with 3; 50,000 repetitions
    each, 20,000 for the half exponent.

    - True exponent exactly one margin away: SUPPORTED (false) in at most .0011, REFUTED in at most .0012.
    - True exponent as predicted: REFUTED (false) never; SUPPORTED in .953 (normal), .950 (χ_16), .925 (χ_1), .923
      (t_3), .891 (lognormal). However small the margin, normal noise is falsely refuted in at most 2·level.
    - True exponent half the predicted −1/2: SUPPORTED never; REFUTED in .986 (lognormal), .992 (t_3), .999 or more
      (the others).
    - Power .95 needs margin/sd(b_s) of 5.4, 4.0, 2.8, 2.3, 1.9, 1.6, 1.0 with 5, 6, 8, 10, 12, 16, 32 draws (exact for
      normal slopes).
    - Guard, normal noise, 4,000 repetitions: it never trips on a power law; a law with the right overall slope whose
      upper half is off by 2, 3, 4 margins is SUPPORTED in .84, .25, .007 at 1.9 sd and in .21, 0, 0 at 4 sd.

    - Four looks with 12, 24, 48, 96 draws at a quarter of the level each, 20,000 repetitions, without the guard: at the edge
      of the margin SUPPORTED (false) in .0007 (normal), .0004 (t_3), .011 (lognormal slopes); at the truth SUPPORTED in
      1.000 for margin/sd(b_s) = 1.0, 1.5, 1.9, 2.5 after 33.9, 19.2, 14.3, 12.1 draws on average; half the exponent
      REFUTED in 1.000 after 16.6.

    Noise of one distribution on evenly spaced log sizes cancels its skewness in b_s. Slopes that are themselves skewed
    from draw to draw break the level: false support .010 for slopes distributed like log χ_1, .051 for lognormal ones.
    Take a functional whose slopes are close to symmetric, such as the logarithm of a norm or of a block's RMS.
    """

    predicted: float
    margin: float
    side: str = "="
    level: float = LEVEL
    guard: bool = True
    random = True

    def __post_init__(self) -> None:
        check_region(self.predicted, self.margin, self.level)

    def __str__(self) -> str:
        relation = "inside" if self.side == "=" else self.side
        sign = {"=": "±", "≤": "+", "≥": "−"}[self.side]
        guard = ", upper half alike" if self.guard else ""
        return (
            f"log-log slope {relation} {text(self.predicted)} {sign} {text(self.margin)} at level {self.level:g}{guard}"
        )

    def __call__(self, reading: Draws, *, looks: int = 1, control: bool = False) -> Evidence:
        """Evidence of one case."""
        sizes, values = np.asarray(reading.x, dtype=float), np.asarray(reading.values, dtype=float)
        if sizes.ndim != 1 or len(sizes) < 3:
            raise ValueError(f"`x` must be one-dimensional with at least three sizes, got shape {sizes.shape}")
        if not (np.isfinite(sizes).all() and sizes[0] > 0 and (np.diff(sizes) > 0).all()):
            raise ValueError(f"`x` must be finite, positive and increasing, got {sizes.tolist()}")
        if values.ndim != 2 or values.shape[1] != len(sizes):
            raise ValueError(f"`values` must have shape (draws, {len(sizes)}), got {values.shape}")
        bad = int(np.count_nonzero(~(np.isfinite(values) & (values > 0))))
        if bad:
            note = f"not finite and positive: {bad} of {values.size} values"
            return undecided(self.predicted, self.margin, note, self.side, reading.excluded)
        low, high = self.predicted - self.margin, self.predicted + self.margin
        region = {"=": (low, high), "≤": (-math.inf, high), "≥": (low, math.inf)}[self.side]
        level = self.level / looks
        found = decide(
            slopes(sizes, values),
            region,
            predicted=self.predicted + 0.0,  # never minus zero
            margin=self.margin,
            level=level,
            side=self.side,
            excluded=reading.excluded,
        )
        if found.interval is None:
            return found
        strain = two_sided_strain(found.interval, self.predicted, self.margin, self.side)
        found = replace(found, strain=strain, resolution=self._resolution(found.interval))
        if self.guard and found.verdict is Verdict.SUPPORTED and self._still_bends(sizes, values, level):
            note = "not asymptotic: the slope over the upper half of the sizes differs by more than the margin"
            return replace(found, verdict=Verdict.INCONCLUSIVE, note=note)
        return found

    def _resolution(self, interval: tuple[float, float]) -> float:
        """The smallest shift δ such that predicted ± δ would both be refuted; for a bound the shift towards a sharper one."""
        up = interval[1] + self.margin - self.predicted
        down = self.predicted - interval[0] + self.margin
        return down if self.side == "≤" else up if self.side == "≥" else max(up, down)

    def _still_bends(self, sizes: np.ndarray, values: np.ndarray, level: float) -> bool:
        """Whether the slope over the upper half of the sizes differs from the full one by more than the margin.

        Per draw the difference d_s = (slope over ``sizes[W // 2:]``) − (slope over all sizes); true if the t interval of
        the d_s is disjoint from ± margin. For a bound only a bend towards the forbidden side matters.
        """
        half = len(sizes) // 2
        mean, error = mean_and_error(slopes(sizes[half:], values[:, half:]) - slopes(sizes, values))
        lower, upper = t_interval(mean, error, len(values), level)
        return (lower > self.margin and self.side != "≥") or (upper < -self.margin and self.side != "≤")
