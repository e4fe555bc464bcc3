"""Judging parts of claims on cases that a test draws, through the machinery that judges them everywhere."""

from dataclasses import replace

from checks.claim import Case, Claim, Part, Run
from checks.running.sweep import Sweep
from checks.running.verify import verify
from checks.verdict import Evidence

NOWHERE = Claim("tests", "drawn", "", "", "", "")


def judged(part: Part, cases: list[Case], seed: int = 0) -> tuple[list[Evidence], list[Evidence]]:
    """Evidence of ``part`` in these ``cases``, and of its controls in the same ones."""
    return judged_together([part], cases, seed)


def judged_together(parts: list[Part], cases: list[Case], seed: int = 0) -> tuple[list[Evidence], list[Evidence]]:
    """The same of several parts, which share their cells as they declare."""
    own = []
    for part in parts:
        controls = tuple(
            control if control.cases is None else replace(control, cases=None) for control in part.controls
        )
        own.append(replace(part, cases=lambda tier: cases, controls=controls))
    findings, _ = verify([replace(NOWHERE, parts=tuple(own))], Run("quick", seed, Sweep()))["tests/drawn"]
    return list(findings.parts), list(findings.controls)


def part_of(claim: Claim, letter: str) -> Part:
    """The part of a claim with this letter."""
    return next(part for part in claim.parts if part.letter == letter)
