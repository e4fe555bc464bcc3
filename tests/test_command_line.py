"""The command line: exit status, records and tables, on claims small enough to see through."""

import codecs
import errno
import io
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import benchmarks.__main__ as measuring
import checks.__main__ as program
import command_start
import figures.__main__ as drawing
from checks.claim import Case, Claim, Control, Part
from checks.judges import Draws, Ratio
from checks.measurements.streams import draw_seeds
from checks.running import files, paper_claims, progress
from checks.running.table import print_rows

ROOT = Path(__file__).resolve().parents[1]


def noise(*, stream, first, draws):
    """1 + noise, one draw a seed."""
    return {"x": np.array([np.random.default_rng(seed).normal(1.0, 0.01) for seed in draw_seeds(stream, first, draws)])}


def claim(name, *, truth=1.0, control=2.0, margin=0.1, needs=()):
    """A claim that 1 + noise has mean `truth`, with a control that it has mean `control`."""
    part = Part(
        letter="a",
        says="mean of 1 + noise",
        status="measured",
        cases=lambda tier: [Case("alone", {}, draws=12)],
        cell=noise,
        read=lambda case, found: Draws(found["x"]),
        judge=Ratio(truth, margin),
        controls=(Control("another mean", judge=Ratio(control, margin)),),
        needs=needs,
    )
    return Claim("toy", name, "here", "the mean is 1", "none", "", summary="the mean is 1", parts=(part,))


TRUE, FALSE, BLIND = claim("true"), claim("false", truth=3.0), claim("blind", control=1.0)
VAGUE = claim("vague", margin=1e-4)
ABSENT = claim("absent", needs=("a_package_that_is_not_there",))


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    def run(*arguments, claims=(TRUE,)):
        monkeypatch.setattr(program, "CLAIMS", claims)
        monkeypatch.setattr(paper_claims, "JSON_PATH", tmp_path / "paper_claims.json")
        monkeypatch.setattr(paper_claims, "MARKDOWN_PATH", tmp_path / "paper_claims.md")
        options = () if {"list", "--out"} & {*arguments} else ("--out", str(tmp_path), "--jobs", "1")
        status = program.main([*arguments, *options])
        return status, capsys.readouterr().out, tmp_path

    return run


