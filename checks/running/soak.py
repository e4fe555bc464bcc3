"""How often claims fail at seeds that nobody used: every seed is a run of its own, kept in one file when it is finished."""

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from checks.claim import Claim, Run
from checks.judges.frequency import clopper_pearson
from checks.running.files import locked, read_json, write_whole
from checks.running.record import exit_status, record_of
from checks.running.sweep import LIBRARIES, versions
from checks.running.verify import verify

OUTCOME = {"code": str, "verdict": str, "control_verdict": str, "seconds": int | float, "status": int, "failed": list}
LEVEL = 0.05  # the upper limits are wrong with this probability


def soak(
    claims: Sequence[Claim],
    run: Run,
    seeds: Sequence[int],
    path: Path,
    *,
    weight: Mapping[tuple[str, str], float] = MappingProxyType({}),
    tell: Callable[[str], None] = print,
    advance: Callable[[int, int], None] = lambda finished, planned: None,
) -> int:
    """Run the claims at every seed, `tell` a line for each and the rates at the end; 0 if none failed, else 1 or 3 as a run.

    ``path``, of one tier, keeps the outcome of each claim at each seed, with its rows that are not as they should be. What
    stands there from the same code and libraries is not run again; records of cells are removed with each finished seed.
    """
    found, codes = read_json(path, dict, OUTCOME), {claim.label: code(claim) for claim in claims}
    for seed in seeds:
        kept = found.setdefault(str(seed), {})
        missing = [claim for claim in claims if kept.get(claim.label, {}).get("code") != codes[claim.label]]
        results = verify(missing, replace(run, seed=seed), weight=weight, advance=advance)
        for claim in missing:
            findings, seconds = results[claim.label]
            record = record_of(claim, findings, tier=run.tier, seed=seed, seconds=seconds)
            kept[claim.label] = {"code": codes[claim.label], **outcome(record)}
        with locked(path.with_name(".lock")):  # another run may have finished other seeds
            found = read_json(path, dict, OUTCOME)
            found[str(seed)] = found.get(str(seed), {}) | kept
            write_whole(path, json.dumps(found, ensure_ascii=False, indent=1).encode())
        run.sweep.forget()
        tell(seed_line(seed, {claim.label: kept[claim.label] for claim in claims}))
    rows = {claim.label: [found[str(seed)][claim.label] for seed in seeds] for claim in claims}
    for label, outcomes in rows.items():
        tell(rate_line(label, outcomes))
    if len(rows) > 1:
        tell(rate_line("all claims", [one for outcomes in rows.values() for one in outcomes]))
    statuses = {one["status"] for outcomes in rows.values() for one in outcomes}
    return 1 if 1 in statuses else max(statuses, default=0)


def outcome(record: dict) -> dict:
    """Of a record the verdicts, the exit status that it alone would give, its cost, and the rows that failed."""
    rows = [row for row in record["parts"] if row["verdict"] not in ("SUPPORTED", "NOT_RUN")]
    rows += [row for row in record["controls"] if row["verdict"] not in ("REFUTED", "NOT_RUN")]
    kept = {key: record[key] for key in ("verdict", "control_verdict", "seconds")}
    return kept | {"status": exit_status([record]), "failed": rows}


def seed_line(seed: int, outcomes: dict[str, dict]) -> str:
    """How many claims are as they should be at one seed, and what is not."""
    ran = {label: one for label, one in outcomes.items() if one["verdict"] != "NOT_RUN"}
    good = sum(one["status"] == 0 for one in ran.values())
    failed = [
        f"{label} ({row['kind']}) {row['part']} {row['verdict']}" for label, one in ran.items() for row in one["failed"]
    ]
    seconds = sum(one["seconds"] for one in ran.values())
    return "; ".join([f"seed {seed}: {good} of {len(ran)} as they should be, {seconds:.0f} s of cells", *failed])


def rate_line(label: str, outcomes: Sequence[dict]) -> str:
    """The shares of seeds at which a claim was not SUPPORTED and its controls were not REFUTED, with upper limits."""
    ran = [one for one in outcomes if one["verdict"] != "NOT_RUN"]
    if not ran:
        return f"{label}: NOT_RUN"
    texts = []
    for name, key, wanted in (
        ("not SUPPORTED", "verdict", "SUPPORTED"),
        ("controls not REFUTED", "control_verdict", "REFUTED"),
    ):
        failures = sum(one[key] not in (wanted, "NOT_RUN") for one in ran)
        limit = clopper_pearson(failures, len(ran), LEVEL)[1]
        texts.append(f"{name} {failures} of {len(ran)}, at most {limit:.3g}")
    return f"{label}: {'; '.join(texts)} ({1 - LEVEL:.0%} confidence)"


def code(claim: Claim) -> str:
    """Hash of the text of all modules that run a claim, of the file of its cells where that is another one, and of versions."""
    own = {Path(inspect.getsourcefile(inspect.unwrap(part.cell))) for part in claim.parts}
    text = b"".join(path.read_bytes() for path in sorted(_ours() | own))
    return hashlib.sha256(text + json.dumps(versions(set(LIBRARIES))).encode()).hexdigest()[:20]


@cache
def _ours() -> frozenset[Path]:
    root = Path(__file__).resolve().parents[2]
    packages = [path for name in ("theory", "kernels", "checks") for path in (root / name).rglob("*.py")]
    return frozenset([root / "argument_validation.py", *packages])
