"""Gradient descent on ½‖αh(w) − y‖² where the singular values of the Jacobian are known on a ball around the start."""

import numpy as np

from checks.measurements.convergence import best_radius, singular_values
from checks.measurements.scaled_models import draw
from checks.measurements.streams import each_draw

SEEN, LEFT, STEPS = 32, 1e-4, 100_000  # numbers of steps at which a run is seen; ‖r‖/‖r_0‖ at its end; the most steps


@each_draw
def descent_paths(seed: int, *, kind: str, direction: str, radius: float, size: float) -> dict[str, np.ndarray | float]:
    """Descent of a drawn model with ‖r_0‖ = 1 at the least scale whose ball is ``radius`` times the largest that serves.

    ``direction`` of the targets: "random", or that of the "largest" or "least" singular value of Dh(w_0). ``size``
    η(β² + L‖r_0‖) gives the step. ``least`` α, ``largest`` β, ``lipschitz`` L of the scaled model on the ball, ``step`` η;
    at ``steps`` τ (32,) ``residuals`` ‖r_τ‖, ``lengths`` of the path, ``distances`` ‖θ_τ − θ_0‖. A run ends at ``LEFT`` or
    after ``STEPS`` steps, where β/α is large: what is said of it is said of every τ.
    """
    drawn = draw(kind, seed)
    U = np.linalg.svd(drawn.model.jacobian(drawn.start))[0]
    y = {"largest": U[:, 0], "least": U[:, -1]}.get(direction, drawn.targets / np.linalg.norm(drawn.targets))
    norm, sigma = singular_values(drawn.model.jacobian(drawn.start))
    ball = radius * best_radius(drawn.model, drawn.start, sigma)[0]
    lipschitz = drawn.model.jacobian_lipschitz(drawn.start, ball)
    scale = 1 / ((1 - size / 2) * ball * (sigma - ball * lipschitz))  # so that ‖r_0‖/(cα) is the radius of the ball
    largest = scale * (norm + ball * lipschitz)
    step = size / (largest**2 + scale * lipschitz)
    w, r, length, seen = drawn.start, -y, 0.0, []
    while np.linalg.norm(r) > LEFT and len(seen) < STEPS:
        move = step * scale * drawn.model.jacobian(w).T @ r
        w, length = w - move, length + np.linalg.norm(move)
        r = scale * drawn.model(w) - y
        seen.append((np.linalg.norm(r), length, np.linalg.norm(w - drawn.start)))
    steps = np.geomspace(1, len(seen), SEEN).astype(int)
    found = np.array(seen)[steps - 1].T
    constants = {"least": scale * (sigma - ball * lipschitz), "largest": largest, "lipschitz": scale * lipschitz}
    return (
        constants
        | {"step": step, "steps": steps}
        | dict(zip(("residuals", "lengths", "distances"), found, strict=True))
    )
