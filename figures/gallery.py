"""docs/gallery.md: the picture of every figure command with its caption, and where they come from."""

import re

from checks.running.paper_claims import anchor, plain
from checks.running.record import ROOT

PAGE, FOLDER = ROOT / "docs" / "gallery.md", ROOT / "docs" / "gallery"
LABEL = r"\w+/[a-z]+(?:-[a-z]+)*"


def page(captions: dict[str, str], tier: str, seed: int) -> str:
    """The page of the pictures that these captions explain, by name; labels of claims lead to their evidence."""
    head = f"""# Gallery

What `python -m figures` draws, from the cells by which the claims of [paper_claims.md](../paper_claims.md) were judged and
some more at sizes that show more. Points are measured, dashes are theory. Drawn at the {tier} tier with seed {seed} by
`python -m figures --gallery --tier {tier} --seed {seed}`; do not edit.
"""
    return "\n".join([head, *(section(name, caption) for name, caption in captions.items())])


def section(name: str, caption: str) -> str:
    """One picture under its name."""
    linked = lambda label: f"[{label[0]}](../paper_claims.md#{anchor(label[0])})"  # noqa: E731
    labels = caption.partition(". ")[0].count("/")  # the first sentence names the claims, later ones have fractions
    text = re.sub(LABEL, linked, plain(caption), count=labels)
    return f"## {name}\n\n![Figure {name}, described by its caption]({FOLDER.name}/{name}.svg)\n\n{text}\n"
