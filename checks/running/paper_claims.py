"""paper_claims.md, generated from its record paper_claims.json and from nothing else."""

from pathlib import Path

from checks.running.declared import cases_text, kinds
from checks.running.files import reading_record, write_whole
from checks.running.published import control_kinds, expanded, published
from checks.running.record import ROOT, hardest, read_records, write_records
from checks.running.table import cases_line, expected, number, resolution
from checks.verdict import LEVEL

JSON_PATH, MARKDOWN_PATH = ROOT / "paper_claims.json", ROOT / "paper_claims.md"

HEADER = """# Claims and their evidence

Every theorem and finding that this project verifies, with the rules that were declared for it beforehand, what was measured,
and controls: false variants that the same rules must refute. Generated from `paper_claims.json` by
`python -m checks --tier standard`; do not edit.

- `li2024demystifying`: Y. Li, T. Luo, Q. Zhou, *Demystifying Lazy Training of Neural Networks from a Macroscopic
  Viewpoint*, arXiv:2404.04859. The statements are reconstructions with explicit constants; each has its proof in
  [docs/theory.md](docs/theory.md), and none claims a theorem number of the paper.
- `chizat2019lazy`: L. Chizat, E. Oyallon, F. Bach, *On Lazy Training in Differentiable Programming*, arXiv:1812.07956.
- `jacot2018neural`: A. Jacot, F. Gabriel, C. Hongler, *Neural Tangent Kernel: Convergence and Generalization in Neural
  Networks*, arXiv:1806.07572.
- `oymak2019overparameterized`: S. Oymak, M. Soltanolkotabi, *Overparameterized Nonlinear Learning: Gradient Descent Takes the
  Shortest Path?*, arXiv:1812.10004.
- `arora2019fine`: S. Arora, S. S. Du, W. Hu, Z. Li, R. Wang, *Fine-Grained Analysis of Optimization and Generalization for
  Overparameterized Two-Layer Neural Networks*, arXiv:1901.08584.
- `lee2019wide`: J. Lee et al., *Wide Neural Networks of Any Depth Evolve as Linear Models Under Gradient Descent*,
  arXiv:1902.06720.
- `nguyen2021tight`: Q. Nguyen, M. Mondelli, G. Montúfar, *Tight Bounds on the Smallest Eigenvalue of the Neural Tangent Kernel
  for Deep ReLU Networks*, arXiv:2012.11654.
- `yang2021feature`: G. Yang, E. J. Hu, *Tensor Programs IV: Feature Learning in Infinite-Width Neural Networks*,
  arXiv:2011.14522.
- `numerics`: no paper; the numerical methods on which the other claims rest.

How to read a row. *Measured* shows the part that came closest to failing, with the interval of its mean, against what was
predicted: a value ± its margin, or a bound on one side (≤, ≥). *Strain* is the share of the allowance that this part used, 1
at the edge. *Resolution* is the nearest false statement that the same data and rule refute: for an exponent the shift, for
a constant the factor, for a bound the factor by which it could be sharper. *Status*: proved in docs/theory.md, derived (to
leading order, remainders not bounded), or measured. Verdicts: SUPPORTED, REFUTED, INCONCLUSIVE (the evidence decides nothing),
HYPOTHESES_NOT_MET, NOT_RUN. A claim is SUPPORTED only if every part is in every case; a control is as it should be when it is
REFUTED, and of its cases the one that came closest to SUPPORTED is shown. A random part has up to four looks, with S, 2S, 4S
and 8S draws, which share its error probability. All parts, case by case, are in `paper_claims.json`, where a row of the same
kind as the row above has what differs; in its name = stands for a piece that is the same. There too, and in what
`python -m checks run` prints, are the rules and sizes that a control does not share with its part, its closest case, and the
reasons for sizes and margins.

Judges. A level is the error probability on each side of a Student t interval, or of a Clopper-Pearson limit, shared among the
looks; it is 0.001 where no other is named. A log-log slope is taken for every draw over all sizes; "upper half alike" means
that the slope over the upper half of the sizes must not differ from it by more than the margin. The error of an entry is the
change when every numerical tolerance is cut by ten, at most 0.01 of the ratio to its bound; the share of entries that must be
within the hypotheses stands with the rule. Of more than four values the first and the last are shown with their number.
"""
LONG = 60  # characters of rules that are not repeated within a claim
COLUMNS = ("claim", "predicted", "measured", "strain", "resolution", "status", "verdict", "control", "tests")


def write_paper_claims(records: list[dict]) -> None:
    """Write the record and the table generated from it."""
    write_records(JSON_PATH, published(records))
    write_whole(MARKDOWN_PATH, markdown(read_paper_claims()).encode())


def read_paper_claims() -> list[dict]:
    """The records of the claims table; none where there is no file. A `FileError` where no table can be made of them."""
    with reading_record(JSON_PATH):
        records = expanded(read_records(JSON_PATH))
        markdown(records)
    return records


