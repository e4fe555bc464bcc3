"""Judges: each turns the numbers of one case into a verdict by a rule that it prints itself.

A judge is a frozen object: ``judge(reading)`` gives `Evidence`, ``str(judge)`` the declared rule, ``judge.side`` the relation
of measured to predicted. A random judge takes ``looks``: its error probability is shared evenly among that many looks.
"""

from checks.judges.frequency import Frequency
from checks.judges.gap import Gap
from checks.judges.local_slope import LocalSlope
from checks.judges.positive import Positive
from checks.judges.ratio import MeanAtMost, Ratio
from checks.judges.reading import Counts, Curves, Draws, Proof, Reading, Sides
from checks.judges.sides import AtLeast, AtMost
from checks.judges.slope import Slope

Judge = Slope | Ratio | MeanAtMost | AtMost | AtLeast | Frequency | Gap | Positive | LocalSlope

__all__ = [
    "AtLeast",
    "AtMost",
    "Counts",
    "Curves",
    "Draws",
    "Frequency",
    "Gap",
    "Judge",
    "LocalSlope",
    "MeanAtMost",
    "Positive",
    "Proof",
    "Ratio",
    "Reading",
    "Sides",
    "Slope",
]
