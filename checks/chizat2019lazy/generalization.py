"""generalization: what holds for the training predictions holds at every test point."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from checks.chizat2019lazy.scaled_flows import Drawn, draw, horizon_times, make_loss
from checks.claim import Claim, Findings, Run
from checks.deterministic_slope import worst_slope
from checks.inequality import inequality
from checks.running.sweep import Arrays
from checks.verdict import Evidence
from kernels.losses import SquareLoss
from kernels.model_flow import ModelTrajectory, flow_and_linearised_flow
from kernels.models import Centred, Model, NetworkModel, QuadraticMap, TwoLayerModel
from theory.width_bounds import prediction_bound

TESTS, HORIZON = 6, 20.0
RTOLS = {False: (1e-6, 1e-8), True: (1e-9, 1e-11)}  # paired flows are closer together
ALPHAS = tuple(10.0 ** np.arange(2.5, 4.1, 0.5))
PAIRED_ALPHAS = tuple(10.0 ** np.arange(2, 3.6, 0.5))
SMALL_ALPHAS = (0.5, 2.0, 8.0)  # where the curvature is felt most
BOUNDED = ("quadratic", "curved directions", "inner weights", "two layers", "neuron")
ROUNDING = 1e-6  # of a distance of two predictions αf of order one, relative to the least such distance

# kind, loss, paired
SLOPES = {
    "quick": (
        ("quadratic", "square", False),
        ("two layers", "square", False),
        ("inner weights", "square", True),
        ("two layers", "square", True),
    ),
    "standard": (
        ("quadratic", "square", False),
        ("curved directions", "square", False),
        ("inner weights", "square", False),
        ("two layers", "square", False),
        ("network", "square", False),
        ("inner weights", "square", True),
        ("two layers", "square", True),
        ("quadratic", "soft far", False),
        ("two layers", "soft near", False),
        ("inner weights", "soft far", True),
    ),
}
SLOPES["full"] = SLOPES["standard"]
SEEDS, BOUND_SEEDS = {"quick": 1, "standard": 2, "full": 8}, {"quick": 2, "standard": 5, "full": 64}
BOUND_LOSSES = {"quick": ("square",), "standard": ("square", "soft far"), "full": ("square", "soft far", "soft near")}


def test_map(kind: str, seed: int, drawn: Drawn) -> Model:
    """The predictor at `TESTS` points outside of the training set: other inputs, or other rows; 0 at w_0 like h."""
    inner = drawn.model.model
    if isinstance(inner, TwoLayerModel | NetworkModel):
        X = np.random.default_rng([seed, TESTS]).normal(size=(TESTS, inner.X.shape[1]))
        return Centred(replace(inner, X=X), drawn.start)
    other = draw(kind, seed + (1 << 40), outputs=TESTS)
    return Centred(other.model.model, drawn.start)


def each_output(tests: Model) -> Iterator[Model]:
    """The test points one by one, so that each has its own Lipschitz constant."""
    inner = tests.model
    for k in range(TESTS):
        if isinstance(inner, TwoLayerModel):
            yield Centred(replace(inner, X=inner.X[k : k + 1]), tests.start)
        else:
            yield Centred(QuadraticMap(inner.B[k : k + 1], inner.A[k : k + 1]), tests.start)


def gaps(tests: Model, start: np.ndarray, alpha: float, runs: Sequence[ModelTrajectory]) -> np.ndarray:
    """|αf(w_α)(x) − αf̄(w̄_α)(x)| at every time and test point, (times, tests); h(w_0) = 0."""
    slope, (true, linear) = tests.jacobian(start), runs
    values = np.array([alpha * tests(start + v / alpha) for v in true.displacements])
    return np.abs(values - linear.displacements @ slope.T)


def test_distances(*, kind: str, seed: int, alphas: Sequence[float], loss: str, paired: bool) -> Arrays:
    """sup_{t, x}|αf(w_α)(x) − αf̄(w̄_α)(x)| for every α, (alphas,), and its relative change with the coarser of `RTOLS`; NaN
    where a flow did not reach the horizon."""
    drawn = draw(kind, seed, paired=paired)
    tests, function, times = test_map(kind, seed, drawn), make_loss(loss, drawn.targets), horizon_times(drawn, HORIZON)
    found = np.full((2, len(alphas)), np.nan)
    for (i, rtol), (k, alpha) in itertools.product(enumerate(RTOLS[paired]), enumerate(alphas)):
        options = {"alpha": alpha, "times": times, "rtol": rtol}
        runs = flow_and_linearised_flow(drawn.model, function, drawn.start, **options)
        if min(len(run.times) for run in runs) == len(times):
            found[i, k] = gaps(tests, drawn.start, alpha, runs).max()
    return {"distance": found[1], "change": np.abs(found[0] / found[1] - 1)}


def bound_ratios(*, kind: str, seed: int, alphas: Sequence[float], loss: str) -> Arrays:
    """The largest distance over bound, over times and test points, for every α, (alphas,).

    ``drawn`` at the `test_map`; ``worst`` at the end of the horizon at the test point where the bound is attained: M_1 = M_2 =
    1, ∇f(w_0) along w_α − w̄_α, curved along w_α − w_0 alone.
    """
    drawn = draw(kind, seed)
    tests, function, times = test_map(kind, seed, drawn), make_loss(loss, drawn.targets), horizon_times(drawn, HORIZON)
    found = {key: np.full(len(alphas), np.nan) for key in ("drawn", "worst")}
    for k, alpha in enumerate(alphas):
        runs = flow_and_linearised_flow(drawn.model, function, drawn.start, alpha=alpha, times=times)
        if min(len(run.times) for run in runs) < len(times):
            continue
        V, G = runs[0].displacements, runs[0].displacements - runs[1].displacements
        drifts, paths = np.linalg.norm(V, axis=1) / alpha, np.linalg.norm(G, axis=1) / alpha
        slopes = np.linalg.norm(tests.jacobian(drawn.start), axis=1)
        curvatures = [one.jacobian_lipschitz(drawn.start, drifts.max()) for one in each_output(tests)]
        bounds = [
            [prediction_bound(alpha, *constants, path, drift) for constants in zip(slopes, curvatures, strict=True)]
            for path, drift in zip(paths, drifts, strict=True)
        ]
        found["drawn"][k] = (gaps(tests, drawn.start, alpha, runs) / bounds).max()
        worst = worst_test(drawn.start, G[-1] / np.linalg.norm(G[-1]), V[-1] / np.linalg.norm(V[-1]))
        gap = gaps(worst, drawn.start, alpha, runs)[-1, 0]
        found["worst"][k] = gap / prediction_bound(alpha, 1.0, 1.0, paths[-1], drifts[-1])
    return found


def worst_test(start: np.ndarray, e: np.ndarray, u: np.ndarray) -> Model:
    """f(w) = e·(w − w_0) + ½(u·(w − w_0))²."""
    A = np.outer(u, u)
    return Centred(QuadraticMap((e - A @ start)[None], A[None]), start)


def unscaled(*, kind: str, seed: int, alphas: Sequence[float]) -> Arrays:
    """As `test_distances`, with the model at α = 1 and the loss α²R: time is scaled, and nothing else."""
    drawn = draw(kind, seed)
    tests, found = test_map(kind, seed, drawn), np.full(len(alphas), np.nan)
    for k, alpha in enumerate(alphas):
        times, function = horizon_times(drawn, HORIZON) / alpha**2, SquareLoss(drawn.targets, alpha**2)
        runs = flow_and_linearised_flow(drawn.model, function, drawn.start, alpha=1.0, times=times)
        if min(len(run.times) for run in runs) == len(times):
            found[k] = gaps(tests, drawn.start, 1.0, runs).max()
    return {"distance": found}


def slope_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """The exponent −1, or −2 for pairs, of the model furthest from it; control: the other exponent, the model closest to it."""
    cases, seeds = SLOPES[run.tier], SEEDS[run.tier]
    cells = [
        {
            "kind": kind,
            "seed": (run.seed << 16) + s,
            "alphas": PAIRED_ALPHAS if paired else ALPHAS,
            "loss": loss,
            "paired": paired,
        }
        for kind, loss, paired in cases
        for s in range(seeds)
    ]
    results = run.sweep.run(test_distances, cells, "generalization, exponents")
    for k, (kind, loss, paired) in enumerate(cases):
        name, order = f"{kind} · {loss}{' · paired' if paired else ''}", -2.0 if paired else -1.0
        own, alphas = results[k * seeds : (k + 1) * seeds], PAIRED_ALPHAS if paired else ALPHAS
        rows, changes, other = [f["distance"] for f in own], [float(f["change"].max()) for f in own], -3 - order
        yield (
            worst_slope(f"exponent {order:g} · {name}", alphas, rows, predicted=order, changes=changes),
            worst_slope(f"exponent {other:g} · {name}", alphas, rows, predicted=other, control=True),
        )


def bound_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """The bound at drawn test points, the largest ratio; that it is attained at the worst; control: half of it."""
    seeds = range(BOUND_SEEDS[run.tier])
    cases = [(kind, loss) for loss in BOUND_LOSSES[run.tier] for kind in BOUNDED]
    cells = [
        {"kind": kind, "seed": (run.seed << 16) + 4096 + s, "alphas": SMALL_ALPHAS, "loss": loss}
        for kind, loss in cases
        for s in seeds
    ]
    results = run.sweep.run(bound_ratios, cells, "generalization, bound")
    for k, (kind, loss) in enumerate(cases):
        own = results[k * len(seeds) : (k + 1) * len(seeds)]
        drawn, worst = (np.concatenate([found[key] for found in own]) for key in ("drawn", "worst"))
        name = f"{kind} · {loss}"
        yield inequality(f"bound · {name}", drawn.max(), 1.0), inequality(f"half the bound · {name}", worst.min(), 0.5)
        yield inequality(f"bound attained · {name}", 1.0, worst.min(), change=ROUNDING), None


def check(run: Run) -> Findings:
    """Exponents and bound, with their controls; the control of all exponents is α = 1 with the loss multiplied instead."""
    pairs = [*bound_parts(run), *slope_parts(run)]
    cell = {"kind": "quadratic", "seed": run.seed << 16, "alphas": ALPHAS}
    (fixed,) = run.sweep.run(unscaled, [cell], "generalization, control")
    controls = [control for _, control in pairs if control is not None]
    rows = [fixed["distance"]]
    controls.append(worst_slope("α = 1, loss α²R · quadratic", ALPHAS, rows, predicted=-1.0, control=True))
    return Findings([part for part, _ in pairs], controls)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="generalization",
    source="Proposition A.1 of arXiv:1812.07956; proof in docs/theory.md",
    statement=(
        "sup_x|αf(w_α)(x) − αf̄(w̄_α)(x)| ≤ αM_1‖w_α − w̄_α‖ + (α/2)M_2‖w_α − w_0‖²: lazy on the training set is lazy at test "
        "points; exponent −1 in α for h(w_0) = 0, −2 for paired units"
    ),
    assumptions=(
        "M_1 = sup_x‖∇f(w_0)(x)‖ and M_2 = sup_x Lip ∇f(·)(x) finite; for the exponents h(w_0) = 0 and a fixed horizon"
        " or Σ(w_0) ≻ 0"
    ),
    predicted="ratio ≤ 1 at drawn test points, = 1 at the worst; exponents −1 and −2",
    judge=(
        "6 test inputs, or 6 other rows for quadratic maps, 24 times up to 20/‖Dh(w_0)‖². Bound: the largest ratio over times, "
        "points, α = 0.5, 2, 8 and all seeds; it holds for any two points w_α and w̄_α, so the error of the flows does not "
        "enter. Attained: at the test point made of the two directions. Exponents: α = 10^2.5 to 10⁴, paired 10² to 10^3.5, "
        "half a decade apart, the model furthest from the prediction; change against a tolerance a hundred times larger"
    ),
    control="half the bound; the exponents −1 and −2 exchanged; α = 1 with the loss multiplied by α²",
    figure="lazy_distance",
    check=check,
)
