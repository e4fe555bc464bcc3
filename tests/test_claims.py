"""Every part of every claim through the runner: true as declared, false when truth and control change places."""

from dataclasses import replace
from importlib.util import find_spec

import pytest

import checks.__main__ as program
from checks.claim import Control, Run
from checks.claims import CLAIMS
from checks.measurements.data import DATA
from checks.running.seeds import stream_of
from checks.running.sweep import Sweep
from checks.running.verify import experiments_of, kind_of, verify
from checks.verdict import Verdict, combine

SEED = 7_000_001
PARTS = [
    pytest.param(
        claim,
        part,
        id=f"{claim.label}-{part.letter}",
        marks=pytest.mark.claim(claim.label),
    )
    for claim in CLAIMS
    for part in claim.parts
    if all(map(find_spec, part.needs)) and list(part.cases("quick"))
]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    return Sweep(tmp_path_factory.mktemp("cells"))


def first_case(tier_cases):
    """The same function of the tier, but of its first case alone."""
    return lambda tier: list(tier_cases(tier))[:1]


def alone(claim, part):
    """The claim with this part alone, in its first case."""
    controls = [
        control if control.cases is None else replace(control, cases=first_case(control.cases))
        for control in part.controls
        if control.cases is not None
        or any(control.when({**c.config, **c.select}) for c in first_case(part.cases)("quick"))
    ]
    return replace(claim, parts=(replace(part, cases=first_case(part.cases), controls=tuple(controls)),))


def exchanged(claim):
    """The claim that states its first control too, and whose control is its statement; nothing is computed anew."""
    (part,) = claim.parts
    control = part.controls[0]
    own = control.cases is not None or control.cell is not None
    false = replace(
        part,
        letter=f"not {part.letter}",
        read=control.read or part.read,
        judge=control.judge or part.judge,
        cases=control.cases or part.cases,
        cell=control.cell or part.cell,
        cells_of=kind_of(part.letter, 1) if own else part.cells_of or part.letter,
        controls=(),
    )
    return replace(claim, parts=(false, replace(part, controls=(Control(part.says),))))


@pytest.mark.parametrize("claim, part", PARTS)
def test_a_part_is_supported_and_its_controls_are_refuted_and_the_other_way_round(claim, part, sweep):
    run, claim = Run("quick", SEED, sweep), alone(claim, part)
    findings, seconds = verify([claim], run)[claim.label]
    assert findings.verdict is Verdict.SUPPORTED, findings.parts
    assert seconds > 0 and all(e.kind == part.letter and e.status == part.status for e in findings.parts)
    if claim.parts[0].controls:
        assert findings.control_verdict is Verdict.REFUTED, findings.controls
        swapped, _ = verify([exchanged(claim)], run)[claim.label]
        (false,) = (e for e in swapped.parts if e.kind.startswith("not "))
        assert combine([false]) is Verdict.REFUTED and swapped.verdict is not Verdict.SUPPORTED, swapped.parts
        assert swapped.control_verdict is Verdict.SUPPORTED, swapped.controls


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.label)
def test_a_claim_declares_what_it_needs(claim):
    letters = [part.letter for part in claim.parts]
    assert claim.parts and len(set(letters)) == len(letters)
    assert 0 < len(claim.summary) <= 100
    assert any(part.controls for part in claim.parts)
    for part in claim.parts:
        for tier in ("quick", "standard", "full"):
            names = [case.name for case in part.cases(tier)]
            assert len(set(names)) == len(names)


def kinds_of(found):
    """Kinds of data that a configuration names, at any depth."""
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list | tuple) else ()
    own = {found["kind"]} if isinstance(found, dict) and "kind" in found else set()
    return own.union(*map(kinds_of, inner))


TRAINED = "gram-limit loss-decay drift kernel-stability linearization lazy-threshold scheme-independence phase-diagram"
TRAINED += " ntk-special-case gradient-descent kernel-description"
FEWER = {"scheme-independence": "g"}  # on inputs of 64 dimensions no width would do


@pytest.mark.parametrize("name", TRAINED.split())
def test_findings_are_judged_on_random_inputs_digits_and_diabetes(name):
    claim = next(claim for claim in CLAIMS if claim.label == f"li2024demystifying/{name}")
    for part in claim.parts:
        kinds = set().union(*(kinds_of(case.config) for case in part.cases("standard")))
        assert kinds >= set(DATA) or part.letter == FEWER.get(name), (part.letter, kinds)


def test_no_two_streams_are_the_same():
    """Two run seeds, claims, parts or cases share no stream: every stream begins another seed sequence."""
    streams, expected = set(), 0
    for seed in (0, 1, 2**32, 2**32 + 1):
        run = Run("quick", seed, Sweep())
        for claim in CLAIMS:
            for experiment in experiments_of(claim, run):
                streams.add(tuple(experiment.config["stream"]))
                expected += 1
    assert len(streams) == expected
    assert stream_of(0, "a", "b", {"c": 1}) != stream_of(0, "a", "bc", {"c": 1}) != stream_of(0, "ab", "", {"c": 1})


def test_a_claim_file_that_is_not_listed_fails_with_a_sentence(tmp_path, monkeypatch):
    """A file in the folder of the claims that claims.py forgets is named, with what to do."""
    monkeypatch.setattr(program, "__file__", str(tmp_path / "__main__.py"))
    text = 'from checks.claim import Claim\nCLAIM = Claim("toy", "forgotten", "", "", "", "")\n'
    (tmp_path / "forgotten.py").write_text(text)
    with pytest.raises(Exception, match=r"is not listed: add its CLAIM to CLAIMS in checks/claims\.py"):
        program.claim_named(str(tmp_path / "forgotten.py"))
