"""Records in files: complete as a run writes them, or in the published form, the same in less space.

In the published form ``parts`` and ``controls`` are tables: ``columns`` has the names of the cells, and under every kind stand
its rows, one a line. A blank cell, "", and every cell for which a row is too short, is as in the row above, in the first row of
a kind nothing; null is nothing where the row above has something; and = is a piece of the name, between dots, that is as
above, == one that is =. Numbers have four digits, strain and resolution three, seconds are whole. A kind of control has one
row: the number of its ``cases``, how many were ``refuted``, and the values of the closest case, one that is not REFUTED, or was
with the least strain. Sizes and rules of an earlier part of the claim are named, "as in (a)"; tests stand under their files.
The provenance of a claim has what differs from that of the claim before. `read_records` reads either form.
"""

import json
import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from types import UnionType

from checks.running.declared import DOT
from checks.running.files import read_json, write_whole
from checks.running.record import asserts

KEYS = {"label": str, "verdict": str, "parts": list, "controls": list, "provenance": dict}
HEAD, SAME, BLANK = "columns", "=", ""
SHARED = ("sizes", "rules")  # of the declaration of a part
CLOSEST = ("SUPPORTED", "INCONCLUSIVE", "HYPOTHESES_NOT_MET", "NOT_RUN", "REFUTED")
COLUMNS = (
    *("part", "measured", "interval", "strain", "resolution", "predicted", "draws", "seconds", "excluded"),
    *("margin", "cases", "refuted", "side", "status", "verdict", "note"),
)  # what changes from case to case first


def read_records(path: Path, keys: Mapping[str, type | UnionType] = KEYS) -> list[dict]:
    """The complete records of a file of either form, with these ``keys``; none where there is no file.

    Of ``paper_claims.json`` and of ``claims.json`` alike every part is a dict, with the keys ``part`` (the name of its case),
    ``kind`` (the letter of what was measured, which ``declared`` explains), ``side``, ``predicted``, ``measured``, ``strain``,
    ``resolution``, ``status``, ``verdict`` and what else it has. A `FileError` where the file is no record of runs.
    """
    return read_json(path, list, keys, expanded)


def write_records(path: Path, records: list[dict]) -> None:
    """Write the records as one JSON list with a line for every part, whole or not at all."""
    write_whole(path, ("[\n" + ",\n".join(map(_lines, records)) + "\n]\n").encode())


def _lines(record: dict) -> str:
    """One claim: a line for every entry, and for every row, declaration and test."""
    text = []
    for key, value in record.items():
        if not value or key not in ("declared", "tests", "parts", "controls"):
            lines = _compact(value)
        elif isinstance(value, list):
            lines = "[\n  " + ",\n  ".join(map(_compact, value)) + "\n ]"
        else:
            groups = [_compact(name) + ": [" + ",\n   ".join(map(_compact, rows)) + "]" for name, rows in value.items()]
            lines = "{\n  " + ",\n  ".join(groups) + "\n }"
        text.append(f' "{key}": {lines}')
    return "{\n" + ",\n".join(text) + "\n}"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def published(records: list[dict]) -> list[dict]:
    """The published form of complete records."""
    found, where = [], {}
    for record in records:
        tests: dict[str, list[str]] = {}
        for test in record.get("tests", []):
            file, _, name = test["name"].partition("::")
            tests.setdefault(file, []).append(name)
        changed = {
            "declared": _named(record.get("declared", [])),
            "tests": tests,
            "provenance": _less(record["provenance"], where),
            "parts": _table(record["parts"]),
            "controls": _table(control_kinds(record["controls"])),
        }
        found.append(record | changed)
        where = record["provenance"]
    return found


def expanded(records: list[dict]) -> list[dict]:
    """Complete records of published ones; complete ones as they are."""
    found, where = [], {}
    for record in records:
        if isinstance(record["parts"], dict):
            where = _more(record["provenance"], where)
            names = [f"{file}::{name}" for file, own in record["tests"].items() for name in own]
            record = record | {
                "declared": _spelled(record["declared"]),
                "tests": [{"name": name, "asserts": asserts(name)} for name in names],
                "provenance": where,
                "parts": _rows(record["parts"]),
                "controls": _rows(record["controls"]),
            }
        found.append(record)
    return found


def _table(rows: list[dict]) -> dict[str, list[list]]:
    """The names of the columns, and under their kinds the cells of the rows."""
    rows = [_short(row) for row in rows]
    names = {name for row in rows for name in row} - {"kind"}
    columns = [*filter(names.__contains__, COLUMNS), *sorted(names.difference(COLUMNS))]
    found: dict[str, list[list]] = {HEAD: [columns]} | {row["kind"]: [] for row in rows}
    above: dict[str, dict] = {}
    for row in rows:
        old = above.get(row["kind"], {})
        cells = [BLANK if row.get(key) == old.get(key) else row.get(key) for key in columns]
        cells[0] = _ditto(row["part"], old.get("part"))
        while cells[-1] == BLANK and len(cells) > 1:
            cells.pop()
        found[row["kind"]].append(cells)
        above[row["kind"]] = row
    return found


def _rows(table: dict[str, list[list]]) -> list[dict]:
    """The rows of a table, complete."""
    (columns,), found = table[HEAD], []
    for kind, rows in table.items():
        row: dict = {}
        for cells in rows if kind != HEAD else ():
            cells = [*cells, *[BLANK] * (len(columns) - len(cells))]
            own = {key: cell for key, cell in zip(columns, cells, strict=True) if cell != BLANK}
            row = _more(own | {"part": _written(cells[0], row.get("part")), "kind": kind}, row)
            found.append(row)
    return found


def _less(row: dict, above: dict) -> dict:
    own = {key: value for key, value in row.items() if key not in above or above[key] != value}
    return own | {key: None for key in above if key not in row}


def _more(row: dict, above: dict) -> dict:
    return {key: value for key, value in {**above, **row}.items() if value is not None}


def _ditto(name: str, above: str | None) -> str:
    """A name with = for the pieces that are as above, one more = for those that are nothing but =."""
    old = [] if above is None else above.split(DOT)
    pieces = enumerate(name.split(DOT))
    return DOT.join(SAME if [piece] == old[k : k + 1] else piece + SAME * (set(piece) == {SAME}) for k, piece in pieces)


def _written(name: str, above: str | None) -> str:
    """The name that `_ditto` has shortened."""
    old = [] if above is None else above.split(DOT)
    pieces = enumerate(name.split(DOT))
    return DOT.join(old[k] if piece == SAME else piece[set(piece) == {SAME} :] for k, piece in pieces)


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
    """A row without what is undefined or empty and digits that say nothing, whole numbers as integers."""
    kept = {key: value for key, value in row.items() if value is not None and (value != "" or key == "part")}
    own = {key: round(value) if key == "seconds" else value for key, value in kept.items()}
    return {key: _rounded(value, 3 if key in ("strain", "resolution") else 4) for key, value in own.items()}


def _rounded(value: object, digits: int) -> object:
    if isinstance(value, list):
        return [_rounded(item, digits) for item in value]
    if not isinstance(value, float):
        return value
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 10**digits else short
