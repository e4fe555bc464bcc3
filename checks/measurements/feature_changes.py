"""How far the activations of the last hidden layer move in training."""

from collections.abc import Sequence

import numpy as np

from checks.measurements.data import samples
from checks.measurements.streams import data_seed
from checks.measurements.trainings import drawn_networks
from kernels import gradient_flow
from kernels.gram import propagate
from kernels.integrators import Ending

LOSS_RATIO = 1e-6  # what is then left to move is of order 10⁻³


def feature_changes(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    stream: Sequence[int],
    first: int,
    draws: int,
    rtol: float,
) -> dict[str, np.ndarray]:
    """‖x^L_t − x^L_0‖/‖x^L_0‖ over units and inputs at the end of centred training: ``change`` (draws, pairs)."""
    X, y = samples(data, data_seed(stream))
    found = np.full((draws, len(pairs)), np.nan)
    for at, params, _, kappa in drawn_networks(X.shape[1], hidden_layers, pairs, stream, first, draws):
        options = {"activation": activation, "kappa": kappa}
        run = gradient_flow(params, X, y, loss_ratio=LOSS_RATIO, centred=True, rtol=rtol, **options)
        if run.status == Ending.TARGET:
            before, after = (propagate(theta, X.T, **options).values[-1] for theta in (params, run.params))
            found[at] = np.linalg.norm(after - before) / np.linalg.norm(before)
    return {"change": found}
