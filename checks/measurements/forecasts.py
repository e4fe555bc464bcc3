"""What `checks.forecast` foretells of networks on real data, and what training them gives."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from checks.forecast.measured import Measured, train
from checks.forecast.module import forecast_model, targets_of, train_model
from checks.forecast.prediction import STEP, VALID_KERNEL, VALID_LOSS, Forecast, Network, forecast, make_network
from checks.forecast.scored import ACTIVATIONS, BANDS, DEPTHS, LEAST_ROWS, LOSSES, SCHEMES
from checks.forecast.user_data import SETS, read
from checks.measurements.streams import each_draw
from kernels import gradient_descent
from kernels.activations import KINKED

VALID = {"losses": VALID_LOSS, "kernel": VALID_KERNEL}  # where a forecast calls itself so
PREDICTIONS = {key: f"{key} foretold" for key in BANDS if key != "layer"}
RATIOS = ("drift", "layer", "kernel", "time", "other", "alike", "square", "fastest")
STEPS, BEYOND = 30, 1.2
NO_TIMES = (0, 0, 0)  # a run is observed at its two ends alone
RTOL = 1e-2  # smooth σ: a tenth of the narrowest band
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
    choose = _chooser(rng)
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
    found = forecast(X, y, network, **options)
    if not found.valid:
        return {"valid": False, **_foretold(found), **dict.fromkeys((*RATIOS, "stable", "beyond"), np.nan)}
    other = make_network(X.shape[1], m, scheme="ntk" if scheme == "lecun" else "lecun", **model)
    wrong = forecast(X, y, other, nodes=1, **options)
    few = {"descent": False, "points": NO_TIMES, "max_evaluations": EVALUATIONS}
    few["rtol"] = None if activation in KINKED else RTOL
    run = train(X, y, network, found, centred=options["centred"], **few)
    falls = [_falls(X, y, network, share * found.largest_step, options["centred"]) for share in (STEP, BEYOND)]
    stable = dict(zip(("stable", "beyond"), falls, strict=True))
    return {"valid": True, **_foretold(found), **_ratios(found, wrong, run), **stable}


@each_draw
def module_forecasts(seed: int, *, sets: list[str], largest_n: int, widths: list[int]) -> dict[str, float | np.ndarray]:
    """The same for modules of PyTorch with biases, and with an output for each class of the data, but without descent.

    ``other``: the drift by the module with its matrices times √3, LeCun's variance for PyTorch's.
    """
    from kernels.cnn import one_thread
    from kernels.torch_model import DenseModel, perceptron

    rng = np.random.default_rng(seed)
    choose = _chooser(rng)
    name = choose(sets)
    X, y = _data(name, choose(("columns", "rows")))
    rows = rng.choice(len(X), size=int(rng.integers(LEAST_ROWS, largest_n + 1)), replace=False)
    outputs = 1 if name == "diabetes" else len(np.unique(y))
    y = targets_of(y, outputs).reshape(-1, outputs)[rows].ravel()
    L, activation, m = choose(DEPTHS), choose(ACTIVATIONS), choose(widths)
    made = {"hidden_layers": L, "activation": activation, "outputs": outputs, "seed": int(rng.integers(2**31))}
    options = {"samples": len(rows), "centred": bool(rng.integers(2))}
    ratio = float(np.exp(rng.uniform(*np.log(LOSSES))))
    with one_thread():
        model = DenseModel(perceptron(X.shape[1], m, **made), X[rows])
        found = forecast_model(model, model.start, y, loss_ratio=ratio, **options)
        if not found.valid:
            return {"valid": False, **_foretold(found), **dict.fromkeys(RATIOS, np.nan)}
        other = DenseModel(perceptron(X.shape[1], m, **made, gain=np.sqrt(3)), X[rows])
        wrong = forecast_model(other, other.start, y, loss_ratio=ratio, nodes=1, **options)
        run = train_model(model, model.start, y, found, points=NO_TIMES, max_evaluations=EVALUATIONS, **options)
    return {"valid": True, **_foretold(found), **_ratios(found, wrong, run)}


def _chooser(rng: np.random.Generator) -> Callable[[Sequence], object]:
    return lambda options: options[rng.integers(len(options))]


def _foretold(found: Forecast) -> dict[str, float]:
    return dict(zip(PREDICTIONS.values(), (found.drift, found.kernel_change, found.time), strict=True))


def _ratios(found: Forecast, wrong: Forecast, run: Measured) -> dict[str, float]:
    """The numbers of `RATIOS`."""
    most = int(found.layer_changes.argmax())
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
    return dict(zip(RATIOS, ratios, strict=True))


class _Rise(Exception):
    """Ends a descent whose loss has risen."""


def _falls(X: np.ndarray, y: np.ndarray, network: Network, step: float, centred: bool) -> float:
    losses = [np.inf]

    def note(t: float, loss: float, evaluations: int) -> None:
        if not loss <= losses[-1]:
            raise _Rise
        losses.append(loss)

    model = {"activation": network.activation, "kappa": network.kappa, "layer_rates": network.rates}
    try:
        gradient_descent(network.params, X, y, step=step, steps=STEPS, centred=centred, callback=note, **model)
    except _Rise:
        return 0.0
    return float(len(losses) == STEPS + 2)
