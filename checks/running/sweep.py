"""Runs cells in parallel through one queue and keeps every finished one as a record on disk.

A cell is a call ``function(**configuration)`` of a module-level function with a JSON configuration that returns named
arrays. Its record is a pair of files: the arrays (NPZ), then a JSON with the configuration, the arrays' checksum, the seconds
it took and the versions of the libraries, each written under a temporary name and renamed, so that what has a JSON is whole.
The name holds a hash of the configuration and a hash of the code: the function's module and everything that it imports and
nobody has installed, without docstrings and comments, and the versions of the libraries that these import. A killed run
resumes, a changed program starts afresh and removes what it supersedes.
"""

import ast
import atexit
import hashlib
import importlib.util
import inspect
import io
import json
import logging
import os
import signal
import sys
import threading
import time
import warnings
import zipfile
from asyncio import CancelledError
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import resource_tracker
from pathlib import Path

import joblib
import numpy as np
from rich.progress import Progress
from threadpoolctl import ThreadpoolController

from checks.running.files import FileError, write_whole, writing

Arrays = dict[str, np.ndarray]
OURS = ("argument_validation", "theory", "kernels", "checks", "figures", "benchmarks")
LIBRARIES = {"numpy": "numpy", "scipy": "scipy", "numba": "numba", "sklearn": "scikit-learn", "torch": "torch"}


@dataclass(frozen=True)
class Task:
    """One cell: ``function(**configuration)``; ``weight`` is its expected cost, for the order of the queue."""

    function: Callable[..., Arrays]
    configuration: dict
    weight: float = 1.0


@dataclass(frozen=True)
class Result:
    """What a cell returned, the seconds it took when it was computed, and whether it was read from its record."""

    arrays: Arrays
    seconds: float
    kept: bool


