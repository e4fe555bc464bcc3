"""other-architectures: the lazy statements for residual networks and for a convolutional one without pooling."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Ratio, Slope
from checks.measurements.architectures import (
    CONVOLUTION,
    RESIDUAL,
    TARGETS,
    TRAIN,
    WITHOUT_V,
    architecture_inputs,
    block_grams,
    block_limits,
    flows,
    wrong_limit,
)
from theory.lazy_bounds import drift_constant

# (a): architecture, data, activations, hidden layers, widths, draws, margins of the slope and of the offset. On digits one mode
# fluctuates most, for relu with heavy tails: hence the wider margins.
KERNELS = {
    "quick": [
        (RESIDUAL, "random", ["relu", "tanh"], 2, [32, 90, 256], 128, 0.15, 0.01),
        (WITHOUT_V, "random", ["relu"], 3, [32, 90, 256], 128, 0.15, 0.01),
        (CONVOLUTION, "random", ["relu", "tanh"], 2, [24, 60, 144], 128, 0.15, 0.01),
    ],
    "standard": [
        (RESIDUAL, "random", ["relu", "tanh", "erf"], 3, [32, 90, 256], 176, 0.1, 0.01),
        (RESIDUAL, "digits", ["relu", "tanh", "erf"], 2, [32, 90, 256], 160, 0.15, 0.02),
        (WITHOUT_V, "random", ["relu"], 3, [32, 90, 256], 176, 0.1, 0.01),
        (WITHOUT_V, "digits", ["relu"], 3, [32, 90, 256], 160, 0.15, 0.02),
        (CONVOLUTION, "random", ["relu", "tanh", "erf"], 2, [24, 60, 144], 176, 0.1, 0.01),
        (CONVOLUTION, "digits", ["relu", "tanh"], 2, [24, 60, 144], 208, 0.15, 0.02),
    ],
}
KERNELS["full"] = [(*design[:5], 3 * design[5], *design[6:]) for design in KERNELS["standard"]]
BLOCK = 16

# (b), (c): architecture, data, activation, widths, draws. Where the kernel at θ_0 fluctuates by more than its least eigenvalue
# some flows do not end: relu with skip connections needs more width for that.
FLOWS = {
    "quick": [
        (RESIDUAL, "digits", "tanh", [12, 48, 192], 10),
        (CONVOLUTION, "random", "relu", [12, 42, 144], 10),
    ],
    "standard": [
        (RESIDUAL, "random", "relu", [24, 80, 256], 44),
        (RESIDUAL, "digits", "tanh", [12, 48, 192], 36),
        (CONVOLUTION, "random", "relu", [12, 42, 144], 36),
        (CONVOLUTION, "digits", "tanh", [12, 42, 144], 48),
    ],
}
FLOWS["full"] = [(*design[:4], 3 * design[4]) for design in FLOWS["standard"]]
MARGINS = {"quick": {"slope": 0.25, "drift": 0.1}, "standard": {"slope": 0.12, "drift": 0.06}}
MARGINS["full"] = MARGINS["standard"]


def kernels(tier: str, *, offsets: bool) -> Iterator[Case]:
    """Every architecture and activation; the offsets for every block of weights and their sum."""
    for architecture, kind, names, L, widths, draws, slope, offset in KERNELS[tier]:
        config = {"architecture": architecture, "data": {"kind": kind, "n": 6}, "activations": names}
        config |= {"hidden_layers": L, "widths": widths}
        blocks = 2 * L if architecture == RESIDUAL else L + 1
        for name in names:
            for b in [None, *range(blocks)] if offsets else [None]:
                select = {"activation": name, "block": b, "margin": offset if offsets else slope}
                block = "" if b is None else f" · block {b + 1}"
                yield Case(f"{architecture}, L = {L} · {name} · {kind}{block}", config, draws, select=select)


def unaveraged(tier: str) -> list[Case]:
    """A convolution on more random inputs."""
    config = {"architecture": CONVOLUTION, "data": {"kind": "random", "n": 12}, "activations": ["tanh"]}
    select = {"activation": "tanh", "block": None, "margin": 0.01}
    title = f"{CONVOLUTION}, L = 2 · tanh · random, n = 12"
    return [Case(title, config | {"hidden_layers": 2, "widths": [144]}, 8 * BLOCK, select=select)]


def limit_of(case: dict, *, wrong: bool = False, **taps: int) -> np.ndarray:
    """Limit of one block, or of the sum over all; or a wrong one."""
    X = architecture_inputs(case["architecture"], **case["data"], stream=case["stream"])
    setting = (case["architecture"], X, case["activation"], case["hidden_layers"])
    if wrong:
        return wrong_limit(*setting)
    blocks = block_limits(*setting, **taps)
    return blocks.sum(axis=0) if case["block"] is None else blocks[case["block"]]


def distance(case: dict, found: Arrays, **variant: bool) -> Draws:
    """‖Σ_b (m/κ²)G_b − K‖_F against m."""
    total = found[case["activation"]].sum(axis=2)
    return Draws(np.linalg.norm(total - limit_of(case, **variant), axis=(2, 3)), case["widths"])


def offset(case: dict, found: Arrays, **variant: int) -> Draws:
    """Unbiased estimates of ‖E G − K‖²_F/‖K‖²_F at the largest width.

    In a block of B draws with D_s = G_s − K, (‖Σ_s D_s‖² − Σ_s ‖D_s‖²)/(B(B − 1)) has expectation ‖E D‖².
    """
    K, last = limit_of(case, **variant), found[case["activation"]][:, -1]
    own = last.sum(axis=1) if case["block"] is None else last[:, case["block"]]
    return Draws(squared_offsets(own, K))


def squared_offsets(draws: np.ndarray, K: np.ndarray) -> np.ndarray:
    """The estimates of `offset` from draws (S, n, n) of G, one for every block of `BLOCK`."""
    D = (draws - K).reshape(-1, BLOCK, K.size)
    square = (D.sum(axis=1) ** 2).sum(axis=1) - (D**2).sum(axis=(1, 2))
    return square / (BLOCK * (BLOCK - 1)) / (K**2).sum()


def trainings(tier: str, quantity: str) -> Iterator[Case]:
    """Flows of every architecture."""
    for architecture, kind, name, widths, draws in FLOWS[tier]:
        config = {"architecture": architecture, "data": {"kind": kind, "n": TRAIN + 16}, "activation": name}
        config |= {"hidden_layers": 2, "widths": widths}
        select = {"block": None, "margin": MARGINS[tier][quantity]}
        yield Case(f"{architecture} · {name} · {kind}", config, draws, select=select)


def drift(case: dict, found: Arrays, *, last_layer: bool = False) -> Draws:
    """Drift at the largest width over √(yᵀK⁻¹y); or over the constant of the last layer's kernel."""
    values = found["drift"][:, -1]
    if last_layer:
        right, last = (limit_of(case | {"block": b})[:TRAIN, :TRAIN] for b in (None, -1))
        values = values * drift_constant(right, TARGETS) / drift_constant(last, TARGETS)
    return Draws(values)


