"""What every command does first: our packages are looked for side by side, and output degrades where it cannot be printed.

Only the standard library is imported here: where packages of two projects are mixed, nothing else can be relied on.
"""

import codecs
import io
import os
import shlex
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

NAME = "lazy-training-checks"
OURS = ("argument_validation", "theory", "kernels", "checks", "figures", "benchmarks")
ROOT = Path(__file__).resolve().parent
keeps = True  # whether the command that runs keeps what is finished


def start() -> None:
    """Begin a command: let no character that is printed raise an error; leave with status 2 where a package is not ours."""
    _on_stop(_leave_at_once)
    codecs.register_error("degrade", _degrade)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="degrade")
    require_own_packages()


def leave(main: Callable[[], int | None]) -> NoReturn:
    """Run a command and leave with its status; one that Ctrl-C or SIGTERM stops first ends its workers and clears its line.

    With status 2 where it raises: 1 says that a claim is refuted.
    """
    stopped = []

    def stop(number: int, _frame: object) -> None:
        stopped.append(128 + number)
        sys.unraisablehook = threading.excepthook = lambda _: None  # what threads say when their processes end
        raise SystemExit

    _on_stop(stop)
    try:
        status = main()
    except BaseException as error:  # whatever became of the exit on its way
        if stopped:
            warnings.simplefilter("ignore")
            status = _say_stopped(stopped[0])
        elif isinstance(error, Exception):
            traceback.print_exc()
            status = 2
        else:
            raise
    sys.exit(status)


def _on_stop(handler: Callable[[int, object], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as it is under nohup
            signal.signal(number, handler)


def _leave_at_once(number: int, _frame: object) -> None:
    """While modules are imported, which may catch or rename an exception."""
    os._exit(_say_stopped(128 + number))


def _say_stopped(status: int) -> int:
    said = "stopped, finished cells are kept; continue with" if keeps else "stopped, nothing is kept; start again with"
    print(f"{said}: {shlex.join(sys.orig_argv)}", file=sys.stderr)
    return status


def require_own_packages() -> None:
    """Leave with status 2 and one sentence where one of our packages is not the one beside this file."""
    reason = foreign_package()
    if reason is not None:
        print(f"{reason}: use an environment of its own for {NAME}, or another working folder", file=sys.stderr)
        raise SystemExit(2)


def foreign_package(root: Path = ROOT) -> str | None:
    """What is wrong with the first of our packages that is not the one in ``root``, None if all are.

    The package index has other packages called kernels, checks and figures. On the path one may come before ours; installed
    into the same folder, it has overwritten ours or was overwritten.
    """
    for name in OURS:
        spec = find_spec(name)
        if spec is None:
            return f"`{name}` is not installed beside the others in {root}"
        if spec.origin is None or Path(spec.origin).resolve() not in (root / f"{name}.py", root / name / "__init__.py"):
            return (
                f"`{name}` is found at {spec.origin or next(iter(spec.submodule_search_locations))} and not in {root}"
            )
    for other in distributions(path=[str(root)]):
        files = {line.split(",")[0] for line in (other.read_text("RECORD") or "").splitlines()}
        shared = [name for name in OURS if {f"{name}.py", f"{name}/__init__.py"} & files]
        if shared and other.metadata["Name"] != NAME:
            return f"`{shared[0]}` in {root} belongs to {other.metadata['Name']} too"
    return None


def _degrade(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write bytes of a path that are no text as they are, and any other character as ``\\u…``, one at a time."""
    error.end = error.start + 1
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)
