"""Gradient descent at large κ: its losses step by step, and its distance to the flow."""

from collections.abc import Sequence

import numpy as np

from checks.measurements.data import samples
from checks.measurements.streams import data_seed, draw_seeds
from kernels import gradient_descent, gradient_flow, init_parameters, layer_grams
from theory import limit_grams
from theory.lazy_bounds import descent_factor, largest_step

LOSS_RATIO = 1e-8
UNSTABLE, UNSTABLE_STEPS = 3.0, 30  # in n/λ_max(G_0); stable up to 2
FLOW_RTOL, COARSEST = 1e-8, 0.1


def schedule(
    data: dict, activation: str, hidden_layers: int, m: int, kappa: float, seed: int
) -> tuple[float, int, float]:
    """Half the largest stable step, the steps that the linearised network takes to `LOSS_RATIO` with it, and λ_min(K)."""
    X, y = samples(data, seed)
    values = np.linalg.eigvalsh(limit_grams(X, hidden_layers=hidden_layers, activation=activation).ntk)
    step = largest_step(kappa, m, len(y), values[-1])
    q = descent_factor(step, kappa, m, len(y), 2 * values[0])
    return step, int(np.ceil(np.log(LOSS_RATIO) / np.log(q) / 2)), float(values[0])


def descents(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    width: int,
    kappa: float,
    stream: Sequence[int],
    first: int,
    draws: int,
) -> dict[str, np.ndarray]:
    """ln R(θ_k)/R(θ_0) of centred descent by the `schedule`, (draws, steps), NaN where it overflows.

    ``holds``: whether (m/κ²)λ_min(G_0) ≥ (3/4)λ and η λ_max(G_0) ≤ (3/4)n; ``unstable``: the largest R(θ_k)/R(θ_0) with a
    step beyond stability, up to where it overflows.
    """
    X, y = samples(data, data_seed(stream))
    n, m = len(y), width
    step, steps, least = schedule(data, activation, hidden_layers, m, kappa, data_seed(stream))
    found = {"logs": np.full((draws, steps), np.nan), "holds": np.empty(draws, bool), "unstable": np.empty(draws)}
    for s, seed in enumerate(draw_seeds(stream, first, draws)):
        params, model = init_parameters(seed, X.shape[1], m, hidden_layers=hidden_layers), {"activation": activation}
        model |= {"kappa": kappa}
        G = np.linalg.eigvalsh(layer_grams(params, X, **model).sum(axis=0))
        found["holds"][s] = m / kappa**2 * G[0] >= 0.75 * least and step * G[-1] <= 0.75 * n
        run = gradient_descent(params, X, y, **model, centred=True, step=step, steps=steps)
        found["logs"][s, : len(run.losses) - 1] = np.log(run.losses[1:] / run.losses[0])
        run = gradient_descent(params, X, y, **model, centred=True, step=UNSTABLE * n / G[-1], steps=UNSTABLE_STEPS)
        found["unstable"][s] = (run.losses[1:] / run.losses[0]).max()
    return found


def distances_to_flow(
    *,
    data: dict,
    activation: str,
    width: int,
    kappa: float,
    counts: Sequence[int],
    stream: Sequence[int],
    first: int,
    draws: int,
) -> dict[str, np.ndarray]:
    """‖θ_k − θ_t‖/‖θ_t − θ_0‖ of descent in k = ``counts`` steps and flow, at one decay time t of the slowest mode or before.

    One hidden layer, (draws, counts); the step of the coarsest descent is at most `COARSEST` n/λ_max(G_0).
    """
    (X, y), gaps = samples(data, data_seed(stream)), np.empty((draws, len(counts)))
    options = {"activation": activation, "kappa": kappa}
    for s, seed in enumerate(draw_seeds(stream, first, draws)):
        params = init_parameters(seed, X.shape[1], width, hidden_layers=1)
        values = np.linalg.eigvalsh(layer_grams(params, X, **options).sum(axis=0))
        t = len(X) * min(1 / values[0], COARSEST * counts[0] / values[-1])
        flow = gradient_flow(params, X, y, **options, centred=True, t_end=t, rtol=FLOW_RTOL)
        for k, steps in enumerate(counts):
            run = gradient_descent(
                params, X, y, **options, centred=True, step=t / steps, steps=steps, record_every=steps
            )
            gap = [np.linalg.norm(a - b) for a, b in zip(run.params.arrays, flow.params.arrays, strict=True)]
            gaps[s, k] = np.linalg.norm(gap) / flow.drift[-1]
    return {"gaps": gaps}