def command(*words, path=ROOT, cwd, **environment):
    """A command in a process of its own, our packages taken from ``path``; output as bytes."""
    environment = os.environ | {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    return subprocess.run([sys.executable, "-m", *words], cwd=cwd, env=environment, capture_output=True)


def records(folder, name="claims.json"):
    return {record["label"]: record for record in json.loads((folder / name).read_text(encoding="utf-8"))}


def test_a_supported_claim_with_a_refuted_control_exits_with_0(run):
    status, text, folder = run()
    assert status == 0 and text.splitlines()[-1] == "1 SUPPORTED, 0 REFUTED, 0 INCONCLUSIVE; controls REFUTED in 1 of 1"
    record = records(folder)["toy/true"]
    assert {"label", "paper", "source", "statement", "verdict", "control_verdict", "declared", "parts"} <= record.keys()
    assert {"controls", "tests", "figure", "command", "provenance", "seconds"} <= record.keys()
    (part,) = record["parts"]
    assert {
        "part",
        "kind",
        "side",
        "predicted",
        "measured",
        "interval",
        "strain",
        "resolution",
        "status",
    } <= part.keys()
    assert record["verdict"] == "SUPPORTED" and record["control_verdict"] == "REFUTED"
    provenance = record["provenance"]
    assert {"commit", "dirty", "python", "libraries", "processor", "date", "tier", "seed"} <= provenance.keys()


@pytest.mark.parametrize(
    "claims, expected, line",
    [
        ((TRUE, FALSE), 1, "1 SUPPORTED, 1 REFUTED, 0 INCONCLUSIVE; controls REFUTED in 2 of 2"),
        ((TRUE, BLIND), 1, "2 SUPPORTED, 0 REFUTED, 0 INCONCLUSIVE; controls REFUTED in 1 of 2"),
        ((TRUE, VAGUE), 3, "1 SUPPORTED, 0 REFUTED, 1 INCONCLUSIVE; controls REFUTED in 2 of 2"),
        (
            (TRUE, ABSENT),
            0,
            "1 SUPPORTED, 0 REFUTED, 0 INCONCLUSIVE, 1 NOT_RUN (needs a_package_that_is_not_there (pip install -e '.[cnn]')); "
            "controls REFUTED in 1 of 1",
        ),
    ],
)
def test_the_exit_status_and_the_last_line_say_what_came_out(run, claims, expected, line):
    status, text, _ = run(claims=claims)
    assert status == expected and text.splitlines()[-1] == line


def test_the_record_keeps_every_claim_ever_run_into_the_folder_in_their_order(run):
    run(claims=(TRUE, FALSE))
    *_, folder = run("run", "false", "--seed", "3", claims=(TRUE, FALSE))
    found = records(folder)
    assert list(found) == ["toy/true", "toy/false"]
    assert [record["provenance"]["seed"] for record in found.values()] == [0, 3]


def test_a_row_that_was_run_is_never_replaced_by_one_that_was_not(run):
    (part,) = TRUE.parts
    missing = replace(TRUE, parts=(replace(part, needs=("a_package_that_is_not_there",)),))
    run(claims=(TRUE,))
    _, text, folder = run(claims=(missing,))
    assert records(folder)["toy/true"]["verdict"] == "SUPPORTED"
    assert "toy/true: not run this time, its earlier row is kept" in text


def test_the_claims_table_is_written_by_the_whole_standard_tier_or_row_by_row_on_request(run):
    *_, folder = run(claims=(TRUE, FALSE))
    run("run", "true", "--tier", "standard", claims=(TRUE, FALSE))
    assert not (folder / "paper_claims.md").exists()
    run("--tier", "standard", claims=(TRUE, FALSE))
    run("run", "true", "--tier", "standard", "--seed", "9", "--record", claims=(TRUE, FALSE))
    found = records(folder, "paper_claims.json")
    assert [record["provenance"]["seed"] for record in found.values()] == [9, 0]
    assert (folder / "paper_claims.md").read_text() == paper_claims.markdown(paper_claims.read_paper_claims())


def test_cells_are_expected_to_cost_what_the_claims_table_says_and_run_in_as_many_processes_as_asked(run, monkeypatch):
    run("run", "true", "false", "--tier", "standard", "--record", claims=(TRUE, FALSE))
    table, made = paper_claims.read_paper_claims(), []
    table[0]["parts"][0]["seconds"] = 7.0
    paper_claims.write_paper_claims(table)
    expected = {("toy/true", case): 7.0 for case in ("alone", "")} | {
        ("toy/false", case): 0.0 for case in ("alone", "")
    }
    assert program.expected_cost() == expected
    kept, verify = program.Sweep, program.verify
    monkeypatch.setattr(
        program, "Sweep", lambda *_, **options: made.append(options) or kept(*_, **options | {"jobs": 1})
    )
    monkeypatch.setattr(program, "verify", lambda *_, **options: made.append(options) or verify(*_, **options))
    program.main(["run", "true", "--tier", "standard", "--jobs", "3", "--out", str(run()[2])])
    assert made[-2]["jobs"] == 3 and made[-1]["weight"] == expected


def test_in_a_file_progress_is_a_line_every_half_minute_with_the_time_left(monkeypatch):
    clock, out = [0.0], io.StringIO()
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with progress.reporting(Console(file=out)) as report:
        for clock[0] in range(0, 85, 5):
            report(2 * int(clock[0]), 400)
    lines = [f"{done} of 400 cells, 2 a second, about {(400 - done) // 2} s left" for done in (60, 120)]
    assert out.getvalue().splitlines() == lines


def test_run_takes_names_and_options_on_either_side(run):
    for arguments in (("run", "toy/true", "--seed", "5"), ("--seed", "5", "run", "true")):
        status, text, folder = run(*arguments)
        assert status == 0 and "python -m checks run toy/true --tier quick --seed 5" in text
        assert records(folder)["toy/true"]["provenance"]["seed"] == 5


def test_everything_random_follows_the_seed(run):
    means = set()
    for seed in ("0", "1", str(2**32), str(2**32 + 1)):
        *_, folder = run("--seed", seed)
        means.add(records(folder)["toy/true"]["parts"][0]["measured"])
    assert len(means) == 4


def test_what_is_declared_is_printed_from_the_parts(run):
    _, text, _ = run("run", "true")
    text = " ".join(text.split())
    for line in (
        "judge: mean inside 1 ± 0.1 at level 0.001",
        "control (a.1): another mean; mean inside 2 ± 0.1",
        "draws: 12, up to 96 in 4 looks",
    ):
        assert line in text


@pytest.mark.parametrize(
    "arguments", [("run", "ture"), ("--seed", "-1"), ("--jobs", "0"), ("--tier", "fast"), ("run",), ("run", "none.py")]
)
def test_wrong_arguments_exit_with_2(run, arguments):
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    "word, answer", [("ture", "did you mean true?"), ("fals", "did you mean false?"), ("zz", "known are")]
)
def test_an_unknown_label_is_answered_with_the_nearest_and_nothing_else(run, capsys, word, answer):
    with pytest.raises(SystemExit):
        run("run", word, claims=(TRUE, FALSE, BLIND, VAGUE))
    text = capsys.readouterr().err
    assert f"{word!r} is unknown: {answer}" in text and ("blind" in text) == (word == "zz")


