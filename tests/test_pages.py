"""The pages for readers run, block by block, and print what stands below the blocks."""

import re
from pathlib import Path
from runpy import run_path

import matplotlib
import pytest

import checks.__main__ as program

DOCS = Path(__file__).resolve().parents[1] / "docs"
blocks = run_path(str(DOCS / "run.py"))["blocks"]
NUMBER = r"\d+(?:\.\d+)?(?:e[-+]?\d+)?"


def assert_shown(shown, printed):
    """That it stands in what was printed: words as they are, spaces as they fall, numbers to a tenth: only rounding differs."""
    texts = [re.sub(r"[\s─]+", " ", text).strip() for text in (shown, printed)]
    words, all_words = (re.sub(NUMBER, "#", text) for text in texts)
    numbers, all_numbers = ([float(x) for x in re.findall(NUMBER, text)] for text in texts)
    assert words in all_words, f"{words}\nis not in\n{all_words}"
    first = all_words[: all_words.index(words)].count("#")
    assert all_numbers[first : first + len(numbers)] == pytest.approx(numbers, rel=0.1)


PAGES = {
    "is_my_network_lazy": 2,
    "checking_a_statement": 4,
    "repeating_a_row": 2,
    "drawing_the_lazy_regime": 2,
}
"""Pages, and how many of their blocks have what they print below them."""


@pytest.fixture(autouse=True)
def width(monkeypatch):
    """That of a table in a file."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_in_order_and_prints_what_it_shows(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names, compared = {}, 0
    for language, text, shown in blocks(page):
        if language == "python":
            with matplotlib.rc_context({"backend": "agg"}):
                exec(text, names)
        elif language == "sh" and text.startswith("python -m checks "):
            own = ["--jobs", "1"] if " run " in text or " soak " in text else []
            assert program.main(text.split()[3:] + own) == 0
        printed = capsys.readouterr().out
        if shown:
            assert_shown(shown, printed)
            compared += 1
    assert compared == PAGES[page]


def test_the_rows_of_the_readme_are_printed(tmp_path, capsys):
    (rows,) = re.findall(r"```text\n(.*?)```", DOCS.with_name("README.md").read_text(encoding="utf-8"), flags=re.S)
    assert program.main(["run", "decay-lemma", "dichotomy", "--jobs", "1", "--out", str(tmp_path)]) == 0
    assert_shown(rows, capsys.readouterr().out)


@pytest.mark.parametrize("changed", ["strain 0.7", "stress 0.5", "strain 0.5 more"])
def test_what_was_not_printed_is_noticed(changed):
    assert_shown("strain 0.5", "12 rows, strain   0.51\n")
    with pytest.raises(AssertionError):
        assert_shown(changed, "12 rows, strain   0.51\n")


def test_the_picture_of_the_readme_is_small():
    assert DOCS.joinpath("lazy_regime.svg").stat().st_size < 60_000
