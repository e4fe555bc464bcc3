"""The report in a browser: it can be filtered, sorted, unfolded, printed and read on a phone, and its console stays silent."""

import math
import re
import shutil

import pytest

from checks.report.page import report_of
from checks.running.paper_claims import JSON_PATH, anchor, read_paper_claims

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs Playwright: pip install playwright, and a Chromium"
)
pytestmark = pytest.mark.slow
RECORDS = read_paper_claims()
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
CONTRAST = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const ground = (e) => { for (; e; e = e.parentElement) {
    const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() && !e.closest("svg, figure, .h")
      && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).map((e) => {
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), e.outerHTML.slice(0, 120)]; }).sort((x, y) => x[0] - y[0])[0];
}"""


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as engine:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        try:
            browser = engine.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"needs a Chromium: playwright install chromium ({str(error).splitlines()[0]})")
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_bytes(report_of(JSON_PATH, path.parent)[0])
    return path.as_uri()


@pytest.fixture
def visit(browser, url):
    """Opens the page; at the end nothing was logged and nothing asked of a network."""
    said, contexts = [], []

    def visit(viewport=DESKTOP, anchor="", **options):
        context = browser.new_context(viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
        page.goto(url + anchor)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not said


def shown(page):
    return page.locator("article[data-claim]:visible").evaluate_all("all => all.map((e) => e.id)")


def test_filters_choose_rows_and_claims_alike(visit):
    page = visit()
    page.select_option("[name=paper]", "numerics")
    wanted = [anchor(record["label"]) for record in RECORDS if record["paper"] == "numerics"]
    rows = page.locator(".overview tbody tr:visible").evaluate_all("all => all.map((e) => e.dataset.claim)")
    assert shown(page) == rows == wanted
    assert page.locator("output").inner_text() == f"{len(wanted)} of {len(RECORDS)} claims"
    page.click("button[type=reset]")
    page.locator("output", has_text=f"{len(RECORDS)} of").wait_for()
    page.select_option("[name=status]", "proved")
    proved = [r for r in RECORDS if any(part["status"] == "proved" for part in r["declared"])]
    assert shown(page) == [anchor(r["label"]) for r in proved]
    page.select_option("[name=verdict]", "SUPPORTED")
    page.fill("[name=text]", "λ_min catapult")
    assert all("catapult" in r["summary"] + r["statement"] for r in RECORDS if anchor(r["label"]) in shown(page))


def test_a_link_to_a_claim_that_the_filter_hides_shows_it_again(visit):
    page = visit()
    page.fill("[name=text]", "forecast")
    assert "li2024demystifying-drift" not in shown(page)
    page.evaluate("location.hash = 'li2024demystifying-drift'")
    page.wait_for_selector("#li2024demystifying-drift:visible")


@pytest.mark.parametrize("column", ["strain", "resolution"])
def test_columns_are_sorted_by_their_numbers_both_ways(visit, column):
    page = visit()
    button = page.locator(".overview thead button", has_text=column)
    for direction in (1, -1):
        button.click()
        texts = page.locator(f".overview td[data-name={column}]").all_inner_texts()
        found = [re.search(r"[\d.]+(e[-+]?\d+)?", text) for text in texts]
        values = [direction * float(number[0]) if number else math.inf for number in found]
        assert values == sorted(values) and len(values) == len(RECORDS)
        state = page.locator(".overview th[aria-sort]").get_attribute("aria-sort")
        assert state == {1: "ascending", -1: "descending"}[direction]


def test_parts_are_folded_and_unfold_by_keyboard_and_all_at_once(visit):
    page = visit()
    first = page.locator("#li2024demystifying-drift details.part").first
    assert not first.locator("table").is_visible()
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.locator("table").is_visible()
    page.click("#unfold")
    assert page.locator("details.part:not([open])").count() == 0
    page.click("#unfold")
    assert page.locator("details.part[open]").count() == 0


def test_the_first_stop_of_the_keyboard_leads_to_the_claims(visit):
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the claims"
    page.keyboard.press("Enter")
    assert page.url.endswith("#claims")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE, {"width": 320, "height": 600}], ids=lambda v: str(v["width"]))
def test_nothing_is_wider_than_the_window(visit, viewport):
    page = visit(viewport)
    page.click("#unfold")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_a_contrast_of_at_least_4_5(visit, scheme):
    page = visit(color_scheme=scheme)
    page.click("#unfold")
    ratio, element = page.evaluate(CONTRAST)
    assert ratio >= 4.5, element


def test_without_its_script_everything_can_be_read_and_nothing_is_offered_that_does_not_work(visit):
    page = visit(java_script_enabled=False)
    assert page.locator("article").count() == len(RECORDS) and page.locator("button:visible").count() == 0
    page.locator("details.part summary").first.click()
    assert page.locator("details.part table").first.is_visible()


def test_it_prints_black_on_white_without_its_controls(visit):
    page = visit(color_scheme="dark")
    page.emulate_media(media="print")
    assert page.locator("form:visible, nav:visible, .tools:visible").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_what_is_copied_is_what_was_written(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    record = next(r for r in RECORDS if r["label"] == "li2024demystifying/drift")
    article = page.locator("#li2024demystifying-drift")
    article.locator("summary", has_text="Repeat").click()
    article.locator("pre.copy + *, button", has_text="Copy").first.click()
    assert page.evaluate("navigator.clipboard.readText()") == record["command"]
    statement = article.locator(".statement")
    assert statement.evaluate("e => e.textContent") == record["statement"] + "."
