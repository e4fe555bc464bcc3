"""paper_claims.md, generated from its record paper_claims.json and from nothing else."""

from collections.abc import Iterable
from itertools import groupby

from checks.running.declared import kinds
from checks.running.record import ROOT, hardest, write_records
from checks.running.sweep import write_whole
from checks.running.table import declared_lines, expected, full_name, number, resolution

JSON_PATH, MARKDOWN_PATH = ROOT / "paper_claims.json", ROOT / "paper_claims.md"

HEADER = """# Claims and their evidence

Every theorem and finding that this project verifies, with the rules that were declared for it beforehand, what was measured,
and controls: false variants that the same rules must refute. Generated from `paper_claims.json` by
`python -m checks --tier standard`; do not edit.

- `li2024demystifying`: Y. Li, T. Luo, Q. Zhou, *Demystifying Lazy Training of Neural Networks from a Macroscopic
  Viewpoint*, arXiv:2404.04859. The statements are reconstructions with explicit constants; each has its proof in
  [docs/theory.md](docs/theory.md), and none claims a theorem number of the paper.
- `chizat2019lazy`: L. Chizat, E. Oyallon, F. Bach, *On Lazy Training in Differentiable Programming*, arXiv:1812.07956.
- `numerics`: no paper; the numerical methods on which the other claims rest.

How to read a row. *Measured* shows the part that came closest to failing, with the interval of its mean, against what was
predicted: a value ± its margin, or a bound on one side (≤, ≥). *Strain* is the share of the allowance that this part used, 1
at the edge. *Resolution* is the nearest false statement that the same data and rule refute: for an exponent the shift, for
a constant the factor, for a bound the factor by which it could be sharper. *Status*: proved in docs/theory.md, derived (to
leading order, remainders not bounded), or measured. Verdicts: SUPPORTED, REFUTED, INCONCLUSIVE (the evidence decides nothing),
HYPOTHESES_NOT_MET, NOT_RUN. A claim is SUPPORTED only if every part is in every case; a control is as it should be when it is
REFUTED. A random part has up to four looks, with S, 2S, 4S and 8S draws, which share its error probability.

Judges. A level is the error probability on each side of a Student t interval, or of a Clopper-Pearson limit. A log-log slope is
taken for every draw over all sizes; "upper half alike" means that the slope over the upper half of the sizes must not differ
from it by more than the margin. The error of an entry is the change when every numerical tolerance is cut by ten, at most 0.01
of the ratio to its bound; the share of entries that must be within the hypotheses stands with the rule.
"""
COLUMNS = ("claim", "predicted", "measured", "strain", "resolution", "status", "verdict", "control", "tests")


def write_paper_claims(records: list[dict]) -> None:
    """Write the record and the table generated from it."""
    write_records(JSON_PATH, records)
    write_whole(MARKDOWN_PATH, markdown(records).encode())


def markdown(records: list[dict]) -> str:
    """The compact table, then one section a claim."""
    rows = [_row(*COLUMNS), "|" + "---|" * len(COLUMNS)]
    for r in records:
        worst = hardest(r)
        rows.append(
            _row(
                f"[{r['label']}](#{anchor(r['label'])})<br>{plain(r['summary'])}",
                expected(worst),
                f"{number(worst.get('measured'), worst.get('interval'))}<br>{plain(full_name(r, worst))}",
                number(worst.get("strain")),
                resolution(worst),
                ", ".join(statuses(r)),
                r["verdict"],
                r["control_verdict"],
                "<br>".join(test_link(test) for test in r["tests"]),
            )
        )
    shared = max({provenance(r): 0 for r in records}, key=[provenance(r) for r in records].count) if records else ""
    head = [HEADER, f"{shared}, where a claim does not say otherwise.\n"] if shared else [HEADER]
    return "\n".join([*head, *rows, "", *(section(r, shared) for r in records)])


def anchor(label: str) -> str:
    """The anchor of a claim, in this file and in docs/theory.md."""
    return label.replace("/", "-")


def plain(text: str) -> str:
    """Text that Markdown leaves as it is: no emphasis from asterisks and underscores, no cell ends, no tags."""
    for character in "\\*_|<>`":
        text = text.replace(character, f"\\{character}")
    return text


