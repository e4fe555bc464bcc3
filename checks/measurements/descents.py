"""Gradient descent at large κ: its losses step by step, its distance to the flow, and steps beyond 2/λ_0.

Where steps are many, inputs are given `in_span`.
"""

from collections.abc import Sequence

import numpy as np

from checks.measurements.data import in_span, samples
from checks.measurements.streams import data_seed, draw_seeds
from kernels import Trajectory, gradient_descent, gradient_flow, init_parameters, layer_grams
from theory import limit_grams
from theory.lazy_bounds import descent_factor, feature_constant, largest_step

LOSS_RATIO = 1e-4
UNSTABLE, UNSTABLE_STEPS = 3.0, 30  # in n/λ_max(G_0); stable up to 2
FLOW_RTOLS, COARSEST = (1e-6, 1e-7), 0.1  # the smallest gap then changes by 0.1 % at most


def schedule(data: dict, activation: str, m: int, kappa: float, seed: int) -> tuple[float, int, np.ndarray]:
    """Half the largest stable step, the steps of a linearised network to `LOSS_RATIO` with it, eigenvalues of K; L = 1."""
    X, y = samples(data, seed)
    values = np.linalg.eigvalsh(limit_grams(X, hidden_layers=1, activation=activation).ntk)
    step = largest_step(kappa, m, len(y), values[-1])
    q = descent_factor(step, kappa, m, len(y), 2 * values[0])
    return step, int(np.ceil(np.log(LOSS_RATIO) / np.log(q) / 2)), values


def descents(
    *, data: dict, activation: str, width: int, kappa: float, stream: Sequence[int], first: int, draws: int
) -> dict[str, np.ndarray]:
    """ln R(θ_k)/R(θ_0) of centred descent by the `schedule`, (draws, steps), NaN where it overflows; L = 1, smooth σ.

    ``holds``: whether at every step ηλ_max(G_k) ≤ n and λ_min(G_k) − ‖J̄_k − J_k‖‖J_k‖ ≥ (κ²/m)λ/2, by the bounds of J_k − J_0
    and J̄_k − J_k that ‖θ_k − θ_0‖, G_0 and R(θ_k) give; ``unstable``: the largest R(θ_k)/R(θ_0) with a step beyond stability.
    """
    X, y = samples(data, data_seed(stream))
    X, n, m = in_span(X), len(y), width
    step, steps, values = schedule(data, activation, m, kappa, data_seed(stream))
    found = {"logs": np.full((draws, steps), np.nan), "holds": np.empty(draws, bool), "unstable": np.empty(draws)}
    for s, seed in enumerate(draw_seeds(stream, first, draws)):
        params, model = (
            init_parameters(seed, X.shape[1], m, hidden_layers=1),
            {"activation": activation, "kappa": kappa},
        )
        G = np.linalg.eigvalsh(layer_grams(params, X, **model).sum(axis=0))
        run = gradient_descent(params, X, y, **model, centred=True, step=step, steps=steps)
        found["logs"][s, : len(run.losses) - 1] = np.log(run.losses[1:] / run.losses[0])
        lipschitz = [
            np.sqrt(n) * kappa / m * feature_constant(activation, np.abs(params.output) + moved)
            for moved in (0, run.drift.max())
        ]
        largest, least = np.sqrt(G[-1]) + lipschitz[0] * run.drift, np.sqrt(G[0]) - lipschitz[0] * run.drift
        moves = step / n * largest * np.sqrt(2 * n * run.losses)  # at least ‖θ_{k+1} − θ_k‖
        left = np.maximum(least, 0) ** 2 - lipschitz[1] * moves / 2 * largest
        found["holds"][s] = (step * largest**2 <= n).all() and (left >= kappa**2 / m * values[0] / 2).all()
        run = gradient_descent(params, X, y, **model, centred=True, step=UNSTABLE * n / G[-1], steps=UNSTABLE_STEPS)
        found["unstable"][s] = (run.losses[1:] / run.losses[0]).max()
    return found


