"""Outputs of many networks after the same training, from their own outputs at the start."""

from collections.abc import Sequence

import numpy as np

from checks.measurements.data import samples
from checks.measurements.kernel_predictions import held_out
from checks.measurements.streams import data_seed
from checks.measurements.trainings import drawn_networks
from kernels import gradient_flow
from theory import kernel_regression, limit_grams
from theory.ensemble_variance import ensemble_variance

SCALE = 4.0
"""κ/√m: outputs at the start outweigh the targets, and what training changes of the kernel is small."""


def predicted(
    data: dict, activation: str, stream: Sequence[int], times: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """At ``times`` s = κ²t/m (k,), by default n over the mean eigenvalue of K, on the way, and 2n over the least, the end: the
    ``mean`` and ``variance`` of f over draws at the test inputs (k, n_test); the variance at the ``start`` and of the NNGP
    ``posterior`` (n_test,).
    """
    X, y = samples(data, data_seed(stream))
    Z, options = held_out(data, stream), {"hidden_layers": 1, "activation": activation}
    own, new = limit_grams(X, **options), limit_grams(Z, X, **options)
    S_self = np.diagonal(limit_grams(Z, **options).nngp)
    values = np.linalg.eigvalsh(own.ntk)
    times = len(X) * np.array([1 / values.mean(), 2 / values[0]]) if times is None else times
    kernels = (own.ntk, new.ntk, own.nngp, new.nngp, S_self)
    return {
        "times": times,
        "mean": np.array([kernel_regression(own.ntk, new.ntk, y, time=t).mean for t in times]),
        "variance": SCALE**2 * np.array([ensemble_variance(*kernels, time=t) for t in times]),
        "start": SCALE**2 * S_self,
        "posterior": SCALE**2 * kernel_regression(own.nngp, new.nngp, y, K_self=S_self).variance,
    }


def ensemble_outputs(
    *, data: dict, activation: str, width: int, stream: Sequence[int], first: int, draws: int
) -> dict[str, np.ndarray]:
    """``outputs`` f_t(x) of networks with one hidden layer at both times of `predicted`, (draws, 2, n_test)."""
    X, y = samples(data, data_seed(stream))
    pairs, times = [[width, SCALE * np.sqrt(width)]], predicted(data, activation, stream)["times"] / SCALE**2
    grid = {"times": times, "X_test": held_out(data, stream)}
    found = np.full((draws, len(times), len(grid["X_test"])), np.nan)
    for (s, _), params, _, kappa in drawn_networks(X.shape[1], 1, pairs, stream, first, draws):
        run = gradient_flow(params, X, y, activation=activation, kappa=kappa, rtol=3e-2, **grid)
        found[s, : len(run.times)] = run.test_outputs
    return {"outputs": found}
