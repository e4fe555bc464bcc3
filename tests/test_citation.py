"""Citations: every claim has the entries of its papers, and what is printed of the evidence is what is on record."""

import json
import re
from pathlib import Path

import pytest

import checks.__main__ as program
from checks.claims import CLAIMS
from checks.report.page import paper_text
from checks.running.citation import AUTHOR, TITLE, citation, field, papers, stated_in
from checks.running.paper_claims import anchor, read_paper_claims
from checks.version import __version__

ROOT = Path(__file__).resolve().parents[1]
RECORDS = {record["label"]: record for record in read_paper_claims()}
METADATA = (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def entries(text):
    """Key, kind and fields of every BibTeX entry; braces are balanced, and nothing stands between entries."""
    found = {}
    for entry in text.strip().split("\n\n"):
        kind, key, body = re.fullmatch(r"@(\w+)\{([\w-]+),\n(.*)\n\}", entry, re.S).groups()
        fields = [re.fullmatch(r"  (\w+) = \{(.*)\},", line).groups() for line in body.splitlines()]
        depth = 0
        for character in entry:
            depth += (character == "{") - (character == "}")
            assert depth >= 0
        assert depth == 0 and len(dict(fields)) == len(fields) and key not in found
        found[key] = dict(fields) | {"kind": kind}
    return found


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.label)
def test_a_claim_is_cited_with_its_papers_and_with_its_evidence(claim):
    record = RECORDS[claim.label]
    found = entries(citation(claim.label, record))
    *stated, software = found
    assert claim.paper in stated or claim.paper == "numerics", f"checks/papers.bib needs an entry {claim.paper}"
    note, run = found[software]["note"].replace("\\", ""), record["provenance"]
    for part in (
        claim.label,
        f"paper_claims.md#{anchor(claim.label)}",
        record["verdict"],
        run["commit"][:12],
        run["date"],
    ):
        assert part in note
    assert f"seed {run['seed']}" in note and run["tier"] in note and run["libraries"]["numpy"] in note
    assert __version__ in found[software]["title"] and found[software]["year"] == run["date"][:4]
    assert not re.search(r"(?<!\\)[#$%&_]", found[software]["note"])


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.label)
def test_every_paper_that_a_source_names_is_cited(claim):
    """By its number on the arXiv, or its year."""
    cited = "\n".join(stated_in(claim.label).values())
    assert all(number in cited for number in re.findall(r"arXiv:([0-9.]+[0-9])", claim.source))
    named = re.sub(r"arXiv:[0-9.]+", "", claim.source)
    assert all(f"year = {{{year}}}" in cited for year in re.findall(r"\b(?:19|20)\d\d\b", named))


def test_the_bibliography_is_well_formed_and_names_only_claims_that_there_are():
    found = entries("\n\n".join(papers().values()))
    assert found.keys() == papers().keys()
    named = {label for entry in found.values() for label in entry.get("keywords", "").split(", ")} - {""}
    assert named <= RECORDS.keys()
    for key, entry in found.items():
        assert {"author", "title", "year", "eprint"} <= entry.keys()
        assert not set("{}\\") & set(paper_text(key))
        assert entry["kind"] != "article" or "journal" in entry


def test_a_claim_without_evidence_and_a_claim_of_ones_own_are_cited_as_such():
    found = entries(citation("own/mine", None))
    assert list(found) == ["lazy_training_checks-mine"] and "no evidence on record" in found.popitem()[1]["note"]


def test_characters_of_a_record_do_not_end_the_entry():
    record = RECORDS["li2024demystifying/drift"]
    record = record | {"provenance": record["provenance"] | {"processor": "x_64 {a} #1 100 % \\ & ~^$"}}
    note = entries(citation(record["label"], record)).popitem()[1]["note"]
    assert r"x\_64 a \#1 100 \%" in note


def test_the_command_prints_the_entries_and_answers_a_misspelt_label_with_the_nearest(capsys):
    assert program.main(["cite", "drift"]) == 0
    assert list(entries(capsys.readouterr().out)) == ["li2024demystifying", "lazy_training_checks-drift"]
    for words, answer in (
        (["drfit"], "did you mean drift?"),
        (["none.py"], "is unknown"),
        (["drift", "--record", "x"], "no file x"),
    ):
        with pytest.raises(SystemExit) as stopped:
            program.main(["cite", *words])
        assert stopped.value.code == 2 and answer in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [{"parts": 3}, {"provenance": {}}, {"provenance": 3}, {"label": ["x"]}], ids=str)
def test_a_record_with_a_wrong_entry_is_refused_in_one_sentence(wrong, tmp_path, capsys):
    path = tmp_path / "claims.json"
    path.write_text(json.dumps([RECORDS["li2024demystifying/drift"] | wrong]), encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        program.main(["cite", "drift", "--record", str(path)])
    (sentence,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2 and str(path) in sentence and "is no record of runs" in sentence


def test_the_metadata_name_the_same_software_and_papers(capsys):
    assert f"\ntitle: {TITLE}\nabstract" in METADATA and f"\n  - name: {AUTHOR}\n" in METADATA
    assert f"\nversion: {__version__}\n" in METADATA and f"\n## {__version__}" in (ROOT / "CHANGELOG.md").read_text(
        "utf-8"
    )
    for key in ("chizat2019lazy", "li2024demystifying"):
        entry = papers()[key]
        assert all(field(entry, name) in METADATA for name in ("title", "year", "eprint"))
    with pytest.raises(SystemExit) as stopped:
        program.main(["--version"])
    assert stopped.value.code == 0 and capsys.readouterr().out == f"lazy-training-checks {__version__}\n"
