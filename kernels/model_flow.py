"""Gradient flow of a scaled model: F_α(w) = R(αh(w))/α², with its linearised twin.

The flow is followed in v = α(w − w_0): v' = −Dh(w_0 + v/α)ᵀ∇R(αh(w_0 + v/α)). In the lazy limit v stays of order one,
where w − w_0 would lose its digits, and the distance of the two flows with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from argument_validation import (
    validate_array,
    validate_callable,
    validate_count,
    validate_flag,
    validate_positive,
    validate_times,
    validate_tolerance,
)
from kernels.exponential_scheme import UNIT, Point, Spectrum, State, Terms, gram_spectrum
from kernels.integrators import LEAST_RTOL, Callback, integrate
from kernels.losses import Loss
from kernels.models import Centred, Linearised, Model, WeightMap

DISTANCE_TOLERANCE = 1e-2
ROUNDING = 1e-14
LARGE_JACOBIAN = 2**16  # entries above which singular values are the cost of a step
ONE = np.ones(1)
GOOD_CONDITION = 1e-6  # least over largest eigenvalue, so that the rounding of the Gram matrix is 1e-8 of the least one


@dataclass(frozen=True)
class ModelTrajectory:
    """A flow recorded at k times.

    ``times`` (k,); ``losses`` R(αh(w_t)) (k,); ``outputs`` αh(w_t) (k, N); ``displacements`` v_t = α(w_t − w_0) (k, p);
    ``evaluations`` of h and Dh; ``status`` why it ended, an `kernels.integrators.Ending`, and whether ``rtol`` does not hold
    because rounding hides a part of the residual; ``unresolved`` the largest share of it, of the residual at the start;
    ``step_error`` the least ``atol`` that every step has kept to.
    """

    times: np.ndarray
    losses: np.ndarray
    outputs: np.ndarray
    displacements: np.ndarray
    evaluations: int
    status: str
    unresolved: float = 0.0
    step_error: float = 0.0


class ModelProblem:
    """θ = (v,), f = αh(w_0 + v/α), J = Dh(w_0 + v/α), rates 1: the contract `kernels.exponential_scheme.Problem`, J stored."""

    largest_rate, kinked = 1.0, False

    def __init__(self, model: Model, loss: Loss, start: np.ndarray, alpha: float) -> None:
        self.model, self.loss, self.start, self.alpha = model, loss, start, alpha
        self.subtracted = alpha * model.value if isinstance(model, Centred) else 0.0

    def point(self, theta: State) -> Point:
        """h and Dh at w_0 + v/α."""
        w = self.start + theta[0] / self.alpha
        at_once = isinstance(self.model, WeightMap)
        outputs, jacobian = self.model.value_and_jacobian(w) if at_once else (self.model(w), self.model.jacobian(w))
        outputs, jacobian = self.alpha * outputs, np.asarray(jacobian)
        if jacobian.shape != (len(outputs), len(w)):
            raise ValueError(f"`model` must have a Jacobian of shape {len(outputs), len(w)}, got {jacobian.shape}")
        return Point(outputs, *self.loss.evaluate(outputs), jacobian)

    def rounding(self, theta: State, point: Point) -> np.ndarray:
        """Units in the last place of the outputs, before and after αh(w_0) is subtracted from those of a centred map, and what
        the rounding of w_0 + v/α does to them, (N,).

        Where units are saturated the first is by far the largest: h is near 1 and Dh near 0.
        """
        weights = np.abs(self.start) + np.abs(theta[0]) / self.alpha
        sizes = np.maximum(np.abs(point.outputs), np.abs(point.outputs + self.subtracted))
        return 4 * UNIT * sizes + UNIT * self.alpha * (np.abs(point.factors) @ weights)

    def gram(self, P: Point, Q: Point) -> np.ndarray:
        """J_PJ_Qᵀ (N, N)."""
        return P.factors @ Q.factors.T

    def spectrum(self, here: Point, root: np.ndarray) -> Spectrum | None:
        """From the singular values of H^½J, whose rounding is that of the largest: its square for the eigenvalues.

        Of a large Jacobian with a good condition from its Gram matrix, which is several times faster.
        """
        scaled = root[:, None] * here.factors
        if not np.isfinite(scaled).all():
            return None
        if scaled.size > LARGE_JACOBIAN:
            found = gram_spectrum(scaled @ scaled.T, np.ones(len(scaled)))
            if found is not None and found.values[0] > GOOD_CONDITION * found.values[-1]:
                return replace(found, rows=here.with_factors(found.vectors.T @ scaled))
        V, values, Ut = np.linalg.svd(scaled.T, full_matrices=False)  # columns, as LAPACK wants them: half the time
        V, values, Ut = V[:, ::-1], values[::-1], Ut[::-1]
        rows = here.with_factors((V * values).T)
        return Spectrum(values**2, Ut.T, (4 * max(scaled.shape) * UNIT) ** 2, rows)

    def collect(self, terms: Terms) -> Terms:
        """The sum itself, as a point whose Jacobian has a single row."""
        return [(terms[0][0].with_factors(self.pulled(terms)[None]), ONE)]

    def rooms(self, start: State) -> tuple[State, State]:
        """Two arrays."""
        return tuple((np.empty_like(start[0]),) for _ in range(2))

    def add(self, base: State | None, terms: Terms, out: State) -> None:
        """base + Σ_P J_Pᵀc_P."""
        out[0][:] = self.pulled(terms)
        if base is not None:
            np.add(out[0], base[0], out=out[0])

    def norm(self, terms: Terms) -> float:
        """‖Σ_P J_Pᵀc_P‖₂."""
        return float(np.linalg.norm(self.pulled(terms)))

    def pulled(self, terms: Terms) -> np.ndarray:
        """Σ_P J_Pᵀc_P (p,)."""
        return sum(c @ P.factors for P, c in terms)

    def distance(self, theta: State, base: State | None) -> float:
        """‖v − base‖₂."""
        return float(np.linalg.norm(theta[0] if base is None else theta[0] - base[0]))


class FactoredProblem(ModelProblem):
    """The same for a model that gives J_PJ_Qᵀ and J_Pᵀc without forming J, α = 1.

    Its ``factors(w)`` are h(w) and what it keeps of a point, from which ``gram(P, Q)`` (N, N) and ``pull(P, c)`` (p,) follow.
    """

    def point(self, theta: State) -> Point:
        """h and its factors at w_0 + v."""
        outputs, factors = self.model.factors(self.start + theta[0])
        return Point(outputs, *self.loss.evaluate(outputs), factors)

    def rounding(self, theta: State, point: Point) -> np.ndarray:
        """As there, |J||w| by its bound ‖J_i‖‖w‖."""
        rows = np.sqrt(np.diag(self.gram(point, point)))
        return 4 * UNIT * np.abs(point.outputs) + UNIT * rows * np.linalg.norm(self.start + theta[0])

    def gram(self, P: Point, Q: Point) -> np.ndarray:
        """J_PJ_Qᵀ (N, N)."""
        return self.model.gram(P.factors, Q.factors)

    def spectrum(self, here: Point, root: np.ndarray) -> Spectrum | None:
        """From the Gram matrix."""
        return gram_spectrum(self.gram(here, here), root)

    def collect(self, terms: Terms) -> Terms:
        """As they are."""
        return terms

    def pulled(self, terms: Terms) -> np.ndarray:
        """Σ_P J_Pᵀc_P (p,)."""
        return sum(self.model.pull(P.factors, c) for P, c in terms)


def problem_of(model: Model, loss: Loss, start: np.ndarray, alpha: float = 1.0) -> ModelProblem:
    """The problem of `model_flow`, without Jacobians where the model has factors and is not scaled."""
    kind = FactoredProblem if alpha == 1.0 and callable(getattr(model, "factors", None)) else ModelProblem
    return kind(model, loss, start, alpha)


def model_flow(
    model: Model,
    loss: Loss,
    start: np.ndarray,
    *,
    alpha: float = 1.0,
    t_end: float | None = None,
    loss_ratio: float | None = None,
    land: bool = False,
    times: Sequence[float] | None = None,
    rtol: float = 1e-6,
    atol: float | None = None,
    max_evaluations: int = 100_000,
    callback: Callback | None = None,
) -> ModelTrajectory:
    """Gradient flow of F_α(w) = R(αh(w))/α² from w_0 = ``start`` (p,).

    Parameters
    ----------
    model, loss : h and R, see `kernels.models` and `kernels.losses`. alpha : the scale α > 0.
    t_end, loss_ratio, land, times : as for `kernels.gradient_flow`.
    rtol, atol : aim for the error of v relative to ‖v‖, at least 1e-14, and a bound on its error in a single step; None for
        none.
    max_evaluations : the run ends rather than exceed it.
    callback : called with (time, loss, evaluations) at the start and after every accepted step.

    Raises
    ------
    ValueError for a start that is not finite, outputs whose number is not that of the targets, a gradient or Hessian of another
    shape than the outputs, a ``loss_ratio`` where the loss starts below 0, and scales, times or tolerances outside their range.
    """
    start, alpha = validate_array(start, "start", ("p",)), validate_positive(alpha, "alpha")
    loss_ratio = None if loss_ratio is None else validate_positive(loss_ratio, "loss_ratio")
    land = validate_flag(land, "land")
    N = validate_loss(model, loss, start, alpha, loss_ratio)
    times, t_end = validate_times(times, t_end)
    rtol = validate_tolerance(rtol, "rtol", LEAST_RTOL)
    atol = None if atol is None else validate_positive(atol, "atol")
    callback = validate_callable(callback, "callback")
    problem, rows = problem_of(model, loss, start, alpha), []

    def observe(t: float, theta: State, point: Point | None) -> None:
        f = alpha * model(start + theta[0] / alpha) if point is None else point.outputs
        rows.append((t, loss.evaluate(f)[0], f, theta[0].copy()))

    end = integrate(
        problem,
        (np.zeros_like(start),),
        observe,
        t_end=t_end,
        loss_ratio=loss_ratio,
        land=land,
        times=times,
        rtol=rtol,
        atol=atol,
        max_evaluations=validate_count(max_evaluations, "max_evaluations"),
        callback=callback,
    )
    k = len(rows)
    shapes = ((k,), (k,), (k, N), (k, len(start)))
    columns = zip(*rows, strict=True) if rows else ([],) * 4
    arrays = [np.array(column, dtype=float).reshape(shape) for column, shape in zip(columns, shapes, strict=True)]
    return ModelTrajectory(*arrays, end.evaluations, end.status, end.unresolved, end.step_error)


def validate_loss(model: Model, loss: Loss, start: np.ndarray, alpha: float, loss_ratio: float | None) -> int:
    """Number N of outputs at ``start``. Raises ValueError unless outputs, gradient and Hessian have the shape (N,)."""
    if not callable(model) or not callable(getattr(model, "jacobian", None)):
        raise ValueError(f"`model` must be callable and have a `jacobian`, see kernels.models, got {model!r:.60}")
    if not callable(getattr(loss, "evaluate", None)):
        raise ValueError(f"`loss` must have `evaluate`, see kernels.losses, got {loss!r:.60}")
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            outputs = alpha * np.asarray(model(start))
        except ValueError as error:
            raise ValueError(f"`start` must be a point of the model, got {len(start)} entries: {error}") from error
        targets = getattr(loss, "targets", None)
        if targets is not None and outputs.shape != np.shape(targets):
            raise ValueError(
                f"`model` must have as many outputs as there are targets, {np.shape(targets)}, got {outputs.shape}"
            )
        if outputs.ndim != 1:
            raise ValueError(f"`model` must have outputs of shape (N,), got {outputs.shape}")
        value, gradient, curvature = loss.evaluate(outputs)
    shapes = np.shape(value), np.shape(gradient), np.shape(curvature)
    if shapes != ((), outputs.shape, outputs.shape):
        raise ValueError(f"`loss` must give shapes (), (N,) and (N,) for outputs {outputs.shape}, got {shapes}")
    if loss_ratio is not None and value < 0:
        raise ValueError(f"`loss_ratio` needs a loss that is not negative at the start, got {value:g}")
    return len(outputs)


def flow_and_linearised_flow(
    model: Model,
    loss: Loss,
    start: np.ndarray,
    *,
    alpha: float,
    times: Sequence[float],
    rtol: float = 1e-6,
    max_evaluations: int = 100_000,
    linearised: ModelTrajectory | None = None,
) -> tuple[ModelTrajectory, ModelTrajectory]:
    """The flow of `model_flow` and that of its linearisation h̄(w) = h(w_0) + Dh(w_0)(w − w_0), at the same ``times``.

    Their distance is what lazy training makes small, like 1/α, and a tolerance relative to v itself says nothing about it: in
    the lazy limit a single step, equal for both, satisfies it. So both are followed again and again, until the error that no
    step has exceeded is a hundredth of the distance sup_t ‖v_t − v̄_t‖ found with it, or only rounding is left.

    ``linearised``: the flow of the linearisation to ``rtol``, where it is known, as with h(w_0) = 0 for every α from any other.
    Raises ValueError for one that is at other times.
    """
    start, rtol = validate_array(start, "start", ("p",)), validate_tolerance(rtol, "rtol", LEAST_RTOL)
    alpha = validate_positive(alpha, "alpha")
    validate_loss(model, loss, start, alpha, None)
    times = validate_array(times, "times", ("k",))
    if linearised is not None:
        own = linearised.times if isinstance(linearised, ModelTrajectory) else None
        if own is None or not np.array_equal(own, times[: len(own)]):
            raise ValueError(f"`linearised` must be a flow at the first of `times`, or None, got {linearised!r:.60}")
    options = {"alpha": alpha, "times": times, "rtol": rtol, "max_evaluations": max_evaluations}
    models, allowed = (model, Linearised(model, start)), None
    known = [] if linearised is None else [linearised]
    while True:
        runs = [model_flow(h, loss, start, atol=allowed, **options) for h in models[: 2 - len(known)]] + known
        known, reached = [], min(len(run.times) for run in runs)
        if not reached:
            return runs[0], runs[1]
        v, linear = (run.displacements[:reached] for run in runs)
        gap, size = (float(np.linalg.norm(x, axis=1).max()) for x in (v - linear, linear))
        error = max(run.step_error for run in runs)
        if error <= max(DISTANCE_TOLERANCE * gap, ROUNDING * size) or size == 0.0:
            return runs[0], runs[1]
        allowed = max(DISTANCE_TOLERANCE * gap if gap > 0.0 else 1e-3 * error, ROUNDING * size)
