"""The command line: exit status, records and tables, on claims small enough to see through."""

import codecs
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import checks.__main__ as program
import command_start
from checks import paper_claims
from checks.claim import Claim, Findings
from checks.equivalence import equivalence
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


ROOT = Path(__file__).resolve().parents[1]
TRUE, FALSE, BLIND = claim("true"), claim("false", truth=3.0), claim("blind", control=1.0)


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    def run(*arguments, claims=(TRUE,)):
        monkeypatch.setattr(program, "CLAIMS", claims)
        monkeypatch.setattr(paper_claims, "JSON_PATH", tmp_path / "paper_claims.json")
        monkeypatch.setattr(paper_claims, "MARKDOWN_PATH", tmp_path / "paper_claims.md")
        status = program.main([*arguments, *(() if {"list", "--out"} & {*arguments} else ("--out", str(tmp_path)))])
        return status, capsys.readouterr().out, tmp_path

    return run


def command(*words, path=ROOT, cwd, **environment):
    """A command in a process of its own, our packages taken from ``path``; output as bytes."""
    environment = os.environ | {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    return subprocess.run([sys.executable, "-m", *words], cwd=cwd, env=environment, capture_output=True)


def test_a_supported_claim_with_a_refuted_control_exits_with_0(run):
    status, text, folder = run()
    assert status == 0 and "SUPPORTED" in text
    record = json.loads((folder / "claims.json").read_text(encoding="utf-8"))[0]
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
    records = json.loads((folder / "paper_claims.json").read_text(encoding="utf-8"))
    assert (folder / "paper_claims.md").read_text(encoding="utf-8") == paper_claims.markdown(records)


def test_run_takes_names_and_options_on_either_side(run):
    for arguments in (("run", "toy/true", "--seed", "5"), ("--seed", "5", "run", "true")):
        status, text, folder = run(*arguments)
        assert status == 0 and "repeat  python -m checks run toy/true --tier quick --seed 5\n" in text
        assert json.loads((folder / "claims.json").read_text(encoding="utf-8"))[0]["seed"] == 5


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


# ---------------------------------------------------------------- what programs read


@pytest.fixture(params=[(40, True), (60, True), (80, True), (80, False)], ids=lambda p: f"{p[0]}-{'terminal' * p[1]}")
def screen(request, monkeypatch):
    """A terminal of some width, or a pipe; returns a function that takes the colours out of its text."""
    columns, terminal = request.param
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv(*("FORCE_COLOR", "1") if terminal else ("NO_COLOR", "1"))
    return lambda text: re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()


def test_paths_labels_and_commands_are_never_wrapped_nor_altered(run, screen, monkeypatch, tmp_path):
    folder = tmp_path / "a [red] folder, :dog: by name" / ("long " * 20 + "name")
    marked = [f"tests/{'deep' * 10}/test_{i}.py::test_{'x' * 40}" for i in range(3)]
    monkeypatch.setattr("checks.record.claim_tests", lambda label: marked)
    name = "a-name-longer-than-the-narrowest-terminal-is-wide"
    lines = screen(run("run", name, "--out", str(folder), claims=(claim(name),))[1])
    assert f"record: {folder / 'claims.json'}" in lines and (folder / "claims.json").exists()
    assert f"toy/{name}  SUPPORTED" in lines and f"tests  {', '.join(marked)}" in lines
    assert f"repeat  python -m checks run toy/{name} --tier quick --seed 0" in lines
    assert any(re.fullmatch(rf"toy/{name}: SUPPORTED, controls REFUTED \([0-9.]+ s\)", line) for line in lines)
    assert f"toy/{name}  (here)" in screen(run("list", claims=(claim(name),))[1])
    lines = screen(run("--tier", "standard", "--out", str(folder))[1])
    assert f"table: {program.MARKDOWN_PATH}" in lines


def test_the_record_is_written_before_anything_is_printed(run, monkeypatch, tmp_path):
    def broken(*_):
        raise OSError("no space left")

    monkeypatch.setattr(program, "print_line", broken)
    with pytest.raises(OSError, match="no space left"):
        run()
    assert json.loads((tmp_path / "claims.json").read_text(encoding="utf-8"))[0]["verdict"] == "SUPPORTED"
    monkeypatch.setattr(program, "print_line", lambda *_: None)
    monkeypatch.setattr(program, "print_table", broken)
    with pytest.raises(OSError, match="no space left"):
        run("--tier", "standard")
    assert (tmp_path / "paper_claims.md").exists()


NOT_UTF8 = {name: {"PYTHONIOENCODING": name} for name in ("cp1252", "latin-1", "ascii")}
NOT_UTF8["C"] = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("name", NOT_UTF8)
def test_characters_that_the_encoding_lacks_degrade(name, tmp_path):
    done = command("checks", "list", cwd=tmp_path, **NOT_UTF8[name])
    assert done.returncode == 0 and done.stderr == b""
    assert b"chizat2019lazy/relative-scale  (Section 1.2" in done.stdout and rb"(1/\u03b1)" in done.stdout


@pytest.mark.parametrize("words", [("figures", "--help"), ("benchmarks", "--help"), ("checks", "run", "nothing")])
def test_help_and_errors_degrade(words, tmp_path):
    done = command(*words, cwd=tmp_path, **NOT_UTF8["C"])
    assert done.returncode == (2 if "run" in words else 0) and b"Traceback" not in done.stderr
    assert b"usage: python -m" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["cp1252", "C"])
