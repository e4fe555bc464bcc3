"""The claims table in the terminal, and the evidence of one claim in full."""

from collections import Counter
from collections.abc import Sequence

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from checks.running.declared import cases_text, kinds
from checks.running.record import IN_CHECKOUT, OUTSIDE, hardest

COLOURS = {"SUPPORTED": "green", "REFUTED": "red", "INCONCLUSIVE": "yellow"}


def number(value: float | None, interval: list | None = None) -> str:
    """A number with its interval, ``—`` where it is undefined."""
    text = "—" if value is None else f"{value:.4g}"
    if interval:
        text += " [" + ", ".join("—" if end is None else f"{end:.4g}" for end in interval) + "]"
    return text


def expected(part: dict) -> str:
    """What was predicted of a part: a value ± margin, or a bound on one side."""
    margin, side = part.get("margin"), part["side"]
    if margin is None:
        return f"{side} {number(part.get('predicted'))}"
    if side == "=":
        return f"{number(part.get('predicted'))} ± {margin:g}"
    return f"{side} {number(part.get('predicted'))} {'+' if side == '≤' else '−'} {margin:g}"


def resolution(part: dict) -> str:
    """The nearest false statement that is refuted: a shift of an exponent, a factor of a constant or a bound."""
    value = part.get("resolution")
    return "—" if value is None else f"{value:.3g}"


def verdict_text(verdict: str, *, control: bool = False) -> str:
    """The verdict in its colour; a control is as it should be when it is REFUTED."""
    good = {"REFUTED": "green", "SUPPORTED": "red"}
    colour = (good if control else COLOURS).get(verdict, "yellow")
    return f"[{colour}]{verdict}[/{colour}]"


def print_line(console: Console, line: object) -> None:
    """A path or a line that programs read, as it is: never wrapped, nothing in it taken for markup."""
    print(line, file=console.file)  # the file, not sys.stdout, which live progress redirects


def print_entry(console: Console, title: str, text: str, *, prose: bool = False) -> None:
    """``title`` in bold and ``text`` on one line; a terminal, and nothing else, breaks ``prose`` between words."""
    whole = not (prose and console.is_terminal)
    console.print(f"[bold]{escape(title)}[/bold]  {escape(text)}", soft_wrap=whole, emoji=False, highlight=False)


def full_name(record: dict, row: dict) -> str:
    """What was measured, and its case."""
    return " · ".join(text for text in (kinds(record).get(row["kind"], ""), row["part"]) if text)


def case_name(row: dict) -> str:
    """Key of what was measured, which the declaration explains, and its case."""
    return f"({row['kind']}) {row['part']}".strip()


