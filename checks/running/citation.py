"""BibTeX of a claim: the papers that state it, from checks/papers.bib, and this software with the evidence that it found."""

import re
from datetime import date
from pathlib import Path

from checks.running.paper_claims import anchor, provenance
from checks.version import __version__

PAPERS = Path(__file__).resolve().parents[1] / "papers.bib"
AUTHOR, TITLE = "The lazy-training checks developers", "Lazy-training checks"


def papers() -> dict[str, str]:
    """The entries of checks/papers.bib by their keys; ``keywords`` are labels of claims that a paper states besides its own."""
    entries = PAPERS.read_text(encoding="utf-8").strip().split("\n\n")
    return {entry[entry.index("{") + 1 : entry.index(",")]: entry for entry in entries}


def field(entry: str, name: str) -> str:
    """A field of an entry as it stands there; "" if it has none."""
    found = re.search(rf"^  {name} = \{{(.*)\}},$", entry, re.M)
    return found[1] if found else ""


def stated_in(label: str) -> dict[str, str]:
    """Entries of the papers that state a claim, without their ``keywords``."""
    paper = label.partition("/")[0]
    own = {key: text for key, text in papers().items() if key == paper or label in field(text, "keywords").split(", ")}
    return {key: re.sub(r"  keywords = .*\n", "", text) for key, text in own.items()}


def citation(label: str, record: dict | None) -> str:
    """BibTeX entries of the papers and of this software, which says where the claim stands and what its ``record`` found."""
    where = f"Claim {label}, statement and evidence in paper_claims.md#{anchor(label)}"
    found, year = "no evidence on record", date.today().year
    if record is not None:
        run = record["provenance"]
        verdicts = f"{record['verdict']} with controls {record['control_verdict']}"
        found = f"{verdicts} at the {run['tier']} tier with seed {run['seed']}. {provenance(record)}"
        year = run["date"][:4]
    fields = {
        "author": f"{{{AUTHOR}}}",
        "title": f"{TITLE}, version {__version__}",
        "year": year,
        "howpublished": "Software",
        "note": _escaped(f"{where}: {found}"),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    software = "\n".join([f"@misc{{lazy_training_checks-{label.partition('/')[2]},", *lines, "}"])
    return "\n\n".join([*stated_in(label).values(), software])


def _escaped(text: str) -> str:
    """Text for a BibTeX field, without characters that cannot stand in one."""
    return re.sub(r"([#$%&_])", r"\\\1", re.sub(r"[{}\\~^]", "", text))
