"""paper_claims.md, generated from its record paper_claims.json and from nothing else."""

import re
from collections.abc import Sequence
from pathlib import Path

from checks.judges import AtMost, LocalSlope
from checks.judges.sides import COARSE
from checks.running.files import reading_record, write_whole
from checks.running.published import control_kinds, published, read_records, write_records
from checks.running.record import ROOT, hardest
from checks.running.table import expected, number, resolution
from checks.verdict import LEVEL

JSON_PATH, MARKDOWN_PATH = ROOT / "paper_claims.json", ROOT / "paper_claims.md"

HEADER = f"""# Claims and their evidence

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

How to read a row:

- *Measured* is the part that came closest to failing, its letter in brackets, with the interval of its mean. *Predicted* is a
  value ± its margin, or a bound on one side (≤, ≥), with the margin that an exponent is allowed beyond it. Numbers are rounded
  to four digits; verdicts come from those that are not.
- *Strain* is the share of the allowance that this part used, 0 for a perfect hit and 1 at the edge. Below 0 an exponent with a
  bound on one side needs none of its margin: its whole interval is on the right side of the bound itself.
- *Resolution* is the nearest false statement that the same data and rule refute: for an exponent, and for what is predicted to
  be 0, the shift, for another constant the factor, for a bound the factor by which it could be sharper; — where no sharper
  bound is refuted, as what it bounds was exactly 0 or never happened.
- *Status*: proved in docs/theory.md, derived (to leading order, remainders not bounded), or measured.
- *Verdict*: SUPPORTED, REFUTED, INCONCLUSIVE (the evidence decides nothing), HYPOTHESES_NOT_MET or NOT_RUN. A claim is
  SUPPORTED only if every part is in every case.
- *Control*: as it should be when it is REFUTED. Its numbers, measured against predicted, are those of the case that came
  closest to SUPPORTED.

What the rules of the judges leave out:

- The *level* is the error probability on each side of a Student t interval, or of a Clopper-Pearson limit, shared among the
  looks; it is {LEVEL:g} where no other is named.
- *S to 8S draws*: up to four looks, with S, 2S, 4S and 8S draws; what is decided stops.
- A *log-log slope* is taken for every draw over all sizes; *upper half alike*: the slope over the upper half of the sizes must
  not differ from it by more than the margin.
- *Local slopes*, where nothing is random but the models, are those between neighbouring sizes; three that are all off by more
  than {LocalSlope.disagree:g} refute.
- *In the worst entry*: every number of every draw is judged, known up to the change when every numerical tolerance is cut by
  ten, at most {COARSE:g} of its ratio to the bound. At least {AtMost.least_share:.0%} must be within the hypotheses; the others
  are counted as excluded.
- *A proved lower bound* is what was measured, — where nothing was proved; resolution is the factor from it to the eigenvalue
  as computed, strain 1 less its inverse.
- Behind a rule stand the cases that have it, of more than four the first and the last.

All cases are in `paper_claims.json`, one a line; [Repeating a row](docs/repeating_a_row.md) says how to read it. There too,
and in what `python -m checks run` prints, are the sizes of the cases, the rules and sizes that a control does not share with
its part, its closest case, and the reasons for sizes and margins. The seconds of a claim are those of all its cells.
"""
KNOWN = (
    rf" at level {LEVEL:g}(?!\d)|, refuted beyond ± {LocalSlope.disagree:g}(?!\d)|, {AtMost.least_share:.0%} within.*"
)
LONG = 60  # characters of rules that are not repeated within a claim
COLUMNS = ("claim", "predicted", "measured", "strain", "resolution", "status", "verdict", "control", "tests")
PARTS = ("part", "SUPPORTED", "strain", "resolution", "measured", "predicted", "hardest case")


def write_paper_claims(records: list[dict]) -> None:
    """Write the record and the table generated from it."""
    write_records(JSON_PATH, published(records))
    write_whole(MARKDOWN_PATH, markdown(read_paper_claims()).encode())


def read_paper_claims() -> list[dict]:
    """The records of the claims table; none where there is no file. A `FileError` where no table can be made of them."""
    with reading_record(JSON_PATH):
        records = read_records(JSON_PATH)
        markdown(records)
    return records


def markdown(records: list[dict]) -> str:
    """The compact table, then one section a claim."""
    rows = _head(COLUMNS)
    for r in records:
        worst = hardest(r)
        rows.append(
            _row(
                f"[{r['label']}](#{anchor(r['label'])})<br>{plain(r['summary'])}",
                expected(worst),
                f"({worst['kind']}) {number(worst.get('measured'), worst.get('interval'))}",
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
    place = f"docs/theory.md#{r['label'].split('/')[1]}"
    source, linked = re.subn(r"(proofs?|derivation) in docs/theory\.md", rf"[\1]({place})", plain(r["source"]))
    source += "" if linked else f"; [statement]({place})"
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
        lines.append(f"- ({part['kind']}) {plain(part['says'])}: {part['status']}{drawn(part)}.")
        rules = tuple(plain(re.sub(KNOWN, "", rule)) for rule in part.get("rules", ()))
        first = seen.setdefault(rules, part["kind"])
        known = (f"as in ({first})",) if len("".join(rules)) > LONG and first != part["kind"] else rules
        lines += [f"  - judge: {rule}" for rule in known]
        for control in part.get("controls", ()):
            outcome = control_outcome(controls.get(control["kind"]))
            lines.append(f"  - control: {plain(control['says'])} — {plain(outcome)}")
    lines += ["", *_head(PARTS)]
    for kind in dict.fromkeys(row["kind"] for row in r["parts"]):
        lines.append(summary(kind, [row for row in r["parts"] if row["kind"] == kind]))
    lines += ["", f"Tests: {'; '.join(plain(test['asserts']) for test in r['tests'])}.", ""]
    own = ", ".join(entry for entry in provenance(r).split(", ") if entry not in shared.split(", "))
    figure = f" Figure: `python -m figures {r['figure']}`." if r["figure"] else ""
    command = r["command"].replace(f"{r['paper']}/", "")
    lines += [f"Repeat: `{command}`, {r['seconds']:.0f} s.{figure}{f' {own}.' * bool(own)}", ""]
    return "\n".join(lines)


def drawn(part: dict) -> str:
    """How many draws decide a part, "S to 8S" in up to four looks, or that it has no cases."""
    if not part["cases"]:
        return ", no cases at this tier"
    draws = re.sub(r", up to (\d+) in \d+ looks", r" to \1", part["draws"])
    return "" if draws == "none" else f", {draws} draw{'s' * (draws != '1')}"


def control_outcome(row: dict | None) -> str:
    """In how many cases a control is REFUTED, and what was measured in the closest against what it predicts."""
    if row is None or row["verdict"] == "NOT_RUN":
        return "not run"
    return f"{row['refuted']} of {row['cases']} REFUTED, {number(row.get('measured'))} against {expected(row)}"


def summary(kind: str, rows: list[dict]) -> str:
    """One row: in how many cases a part is SUPPORTED, and the one that came closest to failing."""
    worst, excluded = hardest({"parts": rows}), sum(row.get("excluded", 0) for row in rows)
    return _row(
        f"({kind})",
        f"{sum(row['verdict'] == 'SUPPORTED' for row in rows)} of {len(rows)}{f', {excluded} excluded' * (excluded > 0)}",
        number(worst.get("strain")),
        resolution(worst),
        number(worst.get("measured"), worst.get("interval")),
        expected(worst),
        plain(worst["part"]),
    )


def _head(names: Sequence[str]) -> list[str]:
    return [_row(*names), "|" + "---|" * len(names)]


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
