"""Files of runs: written whole or not at all, never overwritten unread, and shared by runs into one folder at the same time."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from types import UnionType

try:
    import fcntl
except ImportError:  # Windows, where nobody waits
    fcntl = None

STALE = ("*.json.*.part", "*cells/*/*.part", "figures/*.part")


class FileError(OSError):
    """What is wrong with a file, a folder or a cluster, and what to do, in one sentence."""


@contextmanager
def told(program: str) -> Iterator[None]:
    """Leave with status 2 and the sentence of a `FileError`."""
    try:
        yield
    except FileError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within it an `OSError` says that ``path`` cannot be written."""
    try:
        yield
    except OSError as error:
        reason = f"{path} cannot be written ({error.strerror}): when it can, the same command continues"
        raise FileError(reason) from error


@contextmanager
def reading_record(path: Path) -> Iterator[None]:
    """Within it an entry of a record that is not what it should be says that ``path`` is none."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(f"{path} is no record of runs ({type(error).__name__}: {error})") from error


def write_whole(path: Path, content: bytes) -> None:
    """Write under a temporary name and rename, so that no reader sees half a file."""
    temporary = path.with_name(f"{path.name}.{token_hex(4)}.part")
    with writing(path):
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        finally:
            with suppress(OSError):  # the folder may be gone
                temporary.unlink(missing_ok=True)


def read_json(
    path: Path, kind: type, keys: Mapping[str, type | UnionType], form: Callable = lambda found: found
) -> list | dict:
    """A list of objects that have these keys, or a dict of dicts of such objects; empty where there is no file.

    ``keys`` has the type of every value; a list is one of objects. ``form`` is applied to the content before.
    """
    try:
        found = form(json.loads(path.read_text(encoding="utf-8")))
        rows = found if kind is list else [row for group in found.values() for row in group.values()]
        values = [(row[key], of) for row in rows for key, of in keys.items()]
        entries = [(entry, dict) for value, of in values if of is list for entry in value]
        if not all(isinstance(value, of) for value, of in [(found, kind), *values, *entries]):
            raise TypeError
    except FileNotFoundError:
        return kind()
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        other = isinstance(error, TypeError | LookupError | AttributeError) or type(error) is ValueError
        reason = "it is no record of runs" if other else getattr(error, "strerror", error)
        raise FileError(
            f"{path} cannot be read ({reason}): repair it or move it away, it is not overwritten"
        ) from error
    return found


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at ``path``: what another run reads and writes under it comes before or after."""
    with writing(path.parent):
        file = path.open("a")
    with file:
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def run_folder(out: Path) -> Iterator[None]:
    """Make the folder of a run and see that it takes files; without another run there, remove what was left half written."""
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out) as probe:
            probe.write(bytes(2**16))
        file = (out / ".running").open("a")
    with file:
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody else
                for pattern in STALE:
                    for path in out.glob(pattern):
                        path.unlink(missing_ok=True)
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_SH)
        yield
