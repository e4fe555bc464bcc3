"""paper_claims.md, generated from its record paper_claims.json and from nothing else."""

from collections.abc import Iterable
from itertools import groupby

from checks.running.record import ROOT, write_records
from checks.running.sweep import write_whole
from checks.running.table import expected, number

JSON_PATH, MARKDOWN_PATH = ROOT / "paper_claims.json", ROOT / "paper_claims.md"

HEADER = """# Claims and their evidence

Every theorem and finding that this project verifies, with the judge that was declared for it beforehand, what was measured,
and a control: a false variant that the same judge must refute. Generated from `paper_claims.json` by
`python -m checks --tier standard`; do not edit.

- `li2024demystifying`: Y. Li, T. Luo, Q. Zhou, *Demystifying Lazy Training of Neural Networks from a Macroscopic
  Viewpoint*, arXiv:2404.04859. The statements are reconstructions with explicit constants; each has its proof in
  [docs/theory.md](docs/theory.md), and none claims a theorem number of the paper.
- `chizat2019lazy`: L. Chizat, E. Oyallon, F. Bach, *On Lazy Training in Differentiable Programming*, arXiv:1812.07956.
- `numerics`: no paper; the numerical methods on which the other claims rest.

Verdicts: SUPPORTED, REFUTED, INCONCLUSIVE (the evidence decides nothing), HYPOTHESES_NOT_MET, NOT_RUN. A claim is
SUPPORTED only if every part is. *Measured* shows the part that came closest to failing. Intervals are Student t intervals
with error probability 1e-3 on each side, unless the judge says otherwise. A control is as it should be when it is REFUTED.
"""


def write_paper_claims(records: list[dict]) -> None:
    """Write the record and the table generated from it."""
    write_records(JSON_PATH, records)
    write_whole(MARKDOWN_PATH, markdown(records).encode())


def markdown(records: list[dict]) -> str:
    """The compact table, then one section a claim."""
    rows = ["| claim | predicted | measured | verdict | control | tests |", "|---|---|---|---|---|---|"]
    for r in records:
        anchor = r["label"].replace("/", "-")
        measured = f"{number(r['measured'], r['interval'])}, predicted {expected(r['hardest'])}: {r['hardest']['part']}"
        cells = (f"[{r['label']}](#{anchor})<br>{r['statement']}", r["predicted"], measured, r["verdict"])
        rows.append(_row(*cells, r["control_verdict"], f"{len(r['tests'])}"))
    return "\n".join([HEADER, *rows, "", *(section(r) for r in records)])


def section(r: dict) -> str:
    """Statement, judge, evidence part by part, controls, tests, figure and command of one claim."""
    anchor = r["label"].replace("/", "-")
    lines = [
        f'<a id="{anchor}"></a>',
        f"## {r['label']}",
        "",
        f"**{r['verdict']}**, controls **{r['control_verdict']}** ({r['tier']} tier, seed {r['seed']})",
        "",
        f"- Statement: {r['statement']}.",
        f"- Source: {r['source']}.",
        f"- Assumptions: {r['assumptions']}.",
        f"- Predicted: {r['predicted']}.",
        f"- Judge, as declared beforehand: {r['judge']}",
        f"- Control: {r['control']}.",
        "",
        "| kind of part | parts | SUPPORTED | measured from … to | tightness from … to | closest to failing |",
        "|---|---|---|---|---|---|",
        *(summary(kind, parts) for kind, parts in by_kind(r["parts"])),
        "",
        "| control | parts | REFUTED | measured from … to | tightness from … to | closest to passing |",
        "|---|---|---|---|---|---|",
        *(summary(kind, parts, control=True) for kind, parts in by_kind(r["controls"])),
        "",
        *details("Evidence part by part", r["parts"]),
        *details("Controls part by part", r["controls"]),
        "Tests: " + (", ".join(f"`{test}`" for test in r["tests"]) or "none") + ".",
        f"Figure: `{r['figure']}` (`python -m figures {r['figure']}`)." if r["figure"] else "No figure.",
        f"Repeat: `{r['command']}` ({r['seconds']:.0f} s).",
        "",
    ]
    return "\n".join(lines)


def by_kind(parts: list[dict]) -> Iterable[tuple[str, list[dict]]]:
    """Parts grouped by the first word of their name, ``kind · detail · …``."""
    kind = lambda part: part["part"].split(" · ")[0]  # noqa: E731
    return [(name, list(group)) for name, group in groupby(sorted(parts, key=kind), key=kind)]


def summary(kind: str, parts: list[dict], *, control: bool = False) -> str:
    """One row: how many parts, their range, and the extreme one."""
    wanted = "REFUTED" if control else "SUPPORTED"
    spans = []
    for key in ("measured", "tightness"):
        values = [part[key] for part in parts if part[key] is not None]
        spans.append(f"{number(min(values))} … {number(max(values))}" if values else "—")
    extreme = (min if control else max)(parts, key=lambda p: float("inf") if p["strain"] is None else p["strain"])
    text = f"{number(extreme['measured'], extreme['interval'])}, predicted {expected(extreme)}: {extreme['part']}"
    return _row(kind, len(parts), sum(part["verdict"] == wanted for part in parts), *spans, text)


def details(title: str, parts: list[dict]) -> list[str]:
    """A folded table of all parts."""
    rows = [
        _row(p["part"], expected(p), number(p["measured"], p["interval"]), number(p["tightness"]), p["verdict"])
        for p in parts
    ]
    head = ["| part | predicted | measured | tightness | verdict |", "|---|---|---|---|---|"]
    return [f"<details><summary>{title} ({len(parts)})</summary>", "", *head, *rows, "", "</details>", ""]


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
