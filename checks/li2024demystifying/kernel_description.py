"""kernel-description: a wide lazy network predicts, at all times and inputs, what kernel regression with K predicts."""

import itertools
from collections.abc import Iterator

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Slope
from checks.measurements.data import DATA
from checks.measurements.kernel_predictions import KINKED, predictions
from theory.rates import prediction_exponent

GAMMA, K_0 = 0.5, 4.0
WIDTHS = {
    "quick": {1: [2**6, 2**8, 2**10, 2**11], 2: [32, 64, 128, 256]},
    "standard": {1: [2**8, 2**10, 2**12, 2**14], 2: [64, 256, 1024]},
    "full": {1: [2**8, 2**10, 2**12, 2**14, 2**16, 2**18], 2: [64, 128, 256, 512, 1024, 2048]},
}
CASES = {
    "quick": ((1, "tanh", "digits"), (1, "relu", "random"), (2, "tanh", "random")),
    "standard": (
        (1, "tanh", "random"),
        (1, "tanh", "digits"),
        (1, "relu", "digits"),
        (2, "tanh", "digits"),
        (2, "relu", "random"),
    ),
    "full": tuple(itertools.product((1, 2), ("tanh", "relu"), DATA)),
}
DRAWS = {"quick": {1: 10, 2: 20}, "standard": {1: 16, 2: 20}, "full": {1: 12, 2: 48}}
MARGINS = {"quick": {1: 0.15, 2: 0.2}, "standard": {1: 0.12, 2: 0.2}, "full": {1: 0.12, 2: 0.12}}


def trainings(tier: str) -> Iterator[Case]:
    """Networks along κ = `K_0` m^`GAMMA`."""
    for L, name, kind in CASES[tier]:
        widths = WIDTHS[tier][L]
        config = {"data": DATA[kind], "activation": name, "hidden_layers": L}
        config["pairs"] = [[m, K_0 * m**GAMMA] for m in widths]
        title = f"L = {L} · {name} · {kind} · m = {widths[0]}..{widths[-1]}"
        yield Case(title, config, DRAWS[tier][L], select={"margin": MARGINS[tier][L]})


def distance(case: dict, found: Arrays, kernel: str = "right") -> Draws:
    """Largest distance over times and test inputs against m."""
    return Draws(found[kernel], [m for m, _ in case["pairs"]])


CLAIM = Claim(
    paper="li2024demystifying",
    name="kernel-description",
    source="statement reconstructed; proof in docs/theory.md",
    summary="lazy networks predict what kernel regression with K predicts, at all times, up to m^{−min(1/2, 2γ)}",
    statement=(
        "for γ > 0, centred: f_t(x) − f_0(x) → K(x, X)(I − e^{−κ²Kt/(mn)})K^{−1}y uniformly over t and x, with an error of "
        "order m^{−min(1/2, 2γ)} for smooth σ, m^{−min(1/2, γ)} with kinks"
    ),
    assumptions="unit inputs, no two parallel; judged at γ = 1/2, where the fluctuation of the kernel decides",
    figure="kernel_description",
    uses=("li2024demystifying/gram-limit", "li2024demystifying/linearization"),
    parts=(
        Part(
            letter="a",
            says="sup over times and test inputs of |f_t(x) − f_0(x) − prediction by K| against m, κ = 4√m",
            status="derived",
            cases=trainings,
            cell=predictions,
            read=distance,
            judge=lambda case: Slope(prediction_exponent(GAMMA, kinked=case["activation"] in KINKED), case["margin"]),
            controls=(
                Control("K^{L+1} alone, as if only the last layer were trained", lambda c, f: distance(c, f, "wrong")),
            ),
            why="wider margin for two hidden layers, since at these widths the kernel has a bias of order 1/m too",
        ),
    ),
)
