"""The five outcomes of a check, the evidence for one part of a claim, and the rule that combines parts."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

LEVEL = 1e-3
"""Error probability of every interval, on each side, unless a claim declares another."""


class Verdict(StrEnum):
    """Outcome of a check. Only SUPPORTED is support; a missing or undefined number never is."""

    SUPPORTED = "SUPPORTED"
    REFUTED = "REFUTED"
    INCONCLUSIVE = "INCONCLUSIVE"
    HYPOTHESES_NOT_MET = "HYPOTHESES_NOT_MET"
    NOT_RUN = "NOT_RUN"


@dataclass(frozen=True)
class Evidence:
    """What one judge found about one part of a claim, in one case.

    Attributes
    ----------
    part : what was judged, for example ``"slope · L = 2 · K^1 · relu · digits"``.
    verdict : the judge's outcome for this part alone.
    predicted, measured : what the statement says, and what was found.
    interval : confidence interval of ``measured``, None where nothing is random.
    refutation : smallest one-sided error level at which the judge still refutes; 0.0 for a deterministic
        refutation, 1.0 where nothing speaks against the claim.
    margin : half-width of the region of ``measured`` that counts as agreement, as declared beforehand.
    note : one sentence of reason, always present when the verdict is not SUPPORTED.
    side : relation that measured should have to predicted: "=", "≤" or "≥".
    strain : share of the allowance used, 1 at the edge; NaN where it is not defined.
    resolution : the nearest false statement that the same data and judge refute: for an exponent the shift, for a constant the
        factor, for a bound the factor by which it could be sharper; inf where none is, NaN where it is not defined.
    draws : how many draws decided, 0 where nothing is random. excluded : entries that do not meet the hypotheses.
    kind, case, status : key of the part ("a") or of its control ("a.1"), the case, and proved, derived or measured.
    seconds : of all cells of the case, computed now or kept.
    """

    part: str
    verdict: Verdict
    predicted: float
    measured: float
    interval: tuple[float, float] | None = None
    refutation: float = 1.0
    margin: float | None = None
    note: str = ""
    side: str = "="
    strain: float = math.nan
    resolution: float = math.nan
    draws: int = 0
    excluded: int = 0
    kind: str = ""
    case: str = ""
    status: str = ""
    seconds: float = 0.0


def combine(parts: Sequence[Evidence], level: float = LEVEL) -> Verdict:
    """Verdict of a claim from its parts.

    SUPPORTED if every part is. REFUTED if one part is refuted at ``level / len(parts)``, so that many parts do not
    raise the false alarm of the whole. Otherwise the outcome all parts share (all NOT_RUN, or all
    HYPOTHESES_NOT_MET), else INCONCLUSIVE. No parts at all is NOT_RUN.
    """
    if not parts:
        return Verdict.NOT_RUN
    verdicts = {part.verdict for part in parts}
    if len(verdicts) == 1 and Verdict.REFUTED not in verdicts:
        return verdicts.pop()
    if any(part.verdict is Verdict.REFUTED and part.refutation <= level / len(parts) for part in parts):
        return Verdict.REFUTED
    return Verdict.INCONCLUSIVE


def combine_controls(controls: Sequence[Evidence]) -> Verdict:
    """Verdict over the controls of a claim: REFUTED only if every control is, SUPPORTED if any is, as it should not."""
    if not controls:
        return Verdict.NOT_RUN
    verdicts = {control.verdict for control in controls}
    if Verdict.SUPPORTED in verdicts:
        return Verdict.SUPPORTED
    return verdicts.pop() if len(verdicts) == 1 else Verdict.INCONCLUSIVE


def loudest(judged: Sequence[Evidence], distance: Callable[[Evidence], float], *, control: bool = False) -> Evidence:
    """Of cases judged alike the one that speaks loudest against the part: REFUTED before INCONCLUSIVE before SUPPORTED, then
    the largest ``distance`` from the prediction, NaN as infinity. For a ``control`` the other end, which refutes it least.
    """
    order = (Verdict.SUPPORTED, Verdict.INCONCLUSIVE, Verdict.REFUTED)

    def key(found: Evidence) -> tuple[int, float]:
        away = distance(found)
        return order.index(found.verdict), math.inf if math.isnan(away) else away

    return min(judged, key=key) if control else max(judged, key=key)
