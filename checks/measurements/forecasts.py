"""What `checks.forecast` foretells of networks on real data, and what training them gives."""

from functools import cache

import numpy as np

from checks.forecast.measured import train
from checks.forecast.prediction import STEP, VALID_KERNEL, VALID_LOSS, Network, forecast, make_network
from checks.forecast.scored import ACTIVATIONS, BANDS, DEPTHS, LEAST_ROWS, LOSSES, SCHEMES
from checks.forecast.user_data import SETS, read
from checks.measurements.streams import each_draw
from kernels import gradient_descent

VALID = {"losses": VALID_LOSS, "kernel": VALID_KERNEL}  # where a forecast calls itself so
PREDICTIONS = {key: f"{key} foretold" for key in BANDS if key != "layer"}
STEPS, BEYOND = 30, 1.2
EVALUATIONS = 3_000  # a network that needs more is not followed to the end: NaN


@cache
def _data(name: str, normalise: str) -> tuple[np.ndarray, np.ndarray]:
    data = read(name, None, normalise=normalise)
    return data.X, data.y


@each_draw
def forecasts(seed: int, *, largest_n: int, widths: list[int]) -> dict[str, float | np.ndarray]:
    """Predicted over measured, for one network of any scheme, width, depth and σ on rows of any data set, to any loss.

    ``valid``: whether the forecast calls itself so; where it does not, nothing is trained and the rest is NaN. Predicted over
    measured: ``drift``, ``layer`` (the one that changes most), ``kernel``, ``time``. False ones: ``other``, the drift by
    another scheme, lecun, or ntk where it is lecun; ``alike``, the mean of the layers for that one; ``square``, the square of
    the drift for the kernel change; ``fastest``, the time as if all modes decayed like the fastest. ``stable``, ``beyond``:
    whether `STEPS` steps of descent, of 0.95 and of 1.2 times the largest stable one, never raise the loss. The three of
    `PREDICTIONS` are what is foretold.
    """
    rng = np.random.default_rng(seed)
    choose = lambda options: options[rng.integers(len(options))]  # noqa: E731
    X, y = _data(choose(SETS), choose(("columns", "rows")))
    rows = rng.choice(len(X), size=int(rng.integers(LEAST_ROWS, largest_n + 1)), replace=False)
    X, y = X[rows], y[rows]
    y = y - y.mean() if np.ptp(y) > 0 else rng.normal(size=len(y))
    y = y / y.std()
    scheme, L, activation, m = choose(SCHEMES), choose(DEPTHS), choose(ACTIVATIONS), choose(widths)
    own = {"kappa": scheme} if isinstance(scheme, float) else {"scheme": scheme}
    model = {"hidden_layers": L, "activation": activation, "seed": int(rng.integers(2**31))}
    options = {"loss_ratio": float(np.exp(rng.uniform(*np.log(LOSSES)))), "centred": bool(rng.integers(2))}
    network = make_network(X.shape[1], m, **own, **model)
    other = make_network(X.shape[1], m, scheme="ntk" if scheme == "lecun" else "lecun", **model)
    found, wrong = forecast(X, y, network, **options), forecast(X, y, other, nodes=1, **options)
    foretold = dict(zip(PREDICTIONS.values(), (found.drift, found.kernel_change, found.time), strict=True))
    keys = ("drift", "layer", "kernel", "time", "other", "alike", "square", "fastest", "stable", "beyond")
    if not found.valid:
        return {"valid": False, **foretold, **dict.fromkeys(keys, np.nan)}
    run = train(X, y, network, found, centred=options["centred"], descent=False, max_evaluations=EVALUATIONS)
    most = int(found.layer_changes.argmax())
    falls = [_falls(X, y, network, share * found.largest_step, options["centred"]) for share in (STEP, BEYOND)]
    ratios = (
        found.drift / run.drift,
        found.layer_changes[most] / run.layer_changes[most],
        found.kernel_change / run.kernel_change,
        found.time / run.time,
        wrong.drift / run.drift,
        found.layer_changes.mean() / run.layer_changes[most],
        found.drift**2 / run.kernel_change,
        -np.log(found.loss_ratio) * found.largest_step / 4 / run.time,
    )
    return {"valid": True, **foretold, **dict(zip(keys, (*ratios, *falls), strict=True))}


def _falls(X: np.ndarray, y: np.ndarray, network: Network, step: float, centred: bool) -> float:
    model = {"activation": network.activation, "kappa": network.kappa, "layer_rates": network.rates}
    run = gradient_descent(network.params, X, y, step=step, steps=STEPS, centred=centred, **model)
    return float(len(run.losses) == STEPS + 1 and bool((np.diff(run.losses) <= 0).all()))
