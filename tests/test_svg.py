"""Compact SVGs: every vertex of every stroke, marker and letter stays in its place, in less than half the space."""

import re
from io import StringIO
from xml.etree import ElementTree

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from scipy.spatial import KDTree

from figures.style import GREYS, MARKERS, style
from figures.svg import compact

HREF = "{http://www.w3.org/1999/xlink}href"


def affine(kind, text):
    """The matrix of translate, scale or rotate."""
    numbers = [float(x) for x in text.split()]
    if kind == "rotate":
        c, s = np.cos(np.radians(numbers[0])), np.sin(np.radians(numbers[0]))
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    a, b = (numbers * 2)[:2]
    return np.array([[1, 0, a], [0, 1, b], [0, 0, 1]]) if kind == "translate" else np.diag([a, b, 1])


def vertices(svg):
    """Where the paths of a picture have their vertices, and how many elements have a style or class."""
    root = ElementTree.fromstring(svg)
    named = {element.get("id"): element for element in root.iter() if element.get("id")}

    def walk(element, place):
        for kind, text in re.findall(r"(\w+)\(([^)]*)\)", element.get("transform", "")):
            place = place @ affine(kind, text)
        tag = element.tag.split("}")[1]
        if tag == "use":
            shift = affine("translate", f"{element.get('x', 0)} {element.get('y', 0)}")
            yield from walk(named[(element.get("href") or element.get(HREF))[1:]], place @ shift)
        elif tag == "path":
            last = np.zeros(2)
            for letter, numbers in re.findall(r"([MLQClz])([^MLQClz]*)", element.get("d", "")):
                pairs = np.array(numbers.split(), dtype=float).reshape(-1, 2) + last * (letter == "l")
                last = pairs[-1] if len(pairs) else last
                yield from (pairs @ place[:2, :2].T + place[:2, 2]).tolist()
        elif tag not in ("defs", "clipPath"):
            for child in element:
                yield from walk(child, place)

    return np.array(list(walk(root, np.eye(3))))


@settings(max_examples=6)
@given(st.integers(0, 99), st.sampled_from(["log", "linear"]))
def test_a_compact_picture_has_the_same_vertices(seed, scale):
    rng = np.random.default_rng(seed)
    with style():
        figure, panel = plt.subplots(figsize=(4, 3))
        for k in range(4):
            x, y = rng.uniform(1, 100, (2, 6))
            panel.errorbar(
                x, y, yerr=y / 9, fmt=MARKERS[k], color=GREYS[k], linestyle="--" if k else "none", label=f"γ = {k}"
            )
        panel.set(xscale=scale, yscale=scale, xlabel="output scale κ", ylabel="$‖θ_t − θ_0‖^2$")
        panel.legend()
        file = StringIO()
        figure.savefig(file, format="svg")
        plt.close(figure)
    whole, small = file.getvalue(), compact(file.getvalue())
    before, after = vertices(whole), vertices(small)
    assert len(before) == len(after) and len(small) < 0.55 * len(whole)
    for one, other in ((before, after), (after, before)):
        assert KDTree(one).query(other)[0].max() < 0.15  # a tenth of a point, and the corners of both rounded