def test_a_claim_in_the_place_of_a_command_is_answered_with_its_command(run, capsys):
    for word in ("true", "toy/true", "my_claim.py"):
        with pytest.raises(SystemExit) as stopped:
            run(word)
        assert stopped.value.code == 2 and f"is a claim: python -m checks run {word}\n" in capsys.readouterr().err


@pytest.mark.parametrize("word, meant", [("rnu", "run"), ("lists", "list"), ("fales", "false"), ("toy/fals", "false")])
def test_an_unknown_word_in_the_place_of_a_command_is_answered_with_the_nearest(run, capsys, word, meant):
    with pytest.raises(SystemExit) as stopped:
        run(word, claims=(TRUE, FALSE))
    assert stopped.value.code == 2 and f"error: {word!r} is unknown: did you mean {meant}" in capsys.readouterr().err


def test_what_could_not_be_judged_is_undecided_and_a_control_that_could_must_be_refuted(run):
    (part,) = TRUE.parts
    nothing = replace(part, read=lambda case, found: Draws(np.full(12, np.nan)))
    silent = replace(part, controls=(replace(part.controls[0], read=nothing.read),))
    unsure = replace(part, controls=(replace(part.controls[0], judge=Ratio(1.0, 1e-4)),))
    for own, status in ((nothing, 3), (silent, 3), (unsure, 1)):
        assert run(claims=(replace(TRUE, parts=(own,)),))[0] == status
    assert program.exit_status([{"verdict": "SUPPORTED", "controls": [{"verdict": "SUPPORTED"}]}]) == 1


@pytest.mark.parametrize("fixed", ["stream", "first"])
def test_a_cell_that_ignores_its_seeds_is_inconclusive_and_told_so(run, fixed):
    def cell(*, stream, first, draws):
        seeds = range(draws) if fixed == "stream" else draw_seeds(stream, 0, draws)
        return {"x": np.array([np.random.default_rng(seed).normal(1.0, 0.01) for seed in seeds])}

    (part,) = TRUE.parts
    own = replace(part, cell=cell, cases=lambda tier: [Case("alone", {}, draws=12, chunk=6)])
    status, text, _ = run("run", "true", claims=(replace(TRUE, parts=(own,)),))
    assert status == 3 and "does the cell use its `stream` and `first`?" in " ".join(text.split())


