"""stability-lemma: y' = −Σ(t)∇R(y) stays close to the flow with Σ(0), for all times."""

from collections.abc import Iterator

import numpy as np
from scipy.integrate import solve_ivp

from checks.chizat2019lazy.scaled_flows import LOSSES, MU, make_loss
from checks.claim import Claim, Findings, Run
from checks.inequality import worst_case
from checks.verdict import Evidence
from theory.convergence_bounds import stability_bound

SEEDS = {"quick": 3, "standard": 12, "full": 100}
STARTS = {"quick": (10.0, 1e3), "standard": (10.0, 1e2, 1e3, 1e4), "full": (10.0, 1e2, 1e3, 1e4, 1e6)}  # y(0)
TOLERANCES, TIMES, DECAYS = (1e-7, 1e-8), 100, 12.0


def random_path(*, loss: str, outputs: int, lam: float, size: float, seed: int) -> dict[str, np.ndarray]:
    """sup‖y − ȳ‖ over its bound, and its change when the tolerance is cut by ten.

    Σ(t) = λI + A(t)A(t)ᵀ with A(t) = A_0 + ``size``·(A_1(cos ωt − 1) + A_2 sin ωt). K is the largest over 100
    times, at most the supremum: that errs on the strict side.
    """
    rng = np.random.default_rng(seed)
    targets, parts = rng.normal(size=outputs), rng.normal(size=(3, outputs, rng.integers(1, outputs + 1)))
    omega, start, function = 3 * lam * rng.uniform(), 3 * rng.normal(size=outputs), make_loss(loss, targets)
    mu = 1.0 if loss == "square" else MU

    def kernel(t: float) -> np.ndarray:
        A = parts[0] + size * (parts[1] * (np.cos(omega * t) - 1) + parts[2] * np.sin(omega * t))
        return lam * np.eye(outputs) + A @ A.T

    def field(t: float, both: np.ndarray) -> np.ndarray:
        y, twin = np.split(both, 2)
        return -np.concatenate([kernel(t) @ function.evaluate(y)[1], kernel(0) @ function.evaluate(twin)[1]])

    values, found = np.linalg.eigvalsh(kernel(0)), []
    times = np.geomspace(1e-3 / values[-1], DECAYS / (mu * lam), TIMES)
    for rtol in TOLERANCES:
        both = [start, start]
        run = solve_ivp(field, (0, times[-1]), np.concatenate(both), "LSODA", t_eval=times, rtol=rtol, atol=1e-4 * rtol)
        y, twin = np.split(run.y.T, 2, axis=1)
        changes = [(kernel(t) - kernel(0)) @ function.evaluate(point)[1] for t, point in zip(run.t, y, strict=True)]
        K, distance = (np.linalg.norm(rows, axis=1).max() for rows in (changes, y - twin))
        found.append(distance / stability_bound(K, values[-1], values[0], mu) if run.success else np.nan)
    return {"ratio": np.array(found[1:]), "change": np.array([abs(found[1] - found[0])])}


def scalar(*, lam: float, mu: float, K: float, start: float) -> dict[str, np.ndarray]:
    """Worst case, exact: R = μy²/2, Σ(0) = λ and Σ(t) = λ + K/(μy) for t > 0, until y = 0; ``start`` y(0) in K/(λμ).

    (Σ(t) − Σ(0))∇R = K, so y' = −λμy − K and y − ȳ = −(K/(λμ))(1 − e^{−λμt}); y = 0 at e^{λμt} = 1 + ``start``.
    """
    end = np.log1p(start) / (lam * mu)
    distance = K / (lam * mu) * -np.expm1(-lam * mu * end)
    return {"ratio": np.array([distance / stability_bound(K, lam, lam, mu)])}


def random_parts(run: Run) -> Iterator[Evidence]:
    """Random Σ(t): the worst of all seeds, one part a loss."""
    for loss in LOSSES:
        cells = [
            {
                "loss": loss,
                "outputs": 1 + s % 4,
                "lam": 1.0,
                "size": (0.01, 0.3, 1.0)[s % 3],
                "seed": (run.seed << 16) + s,
            }
            for s in range(SEEDS[run.tier])
        ]
        results = run.sweep.run(random_path, cells, f"stability-lemma, {loss}")
        ratio, change = (np.concatenate([found[key] for found in results]) for key in ("ratio", "change"))
        yield worst_case(f"random Σ(t) · {loss}", ratio, 1.0, change)


def check(run: Run) -> Findings:
    """Random and worst Σ(t); the control: half of K."""
    cells = [
        {"lam": lam, "mu": mu, "K": 1.0, "start": start}
        for start in STARTS[run.tier]
        for lam, mu in ((1.0, 1.0), (0.1, 2.0))
    ]
    ratio = np.concatenate([found["ratio"] for found in run.sweep.run(scalar, cells, "stability-lemma, worst case")])
    part = worst_case("scalar Σ(t) = λ + K/(μy)", ratio, 1.0)
    return Findings([*random_parts(run), part], [worst_case("half of K · scalar", 2 * ratio, 1.0, control=True)])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="stability-lemma",
    source="Lemma B.2 of arXiv:1812.07956; proof in docs/theory.md",
    statement=(
        "y' = −Σ(t)∇R(y), ȳ' = −Σ(0)∇R(ȳ) from the same start, Σ(0) ⪰ λ > 0: ‖y − ȳ‖ ≤ K‖Σ(0)‖^{1/2}/(λ^{3/2}μ) for all t, K "
        "= sup‖(Σ(t) − Σ(0))∇R(y(t))‖"
    ),
    assumptions="R μ-strongly convex, Σ(t) ⪰ 0 symmetric, piecewise continuous",
    predicted="ratio to the bound ≤ 1; in one dimension, Σ(t) = λ + K/(μy), it is s/(1 + s) for y(0) = sK/(λμ): 0.999",
    judge=(
        "sup‖y − ȳ‖ over 100 times up to 12/(μλ), the same for K, so that K is at most its supremum. Random Σ(t) = λI + "
        "A(t)A(t)ᵀ in 1 to 4 dimensions, square and both log-cosh losses, worst of 3 (quick) or 12 seeds; the scalar worst "
        "case is exact. Numerical error: the change when the tolerance is cut by ten, 1e−7 to 1e−8"
    ),
    control="half of K, judged by the start closest to it",
    figure="lazy_tightness",
    check=check,
)
