"""SVGs of matplotlib in a third of the space: the same picture, with short names, short numbers and shared styles."""

import re

UNSEEN = r"<!--.*?-->|<metadata>.*?</metadata>|<\?xml.*?\?>|<!DOCTYPE[^>]*>"
LETTER = r'<use xlink:href="([^"]*)" transform="translate\(([\d.-]+) ([\d.-]+)\)"/>'
OUTLINE = r'(<path id="[^"]*" d=")([^"]*)(" transform="scale\()0\.015625\)'
COARSER = 16  # of the 6400 units of an outline in the height of a line
TICK = r'<defs><path id="([^"]*)" d="M0 0L([^"A-Z]*)" class="\w+"/></defs>'
STROKES = r'<path d="[^"]*"((?: clip-path="[^"]*")? class="\w+")/>(?:<path d="[^"]*"\1/>)+'
MARKERS = r'<use [^>]*( class="\w+")/>(?:<use [^>]*\1/>)+'


def compact(svg: str) -> str:
    """The picture without what is not seen; places to a tenth of a point, outlines of letters to 1/400 of a line."""
    svg = re.sub(r'(?<=<g) id="[^"]*"', "", re.sub(UNSEEN, "", svg, flags=re.S))
    svg = re.sub(r"\s+", " ", svg).strip().replace("> <", "><")
    svg = re.sub(
        LETTER, lambda use: f'<use xlink:href="{use[1]}" x="{float(use[2]):.0f}" y="{float(use[3]):.0f}"/>', svg
    )
    svg = re.sub(OUTLINE, lambda path: f"{path[1]}{_coarser(path[2])}{path[3]}{COARSER * 0.015625})", svg)
    parts = re.split(r"(<defs>.*?</defs>)", svg)
    svg = "".join(_numbers(part, 2 if part.startswith("<defs>") else 1) for part in parts)
    svg = svg.replace("xlink:href", "href").replace(' y="0"/>', "/>")
    names = _names(re.findall(r' id="([^"]*)"', svg))
    svg = re.sub(r'( id="|#)([^")]+)(?=[")])', lambda name: name[1] + names.get(name[2], name[2]), svg)
    looks = _names(re.findall(r' style="([^"]*)"', svg))
    svg = re.sub(r' style="([^"]*)"', lambda look: f' class="{looks[look[1]]}"', svg)
    rules = "".join(f".{name}{{{look.replace(': ', ':').replace('; ', ';')}}}" for look, name in looks.items())
    svg = _flat(svg.replace("</style>", f"{rules}</style>", 1))
    for name, end in re.findall(TICK, svg):
        svg = re.sub(rf'<use href="#{name}" x="([^"]*)" y="([^"]*)"', rf'<path d="M\1 \2l{end}"', svg)
    svg = re.sub(TICK, "", svg)
    svg = re.sub(STROKES, _joined, svg)
    return re.sub(MARKERS, lambda own: f"<g{own[1]}>{own[0].replace(own[1], '')}</g>", svg) + "\n"


def _names(found: list[str]) -> dict[str, str]:
    """a, b, …, z, a1, b1, … for what was found, in its order."""
    return {long: chr(97 + k % 26) + str(k // 26 or "") for k, long in enumerate(dict.fromkeys(found))}


def _numbers(svg: str, digits: int) -> str:
    """Coordinates with so many decimals, and paths without spaces that say nothing."""
    short = lambda x: re.sub(r"\.?0+$", "", f"{float(x[0]):.{digits}f}")  # noqa: E731
    places = r' (?:x|y|d|width|height)="[^"]*"|translate\([^)]*\)'
    svg = re.sub(places, lambda own: re.sub(r"-?\d+\.\d+", short, own[0]), svg)
    return re.sub(r' d="[^"]*"', lambda path: re.sub(r" ?([A-Z]|z) ?", r"\1", path[0]).replace(' "', '"'), svg)


def _joined(strokes: re.Match) -> str:
    path = "".join(re.findall(r' d="([^"]*)"', strokes[0]))
    return f'<path d="{path}"{strokes[1]}/>'


def _coarser(path: str) -> str:
    return re.sub(r"-?\d+(?:\.\d+)?", lambda x: f"{float(x[0]) / COARSER:.0f}", path)


def _flat(svg: str) -> str:
    """Without groups that are empty or have no attributes."""
    groups, found = [], []
    for token in re.split(r"(<g(?: [^>]*)?>|</g>)", re.sub(r"<g[^>]*/>", "", svg)):
        if token.startswith("<g"):
            groups.append(token)
        if (groups.pop() if token == "</g>" else token) != "<g>":
            found.append(token)
    return "".join(found)
