"""Predictions of scaled models at points outside of their training set, beside those of their linearisation."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from checks.measurements.scaled_models import Drawn, draw, horizon_times, make_loss, tangent_flow, with_finer
from checks.measurements.streams import each_draw, stacked
from kernels.integrators import Ending
from kernels.losses import Loss, SquareLoss
from kernels.model_flow import ModelTrajectory, flow_and_linearised_flow, model_flow
from kernels.models import Centred, Model, NetworkModel, QuadraticMap, TwoLayerModel

TESTS, HORIZON = 6, 20.0
LOSS_RATIO = 1e-10  # below it rounding of αh would halt the flow; what is left is added in closed form
EVALUATIONS = 20_000


def predictor(kind: str, seed: int, drawn: Drawn) -> Model:
    """The predictor at `TESTS` points outside of the training set: other inputs, or other rows; 0 at w_0 like h."""
    inner, rng = drawn.model.model, np.random.default_rng([seed, TESTS])
    if isinstance(inner, TwoLayerModel | NetworkModel):
        return Centred(replace(inner, X=rng.normal(size=(TESTS, inner.X.shape[1]))), drawn.start)
    other = draw(kind, int(rng.integers(2**62)), outputs=TESTS)
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


def largest_gap(
    drawn: Drawn, tests: Model, loss: Loss, times: np.ndarray, linearised: ModelTrajectory, alpha: float, rtol: float
) -> float:
    """sup_{t, x}|αf(w_α)(x) − αf̄(w̄_α)(x)|, NaN where a flow did not reach the horizon; ``linearised`` is w̄."""
    options = {"alpha": alpha, "times": times, "rtol": rtol, "linearised": linearised}
    runs = flow_and_linearised_flow(drawn.model, loss, drawn.start, **options)
    if min(len(run.times) for run in runs) < len(times):
        return np.nan
    return float(gaps(tests, drawn.start, alpha, runs).max())


@each_draw
def gaps_along_scales(
    seed: int,
    *,
    kind: str,
    alphas: Sequence[float],
    rtols: Sequence[float],
    loss: str = "square",
    paired: bool = False,
    scaled: bool = True,
) -> dict[str, np.ndarray]:
    """``distance`` `largest_gap` of a drawn model for every α, (alphas,), and its relative ``error`` at the last.

    Not ``scaled``: the model at α = 1 and the square loss times α². Time is scaled, and nothing else.
    """
    drawn = draw(kind, seed, paired=paired)
    tests, horizon, found, linear = predictor(kind, seed, drawn), horizon_times(drawn, HORIZON), [], None
    for size, rtol in with_finer(alphas, rtols):
        alpha, times, R = size, horizon, make_loss(loss, drawn.targets)
        if not scaled:
            alpha, times, R = 1.0, horizon / size**2, SquareLoss(drawn.targets, size**2)
        if not scaled or size == alphas[0] or rtol != rtols[0]:  # else it is that of the α before
            linear = tangent_flow(drawn, R, alpha=alpha, times=times, rtol=rtol)
        found.append(largest_gap(drawn, tests, R, times, linear, alpha, rtol))
    return {"distance": np.array(found[:-1]), "error": abs(found[-2] / found[-1] - 1)}


@each_draw
def gaps_at_each_point(seed: int, *, kind: str, alphas: Sequence[float], loss: str) -> dict[str, np.ndarray]:
    """``gap`` |αf(w_α)(x) − αf̄(w̄_α)(x)| of a drawn model, and what bounds it, (alphas, times, tests).

    ``path`` ‖w_α − w̄_α‖, ``drift`` ‖w_α − w_0‖, ``slope`` M_1, ``curvature`` M_2 of each test point. ``worst`` (alphas,) at the
    end of the horizon at the test point where the bound is attained: M_1 = M_2 = 1, ∇f(w_0) along w_α − w̄_α, curved along
    w_α − w_0 alone. Both are NaN, and what bounds them 1, where a flow did not reach the horizon.
    """
    drawn = draw(kind, seed)
    tests, R, times = predictor(kind, seed, drawn), make_loss(loss, drawn.targets), horizon_times(drawn, HORIZON)
    rows, ones = [], np.ones((len(times), TESTS))
    for alpha in alphas:
        runs = flow_and_linearised_flow(drawn.model, R, drawn.start, alpha=alpha, times=times)
        if min(len(run.times) for run in runs) < len(times):
            constants = dict.fromkeys(("path", "drift", "slope", "curvature"), ones)
            rows.append(constants | {"gap": np.nan * ones, "worst": np.nan})
            continue
        V, G = runs[0].displacements, runs[0].displacements - runs[1].displacements
        drifts, paths = np.linalg.norm(V, axis=1) / alpha, np.linalg.norm(G, axis=1) / alpha
        curvatures = [one.jacobian_lipschitz(drawn.start, drifts.max()) for one in each_output(tests)]
        worst = worst_test(drawn.start, G[-1] / np.linalg.norm(G[-1]), V[-1] / np.linalg.norm(V[-1]))
        rows.append(
            {
                "gap": gaps(tests, drawn.start, alpha, runs),
                "path": paths[:, None] * ones,
                "drift": drifts[:, None] * ones,
                "slope": np.linalg.norm(tests.jacobian(drawn.start), axis=1) * ones,
                "curvature": curvatures * ones,
                "worst": gaps(worst, drawn.start, alpha, runs)[-1, 0],
            }
        )
    return stacked(rows)


def worst_test(start: np.ndarray, e: np.ndarray, u: np.ndarray) -> Model:
    """f(w) = e·(w − w_0) + ½(u·(w − w_0))²."""
    A = np.outer(u, u)
    return Centred(QuadraticMap((e - A @ start)[None], A[None]), start)


@each_draw
def trained_limits(
    seed: int,
    *,
    kind: str,
    sizes: Sequence[float],
    tolerances: Sequence[float],
    largest_condition: float,
    paired: bool = False,
) -> dict[str, np.ndarray]:
    """A drawn model at t = ∞ against kernel regression, at α = ``sizes``·√(y*ᵀK^{−1}y*), K = Dh(w_0)Dh(w_0)ᵀ, (sizes,).

    α‖w_α(∞) − w_0‖ tends to √(y*ᵀK^{−1}y*): the units measure how far the weights move. ``predictions``
    sup_x|αf(w_α(∞))(x) − K(x, X)K^{−1}y*|; ``output layer`` the same with the kernel of the output weights alone, NaN where
    those are not trained; ``drift`` |α‖w_α(∞) − w_0‖/√(y*ᵀK^{−1}y*) − 1|. ``predictions error``, relative, and ``drift error``:
    changes at the last size by the second of the ``tolerances``, which are errors of single steps in units of the order of the
    distance. ``condition`` of K; where it exceeds ``largest_condition`` nothing is computed, and all are inf. NaN where the
    loss did not fall to `LOSS_RATIO`.
    """
    drawn = draw(kind, seed, paired=paired)
    tests, J, y = predictor(kind, seed, drawn), drawn.model.jacobian(drawn.start), drawn.targets
    T, K, found = tests.jacobian(drawn.start), J @ J.T, np.full((len(sizes) + 1, 3), np.inf)
    condition, changes = np.linalg.cond(K), (np.inf, np.inf)
    if condition <= largest_condition:
        weights = np.linalg.solve(K, y)
        constant, expected, outer = np.sqrt(y @ weights), T @ J.T @ weights, output_part(kind, J, T, y)
        for k, (size, tolerance) in enumerate(with_finer(sizes, tolerances)):
            alpha, allowed = size * constant, tolerance * constant * size ** (-2 if paired else -1)
            options = {"alpha": alpha, "loss_ratio": LOSS_RATIO, "atol": allowed, "max_evaluations": EVALUATIONS}
            run = model_flow(drawn.model, SquareLoss(y), drawn.start, **options)
            found[k] = np.nan
            if run.status == Ending.TARGET:
                v = run.displacements[-1] + remainder(drawn, alpha, run)
                values = alpha * tests(drawn.start + v / alpha)
                distances = np.abs(values - expected).max(), np.abs(values - outer).max()
                found[k] = *distances, abs(np.linalg.norm(v) / constant - 1)
        changes = abs(found[-2, 0] / found[-1, 0] - 1), abs(found[-2, 2] - found[-1, 2])
    numbers = zip(("predictions", "output layer", "drift"), found[:-1].T, strict=True)
    return dict(numbers) | {"predictions error": changes[0], "drift error": changes[1], "condition": condition}


def remainder(drawn: Drawn, alpha: float, run: ModelTrajectory) -> np.ndarray:
    """v(∞) − v(t) of the linearisation at the end: J_tᵀ(J_tJ_tᵀ)^{−1}(y* − y_t).

    Off by the change of J on the way, a share of ‖y* − y_t‖/α ≤ 10⁻⁵/α of itself.
    """
    J = drawn.model.jacobian(drawn.start + run.displacements[-1] / alpha)
    return J.T @ np.linalg.solve(J @ J.T, drawn.targets - run.outputs[-1])


def output_part(kind: str, J: np.ndarray, T: np.ndarray, y: np.ndarray) -> np.ndarray | float:
    """Kernel regression with the output weights alone, NaN where they are not trained; the last 12 of p are those."""
    if kind != "two layers":
        return np.nan
    J, T = J[:, -12:], T[:, -12:]
    return T @ J.T @ np.linalg.solve(J @ J.T, y)
