"""The published form of records: the same parts in less space, and of every kind of control one row.

The first part of a kind is complete; the others name what is not as in the row above, with null for what they have not, and so
does the provenance of a claim. The row of a control has the number of its ``cases``, how many were ``refuted``, and the values
of the closest case: one that is not REFUTED, or was with the least strain. ``claims.json`` of a run has all rows complete.
"""

from itertools import groupby

CLOSEST = ("SUPPORTED", "INCONCLUSIVE", "HYPOTHESES_NOT_MET", "NOT_RUN", "REFUTED")


def published(records: list[dict]) -> list[dict]:
    """The published form of complete or `expanded` records."""
    found, where = [], {}
    for record in records:
        parts, above = [], {}
        for row in map(_short, record["parts"]):
            parts.append(_less(row, above if above.get("kind") == row["kind"] else {}))
            above = row
        controls = [_short(row) for row in control_kinds(record["controls"])]
        found.append(record | {"parts": parts, "controls": controls, "provenance": _less(record["provenance"], where)})
        where = record["provenance"]
    return found


def expanded(records: list[dict]) -> list[dict]:
    """Published records with complete parts and provenance."""
    found, where = [], {}
    for record in records:
        where, parts, above = _more(record["provenance"], where), [], {}
        for row in record["parts"]:
            above = _more(row, {} if "kind" in row else above)
            parts.append(above)
        found.append(record | {"parts": parts, "provenance": where})
    return found


def _less(row: dict, above: dict) -> dict:
    own = {key: value for key, value in row.items() if key not in above or above[key] != value}
    return own | {key: None for key in above if key not in row}


def _more(row: dict, above: dict) -> dict:
    return {key: value for key, value in {**above, **row}.items() if value is not None}


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
