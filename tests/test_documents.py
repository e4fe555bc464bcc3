"""Documents: links and anchors resolve, every claim has its entries, mathematics survives the renderer."""

import re
from pathlib import Path

import pytest

from checks.claims import CLAIMS
from checks.running.paper_claims import anchor
from checks.running.record import claim_tests

ROOT = Path(__file__).resolve().parents[1]
THEORY = ROOT / "docs" / "theory.md"
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "paper_claims.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
MATHEMATICS = r"\$`[^`]*`\$"


def text_of(path):
    """A document without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)


def slug(heading):
    """GitHub's anchor of a heading: lower case, spaces as hyphens, no punctuation but hyphens and underscores."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(path):
    """Anchors of a document: its headings, those that occur again numbered, and ``<a id>``."""
    found = set(re.findall(r'<a id="([^"]+)"', text_of(path)))
    for heading in re.findall(r"^#+ (.*)$", text_of(path), flags=re.M):
        name, k = slug(heading), 0
        while (numbered := f"{name}-{k}" if k else name) in found:
            k += 1
        found.add(numbered)
    return found


def links(path):
    """Targets of the links of a document; what stands in code is none."""
    return re.findall(r"\]\(([^()\s]+)\)", re.sub(r"`[^`]*`", "", text_of(path)))


def section(claim):
    """What docs/theory.md has under the heading of a claim."""
    _, _, rest = THEORY.read_text(encoding="utf-8").partition(f"\n### {claim.name}\n")
    return re.split(r"^##", rest, flags=re.M)[0]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_and_anchor_of_a_document_resolves(path):
    for target in links(path):
        if not target.startswith(("http://", "https://", "mailto:")):
            file, _, name = target.partition("#")
            there = (path.parent / file).resolve() if file else path
            assert there.is_relative_to(ROOT) and there.exists(), f"{path.name}: {target}"
            assert not name or name in anchors(there), f"{path.name}: no anchor {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_mathematics_survives_the_renderer(path):
    """Mathematics stands in $`…`$, set off from words; elsewhere no dollar, asterisks in pairs and underscores within words."""
    text = re.sub(r"\\[\\*_|<>`]", "", text_of(path))
    for match in re.finditer(MATHEMATICS, text):
        assert re.fullmatch(r"[\s(\[|]?", text[: match.start()][-1:]), f"{path.name}: {match.group()} follows a letter"
        assert re.fullmatch(r"[\s.,;:!?)\]|-]?", text[match.end() :][:1]), f"{path.name}: {match.group()} runs on"
        assert "\n" not in match.group(), f"{path.name}: {match.group()} is broken"
    rest = re.sub(rf'{MATHEMATICS}|`[^`]*`|\]\([^)\s]*\)|https?://\S+|<a id="[^"]*">', "", text)
    rest = re.sub(r"(?<=\w)_(?=\w)", "", rest)
    rest = re.sub(r"(?<![\w*])(\*\*?)(?=[^\s*])[^*]*[^\s*]\1(?![\w*])", "", rest)
    assert not (found := re.search(r".{0,40}[*_$].{0,40}", rest)), f"{path.name}: {found.group()}"


def test_the_theory_has_no_mathematics_outside_of_its_delimiters():
    prose = re.sub(rf"{MATHEMATICS}|`[^`]*`|\[[^\]]*\]\([^)\s]*\)", "", text_of(THEORY))
    assert not (found := re.search(r".{0,40}[_^‖√ᵀ∇∫⟨²⁻].{0,40}", prose)), found.group()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.label)
def test_every_claim_has_its_entry_its_heading_and_its_links(claim):
    """Proof here, then check, tests, bound or measurement, and the row of evidence."""
    assert f"  - [{claim.name}](#{claim.name})\n" in THEORY.read_text(encoding="utf-8")
    line, *text = section(claim).strip().split("\n\n")
    targets = re.findall(r"\]\(\.\./([^)]+)\)", line)
    tests = {test["name"].split("::")[0] for test in claim_tests(claim.label)}
    assert targets[0] == f"checks/{claim.paper}/{claim.name.replace('-', '_')}.py"
    assert {target for target in targets if target.startswith("tests/")} == tests
    assert any(target.startswith(("theory/", "checks/measurements/")) for target in targets)
    assert targets[-1] == f"paper_claims.md#{anchor(claim.label)}"
    assert any(paragraph.startswith("**Statement") for paragraph in text[:2])


def test_the_contents_have_the_claims_in_their_order():
    text = THEORY.read_text(encoding="utf-8")
    for entry, heading in ((r"^- \[(.+)\]\(#", r"^## (.*)$"), (r"^  - \[(.+)\]\(#", r"^### (.*)$")):
        assert re.findall(entry, text, flags=re.M) == (found := re.findall(heading, text, flags=re.M))
    assert found == [claim.name for claim in CLAIMS]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.label)
def test_what_is_called_proved_has_a_proof_and_what_is_derived_a_derivation(claim):
    text = section(claim)
    statuses = {part.status for part in claim.parts}
    assert "proved" not in statuses or ("**Proof" in text and "∎" in text)
    assert "derived" not in statuses or re.search(r"\*\*(Proof|Derivation|Reason|Exponents|Orders|How tight)", text)
    assert "∎" not in text or statuses & {"proved", "derived"}


@pytest.mark.parametrize(
    "heading, expected",
    [
        ("Claims of li2024demystifying", "claims-of-li2024demystifying"),
        ("Proof, `L ≥ 2`", "proof-l--2"),
        ("a_b c-d", "a_b-c-d"),
        ("[gram-limit](theory.md#gram-limit)!", "gram-limit"),
    ],
)
def test_anchors_follow_the_rule_of_the_host(heading, expected):
    assert slug(heading) == expected
