"""Sweeps: the same results however they are run, records that survive a kill, and damage that is noticed."""

import json

import numpy as np
import pytest

from checks import sweep as module
from checks.sweep import Sweep, code_hash

CALLS = []


def cell(*, size, seed):
    CALLS.append(seed)
    return {"draws": np.random.default_rng(seed).normal(size=size), "sum": np.array(seed)}


CELLS = [{"size": 3, "seed": seed} for seed in range(4)]


def same(a, b):
    return all(x.keys() == y.keys() and all(np.array_equal(x[k], y[k]) for k in x) for x, y in zip(a, b, strict=True))


@pytest.fixture
def finished(tmp_path):
    CALLS.clear()
    return tmp_path, Sweep(tmp_path).run(cell, CELLS)


def test_results_keep_their_order_whatever_the_number_of_jobs(finished):
    assert same(finished[1], Sweep(jobs=2).run(cell, CELLS))


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
    with pytest.raises(TypeError):
        Sweep(tmp_path).run(cell, [*CELLS, {"size": "three", "seed": 9}])
    CALLS.clear()
    Sweep(tmp_path).run(cell, CELLS)
    assert not CALLS


def test_no_temporary_file_is_left(finished):
    assert not list(finished[0].rglob("*.part"))
    assert all(
        json.loads(path.read_text(encoding="utf-8"))["configuration"] in CELLS for path in finished[0].rglob("*.json")
    )


def test_the_key_follows_the_code_of_everything_imported(monkeypatch):
    before = code_hash.__wrapped__("checks.li2024demystifying.gram_limit")
    touched = []

    def altered(source):
        found = original(source)
        touched.append(source)
        return found

    original = module.imported_modules
    monkeypatch.setattr(module, "imported_modules", altered)
    assert code_hash.__wrapped__("checks.li2024demystifying.gram_limit") == before
    text = "".join(touched)
    for phrase in ("def layer_grams", "def limit_grams", "def normal_matrix", "def rate_fit"):
        assert phrase in text  # the hash covers the modules that define these
    assert "def print_table" not in text


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
    assert same(finished[1], results)
