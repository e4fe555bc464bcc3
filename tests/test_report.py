"""The report: a whole page, every link of it resolves, nothing of a record gets lost, and no text of it becomes markup."""

import base64
import copy
import errno
import hashlib
import json
import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import checks.__main__ as program
from checks.claims import CLAIMS
from checks.report import page as pages
from checks.report.graph import draw
from checks.report.mathematics import typeset
from checks.report.page import page, picture_url, report_of
from checks.running.files import FileError
from checks.running.paper_claims import JSON_PATH, anchor, read_paper_claims
from checks.verdict import Verdict

RECORDS = read_paper_claims()
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><g id="a"><path d="M 1.23456 2" style="fill: #ffffff"/></g></svg>'
VOID = {"meta", "link", "img", "input", "br"}
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;<!-- "


class Page(HTMLParser):
    """Elements of a page; every tag that is opened must be closed, in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), tag
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    def values(self, name):
        return [attributes[name] for _, attributes in self.elements if name in attributes]


@pytest.fixture(scope="module")
def whole():
    return Page(page(RECORDS, {}))


def small(**changes):
    """One claim of the table with few rows, some of its entries changed."""
    return copy.deepcopy(RECORDS[0]) | {"parts": RECORDS[0]["parts"][:2]} | changes


def plain(html):
    return unescape(re.sub(r"<[^>]*>", "", html))


def test_every_link_and_every_name_of_the_page_resolves_and_nothing_comes_from_elsewhere(whole):
    names = whole.values("id")
    assert len(names) == len(set(names))
    assert {target.removeprefix("#") for target in whole.values("href")} - {"data:,"} <= set(names)
    assert {name for text in whole.values("aria-labelledby") for name in text.split()} <= set(names)
    assert all(url.startswith("data:") for url in whole.values("src"))
    assert not re.search(r"https?://", page(RECORDS, {}))


def test_every_claim_with_each_of_its_rows_is_there(whole):
    text = "".join(whole.words)
    assert {anchor(claim.label) for claim in CLAIMS} <= set(whole.values("id"))
    for record in RECORDS:
        for key in ("statement", "assumptions", "command"):
            assert record[key] in text, (record["label"], key)
        assert all(part["says"] in text for part in record["declared"])
        assert all(test["name"] in text and test["asserts"] in text for test in record["tests"])
    assert (
        sum(tag == "tr" for tag, _ in whole.elements)
        == sum(len(record["parts"]) + 1 + len({row["kind"] for row in record["parts"]}) for record in RECORDS) + 1
    )  # a heading for every part that has rows, and for the overview


@pytest.mark.parametrize("name", Verdict)
def test_a_verdict_is_shown_as_itself_by_its_word_and_good_only_where_it_should_be(name):
    shown, control = pages.verdict(name), pages.verdict(name, control=True)
    assert name in plain(shown) and name in plain(control) and plain(shown)[0] == pages.MARKS[name]
    assert ("class=good" in shown) == (name == "SUPPORTED") and ("class=bad" in shown) == (name == "REFUTED")
    assert ("class=good" in control) == (name == "REFUTED") and ("class=bad" in control) == (name == "SUPPORTED")
    counts = Counter(re.findall("[A-Z_]{6,}", "".join(Page(page([small(verdict=str(name))], {})).words)))
    assert counts[name] > Counter(re.findall("[A-Z_]{6,}", pages.READING))[name]
    assert len(set(pages.MARKS.values())) == len(Verdict)


def test_the_three_sentences_count(whole):
    text = "".join(whole.words)
    verdicts = Counter(record["verdict"] for record in RECORDS)
    assert (
        f"{len(RECORDS)} claims (" in text
        and f"{verdicts['SUPPORTED']} SUPPORTED, {verdicts['REFUTED']} REFUTED" in text
    )
    assert f"{sum(len(record['declared']) for record in RECORDS)} parts" in text
    controls, blind = RECORDS[0]["controls"], {**RECORDS[0]["controls"][0], "verdict": "SUPPORTED"}
    mixed = [small(), small(label="a/b", verdict="INCONCLUSIVE", controls=[blind])]
    first, second, third = map(plain, pages.sentences(mixed))
    assert "1 SUPPORTED, 0 REFUTED, 1 INCONCLUSIVE" in first and "in 2 of" not in third
    assert f"{len(controls) + 1} controls" in second and f"{len(controls)} of {len(controls) + 1}" in second
    other = small(provenance=RECORDS[0]["provenance"] | {"seed": 1})
    assert plain(pages.sentences([*mixed, other])[2]).endswith("in 2 of 3 claims.")


def hostile(value):
    """The value with every text but verdicts, kinds, sides, statuses and dates hostile."""
    if isinstance(value, dict):
        kept = {"verdict", "control_verdict", "kind", "side", "status", "date", "label", "paper"}
        return {key: item if key in kept else hostile(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hostile(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def test_no_text_of_a_record_becomes_markup():
    clean = small(figure="", uses=[])
    attacked = hostile(clean) | {"label": f"x/{HOSTILE}", "paper": HOSTILE}
    attacked["parts"] = [row | {"draws": HOSTILE, "note": HOSTILE} for row in attacked["parts"]]
    kinds = lambda found: {(tag, *attributes) for tag, attributes in found.elements}  # noqa: E731
    assert kinds(Page(page([attacked], {}))) <= kinds(Page(page([clean], {}))) | {("i",)}
    assert sum(tag == "script" for tag, _ in Page(page([attacked], {})).elements) == 1
    assert "script-src 'sha256-" in page([clean], {})


def test_the_hash_that_admits_the_script_is_that_of_the_script():
    text = page([small()], {})
    script = text.partition("<script>")[2].partition("</script>")[0]
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in text


# ---------------------------------------------------------------- mathematics

PIECES = ["w_0", "m^{−1/2}", "√(", *'(){}_^αh a²&"<>.', "w̄", "ȳ", "Dh", "leaky_relu", "<b>", "1e-9"]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_typeset_mathematics_is_well_formed_and_its_text_is_the_source(text):
    assert "".join(Page(typeset(text)).words) == text


def seen(text):
    """What typesetting shows: subscripts as _{…}, superscripts as ^{…}, roots as √[…], variables in «…»."""
    html = re.sub(r'<span class="h">.*?</span>', "", typeset(text))
    for tag, (start, end) in {"sub": ("_{", "}"), "sup": ("^{", "}"), "i": ("«", "»")}.items():
        html = html.replace(f"<{tag}>", start).replace(f"</{tag}>", end)
    return unescape(html.replace('<span class="root">', "[").replace("</span>", "]"))


@pytest.mark.parametrize(
    "text, shown",
    [
        ("λ_min(K^l)", "«λ»_{min}(«K»^{«l»})"),
        ("r_lK^lw", "«r»_{«l»}«K»^{«l»}«w»"),
        ("Σ_l r_lK^l", "Σ_{«l»} «r»_{«l»}«K»^{«l»}"),
        ("λ_iv_iv_iᵀ", "«λ»_{«i»}«v»_{«i»}«v»_{«i»}ᵀ"),
        ("e^{−μσ²t/4}", "«e»^{−«μσ»²«t»/4}"),
        ("κ_{h_m}", "«κ»_{«h»_{«m»}}"),
        ("2√(nR(θ_0)/λ)/κ", "2√[«nR»(«θ»_{0})/«λ»]/«κ»"),
        ("√m κ", "√«m» «κ»"),
        ("f_t^lin", "«f»_{«t»}^{lin}"),
        ("k_0m^γ", "«k»_{0}«m»^{«γ»}"),
        ("R_− and R_+", "«R»_{−} and «R»_{+}"),
        ("‖A‖_F²", "‖«A»‖_{«F»}²"),
        ("w̄_α", "«w̄»_{«α»}"),
        ("sup_t D", "sup_{«t»} «D»"),
        # what is no mathematics, or may be read in two ways, stays as it is
        ("leaky_relu", "leaky_relu"),
        ("h_new", "«h»_new"),
        ("a network of a unit", "a network of a unit"),
        ("(a) D falls; f(a)", "(a) «D» falls; «f»(«a»)"),
        ("NTK's γ, e.g. 1e-09", "NTK's «γ», e.g. 1e-09"),
        ("x^{open", "«x»^{open"),
    ],
)
def test_mathematics_is_typeset_in_its_one_reading(text, shown):
    assert seen(text) == shown


def test_no_mark_of_the_claims_is_left_untypeset():
    """A claim with a subscript of a new form needs a look at how it is read."""
    for record in RECORDS:
        texts = [record[key] for key in ("statement", "assumptions", "summary")]
        for text in texts + [part["says"] for part in record["declared"]]:
            left = re.sub(r"_\{|\^\{", "", seen(text))
            assert not re.search("[_^]", left.replace("leaky_relu", "")), left


# ---------------------------------------------------------------- bars


@pytest.mark.parametrize(
    "strain, share, over", [(0.0, "0%", False), (1.0, "80%", False), (1.01, "81%", True), (9, "100%", True)]
)
def test_the_bar_of_the_strain_ends_at_its_value_and_beyond_the_edge_looks_otherwise(strain, share, over):
    shown = pages.strain_bar({"strain": strain})
    assert f"--v:{share}" in shown and ("over" in shown) == over
    assert "--v:100%" in pages.strain_bar({}) and "over" in pages.strain_bar({}) and "—" in pages.strain_bar({})


def test_a_resolution_is_a_shift_for_slopes_and_zero_and_a_factor_else():
    r = {"declared": [{"kind": "a", "rules": ["log-log slope inside"]}, {"kind": "b", "rules": ["mean inside"]}]}
    row = {"side": "=", "predicted": 1.0, "resolution": 0.05}
    assert pages.resolution_text(r, row | {"kind": "a"}) == "0.05"
    assert "--v:10%" in pages.resolution_bar(r, row | {"kind": "a"})
    assert pages.resolution_text(r, row | {"kind": "b", "predicted": 0}) == "0.05"
    assert pages.resolution_text(r, row | {"kind": "b", "resolution": 10.0}) == "× 10"
    assert "--v:50%" in pages.resolution_bar(r, row | {"kind": "b", "resolution": 10.0})


# ---------------------------------------------------------------- graph


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_the_graph_has_every_use_once_and_no_box_upon_another(pairs):
    """Also of circles, which no proof has."""
    uses = {str(k): [str(a) for a, b in pairs if b == k] + ["unknown"] for k in range(7)}
    svg = Page(draw(uses, {label: f"anchor-{label}" for label in uses}))
    edges = {(a, b) for a, b in pairs if a != b}
    assert sum(tag == "path" and "marker-end" in attributes for tag, attributes in svg.elements) == len(edges)
    boxes = [(int(attributes["x"]), int(attributes["y"])) for tag, attributes in svg.elements if tag == "rect"]
    assert sorted(svg.values("href")) == sorted({f"#anchor-{k}" for edge in edges for k in edge})
    per_svg = draw(uses, dict.fromkeys(uses, "")).split("<svg")[1:]
    for picture in per_svg:
        own = [tuple(map(int, place)) for place in re.findall(r'<rect x="(-?\d+)" y="(-?\d+)"', picture)]
        assert all(y != v or abs(x - u) >= 178 for k, (x, y) in enumerate(own) for u, v in own[:k])
    assert len(boxes) == sum(picture.count("<rect") for picture in per_svg)


def test_what_is_used_stands_above_what_uses_it():
    uses = {record["label"]: record["uses"] for record in RECORDS}
    text = draw(uses, {label: label for label in uses})
    height = {label: int(y) for label, y in re.findall(r'href="#([^"]+)".*?<rect x="-?\d+" y="(-?\d+)"', text)}
    assert all(height[used] < height[label] for label, listed in uses.items() for used in listed)


# ---------------------------------------------------------------- files


@pytest.fixture
def record_file(tmp_path):
    path = tmp_path / "claims.json"
    path.write_text(json.dumps([small(), small(label="a/b")]), encoding="utf-8")
    return path


def test_a_figure_stands_under_its_first_claim_and_is_found_from_the_others(tmp_path, record_file):
    (tmp_path / "lazy_distance.svg").write_text(SVG, encoding="utf-8")
    (tmp_path / "lazy_distance.txt").write_text("Claim a/b. D against κ", encoding="utf-8")
    content, left_out = report_of(record_file, tmp_path)
    found = Page(content.decode())
    (picture,) = (attributes for tag, attributes in found.elements if tag == "img")
    assert picture["src"] == picture_url(SVG) and picture["alt"] and not left_out
    assert "Figure: under relative-scale." in "".join(found.words) and "D against κ" in "".join(found.words)
    bare = "".join(Page(report_of(record_file, tmp_path / "none")[0].decode()).words)
    assert "python -m figures lazy_distance draws it" in bare


def test_a_picture_as_a_url_keeps_its_shape():
    text = picture_url("<?xml version='1.0'?>\n<!-- α --><metadata>x</metadata>" + SVG)
    assert "M 1.23 2" in text and not set('"#&\n') & set(text)
    transform = '<svg><use transform="translate(1.23456 2) scale(0.015625)"/></svg>'
    assert "translate(1.23 2) scale(0.015625)" in picture_url(transform)


def test_the_page_of_all_claims_is_small_and_figures_that_do_not_fit_are_left_out_by_name(tmp_path, monkeypatch):
    assert len(report_of(JSON_PATH, tmp_path)[0]) < pages.LIMIT / 2 <= 1_500_000
    for k, name in enumerate(sorted({record["figure"] for record in RECORDS})):
        (tmp_path / f"{name}.svg").write_text(SVG.replace("M 1", f"M {'1 ' * (k + 1) * 20_000}"), encoding="utf-8")
    content, left_out = report_of(JSON_PATH, tmp_path)
    assert left_out and len(content) <= pages.LIMIT
    assert all(f"python -m figures {name}</code>" in content.decode() for name in left_out)


def test_the_command_writes_the_page_whole_or_not_at_all(tmp_path, record_file, monkeypatch, capsys):
    page_path, arguments = tmp_path / "page.html", ["report", str(record_file), "--out", str(tmp_path / "page.html")]
    assert program.main(arguments) == 0 and f"report: {page_path}, " in capsys.readouterr().out
    before, write = page_path.read_bytes(), Path.write_bytes

    def full(path, content):
        write(path, content[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SystemExit) as stopped:
        program.main(arguments)
    assert (
        stopped.value.code == 2 and "page.html cannot be written (No space left on device)" in capsys.readouterr().err
    )
    assert page_path.read_bytes() == before and not list(tmp_path.glob("*.part"))


DAMAGED = [b"", b"[{", b"null", b"3", b"[3]", b"[]", b'[{"label": "x"}]', b"[" * 100_000, b"\xff\xfe"]


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: str(content)[:20])
def test_what_is_no_record_is_refused_in_one_sentence_and_no_page_is_written(content, tmp_path, capsys):
    (tmp_path / "claims.json").write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        program.main(["report", str(tmp_path / "claims.json"), "--out", str(tmp_path / "page.html")])
    (sentence,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2 and str(tmp_path / "claims.json") in sentence
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    "words", [("nowhere.json",), ("--figures", "nowhere"), ("--out",), ("--out", ".")], ids="-".join
)
def test_paths_that_are_not_there_are_refused(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        program.main(["report", *words])
    *_, sentence = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2 and sentence.startswith("python -m checks report: error: argument ")


@pytest.mark.parametrize("key", sorted(pages.SHOWN))
@pytest.mark.parametrize("value", [None, 3, "x", [3], {"x": 3}], ids=str)
def test_a_record_with_a_wrong_entry_is_shown_or_refused(key, value, tmp_path):
    """Never another error, and what is shown is a whole page."""
    path = tmp_path / "claims.json"
    path.write_text(json.dumps([small(**{key: value})]), encoding="utf-8")
    try:
        content, _ = report_of(path, tmp_path)
    except FileError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
    else:
        assert Page(content.decode()).values("id")
