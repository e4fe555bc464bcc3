"""The forecast for a module of PyTorch, and its training (extra ``cnn``)."""

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np

from argument_validation import validate_array, validate_count, validate_flag, validate_fraction
from checks.forecast.measured import POINTS, Measured, around
from checks.forecast.prediction import Forecast, foretold, relative_change
from checks.running.user_files import load
from kernels.integrators import Callback, Ending
from kernels.losses import SquareLoss
from kernels.model_flow import model_flow, problem_of
from kernels.models import Model
from theory.scaled_bounds import relative_scale

NODES = 6


def forecast_model(
    model: Model,
    start: np.ndarray,
    y: np.ndarray,
    *,
    samples: int,
    loss_ratio: float = 0.01,
    centred: bool = False,
    nodes: int = NODES,
) -> Forecast:
    """`Forecast` of gradient flow of (1/2·``samples``)‖h(w) − y‖² from ``start`` (p,), y (N,), all weights at one rate.

    ``layer_changes`` are those of the model's matrices and kernels, without biases and gains, inf for one that leaves 0;
    ``drift`` is ‖w − w_0‖/‖w_0‖ of all weights.
    """
    start, y = validate_array(start, "start", ("p",)), validate_array(y, "y", ("N",))
    ratio = validate_fraction(loss_ratio, "loss_ratio")
    outputs = model(start)
    if len(outputs) != len(y):
        raise ValueError(f"`y` must have one number an output, {len(outputs)}, got {len(y)}")
    goal = y + outputs if validate_flag(centred, "centred") else y
    problem, theta = problem_of(model, SquareLoss(goal, 1 / samples), start), (np.zeros(len(start)),)
    norms = _norms_of(model)
    sizes = norms(start)
    if not sizes.any():
        raise ValueError("`start` must not be 0 in all matrices, a relative change needs a size")
    return foretold(
        problem,
        theta,
        problem.point(theta),
        y,
        outputs - goal,
        samples=samples,
        ratio=ratio,
        count=validate_count(nodes, "nodes"),
        changes=lambda there: relative(norms(there[0]), sizes),
        drift=lambda there: float(np.linalg.norm(there[0]) / np.linalg.norm(start)),
    )


def train_model(
    model: Model,
    start: np.ndarray,
    y: np.ndarray,
    found: Forecast,
    *,
    samples: int,
    centred: bool = False,
    points: tuple[int, int, int] = POINTS,
    max_evaluations: int = 100_000,
    callback: Callback | None = None,
) -> Measured:
    """Gradient flow to the loss of the forecast; there is no descent."""
    loss, norms = SquareLoss(y + model(start) if centred else y, 1 / samples), _norms_of(model)
    stop = {"times": around(found.time, points), "loss_ratio": found.loss_ratio, "land": True, "rtol": 1e-2}
    run = model_flow(model, loss, start, **stop, max_evaluations=max_evaluations, callback=callback)
    time, moved, change = np.nan, np.full(len(start), np.nan), np.nan
    if run.status.startswith(Ending.TARGET):
        time, moved = run.times[-1], run.displacements[-1]
        problem = problem_of(model, loss, start)
        G, there = (problem.gram(P, P) for P in (problem.point((v,)) for v in (np.zeros_like(moved), moved)))
        change = relative_change(there, G)
    return Measured(
        time=float(time),
        drift=float(np.linalg.norm(moved) / np.linalg.norm(start)),
        layer_changes=relative(norms(moved), norms(start)),
        kernel_change=change,
        status=(run.status,),
        times=run.times,
        losses=run.losses / run.losses[0],
    )


def relative(moved: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """``moved`` over ``sizes``, (k,) each: 0 for what stays 0, inf for what leaves it, NaN for what is not known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(moved == 0, 0.0, moved / sizes)


def criterion(model: Model, start: np.ndarray, y: np.ndarray, *, largest: float, centred: bool = False) -> float:
    """κ_h(w_0) = ‖h(w_0) − y‖‖D²h(w_0)‖/‖Dh(w_0)‖² of h, or of ``centred`` h − h(w_0); see relative-scale; small means lazy.

    ``largest`` ‖Dh(w_0)‖², the largest of `Forecast.eigenvalues`. A lower bound where ``model.curvature`` is one.
    """
    residual = float(np.linalg.norm(y if centred else model(start) - y))
    return relative_scale(residual, model.curvature(start), float(np.sqrt(largest)))


def load_module(place: str, columns: int) -> object:
    """The module at FILE.py:NAME, or what the function or class of that name makes of the number of columns, or of nothing."""
    path, _, name = place.rpartition(":")
    if not path.endswith(".py") or not name.isidentifier():
        raise ValueError(f"--module must be FILE.py:NAME, got {place!r}")
    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}")
    try:
        found = getattr(load(Path(path)), name)
        if not (inspect.isfunction(found) or inspect.isclass(found)):
            return found
        return found(columns) if inspect.signature(found).parameters else found()
    except (Exception, SystemExit) as error:  # whatever the file does
        raise ValueError(f"{place} cannot be loaded: {type(error).__name__}: {error}") from error


def targets_of(y: np.ndarray, outputs: int) -> np.ndarray:
    """Targets of all outputs, row after row: y (n,) for one, y (n, k) for k, and k classes (n,) one-hot and centred."""
    if y.ndim == 2 and y.shape[1] != outputs:
        raise ValueError(
            f"`module` must have an output for each of the {y.shape[1]} columns of the target, has {outputs}"
        )
    if outputs == 1 or y.ndim == 2:
        return y.ravel()
    classes, place = np.unique(y, return_inverse=True)
    if len(classes) != outputs:
        raise ValueError(f"`module` must have one output, or one for each of the {len(classes)} targets, has {outputs}")
    return (np.eye(outputs)[place.ravel()] - 1 / outputs).ravel()


def _norms_of(model: Model) -> Callable[[np.ndarray], np.ndarray]:
    """Norms of the blocks of a model's weights that have two axes or more, or of all weights where there is none."""
    split = getattr(model, "split", lambda w: [w])

    def norms(w: np.ndarray) -> np.ndarray:
        blocks = [block for block in split(w) if block.ndim > 1] or [w]
        return np.array([np.linalg.norm(block) for block in blocks])

    return norms


def layer_names(names: list[str], shapes: list[tuple[int, ...]]) -> list[str]:
    """Names of the parameters whose changes are `Forecast.layer_changes`."""
    return [name for name, shape in zip(names, shapes, strict=True) if len(shape) > 1] or ["all weights"]
