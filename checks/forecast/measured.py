"""The same network trained: what `checks.forecast` foretold, as gradient flow and gradient descent give it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from checks.forecast.prediction import Forecast, Network, relative_change
from kernels import gradient_descent, gradient_flow, layer_grams
from kernels.integrators import Callback, Ending

MOST_STEPS = 100_000
FIRST, LAST, NEAR = 1e-3, 30.0, 3.0  # of the forecast's time
POINTS = (50, 50, 20)  # times before t*/3, to 3t*, after it: each costs as much as a step of descent


@dataclass(frozen=True)
class Measured:
    """Of training to the loss of a forecast; fields as there, NaN where a run did not get there. ``status`` of the runs.

    ``times``, ``losses`` (k,) of the flow, losses over that at the start. ``descent_ratio``: that after ``steps`` steps of
    ``rate``.
    """

    time: float
    drift: float
    layer_changes: np.ndarray
    kernel_change: float
    status: tuple[str, ...]
    times: np.ndarray
    losses: np.ndarray
    descent_ratio: float = np.nan
    rate: float = np.nan
    steps: int = 0


def train(
    X: np.ndarray,
    y: np.ndarray,
    network: Network,
    found: Forecast,
    *,
    rate: float | None = None,
    centred: bool = False,
    descent: bool = True,
    points: tuple[int, int, int] = POINTS,
    rtol: float | None = None,
    max_evaluations: int = 100_000,
    callback: Callback | None = None,
    stepped: Callable[[int, int], object] | None = None,
) -> Measured:
    """Flow to the loss of the forecast, and descent to it, at most `MOST_STEPS`, at ``rate`` or the `Forecast.safe_step`.

    ``points``: how many times of the flow are observed, as `POINTS`. ``rtol`` and ``callback`` of the flow; ``stepped`` is
    called with the steps of descent that are taken and that there are.
    """
    params, model = network.params, {"activation": network.activation, "kappa": network.kappa}
    options = {**model, "layer_rates": network.rates, "centred": centred}
    stop = {"times": around(found.time, points), "loss_ratio": found.loss_ratio, "land": True}
    follow = {"rtol": rtol, "max_evaluations": max_evaluations, "callback": callback}
    run = gradient_flow(params, X, y, **stop, **options, **follow)
    t, layers, change = np.nan, np.full(len(network.rates), np.nan), np.nan
    if run.status.startswith(Ending.TARGET):
        kernels = [np.tensordot(network.rates, layer_grams(at, X, **model), axes=1) for at in (run.params, params)]
        t, layers, change = run.times[-1], run.layer_drift[-1], relative_change(*kernels)
    rate = found.safe_step if rate is None else rate
    steps = int(min(max(found.steps_of(rate), 1), MOST_STEPS))
    options |= {"step": rate, "steps": steps, "record_every": steps}
    if stepped is not None:
        options["callback"] = lambda t, loss, evaluations: stepped(evaluations - 1, steps)
    taken = gradient_descent(params, X, y, **options) if descent else None
    return Measured(
        time=float(t),
        drift=network.drift(layers),
        layer_changes=layers / [np.linalg.norm(array) for array in params.arrays],
        kernel_change=change,
        descent_ratio=float(taken.losses[-1] / taken.losses[0]) if taken and len(taken.losses) > 1 else np.nan,
        rate=rate,
        steps=steps,
        status=(run.status, taken.status if taken else "no descent"),
        times=run.times,
        losses=run.losses / run.losses[0],
    )


def seconds_of_a_step(X: np.ndarray, y: np.ndarray, network: Network) -> float:
    """What a step of descent takes on this machine, the shorter of two."""
    options = {"activation": network.activation, "kappa": network.kappa, "layer_rates": network.rates}
    times = []

    def note(t: float, loss: float, evaluations: int) -> None:
        times.append(time.perf_counter())

    gradient_descent(network.params, X, y, step=np.finfo(float).tiny, steps=2, callback=note, **options)
    return float(np.diff(times).min())


def around(time: float, points: tuple[int, int, int] = POINTS) -> np.ndarray:
    """0 and ``points`` times from ``time``·`FIRST` to ``time``·`LAST`, closest together near ``time``."""
    ends = [FIRST, 1 / NEAR, NEAR, LAST]
    parts = [np.geomspace(*pair, count, endpoint=False) for pair, count in zip(pairwise(ends), points, strict=True)]
    return time * np.concatenate([[0.0], *parts, [LAST]])
