"""A claim: its statement, how it is judged, and the function that collects the evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from checks.sweep import Sweep
from checks.verdict import Evidence, Verdict, combine, combine_controls

TIERS = ("quick", "standard", "full")


@dataclass(frozen=True)
class Run:
    """What a check is given: the tier, the seed from which all others come, and the engine that runs its cells.

    Convolutional networks run on ``device``, a name that PyTorch knows; ``cifar`` is the folder of CIFAR-10, for the full tier.
    """

    tier: str
    seed: int
    sweep: Sweep
    device: str = "cpu"
    cifar: Path | None = None


@dataclass(frozen=True)
class Findings:
    """Evidence part by part, and the controls: false variants that the same judge must refute."""

    parts: Sequence[Evidence]
    controls: Sequence[Evidence] = field(default_factory=tuple)

    @property
    def verdict(self) -> Verdict:
        """Verdict of the claim."""
        return combine(self.parts)

    @property
    def control_verdict(self) -> Verdict:
        """REFUTED if every control is."""
        return combine_controls(self.controls)

    @property
    def hardest(self) -> Evidence:
        """The part that came closest to failing, or failed most clearly: the one a summary must show."""
        return max(self.parts, key=strain)


@dataclass(frozen=True)
class Claim:
    """One theorem or finding.

    Attributes
    ----------
    paper, name : key of the paper and name within it; together they are the label.
    source : where the statement stands, or that it is a reconstruction.
    statement : one line. assumptions : what it needs.
    predicted : one line, the numbers that were predicted.
    judge : functional, window, seeds, margin and level, as declared before anything ran, with the reason.
    control : what is put in place of the truth, and must be refuted.
    figure : name of its figure.
    check : collects the evidence at a tier.
    """

    paper: str
    name: str
    source: str
    statement: str
    assumptions: str
    predicted: str
    judge: str
    control: str
    figure: str
    check: Callable[[Run], Findings]

    @property
    def label(self) -> str:
        """paper/name."""
        return f"{self.paper}/{self.name}"


def strain(part: Evidence) -> float:
    """Share of the allowance that a part used: 0 is a perfect hit, above 1 it is not supported; inf without a number."""
    if part.verdict in (Verdict.NOT_RUN, Verdict.HYPOTHESES_NOT_MET):
        return 0.0
    if part.tightness is not None:
        return part.tightness if part.tightness == part.tightness else float("inf")
    if part.interval is None or not part.margin:
        return float("inf") if part.verdict is not Verdict.SUPPORTED else 0.0
    return max(abs(end - part.predicted) for end in part.interval) / part.margin
