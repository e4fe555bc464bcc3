"""Sweeps: the same results however they are run, records that survive a kill, and damage that is noticed."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from checks.running import sweep as module
from checks.running.sweep import Sweep, Task, code_hash

ROOT = Path(__file__).resolve().parents[1]
CALLS = []


def cell(*, size, seed):
    CALLS.append(seed)
    return {"draws": np.random.default_rng(seed).normal(size=size), "sum": np.array(seed)}


def other_cell(*, size, seed):
    return {"draws": np.zeros(size)}


CELLS = [{"size": 3, "seed": seed} for seed in range(4)]


def same(a, b):
    return all(x.keys() == y.keys() and all(np.array_equal(x[k], y[k]) for k in x) for x, y in zip(a, b, strict=True))


@pytest.fixture
def finished(tmp_path):
    CALLS.clear()
    return tmp_path, Sweep(tmp_path).run(cell, CELLS)


def test_results_keep_their_order_whatever_the_number_of_jobs(finished):
    assert same(finished[1], Sweep(jobs=2).run(cell, CELLS))


def threads(*, n):
    return {
        "threads": np.array([library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"])
    }


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_cell_runs_with_one_blas_thread(jobs):
    """However many there are around it."""
    with threadpool_limits(2):
        results = Sweep(jobs=jobs).run(threads, [{"n": n} for n in range(2)])
    assert all((found["threads"] == 1).all() for found in results)


def test_the_arrays_of_another_cell_are_noticed_by_their_checksum(finished):
    folder, results = finished
    one, two = sorted(folder.rglob("*.npz"))[:2]
    two.write_bytes(one.read_bytes())
    with pytest.warns(UserWarning, match="its checksum does not match"):
        assert same(Sweep(folder).run(cell, CELLS), results)


def test_finished_cells_are_read_and_missing_ones_computed(finished):
    folder, results = finished
    records = sorted(folder.rglob("*.json"))
    assert len(records) == len(CELLS)
    for record in records[:2]:
        record.unlink()  # as if the sweep had been killed before it vouched for them
    CALLS.clear()
    assert same(Sweep(folder).run(cell, CELLS), results)
    assert len(CALLS) == 2


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:-9] + b"X" + b[-8:], lambda b: b""])
def test_a_damaged_record_is_computed_again_with_a_warning(finished, suffix, damage):
    folder, results = finished
    victim = sorted(folder.rglob(f"*{suffix}"))[0]
    victim.write_bytes(damage(victim.read_bytes()))
    with pytest.warns(UserWarning, match="is damaged"):
        assert same(Sweep(folder).run(cell, CELLS), results)
    assert same(Sweep(folder).run(cell, CELLS), results)


def test_a_failing_cell_keeps_the_finished_ones(tmp_path):
    with pytest.raises(TypeError) as failed:
        Sweep(tmp_path).run(cell, [*CELLS, {"size": "three", "seed": 9}])
    assert "in the cell tests.test_sweep.cell" in failed.value.__notes__[0] and "'three'" in failed.value.__notes__[0]
    CALLS.clear()
    Sweep(tmp_path).run(cell, CELLS)
    assert not CALLS


def test_no_temporary_file_is_left(finished):
    assert not list(finished[0].rglob("*.part"))
    assert all(
        json.loads(path.read_text(encoding="utf-8"))["configuration"] in CELLS for path in finished[0].rglob("*.json")
    )


TOY = """
\"\"\"A cell.\"\"\"
import numpy as np
from checks.measurements.data import inputs
from mine import FACTOR

def cell(*, n):
    \"\"\"Doubled inputs.\"\"\"
    return {"X": 2 * inputs("random", n=n, d=2, seed=0) * FACTOR}  # twice
