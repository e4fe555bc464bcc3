"""not-over-parameterization: the exponents of lazy training with fewer parameters than outputs."""

import itertools
from collections.abc import Iterator

from checks.chizat2019lazy.general_lazy import DRAWS, GROWING, OTHER, SHORT, SIZES, SWEEP, against_scale, exponent
from checks.claim import Case, Claim, Control, Part
from checks.measurements.scaled_models import QUANTITIES, distances

OUTPUTS = {"quadratic": 12, "two decays": 8, "few units": 16, "rank one": 20}
"""N, for p = 7, 4, 8, 9 parameters."""
FINER = {"rtols": [1e-10, 1e-11]}
RANGES = {  # two decays: beyond them rounding is seen; where the loss is not convex, late terms after the leading one are large
    "two decays": SHORT | FINER,
    ("quadratic", "rippled"): FINER | {"sizes": [10.0 ** (k / 2) for k in range(9, 13)]},
    ("few units", "rippled"): FINER | {"sizes": [10.0 ** (k / 2) for k in range(8, 12)]},
}


def sweeps(tier: str, design: dict | None = None) -> Iterator[Case]:
    """The suprema along α, or those of another ``design``."""
    losses = ("square",) if design else ("square", "rippled")
    for loss, kind, quantity in itertools.product(losses, OUTPUTS, QUANTITIES):
        if loss == "square" or tier != "quick" or kind == "two decays":
            config = SWEEP | {"sizes": SIZES[tier]} | OTHER[loss] | RANGES.get(kind, RANGES.get((kind, loss), {}))
            config |= (design or {}) | {"kind": kind, "outputs": OUTPUTS[kind], "loss": loss}
            draws = DRAWS[tier] if loss == "square" else 1
            yield Case(
                f"{quantity} · {kind} · N = {OUTPUTS[kind]} · {loss}", config, draws, select={"quantity": quantity}
            )


CLAIM = Claim(
    paper="chizat2019lazy",
    name="not-over-parameterization",
    source="Theorem 2.2 of arXiv:1812.07956 and the remark after it; proof in docs/theory.md",
    summary="with fewer parameters than outputs training is as lazy: exponents −1, −2, −1 in α",
    statement=(
        "with fewer parameters than outputs, p < N, h(w_0) = 0 and any fixed horizon, sup‖w_α − w_0‖, sup‖w_α − w̄_α‖ and "
        "sup‖y − ȳ‖ are O(1/α), O(1/α²) and O(1/α), and of these orders for models drawn at random"
    ),
    assumptions="h differentiable with locally Lipschitz Dh; nothing on the rank of Dh(w_0)",
    figure="oscillator",
    uses=("chizat2019lazy/general-lazy",),
    parts=(
        Part(
            letter="a",
            says="suprema up to T = 1, 30 and 300/‖Dh(w_0)‖² against α, p < N",
            status="derived",
            cases=sweeps,
            cell=distances,
            read=against_scale,
            judge=exponent,
            controls=(
                Control(
                    "targets that grow with α: w has the same flow for all α",
                    cases=lambda tier: sweeps(tier, GROWING),
                ),
            ),
            why="models that general-lazy does not have; the loss that is not convex as there",
        ),
    ),
)
