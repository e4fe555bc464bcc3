"""ntk-special-case: κ = √m is the NTK parametrisation, with learning rates (1, 1/m, …, 1/m) on raw weights."""

import itertools
from collections.abc import Iterator
from functools import partial

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Sides
from checks.measurements.data import NINE, THREE, data_name
from checks.measurements.parametrizations import ACTIVATIONS, STEPS, raw_and_normalised

TOLERANCE = 1e-12
WIDTHS = {"quick": (48,), "standard": (16, 64), "full": (16, 48, 256, 1024)}


def networks(tier: str, names: tuple[str, ...] = ACTIVATIONS, **extra: bool) -> Iterator[Case]:
    """Every depth and width, all activations together; at the quick tier one depth a data set."""
    sets = [data | {"n": 4} for data in (THREE if tier == "quick" else NINE)]
    chosen = zip(sets, (1, 2, 3), strict=True) if tier == "quick" else itertools.product(sets, (1, 2, 3))
    for (data, L), m in itertools.product(chosen, WIDTHS[tier]):
        config = {"data": data, "activations": list(names), "hidden_layers": L, "width": m, **extra}
        yield Case(f"L = {L} · m = {m} · {data_name(data)}", config)


def difference(case: dict, found: Arrays, quantities: tuple[str, ...]) -> Sides:
    """The relative distance of every activation."""
    return Sides([found[quantity] for quantity in quantities], TOLERANCE)


SHARED = {"status": "proved", "cases": networks, "cell": raw_and_normalised, "judge": AtMost()}

CLAIM = Claim(
    paper="li2024demystifying",
    name="ntk-special-case",
    source="statement reconstructed; proof in docs/theory.md",
    summary="the NTK parametrisation is κ = √m with learning rates (1, 1/m, …, 1/m) on the raw weights",
    statement=(
        "the normalised network with κ = √m and all rates 1 is the raw network with W^l ~ N(0, 1/m), l ≥ 2, a ~ N(0, 1/m) and "
        "learning rates (1, 1/m, …, 1/m)"
    ),
    assumptions="any activation, depth, width and data; the same draw of the weights",
    figure="ntk_special_case",
    parts=(
        Part("a", "relative distance of the outputs", read=partial(difference, quantities=("outputs",)), **SHARED),
        Part(
            letter="b",
            says="relative distance of the Gram matrices, weighted by the rates",
            cells_of="a",
            read=partial(difference, quantities=("grams",)),
            **SHARED,
        ),
        Part(
            letter="c",
            says=f"relative distance of the outputs over {STEPS} steps of descent",
            cells_of="a",
            read=partial(difference, quantities=("descent",)),
            controls=(
                Control(
                    "Gram matrices and descent with raw rates that are all 1/m",
                    read=partial(difference, quantities=("grams", "descent")),
                    cases=partial(networks, names=("relu", "tanh", "erf"), equal_rates=True),
                ),
            ),
            why="the bound is rounding, amplified by the steps, each a quarter of n/λ_max of the current kernel",
            **SHARED,
        ),
    ),
)