"""
RUN = """
import sys
from pathlib import Path
from checks.measurements.toy import cell
from checks.running.sweep import Sweep, Task
print(*(result.kept for _, result in Sweep(Path(sys.argv[1])).stream([Task(cell, {"n": n}) for n in (1, 2)])))
"""


@pytest.fixture
def checkout(tmp_path):
    """A copy of what a cell needs, the cell itself and a module of a user's own that it imports, and a function that runs it
    and says which results were kept.
    """
    for package in ("checks", "theory", "kernels"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "argument_validation.py", tmp_path)
    (tmp_path / "checks" / "measurements" / "toy.py").write_text(TOY)
    (tmp_path / "mine.py").write_text("FACTOR = 1")

    def run():
        command = [sys.executable, "-c", RUN, str(tmp_path / "records")]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": "."}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert run() == ["False", "False"] and run() == ["True", "True"]
    return tmp_path, run


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_one_character_of_the_cell_or_of_an_imported_module_computes_it_again(checkout):
    folder, run = checkout
    edit(folder / "checks/measurements/toy.py", "2 * inputs", "3 * inputs")
    assert run() == ["False", "False"] and run() == ["True", "True"]
    edit(folder / "checks/measurements/data.py", "axis=1, keepdims=True", "axis=-1, keepdims=True")
    assert run() == ["False", "False"]
    edit(folder / "mine.py", "1", "2")
    assert run() == ["False", "False"]
    records = sorted(path.suffix for path in (folder / "records").rglob("*") if path.is_file())
    assert records == [".json", ".json", ".npz", ".npz"]  # what was superseded is gone


def test_docstrings_comments_and_judges_do_not_compute_a_cell_again(checkout):
    folder, run = checkout
    edit(folder / "checks/measurements/toy.py", "Doubled inputs", "Inputs, doubled")
    edit(folder / "checks/measurements/toy.py", "# twice", "# two times")
    edit(folder / "checks/judges/slope.py", "guard: bool = True", "guard: bool = False")
    edit(folder / "kernels/gram.py", "import numpy as np", "import numpy as np\n\nUNUSED = 1")
    assert run() == ["True", "True"]


def test_another_version_of_a_library_computes_a_cell_again(finished, monkeypatch):
    folder, _ = finished
    key = code_hash(cell.__module__, __file__)
    monkeypatch.setattr(module, "_version", lambda library: "0.0.1")
    code_hash.cache_clear()
    try:
        assert code_hash(cell.__module__, __file__) != key
        CALLS.clear()
        Sweep(folder).run(cell, CELLS)
        assert len(CALLS) == len(CELLS)
    finally:
        code_hash.cache_clear()


def test_two_cells_with_the_same_configuration_have_records_of_their_own(tmp_path):
    Sweep(tmp_path).run(cell, CELLS)
    assert np.array_equal(Sweep(tmp_path).run(other_cell, CELLS)[0]["draws"], np.zeros(3))


def test_a_record_of_another_configuration_is_not_taken(finished):
    folder, results = finished
    one, two = sorted(folder.rglob("*.json"))[:2]
    two.write_bytes(one.read_bytes())
    two.with_suffix(".npz").write_bytes(one.with_suffix(".npz").read_bytes())
    with pytest.warns(UserWarning, match="another configuration"):
        assert same(Sweep(folder).run(cell, CELLS), results)


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b"{}", b"[]", b"null", b"\xff\xfe", b'{"configuration": {}, "sha256": 3, "seconds": "x"}'],
)
def test_any_json_that_is_no_record_is_computed_again(finished, content):
    folder, results = finished
    sorted(folder.rglob("*.json"))[0].write_bytes(content)
    with pytest.warns(UserWarning, match="is damaged"):
        assert same(Sweep(folder).run(cell, CELLS), results)


def test_a_broken_archive_inside_a_right_checksum_and_missing_arrays_are_noticed(finished):
    folder, results = finished
    for path, content in zip(sorted(folder.rglob("*.json"))[:2], (b"PK no archive", empty_archive()), strict=True):
        record = json.loads(path.read_text()) | {"sha256": hashlib.sha256(content).hexdigest()}
        del record["seal"]
        path.write_text(json.dumps(record | {"seal": module._hash(record)}))
        path.with_suffix(".npz").write_bytes(content)
    with pytest.warns(UserWarning, match="is damaged"):
        assert same(Sweep(folder).run(cell, CELLS), results)


def empty_archive():
    buffer = io.BytesIO()
    np.savez(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_folder_in_place_of_a_record_is_said_and_does_not_stop_the_run(finished, suffix):
    folder, results = finished
    victim = sorted(folder.rglob(f"*{suffix}"))[0]
    victim.unlink()
    victim.mkdir()
    with pytest.warns(UserWarning, match="damaged|not kept"):
        assert same(Sweep(folder).run(cell, CELLS), results)


def test_there_are_never_more_processes_than_cells(monkeypatch):
    asked = []

    class Parallel(module.joblib.Parallel):
        def __init__(self, n_jobs=None, **options):
            asked.append(n_jobs)
            super().__init__(n_jobs=1, **options)

    monkeypatch.setattr(module.joblib, "Parallel", Parallel)
    Sweep(jobs=64).run(cell, CELLS)
    Sweep(jobs=64).run(cell, CELLS[:1])
    assert asked == [len(CELLS)]


SLEEPERS = """
import os
import time
from checks.running.sweep import Sweep