class Sweep:
    """Engine for cells.

    Parameters
    ----------
    directory : where records are kept; None keeps none.
    jobs : processes, never more than there are cells; 1 runs in this one.
    scheduler : address of a dask.distributed scheduler that runs the cells instead (needs the extra ``dask``).
    progress : where live progress is drawn; None draws none.

    Every cell runs with one BLAS thread, so results do not depend on ``jobs``.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        jobs: int = 1,
        scheduler: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.directory, self.jobs, self.scheduler, self.progress = directory, jobs, scheduler, progress
        self._paths: set[Path] = set()
        if directory is not None:
            with writing(directory):
                directory.mkdir(parents=True, exist_ok=True)

    def stream(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
        """(index, result) of every task as it is finished: those with a whole record first, then the costliest first."""
        paths, missing = [self._path(task) for task in tasks], []
        self._paths |= set(filter(None, paths))
        for i, path in enumerate(paths):
            found = read_record(path, tasks[i].configuration)
            if found is None:
                missing.append(i)
            else:
                yield i, found
        missing.sort(key=lambda i: -tasks[i].weight)
        with closing(self._compute([(i, tasks[i]) for i in missing])) as computed:
            for i, (arrays, seconds) in computed:
                try:
                    write_record(paths[i], tasks[i].configuration, arrays, seconds)
                except FileError as error:
                    if not (paths[i].is_dir() or paths[i].with_suffix(".npz").is_dir()):
                        raise
                    warnings.warn(f"record {paths[i]} is not kept: {error}", stacklevel=2)
                yield i, Result(arrays, seconds, kept=False)

    def run(self, function: Callable[..., Arrays], cells: Sequence[dict], description: str = "") -> list[Arrays]:
        """Results of all cells of one function in their order."""
        task = None if self.progress is None else self.progress.add_task(description, total=len(cells))
        results: list[Arrays] = [{}] * len(cells)
        for i, result in self.stream([Task(function, cell) for cell in cells]):
            results[i] = result.arrays
            if task is not None:
                self.progress.advance(task)
        if task is not None:
            self.progress.remove_task(task)
        return results

    def forget(self) -> None:
        """Remove the records of all cells so far."""
        for path in self._paths:
            for file in (path, path.with_suffix(".npz")):
                with suppress(OSError):
                    file.unlink()
        self._paths.clear()

    def _path(self, task: Task) -> Path | None:
        if self.directory is None:
            return None
        function = task.function
        folder = self.directory / f"{function.__module__}.{function.__name__}"
        key = code_hash(function.__module__, inspect.getsourcefile(inspect.unwrap(function)))
        return folder / f"{_hash(task.configuration)[:20]}-{key[:12]}.json"

    def _compute(self, tasks: Sequence[tuple[int, Task]]) -> Generator[tuple[int, tuple[Arrays, float]]]:
        if tasks and self.scheduler is not None:
            return _on_cluster(self.scheduler, tasks)
        jobs = min(self.jobs, len(tasks))
        if jobs > 1:
            return _in_processes(jobs, tasks)
        return (_call(task.function, i, task.configuration) for i, task in tasks)


def _in_processes(jobs: int, tasks: Sequence[tuple[int, Task]]) -> Generator[tuple[int, tuple[Arrays, float]]]:
    """(index, what `_call` returns) as the tasks are finished, in processes that end with this one."""
    calls = (joblib.delayed(_call)(task.function, i, task.configuration) for i, task in tasks)
    atexit.register(_wait_for_feeders)
    options = {"return_as": "generator_unordered", "batch_size": 1, "initializer": _watch, "initargs": (os.getpid(),)}
    with warnings.catch_warnings():
        for silent in (
            "A worker stopped while some jobs were given",  # PyTorch had made it too large, it is replaced
            r"\d+ tasks (which|have)",  # were not waited for: the run has ended and says why
        ):
            warnings.filterwarnings("ignore", message=silent, category=UserWarning)
        with joblib.Parallel(jobs, **options) as parallel:
            with _out_of_reach():
                found = parallel(calls)
            yield from found


def _on_cluster(scheduler: str, tasks: Sequence[tuple[int, Task]]) -> Generator[tuple[int, tuple[Arrays, float]]]:
    """The same on the cluster at ``scheduler``, which may lose workers and gain others meanwhile."""
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ValueError(
            f"`scheduler` {scheduler!r} needs dask.distributed: pip install 'lazy-training-checks[dask]'"
        ) from error
    for talkative in ("distributed", "distributed.client", "tornado.application", "asyncio"):  # it is said below once
        logging.getLogger(talkative).setLevel(logging.CRITICAL)
    failed = False
    try:
        with Client(scheduler) as client:
            calls = [client.submit(_call, task.function, i, task.configuration, pure=False) for i, task in tasks]
            for call in as_completed(calls):
                failed = call.status == "error"  # what the cell has raised
                yield call.result()
    except (Exception, CancelledError) as error:
        if failed:
            raise
        reason = f"the scheduler at {scheduler} is lost: finished cells are kept, the same command continues"
        raise FileError(reason) from error


def _wait_for_feeders() -> None:
    """At exit, when the processes have ended, wait for the threads that fed them.

    Such a thread gives its locks back last of all; if this process ends before, joblib's tracker calls them leaked.
    """
    atexit.unregister(_wait_for_feeders)
    for thread in threading.enumerate():
        if thread.name == "QueueFeederThread":
            thread.join(1)


@contextmanager
def _out_of_reach() -> Iterator[None]:
    """Processes started within it are not reached by Ctrl-C, which a terminal sends to all: this one ends them in order."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would let the signal through when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _watch(parent: int) -> None:
    """End this process when the one that started it has ended, in whatever way."""

    def wait() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """Those that have threads, looked for again when there are more ``modules``: it takes a millisecond."""
    return ThreadpoolController()


def _call(function: Callable[..., Arrays], index: int, cell: dict) -> tuple[int, tuple[Arrays, float]]:
    start = time.perf_counter()
    with _libraries(len(sys.modules)).limit(limits=1):
        try:
            arrays = {name: np.asarray(value) for name, value in function(**cell).items()}
        except Exception as error:
            error.add_note(
                f"in the cell {function.__module__}.{function.__name__}, which returns named arrays, of {cell}"
            )
            raise
    return index, (arrays, time.perf_counter() - start)


