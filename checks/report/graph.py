"""Which statement uses which, drawn from the claims' own ``uses`` in layers: what is used stands above."""

from html import escape
from itertools import pairwise

Node = str | tuple[str, str, int]  # a label, or an edge where it passes a layer
WIDTH, HEIGHT, GAP, LAYER, MARGIN = 178, 30, 14, 72, 8  # of a box, between boxes, from layer to layer, around all


def draw(uses: dict[str, list[str]], anchors: dict[str, str]) -> str:
    """One SVG for all labels that are tied by use, however indirectly; ``anchors`` are the targets of their links."""
    edges = [(a, b) for b, used in uses.items() for a in dict.fromkeys(used) if a in uses and a != b]
    group = {label: {label} for edge in edges for label in edge}
    for a, b in edges:
        if group[a] is not group[b]:
            group[a] |= group[b]
            group |= dict.fromkeys(group[b], group[a])
    groups = {id(labels): labels for labels in group.values()}.values()
    return "".join(
        _picture([edge for edge in edges if edge[0] in labels], anchors, k) for k, labels in enumerate(groups)
    )


def _picture(edges: list[tuple[str, str]], anchors: dict[str, str], k: int) -> str:
    depth = _depths(edges)
    chains: list[list[Node]] = [[a, *((a, b, level) for level in range(depth[a] + 1, depth[b])), b] for a, b in edges]
    middle = _places(chains, depth)
    where = {label: (middle[label] - WIDTH / 2, depth[label] * LAYER) for label in depth}
    left = min(middle.values()) - WIDTH / 2 - MARGIN
    wide = max(middle.values()) + WIDTH / 2 + MARGIN - left
    high = max(y for _, y in where.values()) + HEIGHT + 2 * MARGIN
    lines = [
        _arrow([(middle[node], at * LAYER) for at, node in enumerate(chain, depth[str(chain[0])])], k)
        for chain in chains
    ]
    boxes = [_box(label, place, anchors[label]) for label, place in where.items()]
    text = "; ".join(f"{b.split('/')[-1]} uses {a.split('/')[-1]}" for a, b in edges)
    return (
        f'<svg class="graph" viewBox="{left:.0f} {-MARGIN} {wide:.0f} {high:.0f}" width="{wide:.0f}" height="{high:.0f}" '
        f'role="group" aria-label="{escape(text)}">'
        f'<defs><marker id="tip-{k}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L8 4L0 8z"/></marker></defs>{"".join(lines + boxes)}</svg>'
    )


def _depths(edges: list[tuple[str, str]]) -> dict[str, int]:
    """The length of the longest chain above each label; in a circle, which no proof has, chains end after as many steps."""
    depth = {label: 0 for edge in edges for label in edge}
    for _ in depth:
        for a, b in edges:
            depth[b] = min(max(depth[b], depth[a] + 1), len(depth))
    return depth


def _places(chains: list[list[Node]], depth: dict[str, int]) -> dict[Node, float]:
    """Middles of all labels, and of the layers that an edge crosses: drawn to the mean of their neighbours, none overlaps."""
    level: dict[Node, int] = dict(sorted(depth.items(), key=lambda pair: pair[1]))
    level |= {node: node[2] for chain in chains for node in chain if isinstance(node, tuple)}
    near: dict[Node, list[Node]] = {node: [] for node in level}
    for chain in chains:
        for upper, lower in pairwise(chain):
            near[upper].append(lower)
            near[lower].append(upper)
    layers = [[node for node in near if level[node] == k] for k in sorted(set(level.values()))]
    x = {node: float(k * (WIDTH + GAP)) for layer in layers for k, node in enumerate(layer)}
    for _ in range(40):
        for layer in [*layers, *layers[::-1]]:
            wish = {node: sum(x[other] for other in near[node]) / len(near[node]) for node in layer}
            layer.sort(key=wish.__getitem__)
            x |= _apart(wish, layer)
    return x


def _apart(wish: dict[Node, float], layer: list[Node]) -> dict[Node, float]:
    """Middles in the order of the layer, apart from each other, with the mean of what was wished."""
    found = {layer[0]: wish[layer[0]]}
    for before, node in pairwise(layer):
        space = GAP + (isinstance(before, str) + isinstance(node, str)) * WIDTH / 2
        found[node] = max(wish[node], found[before] + space)
    shift = (sum(wish.values()) - sum(found.values())) / len(layer)
    return {node: value + shift for node, value in found.items()}


def _arrow(points: list[tuple[float, float]], k: int) -> str:
    """A line from below the first box to above the last one, straight where it passes between boxes."""
    (x, y), *between, (u, v) = points
    path, y = f"M{x:.0f} {y + HEIGHT:.0f}", y + HEIGHT
    for a, b, straight in [*((a, b, f"V{b + HEIGHT:.0f}") for a, b in between), (u, v - 2, "")]:
        path += f"C{x:.0f} {(y + b) / 2:.0f} {a:.0f} {(y + b) / 2:.0f} {a:.0f} {b:.0f}{straight}"
        x, y = a, b + HEIGHT
    return f'<path class="edge" marker-end="url(#tip-{k})" d="{path}"/>'


def _box(label: str, place: tuple[float, float], anchor: str) -> str:
    paper, _, name = label.partition("/")
    return (
        f'<a href="#{anchor}" data-claim="{anchor}"><title>{escape(label)}</title>'
        f'<rect x="{place[0]:.0f}" y="{place[1]:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="5"/>'
        f'<text x="{place[0] + WIDTH / 2:.0f}" y="{place[1] + HEIGHT / 2:.0f}">{escape(name or paper)}</text></a>'
    )
