"""What is printed of a record: no verdict is shown as another, and nothing undecided counts as support."""

import io

import pytest
from rich.console import Console

from checks.running.table import count_line, expected, number, print_claim, print_table, verdict_text

VERDICTS = ("SUPPORTED", "REFUTED", "INCONCLUSIVE", "HYPOTHESES_NOT_MET", "NOT_RUN")
CONTROL = {"part": "case", "kind": "a.1", "side": "=", "predicted": 2.0, "margin": 0.1, "measured": 1.0, "strain": 9.0}


def row(verdict, strain=0.5, **more):
    found = {"part": f"case {verdict}", "kind": "a", "side": "=", "predicted": 1.0, "margin": 0.1, "measured": 1.02}
    return found | {"interval": [0.99, 1.05], "strain": strain, "resolution": 1.2, "verdict": verdict} | more


def record(verdict, parts, controls=(), control_verdict="REFUTED"):
    declared = {"kind": "a", "says": "a mean", "status": "measured", "rules": ["the rule"], "cases": 1, "draws": "12"}
    declared |= {"controls": [{"kind": "a.1", "says": "another mean"}], "why": "because"}
    names = {"label": "toy/claim", "paper": "toy", "statement": "it is so", "assumptions": "none", "source": "here"}
    names |= {"verdict": verdict, "control_verdict": control_verdict, "declared": [declared], "command": "repeat it"}
    return names | {"parts": parts, "controls": list(controls), "tests": [{"name": "test_it", "asserts": "it"}]}


def printed(show, what):
    console = Console(width=240, file=io.StringIO(), color_system=None)
    show(console, what)
    return " ".join(console.file.getvalue().split())


def test_numbers_have_their_intervals_and_predictions_their_sides():
    assert [number(None), number(0.123456), number(1.0, [0.5, None]), number(None, [1.0, 2.0])] == [
        "—", "0.1235", "1 [0.5, —]", "— [1, 2]",
    ]  # fmt: skip
    part = {"predicted": 1.0, "margin": 0.1}
    assert [expected(part | {"side": side}) for side in "=≤≥"] == ["1 ± 0.1", "≤ 1 + 0.1", "≥ 1 − 0.1"]
    assert expected({"predicted": 1.0, "side": "≤"}) == "≤ 1"


def test_every_verdict_is_printed_as_itself_and_green_only_where_it_is_as_it_should_be():
    for control, good, bad in ((False, "SUPPORTED", "REFUTED"), (True, "REFUTED", "SUPPORTED")):
        colours = {verdict: verdict_text(verdict, control=control) for verdict in VERDICTS}
        assert all(f"]{verdict}[" in text for verdict, text in colours.items())
        assert colours.pop(good).startswith("[green]") and colours.pop(bad).startswith("[red]")
        assert all(text.startswith("[yellow]") for text in colours.values())


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_last_line_counts_every_verdict_once(verdict):
    shown = record(
        verdict, [row(verdict, note="needs PyTorch, and more")], [CONTROL | {"verdict": "SUPPORTED"}], "SUPPORTED"
    )
    line = count_line([record("SUPPORTED", [row("SUPPORTED")], [CONTROL | {"verdict": "REFUTED"}]), shown])
    counts = {name: int(verdict == name) + (name == "SUPPORTED") for name in VERDICTS}
    assert all(f"{counts[name]} {name}" in line for name in VERDICTS[:3])
    assert ("1 HYPOTHESES_NOT_MET" in line) == (verdict == "HYPOTHESES_NOT_MET")
    assert ("1 NOT_RUN (needs PyTorch)" in line) == (verdict == "NOT_RUN")
    assert line.endswith(f"controls REFUTED in 1 of {1 if verdict == 'NOT_RUN' else 2}")
    bare = count_line([record("SUPPORTED", [row("SUPPORTED")])])
    assert bare.endswith("controls REFUTED in 0 of 0, 1 without a control")


def test_the_table_shows_the_part_that_came_closest_to_failing_and_counts_the_others():
    parts = [
        row(verdict, strain) for verdict, strain in zip(VERDICTS[2:] + VERDICTS[:1], (0.7, 3.0, 0.0, 5.0), strict=True)
    ]
    controls = [CONTROL | {"verdict": verdict} for verdict in VERDICTS[1:4]]
    text = printed(print_table, [record("INCONCLUSIVE", parts, controls, "INCONCLUSIVE")])
    assert "claim INCONCLUSIVE 0.7 INCONCLUSIVE 1.02 [0.99, 1.05], 1 ± 0.1" in text
    assert "1 of 4 parts" in text and "1 of 3" in text and "case INCONCLUSIVE" in text


def test_a_claim_is_printed_with_all_its_evidence_controls_and_notes():
    parts = [row("SUPPORTED"), row("INCONCLUSIVE", None, note="too few draws")]
    controls = [CONTROL | {"verdict": "INCONCLUSIVE", "note": "the control is vague"}]
    text = printed(print_claim, record("INCONCLUSIVE", parts, controls, "INCONCLUSIVE"))
    for line in (
        "toy/claim INCONCLUSIVE",
        "statement it is so",
        "(a) a mean: measured",
        "judge: the rule",
        "control (a.1): another mean",
        "why: because",
        "(a) case SUPPORTED SUPPORTED 0.5 1.2 1 ± 0.1 1.02 [0.99, 1.05]",
        "(a) case INCONCLUSIVE INCONCLUSIVE — 1.2 1 ± 0.1 1.02 [0.99, 1.05]",
        "(a.1) case INCONCLUSIVE 9 — 2 ± 0.1 1",
        "(a) case INCONCLUSIVE: too few draws",
        "(a.1) case: the control is vague",
        "tests test_it",
        "repeat repeat it",
    ):
        assert line in text, line
