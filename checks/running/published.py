"""The published form of records: the same parts in less space, and of every kind of control one row.

The first part of a kind is complete; the others have their name and what is not as in the row above, with null for what they
have not, and = for a piece of the name, between dots, that is as above. Sizes and rules of an earlier part of the claim are
named, "as in (a)". The provenance of a claim has what differs from that of the claim above. The row of a control has the number
of its ``cases``, how many were ``refuted``, and the values of the closest case: one that is not REFUTED, or was with the least
strain. What a test asserts is its name. ``claims.json`` of a run has all rows complete.
"""

import re
from itertools import groupby

from checks.running.record import asserts

DOT, SAME = " · ", "="
SHARED = ("sizes", "rules")  # of the declaration of a part
CLOSEST = ("SUPPORTED", "INCONCLUSIVE", "HYPOTHESES_NOT_MET", "NOT_RUN", "REFUTED")


def published(records: list[dict]) -> list[dict]:
    """The published form of complete or `expanded` records."""
    found, where = [], {}
    for record in records:
        parts, above = [], {}
        for row in map(_short, record["parts"]):
            known = above.get("kind") == row["kind"] and SAME not in row["part"].split(DOT)
            parts.append(_less(row | {"part": _ditto(row["part"], above["part"])}, above) if known else row)
            above = row
        changed = {
            "parts": parts,
            "controls": [_short(row) for row in control_kinds(record["controls"])],
            "declared": _named(record.get("declared", [])),
            "tests": [{"name": test["name"]} for test in record.get("tests", [])],
            "provenance": _less(record["provenance"], where),
        }
        found.append({key: changed.get(key, value) for key, value in record.items()})
        where = record["provenance"]
    return found


def expanded(records: list[dict]) -> list[dict]:
    """Published records with complete parts and provenance."""
    found, where = [], {}
    for record in records:
        where, parts, above = _more(record["provenance"], where), [], {}
        for row in record["parts"]:
            above = row if "kind" in row else _more(row | {"part": _written(row["part"], above["part"])}, above)
            parts.append(above)
        changed = {
            "parts": parts,
            "declared": _spelled(record.get("declared", [])),
            "tests": [{"name": test["name"], "asserts": asserts(test["name"])} for test in record.get("tests", [])],
            "provenance": where,
        }
        found.append({key: changed.get(key, value) for key, value in record.items()})
    return found


def _less(row: dict, above: dict) -> dict:
    own = {key: value for key, value in row.items() if key not in above or above[key] != value}
    return own | {key: None for key in above if key not in row}


def _more(row: dict, above: dict) -> dict:
    return {key: value for key, value in {**above, **row}.items() if value is not None}


def _ditto(name: str, above: str) -> str:
    pieces, old = name.split(DOT), above.split(DOT)
    same = len(pieces) == len(old)
    return DOT.join(SAME if same and piece == old[k] else piece for k, piece in enumerate(pieces))


def _written(name: str, above: str) -> str:
    pieces, old = name.split(DOT), above.split(DOT)
    same = len(pieces) == len(old)
    return DOT.join(old[k] if same and piece == SAME else piece for k, piece in enumerate(pieces))


def _named(declared: list[dict]) -> list[dict]:
    """Sizes and rules by the first part that has them."""
    first: dict[tuple, str] = {}
    found = []
    for part in declared:
        owners = {key: first.setdefault((key, str(part[key])), part["kind"]) for key in SHARED if key in part}
        found.append(part | {key: f"as in ({kind})" for key, kind in owners.items() if kind != part["kind"]})
    return found


def _spelled(declared: list[dict]) -> list[dict]:
    """The same in full."""
    of = {part["kind"]: part for part in declared}
    named = lambda value: re.fullmatch(r"as in \((.+)\)", value) if isinstance(value, str) else None  # noqa: E731
    return [part | {k: of[name[1]][k] for k in SHARED if (name := named(part.get(k)))} for part in declared]


def control_kinds(controls: list[dict]) -> list[dict]:
    """One row a kind of control; rows that are such already stay as they are."""
    found = []
    for _, own in groupby(sorted(controls, key=lambda row: row["kind"]), key=lambda row: row["kind"]):
        rows = list(own)
        closest = min(rows, key=lambda row: (CLOSEST.index(row["verdict"]), row.get("strain") or 0.0))
        cases = sum(row.get("cases", 1) for row in rows)
        refuted = sum(row.get("refuted", row["verdict"] == "REFUTED") for row in rows)
        found.append(closest | {"cases": cases, "refuted": refuted})
    return found


def _short(row: dict) -> dict:
    """A row without what is undefined, seconds below one and digits that say nothing; whole numbers as integers."""
    row = row | {"seconds": float(round(row.get("seconds", 0.0)))}
    rounded = {key: _rounded(value, 3 if key in ("strain", "resolution") else 4) for key, value in row.items()}
    return {key: value for key, value in rounded.items() if value is not None and (value or key != "seconds")}


def _rounded(value: object, digits: int) -> object:
    if isinstance(value, list):
        return [_rounded(item, digits) for item in value]
    if not isinstance(value, float):
        return value
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 10**digits else short
