"""Displacement of the weights along a scaled flow, beside the loss that it can spend."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checks.measurements.scaled_models import draw, make_loss, stacked
from checks.measurements.streams import draw_seeds
from kernels.losses import SquareLoss
from kernels.model_flow import model_flow

RTOLS = (1e-3, 1e-4)


@dataclass(frozen=True)
class SteadyDescent:
    """h: R → R with h(0) = 0 for which ½(h − y*)² = F(w) = ½(1 − w + √((1 − w)² + ε²)), y* = √(2F(0)), ε = ``corner``.

    F falls with slope −1 up to w = 1 and is nearly 0 from there on: the loss is spent at constant speed, so that the bound on
    the drift is met up to O(ε log 1/ε) at t = 1.
    """

    corner: float

    def _loss(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rest = 1 - w
        size = np.hypot(rest, self.corner)
        return np.where(rest > 0, (rest + size) / 2, self.corner**2 / (2 * (size - rest))), size

    @property
    def targets(self) -> np.ndarray:
        """y* (1,)."""
        return np.sqrt(2 * self._loss(np.zeros(1))[0])

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        return self.targets - np.sqrt(2 * self._loss(w)[0])

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w) = −F'/√(2F) with F' = −F/√((1 − w)² + ε²)."""
        loss, size = self._loss(w)
        return (np.sqrt(loss / 2) / size)[None]


def drifts(
    *,
    kind: str,
    loss: str,
    alphas: Sequence[float],
    horizon: float,
    stream: Sequence[int],
    first: int,
    draws: int,
    centred: bool = True,
) -> dict[str, np.ndarray]:
    """``drift`` ‖w_α(t) − w_0‖ of drawn models at 12 ``time``s t up to ``horizon``/‖Dh(w_0)‖², (draws, alphas, 12) each.

    ``error`` its change when the tolerance is cut by ten, ``loss`` R(αh(w_0)), of the same shape. NaN where a flow did not
    reach the horizon.
    """

    def one(seed: int) -> dict[str, np.ndarray]:
        drawn = draw(kind, seed, centred=centred)
        model, R = drawn.model, make_loss(loss, drawn.targets)
        end = horizon / np.linalg.norm(model.jacobian(drawn.start), 2) ** 2
        times, found = np.geomspace(0.02 * end, end, 12), np.full((2, len(alphas), 12), np.nan)
        for k, alpha in enumerate(alphas):
            for own, rtol in zip(found, RTOLS, strict=True):
                run = model_flow(model, R, drawn.start, alpha=alpha, times=times, rtol=rtol)
                own[k, : len(run.times)] = np.linalg.norm(run.displacements, axis=1) / alpha
        losses = [np.full(12, R.evaluate(alpha * model(drawn.start))[0]) for alpha in alphas]
        return {
            "drift": found[1],
            "error": np.abs(found[1] - found[0]),
            "time": np.tile(times, (len(alphas), 1)),
            "loss": np.array(losses),
        }

    return stacked(map(one, draw_seeds(stream, first, draws)))


def steady_drift(*, corner: float) -> dict[str, np.ndarray]:
    """As `drifts`, at t = 1 and α = 1, for `SteadyDescent`."""
    model = SteadyDescent(corner)
    R = SquareLoss(model.targets)
    runs = [model_flow(model, R, np.zeros(1), times=[1.0], rtol=rtol) for rtol in RTOLS]
    coarse, fine = (abs(float(run.displacements[-1, 0])) for run in runs)
    found = {"drift": fine, "error": abs(fine - coarse), "time": 1.0, "loss": R.evaluate(np.zeros(1))[0]}
    return {key: np.array(value) for key, value in found.items()}
