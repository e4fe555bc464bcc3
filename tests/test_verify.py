"""Assembling evidence: every part and control is judged by its own rule on the draws that it declares, and has its row."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.claim import Case, Claim, Control, Part, Run
from checks.judges import AtMost, Draws, Ratio, Sides
from checks.measurements.streams import draw_seeds
from checks.running.declared import declared, told_apart
from checks.running.record import record_of
from checks.running.sweep import Sweep
from checks.running.verify import verify
from checks.verdict import Verdict

CALLS = []
SUPPORTED, REFUTED, INCONCLUSIVE = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE


def noise(*, mean, stream, first, draws):
    CALLS.append((first, draws))
    return {
        "x": np.array([np.random.default_rng(seed).normal(mean, 0.01) for seed in draw_seeds(stream, first, draws)])
    }


def twice(*, mean, stream, first, draws):
    return {"x": 2 * noise(mean=mean, stream=stream, first=first, draws=draws)["x"]}


def two_cases(tier):
    return [Case("one", {"mean": 1.0}, draws=12), Case("two", {"mean": 2.0}, draws=12)]


def read(case, found):
    return Draws(found["x"])


OWN = lambda case: Ratio(case["mean"], 0.1)  # noqa: E731
PART = Part("a", "mean", "measured", two_cases, noise, read, OWN)
VAGUE = replace(PART, judge=lambda case: Ratio(case["mean"], 1e-5))


def findings(*parts, sweep=None):
    CALLS.clear()
    claim = Claim("toy", "assembled", "", "", "", "", parts=parts)
    return verify([claim], Run("quick", 0, sweep or Sweep()))[claim.label]


def rows(evidence):
    return [(e.kind, e.case, e.verdict) for e in evidence]


def test_the_chance_of_a_false_refutation_is_shared_among_the_looks():
    far = replace(PART, judge=lambda case: Ratio(case["mean"] + 0.05, 0.01))  # refuted at the first look
    once, often = (findings(replace(far, looks=looks))[0].parts for looks in (1, 4))
    for one, four in zip(once, often, strict=True):
        assert (one.verdict, one.draws) == (four.verdict, four.draws) == (REFUTED, 12)
        assert 0 < four.refutation == pytest.approx(4 * one.refutation)


def test_every_case_of_every_part_and_control_has_its_row_in_their_order():
    controls = (
        Control("another mean", judge=Ratio(9.0, 0.1)),
        Control("a third mean", judge=Ratio(-9.0, 0.1), when=lambda case: case["mean"] == 2.0),
        Control("twice as much", cell=twice),
        Control("half as much", read=lambda case, found: Draws(found["x"] / 2)),
        Control("one case of its own", cases=lambda tier: [Case("three", {"mean": 3.0}, draws=12)], judge=OWN),
    )
    second = replace(PART, letter="b", cells_of="a", judge=Ratio(1.0, 0.1), controls=(Control("none", judge=OWN),))
    found, _ = findings(replace(PART, controls=controls), second)
    assert rows(found.parts) == [
        ("a", "one", SUPPORTED),
        ("a", "two", SUPPORTED),
        ("b", "one", SUPPORTED),
        ("b", "two", REFUTED),
    ]
    assert rows(found.controls) == [
        ("a.1", "one", REFUTED),
        ("a.1", "two", REFUTED),
        ("a.2", "two", REFUTED),
        ("a.3", "one", REFUTED),
        ("a.3", "two", REFUTED),
        ("a.4", "one", REFUTED),
        ("a.4", "two", REFUTED),
        ("a.5", "three", SUPPORTED),
        ("b.1", "one", SUPPORTED),
        ("b.1", "two", SUPPORTED),
    ]
    assert found.verdict is REFUTED and found.control_verdict is SUPPORTED
    missing, _ = findings(PART, replace(second, needs=("a_package_that_is_not_there",)))
    assert rows(missing.parts)[2:] == [("b", "not run", Verdict.NOT_RUN)] and missing.verdict is INCONCLUSIVE


def test_every_part_and_control_is_declared_with_its_rule():
    controls = (Control("another mean", judge=Ratio(9.0, 0.1)), Control("half as much", read=read))
    parts = (replace(PART, controls=controls), replace(PART, letter="b", judge=Ratio(1.0, 0.1)))
    first, second = declared(Claim("toy", "declared", "", "", "", "", parts=parts), "quick")
    assert first["controls"] == [
        {"kind": "a.1", "says": "another mean", "rule": "mean inside 9 ± 0.1 at level 0.001"},
        {"kind": "a.2", "says": "half as much"},
    ]
    rules = [f"mean inside {mean} ± 0.1 at level 0.001" for mean in (1, 2)]
    assert first["rules"] == [f"{rule} ({name})" for rule, name in zip(rules, ("one", "two"), strict=True)]
    assert second["rules"] == rules[:1] and (first["kind"], second["kind"]) == ("a", "b") and "controls" not in second


PIECES = st.lists(st.tuples(*[st.sampled_from(["0", "1", "m = 2..8"])] * 3), min_size=2, max_size=8, unique=True)


@given(PIECES, st.data())
def test_what_tells_cases_apart_is_in_all_of_their_names_and_in_no_other(found, data):
    everything = [" · ".join(f"{k}: {piece}" for k, piece in enumerate(pieces)) for pieces in found]
    names = data.draw(st.lists(st.sampled_from(everything), min_size=1, max_size=len(everything) - 1, unique=True))
    told = told_apart(names, everything)
    if told in (", ".join(names), f"{names[0]} … {names[-1]} ({len(names)})"):
        told = " or ".join(names)
    for name in everything:
        has = any({*few.split(" · ")} <= {*name.split(" · ")} for few in told.split(" or "))
        assert has == (name in names)


def test_looks_take_every_draw_once_and_end_where_all_is_decided():
    findings(replace(PART, cases=lambda tier: two_cases(tier)[:1]))
    assert sum(draws for _, draws in CALLS) == 12
    found, _ = findings(replace(VAGUE, cases=lambda tier: two_cases(tier)[:1]))
    assert sorted(s for first, draws in CALLS for s in range(first, first + draws)) == list(range(96))
    assert [e.draws for e in found.parts] == [96] and found.verdict is INCONCLUSIVE


def test_what_is_decided_keeps_its_draws_while_the_same_cells_go_on_for_others():
    found, _ = findings(PART, replace(VAGUE, letter="b", cells_of="a"))
    assert [(e.kind, e.draws) for e in found.parts] == [("a", 12), ("a", 12), ("b", 96), ("b", 96)]


def test_what_is_not_finite_stays_so_and_has_one_look():
    found, _ = findings(replace(PART, read=lambda case, found: Draws(np.nan * found["x"])))
    assert found.verdict is INCONCLUSIVE and sum(draws for _, draws in CALLS) == 2 * 12
    record = record_of(Claim("toy", "nan", "", "", "", ""), found, tier="quick", seed=0, seconds=0.0)
    assert all(row["strain"] is None and row["measured"] is None and "note" in row for row in record["parts"])


@dataclass(frozen=True)
class Told:
    """Writes down what it is told."""

    random: bool
    said: list = field(default_factory=list)
    side = "="

    def __call__(self, reading, *, looks, control):
        self.said.append((looks, control))
        return Ratio(1.0, 10.0)(reading)


@pytest.mark.parametrize("random, looks", [(True, 4), (False, 1)])
def test_a_judge_is_told_its_looks_and_whether_it_judges_a_control(random, looks):
    judge, other = Told(random), Told(random)
    findings(replace(PART, judge=judge, controls=(Control("false", judge=other),)))
    assert judge.said == [(looks, False)] * 2 and other.said == [(looks, True)] * 2


def test_a_control_is_judged_by_its_entry_that_comes_closest_to_being_true():
    sides = lambda case, found: Sides([0.5, 2.0], 1.0)  # noqa: E731
    found, _ = findings(replace(PART, read=sides, judge=AtMost(), controls=(Control("the same"),)))
    assert found.verdict is REFUTED and found.control_verdict is SUPPORTED


def test_seconds_are_those_of_all_cells_computed_or_kept(tmp_path):
    _, first = findings(PART, sweep=Sweep(tmp_path))
    assert CALLS and first > 0
    _, again = findings(PART, sweep=Sweep(tmp_path))
    assert not CALLS and again == first


def test_cells_of_photographs_are_told_where_they_are_and_by_what_contents_they_are_known(monkeypatch, tmp_path):
    given = []

    def photographs(*, cifar, device, stream):
        given.append((cifar, device))
        return {"x": np.ones(1)}

    monkeypatch.setattr("checks.running.verify.fingerprint", lambda folder: f"contents of {folder.name}")
    part = replace(PART, cell=photographs, cases=lambda tier: [Case("one", {"mean": 1.0})])
    claim, run = (
        Claim("toy", "images", "", "", "", "", parts=(part,)),
        Run("quick", 0, Sweep(), "cuda:1", tmp_path / "cifar"),
    )
    verify([claim], run)
    assert given == [({"folder": str(tmp_path / "cifar"), "data": "contents of cifar"}, "cuda:1")]


def test_cases_that_share_cells_must_agree_on_their_draws():
    other = replace(PART, letter="b", cells_of="a", cases=lambda tier: [Case("one", {"mean": 1.0}, draws=24)])
    with pytest.raises(ValueError, match="must have the same number of draws"):
        findings(PART, other)
