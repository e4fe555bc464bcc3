"""A claim as data: statement, parts, cases, judges and controls. Nothing here runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from checks.judges import Judge, Reading
from checks.running.sweep import Sweep
from checks.verdict import Evidence, Verdict, combine, combine_controls

TIERS = ("quick", "standard", "full")
LOOKS = 4
"""Looks of a random part: with S, 2S, 4S and 8S draws. What is decided stops, what is not goes on."""

Arrays = dict[str, np.ndarray]
Cell = Callable[..., Arrays]
Read = Callable[[dict, Arrays], Reading]


@dataclass(frozen=True)
class Case:
    """One configuration in which a part is judged.

    Attributes
    ----------
    name : what tells it from the others, for example ``"L = 2 · tanh · digits"``.
    config : keyword arguments of the cell, plain JSON: widths, scales, data set. Cases with equal ``config`` share their cells.
    draws : S, the draws of the first look; 0 where nothing is drawn but the data.
    chunk : draws of one cell, by default an eighth of S.
    select : what only the reading of the arrays needs: a layer, a quantity.
    """

    name: str
    config: dict
    draws: int = 0
    chunk: int | None = None
    select: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Control:
    """A false variant of a part, which the same machinery must refute: another reading, another judge, or other cells.

    ``says`` names what is false. What is None is as in the part. A control with ``cases`` or a ``cell`` has draws of its own;
    one with ``when`` reads those of the part, in the cases whose configuration satisfies it.
    """

    says: str
    read: Read | None = None
    judge: Judge | Callable[[dict], Judge] | None = None
    cases: Callable[[str], Sequence[Case]] | None = None
    cell: Cell | None = None
    when: Callable[[dict], bool] = lambda settings: True


@dataclass(frozen=True)
class Part:
    """One statement of a claim, judged in every case.

    Attributes
    ----------
    letter : its key within the claim.
    says : what is measured against what, in one line.
    status : "proved" (docs/theory.md has the proof), "derived" (leading order, remainders not bounded) or "measured".
    cases : tier → the configurations, with their sizes as data.
    cell : a function of `checks.measurements`, from the configuration to named arrays. If it takes ``stream``, ``first`` and
        ``draws`` it is given them, see `checks.measurements.streams`; ``device`` and ``cifar`` are those of the run.
    read : (configuration, arrays) → what the judge is given. Pure; predictions come from theory/ here.
    judge : the rule, or a function of the configuration that gives it.
    controls : false variants.
    why : reasons for the sizes and margins, prose without their numbers.
    cells_of : letter of another part whose cells are read; its own letter by default.
    needs : optional packages without which the part is NOT_RUN, and "cifar" for the files of CIFAR-10.
    looks : looks among which the level of a random judge is shared.
    """

    letter: str
    says: str
    status: str
    cases: Callable[[str], Sequence[Case]]
    cell: Cell
    read: Read
    judge: Judge | Callable[[dict], Judge]
    controls: tuple[Control, ...] = ()
    why: str = ""
    cells_of: str | None = None
    needs: tuple[str, ...] = ()
    looks: int = LOOKS

    def __post_init__(self) -> None:
        if self.status not in ("proved", "derived", "measured"):
            raise ValueError(f"`status` must be proved, derived or measured, got {self.status!r}")
        for name in ("cases", "cell", "read", "judge"):
            if not callable(getattr(self, name)):
                raise ValueError(f"`{name}` of part {self.letter} must be a function, got {getattr(self, name)!r:.60}")


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
    """Evidence part by part and case by case, and the controls: false variants that the same judge must refute."""

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


@dataclass(frozen=True)
class Claim:
    """One theorem or finding.

    Attributes
    ----------
    paper, name : key of the paper and name within it; together they are the label.
    source : where the statement stands, or that it is a reconstruction.
    summary : what it says, in at most 100 characters.
    statement : the statement with its constants. assumptions : what it needs.
    parts : how it is judged. What is declared of a claim is printed from them.
    figure : name of its figure.
    uses : labels of the claims whose statements its proof uses.
    """

    paper: str
    name: str
    source: str
    statement: str
    assumptions: str
    figure: str
    summary: str = ""
    parts: tuple[Part, ...] = ()
    uses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        letters = [part.letter for part in self.parts]
        if len(set(letters)) < len(letters):
            raise ValueError(f"`parts` of {self.label} must have different letters, got {letters}")

    @property
    def label(self) -> str:
        """paper/name."""
        return f"{self.paper}/{self.name}"


def strain(part: Evidence) -> float:
    """Share of the allowance that a part used: 0 is a perfect hit, above 1 it is not supported; inf without a number."""
    if part.verdict in (Verdict.NOT_RUN, Verdict.HYPOTHESES_NOT_MET):
        return 0.0
    return part.strain if part.strain == part.strain else float("inf")
