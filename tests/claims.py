"""Judging parts of claims on cases that a test draws, through the machinery that judges them everywhere."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.claim import Case, Claim, Part, Run
from checks.running.sweep import Sweep
from checks.running.verify import verify
from checks.verdict import Evidence
from tests import examples

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


class Tables(list):
    """What is read, by tables: each a function of a generator of numbers and a stream that gives arguments of `pinned`."""

    def __call__(self, table):
        """Add one, as a decorator."""
        self.append(table)
        return table

    def test(self):
        """The test of all; three draws each, since their entries are many."""

        @pytest.mark.parametrize("table", self)
        @examples(3)
        @given(seed=st.integers(0, 2**32 - 1))
        def test(table, seed):
            pinned(*table(np.random.default_rng(seed), [seed, 0, 0, 0]))

        return test


def positive(rng, *shape):
    """Numbers e^x, x normal."""
    return np.exp(rng.normal(size=shape))
