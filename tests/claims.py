"""Judging parts of claims on cases that a test draws, through the machinery that judges them everywhere."""

from dataclasses import replace

import numpy as np

from checks.claim import Case, Claim, Part, Run
from checks.running.sweep import Sweep
from checks.running.verify import verify
from checks.verdict import Evidence

NOWHERE = Claim("tests", "drawn", "", "", "", "")


def judged(part: Part, cases: list[Case], seed: int = 0) -> tuple[list[Evidence], list[Evidence]]:
    """Evidence of ``part`` in these ``cases``, and of its controls in the same ones."""
    controls = tuple(control if control.cases is None else replace(control, cases=None) for control in part.controls)
    own = replace(part, cases=lambda tier: cases, controls=controls)
    findings, _ = verify([replace(NOWHERE, parts=(own,))], Run("quick", seed, Sweep()))["tests/drawn"]
    return list(findings.parts), list(findings.controls)


def part_of(claim: Claim, letter: str) -> Part:
    """The part of a claim with this letter."""
    return next(part for part in claim.parts if part.letter == letter)


def pinned(claim: Claim, case: dict, found: dict, rows: dict[str, dict]) -> None:
    """What parts "a" and controls "a.1" of ``claim`` read from ``found`` is, entry by entry, what ``rows`` say.

    ``predicted`` is the exponent or constant of the judge, ``side`` its side.
    """
    for kind, expected in rows.items():
        letter, _, number = kind.partition(".")
        part = part_of(claim, letter)
        own = part.controls[int(number) - 1] if number else part
        reading, judge = (own.read or part.read)(case, found), own.judge or part.judge
        for name, value in expected.items():
            of_judge = judge if hasattr(judge, "side") or name not in ("predicted", "side") else judge(case)
            got = getattr(of_judge if name in ("predicted", "side") else reading, name)
            if name != "side":
                got, value = np.broadcast_arrays(np.asarray(got, dtype=float), value)
            same = got == value if name == "side" else np.allclose(got, value, rtol=1e-9, atol=0, equal_nan=True)
            assert same, (kind, name, got)
