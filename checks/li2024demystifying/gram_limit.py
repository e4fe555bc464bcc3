"""gram-limit: the Gram matrices at initialisation tend to their infinite-width limits like 1/√m."""

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Ratio, Slope
from checks.measurements.data import inputs
from checks.measurements.gram_errors import gram_errors, scaled_square_errors
from checks.measurements.streams import data_seed
from theory import gram_fluctuations, limit_grams

ACTIVATIONS = ("relu", "tanh", "erf")
DATA = ({"kind": "random", "n": 8}, {"kind": "digits", "n": 8})
RATE = Slope(-0.5, 0.1)
BLOCK = 40

# depth: (log2 of the widths, draws of the first look)
RATES = {
    "quick": {1: ((7, 9, 11, 13), 80), 2: ((6, 7, 8, 9), 200), 3: ((5, 6, 7, 8), 320)},
    "standard": {1: (range(8, 18), 128), 2: (range(5, 11), 256), 3: (range(5, 10), 384)},
    "full": {1: (range(8, 19), 256), 2: (range(5, 13), 384), 3: (range(5, 12), 512)},
}
# Wrong limits show where the fluctuation √(C_l/m) has fallen below their distance to the right ones: for relu, whose Σ
# and Σ̇ agree on the diagonal, K^1 of one hidden layer shows late.
WRONG = {1: ((10, 13, 16), 12), 2: ((5, 6, 7, 8), 64), 3: ((5, 6, 7, 8), 64)}


def rates(tier: str, *, wrong: bool = False, depths: tuple[int, ...] = (1, 2, 3), **extra: bool) -> Iterator[Case]:
    """One case for every depth, layer, activation and data set; all of one depth see the same weights."""
    for L in depths:
        logarithms, draws = WRONG[L] if wrong else RATES[tier][L]
        config = {"data": list(DATA), "hidden_layers": L, "activations": list(ACTIVATIONS), **extra}
        config["widths"] = [2**k for k in logarithms]
        for name, kind, layer in itertools.product(ACTIVATIONS, range(len(DATA)), range(L + 1)):
            title = f"K^{layer + 1} · L = {L} · {name} · {DATA[kind]['kind']}"
            yield Case(title, config, draws, select={"activation": name, "set": kind, "layer": layer})


def distance(case: dict, found: Arrays, limit: str = "") -> Draws:
    """‖(m/κ²)G^l − K^l‖_F against m."""
    return Draws(found[case["activation"] + limit][:, :, case["set"], case["layer"]], case["widths"])


def constants(tier: str) -> Iterator[Case]:
    """8,000 networks of width 64: the identity holds at every width."""
    for name, data, layer in itertools.product(ACTIVATIONS, DATA, (0, 1)):
        config = {"data": data, "activation": name, "width": 64}
        yield Case(f"K^{layer + 1} · {name} · {data['kind']}", config, 200 * BLOCK, select={"layer": layer})


def over_constant(case: dict, found: Arrays, *, wrong: bool = False) -> Draws:
    """m‖·‖²/C_l in blocks: single draws are skewed, their means over blocks are not."""
    X = inputs(**case["data"], seed=data_seed(case["stream"]))
    exact = wrong_constants(X, case["activation"]) if wrong else gram_fluctuations(X, activation=case["activation"])
    return Draws(found["squares"][:, case["layer"]].reshape(-1, BLOCK).mean(axis=1) / exact[case["layer"]])


def wrong_constants(X: np.ndarray, activation: str) -> tuple[float, float]:
    """C_1 with E a⁴ = 1 in place of 3; C_2 as if the features were Gaussian, Var(σ(u)σ(v)) = Σ_iiΣ_jj + Σ_ij²."""
    first, sigma = limit_grams(X, hidden_layers=1, activation=activation).layers
    C_1, _ = gram_fluctuations(X, activation=activation)
    scale = np.diag(sigma)
    return (C_1 - 2 * (first**2).sum()) / 3, float((np.outer(scale, scale) + sigma**2).sum())


CLAIM = Claim(
    paper="li2024demystifying",
    name="gram-limit",
    source="statement reconstructed; proof in docs/theory.md",
    summary="(m/κ²) G^l → K^l at every layer, at the rate m^{−1/2}, with the exact constant for L = 1",
    statement="(m/κ²) G^l(θ_0) → K^l for every layer l as m → ∞; for L = 1, E‖(m/κ²) G^l − K^l‖_F² = C_l/m exactly",
    assumptions="normalised network, all weights N(0, 1), any κ > 0; for the rate at L ≥ 2 no two inputs parallel",
    figure="gram_limit",
    parts=(
        Part(
            letter="a",
            says="‖(m/κ²) G^l − K^l‖_F against m",
            status="derived",
            cases=rates,
            cell=gram_errors,
            read=distance,
            judge=RATE,
            controls=(
                Control(
                    "limits with Σ for Σ̇ (l ≤ L), Σ^{L−1} for Σ^L (l = L + 1)",
                    read=partial(distance, limit=" wrong limit"),
                    cases=partial(rates, wrong=True),
                ),
                Control(
                    "a network without the 1/√m of its second layer",
                    cases=partial(rates, wrong=True, depths=(2, 3), unscaled=True),
                ),
            ),
            why="exact for L = 1; for L ≥ 2 O(m^{−1/2}) is proved, and terms of order 1/m² bias small widths",
        ),
        Part(
            letter="b",
            says="m‖(m/κ²) G^l − K^l‖_F² over C_l, L = 1, averaged in blocks",
            status="proved",
            cases=constants,
            cell=scaled_square_errors,
            read=over_constant,
            judge=Ratio(1.0, 0.1),
            controls=(
                Control("E a⁴ = 1 for 3 in C_1, Gaussian features in C_2", read=partial(over_constant, wrong=True)),
            ),
            why="the identity holds at every width",
        ),
    ),
)