def cell(*, k):
    os.write(1, b"x")
    time.sleep(60)

Sweep(jobs=2).run(cell, [{"k": 0}, {"k": 1}])
"""


def test_processes_end_with_the_one_that_started_them(tmp_path):
    """They hold its pipe, which is at its end when all of them have ended."""
    run = subprocess.Popen(
        [sys.executable, "-c", SLEEPERS],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert run.stdout.read(2) == b"xx"
    run.kill()
    assert run.communicate(timeout=30)[0] == b""


LEFT_EARLY = """
import atexit, sys, threading, time
from contextlib import closing

def feeders():
    return [thread for thread in threading.enumerate() if thread.name == "QueueFeederThread"]

atexit.register(lambda: print(len(feeders())))  # after all that is registered later
begin = threading.Thread.run

def run(self):
    begin(self)
    if self.name == "QueueFeederThread":
        time.sleep(0.3)

threading.Thread.run = run
from checks.running.sweep import Sweep, Task

def cell(*, k):
    return {"k": k}

with closing(Sweep(jobs=2).stream([Task(cell, {"k": k}) for k in range(9)])) as found:
    next(found)
    print(len(feeders()))
    if len(sys.argv) > 1:
        sys.exit("early")
    list(found)
"""


@pytest.mark.parametrize("words", [(), ("early",)])
def test_a_run_ends_after_the_threads_that_fed_its_processes(words):
    """Else the locks that such a thread gives back last are called leaked."""
    command = [sys.executable, "-c", LEFT_EARLY, *words]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.stdout.split() == ["1", "0"] and done.stderr.split() == list(words)


def test_the_costliest_cells_are_run_first_and_kept_with_their_seconds(tmp_path):
    CALLS.clear()
    tasks = [Task(cell, one, weight=one["seed"]) for one in CELLS]
    found = dict(Sweep(tmp_path).stream(tasks))
    assert CALLS == [3, 2, 1, 0] and all(result.seconds > 0 and not result.kept for result in found.values())
    again = dict(Sweep(tmp_path).stream(tasks))
    assert all(again[i].kept and again[i].seconds == found[i].seconds for i in found)


def test_scheduler_without_the_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(ValueError, match=r"lazy-training-checks\[dask\]"):
        Sweep(scheduler="tcp://127.0.0.1:1").run(cell, CELLS)


@pytest.mark.filterwarnings("ignore")  # distributed warns about its own internals
def test_a_dask_cluster_gives_the_same_results(finished):
    distributed = pytest.importorskip("distributed", reason="needs the extra `dask`")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        results = Sweep(scheduler=cluster.scheduler_address).run(cell, CELLS)
        with pytest.raises(TypeError):  # what a cell raises, and not that the scheduler is lost
            Sweep(scheduler=cluster.scheduler_address).run(cell, [{"size": "three", "seed": 9}])
    assert same(finished[1], results)
