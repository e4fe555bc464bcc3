"""The page: an overview that can be filtered and sorted, the graph of uses, and every claim with all its evidence."""

import base64
import hashlib
import math
import re
from collections import Counter
from collections.abc import Container
from html import escape
from itertools import accumulate
from pathlib import Path
from urllib.parse import quote

from checks.report.graph import draw
from checks.report.mathematics import typeset
from checks.running.citation import citation, field, papers
from checks.running.declared import cases_text
from checks.running.files import FileError, reading_record
from checks.running.paper_claims import anchor, control_outcome, provenance, statuses
from checks.running.published import KEYS, control_kinds, read_records
from checks.running.record import hardest
from checks.running.table import cases_line, count_line, expected, number, resolution
from checks.verdict import Verdict

HERE = Path(__file__).resolve().parent
TEXTS = ("paper", "source", "summary", "statement", "assumptions", "control_verdict", "figure", "command")
SHOWN = KEYS | dict.fromkeys(TEXTS, str) | {"declared": list, "tests": list, "seconds": int | float}
MARKS = {"SUPPORTED": "✓", "REFUTED": "✗", "INCONCLUSIVE": "?", "HYPOTHESES_NOT_MET": "∅", "NOT_RUN": "–"}
LIMIT = 3_000_000  # bytes
EDGE = 0.8  # where on its bar the strain is 1
NAMED = 3  # authors of a paper, of more the first
WIDEST_SHIFT, WIDEST_FACTOR = 0.5, 100.0  # the ends of the bars of a resolution
COLUMNS = ("case", "measured", "predicted", "strain", "resolution", "draws", "verdict")


def report_of(path: Path, folder: Path) -> tuple[bytes, list[str]]:
    """The page of the record at ``path``, a `FileError` if it is none, and the names of figures that have no room on it.

    Pictures are taken from ``folder`` where it has them, the smallest first, until the page has `LIMIT` bytes.
    """
    records = read_records(path, SHOWN)
    if not records:
        raise FileError(f"there are no claims in {path}: python -m checks makes results/claims.json")
    with reading_record(path):
        room = LIMIT - len(page(records, {}).encode())
        drawn = {r["figure"]: figure(r["figure"], folder) for r in records if re.fullmatch(r"\w+", r["figure"])}
        ordered = sorted(filter(drawn.get, drawn), key=lambda name: len(drawn[name]))
        used = accumulate(len(drawn[name].encode()) for name in ordered)
        fits = {name: drawn[name] for name, size in zip(ordered, used, strict=True) if size <= room}
        return page(records, fits).encode(), [name for name in ordered if name not in fits]


def page(records: list[dict], drawn: dict[str, str]) -> str:
    """HTML of complete records with the figures ``drawn``. Every text is escaped, and no script but the page's own may run."""
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'"
    home = {r["figure"]: r["label"] for r in reversed(records)}  # the first claim of a figure shows it
    used_by = {r["label"]: [o["label"] for o in records if r["label"] in o.get("uses", ())] for r in records}
    claims = "\n".join(section(r, used_by[r["label"]], used_by.keys(), pictured(r, home, drawn)) for r in records)
    graph = draw({r["label"]: r.get("uses", []) for r in records}, {r["label"]: anchor_of(r["label"]) for r in records})
    alone = [r["label"] for r in records if not used_by[r["label"]] and not r.get("uses")]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="color-scheme" content="light dark">
