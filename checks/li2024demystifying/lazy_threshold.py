"""lazy-threshold: along κ = k_0 m^γ the drift falls for γ > 0, stays for γ = 0 and grows for γ < 0."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Gap, Slope
from checks.judges.slope import slopes
from checks.li2024demystifying.drift import against_scale, against_width
from checks.measurements.trainings import DATA, along, drifts, network, title
from theory.rates import drift_exponent

GAMMAS = {
    "quick": (-0.25, 0.0, 0.25, 0.5),
    "standard": (-0.25, -0.125, 0.0, 0.125, 0.25, 0.5, 1.0),
    "full": (-0.5, -0.25, -0.125, 0.0, 0.0625, 0.125, 0.25, 0.5, 0.75, 1.0),
}
NETWORKS = {
    "quick": ((1, "tanh", "random"), (1, "relu", "random")),
    "standard": ((1, "tanh", "random"), (1, "relu", "digits"), (2, "tanh", "random")),
    "full": (
        *itertools.product((1,), ("tanh", "relu"), DATA),
        (2, "tanh", "random"),
        (2, "relu", "random"),
        (2, "tanh", "digits"),
    ),
}
WIDTHS = {
    "quick": {1: [2**8, 2**9, 2**10, 2**11]},
    "standard": {1: [2**8, 2**10, 2**12], 2: [64, 128, 256, 512]},
    "full": {1: [2**8, 2**10, 2**12, 2**14, 2**16], 2: [64, 128, 256, 512, 1024, 2048]},
}
DRAWS, FLAT, STEEP = {1: 5, 2: 6}, {1: 0.02, 2: 0.05}, 0.02
# relu's corrections die out more slowly as κ → 0, the deeper the slower
SMALL_SCALES = {
    (1, "tanh"): [2.0**k for k in (-8, -7, -6)],
    (1, "relu"): [2.0**k for k in (-12, -11, -10, -9)],
    (2, "tanh"): [2.0**k for k in (-8, -7, -6)],
    (2, "relu"): [2.0**k for k in (-18, -16, -14, -12)],
}
SMALL_NETWORKS = {
    "quick": ((1, "relu"),),
    "standard": ((1, "tanh"), (1, "relu"), (2, "relu")),
    "full": tuple(SMALL_SCALES),
}


def paths(tier: str, *, sign: int) -> Iterator[Case]:
    """All widths along κ = m^γ, for the γ of this sign."""
    for case, gamma in itertools.product(NETWORKS[tier], GAMMAS[tier]):
        if np.sign(gamma) == sign:
            config, L = network(*case, along(WIDTHS[tier][case[0]], gamma, 1.0)), case[0]
            yield Case(f"γ = {gamma:g} · {title(config)}", config, DRAWS[L], chunk=3, select={"gamma": gamma})


def signed_slopes(case: dict, found: Arrays) -> Draws:
    """The slope of log D in log m, one a draw, counted upwards for γ < 0 and downwards else."""
    widths = np.array([m for m, _ in case["pairs"]], dtype=float)
    return Draws((1 if case["gamma"] < 0 else -1) * slopes(widths, found["drift"]))


def small_scales(tier: str) -> Iterator[Case]:
    """κ → 0 at one width, on which D does not depend."""
    for L, activation in SMALL_NETWORKS[tier]:
        config = network(L, activation, "random", [[128, kappa] for kappa in SMALL_SCALES[L, activation]])
        yield Case(title(config), config, draws=5, chunk=3)


def where_trained(case: dict, found: Arrays) -> Draws:
    """D against κ in the draws without a plateau."""
    trained = ~(found["plateau"] == 1).any(axis=1)
    reading = against_scale(case, {"drift": found["drift"][trained]})
    return replace(reading, excluded=int(np.count_nonzero(~trained)))


def exponent(case: dict, *, other: bool = False) -> Slope:
    """The exponent as κ → 0; that of the ``other`` kind of σ, bounded or not."""
    bounded = (case["activation"] == "tanh") != other
    return Slope(-drift_exponent(-1.0, centred=True, hidden_layers=case["hidden_layers"], bounded=bounded), 0.05)


CLAIM = Claim(
    paper="li2024demystifying",
    name="lazy-threshold",
    source="statement reconstructed; proof in docs/theory.md",
    summary="along κ = k_0 m^γ the drift D falls for γ > 0, stays for γ = 0, grows for γ < 0",
    statement=(
        "along κ = k_0 m^γ the drift D = sup_t ‖θ_t − θ_0‖/√m tends to 0 for every γ > 0, stays for γ = 0 and grows for γ < "
        "0: lazy is γ > 0, and NTK's γ = 1/2 is one point of it. As κ → 0, D is of order κ^{−1/(L+1)} for relu and κ^{−1} for "
        "bounded σ"
    ),
    assumptions=(
        "centred training, unit inputs, no two parallel; for γ < 0 measured, with a heuristic reason in docs/theory.md; as κ → "
        "0 networks that reach their targets: a narrow relu network may stop where an input meets no active neuron"
    ),
    figure="regime_map",
    uses=("li2024demystifying/drift",),
    parts=(
        Part(
            letter="a",
            says="−slope of log D in log m, γ > 0",
            status="derived",
            cases=partial(paths, sign=1),
            cell=drifts,
            read=signed_slopes,
            judge=Gap(STEEP),
            controls=(
                Control(
                    "lazy from γ = 1/2 on: below, D does not change",
                    read=against_width,
                    judge=lambda case: Slope(0.0, FLAT[case["hidden_layers"]]),
                    when=lambda case: case["gamma"] < 0.5,
                ),
            ),
            why="the threshold is the size of what counts as flat",
        ),
        Part(
            letter="b",
            says="D against m at γ = 0",
            status="derived",
            cases=partial(paths, sign=0),
            cell=drifts,
            read=against_width,
            judge=lambda case: Slope(0.0, FLAT[case["hidden_layers"]]),
            controls=(Control("lazy at γ = 0 too: D falls", read=signed_slopes, judge=Gap(STEEP)),),
            why="two hidden layers are narrower, and the slopes of single draws spread more",
        ),
        Part(
            letter="c",
            says="slope of log D in log m, γ < 0",
            status="measured",
            cases=partial(paths, sign=-1),
            cell=drifts,
            read=signed_slopes,
            judge=Gap(STEEP),
            controls=(
                Control(
                    "lazy for γ < 0 too: D ∝ m^{−|γ|}",
                    read=against_width,
                    judge=lambda case: Slope(case["gamma"], STEEP),
                ),
            ),
        ),
        Part(
            letter="d",
            says="D against κ → 0 at fixed m",
            status="measured",
            cases=small_scales,
            cell=drifts,
            read=where_trained,
            judge=exponent,
            controls=(Control("the exponent of the other kind of σ", judge=partial(exponent, other=True)),),
        ),
    ),
)
