"""The record of a run: one JSON object a claim, with everything that the claims table shows."""

import ast
import json
import math
from dataclasses import asdict
from pathlib import Path

from checks.claim import Claim, Findings, strain
from checks.sweep import write_whole
from checks.verdict import Evidence

ROOT = Path(__file__).resolve().parents[1]
IN_CHECKOUT = (ROOT / "pyproject.toml").is_file()  # tests and paper_claims.md are not installed
OUTSIDE = f"{ROOT} is not a checkout of the repository"


def record_of(claim: Claim, findings: Findings, *, tier: str, seed: int, seconds: float) -> dict:
    """Statement, judge and evidence of a claim as plain JSON; numbers that are not finite become null.

    ``measured``, ``interval`` and ``tightness`` are those of the part that came closest to failing.
    """
    hardest = findings.hardest
    return _plain(
        {
            "label": claim.label,
            "paper": claim.paper,
            "source": claim.source,
            "statement": claim.statement,
            "assumptions": claim.assumptions,
            "judge": claim.judge,
            "control": claim.control,
            "tier": tier,
            "seed": seed,
            "verdict": findings.verdict,
            "predicted": claim.predicted,
            "measured": hardest.measured,
            "interval": hardest.interval,
            "tightness": hardest.tightness,
            "hardest": _part(hardest),
            "control_verdict": findings.control_verdict,
            "tests": claim_tests(claim.label),
            "figure": claim.figure,
            "command": f"python -m checks run {claim.label} --tier {tier} --seed {seed}",
            "seconds": round(seconds, 1),
            "parts": [_part(part) for part in findings.parts],
            "controls": [_part(part) for part in findings.controls],
        }
    )


def _part(part: Evidence) -> dict:
    return asdict(part) | {"strain": strain(part)}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def write_records(path: Path, records: list[dict]) -> None:
    """Write the records as one JSON list, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(records, indent=1, ensure_ascii=False) + "\n").encode())


def claim_tests(label: str) -> list[str]:
    """Tests that carry the marker ``claim(label)``, as file::function; none outside a checkout, where they are not."""
    return [test for test, marked in marked_tests(ROOT / "tests") if marked == label] if IN_CHECKOUT else []


def marked_tests(folder: Path) -> list[tuple[str, str]]:
    """(file::function, label) for every marker ``@pytest.mark.claim("label")`` below ``folder``."""
    found = []
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.claim":
                        found.append(
                            (f"{path.relative_to(folder.parent)}::{node.name}", ast.literal_eval(mark.args[0]))
                        )
    return found
