"""dichotomy: along κ = k_0m^γ features stand still in the limit if γ > 0, as in NTK scaling, and move if γ = 0, as in μP."""

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Ratio, Slope
from checks.measurements.data import DATA, samples
from checks.measurements.feature_changes import feature_changes
from checks.measurements.streams import data_seed
from checks.measurements.trainings import along, network, title
from theory import limit_grams
from theory.feature_changes import feature_change_constant
from theory.lazy_bounds import layer_drift_constants

PATHS = ((0.0, 1.0), (0.25, 32.0), (0.5, 16.0))  # γ and k_0: κ is large at all widths where γ > 0
WIDTHS = {1: [128, 512, 2048], 2: [128, 256, 512]}
MARGINS = {1: 0.05, 2: 0.1}
KINDS = ("random", "digits")
QUICK = [(1, path, "random") for path in PATHS] + [(2, PATHS[-1], "random")]


def paths(tier: str) -> Iterator[Case]:
    """Both depths along every path on both kinds of data; at the quick tier on one, two layers at NTK scaling alone."""
    runs = itertools.product((1, 2), PATHS, KINDS)
    for L, (gamma, k_0), kind in runs if tier != "quick" else QUICK:
        config = network(L, "tanh", DATA[kind], along(WIDTHS[L], gamma, k_0), rtol=1e-2)
        yield Case(f"γ = {gamma:g}, k_0 = {k_0:g} · {title(config)}", config, draws=12, select={"gamma": gamma})


def wide(tier: str) -> Iterator[Case]:
    """One wide relu network at large κ."""
    for kind in KINDS[:1] if tier == "quick" else KINDS:
        config = network(1, "relu", DATA[kind], [[2048 if tier == "quick" else 8192, 1024.0]], rtol=1e-2)
        yield Case(f"κ = 1024 · {title(config)}", config, draws=16)


def over_constant(case: dict, found: Arrays, *, weights: bool = False) -> Draws:
    """κF over its limit, or over that of the relative change of the inner ``weights``."""
    X, y = samples(case["data"], data_seed(case["stream"]))
    layers = limit_grams(X, hidden_layers=1, activation="relu").layers
    other = layer_drift_constants(layers, np.ones(2), y)[0] / np.sqrt(X.shape[1])
    return Draws(case["pairs"][0][1] * found["change"][:, 0] / (other if weights else feature_change_constant(X, y)))


CLAIM = Claim(
    paper="yang2021feature",
    name="dichotomy",
    source="Theorems 3.3 and 3.5 of arXiv:2011.14522 on one line of parametrisations; derivation in docs/theory.md",
    summary="features change like m^{−γ} along κ = k_0m^γ: not in the limit of NTK scaling, but in that of μP",
    statement=(
        "F = ‖x^L_∞ − x^L_0‖/‖x^L_0‖, the relative change of the last features in centred training; (a) F ∝ m^{−γ} along κ = "
        "k_0m^γ: exponent −1/2 for NTK scaling, 0 for mean field and μP; (b) relu, L = 1: κF → √((2/n) Σ_i Σ_jk "
        "α_jα_kρ_ijρ_ik P_ijk), α = K^{−1}y, P_ijk the probability that a neuron is active on x_i, x_j and x_k"
    ),
    assumptions="unit inputs, no two parallel; κ large at all widths where γ > 0",
    figure="neighbouring_papers",
    uses=("li2024demystifying/drift", "li2024demystifying/linearization"),
    parts=(
        Part(
            letter="a",
            says="F against m along κ = k_0m^γ",
            status="derived",
            cases=paths,
            cell=feature_changes,
            read=lambda case, found: Draws(found["change"], [m for m, _ in case["pairs"]]),
            judge=lambda case: Slope(-case["gamma"], MARGINS[case["hidden_layers"]]),
            controls=(
                Control(
                    "the exponent of the other regime",
                    judge=lambda case: Slope(-0.5 if case["gamma"] == 0 else 0.0, MARGINS[case["hidden_layers"]]),
                ),
            ),
        ),
        Part(
            letter="b",
            says="κF over its limit, relu, L = 1",
            status="derived",
            cases=wide,
            cell=feature_changes,
            read=over_constant,
            judge=Ratio(1.0, 0.03),
            controls=(Control("features change as much as the weights", read=partial(over_constant, weights=True)),),
        ),
    ),
)