def residuals(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    width: int,
    kappa: float,
    steps: int,
    stream: Sequence[int],
    first: int,
    draws: int,
) -> dict[str, np.ndarray]:
    """``squares`` ‖e_k‖² of centred descent with half the largest stable step, (draws, steps + 1)."""
    (X, y), model = samples(data, data_seed(stream)), {"activation": activation, "kappa": kappa}
    X = in_span(X)
    K = limit_grams(X, hidden_layers=hidden_layers, activation=activation).ntk
    options = {"step": largest_step(kappa, width, len(y), np.linalg.eigvalsh(K)[-1]), "steps": steps, "centred": True}
    found = np.full((draws, steps + 1), np.nan)
    for own, seed in zip(found, draw_seeds(stream, first, draws), strict=True):
        params = init_parameters(seed, X.shape[1], width, hidden_layers=hidden_layers)
        losses = gradient_descent(params, X, y, **model, **options).losses
        own[: len(losses)] = 2 * len(y) * losses
    return {"squares": found}


def catapults(
    *, data: dict, widths: Sequence[int], start: float, steps: int, stream: Sequence[int], first: int, draws: int
) -> dict[str, np.ndarray]:
    """Descent of f = m^{−1/2} a·Wx to 0 on one sample with ηλ_0 = ``start``, for every draw and width.

    ``outputs`` f_k (draws, widths, steps + 1), inf after an overflow; ``curvature`` λ_0; ``last`` ηλ at the end.
    """
    X = in_span(samples(data, data_seed(stream))[0])
    found = {"outputs": np.full((draws, len(widths), steps + 1), np.inf)}
    found |= {key: np.full((draws, len(widths)), np.inf) for key in ("curvature", "last")}
    for s, seed in enumerate(draw_seeds(stream, first, draws)):
        for k, m in enumerate(widths):
            params, model = init_parameters(seed, X.shape[1], m, hidden_layers=1), {"activation": "identity"}
            model |= {"kappa": np.sqrt(m)}
            found["curvature"][s, k] = lam = layer_grams(params, X, **model).sum()
            run = gradient_descent(params, X, [0.0], **model, step=start / lam, steps=steps)
            found["outputs"][s, k, : len(run.outputs)] = run.outputs[:, 0]
            if len(run.outputs) == steps + 1:
                found["last"][s, k] = start / lam * layer_grams(run.params, X, **model).sum()
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

    ``gaps`` (draws, counts) from the flow by the first of `FLOW_RTOLS`; ``error``, relative, that of the last, the smallest,
    by the second. One hidden layer; the step of the coarsest descent is at most `COARSEST` n/λ_max(G_0).
    """
    X, y = samples(data, data_seed(stream))
    X = in_span(X)
    gaps, errors, options = np.empty((draws, len(counts))), np.empty(draws), {"activation": activation, "kappa": kappa}
    for s, seed in enumerate(draw_seeds(stream, first, draws)):
        params = init_parameters(seed, X.shape[1], width, hidden_layers=1)
        values = np.linalg.eigvalsh(layer_grams(params, X, **options).sum(axis=0))
        t = len(X) * min(1 / values[0], COARSEST * counts[0] / values[-1])
        flow, finer = (gradient_flow(params, X, y, **options, centred=True, t_end=t, rtol=rtol) for rtol in FLOW_RTOLS)
        for k, steps in enumerate(counts):
            run = gradient_descent(
                params, X, y, **options, centred=True, step=t / steps, steps=steps, record_every=steps
            )
            gaps[s, k] = _gap(run, flow)
        errors[s] = abs(gaps[s, -1] / _gap(run, finer) - 1)
    return {"gaps": gaps, "error": errors}


def _gap(run: Trajectory, flow: Trajectory) -> float:
    """‖θ_k − θ_t‖/‖θ_t − θ_0‖."""
    gap = [np.linalg.norm(a - b) for a, b in zip(run.params.arrays, flow.params.arrays, strict=True)]
    return float(np.linalg.norm(gap) / flow.drift[-1])
