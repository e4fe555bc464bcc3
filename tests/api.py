"""``python -m tests.api`` writes docs/api.md: names, signatures, first paragraphs of docstrings, and examples.

What is public is what tests/test_fuzz.py calls: the names of the packages, and the modules of its list.
"""

import inspect
import re
import textwrap
from pathlib import Path

import checks.forecast
import kernels
import theory
from tests.test_fuzz import LIBRARY, NOT_CALLED

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
EXAMPLES = Path(__file__).with_name("api_examples.txt")
PACKAGES = (theory, kernels, checks.forecast)
HEADER = """# The library

Written by `python -m tests.api` from the docstrings and from `tests/api_examples.txt`; do not edit. The examples run, in their
order, in one session of Python. `help(NAME)` has the whole docstring: every argument with its range, what is raised, and what
was measured.

Arrays have a row for each input: `X` (n, d), `y` (n,). Symbols are those of the [alphabet](theory.md#alphabet). A bound names
the [claims](../paper_claims.md) and the parts that it serves.
"""


def examples() -> dict[str, str]:
    """Text of the examples by name."""
    _, *rest = re.split(r"^## (.*)\n", EXAMPLES.read_text(encoding="utf-8"), flags=re.M)
    return {name: text.strip() for name, text in zip(rest[::2], rest[1::2], strict=True)}


def signature(found: object) -> str:
    """Name, arguments with their defaults, and what is returned; types of arguments are in the docstrings."""
    known = inspect.signature(found)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in known.parameters.values()]
    gives = "" if inspect.isclass(found) else f" -> {inspect.formatannotation(known.return_annotation)}"
    text = f"{found.__name__}{inspect.Signature(bare)}{gives}".replace("numpy.", "np.")
    text = re.sub(r"'(\w+)'$|(?:collections\.abc|theory|kernels|checks)(?:\.[a-z_]+)*\.", r"\1", text)
    return textwrap.fill(text, 112, subsequent_indent="    ")


def paragraph(found: object) -> str:
    """The first paragraph of a docstring, escaped but for what is code."""
    text = " ".join(inspect.getdoc(found).split("\n\n")[0].split())
    return re.sub(r"``?([^`]*)``?|([\\*_|<>])", lambda m: f"`{m[1]}`" if m[1] else "\\" + m[2], text)


def entries(module: object, names: list[str], shown: dict[str, str]) -> list[str]:
    """An entry for each name: signature, first paragraph, example."""
    lines = []
    for name in names:
        found = getattr(module, name)
        lines += [f"```text\n{signature(found)}\n```", paragraph(found)]
        lines += [f"```pycon\n{shown[name]}\n```"] if name in shown else []
    return lines


def own(module: object) -> list[str]:
    """Public functions and classes that are defined in a module, without functions that others call on checked arguments."""
    found = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return [name for name in found if name[0] != "_" and not (name in NOT_CALLED and name.islower())]


def page() -> str:
    """The page: of each package its names, in the order of the examples, then the modules below it."""
    parts, shown = [HEADER.strip()], examples()
    for package in PACKAGES:
        first = [name for name in shown if name in package.__all__]
        rest = [name for name in package.__all__ if name not in shown]
        parts += [f"## {package.__name__}", paragraph(package), *entries(package, first + rest, shown)]
        for module in sorted(LIBRARY, key=lambda module: module.__name__):
            if module.__name__.startswith(f"{package.__name__}."):
                names = [name for name in own(module) if name not in package.__all__]
                parts += [f"### {module.__name__}", paragraph(module), *entries(module, names, {})]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
