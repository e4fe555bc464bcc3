"""The record of a run: one JSON object a claim, with everything that the claims table shows."""

import ast
import math
import platform
import subprocess
from datetime import date
from functools import cache
from pathlib import Path

from checks.claim import Claim, Findings, strain
from checks.running.declared import declared
from checks.running.sweep import LIBRARIES, versions
from checks.verdict import Evidence

ROOT = Path(__file__).resolve().parents[2]
IN_CHECKOUT = (ROOT / "pyproject.toml").is_file()  # tests and paper_claims.md are not installed
OUTSIDE = f"{ROOT} is not a checkout of the repository"


def record_of(claim: Claim, findings: Findings, *, tier: str, seed: int, seconds: float) -> dict:
    """Statement, declaration and evidence of a claim as plain JSON; numbers that are not finite become null."""
    return _plain(
        {
            "label": claim.label,
            "paper": claim.paper,
            "source": claim.source,
            "summary": claim.summary,
            "statement": claim.statement,
            "assumptions": claim.assumptions,
            "uses": list(claim.uses),
            "verdict": findings.verdict,
            "control_verdict": findings.control_verdict,
            "declared": declared(claim, tier),
            "tests": claim_tests(claim.label),
            "figure": claim.figure,
            "command": f"python -m checks run {claim.label} --tier {tier} --seed {seed}",
            "provenance": provenance(tier, seed),
            "seconds": round(seconds, 1),
            "parts": [_row(part) for part in findings.parts],
            "controls": [_row(part, control=True) for part in findings.controls],
        }
    )


def hardest(record: dict) -> dict:
    """The part that came closest to failing, or failed most clearly: the one a summary must show."""
    order = ("NOT_RUN", "HYPOTHESES_NOT_MET", "SUPPORTED", "INCONCLUSIVE", "REFUTED")
    strained = lambda row: float("inf") if row.get("strain") is None else row["strain"]  # noqa: E731
    return max(record["parts"], key=lambda row: (order.index(row["verdict"]), strained(row)))


def exit_status(records: list[dict]) -> int:
    """1 if a claim is REFUTED, or a control is SUPPORTED or undecided with a number; 3 if anything is undecided; else 0."""
    ran = [record for record in records if record["verdict"] != "NOT_RUN"]
    controls = [row for record in ran for row in record["controls"] if row["verdict"] not in ("REFUTED", "NOT_RUN")]
    judged = [row for row in controls if row["verdict"] == "SUPPORTED" or row.get("measured") is not None]
    if judged or any(record["verdict"] == "REFUTED" for record in ran):
        return 1
    return 3 if controls or any(record["verdict"] != "SUPPORTED" for record in ran) else 0


def _row(e: Evidence, *, control: bool = False) -> dict:
    """One line of evidence; what its ``kind`` measures is said in "declared". Of a control only what refutes it."""
    found = {
        "part": e.case if e.kind else e.part,
        "kind": e.kind,
        "side": e.side,
        "predicted": e.predicted,
        "margin": e.margin,
        "measured": e.measured,
        "interval": e.interval,
        "strain": strain(e),
        "resolution": e.resolution,
        "draws": e.draws,
        "excluded": e.excluded,
        "status": e.status,
        "verdict": e.verdict,
        "seconds": round(e.seconds, 1),
    }
    if control:
        found = {key: value for key, value in found.items() if key not in ("resolution", "draws", "status", "seconds")}
    if e.verdict not in ("SUPPORTED", "REFUTED"):
        found["note"] = e.note
    return {
        key: value for key, value in found.items() if value is not None and (value or key not in ("draws", "excluded"))
    }


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value


@cache
def _commit() -> tuple[str, bool]:
    """Commit of the checkout and whether something in it is not committed; "unknown" outside of one."""
    try:
        git = ["git", "-C", str(ROOT)]
        name = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changes = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True, check=True
        )
        return name, bool(changes.stdout.strip())
    except (OSError, subprocess.CalledProcessError):
        return "unknown", False


def provenance(tier: str, seed: int) -> dict:
    """Where a row comes from: commit, versions, processor, day, seed and tier."""
    commit, dirty = _commit()
    return {
        "commit": commit,
        "dirty": dirty,
        "python": platform.python_version(),
        "libraries": versions({name for name in LIBRARIES if name != "torch"}),
        "processor": f"{platform.machine()} {_processor()}".strip(),
        "date": date.today().isoformat(),
        "tier": tier,
        "seed": seed,
    }


@cache
def _processor() -> str:
    """Name of the processor where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def merged(old: list[dict], new: list[dict], order: list[str]) -> tuple[list[dict], list[str]]:
    """Records by label, new ones in place of old ones, in the ``order`` of the labels; and the labels that kept the old one.

    A row that was run is not replaced by NOT_RUN.
    """
    found, kept = {record["label"]: record for record in old}, []
    for record in new:
        before = found.get(record["label"])
        if before is not None and record["verdict"] == "NOT_RUN" and before["verdict"] != "NOT_RUN":
            kept.append(record["label"])
        else:
            found[record["label"]] = record
    place = {label: k for k, label in enumerate(order)}
    return sorted(found.values(), key=lambda record: place.get(record["label"], len(place))), kept


def claim_tests(label: str) -> list[dict]:
    """Name, file::function, and what it asserts, of the tests marked ``claim(label)``; none outside a checkout."""
    found = marked_tests(ROOT / "tests") if IN_CHECKOUT else ()
    return [{"name": name, "asserts": asserts(name)} for name, marked in found if marked == label]


def asserts(name: str) -> str:
    """What a test asserts, by its name file::function."""
    return name.split("::")[-1].removeprefix("test_").replace("_", " ")


@cache
def marked_tests(folder: Path) -> tuple[tuple[str, str], ...]:
    """(file::function, label) for every marker ``@pytest.mark.claim("label")`` below ``folder``."""
    found = []
    for path in sorted(folder.rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        if "pytest.mark.claim(" not in source:  # parsing is what takes the time
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.claim":
                        name = f"{path.relative_to(folder.parent)}::{node.name}"
                        found.append((name, ast.literal_eval(mark.args[0])))
    return tuple(found)
