"""Whole runs that are stopped, killed, run twice at once or sent to a cluster: the same results, and nothing left behind."""

import json
import os
import random
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
CELLS = 160
LIMIT = 66_000  # bytes, of which the arrays of two thirds of the cells have fewer
CLAIM = '''
"""toy/networks: the last Gram matrix of a random network of two hidden layers has 1/4 on its diagonal, in 160 cells."""

import os
import time

import numpy as np

from checks.claim import Case, Claim, Control, Part
from checks.judges import Draws, Ratio
from checks.measurements.streams import each_draw
from kernels import init_parameters, layer_grams

X = np.random.default_rng(0).normal(size=(60, 40))
X /= np.linalg.norm(X, axis=1, keepdims=True)


@each_draw
def network(seed, *, m):
    """All Gram matrices of one network, and the mean of the last one's diagonal."""
    time.sleep(float(os.environ.get("PAUSE", 0)))
    params = init_parameters(seed, X.shape[1], m, hidden_layers=2)
    grams = layer_grams(params, X[: m // 5], activation="relu", kappa=np.sqrt(m))
    return {"grams": grams, "diagonal": np.mean(np.diag(grams[-1]))}


CLAIM = Claim(
    paper="toy",
    name="networks",
    source="elementary",
    summary="the diagonal is 1/4",
    statement="the diagonal of K^3 is 1/4 for relu",
    assumptions="none",
    figure="",
    parts=(
        Part(
            letter="a",
            says="mean of the diagonal of the last Gram matrix",
            status="measured",
            cases=lambda tier: [Case(f"m = {m}", {"m": m}, draws=16, chunk=1) for m in range(200, 300, 10)],
            cell=network,
            read=lambda case, found: Draws(found["diagonal"]),
            judge=Ratio(0.25, 0.1),
            controls=(Control("as if the network had one hidden layer", judge=Ratio(0.5, 0.1)),),
            looks=1,
        ),
    ),
)
'''


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Starts runs of the claim in sessions of their own; the folder and the outcome of one that nothing disturbed."""
    home = tmp_path_factory.mktemp("toy")
    (home / "my_claim.py").write_text(CLAIM, encoding="utf-8")

    def start(out, *options, labels=("my_claim.py",), pause=0.0, **more):
        command = [sys.executable, "-m", "checks", "run", *labels, "--out", str(out), *options]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PAUSE": str(pause)} | more.pop("environment", {})
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=home, env=environment, start_new_session=True, **pipes, **more)

    finish(start(home / "whole", "--jobs", "1"))
    return SimpleNamespace(start=start, home=home, whole=home / "whole", outcome=outcome(home / "whole"))


def outcome(folder):
    """Rows of claims.json without cost and provenance, and the bytes of all arrays."""
    assert not list(folder.rglob("*.part"))
    free = {"seconds", "provenance"}
    text = (folder / "claims.json").read_text(encoding="utf-8")
    rows = json.loads(text, object_hook=lambda row: {key: row[key] for key in row.keys() - free})
    arrays = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.npz")}
    assert len(arrays) == CELLS
    return rows, arrays


def records(folder):
    return len(list(folder.glob("cells/*/*.json")))


def wait_for_records(folder, count, run):
    while records(folder) < count:
        assert run.poll() is None, run.communicate()
        time.sleep(0.01)


def end(run, seconds=60):
    """What a run printed, when it and all its processes, which hold the same pipes, have ended."""
    return run.communicate(timeout=seconds)


def finish(run):
    """Wait for a run that succeeds."""
    _, err = end(run, 150)
    assert run.returncode == 0, err


@pytest.mark.parametrize("name, status, jobs", [("SIGINT", 130, "2"), ("SIGTERM", 143, "2"), ("SIGTERM", 143, "1")])
def test_a_stopped_run_leaves_one_sentence_and_no_process_and_is_continued_by_what_it_says(
    toy, tmp_path, name, status, jobs
):
    """Ctrl-C goes to the whole group, as from a terminal."""
    run = toy.start(tmp_path, "--jobs", jobs, pause=0.05)
    wait_for_records(tmp_path, 5, run)
    (os.killpg if name == "SIGINT" else os.kill)(run.pid, getattr(signal, name))
    out, err = end(run, 20)
    assert (run.returncode, out) == (status, "")
    said = re.fullmatch(r"stopped, finished cells are kept; continue with: (.*)\n", err)
    assert said and 5 <= records(tmp_path) < CELLS
    subprocess.run(shlex.split(said[1]), cwd=toy.home, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    assert outcome(tmp_path) == toy.outcome


def takes_sigterm(run):
    """Whether the run has said what signals do; it must before it loads the compiler, which takes most of the start."""
    process = Path(f"/proc/{run.pid}")
    if not process.exists():  # not on Linux
        return not time.sleep(1)
    caught = re.search(r"SigCgt:\s*(\w+)", (process / "status").read_text(encoding="utf-8"))[1]
    done = int(caught, 16) >> (signal.SIGTERM - 1) & 1
    assert done or "llvmlite" not in (process / "maps").read_text(encoding="utf-8")
    return done


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("after", ["", "cells"], ids=["imports", "workers"])
def test_ctrl_c_is_one_sentence_while_modules_are_imported_and_workers_start(toy, tmp_path, after, seconds):
    run = toy.start(tmp_path / "out", "--jobs", "2", pause=0.05)
    ready = tmp_path / "out" / after
    while not (ready.exists() if after else takes_sigterm(run)):
        time.sleep(0.01)
    time.sleep(seconds)
    os.killpg(run.pid, signal.SIGINT)
    out, err = end(run, 20)
    assert run.returncode == 130 and out == "" and err.startswith("stopped, ") and err.count("\n") == 1, err


def test_a_run_that_is_killed_ten_times_leaves_no_process_and_ends_as_if_nothing_had_happened(toy, tmp_path):
    moments = random.Random(0)
    for _ in range(10):
        run = toy.start(tmp_path, "--jobs", "2", pause=0.05)
        wait_for_records(tmp_path, records(tmp_path) + 1, run)
        time.sleep(moments.uniform(0, 0.25))
        run.kill()
        end(run, 10)
        assert run.returncode == -signal.SIGKILL and records(tmp_path) < CELLS
    finish(toy.start(tmp_path, "--jobs", "2"))
    assert outcome(tmp_path) == toy.outcome


def test_runs_into_one_folder_at_once_lose_nothing(toy, tmp_path):
    runs = [toy.start(tmp_path, "--jobs", jobs, pause=0.02) for jobs in "12"]
    runs += [toy.start(tmp_path, "--jobs", "1", labels=(label,)) for label in ("decay-lemma", "stability-lemma")]
    for run in runs:
        finish(run)
    rows = json.loads((tmp_path / "claims.json").read_text(encoding="utf-8"))
    names = ["chizat2019lazy/decay-lemma", "chizat2019lazy/stability-lemma", "toy/networks"]
    assert [row["label"] for row in rows] == names
    for path in toy.whole.rglob("*.npz"):
        assert path.read_bytes() == (tmp_path / path.relative_to(toy.whole)).read_bytes()


@pytest.mark.parametrize(
    "jobs, environment",
    [
        ("2", {"PYTHONHASHSEED": "1"}),
        ("1", {"PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}),
        ("1", {"OMP_NUM_THREADS": "4", "NUMBA_NUM_THREADS": "2"}),
    ],
)
def test_processes_threads_and_the_hash_seed_change_no_bit(toy, tmp_path, jobs, environment):
    finish(toy.start(tmp_path, "--jobs", jobs, environment=environment))
    assert outcome(tmp_path) == toy.outcome


@pytest.fixture
def cluster(toy, tmp_path):
    """Address of a dask scheduler of processes, it and its two workers."""
    pytest.importorskip("distributed", reason="needs the extra `dask`")
    where, environment = tmp_path / "scheduler.json", os.environ | {"PYTHONPATH": str(ROOT), "PAUSE": "0.02"}
    processes = []

    def start(name, *words):
        command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *words, "--scheduler-file", str(where)]
        processes.append(subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL))

    start("scheduler", "--port", "0", "--no-dashboard")
    for _ in range(2):
        start("worker", "--no-nanny", "--nthreads", "1", "--no-dashboard")
    while not where.exists():
        time.sleep(0.05)
    yield json.loads(where.read_text(encoding="utf-8"))["address"], processes
    for process in processes:
        process.kill()
        process.wait()


def test_a_cluster_that_loses_one_of_two_workers_gives_the_same_bits(toy, tmp_path, cluster):
    address, (_, victim, _) = cluster
    run = toy.start(tmp_path / "out", "--scheduler", address)
    wait_for_records(tmp_path / "out", 20, run)
    victim.kill()
    finish(run)
    assert outcome(tmp_path / "out") == toy.outcome


def test_a_lost_scheduler_is_one_sentence_and_what_is_finished_is_kept(toy, tmp_path, cluster):
    address, (scheduler, *_) = cluster
    run = toy.start(tmp_path / "out", "--scheduler", address)
    wait_for_records(tmp_path / "out", 20, run)
    scheduler.kill()
    _, err = end(run)
    *_, sentence = err.splitlines()
    assert run.returncode == 2 and "Traceback" not in err and records(tmp_path / "out") >= 20
    reason = f"the scheduler at {address} is lost: finished cells are kept, the same command continues"
    assert sentence == f"python -m checks: error: {reason}"


def test_the_documented_slurm_cluster_runs(toy, tmp_path, monkeypatch):
    """The lines of the README, on a local cluster in place of Slurm's and for the claim above in place of all."""
    distributed = pytest.importorskip("distributed", reason="needs the extra `dask`")

    class SLURMCluster(distributed.LocalCluster):
        def __init__(self, *, cores, processes, memory, walltime):
            assert cores == processes and re.fullmatch(r"\d+GB", memory) and re.fullmatch(r"\d+:\d\d:00", walltime)
            super().__init__(n_workers=0, threads_per_worker=1, dashboard_address=None)

        def scale(self, n=0, *, jobs=0):
            super().scale(n or min(jobs, 2))

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```python\n(.*?)```", readme, re.S) if "dask_jobqueue" in block]
    words = '"--tier", "standard"'
    assert words in block
    monkeypatch.setitem(sys.modules, "dask_jobqueue", SimpleNamespace(SLURMCluster=SLURMCluster))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(toy.home)
    with pytest.raises(SystemExit) as left:
        exec(block.replace(words, f'"run", "my_claim.py", "--out", {str(tmp_path)!r}'), {})
    assert left.value.code == 0
    assert outcome(tmp_path) == toy.outcome


