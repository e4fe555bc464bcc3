"""Gradient flow of a linear model in closed form: what training would be if the tangent kernel stood still."""

from dataclasses import dataclass

import numpy as np

from argument_validation import validate_array, validate_durations, validate_positive, validate_reals
from theory.validation import spectrum


@dataclass(frozen=True)
class LinearizedFlow:
    """The flow at k times.

    ``times`` (k,); ``outputs`` f_t (k, n), or (k, n, c) for c columns of targets; ``losses`` R_t (k,); ``drift`` ‖θ_t − θ_0‖₂
    (k,), where layers have rates S the norm ‖S^{−½}(θ_t − θ_0)‖₂; ``test_outputs`` (k, n_test) or (k, n_test, c), None
    without a ``K_test``; ``unresolved`` the share ‖Pe_0‖/‖e_0‖ of the initial residual that lies in null modes of K, where
    nothing moves.
    """

    times: np.ndarray
    outputs: np.ndarray
    losses: np.ndarray
    drift: np.ndarray
    test_outputs: np.ndarray | None
    unresolved: float


def linearized_flow(
    K: np.ndarray,
    y: np.ndarray,
    times: np.ndarray,
    *,
    f0: np.ndarray | None = None,
    K_test: np.ndarray | None = None,
    f0_test: np.ndarray | None = None,
    weight: float | None = None,
) -> LinearizedFlow:
    """Gradient flow of R = (w/2)‖f − y‖² for a model that is linear in its parameters, with tangent kernel K = J S Jᵀ.

    With e_0 = f_0 − y and φ1(z) = (e^z − 1)/z, at t = ∞ the limit,

        f_t = y + e^{−twK}e_0,    f_t(x) = f_0(x) − tw K(x, X) φ1(−twK)e_0,    θ_t − θ_0 = −tw S Jᵀφ1(−twK)e_0.

    K may be singular: a mode Kq = λq with |λ| ≤ τ = 4nu‖K‖, u = 2⁻⁵³, is null. It does not decay or move and adds nothing to
    the drift, at any time. (Where K is symmetric to rounding only, τ is larger by n max|K − Kᵀ|/2.) K alone does not tell such
    a λ from 0. If it is not 0, the residual Pe_0 in these modes decays by up to e^{−twτ}, and ‖θ_t − θ_0‖² is larger by up to
    min(τ(tw)², .41 tw)‖Pe_0‖². ``unresolved`` ‖Pe_0‖/‖e_0‖ says how much this concerns: nothing where it is rounding, 1e-16.
    An eigenvalue λ > τ is right to τ/λ of itself.

    Targets of c columns are those of c outputs whose tangent kernel is K ⊗ I_c, K for each and 0 between two: c models that
    share nothing, or the limit of one wide network with c outputs. ``losses`` and ``drift`` are then of all columns together.

    Parameters
    ----------
    K : (n, n) symmetric, positive semidefinite. y : (n,) targets, or (n, c). times : (k,) not negative, inf included.
    f0 : of the shape of y, outputs at time 0, default 0, as in centred training.
    K_test : (n_test, n) kernel of test and training inputs. f0_test : (n_test,) or (n_test, c), outputs there at
        time 0, default 0.
    weight : w > 0, default 1/n, the loss (1/2n)‖f − y‖² of the networks.

    Raises
    ------
    ValueError for shapes that do not fit, numbers that are not finite, a K that is not symmetric, an eigenvalue below −τ,
    negative times, a weight that is not positive, ``f0_test`` without ``K_test``, results beyond float64.
    """
    y = validate_array(y, "y", ("n", "c") if validate_reals(y, "y").ndim == 2 else ("n",))
    n, columns, times = len(y), y.shape[1:], validate_durations(times, "times")
    f0 = np.zeros(y.shape) if f0 is None else validate_array(f0, "f0", y.shape)
    w = 1 / n if weight is None else validate_positive(weight, "weight")
    if K_test is not None:
        K_test = validate_array(K_test, "K_test", ("n_test", n))
        own = (len(K_test), *columns)
        f0_test = np.zeros(own) if f0_test is None else validate_array(f0_test, "f0_test", own)
    elif f0_test is not None:
        raise ValueError("`f0_test` needs `K_test`, the kernel between test and training inputs")

    values, Q, tau = spectrum(K, "K", n)
    live = values > tau
    values, null, Q = values[live], Q[:, ~live], Q[:, live]
    with np.errstate(over="ignore", invalid="ignore"):
        e = (f0 - y).reshape(n, -1)
        start, left = Q.T @ e, null.T @ e
        phases = _product(times[:, None], values, w)[..., None]  # twλ
        residuals, covered = np.exp(-phases) * start, -np.expm1(-phases) * start
        outputs = y + (Q @ residuals + null @ left).reshape(-1, *y.shape)
        sizes = np.hypot(_norms(residuals), _norms(left))
        losses = 0.5 * w * sizes * sizes
        drift = _norms(covered / np.sqrt(values)[:, None])
        test_outputs = None
        if K_test is not None:
            scale = values.max(initial=0) or 1.0
            moved = (K_test / scale @ Q) @ (covered / (values / scale)[:, None])
            test_outputs = f0_test - moved.reshape(-1, *own)
    for found in (outputs, losses, drift, *(() if test_outputs is None else (test_outputs,))):
        if not np.isfinite(found).all():
            raise ValueError(
                f"`y`, `f0` and `K` must leave the flow within float64, got residuals up to {np.abs(y).max():.3g}"
            )
    whole = float(_norms(e))
    return LinearizedFlow(times, outputs, losses, drift, test_outputs, float(_norms(left)) / whole if whole else 0.0)


def _product(a: np.ndarray, b: np.ndarray, c: float) -> np.ndarray:
    """abc for numbers ≥ 0, a broadcast over b: least times largest first, so that it is beyond float64 only if abc is."""
    least, middle, largest = np.sort(np.broadcast_arrays(a, b, c), axis=0)
    return least * largest * middle


def _norms(blocks: np.ndarray) -> np.ndarray:
    """Frobenius norms over the last two axes; squares do not overflow."""
    size = np.abs(blocks).max(axis=(-2, -1), initial=0, keepdims=True)
    size[size == 0] = 1.0
    return np.linalg.norm(blocks / size, axis=(-2, -1)) * size[..., 0, 0]
