"""Change of the tangent kernel in training: its largest size, and for relu draw by draw beside what crossings of kinks make."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from checks.measurements.data import in_span, samples
from checks.measurements.streams import data_seed
from checks.measurements.trainings import SMOOTH_RTOL, decay_times, drawn_networks
from kernels import gradient_flow, layer_grams
from kernels.integrators import Ending
from theory import limit_grams
from theory.kink_crossings import crossing_change, mean_crossing_change

DECAYS = 2.0  # decay times of the fastest mode: later most steps go to slow modes, where little moves
LAST_LOSS = 1e-6  # what is left then changes the slopes of `largest_changes` by less than .004
DOUBLINGS = 14  # of the points for C; its projection differs from that with 2^19 points by 1.5 % at most
RTOL = 3e-2  # a tenth of it changes the mean by less than 1 % of C


def setting(data: dict, stream: Sequence[int]) -> tuple[np.ndarray, np.ndarray, float, float]:
    """X in coordinates of its span, y (n,), the scaled time s = κ²t/m, κ times the lazy drift at s, from the limit kernel K."""
    X, y = samples(data, data_seed(stream))
    X = in_span(X)
    values, Q = np.linalg.eigh(limit_grams(X, hidden_layers=1, activation="relu").ntk)
    time = DECAYS * len(X) / values[-1]
    drift = np.linalg.norm(-np.expm1(-values * time / len(X)) / np.sqrt(values) * (Q.T @ y))
    return X, y, time, float(drift)


@cache
def _mean_change(kind: tuple, stream: tuple) -> np.ndarray:
    X, y, time, _ = setting(dict(kind), stream)
    return mean_crossing_change(X, y, scaled_time=time, doublings=DOUBLINGS)


def mean_change(case: dict) -> np.ndarray:
    """C, the limit of κ E (m/κ²)ΔG by `mean_crossing_change`, (n, n), for the data and stream of a case."""
    return _mean_change(tuple(case["data"].items()), tuple(case["stream"]))


def kernel_changes(
    *, data: dict, sizes: list, stream: Sequence[int], first: int, draws: int, rtol: float = RTOL
) -> dict[str, np.ndarray]:
    """``change`` (m/κ)(G_t − G_0) of relu networks in pairs of neurons, for every draw and size (m, q), (draws, sizes, n, n).

    κ is q times the lazy drift at κ = 1, so that 1/q is the predicted drift, whatever the data. NaN where the flow does not get
    to its end.
    """
    case = {"data": data, "sizes": sizes, "stream": stream, "first": first, "draws": draws, "rtol": rtol}
    return _kernel_changes(**case, crossings=False)


def changes_and_crossings(
    *, data: dict, sizes: list, stream: Sequence[int], first: int, draws: int
) -> dict[str, np.ndarray]:
    """`kernel_changes`, and ``crossings`` by `crossing_change` from the same weights in the same units."""
    case = {"data": data, "sizes": sizes, "stream": stream, "first": first, "draws": draws}
    return _kernel_changes(**case, rtol=RTOL, crossings=True)


def _kernel_changes(
    *, data: dict, sizes: list, stream: Sequence[int], first: int, draws: int, rtol: float, crossings: bool
) -> dict[str, np.ndarray]:
    X, y, time, drift = setting(data, stream)
    pairs = [[m, q * drift] for m, q in sizes]
    keys = ("change", "crossings") if crossings else ("change",)
    found = {key: np.full((draws, len(sizes), len(X), len(X)), np.nan) for key in keys}
    for at, params, m, kappa in drawn_networks(X.shape[1], 1, pairs, stream, first, draws, paired=True):
        model = {"activation": "relu", "kappa": kappa}
        options = {"times": [time * m / kappa**2], "centred": True, "kernels": True, "rtol": rtol}
        run = gradient_flow(params, X, y, **options, **model)
        if len(run.times):
            found["change"][at] = m / kappa * (run.kernels[-1] - layer_grams(params, X, **model).sum(axis=0))
        if crossings:
            U, a = params.weights[0] @ X.T, params.output
            found["crossings"][at] = kappa * crossing_change(X, y, U, a, kappa=kappa, scaled_time=time)
    return found


def largest_changes(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    stream: Sequence[int],
    first: int,
    draws: int,
    paired: bool = False,
    centred: bool = True,
    rtol: float = SMOOTH_RTOL,
) -> dict[str, np.ndarray]:
    """How much the kernel changes, for every draw and pair (m, κ), (draws, pairs); smooth σ, largest of all steps.

    The flow runs to `LAST_LOSS` R(θ_0) or the last of `decay_times`; in one step its loss falls at most tenfold.
    ``kernel`` sup_t ‖G_t − G_0‖/‖G_0‖, ``scaled`` sup_t (m/κ²)‖G_t − G_0‖, ``drift`` D, ``jacobian`` (√m/κ)‖J_0‖ and
    ``largest`` max_k |a_k| for its bound. The kernel follows the weights, so ``rtol`` of the flow is that of the change, except
    for ``paired`` neurons, whose changes cancel to first order. `checks.measurements.trainings.deviations`, which follows the
    outputs too, needs a tolerance that is finer by orders of magnitude.
    """
    X, y = samples(data, data_seed(stream))
    keys = ("kernel", "scaled", "drift", "jacobian", "largest")
    found = {key: np.full((draws, len(pairs)), np.nan) for key in keys}
    for at, params, m, kappa in drawn_networks(X.shape[1], hidden_layers, pairs, stream, first, draws, paired):
        model = {"activation": activation, "kappa": kappa}
        G = layer_grams(params, X, **model).sum(axis=0)
        t_end, scale, norm = decay_times(G)[-1], m / kappa**2, np.linalg.norm(G, 2)
        options = {"t_end": t_end, "loss_ratio": LAST_LOSS, "rtol": rtol, "centred": centred, "kernels": True}
        run = gradient_flow(params, X, y, **options, **model)
        if run.status == Ending.TARGET or run.times[-1] == t_end:
            change = np.linalg.norm(run.kernels - G, ord=2, axis=(1, 2)).max()
            values = (change / norm, scale * change, run.drift.max() / np.sqrt(m), np.sqrt(scale * norm))
            for key, value in zip(keys, (*values, np.abs(params.output).max()), strict=True):
                found[key][at] = value
    return found
