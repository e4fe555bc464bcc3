"""Constants of the path of gradient descent on ½‖f(θ) − y‖² where α ≤ σ_min(J), ‖J‖ ≤ β and J is L-Lipschitz on a ball.

Proofs in docs/theory.md. A result beyond float64 is a ValueError, one below it is 0.
"""

from theory.validation import SLACK, bound, not_negative, positive


@bound
def descent_share(step: float, largest: float, lipschitz: float, residual: float) -> float:
    """path-length (a): c = 1 − η(β² + L‖r_0‖)/2, the share of the speed of gradient flow that descent of this step keeps.

    ``step`` η, ``largest`` β, ``lipschitz`` L, ``residual`` ‖r_0‖. ValueError where η(β² + L‖r_0‖) > 1, which the theorem
    does not cover.
    """
    (step, largest), (lipschitz, residual) = (
        positive(step=step, largest=largest),
        not_negative(lipschitz=lipschitz, residual=residual),
    )
    size = step * (largest**2 + lipschitz * residual)
    if size > SLACK:
        raise ValueError(f"`step` must be at most {float(step / size):.4g}, 1/(β² + L‖r_0‖), got {float(step):.4g}")
    return 1 - size / 2


@bound
def path_bound(residual: float, least: float, share: float = 1.0) -> float:
    """path-length (a): length of the path at most ‖r_0‖/(cα), for gradient flow with c = 1.

    ``residual`` ‖r_0‖, ``least`` α, ``share`` c.
    """
    (residual,), (least, share) = not_negative(residual=residual), positive(least=least, share=share)
    return residual / (share * least)


@bound
def descent_rate(step: float, least: float, share: float = 1.0) -> float:
    """path-length (b): −ln(1 − cηα²), by which ln‖r_τ‖ falls at least in every step; ``share`` c, cηα² < 1."""
    step, least, share = positive(step=step, least=least, share=share)
    rate = share * step * least**2
    if rate >= 1:
        raise ValueError(f"`step` must be below 1/(cα²) = {float(step / rate):.4g}, got {float(step):.4g}")
    return -(1 - rate).ln()