def slope(case: dict) -> Slope:
    """Exponent −1/2 with the margin of the case."""
    return Slope(-0.5, case["margin"])


CLAIM = Claim(
    paper="li2024demystifying",
    name="other-architectures",
    source="statement reconstructed; proof in docs/theory.md",
    summary="residual networks and convolutions without pooling are lazy like plain ones, with explicit kernels",
    statement=(
        "residual networks, with branches (s/√m) V^l σ(W^l x/√m) or s σ(W^l x/√m), and circular convolutions without "
        "pooling are lazy as plain networks are: (a) (m/κ²) G_b tends to an explicit K_b for every block b of weights, "
        "with error of order m^{−1/2}; (b) κ sup_t ‖θ_t − θ_0‖/√m → √(yᵀK⁻¹y), K = Σ_b K_b; (c) f_t(x) − f_0(x) → K(x, "
        "X)(I − e^{−κ²Kt/(mn)})K⁻¹y at all times, with error of order m^{−1/2} where κ is proportional to √m"
    ),
    assumptions=(
        "all weights N(0, 1), L fixed, no two inputs parallel; (b), (c) centred training by gradient flow to 1e-8 of the loss, "
        "κ large, λ_min(K) > 0"
    ),
    figure="other_architectures",
    parts=(
        Part(
            letter="a1",
            says="‖Σ_b (m/κ²)G_b − K‖_F against m",
            status="derived",
            cases=partial(kernels, offsets=False),
            cell=block_grams,
            read=distance,
            judge=slope,
            controls=(
                Control("skip connections or mean terms left out, or cross terms kept", partial(distance, wrong=True)),
            ),
        ),
        Part(
            letter="a2",
            says="‖E (m/κ²)G_b − K_b‖²/‖K_b‖² at the largest width, unbiased, for every block and their sum",
            status="proved",
            cases=partial(kernels, offsets=True),
            cell=block_grams,
            cells_of="a1",
            read=offset,
            judge=lambda case: Ratio(0.0, case["margin"]),
            controls=(
                Control(
                    "skip connections or mean terms left out, or cross terms kept",
                    partial(offset, wrong=True),
                    when=lambda case: case["block"] is None,
                ),
                Control(
                    "taps not averaged",
                    partial(offset, taps=1),
                    cases=unaveraged,
                ),
            ),
            why="taps matter where the cosines of two inputs vary over the positions, and more in a larger matrix",
        ),
        Part(
            letter="b",
            says="κ sup_t ‖θ_t − θ_0‖/√m over √(yᵀK⁻¹y) at the largest width, κ = 16√m",
            status="derived",
            cases=partial(trainings, quantity="drift"),
            cell=flows,
            cells_of="c",
            read=drift,
            judge=lambda case: Ratio(1.0, case["margin"]),
            controls=(Control("constant of the last layer's kernel", partial(drift, last_layer=True)),),
            why="the margin also covers the convexity of K⁻¹, of order 1/m",
        ),
        Part(
            letter="c",
            says="sup over steps and test points of |f_t(x) − f_0(x) − prediction by K| against m, κ = 16√m",
            status="derived",
            cases=partial(trainings, quantity="slope"),
            cell=flows,
            read=lambda case, found: Draws(found["error"], case["widths"]),
            judge=slope,
            controls=(
                Control(
                    "predictions without skip connections, or with pooling",
                    lambda case, found: Draws(found["wrong"], case["widths"]),
                ),
            ),
            why="a flow that does not reach its target makes its case undecided",
        ),
    ),
)
