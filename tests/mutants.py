"""Whether the tests notice faults: each of `mutants.toml` is planted alone in a copy of the repository and tests are run there.

``python -m tests.mutants`` is no part of pytest. A fault is first run against the tests that belong to its file: those that
import its module, themselves or through a helper of the tests, or a module that imports it, and so on until there are some;
and the first case of claims that are, or import, the module, six at most. What survives runs against all tests with
``--whole``. Tests stop at the first that fails, the most special files go first. What does not end in time is not noticed, and
a test that fails without the fault as well has noticed nothing.

The comparison of declared texts with the recorded table is left out but for the area "declarations", margins and controls that
a claim declares: everywhere else it would notice words, and the record is renewed with them.

Libraries are imported once, before the process forks. A file with compiled functions is given an empty cache of its own.
"""

import argparse
import ast
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import connection, get_context
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest
from hypothesis import Phase, settings

ROOT = Path(__file__).resolve().parents[1]
LIST = Path(__file__).with_name("mutants.toml")
OURS = ("argument_validation", "command_start", "theory", "kernels", "checks", "figures", "benchmarks", "tests")
LIBRARIES = ("numba", "scipy.stats", "sklearn.datasets", "matplotlib.pyplot", "mpmath", "flint", "distributed", "torch")
CLAIM_TEST = "tests/test_claims.py"
RECORD_TEST = "tests/test_repository.py::test_the_claims_table_states_what_the_code_declares"
DECLARATIONS = "declarations"
MOST_CLAIMS = 6
OPTIONS = ("-q", "--ignore=tests/test_mutants.py", "-p", "no:xdist", "-p", "no:cacheprovider")
OPTIONS += ("-o", "addopts=--strict-markers -rfE")


@dataclass(frozen=True)
class Fault:
    """``old`` text, which stands once in ``file``, replaced by ``new``; why it is none where it is ``equivalent``."""

    area: str
    file: str
    name: str
    old: str
    new: str
    equivalent: str = ""


def read_faults() -> list[Fault]:
    """Faults in the order of the list: area, file, name = [old, new] or [old, new, why it is equivalent]."""
    table = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return [
        Fault(area, file, name, *texts)
        for area, files in table.items()
        for file, named in files.items()
        for name, texts in named.items()
    ]


def planted(fault: Fault, root: Path = ROOT) -> str:
    """The text of its file with the fault. Raises ValueError where the list does not fit the file any more."""
    text = (root / fault.file).read_text(encoding="utf-8")
    if text.count(fault.old) != 1 or fault.old == fault.new:
        raise ValueError(
            f"{fault.name}: its old text must stand once in {fault.file}, got {text.count(fault.old)} times"
        )
    changed = text.replace(fault.old, fault.new)
    ast.parse(changed)
    return changed


@cache
def imports(path: Path) -> frozenset[Path]:
    """Our files that a file imports; what a package offers under its own name comes from the files that it imports."""
    found, names = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    for name in names:
        place = ROOT / name.replace(".", "/")
        if name.split(".")[0] in OURS:
            found |= {place.with_suffix(".py")} | (imports(place / "__init__.py") if place.is_dir() else set())
    return frozenset(file for file in found if file.is_file() and file != path)


@cache
def papers() -> frozenset[str]:
    """Folders of claims: those from which claims.py takes them, read and not imported, so that no fault is loaded too early."""
    return frozenset(file.parent.name for file in imports(ROOT / "checks" / "claims.py")) - {"checks"}


def direct(test: Path) -> set[Path]:
    """Files outside of the tests that a test imports, itself or through helpers."""
    found = set(imports(test))
    while more := {file for own in found if own.is_relative_to(ROOT / "tests") for file in imports(own)} - found:
        found |= more
    return {file for file in found if not file.is_relative_to(ROOT / "tests")}


def belonging(fault: Fault) -> tuple[list[str], set[str]]:
    """Test files that belong to the file of a fault, the most special ones first, and labels of the claims that do."""
    if fault.area == DECLARATIONS:
        return ["tests/test_repository.py"], set()
    own = ROOT / fault.file
    tests = {path: direct(path) for path in (ROOT / "tests").rglob("test_*.py") if path.name != "test_mutants.py"}
    sources = [path for name in OURS[:-1] for path in (ROOT / f"{name}.py", *(ROOT / name).rglob("*.py"))]
    sources = [path for path in sources if path.is_file() and path.name not in ("__init__.py", "claims.py")]
    steps, near, found = {own: 0}, {own}, {}
    while near and (max(steps.values()) < 2 or not found):  # the module and those that import it, at least
        known = {test: [steps[file] for file in seen & steps.keys()] for test, seen in tests.items()}
        found = {test: min(distances) for test, distances in known.items() if distances}
        near = {path for path in sources if imports(path) & near} - steps.keys()
        steps |= dict.fromkeys(near, max(steps.values()) + 1)
    special = own.parent.name in papers() | {"measurements"}

    def late(test: Path) -> tuple:
        other = (
            test.parent.name in papers() and not special,
            test.stem == "test_figures" and own.parent.name != "figures",
        )
        return test.stem != f"test_{own.stem}", *other, found[test], len(tests[test]), test

    files = [name for test in sorted(found, key=late) if (name := str(test.relative_to(ROOT))) != CLAIM_TEST]
    users = sorted(path for path, step in steps.items() if step < 2 and path.parent.name in papers())
    labels = [f"{path.parent.name}/{path.stem.replace('_', '-')}" for path in users]
    return [*files, CLAIM_TEST], set(labels[:MOST_CLAIMS])


