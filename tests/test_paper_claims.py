"""The claims table: the published form keeps what it must, and a kind of control one row with its closest case."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.running.paper_claims import drawn, plain, provenance, read_paper_claims, section, summary
from checks.running.published import control_kinds, expanded, published
from checks.running.record import asserts

NUMBERS = st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.3g}"))
OPTIONAL = st.fixed_dictionaries(
    {},
    optional={
        "unknown": NUMBERS,
        "margin": NUMBERS,
        "interval": st.tuples(NUMBERS, NUMBERS).map(list),
        "note": st.text(min_size=1, max_size=3),
    },
)
NAME = st.lists(st.sampled_from(["", "=", "L = 1", "tanh"]) | st.text(max_size=3), min_size=1, max_size=3).map(
    " · ".join
)
PART = st.fixed_dictionaries(
    {
        "part": NAME,
        "kind": st.sampled_from("abc"),
        "predicted": NUMBERS,
        "measured": NUMBERS | st.none(),
        "strain": NUMBERS,
        "verdict": st.sampled_from(["SUPPORTED", "REFUTED", "INCONCLUSIVE"]),
        "seconds": st.integers(0, 99),
    }
)
ROW = st.builds(lambda a, b: a | b, PART, OPTIONAL)
PROVENANCE = st.fixed_dictionaries(
    {"commit": st.sampled_from("ab"), "seed": st.integers(0, 1)}, optional={"processor": st.just("c")}
)
DECLARED = st.lists(
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["a", "a1", "b"])},
        optional={
            "sizes": st.sampled_from(["m = 8", "m = 9"]),
            "rules": st.sampled_from([["near 1"], ["near 1", "far"]]),
        },
    ),
    unique_by=lambda part: part["kind"],
)
TESTS = st.lists(st.sampled_from(["test_a", "test_two_words"]).map(lambda name: f"tests/test_x.py::{name}"))
RECORD = st.builds(
    lambda parts, declared, tests, where: {
        "label": "x",
        "parts": parts,
        "controls": [],
        "declared": declared,
        "tests": [{"name": name, "asserts": asserts(name)} for name in tests],
        "provenance": where,
    },
    st.lists(ROW).map(lambda rows: sorted(rows, key=lambda row: row["kind"])),
    DECLARED,
    TESTS,
    PROVENANCE,
)


@given(st.lists(RECORD, max_size=3))
def test_what_is_left_out_comes_back(records):
    """All rows but for null; complete records are as they are."""
    again = expanded(json.loads(json.dumps(published(records))))
    for before, after in zip(records, again, strict=True):
        kept = [{key: value for key, value in row.items() if value is not None} for row in before["parts"]]
        assert after == before | {"parts": kept}
    assert expanded(again) == again


@given(st.lists(ROW, min_size=1))
def test_a_control_kind_has_one_row_that_counts_its_cases_and_shows_the_closest(rows):
    found = control_kinds(rows)
    assert [row["kind"] for row in found] == sorted({row["kind"] for row in rows})
    for row in found:
        own = [other for other in rows if other["kind"] == row["kind"]]
        assert row["cases"] == len(own) and row["refuted"] == sum(other["verdict"] == "REFUTED" for other in own)
        assert (row["verdict"] == "REFUTED") == (row["refuted"] == row["cases"])
        alike = [other["strain"] for other in own if other["verdict"] == row["verdict"]]
        assert row["strain"] == min(alike)
    assert control_kinds(found) == found


def test_a_summary_counts_what_is_supported_and_excluded_and_shows_the_hardest_case():
    shared = {"side": "=", "predicted": 1.0, "margin": 0.1, "measured": 1.05, "resolution": 2.0}
    rows = [
        shared | {"part": f"case {k}", "verdict": verdict, "strain": strain, "excluded": k}
        for k, (verdict, strain) in enumerate([("SUPPORTED", 0.5), ("INCONCLUSIVE", 1.5), ("SUPPORTED", 0.9)])
    ]
    assert summary("a", rows) == "| (a) | 2 of 3, 3 excluded | 1.5 | 2 | 1.05 | 1 ± 0.1 | case 1 |"
    assert summary("a", rows[:1]).startswith("| (a) | 1 of 1 | 0.5 |")


@pytest.mark.parametrize(
    "cases, draws, text",
    [
        (0, "none", ", no cases at this tier"),
        (2, "none", ""),
        (2, "1", ", 1 draw"),
        (2, "8 or 16, up to 128 in 4 looks", ", 8 or 16 to 128 draws"),
    ],
)
def test_the_draws_of_a_part(cases, draws, text):
    assert drawn({"cases": cases, "draws": draws}) == text


@pytest.mark.parametrize("record", read_paper_claims(), ids=lambda record: record["label"])
def test_a_section_has_what_is_declared_and_what_was_found(record):
    text = section(record, provenance(record))
    other = record["provenance"] | {"commit": "0123456789abcdef", "dirty": False}
    own = section(record | {"provenance": other}, provenance(record))
    assert own == text[:-1] + " Commit 0123456789ab.\n"
    for part in record["declared"]:
        rows = [row for row in record["parts"] if row["kind"] == part["kind"]]
        assert f"\n- ({part['kind']}) {plain(part['says'])}: {part['status']}" in text
        assert not rows or summary(part["kind"], rows) in text
        for control in part.get("controls", ()):
            found = [row for row in record["controls"] if row["kind"] == control["kind"]]
            outcome = "".join(f"{row['refuted']} of {row['cases']} REFUTED, " for row in found) or "not run"
            assert f"\n  - control: {plain(control['says'])} — {outcome}" in text


def test_a_section_leaves_out_of_a_rule_what_all_have_and_keeps_what_is_its_own():
    record = read_paper_claims()[0]
    rules = ["mean above 1 at level 0.001", "mean above 2 at level 0.0015"]
    text = section(record | {"declared": [record["declared"][0] | {"rules": rules}]}, "")
    assert "\n  - judge: mean above 1\n  - judge: mean above 2 at level 0.0015\n" in text


def test_plain_text_has_no_markup():
    assert plain("a_b*c|<d>`\\") == r"a\_b\*c\|\<d\>\`\\"


def test_the_first_row_of_every_kind_is_complete():
    for record in published(read_paper_claims()):
        (columns,), *tables = record["parts"].values()
        for rows in tables:
            first = dict(zip(columns, rows[0], strict=False))
            assert all(first[key] not in ("", None) for key in ("predicted", "side", "status", "verdict"))
        assert list(record["parts"])[1:] == [part["kind"] for part in record["declared"] if part["cases"]]
