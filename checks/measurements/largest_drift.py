"""Displacement of the weights along a scaled flow, beside the loss that it can spend."""

from collections.abc import Sequence

import numpy as np

from checks.measurements.scaled_models import draw, make_loss
from checks.measurements.streams import each_draw
from kernels.model_flow import model_flow

RTOLS = (1e-3, 1e-4)


@each_draw
def drifts(
    seed: int, *, kind: str, loss: str, alphas: Sequence[float], horizon: float, centred: bool = True
) -> dict[str, np.ndarray]:
    """``drift`` ‖w_α(t) − w_0‖ of a drawn model at 12 ``time``s t up to ``horizon``/‖Dh(w_0)‖², (alphas, 12) each.

    ``error`` its change when the tolerance is cut by ten, ``loss`` R(αh(w_0)), of the same shape. NaN where a flow did not
    reach a time.
    """
    drawn = draw(kind, seed, centred=centred)
    model, R = drawn.model, make_loss(loss, drawn.targets)
    end = horizon / np.linalg.norm(model.jacobian(drawn.start), 2) ** 2
    times, found = np.geomspace(0.02 * end, end, 12), np.full((2, len(alphas), 12), np.nan)
    for k, alpha in enumerate(alphas):
        for own, rtol in zip(found, RTOLS, strict=True):
            run = model_flow(model, R, drawn.start, alpha=alpha, times=times, rtol=rtol)
            own[k, : len(run.times)] = np.linalg.norm(run.displacements, axis=1) / alpha
    losses = [np.full(12, R.evaluate(alpha * model(drawn.start))[0]) for alpha in alphas]
    change = np.abs(found[1] - found[0])
    return {"drift": found[1], "error": change, "time": np.tile(times, (len(alphas), 1)), "loss": np.array(losses)}
