"""The command line: exit status, records and tables, on claims small enough to see through."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

import checks.__main__ as program
from checks.claim import Claim, Findings
from checks.equivalence import equivalence
from checks.running import paper_claims
from checks.verdict import Evidence, Verdict


def claim(name, *, truth=1.0, control=2.0):
    """A claim that 1 + noise has mean `truth`, with a control that it has mean `control`."""

    def check(run):
        draws = np.random.default_rng(run.seed).normal(1.0, 0.01, size=30)
        return Findings(
            [equivalence("mean · right", draws, predicted=truth, margin=0.1)],
            [equivalence("mean · wrong", draws, predicted=control, margin=0.1)],
        )

    text = {
        "source": "here",
        "statement": "the mean is 1",
        "assumptions": "none",
        "predicted": "1",
        "judge": "t interval",
    }
    return Claim(paper="toy", name=name, control="another mean", figure="", check=check, **text)


TRUE, FALSE, BLIND = claim("true"), claim("false", truth=3.0), claim("blind", control=1.0)


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    def run(*arguments, claims=(TRUE,)):
        monkeypatch.setattr(program, "CLAIMS", claims)
        monkeypatch.setattr(paper_claims, "JSON_PATH", tmp_path / "paper_claims.json")
        monkeypatch.setattr(paper_claims, "MARKDOWN_PATH", tmp_path / "paper_claims.md")
        status = program.main([*arguments, *(() if "list" in arguments else ("--out", str(tmp_path)))])
        return status, capsys.readouterr().out, tmp_path

    return run


def test_a_supported_claim_with_a_refuted_control_exits_with_0(run):
    status, text, folder = run()
    assert status == 0 and "SUPPORTED" in text
    record = json.loads((folder / "claims.json").read_text())[0]
    expected = {"label", "paper", "source", "statement", "verdict", "predicted", "measured", "interval", "tightness"}
    expected |= {"control_verdict", "tests", "figure", "command", "seconds"}
    assert expected <= record.keys()
    assert record["verdict"] == "SUPPORTED" and record["control_verdict"] == "REFUTED"


@pytest.mark.parametrize("bad", [FALSE, BLIND])
def test_a_refuted_claim_or_a_control_that_passes_exits_with_1(run, bad):
    status, _, _ = run(claims=(TRUE, bad))
    assert status == 1


def test_only_the_whole_standard_tier_writes_the_claims_table(run):
    *_, folder = run()
    run("run", "true", "--tier", "standard")
    assert not (folder / "paper_claims.md").exists()
    run("--tier", "standard")
    records = json.loads((folder / "paper_claims.json").read_text())
    assert (folder / "paper_claims.md").read_text() == paper_claims.markdown(records)


def test_run_takes_names_and_options_on_either_side(run):
    for arguments in (("run", "toy/true", "--seed", "5"), ("--seed", "5", "run", "true")):
        status, text, folder = run(*arguments)
        assert status == 0 and "python -m checks run toy/true --tier quick --seed 5" in text.replace("\n", " ").replace(
            "  ", " "
        )
        assert json.loads((folder / "claims.json").read_text())[0]["seed"] == 5


@pytest.mark.parametrize(
    "arguments", [("run", "ture"), ("--seed", "-1"), ("--jobs", "0"), ("--tier", "fast"), ("run",)]
)
def test_wrong_arguments_exit_with_2(run, arguments):
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2


def test_an_unknown_label_is_answered_with_the_nearest(run, capsys):
    with pytest.raises(SystemExit):
        run("run", "ture")
    assert "did you mean 'true'" in capsys.readouterr().err


def test_list_names_every_claim(run):
    status, text, _ = run("list", claims=(TRUE, FALSE))
    assert status == 0 and "toy/true" in text and "toy/false" in text


def test_numbers_that_are_not_finite_are_null_in_the_record_and_a_dash_in_the_table(run):
    broken = Findings([Evidence("part · a", Verdict.INCONCLUSIVE, 1.0, float("nan"), note="NaN")])
    record = program.record_of(TRUE, broken, tier="quick", seed=0, seconds=1.0)
    assert record["measured"] is None and "NaN" not in json.dumps(record["parts"][0]["measured"])
    assert "| — |" in paper_claims.markdown([record])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["--device", "nonsense"],
            "`device` must be cpu, cuda or cuda:NUMBER" if find_spec("torch") else "needs PyTorch",
        ),
        (["--cifar", "/nowhere"], "`cifar` must be a folder with the six files of CIFAR-10"),
    ],
)
def test_devices_and_folders_that_are_not_there_are_answered_before_anything_runs(arguments, message, run, capsys):
    with pytest.raises(SystemExit):
        run(*arguments)
    assert message in capsys.readouterr().err