class Watch:
    """Which of the tests that were found pytest runs, and the names of those that fail, a line each in ``note``.

    In every file the tests that have ``stem`` in their name go first.
    """

    def __init__(self, wanted: Callable[[pytest.Item], bool], note: Path, stem: str) -> None:
        self.wanted, self.note, self.stem = wanted, note, stem

    def pytest_collection(self) -> None:
        """What Hypothesis finds is not made smaller: that takes longer than to find it."""
        phases = [phase for phase in Phase if phase is not Phase.shrink]
        settings.register_profile("planted", settings.get_profile("default"), phases=phases)
        settings.load_profile("planted")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the wanted ones."""
        files = list(dict.fromkeys(item.path for item in items))
        items.sort(key=lambda item: (files.index(item.path), self.stem not in item.name))
        items[:] = [item for item in items if self.wanted(item)]

    # quoted: both are named so from pytest 7 on
    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        """Write down what fails."""
        if report.failed:
            with self.note.open("a", encoding="utf-8") as file:
                file.write(f"{report.nodeid}\n")

    def pytest_collectreport(self, report: "pytest.CollectReport") -> None:
        """Write down what cannot be imported."""
        self.pytest_runtest_logreport(report)


def judges(item: pytest.Item, fault: Fault, labels: set[str] | None) -> bool:
    """Whether a test is run for a fault: not the record but for declarations, and of the claims those that belong to it."""
    if item.nodeid.split("[")[0] == RECORD_TEST:
        return fault.area == DECLARATIONS
    marked = [mark.args[0] for mark in item.iter_markers("claim")]
    return labels is None or not marked or item.path.name != Path(CLAIM_TEST).name or not labels.isdisjoint(marked)


def run_tests(
    folder: Path, compiled: Path, arguments: Sequence[str], wanted: Callable[[pytest.Item], bool], stem: str = ""
) -> None:
    """In a process of its own: pytest on the copy; leaves with its status."""
    import numba

    os.setsid()
    os.chdir(folder)
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]
    sys.path[:] = [str(folder), *(path for path in sys.path if Path(path).resolve() != ROOT)]
    os.environ |= {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(compiled), "OMP_NUM_THREADS": "1"}
    numba.config.CACHE_DIR = str(compiled)
    log = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    status = pytest.main([*OPTIONS, *arguments], plugins=[Watch(wanted, folder.with_suffix(".note"), stem)])
    sys.stdout.flush()
    os._exit(int(status))


def start(folder: Path, *arguments: object) -> ForkProcess:
    """The process of `run_tests` in a copy."""
    folder.with_suffix(".note").unlink(missing_ok=True)
    process = get_context("fork").Process(target=run_tests, args=(folder, *arguments))
    process.start()
    return process


def make_copy(folder: Path) -> Path:
    """Copy what is tested."""
    skipped = shutil.ignore_patterns(".git", "__pycache__", "results", "build", ".venv*", ".hypothesis", ".*_cache")
    return shutil.copytree(ROOT, folder, ignore=skipped)


def work(
    faults: Sequence[Fault], home: Path, *, jobs: int, whole: bool, limit: float
) -> Iterator[tuple[Fault, str, float]]:
    """(fault, the test that noticed it or "", seconds) of every fault, as they are finished."""
    waiting, running, free = list(faults), {}, [make_copy(home / f"copy{k}{'whole' * whole}") for k in range(jobs)]
    while waiting or running:
        while waiting and free:
            fault, folder = waiting.pop(0), free.pop()
            files, labels = (["tests"], None) if whole else belonging(fault)
            files = [file for file in files if (folder / file).exists()]  # some may be younger than the copy
            before, text = (folder / fault.file).read_text(encoding="utf-8"), planted(fault, folder)
            compiled = home / f"compiled-{folder.name}{'-fault' * ('njit' in text)}"
            if "njit" in text:
                shutil.rmtree(compiled, ignore_errors=True)
            (folder / fault.file).write_text(text, encoding="utf-8")
            wanted = partial(judges, fault=fault, labels=labels)
            process = start(folder, compiled, ["-x", *files], wanted, Path(fault.file).stem)
            running[process.sentinel] = process, fault, folder, before, time.monotonic()
        connection.wait(list(running), timeout=1)
        for sentinel, (process, fault, folder, before, since) in list(running.items()):
            seconds = time.monotonic() - since
            if process.is_alive() and seconds < limit:
                continue
            yield fault, outcome(process, folder, limit), seconds
            (folder / fault.file).write_text(before, encoding="utf-8")
            free.append(folder)
            del running[sentinel]


def outcome(process: ForkProcess, folder: Path, limit: float) -> str:
    """What noticed the fault; RuntimeError where pytest could not run."""
    if process.is_alive():
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        return ""
    process.join()
    note = folder.with_suffix(".note")
    if process.exitcode == 0:
        return ""
    if process.exitcode in (1, 2) and note.exists():
        return note.read_text(encoding="utf-8").splitlines()[0]
    if process.exitcode == 4 or process.exitcode < 0:  # what no test can import, or a crash
        return f"pytest ended with {process.exitcode}"
    raise RuntimeError(f"pytest ended with {process.exitcode}, see {folder.with_suffix('.log')}")


def failing(tests: set[str], home: Path) -> set[str]:
    """Those of the named tests that fail without a fault as well."""
    folder = make_copy(home / "unchanged")
    files = sorted({test.split("::")[0] for test in tests})
    start(folder, home / "compiled-unchanged", files, lambda item: item.nodeid in tests).join()
    note = folder.with_suffix(".note")
    return set(note.read_text(encoding="utf-8").splitlines()) if note.exists() else set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant the faults; 0 if every one that is not equivalent was noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.split("\n")[0])
    parser.add_argument("--area", help="only faults of this area")
    parser.add_argument("--only", metavar="NAME", help="only faults with this in their name or file")
    parser.add_argument("--jobs", type=int, default=1, help="faults at a time (default 1)")
    parser.add_argument("--whole", action="store_true", help="all tests for what the belonging ones did not notice")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds for one fault (default 900)")
    parser.add_argument("--out", type=Path, help="a JSON file of what was noticed; those faults are not run again")
    options = parser.parse_args(arguments)
    chosen = [
        fault
        for fault in read_faults()
        if options.area in (None, fault.area) and (options.only or "") in f"{fault.name} {fault.file}"
    ]
    known = json.loads(options.out.read_text(encoding="utf-8")) if options.out and options.out.exists() else {}
    key = lambda fault: f"{fault.file}: {fault.name}: {fault.old!r} -> {fault.new!r}"  # noqa: E731
    noticed = {fault: known[key(fault)] for fault in chosen if known.get(key(fault))}
    waiting = [fault for fault in chosen if fault not in noticed and not fault.equivalent]
    for fault in chosen:
        planted(fault)
    for library in LIBRARIES:
        if find_spec(library.split(".")[0]):
            import_module(library)
    with tempfile.TemporaryDirectory(prefix="mutants") as home:
        for whole in (False, True)[: 1 + options.whole]:
            left = [fault for fault in waiting if not noticed.get(fault)]
            run = work(left, Path(home), jobs=options.jobs, whole=whole, limit=options.limit)
            for number, (fault, by, seconds) in enumerate(run, start=1):
                noticed[fault] = by
                print(
                    f"{number}/{len(left)} {fault.area}: {fault.name}: {by or 'SURVIVED'} ({seconds:.0f} s)", flush=True
                )
                known[key(fault)] = by
                if options.out:
                    options.out.write_text(json.dumps(known, ensure_ascii=False, indent=1), encoding="utf-8")
        false = failing({by for by in noticed.values() if "::" in by}, Path(home))
    return report(chosen, {fault: by for fault, by in noticed.items() if by not in false})


def report(chosen: Sequence[Fault], noticed: dict[Fault, str]) -> int:
    """Print noticed of planted by area, and the survivors; 1 if one of them is not equivalent."""
    planted_in = Counter(fault.area for fault in chosen if not fault.equivalent)
    seen = Counter(fault.area for fault in chosen if noticed.get(fault))
    for area in dict.fromkeys(fault.area for fault in chosen):
        print(f"{area:<22} {seen[area]:>4} of {planted_in[area]}")
    print(f"{'all':<22} {seen.total():>4} of {planted_in.total()}")
    for fault in chosen:
        if fault.equivalent:
            print(f"equivalent: {fault.file}: {fault.name}: {fault.equivalent}")
        elif not noticed.get(fault):
            print(f"SURVIVED: {fault.file}: {fault.name}")
    return int(seen.total() < planted_in.total())


if __name__ == "__main__":
    sys.exit(main())