def test_list_names_every_claim_for_people_and_as_json(run):
    status, text, _ = run("list", claims=(TRUE, FALSE))
    assert status == 0 and "toy/true" in text and "toy/false" in text
    status, text, _ = run("list", "--json", claims=(TRUE, FALSE))
    assert status == 0 and [entry["label"] for entry in json.loads(text)] == ["toy/true", "toy/false"]


def test_numbers_that_are_not_finite_are_null_in_the_record_and_a_dash_in_the_table(run):
    broken = claim("broken", margin=0.1)
    (part,) = broken.parts
    nothing = replace(part, read=lambda case, found: Draws(np.full(12, np.nan)))
    _, _, folder = run(claims=(replace(broken, parts=(nothing,)),))
    record = records(folder)["toy/broken"]
    assert record["verdict"] == "INCONCLUSIVE" and record["parts"][0]["measured"] is None
    assert "12 of 12 values" in record["parts"][0]["note"]
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


def example_claim():
    """The Python block of docs/adding_a_claim.md that is a claim."""
    text = (ROOT / "docs" / "adding_a_claim.md").read_text(encoding="utf-8")
    return next(block.split("```")[0] for block in text.split("```python\n")[1:] if "CLAIM = Claim(" in block)


FILES = {
    "syntax": ("CLAIM = (", "cannot be loaded: SyntaxError"),
    "no claim": ("", "must define CLAIM"),
    "status": (
        example_claim().replace('"proved"', '"prooved"'),
        "`status` must be proved, derived or measured, got 'prooved'",
    ),
    "letters": (example_claim().replace('letter="b"', 'letter="a"'), "must have different letters"),
    "cells": (example_claim().replace('cells_of="a"', 'cells_of="z"'), "`cells_of` of part b must be a letter of"),
    "taken": (
        example_claim().replace('"toy"', '"chizat2019lazy"').replace('"mean-of-squares"', '"decay-lemma"'),
        "must have a label of its own, chizat2019lazy/decay-lemma is a claim of the project",
    ),
    "a list": (example_claim().replace("cases=cases", "cases=[]"), "`cases` of part a must be a function, got []"),
    "names": (
        example_claim().replace("draws=640)]", "draws=640)] * 2"),
        "toy/mean-of-squares, part (a): cases must have different names, got ['normal', 'normal']",
    ),
    "no cases": (
        example_claim().replace('[Case("normal"', '[] and [Case("normal"'),
        "toy/mean-of-squares: no part has a case at the quick tier",
    ),
    "no JSON": (
        example_claim().replace('{"widths": widths}', '{"widths": np.array(widths)}'),
        "toy/mean-of-squares, part (a), case 'normal': `config` must be plain JSON: Object of type ndarray",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_claim_is_answered_with_its_reason(name, tmp_path, capsys):
    text, message = FILES[name]
    (tmp_path / "my_claim.py").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        program.main(["run", str(tmp_path / "my_claim.py"), "--out", str(tmp_path)])
    assert stopped.value.code == 2 and message in " ".join(capsys.readouterr().err.split())


def test_a_file_of_ones_own_has_no_row_to_record_and_is_repeated_by_its_path(tmp_path, capsys):
    path = tmp_path / "my_claim.py"
    path.write_text(example_claim(), encoding="utf-8")
    with pytest.raises(SystemExit):
        program.main(["run", str(path), "--record", "--out", str(tmp_path)])
    assert "--record: only claims that are listed" in capsys.readouterr().err
    assert program.main(["run", str(path), str(path), "--out", str(tmp_path), "--jobs", "1"]) == 0
    text = capsys.readouterr().out
    assert f"repeat  python -m checks run {path} --tier quick --seed 0" in text.splitlines()
    assert text.splitlines()[-1].startswith("1 SUPPORTED")


def test_the_example_of_adding_a_claim_runs_as_written_from_a_file_outside_the_repository(tmp_path):
    text = example_claim()
    assert len(text.splitlines()) <= 60
    (tmp_path / "my_claim.py").write_text(text, encoding="utf-8")
    done = command("checks", "run", "my_claim.py", "--jobs", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == b"1 SUPPORTED, 0 REFUTED, 0 INCONCLUSIVE; controls REFUTED in 1 of 1"


def test_a_cell_that_raises_ends_the_run_with_its_name_and_not_with_the_status_of_a_refuted_claim(tmp_path):
    text = example_claim().replace("np.empty((draws, len(widths)))", "np.empty((draws, len(widhts)))")
    (tmp_path / "my_claim.py").write_text(text, encoding="utf-8")
    done = command("checks", "run", "my_claim.py", "--jobs", "2", cwd=tmp_path)
    assert done.returncode == 2 and b"NameError: name 'widhts'" in done.stderr
    assert b"in the cell my_claim.errors, which returns named arrays, of {'widths': [64, 256, 1024]" in done.stderr


# ---------------------------------------------------------------- files and folders that cannot be used


@pytest.fixture
def refused(run, capsys):
    """The one sentence with which a run ends."""

    def refused(*arguments, **claims):
        with pytest.raises(SystemExit) as stopped:
            run(*arguments, **claims)
        shown = capsys.readouterr()
        assert stopped.value.code == 2 and shown.out == ""
        (sentence,) = shown.err.splitlines()
        return sentence.removeprefix("python -m checks: error: ")

    return refused


def changed(cell):
    """The true claim with another cell."""
    return replace(TRUE, parts=(replace(TRUE.parts[0], cell=cell),))


def forbidden(*, stream, first, draws):
    raise AssertionError("work was done")


WHOLE = {"label": "x", "verdict": "SUPPORTED", "parts": [], "controls": [], "provenance": {}}
WRONG = [{"parts": 3}, {"parts": [3]}, {"controls": {"x": 1}}, {"provenance": []}, {"label": ["x"]}, {"verdict": None}]
TABLES = [
    {"columns": []},
    {"columns": [["part"]], "a": [3]},
    {"columns": [["part"]], "a": [["x", "y"]]},
    {"a": [["x"]]},
]
WRONG += [{"declared": [], "tests": {}, "parts": table, "controls": {"columns": [[]]}} for table in TABLES]
DAMAGED = [b"", b"[{", b"null", b"3", b'{"0": 3}', b"[3]", b'[{"label": "x"}]', b"[" * 100_000, b"\xff\xfe", None]
DAMAGED += [json.dumps([WHOLE | wrong]).encode() for wrong in WRONG]


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: str(content)[:20])
@pytest.mark.parametrize("name", ["claims.json", "paper_claims.json", "soak-quick.json"])
def test_a_record_that_cannot_be_read_ends_the_run_before_any_work_and_is_kept(refused, tmp_path, name, content):
    path = tmp_path / name
    path.mkdir() if content is None else path.write_bytes(content)
    words = ("soak", "--seeds", "1") if name == "soak-quick.json" else ("run", "true", "--record")
    sentence = refused(*words, claims=(changed(forbidden),))
    assert sentence.startswith(f"{path} cannot be read (")
    assert sentence.endswith("): repair it or move it away, it is not overwritten")
    assert path.is_dir() if content is None else path.read_bytes() == content


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("words", [("run", "true"), ("soak", "--seeds", "1")], ids="-".join)
def test_a_folder_that_takes_no_files_ends_the_run_before_any_work(refused, monkeypatch, tmp_path, number, words):
    def broken(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.tempfile, "TemporaryFile", broken)
    reason = f"{tmp_path} cannot be written ({os.strerror(number)}): when it can, the same command continues"
    assert refused(*words, claims=(changed(forbidden),)) == reason


@pytest.mark.parametrize("finished", [0, 1, 5])
@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_a_disk_that_is_full_in_mid_run_ends_it_and_what_is_finished_is_kept(
    refused, run, monkeypatch, tmp_path, finished, suffix
):
    write, calls, written = Path.write_bytes, [], []

    def cell(*, stream, first, draws):
        calls.append(first)
        return TRUE.parts[0].cell(stream=stream, first=first, draws=draws)

    def full(path, content):
        written.append(path.name)
        write(path, content[:9])
        if sum(suffix in name for name in written) > finished:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    sentence = refused(claims=(changed(cell),))
    assert re.search(rf"{suffix} cannot be written \(No space left on device\): when it can,", sentence)
    assert not list(tmp_path.rglob("*.part")) and not (tmp_path / "claims.json").exists()
    monkeypatch.setattr(Path, "write_bytes", write)
    calls.clear()
    assert run(claims=(changed(cell),))[0] == 0 and len(calls) == 6 - finished


@pytest.mark.parametrize("gone", [".", "cells"])
def test_a_folder_that_is_removed_in_mid_run_ends_it_and_is_not_made_anew(refused, tmp_path, gone):
    out = tmp_path / "out"

    def cell(*, stream, first, draws):
        if first > 4:
            shutil.rmtree(out / gone, ignore_errors=True)
        return TRUE.parts[0].cell(stream=stream, first=first, draws=draws)

    sentence = refused("--out", str(out), "--jobs", "1", claims=(changed(cell),))
    assert sentence.startswith(str(out)) and " cannot be written (No such file or directory): " in sentence
    assert not (out / gone).exists()


def test_what_killed_runs_left_half_written_goes_unless_another_run_is_there(run, tmp_path):
    left = [
        tmp_path / name for name in ("claims.json.1.part", "cells/module.cell/a-b.npz.2.part", "figures/a.csv.3.part")
    ]
    for path in (*left, tmp_path / "mine.part"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with files.run_folder(tmp_path):
        assert not any(path.exists() for path in left)
        for path in left:
            path.touch()
        run()
        assert all(path.exists() for path in left)
    run()
    assert not any(path.exists() for path in left) and (tmp_path / "mine.part").exists()


def test_runs_that_write_one_file_at_once_lose_nothing(tmp_path):
    path = tmp_path / "list.json"

    def add(number):
        with files.locked(tmp_path / ".lock"):
            rows = files.read_json(path, list, {})
            files.write_whole(path, json.dumps([*rows, {"row": number}]).encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(200)))
    assert sorted(row["row"] for row in json.loads(path.read_text())) == list(range(200))


@pytest.mark.parametrize(
    "words", [("--seed", "-1"), ("--jobs", "0"), ("--out", __file__), ("gram-limit",)], ids="-".join
)
def test_figures_take_the_options_of_checks(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        drawing.main(list(words))
    *_, sentence = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2 and sentence.startswith("python -m figures: error: ")
    assert "gram-limit" not in words or sentence.endswith("did you mean gram_limit or gram_moments?")


@pytest.mark.parametrize("name", ["oscillator.csv", "oscillator.svg", "oscillator.png", "."])
def test_figures_that_cannot_be_written_are_refused_in_one_sentence(name, tmp_path, capsys):
    path = tmp_path / "figures" / name
    if name == ".":
        path.touch()
    else:
        path.mkdir(parents=True)
    with pytest.raises(SystemExit) as stopped:
        drawing.main(["oscillator", "--jobs", "1", "--out", str(tmp_path)])
    (sentence,) = filter(None, capsys.readouterr().err.splitlines())
    assert stopped.value.code == 2
    assert sentence.startswith(f"python -m figures: error: {path} cannot be written (")
    assert not list(tmp_path.rglob("*.part"))


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
    tests = [{"name": name, "asserts": "all"} for name in marked]
    monkeypatch.setattr("checks.running.record.claim_tests", lambda label: tests)
    name = "a-name-longer-than-the-narrowest-terminal-is-wide"
    lines = screen(run("run", name, "--out", str(folder), claims=(claim(name),))[1])
    assert f"record: {folder / 'claims.json'}" in lines and (folder / "claims.json").exists()
    assert f"toy/{name}  SUPPORTED" in lines and f"tests  {', '.join(marked)}" in lines
    assert f"repeat  python -m checks run toy/{name} --tier quick --seed 0" in lines
    assert any(re.fullmatch(rf"toy/{name}: SUPPORTED, controls REFUTED \([0-9.]+ s of cells\)", line) for line in lines)
    assert f"toy/{name}  (here)" in screen(run("list", claims=(claim(name),))[1])
    lines = screen(run("--tier", "standard", "--out", str(folder))[1])
    assert f"table: {program.MARKDOWN_PATH}" in lines


@pytest.mark.parametrize("columns", [30, 60, 80, 100, 200])
def test_no_word_of_a_table_is_broken(columns):
    name = "a-name-of-thirty-letters-in-all"
    rows = [
        ("a-name-of-thirty-letters-in-all\n[dim]toy[/dim]", "[green]SUPPORTED[/green]", f"{k / 7:.4g} ± 0.1")
        for k in range(3)
    ]
    rows.append(("b", "INCONCLUSIVE", "a sentence of a few more words than fit beside the others, INCONCLUSIVE or not"))
    console = Console(width=columns, file=io.StringIO(), color_system=None)
    print_rows(console, "title", ("claim", "verdict", "measured"), rows)
    lines = console.file.getvalue().splitlines()
    found = {word.strip(";,") for line in lines for word in line.split()}
    words = {word.strip(",") for row in rows for cell in row for word in re.sub(r"\[.*?\]", "", cell).split()}
    assert words - found <= ({name} if columns < 31 else set())
    assert max(map(len, lines)) <= columns


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


NOT_UTF8 = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.mark.parametrize("name", ["cp1252", "latin-1", "ascii"])
def test_characters_that_the_encoding_lacks_degrade(name, monkeypatch):
    """In this process; two of others are below."""
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, io.TextIOWrapper(io.BytesIO(), encoding=name))
    monkeypatch.setattr(command_start, "_on_stop", lambda handler: None)
    command_start.start()
    assert program.main(["list"]) == 0
    out, err = (stream.flush() or stream.buffer.getvalue() for stream in (sys.stdout, sys.stderr))
    assert b"chizat2019lazy/relative-scale  (Section 1.2" in out and rb"(1/\u03b1)" in out and err == b""


@pytest.mark.parametrize("words", [("figures", "--help"), ("benchmarks", "--help"), ("checks", "run", "nothing")])
def test_help_and_errors_degrade(words, tmp_path):
    done = command(*words, cwd=tmp_path, **NOT_UTF8["C"])
    assert done.returncode == (2 if "run" in words else 0) and b"Traceback" not in done.stderr
    assert b"usage: python -m" in done.stdout + done.stderr


HELPS = [*((program, (command,)) for command in program.COMMANDS), *((p, ()) for p in (program, drawing, measuring))]


@pytest.mark.parametrize("own, words", HELPS, ids=lambda x: " ".join(x) if isinstance(x, tuple) else x.__name__)
def test_help_fits_a_terminal_of_80_columns(own, words, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["", *words, "--help"])
    with pytest.raises(SystemExit):
        own.main()
    assert not [line for line in capsys.readouterr().out.splitlines() if len(line) > 80]


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


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["forecast", "nosuch.csv"], "stopped, nothing is kept; start again with: "),
        (["list"], "finished cells are kept; "),
    ],
)
def test_a_stopped_command_says_whether_it_kept_anything(arguments, said, capsys):
    try:
        program.main(arguments)
    except SystemExit:
        pass
    capsys.readouterr()
    assert command_start._say_stopped(130) == 130 and said in capsys.readouterr().err