def statuses(r: dict) -> list[str]:
    """What kinds of statement the parts are."""
    return list(dict.fromkeys(part["status"] for part in r["declared"]))


def test_link(test: dict) -> str:
    """The name of a test, as a link to its file."""
    path, name = test["name"].split("::")
    return f"[{plain(name.removeprefix('test_'))}]({path})"


def tests_by_file(tests: list[dict]) -> list[str]:
    """A line for every file: its link and what its tests assert."""
    files: dict[str, list[str]] = {}
    for test in tests:
        files.setdefault(test["name"].split("::")[0], []).append(test["asserts"])
    return [f"- [{path}]({path}): {plain('; '.join(asserted))}." for path, asserted in files.items()]


def provenance(r: dict) -> str:
    """Where a row comes from, in one line."""
    p = r["provenance"]
    libraries = ", ".join(f"{name} {version}" for name, version in p["libraries"].items())
    commit = f"{p['commit'][:12]}{' with changes' * p['dirty']}"
    return f"Commit {commit}, {p['date']}, Python {p['python']}, {libraries}; {p['processor']}"


def section(r: dict, shared: str) -> str:
    """Statement, declaration, evidence by kind, controls, tests, figure, command and provenance of one claim."""
    names = kinds(r)
    heading = r["label"].split("/")[1]
    lines = [
        f'<a id="{anchor(r["label"])}"></a>',
        f"## {r['label']}",
        "",
        f"**{r['verdict']}**, controls **{r['control_verdict']}**. [Statement and proof](docs/theory.md#{heading}).",
        "",
        f"- Statement: {plain(r['statement'])}.",
        f"- Source: {plain(r['source'])}.",
        f"- Assumptions: {plain(r['assumptions'])}.",
    ]
    for part in r["declared"]:
        lines.append(f"- ({part['kind']}) {plain(part['says'])}: {part['status']}.")
        lines += [f"  - {plain(line)}" for line in declared_lines(part)]
    for title, rows, wanted in (("part", r["parts"], "SUPPORTED"), ("control", r["controls"], "REFUTED")):
        lines += ["", _row(title, "cases", wanted, "excluded", "measured", "strain", "resolution", "hardest case")]
        lines.append("|" + "---|" * 8)
        lines += [summary(names.get(kind, kind), own, wanted) for kind, own in by_kind(rows)]
    lines += ["", "Tests:", *tests_by_file(r["tests"])]
    if r["figure"]:
        lines += ["", f"Figure: `python -m figures {r['figure']}`."]
    where = "" if provenance(r) == shared else f" {provenance(r)}."
    lines += ["", f"Repeat: `{r['command']}` ({r['seconds']:.0f} s of cells).{where}", ""]
    return "\n".join(lines)


def by_kind(rows: list[dict]) -> Iterable[tuple[str, list[dict]]]:
    """Rows grouped by what they measure."""
    return [(kind, list(own)) for kind, own in groupby(sorted(rows, key=lambda r: r["kind"]), key=lambda r: r["kind"])]


def summary(kind: str, rows: list[dict], wanted: str) -> str:
    """One row: how many cases, their range, and the one that came closest to the other outcome."""
    measured = [row["measured"] for row in rows if row.get("measured") is not None]
    span = f"{number(min(measured))} … {number(max(measured))}" if measured else "—"
    extreme = (max if wanted == "SUPPORTED" else min)(rows, key=lambda r: _or_infinity(r.get("strain")))
    text = f"{number(extreme.get('measured'), extreme.get('interval'))}, predicted {expected(extreme)}"
    decided = sum(row["verdict"] == wanted for row in rows)
    strain, excluded = number(extreme.get("strain")), sum(row.get("excluded", 0) for row in rows)
    return _row(
        plain(kind),
        len(rows),
        decided,
        excluded,
        span,
        strain,
        resolution(extreme),
        f"{text}: {plain(extreme['part'])}",
    )


def _or_infinity(value: float | None) -> float:
    return float("inf") if value is None else value


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
