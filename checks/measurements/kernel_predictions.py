"""Predictions of trained networks at new inputs beside those of kernel regression with the limit kernel."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from checks.measurements.data import inputs, samples
from checks.measurements.streams import data_seed
from checks.measurements.trainings import drawn_networks
from kernels import gradient_flow, layer_grams
from kernels.activations import KINKED
from theory import LimitGrams, limit_grams, linearized_flow

TESTS, TIMES = 16, 16
# with kinks it leaves an error of the outputs of 0.002, without of 0.001: below that of the kernel at all widths
RTOLS = {True: 3e-2, False: 1e-2}


def held_out(data: dict, stream: Sequence[int]) -> np.ndarray:
    """`TESTS` unit inputs of the same kind, drawn apart from the training inputs."""
    return inputs(**{**data, "n": TESTS}, seed=data_seed(stream) + 1)


@lru_cache
def _limits(
    data: tuple, activation: str, hidden_layers: int, stream: tuple
) -> tuple[np.ndarray, LimitGrams, LimitGrams]:
    """y, and the limit kernels of the training inputs and of test with training inputs."""
    X, y = samples(dict(data), data_seed(stream))
    options = {"hidden_layers": hidden_layers, "activation": activation}
    return y, limit_grams(X, **options), limit_grams(held_out(dict(data), stream), X, **options)


def kernel_predictions(
    data: dict,
    activation: str,
    hidden_layers: int,
    stream: Sequence[int],
    *,
    times: np.ndarray | None = None,
    last_layer: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Times s = κ²t/m (k,) and the flow of kernel regression from 0 on the test inputs, (k, `TESTS`).

    With K, or with K^{L+1} alone; without ``times`` on a logarithmic scale from the first moves to a loss of e^{−20} under K.
    """
    y, own, cross = _limits(tuple(data.items()), activation, hidden_layers, tuple(stream))
    if times is None:
        values = np.linalg.eigvalsh(own.ntk)
        times = np.geomspace(0.1 * len(y) / values[-1], 10 * len(y) / values[0], TIMES)
    K, K_test = (own.nngp, cross.nngp) if last_layer else (own.ntk, cross.ntk)
    return times, linearized_flow((K + K.T) / 2, y, times, K_test=K_test).test_outputs


def predictions(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: Sequence[Sequence[float]],
    stream: Sequence[int],
    first: int,
    draws: int,
    paired: bool = False,
    rtol: float | None = None,
) -> dict[str, np.ndarray]:
    """f_t(x) − f_0(x) of centred training at the times of `kernel_predictions`, and their distance to two kernels.

    For pairs (m, κ): ``outputs`` (draws, pairs, `TIMES`, `TESTS`); their largest distance over times and inputs to the
    predictions by K, ``right``, by K^{L+1} alone, as if only the last layer were trained, ``wrong``, and by K in the time
    κt/m, ``slower``; to those of the network linearised at θ_0, ``training``: (draws, pairs). NaN where the flow does not get
    to the last time.
    """
    X, y = samples(data, data_seed(stream))
    times, right = kernel_predictions(data, activation, hidden_layers, stream)
    _, wrong = kernel_predictions(data, activation, hidden_layers, stream, times=times, last_layer=True)
    slower = [kernel_predictions(data, activation, hidden_layers, stream, times=times / kappa)[1] for _, kappa in pairs]
    options = {"activation": activation, "centred": True, "rtol": rtol or RTOLS[activation in KINKED]}
    outputs = np.full((draws, len(pairs), TIMES, TESTS), np.nan)
    linear, both, n = outputs.copy(), np.vstack([X, held_out(data, stream)]), len(X)
    for at, params, m, kappa in drawn_networks(X.shape[1], hidden_layers, pairs, stream, first, draws, paired):
        grid = {"times": times * m / kappa**2, "X_test": both[n:]}
        G = m * layer_grams(params, both, activation=activation, kappa=1.0).sum(axis=0)
        linear[at] = linearized_flow(G[:n, :n], y, times, K_test=G[n:, :n]).test_outputs
        run = gradient_flow(params, X, y, kappa=kappa, **grid, **options)
        outputs[at][: len(run.times)] = run.test_outputs
    found = {"right": outputs - right, "wrong": outputs - wrong, "slower": outputs - slower}
    found["training"] = outputs - linear
    return {"outputs": outputs, **{key: np.abs(gap).max(axis=(2, 3)) for key, gap in found.items()}}
