"""Displacement of the weights along a scaled flow, beside the loss that it can spend."""

from collections.abc import Sequence

import numpy as np

from checks.measurements.scaled_models import draw, make_loss, scale_of
from checks.measurements.streams import each_draw
from kernels.model_flow import model_flow

RTOLS = (1e-5, 1e-6)


@each_draw
def drifts(
    seed: int, *, kind: str, loss: str, sizes: Sequence[float], horizon: float, centred: bool = True
) -> dict[str, np.ndarray]:
    """``drift`` ‖w_α(t) − w_0‖ of a drawn model at 12 ``time``s t up to ``horizon``/‖Dh(w_0)‖², (sizes, 12) each.

    ``error`` its change when the tolerance is cut by ten, ``loss`` R(αh(w_0)), ``alpha`` α = ``sizes``·κ_h(w_0). NaN where a
    flow did not reach a time.
    """
    drawn = draw(kind, seed, centred=centred)
    model, R = drawn.model, make_loss(loss, drawn.targets)
    end = horizon / np.linalg.norm(model.jacobian(drawn.start), 2) ** 2
    times, found = np.geomspace(0.02 * end, end, 12), np.full((2, len(sizes), 12), np.nan)
    alphas = scale_of(drawn, 1.0) * np.array(sizes)
    for k, alpha in enumerate(alphas):
        for own, rtol in zip(found, RTOLS, strict=True):
            run = model_flow(model, R, drawn.start, alpha=alpha, times=times, rtol=rtol)
            own[k, : len(run.times)] = np.linalg.norm(run.displacements, axis=1) / alpha
    losses = np.array([[R.evaluate(alpha * model(drawn.start))[0]] for alpha in alphas])
    rows = {"time": times, "loss": losses, "alpha": alphas[:, None]}
    constants = {name: np.broadcast_to(row, found[1].shape) for name, row in rows.items()}
    return constants | {"drift": found[1], "error": np.abs(found[1] - found[0])}