def test_a_run_degrades_and_its_paths_keep_their_bytes(name, tmp_path):
    words = (
        "checks",
        "run",
        "decay-lemma",
        "--jobs",
        "1",
        "--out",
        b"r\xc3\xa9sultats" if name == "C" else b"results",
    )
    done = command(*words, cwd=tmp_path, **NOT_UTF8[name])
    assert done.returncode == 0, done.stderr
    assert b"record: " + words[-1] + b"/claims.json" in done.stdout.splitlines()
    assert rb"\u03a3(t)" in done.stdout
    assert os.path.exists(os.path.join(os.fsencode(tmp_path), words[-1], b"claims.json"))


def test_bytes_that_are_no_text_are_kept_and_other_characters_named():
    codecs.register_error("degrade", command_start._degrade)
    assert "é\udcff\udcfeκ\udcff".encode("ascii", "degrade") == b"\\xe9\xff\xfe\\u03ba\xff"
    assert "é\udcff".encode("utf-8", "degrade") == "é".encode() + b"\xff"


# ---------------------------------------------------------------- where the packages lie


def test_our_packages_lie_side_by_side():
    assert command_start.foreign_package() is None


@pytest.mark.parametrize(
    "program, foreign",
    [("checks", name) for name in ("theory", "kernels", "figures", "argument_validation")]
    + [("figures", "checks"), ("figures", "benchmarks"), ("benchmarks", "kernels")],
)
def test_another_package_of_the_same_name_is_named_in_one_sentence(program, foreign, tmp_path):
    other = tmp_path / "other" / foreign / "__init__.py"
    other.parent.mkdir(parents=True)
    other.touch()
    done = command(program, "--help", path=f"{tmp_path / 'other'}{os.pathsep}{ROOT}", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == b""
    message = f"`{foreign}` is found at {other} and not in {ROOT}: use an environment of its own for "
    assert done.stderr.decode().startswith(message) and done.stderr.count(b"\n") == 1


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with our packages and modules and nothing else of the repository, as `pip install .` leaves them."""
    site = tmp_path_factory.mktemp("site")
    for name in command_start.OURS[1:]:
        shutil.copytree(ROOT / name, site / name, ignore=shutil.ignore_patterns("__pycache__"))
    for module in ROOT.glob("*.py"):
        shutil.copy(module, site)
    return site


def test_outside_a_checkout_there_are_no_tests_and_no_claims_table(installed, tmp_path):
    decoy = installed / "tests" / "test_other.py"  # of another package, and not even Python 3
    decoy.parent.mkdir(exist_ok=True)
    decoy.write_text('@pytest.mark.claim("chizat2019lazy/decay-lemma")\ndef test(): print 1\n')
    done = command("checks", "run", "decay-lemma", "--jobs", "1", path=installed, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"tests  none: {installed} is not a checkout of the repository" in done.stdout.decode().splitlines()
    assert json.loads((tmp_path / "results" / "claims.json").read_text(encoding="utf-8"))[0]["tests"] == []


def test_outside_a_checkout_the_claims_table_is_not_written(run, monkeypatch):
    monkeypatch.setattr(program, "IN_CHECKOUT", False)
    status, text, folder = run("--tier", "standard")
    assert status == 0 and not (folder / "paper_claims.md").exists()
    assert f"table: not written, {ROOT} is not a checkout of the repository\n" in text


def test_a_package_installed_over_ours_is_named(installed, tmp_path):
    metadata = installed / "kernels-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: kernels\nVersion: 1.0\n")
    (metadata / "RECORD").write_text("kernels/__init__.py,sha256=,0\n")
    done = command("checks", "list", path=installed, cwd=tmp_path)
    shutil.rmtree(metadata)
    assert done.returncode == 2 and f"`kernels` in {installed} belongs to kernels too" in done.stderr.decode()
