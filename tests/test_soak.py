"""Soaking: rates over seeds with their limits, seeds that are kept, an exit status that no failure escapes."""

import json
from dataclasses import replace

import pytest

import checks.__main__ as program
from checks.claim import Run
from checks.judges import Ratio
from checks.running.soak import rate_line, soak
from checks.running.sweep import Sweep
from tests.test_command_line import ABSENT, BLIND, FALSE, TRUE, VAGUE

CALLS = []


def counted(*, stream, first, draws):
    CALLS.append(stream[0])
    (part,) = TRUE.parts
    return part.cell(stream=stream, first=first, draws=draws)


def soaked(tmp_path, *claims, seeds=range(3)):
    lines = []
    run = Run("quick", 0, Sweep(tmp_path / "cells"))
    return soak(claims, run, seeds, tmp_path / "soak.json", tell=lines.append), lines


@pytest.mark.parametrize(
    "claims, expected", [((TRUE,), 0), ((TRUE, FALSE), 1), ((TRUE, BLIND), 1), ((VAGUE,), 3), ((TRUE, ABSENT), 0)]
)
def test_the_exit_status_is_0_only_if_nothing_failed_at_any_seed(tmp_path, claims, expected):
    status, lines = soaked(tmp_path, *claims)
    assert status == expected and len(lines) == 3 + len(claims) + (len(claims) > 1)
    assert [line.split(":")[0] for line in lines[:3]] == ["seed 0", "seed 1", "seed 2"]


def test_a_claim_that_fails_at_some_seeds_is_counted_with_its_rows(tmp_path):
    """A margin of the size of the spread: decided by chance, so some seeds support it and some do not."""
    (part,) = TRUE.parts
    coin = replace(TRUE, parts=(replace(part, judge=Ratio(1.0, 0.0125), looks=1),))
    status, lines = soaked(tmp_path, coin, seeds=range(40))
    kept = json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))
    failed = [one["toy/true"] for one in kept.values() if one["toy/true"]["verdict"] != "SUPPORTED"]
    assert 0 < len(failed) < 40 and status > 0 and f"not SUPPORTED {len(failed)} of 40" in lines[-1]
    assert all([row["kind"] for row in one["failed"]] == ["a"] for one in failed)
    assert sum("(a) alone" in line for line in lines) == len(failed)


def test_the_limit_is_that_of_clopper_and_pearson():
    """No failure in n: 1 − .05^{1/n}; in all of them: 1."""
    good = {"verdict": "SUPPORTED", "control_verdict": "REFUTED"}
    bad = {"verdict": "REFUTED", "control_verdict": "SUPPORTED"}
    assert f"0 of 59, at most {1 - 0.05 ** (1 / 59):.3g}; controls" in rate_line("x", [good] * 59)
    assert rate_line("x", [bad] * 3).count("3 of 3, at most 1") == 2
    blind = good | {"control_verdict": "INCONCLUSIVE"}
    assert "not SUPPORTED 0 of 2," in (line := rate_line("x", [good, blind])) and "controls not REFUTED 1 of 2," in line


def test_finished_seeds_are_kept_until_the_code_changes(tmp_path, monkeypatch):
    (part,) = TRUE.parts
    claim = replace(TRUE, parts=(replace(part, cell=counted),))
    for seeds, expected in ((range(2), {0, 1}), (range(4), {2, 3}), (range(4), set())):
        CALLS.clear()
        status, lines = soaked(tmp_path, claim, seeds=seeds)
        assert status == 0 and set(CALLS) == expected and len(lines) == len(seeds) + 1
    assert not [path for path in (tmp_path / "cells").rglob("*") if path.is_file()]
    monkeypatch.setattr("checks.running.soak.versions", lambda libraries: {"numpy": "another"})
    soaked(tmp_path, claim, seeds=range(4))
    assert set(CALLS) == {0, 1, 2, 3}


def test_what_another_soak_has_written_meanwhile_is_kept(tmp_path):
    (part,) = TRUE.parts

    def meanwhile(*, stream, first, draws):
        if not CALLS:
            CALLS.append(stream)
            soaked(tmp_path, TRUE, BLIND, seeds=(7, 1))
        return part.cell(stream=stream, first=first, draws=draws)

    CALLS.clear()
    status, _ = soaked(tmp_path, replace(TRUE, parts=(replace(part, cell=meanwhile),)), seeds=(0, 1))
    kept = json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))
    assert status == 0 and {seed: sorted(outcomes) for seed, outcomes in kept.items()} == {
        "7": ["toy/blind", "toy/true"],
        "1": ["toy/blind", "toy/true"],
        "0": ["toy/true"],
    }


def test_the_command_takes_labels_seeds_and_options(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(program, "CLAIMS", (TRUE, BLIND))
    options = ["--jobs", "1", "--out", str(tmp_path)]
    assert program.main(["soak", "--seeds", "2", "--first", "7", "true", *options]) == 0
    text = capsys.readouterr().out.splitlines()
    assert (
        text[0].startswith("seed 7: 1 of 1 as they should be") and text[-1] == f"record: {tmp_path / 'soak-quick.json'}"
    )
    assert program.main(["soak", "--seeds", "1", *options]) == 1
    assert "seed 0: 1 of 2 as they should be" in capsys.readouterr().out
