"""Training with a learning rate for every layer: how far each moves, by itself and relative to where it starts.

A configuration has, beside its ``pairs`` (m, κ), one list r_l (L+1,) of ``rates`` for every pair.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from checks.measurements.data import samples
from checks.measurements.streams import data_seed
from checks.measurements.trainings import (
    EVALUATIONS,
    LATE_RATIO,
    LOSS_RATIO,
    Arrays,
    drawn_networks,
    isolated_seed,
    late_rate,
    limits,
    tolerance,
)
from kernels import Parameters, forward, gradient_flow, layer_grams
from kernels.activations import KINKED
from kernels.integrators import Ending
from theory.lazy_bounds import drift_constant

GROWTH_RTOLS, GROWTH_RATIO = (1e-2, 1e-3), 1e-2  # the law and the bound hold at every time
BOUND_RTOLS = {False: (1e-2, 1e-3), True: (3e-2, 3e-3)}  # the bound leaves room for their difference


def power_rates(widths: Sequence[int], exponents: Sequence[float], factors: Sequence[float] | None = None) -> list:
    """r_l = c_l m^{δ_l} for every width, c_l = 1 unless ``factors`` are given."""
    c = np.ones(len(exponents)) if factors is None else np.array(factors)
    return [(c * float(m) ** np.array(exponents)).tolist() for m in widths]


def rated_networks(
    d: int, hidden_layers: int, pairs: list, rates: list, *design: object
) -> Iterator[tuple[tuple[int, int], Parameters, int, float, list[float]]]:
    """`drawn_networks` with the rates of each."""
    by_pair = [own for _, own in zip(pairs, rates, strict=True)]
    for at, params, m, kappa in drawn_networks(d, hidden_layers, pairs, *design):
        yield at, params, m, kappa, by_pair[at[1]]


def feature_scale(case: dict) -> float:
    """(yᵀ(Σ^L)^{−1}y)^{1/2}, the limit of κD if a alone is trained: κ at which it moves as far per neuron as it is large."""
    layers, y = limits(case)
    return drift_constant(layers[-1], y)


def layer_drifts(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    rates: list,
    stream: Sequence[int],
    first: int,
    draws: int,
    kernels: bool = False,
    rtol: float | None = None,
    scaled: bool = False,
) -> Arrays:
    """Centred gradient flow to `LOSS_RATIO` for every draw and pair, (draws, pairs), layers along a last axis.

    ``scaled``: κ in units of `feature_scale`.

    ``drift`` sup_t ‖θ_t − θ_0‖/√m over the steps, ``end`` the same at the end, ``layers`` ‖ΔW^l‖/√m at the end, ``relative``
    sup_t ‖ΔW^l‖/‖W^l_0‖, and with ``kernels`` ``kernel`` sup_t ‖G_t − G_0‖/‖G_0‖ of the kernel with the rates. A run that
    does not get there is NaN.
    """
    X, y = samples(data, data_seed(stream))
    case = {"data": data, "activation": activation, "hidden_layers": hidden_layers, "stream": stream}
    unit = feature_scale(case) if scaled else 1.0
    shape = (draws, len(pairs))
    found = {key: np.full(shape, np.nan) for key in ("drift", "end", "kernel")[: 3 if kernels else 2]}
    found |= {key: np.full((*shape, hidden_layers + 1), np.nan) for key in ("layers", "relative")}
    options = {"activation": activation, "centred": True, "loss_ratio": LOSS_RATIO, "kernels": kernels, "rtol": rtol}
    options |= EVALUATIONS
    for at, params, m, kappa, own in rated_networks(X.shape[1], hidden_layers, pairs, rates, stream, first, draws):
        run = gradient_flow(params, X, y, kappa=kappa * unit, layer_rates=own, **options)
        if run.status != Ending.TARGET:
            continue
        norms = [np.linalg.norm(W) for W in params.arrays]
        found["drift"][at], found["end"][at] = run.drift.max() / np.sqrt(m), run.drift[-1] / np.sqrt(m)
        found["layers"][at] = run.layer_drift[-1] / np.sqrt(m)
        found["relative"][at] = run.layer_drift.max(axis=0) / norms
        if kernels:
            change = np.linalg.norm(run.kernels - run.kernels[0], ord=2, axis=(1, 2)).max()
            found["kernel"][at] = change / np.linalg.norm(run.kernels[0], 2)
    return found


def mean_layer_drifts(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    rates: list,
    stream: Sequence[int],
    first: int,
    draws: int,
    repeats: list[int] | None = None,
    kernels: bool = False,
    rtol: float | None = None,
    scaled: bool = False,
) -> Arrays:
    """`layer_drifts` as geometric means over ``repeats`` networks at every pair, one by default; no two draws share any."""
    case = {"data": data, "activation": activation, "hidden_layers": hidden_layers, "stream": stream}
    case |= {"kernels": kernels, "rtol": rtol, "scaled": scaled}
    counts, columns = repeats or [1] * len(pairs), []
    for pair, own, count in zip(pairs, rates, counts, strict=True):
        options = case | {"pairs": [pair], "rates": [own], "draws": count}
        found = [layer_drifts(**options, first=s * max(counts)) for s in range(first, first + draws)]
        columns.append({key: np.exp([np.log(one[key]).mean(axis=0) for one in found]) for key in found[0]})
    return {key: np.concatenate([column[key] for column in columns], axis=1) for key in columns[0]}


def bounded_drifts(
    *, data: dict, activation: str, pairs: list, rates: list, stream: Sequence[int], first: int, draws: int
) -> Arrays:
    """One hidden layer: ``layers`` sup_t ‖ΔW^l‖ over the steps, (draws, pairs, 2), with their ``error``, the change from a
    coarse tolerance to one ten times finer, and what its bound needs: ``least`` min_t (m/κ²)λ_min(G_t), ``output``
    ‖a_0‖/√m, ``features`` ‖σ(XW_0ᵀ)‖/√m.
    """
    X, y = samples(data, data_seed(stream))
    found = {key: np.full((draws, len(pairs)), np.nan) for key in ("least", "output", "features")}
    found |= {key: np.full((draws, len(pairs), 2), np.nan) for key in ("layers", "error")}
    options = {"activation": activation, "centred": True, "loss_ratio": LOSS_RATIO, "kernels": True} | EVALUATIONS
    for at, params, m, kappa, own in rated_networks(X.shape[1], 1, pairs, rates, stream, first, draws):
        features = layer_grams(params, X, activation=activation, kappa=m)[-1] / m
        found["output"][at] = np.linalg.norm(params.output) / np.sqrt(m)
        found["features"][at] = np.sqrt(np.linalg.norm(features, 2))
        runs = [
            gradient_flow(params, X, y, kappa=kappa, layer_rates=own, rtol=rtol, **options)
            for rtol in BOUND_RTOLS[activation in KINKED]
        ]
        if all(run.status == Ending.TARGET for run in runs):
            coarse, fine = (run.layer_drift.max(axis=0) for run in runs)
            found["layers"][at], found["error"][at] = fine, np.abs(coarse - fine)
            found["least"][at] = m / kappa**2 * np.linalg.eigvalsh(runs[1].kernels)[:, 0].min()
    return found


def late_rates(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    rates: list,
    stream: Sequence[int],
    first: int,
    draws: int,
) -> Arrays:
    """−d log R/dt from `LATE_FROM` to `LATE_RATIO` for every draw and pair, on data of `isolated_seed`."""
    case = {"data": data, "activation": activation, "hidden_layers": hidden_layers, "rates": rates, "stream": stream}
    X, y = samples(data, isolated_seed(case))
    found = np.full((draws, len(pairs)), np.nan)
    options = {"activation": activation, "centred": True, "loss_ratio": LATE_RATIO, "rtol": tolerance(activation)}
    options |= EVALUATIONS
    for at, params, _, kappa, own in rated_networks(X.shape[1], hidden_layers, pairs, rates, stream, first, draws):
        run = gradient_flow(params, X, y, kappa=kappa, layer_rates=own, **options)
        if run.status == Ending.TARGET:
            found[at] = late_rate(run)
    return {"rate": found}


def growths(*, data: dict, pairs: list, rates: list, stream: Sequence[int], first: int, draws: int) -> Arrays:
    """Two-layer relu networks where the loss has fallen to `GROWTH_RATIO`, (draws, pairs).

    ``balance`` is max_k |Δ|w_k|²/r_W − Δa_k²/r_a| over max_k |Δa_k²|/r_a, ``unrated`` the same without the rates;
    ``relative`` (…, 2) ‖ΔW‖/‖W_0‖ and ‖Δa‖/‖a_0‖ with their ``error`` when the tolerance is cut by ten, ``squares`` (…, 2)
    ‖W_0‖²/m and ‖a_0‖²/m; ``targets`` ‖y + f_0‖ less what the loss still lacks; ``inputs`` ‖X‖.
    """
    X, y = samples(data, data_seed(stream))
    found = {key: np.full((draws, len(pairs)), np.nan) for key in ("balance", "unrated", "targets")}
    found |= {key: np.full((draws, len(pairs), 2), np.nan) for key in ("relative", "error", "squares")}
    options = {"activation": "relu", "centred": True, **EVALUATIONS}
    for at, params, m, kappa, own in rated_networks(X.shape[1], 1, pairs, rates, stream, first, draws):
        options["layer_rates"] = own
        fine = gradient_flow(params, X, y, kappa=kappa, loss_ratio=GROWTH_RATIO, rtol=GROWTH_RTOLS[1], **options)
        norms = np.array([np.linalg.norm(W) for W in params.arrays])
        f_0 = forward(params, X, activation="relu", kappa=kappa)
        found["squares"][at] = norms**2 / m
        found["targets"][at] = np.linalg.norm(y + f_0) - np.sqrt(GROWTH_RATIO) * np.linalg.norm(y)
        if fine.status != Ending.TARGET:
            continue
        coarse = gradient_flow(params, X, y, kappa=kappa, t_end=fine.times[-1], rtol=GROWTH_RTOLS[0], **options)
        moved, error = fine.layer_drift[-1], np.abs(coarse.layer_drift[-1] - fine.layer_drift[-1])
        end = fine.params
        weights = (end.weights[0] ** 2 - params.weights[0] ** 2).sum(axis=1)
        output = end.output**2 - params.output**2
        for key, r in (("balance", own[1] / own[0]), ("unrated", 1.0)):
            found[key][at] = np.abs(r * weights - output).max() / np.abs(output).max()
        found["relative"][at], found["error"][at] = moved / norms, error / norms
    return found | {"inputs": np.full(draws, np.linalg.norm(X, 2))}
