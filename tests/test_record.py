"""The record of a claim: its numbers are those of the evidence, the hardest part is found, and changes are seen."""

import math
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.claim import Claim, Findings
from checks.running import record
from checks.verdict import Evidence, Verdict

VERDICTS = list(Verdict)
SUPPORTED, REFUTED = Verdict.SUPPORTED, Verdict.REFUTED


def recorded(parts, controls=()):
    findings = Findings(parts, controls)
    return record.record_of(Claim("toy", "it", "", "", "", ""), findings, tier="standard", seed=7, seconds=1.23)


def test_a_row_has_the_numbers_of_its_evidence():
    one = Evidence("(a) mean · case", SUPPORTED, 1.0, 1.25, (1.125, 1.5), margin=0.5, strain=0.75, resolution=2.0)
    parts = [
        Evidence(**{**vars(one), "kind": "a", "case": "case", "status": "proved", "draws": 12, "seconds": 3.0}),
        Evidence("", Verdict.INCONCLUSIVE, 1.0, math.nan, note="why", side="≤", excluded=2),
    ]
    found = recorded(parts, [Evidence("", REFUTED, 2.0, 1.25, strain=4.0, kind="a.1", case="other")])
    assert found["parts"][0] == {
        "part": "case", "kind": "a", "side": "=", "predicted": 1.0, "margin": 0.5, "measured": 1.25, "interval": [1.125, 1.5],
        "strain": 0.75, "resolution": 2.0, "draws": 12, "status": "proved", "verdict": "SUPPORTED", "seconds": 3.0,
    }  # fmt: skip
    assert found["parts"][1]["note"] == "why" and found["parts"][1]["excluded"] == 2
    assert found["parts"][1]["measured"] is None and found["parts"][1]["strain"] is None
    assert found["controls"] == [
        {
            "part": "other",
            "kind": "a.1",
            "side": "=",
            "predicted": 2.0,
            "measured": 1.25,
            "strain": 4.0,
            "verdict": "REFUTED",
        }
    ]
    assert found["verdict"] == "INCONCLUSIVE" and found["control_verdict"] == "REFUTED" and found["seconds"] == 1.2
    assert found["command"] == "python -m checks run toy/it --tier standard --seed 7"
    assert {key: found["provenance"][key] for key in ("tier", "seed")} == {"tier": "standard", "seed": 7}


@given(st.lists(st.tuples(st.sampled_from(VERDICTS), st.floats(0, 9) | st.none()), min_size=1))
def test_the_hardest_part_is_refuted_before_inconclusive_before_supported_then_most_strained(rows):
    order = ["REFUTED", "INCONCLUSIVE", "SUPPORTED", "HYPOTHESES_NOT_MET", "NOT_RUN"]
    hardest = record.hardest({"parts": [{"verdict": verdict, "strain": strain} for verdict, strain in rows]})
    assert hardest["verdict"] == min((verdict for verdict, _ in rows), key=order.index)
    alike = [math.inf if strain is None else strain for verdict, strain in rows if verdict == hardest["verdict"]]
    assert (math.inf if hardest["strain"] is None else hardest["strain"]) == max(alike)


@given(st.lists(st.sampled_from(VERDICTS)), st.lists(st.tuples(st.sampled_from(VERDICTS), st.none() | st.just(1.0))))
def test_the_exit_status_is_0_only_if_all_that_ran_is_supported_and_every_control_refuted(claims, controls):
    rows = [{"verdict": verdict, "measured": measured} for verdict, measured in controls]
    status = record.exit_status([{"verdict": verdict, "controls": rows} for verdict in claims])
    ran = set(claims) - {"NOT_RUN"}
    wrong = {(v, m) for v, m in controls if v not in ("REFUTED", "NOT_RUN")} if ran else set()
    loud = "REFUTED" in ran or any(v == "SUPPORTED" or m is not None for v, m in wrong)
    assert status == (1 if loud else 3 if wrong or ran - {"SUPPORTED"} else 0)


def test_tests_are_those_of_the_claim_alone():
    names = {test["name"] for test in record.claim_tests("chizat2019lazy/decay-lemma")}
    assert names and all(name.startswith("tests/chizat2019lazy/test_decay_lemma.py::") for name in names)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a"]
    run = lambda *words: subprocess.run([*git, *words], check=True, capture_output=True, text=True).stdout.strip()  # noqa: E731
    run("init")
    (tmp_path / "file").write_text("one")
    run("add", "file")
    run("commit", "-m", "one")
    monkeypatch.setattr(record, "ROOT", tmp_path)
    record._commit.cache_clear()
    yield tmp_path, run
    record._commit.cache_clear()


@pytest.mark.parametrize("changed", [False, True])
def test_a_changed_checkout_is_seen_and_files_that_are_not_tracked_are_not(repository, changed):
    folder, run = repository
    (folder / "file" if changed else folder / "other").write_text("two")
    found = record.provenance("quick", 0)
    assert (found["commit"], found["dirty"]) == (run("rev-parse", "HEAD"), changed)