def print_rows(console: Console, title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose words are never broken; where they are too long for the width, every row as a paragraph of its own."""
    cells = [[Text.from_markup(cell).plain for cell in column] for column in zip(names, *rows, strict=True)]
    least = [max(cell_len(word) for cell in column for word in (cell or "-").split()) for column in cells]
    most = [max(cell_len(line) for cell in column for line in (cell or "-").split("\n")) for column in cells]
    space = console.width - 3 * len(names) - 1 - sum(least)
    if space < 0:
        console.print(f"[bold]{title}[/bold]")
        for first, *others in rows:
            named = [f"{name} {cell}" for name, cell in zip(names[1:], others, strict=True)]
            console.print(Padding("; ".join([f"[bold]{first}[/bold]", *named]).replace("\n", ", "), (0, 0, 0, 2)))
        return
    widths = list(least)
    for k in sorted(range(len(names)), key=lambda k: most[k] - least[k]):
        widths[k] = min(most[k], least[k] + space)
        space -= widths[k] - least[k]
    table = Table(title=title, title_justify="left", box=SIMPLE)
    for name, width in zip(names, widths, strict=True):
        table.add_column(name, width=width)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def print_table(console: Console, records: list[dict]) -> None:
    """One row a claim: the part that came closest to failing, and the share of its allowance that it used."""
    rows = []
    for r in records:
        parts, controls, worst = r["parts"], r["controls"], hardest(r)
        supported = sum(part["verdict"] == "SUPPORTED" for part in parts)
        refuted = sum(part["verdict"] == "REFUTED" for part in controls)
        rows.append(
            (
                f"{r['label'].split('/')[1]}\n[dim]{r['paper']}[/dim]",
                f"{verdict_text(r['verdict'])}\n{supported} of {len(parts)} parts",
                number(worst.get("strain")),
                f"{verdict_text(r['control_verdict'], control=True)}\n{refuted} of {len(controls)}",
                f"{number(worst.get('measured'), worst.get('interval'))}, {expected(worst)}\n"
                f"[dim]{escape(full_name(r, worst))}[/dim]",
            )
        )
    print_rows(console, "Claims", ("claim", "verdict", "strain", "controls", "closest: measured, predicted"), rows)


def count_line(records: list[dict]) -> str:
    """How many claims have which verdict, and how many of those that ran have every control refuted."""
    counts = Counter(r["verdict"] for r in records)
    shown = [f"{counts[name]} {name}" for name in ("SUPPORTED", "REFUTED", "INCONCLUSIVE")]
    shown += [f"{counts[name]} {name}" for name in ("HYPOTHESES_NOT_MET",) if counts[name]]
    ran = [r for r in records if r["verdict"] != "NOT_RUN"]
    missing = sorted({p["note"].split(",")[0] for r in records for p in r["parts"] if p["verdict"] == "NOT_RUN"})
    if counts["NOT_RUN"]:
        shown.append(f"{counts['NOT_RUN']} NOT_RUN ({', '.join(missing)})")
    controlled = [r for r in ran if r["controls"]]
    refuted = sum(r["control_verdict"] == "REFUTED" for r in controlled)
    without = f", {len(ran) - len(controlled)} without a control" if len(controlled) < len(ran) else ""
    return f"{', '.join(shown)}; controls REFUTED in {refuted} of {len(controlled)}{without}"


def print_claim(console: Console, r: dict) -> None:
    """Statement, declaration, every part and every control of one claim."""
    console.rule()
    console.print(f"[bold]{r['label']}[/bold]  {verdict_text(r['verdict'])}", soft_wrap=True)
    for key in ("statement", "assumptions", "source"):
        print_entry(console, key, r[key], prose=True)
    for part in r["declared"]:
        print_entry(console, f"({part['kind']})", f"{part['says']}: {part['status']}", prose=True)
        for line in declared_lines(part):
            print_entry(console, "  ", line, prose=True)
    for title, parts, control in (("evidence", r["parts"], False), ("controls", r["controls"], True)):
        rows = [
            (
                escape(case_name(part)),
                verdict_text(part["verdict"], control=control),
                number(part.get("strain")),
                resolution(part),
                expected(part),
                number(part.get("measured"), part.get("interval")),
            )
            for part in parts
        ]
        print_rows(console, title, ("part", "verdict", "strain", "resolution", "predicted", "measured"), rows)
    for part in r["parts"] + r["controls"]:
        if "note" in part:
            print_entry(console, "", f"{case_name(part)}: {part['note']}", prose=True)
    tests = ", ".join(test["name"] for test in r["tests"])
    print_entry(console, "tests", tests or ("none" if IN_CHECKOUT else f"none: {OUTSIDE}"))
    print_entry(console, "repeat", r["command"])


def declared_lines(part: dict) -> list[str]:
    """The declaration of a part, a line for each thing it says."""
    lines = [*(f"judge: {rule}" for rule in part.get("rules", ())), cases_line(part)]
    for control in part.get("controls", ()):
        said = "; ".join(control[key] for key in ("says", "rule") if key in control)
        lines.append(f"control ({control['kind']}): {said}")
    return lines + ([f"why: {part['why']}"] if "why" in part else [])


def cases_line(part: dict) -> str:
    """How many cases a part has, their sizes and draws."""
    if not part["cases"]:
        return "no cases at this tier"
    sized = f": {part['sizes']}" if "sizes" in part else ""
    return f"{cases_text(part['cases'])}{sized}; draws: {part['draws']}"
