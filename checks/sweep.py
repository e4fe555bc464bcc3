"""Runs the cells of a sweep in parallel and keeps every finished cell as a record on disk.

A cell is a call ``function(**configuration)`` of a module-level function with a JSON configuration that returns named
arrays. Its record is a pair of files: the arrays (NPZ), then a JSON with the configuration and the arrays' checksum,
each written under a temporary name and renamed, so that what has a JSON is whole. The records' name is a hash of the
configuration, of the source of the function's module and everything of ours that it imports, and of the versions of
the libraries that these import: a killed sweep resumes, a changed program starts afresh.
"""

import ast
import hashlib
import importlib.util
import io
import json
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import joblib
import numpy as np
from rich.progress import Progress
from threadpoolctl import threadpool_limits

Arrays = dict[str, np.ndarray]
OURS = ("argument_validation", "theory", "kernels", "checks", "figures", "benchmarks")
LIBRARIES = {"numpy": "numpy", "scipy": "scipy", "numba": "numba", "sklearn": "scikit-learn", "torch": "torch"}


class Sweep:
    """Engine for cells.

    Parameters
    ----------
    directory : where records are kept; None keeps none.
    jobs : processes; 1 runs in this one.
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

    def run(self, function: Callable[..., Arrays], cells: Sequence[dict], description: str = "") -> list[Arrays]:
        """Results of all cells in their order; those with a whole record are read, the rest computed and recorded."""
        paths = [self._path(function, cell) for cell in cells]
        results = [read_record(path) for path in paths]
        missing = [i for i, result in enumerate(results) if result is None]
        task = None
        if self.progress is not None:
            task = self.progress.add_task(description, total=len(cells), completed=len(cells) - len(missing))
        for i, result in self._compute(function, [(i, cells[i]) for i in missing]):
            results[i] = result
            write_record(paths[i], cells[i], result)
            if task is not None:
                self.progress.advance(task)
        if task is not None:
            self.progress.remove_task(task)
        return results

    def _path(self, function: Callable[..., Arrays], cell: dict) -> Path | None:
        if self.directory is None:
            return None
        key = json.dumps([cell, code_hash(function.__module__)], sort_keys=True)
        folder = self.directory / f"{function.__module__}.{function.__name__}"
        return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"

    def _compute(
        self, function: Callable[..., Arrays], cells: Sequence[tuple[int, dict]]
    ) -> Iterator[tuple[int, Arrays]]:
        if not cells:
            return
        if self.jobs == 1 and self.scheduler is None:
            yield from (_call(function, i, cell) for i, cell in cells)
            return
        with _backend(self.scheduler):
            jobs = None if self.scheduler else self.jobs
            parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
            yield from parallel(joblib.delayed(_call)(function, i, cell) for i, cell in cells)


@contextmanager
def _backend(scheduler: str | None) -> Iterator[None]:
    """Within it joblib runs its processes here, or on the cluster at ``scheduler``."""
    if scheduler is None:
        with warnings.catch_warnings():  # a process that PyTorch has made larger is replaced, which is no news
            warnings.filterwarnings(
                "ignore", message="A worker stopped while some jobs were given", category=UserWarning
            )
            yield
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError(
            f"`scheduler` {scheduler!r} needs dask.distributed: pip install 'lazy-training-checks[dask]'"
        ) from error
    with Client(scheduler), joblib.parallel_config(backend="dask", wait_for_workers_timeout=60):
        yield


def _call(function: Callable[..., Arrays], index: int, cell: dict) -> tuple[int, Arrays]:
    with threadpool_limits(1):
        return index, function(**cell)


@lru_cache
def code_hash(module: str) -> str:
    """Hash of the source of ``module``, of all our modules that it imports, directly or not, and of the libraries' versions."""
    seen, waiting, libraries = {}, [module], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        source = Path(importlib.util.find_spec(name).origin).read_text(encoding="utf-8")
        seen[name] = source
        imported = imported_modules(source)
        waiting += [used for used in imported if used.split(".")[0] in OURS]
        libraries |= {used.split(".")[0] for used in imported} & LIBRARIES.keys()
    versions = {name: version(LIBRARIES[name]) for name in libraries}
    return hashlib.sha256(json.dumps([seen, versions], sort_keys=True).encode()).hexdigest()


def imported_modules(source: str) -> set[str]:
    """Modules that the source text imports, ``from package import name`` counted as package.name where that is one."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {name for alias in node.names if _is_module(name := f"{node.module}.{alias.name}")}
    return found


def _is_module(name: str) -> bool:
    if name.split(".")[0] not in OURS:
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def write_record(path: Path | None, cell: dict, arrays: Arrays) -> None:
    """Write the arrays, then the JSON that vouches for them."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_whole(path.with_suffix(".npz"), buffer.getvalue())
    record = {"configuration": cell, "sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
    write_whole(path, json.dumps(record, indent=1).encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write under a temporary name and rename, so that no reader sees half a file."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    temporary.write_bytes(content)
    temporary.replace(path)


def read_record(path: Path | None) -> Arrays | None:
    """Arrays of a whole record, None if there is none; a damaged record is reported and counts as none."""
    if path is None or not path.exists():
        return None
    try:
        content = path.with_suffix(".npz").read_bytes()
        if hashlib.sha256(content).hexdigest() != json.loads(path.read_bytes())["sha256"]:
            raise ValueError("its checksum does not match")
        with np.load(io.BytesIO(content)) as arrays:
            return dict(arrays)
    except (OSError, ValueError, KeyError, TypeError) as error:
        warnings.warn(f"record {path} is damaged ({error}); its cell is computed again", stacklevel=2)
        return None
