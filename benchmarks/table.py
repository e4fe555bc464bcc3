"""The rows in a terminal, as JSON, and as docs/comparison.md."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.ratios import KEPT, Ratio
from checks.running.files import write_whole
from checks.running.record import provenance

RECORD = Path(__file__).with_name("ratios.json")
COMPARISON = Path(__file__).resolve().parents[1] / "docs" / "comparison.md"
HEADINGS = ("case", "against", "ours", "other", "ratio", "quartiles", "asked", "")

SHORT = {  # topics with rows below what is asked: where the time goes
    "limits": """At n = 500, L = 1 the pairs take about a millisecond of one core, shared by two: a third is for half-angles
from rows of 20 numbers, a fifth for the formula of the activation, a sixth for writing both triangles. Checking and
normalising the rows takes a sixth of a millisecond more, and a call starts its second thread and fills its caches anew, while
neural-tangents keeps its threads. For sin and cos, whose formula costs JAX least, twice its speed would be below these fixed
costs.
""",
}

INTRODUCTION = f"""# Speed, against floors and against other libraries

Made by `python -m benchmarks --write` from `benchmarks/ratios.json`; do not edit.

Each row compares two sides in one run, in turn: the **ratio** is the other side's cost over ours, so more is better. It is the
median of the pairs; quartiles beside it, where there is more than one. Against a floor (the matrix products that a computation
cannot do without) the ratio is the share of the floor, at most about one. `asked` is the least ratio that this project wants;
a row below it says so. In rows of growth the cost of a function is fitted by a power of a size, beside that of the operations
counted. Other libraries have environments of their own (`python -m benchmarks peers --install`), use every processor as ours
do, and have to give the same result before they are timed. `python -m benchmarks --check` measures again and fails where a
ratio fell below {KEPT:.0%} of the one written here.
"""


def facts() -> dict:
    """Machine and versions of a run."""
    found = provenance("", 0)
    del found["tier"], found["seed"]
    return found | {"processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()}


def quantity(value: float, unit: str) -> str:
    """A number with its unit: seconds from microseconds on, everything else to three digits."""
    if unit != "s":
        return f"{value:.3g}" if unit == "exponent" else f"{value:.4g} {unit}"
    scale, name = next((pair for pair in ((1, "s"), (1e3, "ms"), (1e6, "µs")) if value * pair[0] >= 1), (1e6, "µs"))
    return f"{value * scale:.3g} {name}"


def cells(row: Ratio) -> tuple[str, ...]:
    """The row as text under `HEADINGS`."""
    asked = "" if row.target is None else f"{row.target:.3g}"
    if not np.isfinite(row.ratio):
        return row.case, row.other, "", "", "", "", asked, row.note
    missed = "below" if row.target is not None and row.ratio < row.target else ""
    sides = quantity(row.ours, row.unit), quantity(row.theirs, row.unit)
    note = "; ".join(filter(None, (missed, row.note)))
    quartiles = f"{row.low:.3g}–{row.high:.3g}" if row.low < row.high else ""
    return row.case, row.other, *sides, f"{row.ratio:.3g}", quartiles, asked, note


def print_topic(console: Console, topic: str, rows: list[Ratio]) -> None:
    """One table a topic."""
    table = Table(title=topic, title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in ("case", "against", "") else "right")
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)


def where(machine: dict) -> str:
    """Day, machine and versions in one sentence."""
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    return (
        f"Measured on {machine['date']}, {machine['processors']} processors ({machine['processor']}), "
        f"Python {machine['python']}, {libraries}."
    )


def markdown(rows: list[Ratio], machines: dict[str, dict]) -> str:
    """docs/comparison.md, of rows and the machine of every topic."""
    text = [INTRODUCTION]
    for topic in dict.fromkeys(row.topic for row in rows):
        text.append(f"## {topic}\n\n{where(machines[topic])}\n")
        text.append(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}")
        own = [cells(row) for row in rows if row.topic == topic]
        text.extend(f"| {' | '.join(row)} |" for row in own)
        text.append("")
        if topic in SHORT and any(row[-1].startswith("below") for row in own):
            text.append(f"Below: {SHORT[topic]}")
    return "\n".join(text)


def write(path: Path, rows: list[Ratio], machines: dict[str, dict]) -> None:
    """JSON of the rows, NaN as null, and of the machine of every topic."""
    plain = [{k: v if v == v else None for k, v in dataclasses.asdict(row).items()} for row in rows]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in plain)
    text = f'{{"machines": {json.dumps(machines, ensure_ascii=False)},\n"rows": [\n{lines}\n]}}\n'
    write_whole(path, text.encode())


def read(path: Path) -> tuple[list[Ratio], dict[str, dict]]:
    """Rows and machines of a file that `write` made; none where there is no file."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"machines": {}, "rows": []}
    numbers = ("ours", "theirs", "ratio", "low", "high")
    rows = [row | {key: float("nan") for key in numbers if row[key] is None} for row in found["rows"]]
    return [Ratio(**row) for row in rows], found["machines"]