<title>Lazy-training checks: claims and their evidence</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<a class="skip" href="#claims">To the claims</a>
<header>
<h1>Lazy-training checks</h1>
{"".join(f"<p>{sentence}</p>" for sentence in sentences(records))}
<nav aria-label="Page"><a href="#claims">Claims</a> <a href="#graph">What uses what</a>
<a href="#reading">How to read it</a> <a href="#evidence">One by one</a></nav>
</header>
<main>
<section id="claims" aria-labelledby="claims-title">
<h2 id="claims-title">Claims</h2>
{filters(records)}
{overview(records)}
</section>
<section id="graph" aria-labelledby="graph-heading">
<h2 id="graph-heading">Which statement uses which</h2>
<p>An arrow leads from a statement to one whose proof or derivation uses it. Every claim below has the same as links.</p>
<div class="wide" tabindex="0" role="region" aria-label="Graph of uses">{graph}</div>
<p>Neither use nor are used: {", ".join(link(label) for label in alone) or "none"}.</p>
</section>
<section id="reading" aria-labelledby="reading-title">
<h2 id="reading-title">How to read it</h2>
{READING}
</section>
<section id="evidence" aria-labelledby="evidence-title">
<h2 id="evidence-title">The claims one by one</h2>
<p class="tools"><button type="button" id="unfold" hidden>Unfold all parts</button></p>
{claims}
</section>
</main>
<footer><p>{escape(count_line(records))}. Made by <code>python -m checks report</code>; needs no network.</p></footer>
<script>{script}</script>
</body>
</html>
"""


READING = f"""<dl>
<dt>Verdict</dt><dd>A claim is SUPPORTED only if every part is, in every case. REFUTED, INCONCLUSIVE (the evidence decides
nothing), HYPOTHESES_NOT_MET and NOT_RUN are the other outcomes. SUPPORTED is no proof: where there is one, the part says
“proved” and docs/theory.md has it.</dd>
<dt>Strain</dt><dd>The share of the allowance that was used: 0 is a perfect hit, 1, the line across the bar, the edge, beyond
which nothing is SUPPORTED; below 0 an exponent with a bound on one side needs none of its margin. The bar of a claim is that of
its case that came closest to failing.</dd>
<dt>Resolution</dt><dd>The nearest false statement that the same data and the same rule refute: for an exponent a shift (bar
from 0 to {WIDEST_SHIFT:g}), for a constant or a bound a factor, × (bar from 1 to {WIDEST_FACTOR:g}, logarithmic). A short bar
is sharp evidence; a long one says that the evidence, or the bound, is loose; — that no sharper bound is refuted, as what it
bounds was exactly 0 or never happened.</dd>
<dt>Controls</dt><dd>False variants of the statement, judged by the same rules. One is as it should be when it is REFUTED.</dd>
<dt>Status</dt><dd>proved: docs/theory.md has a proof; derived: to leading order, remainders not bounded; measured: an
empirical finding.</dd>
</dl>"""


def sentences(records: list[dict]) -> list[str]:
    """What was verified, in three sentences."""
    rows, kinds = [row for r in records for row in r["parts"]], [part for r in records for part in r["declared"]]
    by_paper = Counter(r["paper"] for r in records)
    of = ", ".join(f"{count} of {escape(paper_text(paper))}" for paper, count in by_paper.items())
    verdicts, status = Counter(r["verdict"] for r in records), Counter(part["status"] for part in kinds)
    controls = [row for r in records for row in control_kinds(r["controls"])]
    refuted = sum(row["verdict"] == "REFUTED" for row in controls)
    runs = Counter((r["provenance"]["tier"], r["provenance"]["seed"]) for r in records)
    (tier, seed), count = runs.most_common(1)[0]
    share = "" if count == len(records) else f" in {count} of {len(records)} claims"
    said = ", ".join(
        f"{verdicts[name]} {name}" for name in Verdict if verdicts[name] or name in ("SUPPORTED", "REFUTED")
    )
    return [
        f"{len(records)} claims ({of}) were taken apart into {len(kinds)} parts and judged in {len(rows)} cases, by rules that "
        f"stood before anything ran: <strong>{said}</strong>.",
        f"The same rules were given {len(controls)} controls, false variants that they must refute, and "
        f"<strong>{refuted} of {len(controls)}</strong> were REFUTED.",
        f"{status['proved']} of the parts are proved, {status['derived']} derived to leading order, {status['measured']} "
        f"measured, and the evidence comes from the {escape(str(tier))} tier with seed {escape(str(seed))}{share}.",
    ]


def paper_text(key: str) -> str:
    """Authors and year of a paper."""
    entry = papers().get(key)
    if entry is None:
        return "the numerical methods" if key == "numerics" else key
    names = [name.split(",")[0] for name in field(entry, "author").split(" and ")]
    named = (
        " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if len(names) <= NAMED else f"{names[0]} et al."
    )
    return f"{named} {field(entry, 'year')}"


def filters(records: list[dict]) -> str:
    """The form that chooses claims; without its script it stays hidden."""
    found = {
        "paper": {r["paper"]: paper_text(r["paper"]) for r in records},
        "verdict": {r["verdict"]: r["verdict"] for r in records},
        "status": {status: status for r in records for status in statuses(r)},
    }
    chosen = "".join(
        f'<label>{name.capitalize()} <select name="{name}"><option value="">all</option>'
        + "".join(f'<option value="{escape(key)}">{escape(text)}</option>' for key, text in options.items())
        + "</select></label>"
        for name, options in found.items()
    )
    text = '<label>Text <input type="search" name="text" placeholder="label, statement, symbol"></label>'
    return (
        f'<form id="filter" role="search" aria-label="Choose claims" hidden>{text}{chosen}<button type="reset">All</button> '
        f'<output aria-live="polite">{len(records)} of {len(records)} claims</output></form>'
    )


def overview(records: list[dict]) -> str:
    """One row a claim."""
    rows = []
    for r in records:
        worst, supported = hardest(r), sum(row["verdict"] == "SUPPORTED" for row in r["parts"])
        controls = control_kinds(r["controls"])
        refuted = f"{sum(row['verdict'] == 'REFUTED' for row in controls)} of {len(controls)}"
        rows.append(
            f"<tr {data(r)}><th scope=row>{link(r['label'])}<small class=math>{typeset(r['summary'])}</small></th>"
            f"<td data-name=verdict>{verdict(r['verdict'])}<small>{supported} of {cases_text(len(r['parts']))}</small></td>"
            f"<td data-name=strain>{strain_bar(worst)}</td><td data-name=resolution>{resolution_bar(r, worst)}</td>"
            f"<td data-name=controls>{verdict(r['control_verdict'], control=True)}<small>{refuted}</small></td>"
            f"<td data-name=status>{escape(', '.join(statuses(r)))}</td></tr>"
        )
    names = ("claim", "verdict", "strain", "resolution", "controls", "status")
    caption = "<caption>Strain and resolution are those of the case that came closest to failing.</caption>"
    return table("overview", caption, names, rows)


def table(look: str, caption: str, names: tuple[str, ...], rows: list[str]) -> str:
    """A table that the script makes sortable."""
    head = "".join(f"<th scope=col>{name}</th>" for name in names)
    return f'<table class="sort {look}">{caption}<thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def section(r: dict, used_by: list[str], known: Container[str], picture: str) -> str:
    """Everything about one claim."""
    name = r["label"].split("/")[-1]
    listed = lambda labels: ", ".join(link(x) if x in known else escape(x) for x in labels) or "none"  # noqa: E731
    facts = {
        "Statement": f'<span class="math statement" data-find>{"<br>".join(map(typeset, steps(r["statement"])))}.</span>',
        "Assumptions": f'<span class="math" data-find>{typeset(r["assumptions"])}.</span>',
        "Source": escape(r["source"].replace("docs/theory.md", f"docs/theory.md#{name}")),
        "Uses": f"{listed(r.get('uses', ()))}; used by {listed(used_by)}",
    }
    listing = "".join(f"<dt>{key}</dt><dd>{value}</dd>" for key, value in facts.items())
    tests = (
        "".join(f"<li>{escape(t['asserts'])}<br><code>{escape(t['name'])}</code></li>" for t in r["tests"])
        or "<li>none on record</li>"
    )
    parts = "".join(part_of(r, part) for part in r["declared"])
    run = f"{escape(provenance(r))}; {escape(str(r['provenance']['tier']))} tier, seed {escape(str(r['provenance']['seed']))}"
    return f"""<article id="{anchor_of(r["label"])}" {data(r)} aria-labelledby="{anchor_of(r["label"])}-name">
