"""The claims table in the terminal, and the evidence of one claim in full."""

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from checks.record import IN_CHECKOUT, OUTSIDE

COLOURS = {"SUPPORTED": "green", "REFUTED": "red", "INCONCLUSIVE": "yellow"}


def number(value: float | None, interval: list | None = None) -> str:
    """A number with its interval, ``—`` where it is undefined."""
    text = "—" if value is None else f"{value:.4g}"
    if interval:
        text += " [" + ", ".join("—" if end is None else f"{end:.4g}" for end in interval) + "]"
    return text


def expected(part: dict) -> str:
    """What was predicted of a part: value ± margin, an upper bound, or, without a tightness, a threshold to exceed."""
    if part["margin"] is not None:
        return f"{number(part['predicted'])} ± {part['margin']:g}"
    if part["tightness"] is None:
        return f"> {number(part['predicted'])}"
    return f"≤ {number(part['predicted'])}"


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
    console.print(f"[bold]{escape(title)}[/bold]  {escape(text)}", soft_wrap=whole, emoji=False)


def print_table(console: Console, records: list[dict]) -> None:
    """One row a claim."""
    table = Table(title="Claims", caption="measured: the part that came closest to failing", box=SIMPLE, padding=(0, 1))
    for name in ("claim", "verdict", "measured, predicted", "controls"):
        table.add_column(name, overflow="fold")
    for r in records:
        parts, controls, hardest = r["parts"], r["controls"], r["hardest"]
        supported = sum(part["verdict"] == "SUPPORTED" for part in parts)
        refuted = sum(part["verdict"] == "REFUTED" for part in controls)
        table.add_row(
            f"{r['label'].split('/')[1]}\n[dim]{r['paper']}[/dim]",
            f"{verdict_text(r['verdict'])}\n{supported} of {len(parts)} parts",
            f"{number(r['measured'], r['interval'])}, {expected(hardest)}\n[dim]{escape(hardest['part'])}[/dim]",
            f"{verdict_text(r['control_verdict'], control=True)}\n{refuted} of {len(controls)}",
        )
    console.print(table)


def print_claim(console: Console, r: dict) -> None:
    """Statement, judge, every part and every control of one claim."""
    console.rule()
    console.print(f"[bold]{r['label']}[/bold]  {verdict_text(r['verdict'])}", soft_wrap=True)
    for key in ("statement", "assumptions", "predicted", "judge", "control", "source"):
        print_entry(console, key, r[key], prose=True)
    for title, parts, control in (("evidence", r["parts"], False), ("controls", r["controls"], True)):
        table = Table(title=title, title_justify="left")
        for name in ("part", "predicted", "measured", "tightness", "verdict"):
            table.add_column(name)
        for part in parts:
            measured = number(part["measured"], part["interval"])
            tightness = number(part["tightness"]) if part["tightness"] is not None else ""
            verdict = verdict_text(part["verdict"], control=control)
            table.add_row(escape(part["part"]), expected(part), measured, tightness, verdict)
        console.print(table)
    for part in r["parts"]:
        if part["verdict"] != "SUPPORTED":
            print_entry(console, "", f"{part['part']}: {part['note']}", prose=True)
    print_entry(console, "tests", ", ".join(r["tests"]) or ("none" if IN_CHECKOUT else f"none: {OUTSIDE}"))
    print_entry(console, "repeat", r["command"])
