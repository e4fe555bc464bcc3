"""``python docs/run.py NAME`` runs the Python blocks of docs/NAME.md in order."""

import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

DOCS = Path(__file__).resolve().parent


def blocks(name: str) -> Iterator[tuple[str, str, str]]:
    """Language and text of every fenced block of a page, and the text block that follows it, if one does: what it prints.

    The language of a block that begins with the name of a file, "# my_net.py", is "file": it is to be saved, not run.
    """
    fences = re.findall(r"^```(\w+)\n(.*?)^```$", (DOCS / f"{name}.md").read_text(encoding="utf-8"), flags=re.M | re.S)
    for (language, text), (following, shown) in pairwise([*fences, ("", "")]):
        if language != "text":
            named = language == "python" and re.match(r"# \w+\.py\n", text)
            yield "file" if named else language, text, shown if following == "text" else ""


if __name__ == "__main__":
    pages = sorted(page.stem for page in DOCS.glob("*.md") if any(kind == "python" for kind, *_ in blocks(page.stem)))
    if len(sys.argv) != 2 or sys.argv[1] not in pages:
        sys.exit(f"python docs/run.py NAME, one of {', '.join(pages)}")
    names: dict = {}
    for language, text, _ in blocks(sys.argv[1]):
        if language == "python":
            exec(text, names)