<h3 id="{anchor_of(r["label"])}-name" data-find><small>{escape(r["paper"])}/</small>{escape(name)} {verdict(r["verdict"])}</h3>
<p class="math" data-find>{typeset(r["summary"])}</p>
<dl>{listing}</dl>
<h4>Parts <small>strain and resolution of the hardest case</small></h4>
{parts}
{picture}
<details><summary>Tests ({len(r["tests"])})</summary><ul>{tests}</ul></details>
<details><summary>Repeat, provenance</summary><pre class="copy">{escape(r["command"])}</pre>
<p>{r["seconds"]:.0f} s of cells. {run}.</p></details>
<details><summary>Cite</summary><pre class="copy">{escape(citation(r["label"], r))}</pre></details>
</article>"""


def steps(statement: str) -> list[str]:
    """A statement cut before each of its letters, "(a)" or "(e), (f)"."""
    return re.split(r"(?<=[:;.] )(?=\([a-z]′?\)[ ,-])", statement)


def part_of(r: dict, part: dict) -> str:
    """One part, folded: its rule, sizes, controls with their outcomes, and all cases."""
    kind = part["kind"]
    rows = [row for row in r["parts"] if row["kind"] == kind]
    outcomes = {row["kind"]: row for row in control_kinds(r["controls"])}
    lines = [("judge", rule) for rule in part.get("rules", ())] + [("cases", cases_line(part))]
    lines += [("why", part["why"])] if "why" in part else []
    listing = "".join(f"<dt>{name}</dt><dd class=math>{typeset(text)}</dd>" for name, text in lines)
    for control in part.get("controls", ()):
        row = outcomes.get(control["kind"])
        case = f": {typeset(row['part'])}" if row and row["verdict"] != "NOT_RUN" else ""
        rule = f" <small>({typeset(control['rule'])})</small>" if "rule" in control else ""
        listing += (
            f"<dt>control</dt><dd class=math>{typeset(control['says'])}{rule}: "
            f"{verdict(row['verdict'] if row else 'NOT_RUN', control=True)} {typeset(control_outcome(row))}{case}</dd>"
        )
    if not rows:
        tags, bars = "<small>no cases at this tier</small>", ""
    else:
        worst, supported = hardest({"parts": rows}), sum(row["verdict"] == "SUPPORTED" for row in rows)
        tags = verdict(worst["verdict"]) + f" <small>{supported} of {cases_text(len(rows))}</small>"
        bars = f"{strain_bar(worst)}{resolution_bar(r, worst)}"
    cases = table("cases", "", COLUMNS, [case_row(r, row) for row in rows]) if rows else ""
    return (
        f"<details class=part><summary><b>({escape(kind)})</b> <span class=math data-find>{typeset(part['says'])}</span>"
        f"<span class=tags><em>{escape(part['status'])}</em> {tags}</span>{bars}</summary>"
        f"<dl>{listing}</dl><div class=wide tabindex=0 role=region aria-label='Cases of ({escape(kind)})'>{cases}</div>"
        "</details>"
    )


def case_row(r: dict, row: dict) -> str:
    """One case of a part."""
    notes = [f"{row['excluded']} excluded"] if row.get("excluded") else []
    notes += [row["note"]] if "note" in row else []
    note = f"<small>{typeset('; '.join(notes))}</small>" if notes else ""
    cells = [
        f"<td class=math>{typeset(row['part'])}{note}",
        f"<td>{number(row.get('measured'), row.get('interval'))}",
        f"<td>{escape(expected(row))}",
        f"<td style=--v:{100 * strained(row):.0f}%>{number(row.get('strain'))}",
        f"<td>{resolution_text(r, row)}",
        f"<td>{escape(str(row.get('draws', '')))}",
        f"<td>{verdict(row['verdict'])}",
    ]
    return f"<tr>{'</td>'.join(cells)}</td></tr>"


def strained(row: dict) -> float:
    """Where on its bar the strain ends; without a number it is full."""
    value = row.get("strain")
    return 1.0 if value is None else min(1.0, EDGE * value)


def strain_bar(row: dict) -> str:
    """The strain as a number over a bar with a line at 1."""
    value = row.get("strain")
    over = " over" if value is None or value > 1 else ""
    return bar(f"strain{over}", strained(row), number(value), "strain")


def is_shift(r: dict, row: dict) -> bool:
    """Whether a resolution is a shift, as of exponents and of what is predicted to be 0, and no factor."""
    rules = [rule for part in r["declared"] if part["kind"] == row["kind"] for rule in part.get("rules", ())]
    return bool(rules and all("slope" in rule for rule in rules)) or (row["side"] == "=" and row.get("predicted") == 0)


def resolution_text(r: dict, row: dict) -> str:
    """The resolution; × before a factor."""
    return resolution(row) if row.get("resolution") is None or is_shift(r, row) else f"× {resolution(row)}"


def resolution_bar(r: dict, row: dict) -> str:
    """The resolution as a number over a bar: short is sharp."""
    value = row.get("resolution")
    if value is None:
        share = 1.0
    elif is_shift(r, row):
        share = min(1.0, abs(value) / WIDEST_SHIFT)
    else:
        share = min(1.0, math.log(max(value, 1.0)) / math.log(WIDEST_FACTOR))
    return bar("resolution", share, resolution_text(r, row), "resolution")


def bar(kind: str, share: float, text: str, name: str) -> str:
    """A number with a bar under it."""
    return f'<span class="bar {kind}" style="--v:{100 * share:.0f}%"><span class="h">{name} </span>{text}</span>'


def verdict(name: str, *, control: bool = False) -> str:
    """The verdict as a mark, its word and a frame; coloured by whether it is as it should be."""
    wanted, unwanted = ("REFUTED", "SUPPORTED") if control else ("SUPPORTED", "REFUTED")
    look = "good" if name == wanted else "bad" if name == unwanted else "open"
    return f"<span class={look}>{MARKS[Verdict(name)]} {name}</span>"


def pictured(r: dict, home: dict[str, str], drawn: dict[str, str]) -> str:
    """The figure of a claim, under the first that has it; how it is drawn where there is none."""
    name = r["figure"]
    if name in drawn:
        return drawn[name] if home[name] == r["label"] else f"<p>Figure: under {link(home[name])}.</p>"
    return f"<p>Figure: <code>python -m figures {escape(name)}</code> draws it.</p>" if name else ""


def figure(name: str, folder: Path) -> str:
    """Picture and caption from a folder of ``python -m figures``; "" where it is not there."""
    picture, text = folder / f"{name}.svg", folder / f"{name}.txt"
    if not picture.is_file():
        return ""
    caption = text.read_text(encoding="utf-8", errors="replace").strip() if text.is_file() else name
    url = picture_url(picture.read_text(encoding="utf-8", errors="replace"))
    return (
        f'<figure><div class="wide" tabindex="0" role="region" aria-label="Figure {name}">'
        f'<img src="{url}" alt="Figure {name}, described by its caption"></div>'
        f'<figcaption class="math">{typeset(caption)}</figcaption></figure>'
    )


def picture_url(svg: str) -> str:
    """An SVG of matplotlib as a URL within double quotes, without what is not seen, coordinates to a hundredth of a point."""
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<\?xml.*?\?>|<!DOCTYPE[^>]*>", "", svg, flags=re.S)
    short = lambda m: re.sub(r"\d+\.\d{3,}", lambda x: f"{float(x[0]):.2f}", m[0])  # noqa: E731
    svg = re.sub(r' (?:d|x|y|points)="[^"]*"|translate\([^)]*\)', short, svg)
    svg = re.sub(r"\s+", " ", re.sub(r'(?<=<g) id="[^"]*"', "", svg)).replace("> <", "><").replace('"', "'")
    return "data:image/svg+xml," + quote(svg, safe=" =:/,;'()!*+-._~@$?<>[]{}|")


def link(label: str) -> str:
    """A link to a claim of this page."""
    return f'<a href="#{anchor_of(label)}">{escape(label.split("/")[-1])}</a>'


def anchor_of(label: str) -> str:
    """The anchor of a claim, safe within an attribute."""
    return escape(anchor(label)).replace(" ", "-")


def data(r: dict) -> str:
    """What the filter looks at."""
    return (
        f'data-claim="{anchor_of(r["label"])}" data-paper="{escape(r["paper"])}" data-verdict="{escape(r["verdict"])}" '
        f'data-status="{escape(" ".join(statuses(r)))}"'
    )