# ---------------------------------------------------------------- folders that cannot be used


def refusal(run):
    """The sentence with which a run was refused."""
    out, err = end(run)
    assert run.returncode == 2 and out == "" and "Traceback" not in err
    *usage, sentence = err.splitlines()
    assert all(line.startswith(("usage: ", " ")) for line in usage)
    return sentence


def test_an_out_that_takes_no_files_is_refused_before_any_work(toy, tmp_path):
    file, closed = tmp_path / "file", tmp_path / "closed"
    file.touch()
    closed.mkdir()
    closed.chmod(0o500)
    powerless = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.geteuid() == 0 else []
    assert f"{file} is not a folder" in refusal(toy.start(file))
    assert f"{file} is not a folder" in refusal(toy.start(file / "new"))
    assert "cannot be written (" in refusal(toy.start("/proc/new"))
    if not powerless or shutil.which("setpriv"):
        for out in (closed, closed / "new"):
            command = [*powerless, sys.executable, "-m", "checks", "run", "decay-lemma", "--out", str(out)]
            done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
            assert done.returncode == 2 and done.stdout == ""
            assert done.stderr.splitlines() == [
                f"python -m checks: error: {out} cannot be written (Permission denied): when it can, the same command continues"
            ]
    closed.chmod(0o700)


def test_a_folder_that_fills_in_mid_run_ends_it_and_keeps_what_is_finished(toy, tmp_path):
    """No file may have more than LIMIT bytes: the arrays of the wider networks do not fit."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))  # noqa: E731
    sentence = refusal(toy.start(tmp_path, "--jobs", "2", preexec_fn=limit))
    assert re.search(r"\.npz cannot be written \(File too large\): when it can, the same command continues$", sentence)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert kept and not list(tmp_path.rglob("*.part"))
    finish(toy.start(tmp_path, "--jobs", "2"))
    assert outcome(tmp_path) == toy.outcome and all(path.stat().st_mtime_ns == kept[path] for path in kept)


def test_a_folder_that_is_removed_in_mid_run_ends_it_and_is_not_made_anew(toy, tmp_path):
    out = tmp_path / "out"
    run = toy.start(out, "--jobs", "2", pause=0.05)
    wait_for_records(out, 5, run)
    out.rename(tmp_path / "gone")
    assert f"{out}/cells" in refusal(run) and not out.exists()