@lru_cache
def code_hash(module: str, path: str) -> str:
    """Hash of the code of ``module``, in the file ``path``, of all modules it imports, and of the libraries' versions.

    Modules are ours and the user's own, see `_is_followed`. Docstrings, comments and the layout of the text do not count.
    """
    seen, waiting, libraries = {}, [module], set()
    while waiting:
        name = waiting.pop()
        source = Path(path) if name == module else _source(name)
        if name in seen or source is None:
            continue
        seen[name], imported = read_code(source.read_text(encoding="utf-8"))
        waiting += [used for used in imported if _is_followed(used.split(".")[0])]
        libraries |= {used.split(".")[0] for used in imported} & LIBRARIES.keys()
    return _hash([seen, versions(libraries)])


def versions(libraries: set[str]) -> dict[str, str]:
    """Version of every library by the name under which it is imported, "absent" where it is not installed."""
    return {name: _version(LIBRARIES[name]) for name in sorted(libraries)}


@cache  # every record names them
def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "absent"


@cache
def read_code(source: str) -> tuple[str, frozenset[str]]:
    """The source text without comments, docstrings and layout, and the modules that it imports.

    ``from package import name`` counts as package.name where that is one.
    """
    tree, found = ast.parse(source), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {name for alias in node.names if _is_module(name := f"{node.module}.{alias.name}")}
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            body = node.body
            if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                if isinstance(body[0].value.value, str):
                    node.body = body[1:] or [ast.Pass()]
    return ast.unparse(tree), frozenset(found)


@cache
def _is_followed(package: str) -> bool:
    """Whether the code of a package counts: it is ours, or the user's own: neither Python's nor installed."""
    if package in OURS or package in sys.stdlib_module_names:
        return package in OURS
    source = _source(package)
    return source is not None and not {"site-packages", "dist-packages"} & {*source.parts}


@cache
def _source(module: str) -> Path | None:
    """The Python file of a module; None where it is not there or has none."""
    try:
        spec = importlib.util.find_spec(module)
    except (ValueError, ModuleNotFoundError):  # as __main__, or in what is no package
        return None
    return Path(spec.origin) if spec and spec.has_location and spec.origin.endswith(".py") else None


def _is_module(name: str) -> bool:
    """Whether it is one whose code counts; found without importing what it would be part of, which may take seconds."""
    if not _is_followed(name.split(".")[0]):
        return False
    try:
        package = importlib.util.find_spec(name.rpartition(".")[0])
        return bool(package and package.submodule_search_locations) and importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def write_record(path: Path | None, cell: dict, arrays: Arrays, seconds: float) -> None:
    """Write the arrays, then the JSON that vouches for them, and remove records of the same cell by other code."""
    if path is None:
        return
    with writing(path):
        path.parent.mkdir(exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_whole(path.with_suffix(".npz"), buffer.getvalue())
    record = {
        "configuration": cell,
        "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
        "arrays": sorted(arrays),
        "seconds": seconds,
        "versions": versions({"numpy", "scipy", "numba"}),
    }
    write_whole(path, json.dumps(record | {"seal": _hash(record)}, indent=1).encode())
    with writing(path.parent):
        own = path.name.split("-")[0]
        for name in os.listdir(path.parent):
            if name.startswith(f"{own}-") and name.endswith((".json", ".npz")) and Path(name).stem != path.stem:
                path.with_name(name).unlink(missing_ok=True)


def read_record(path: Path | None, cell: dict) -> Result | None:
    """Result of a whole record of this cell, None if there is none; a damaged record is reported and counts as none."""
    if path is None or not path.exists():
        return None
    try:
        record = json.loads(path.read_bytes())
        if record.pop("seal") != _hash(record):
            raise ValueError("its seal does not match")
        if record["configuration"] != json.loads(json.dumps(cell)):
            raise ValueError("it belongs to another configuration")
        content = path.with_suffix(".npz").read_bytes()
        if hashlib.sha256(content).hexdigest() != record["sha256"]:
            raise ValueError("its checksum does not match")
        with np.load(io.BytesIO(content)) as arrays:
            if sorted(arrays) != record["arrays"]:
                raise ValueError("arrays are missing")
            return Result(dict(arrays), float(record["seconds"]), kept=True)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        RecursionError,
        zipfile.BadZipFile,
    ) as error:
        warnings.warn(f"record {path} is damaged ({error}); its cell is computed again", stacklevel=2)
        return None