def markdown(records: list[dict]) -> str:
    """The compact table, then one section a claim."""
    rows = [_row(*COLUMNS), "|" + "---|" * len(COLUMNS)]
    for r in records:
        worst = hardest(r)
        rows.append(
            _row(
                f"[{r['label']}](#{anchor(r['label'])})<br>{plain(r['summary'])}",
                expected(worst),
                f"{number(worst.get('measured'), worst.get('interval'))}<br>{plain(kinds(r)[worst['kind']])}",
                number(worst.get("strain")),
                resolution(worst),
                ", ".join(statuses(r)),
                r["verdict"],
                r["control_verdict"],
                "<br>".join(f"[{plain(Path(path).stem)}]({path})" for path in test_files(r)),
            )
        )
    shared = max({provenance(r): 0 for r in records}, key=[provenance(r) for r in records].count) if records else ""
    head = [HEADER, f"{shared}, where a claim does not say otherwise.\n"] if shared else [HEADER]
    return "\n".join([*head, *rows, "", *(section(r, shared) for r in records)])


def anchor(label: str) -> str:
    """The anchor that GitHub gives the section of a claim."""
    return label.replace("/", "-")


def plain(text: str) -> str:
    """Text that Markdown leaves as it is: no emphasis from asterisks and underscores, no cell ends, no tags."""
    for character in "\\*_|<>`":
        text = text.replace(character, f"\\{character}")
    return text


def statuses(r: dict) -> list[str]:
    """What kinds of statement the parts are."""
    return list(dict.fromkeys(part["status"] for part in r["declared"]))


def test_files(r: dict) -> list[str]:
    """The files of its tests."""
    return list(dict.fromkeys(test["name"].split("::")[0] for test in r["tests"]))


def provenance(r: dict) -> str:
    """Where a row comes from, in one line."""
    p = r["provenance"]
    libraries = ", ".join(f"{name} {version}" for name, version in p["libraries"].items())
    commit = f"{p['commit'][:12]}{' with changes' * p['dirty']}"
    return f"Commit {commit}, {p['date']}, Python {p['python']}, {libraries}; {p['processor']}"


def section(r: dict, shared: str) -> str:
    """Statement, parts with their rules, controls and evidence, tests, figure, command and provenance of one claim."""
    proof = f"[proof](docs/theory.md#{r['label'].split('/')[1]})"
    source = plain(r["source"]).replace("proof in docs/theory.md", proof)
    source += "" if proof in source else f"; {proof.replace('proof', 'statement', 1)}"
    lines = [
        f"## {r['label'].replace('/', ' ')}",
        "",
        f"**{r['verdict']}**, controls **{r['control_verdict']}**. Source: {source}.",
        "",
        f"- Statement: {plain(r['statement'])}.",
        f"- Assumptions: {plain(r['assumptions'])}.",
    ]
    controls, seen = {row["kind"]: row for row in control_kinds(r["controls"])}, {}
    for part in r["declared"]:
        lines.append(f"- ({part['kind']}) {plain(part['says'])}: {part['status']}.")
        rules = tuple(rule.replace(f" at level {LEVEL:g}", "") for rule in part.get("rules", ()))
        first = seen.setdefault(rules, part["kind"])
        known = (f"as in ({first})",) if len("".join(rules)) > LONG and first != part["kind"] else rules
        lines += [f"  - judge: {plain(rule)}" for rule in known]
        cases = cases_line(part)
        first = seen.setdefault(cases, part["kind"])
        same = part["cases"] and first != part["kind"]
        lines.append(f"  - {cases_text(part['cases'])} as in ({first})" if same else f"  - {plain(cases)}")
        for control in part.get("controls", ()):
            outcome = control_outcome(controls.get(control["kind"]))
            lines.append(f"  - control: {plain(control['says'])} — {plain(outcome)}")
    lines += ["", _row("part", "SUPPORTED", "strain", "resolution", "hardest case")]
    lines.append("|" + "---|" * 5)
    for kind in dict.fromkeys(row["kind"] for row in r["parts"]):
        lines.append(summary(kind, [row for row in r["parts"] if row["kind"] == kind]))
    lines += ["", f"Tests: {'; '.join(plain(test['asserts']) for test in r['tests'])}.", ""]
    where = "" if provenance(r) == shared else f" {provenance(r)}."
    figure = f" Figure: `python -m figures {r['figure']}`." if r["figure"] else ""
    command = r["command"].replace(f"{r['paper']}/", "")
    lines += [f"Repeat: `{command}`, {r['seconds']:.0f} s.{figure}{where}", ""]
    return "\n".join(lines)


def control_outcome(row: dict | None) -> str:
    """In how many cases a control is REFUTED, and what was measured in the closest against what it predicts."""
    if row is None or row["verdict"] == "NOT_RUN":
        return "not run"
    return (
        f"{row['refuted']} of {row['cases']} REFUTED, closest {number(row.get('measured'))}, predicted {expected(row)}"
    )


def summary(kind: str, rows: list[dict]) -> str:
    """One row: in how many cases a part is SUPPORTED, and the one that came closest to failing."""
    worst, excluded = hardest({"parts": rows}), sum(row.get("excluded", 0) for row in rows)
    name = f": {plain(worst['part'])}" if worst["part"] else ""
    return _row(
        f"({kind})",
        f"{sum(row['verdict'] == 'SUPPORTED' for row in rows)} of {len(rows)}{f', {excluded} excluded' * (excluded > 0)}",
        number(worst.get("strain")),
        resolution(worst),
        f"{number(worst.get('measured'), worst.get('interval'))}, predicted {expected(worst)}{name}",
    )


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
