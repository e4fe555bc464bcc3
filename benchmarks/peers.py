"""Other libraries, each in an environment of its own, timed in turn with ours."""

import json
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.ratios import Ratio, interleaved, missing, ratio, seconds

ENVIRONMENTS = Path(__file__).resolve().parents[1] / ".venv-peers"
SCRIPTS = Path(__file__).with_name("peer_scripts")
INSTALL = "python -m benchmarks peers --install"


@dataclass(frozen=True)
class Peer:
    """A library: what to install, and the script that calls it."""

    requirements: tuple[str, ...]
    script: str


PEERS = {
    "neural-tangents": Peer(
        ("neural-tangents==0.6.5", "jax==0.4.30", "jaxlib==0.4.30", "numpy<2", "scipy<1.15"), "with_jax.py"
    ),
    "diffrax": Peer(("diffrax==0.6.0", "jax==0.4.30", "jaxlib==0.4.30", "numpy<2", "scipy<1.15"), "with_diffrax.py"),
    "torch": Peer(("torch==2.13.0", "numpy"), "with_torch.py"),
}


def python_of(name: str) -> Path:
    """The interpreter of this peer's environment, there or not."""
    return ENVIRONMENTS / name / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install(name: str, tell: Callable[[str], None]) -> bool:
    """Make the peer's environment anew; whether that went well."""
    folder = ENVIRONMENTS / name
    shutil.rmtree(folder, ignore_errors=True)
    tell(f"{name}: {' '.join(PEERS[name].requirements)}")
    venv.create(folder, with_pip=True)
    command = [python_of(name), "-m", "pip", "install", "--quiet", *PEERS[name].requirements]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        tell(f"{name} cannot be installed here: {(done.stderr.strip() or 'pip says nothing').splitlines()[-1]}")
        shutil.rmtree(folder, ignore_errors=True)
    return not done.returncode


class Worker:
    """A process of a peer that prepares a case and then times it whenever it is asked."""

    def __init__(self, name: str) -> None:
        script = SCRIPTS / PEERS[name].script
        self.errors = tempfile.TemporaryFile("w+")  # a pipe that nobody reads would fill and stop the peer
        self.process = subprocess.Popen(
            [python_of(name), script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )

    def ask(self, request: dict) -> dict:
        """Send one line, read one line."""
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
            return json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            self.process.wait()
            self.errors.seek(0)
            said = [line for line in self.errors if "Error" in line] or ["it ended without a word"]
            raise RuntimeError(said[-1].strip()) from None

    def prepare(self, request: dict, arrays: dict[str, np.ndarray]) -> np.ndarray:
        """Hand the case over, let the peer compile it, and return its result."""
        with tempfile.TemporaryDirectory() as folder:
            given, found = Path(folder, "given.npz"), Path(folder, "found.npy")
            np.savez(given, **arrays)
            self.ask(request | {"given": str(given), "found": str(found)})
            return np.load(found)

    def seconds(self) -> float:
        """Wall time of one call of the prepared case."""
        return self.ask({"task": "time"})["seconds"]

    def close(self) -> None:
        """End the process."""
        with self.process, self.errors:
            self.process.kill()


@cache
def worker(name: str) -> Worker:
    """The running process of this peer."""
    return Worker(name)


def end(name: str) -> None:
    """Stop the peer's process: the next case starts a new one."""
    worker(name).close()
    worker.cache_clear()


def against(
    name: str,
    row: tuple[str, str],
    request: dict,
    arrays: dict[str, np.ndarray],
    ours: Callable[[], np.ndarray],
    *,
    repeats: int,
    target: float | None = None,
    tolerance: float = 1e-7,
) -> Ratio:
    """The row (topic, case) against the peer, whose result has to be ours to ``tolerance`` of its largest entry."""
    if not python_of(name).exists():
        return missing(*row, name, f"not installed: {INSTALL}", target)
    try:
        found, expected = worker(name).prepare(request, arrays), np.asarray(ours())
        error = np.abs(found - expected).max() / np.abs(expected).max()
        if not error <= tolerance:
            return missing(*row, name, f"its result differs by {error:.1g} of the largest entry", target)
        note = f"results agree to {error:.0e}"
        return ratio(*row, name, *interleaved(seconds(ours), worker(name).seconds, repeats), target=target, note=note)
    except RuntimeError as error:
        end(name)
        return missing(*row, name, f"it fails: {error}", target)
