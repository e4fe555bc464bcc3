"""Proved lower bounds on the least eigenvalue of a symmetric matrix, in float64 and in ball arithmetic.

An eigenvalue routine returns numbers near the eigenvalues; the least of them proves nothing about the sign of λ_min.
A Cholesky factorisation that runs to its end does: in float64 with an explicit bound on its rounding errors, and
where these hide λ_min, in ball arithmetic (python-flint) through X K Xᵀ = I + F with ‖F‖ < 1.

Sources: S. M. Rump, "Verification of positive definiteness", BIT 46 (2006) 433-452, for the float64 bound;
T. Ogita and S. Oishi, "Accurate and robust inverse Cholesky factorization", NOLTA 3 (2012) 103-111, for approximate
inverse factors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.linalg.blas import dgemv, dsymv, dtrsv
from scipy.linalg.lapack import dpotrf

from argument_validation import validate_array, validate_not_negative, validate_symmetric

if TYPE_CHECKING:
    from flint import arb_mat

U = 2.0**-53  # unit roundoff
ETA = 2.0**-1074  # least positive number
INFLATION = 1 + 2.0**-20  # covers the rounding of a sum of fewer than 2^26 non-negative numbers
RITZ_TOLERANCE = 5e-4
LANCZOS_STEPS = 60
BRACKET = 3e-3  # relative width at which the search for the largest provable shift ends
BALL_BITS = (128, 256, 512, 1024)
MAX_BALL_SIZE = 200  # one attempt with 1024 bits then takes seconds
MAX_DEFECT = 2.0**-10  # ‖X K Xᵀ − I‖ beyond which the precision is raised
INSTALL = "pip install 'lazy-training-checks[certify]' for ball arithmetic"


@dataclass(frozen=True)
class Certificate:
    """A proved lower bound on a least eigenvalue.

    Attributes
    ----------
    lower : λ_min ≥ ``lower`` is proved; −inf where nothing is. Never clipped: it may be negative.
    certified : whether ``lower`` > 0, so that the matrix is proved positive definite.
    method : how the bound was proved, or why it does not decide.
    """

    lower: float
    certified: bool
    method: str


def certified_min_eigenvalue(K: np.ndarray, entry_error: float | np.ndarray = 0.0) -> Certificate:
    """Proved lower bound on λ_min of the exact symmetric matrix whose float64 entries are ``K``.

    Parameters
    ----------
    K : (n, n) array of finite numbers that float64 represents, symmetric, or symmetric to rounding: entries within 1e-12 of the
        largest. The bound is then that of (K + Kᵀ)/2 with |K − Kᵀ|/2 added to the entry error: it holds for every symmetric
        matrix whose entries lie between K_ij and K_ji, and ``method`` says so.
    entry_error : the bound then holds for every symmetric matrix this close to ``K`` in every entry: a scalar ε
        subtracts nε, an (n, n) array E subtracts max_i Σ_j E_ij. Same unit as ``K``.

    Returns
    -------
    Certificate. With s = `rounding_shift` of the diagonal, about n²u max k_jj/2, float64 certifies λ_min > 3s and is
    within 1 % of it where λ_min > 200s. Where float64 does not decide, n ≤ 200 and python-flint is installed, ball
    arithmetic is within 1 %. Singular matrices are never certified.

    Raises
    ------
    ValueError for a matrix that is empty, not square, not finite or not symmetric, and for a negative or non-finite
    ``entry_error``. A diagonal entry ≤ 0 is no error: the answer is that the matrix is not certified.

    Notes
    -----
    Costs two Cholesky factorisations, rarely more, and one copy of ``K``. Supposes round to nearest, gradual underflow
    and a BLAS that computes inner products term by term, in any order, fused or not; no fast (Strassen) products.
    Source: Rump 2006.
    """
    K, asymmetry = _validate_matrix(K)
    slack = entry_slack(entry_error, len(K))
    if asymmetry is not None:
        slack = up(slack + row_sum_bound(asymmetry))
        certificate = _certify(K, slack)
        reason = (
            f"(K + Kᵀ)/2 of a K that is not exactly symmetric, |K − Kᵀ|/2 <= {asymmetry.max():.3g} in the entry error"
        )
        return Certificate(certificate.lower, certificate.certified, f"{certificate.method}; {reason}")
    return _certify(K, slack)


def _certify(K: np.ndarray, slack: float) -> Certificate:
    """Certificate for every symmetric matrix within ``slack`` of ``K`` in the spectral norm."""
    proved, estimate = float64_bound(K)
    lower = down(proved - slack)
    if lower > 0:
        return Certificate(lower, True, "float64 Cholesky")
    between = f"the least eigenvalue is between {proved:.3g} and about {estimate:.3g}"
    reason = f"not certified at float64: {between}{_against(slack)}"
    if estimate <= slack:
        return Certificate(lower, False, reason)
    if len(K) > MAX_BALL_SIZE:
        return Certificate(lower, False, f"{reason}; ball arithmetic is limited to n <= {MAX_BALL_SIZE}")
    if not flint_installed():
        return Certificate(lower, False, f"{reason}; {INSTALL}")
    in_balls, method = ball_bound(lambda bits: to_balls(K))
    lower = max(lower, down(in_balls - slack))
    if in_balls > 0 >= lower:
        method = f"not certified: the least eigenvalue is about {in_balls:.3g}{_against(slack)}"
    return Certificate(lower, lower > 0, method)


def entry_slack(entry_error: float | np.ndarray, n: int) -> float:
    """Largest row sum of ``entry_error``, a number or (n, n), rounded up; ValueError if negative or not finite."""
    if not np.ndim(entry_error):
        error = np.asarray(validate_not_negative(entry_error, "entry_error"))
    else:
        error = validate_array(entry_error, "entry_error", (n, n))
        if error.min() < 0:
            raise ValueError(f"`entry_error` must not be negative, got {error.min()}")
    return row_sum_bound(np.broadcast_to(error, (n, n))) if error.any() else 0.0


def float64_bound(K: np.ndarray) -> tuple[float, float]:
    """Proved lower bound on λ_min(K) by float64 Cholesky factorisations, and an unproved upper estimate of λ_min.

    If K − σI factorises for σ just above `rounding_shift`, then λ_min > 0, Lanczos on the inverse estimates it and a
    second factorisation proves a bound just below the estimate. Otherwise a factorisation of K + σI tells whether
    λ_min is lost in rounding or negative.
    """
    work = np.empty(K.shape, order="F")
    diagonal = np.diagonal(K)
    with np.errstate(all="ignore"):  # an overflow ends in a bound of −inf, not in a warning
        shift = rounding_shift(np.abs(diagonal))
        start = 1.01 * shift
        proved = prove(K, start, work)
        if proved > -np.inf:
            estimate = start + _least_eigenvalue_of_factor(work, diagonal.max())
            return _largest_provable(K, proved, start, estimate, work), estimate
        proved = prove(K, -start, work)
        if proved > -np.inf:
            return proved, min(start + shift, float(diagonal.min()))
        return _negative_bound(K, work)


def prove(K: np.ndarray, sigma: float, work: np.ndarray) -> float:
    """σ − `rounding_shift`, a proved lower bound on λ_min(K), if K − σI has a float64 Cholesky factor, else −inf.

    The lower factor is left in ``work`` (n, n), in Fortran order. A NaN on its way through the factorisation reaches
    the diagonal of the factor, and so does every overflow.
    """
    diagonal = np.diagonal(K) - sigma
    if not (diagonal > 0).all():
        return -np.inf
    np.copyto(work.T, K)
    np.fill_diagonal(work, diagonal)
    factor, failed_at = dpotrf(work, lower=1, clean=0, overwrite_a=1)
    if failed_at or not np.isfinite(np.diagonal(factor)).all():
        return -np.inf
    return down(sigma - rounding_shift(diagonal))


def rounding_shift(diagonal: np.ndarray) -> float:
    """u Σ_j (j+3) a_jj + u max_j a_jj + 6n(n + max_j a_jj)η, rounded up, for the diagonal a_jj ≥ 0 of A = fl(K − σI).

    If A factorises in float64, λ_min(K) ≥ σ − this. Rump (2006) has j+2; j+3 allows for one more rounding in every
    entry of the factor, where a BLAS multiplies by the reciprocal of the pivot. The last term is for underflow,
    and has 16 in place of 6 to cover underflow in the evaluation of this very formula. Holds for n < 6.7e7.
    """
    n, largest = len(diagonal), diagonal.max()
    weighted = np.arange(4.0, n + 4) @ diagonal + largest
    return up(U * weighted * INFLATION + 16 * n * (n + largest) * ETA)


def down(x: float) -> float:
    """The next float64 below x: at most the exact value of an operation whose rounded result is x."""
    return float(np.nextafter(x, -np.inf))


def up(x: float) -> float:
    """The next float64 above x."""
    return float(np.nextafter(x, np.inf))


def _largest_provable(K: np.ndarray, proved: float, low: float, high: float, work: np.ndarray) -> float:
    """Best bound from factorisations at σ between ``low``, which gave ``proved``, and ``high``, an estimate of λ_min.

    The first σ lies 0.1 % and a tenth of the rounding below the estimate; after a failure the distance doubles.
    """
    shift = rounding_shift(np.diagonal(K))
    gap = 2 * RITZ_TOLERANCE * high + 0.1 * shift
    while high - low > BRACKET * high + 0.2 * shift:
        sigma = max(high - gap, (low + high) / 2)
        bound = prove(K, sigma, work)
        if bound > proved:
            low, proved = sigma, bound
        else:
            high, gap = sigma, 2 * gap
    return proved


def _negative_bound(K: np.ndarray, work: np.ndarray) -> tuple[float, float]:
    """Proved lower bound on a negative λ_min and an estimate of it, by Lanczos on −K and trial factorisations.

    Only as close as Lanczos gets; a tight bound would cost more than it is worth where nothing can be certified.
    """
    diagonal = np.diagonal(K)
    scale = max(np.abs(K).max(), 1e-300)  # 1/scale must not overflow
    ritz, residual = _largest_ritz(lambda v: dsymv(-1 / scale, K.T, v), len(K))
    estimate = float(min(-scale * ritz, diagonal.min()))
    gap = scale * max(residual, 2 * RITZ_TOLERANCE * abs(ritz)) + 2 * rounding_shift(np.abs(diagonal - estimate))
    proved = -np.inf
    while proved == -np.inf and np.isfinite(gap):
        proved = prove(K, estimate - gap, work)
        gap *= 2
    return proved, estimate


def _least_eigenvalue_of_factor(factor: np.ndarray, scale: float) -> float:
    """Estimate from above of λ_min(LLᵀ), L the lower factor, by Lanczos on the inverse times ``scale``, about ‖LLᵀ‖."""
    inverse = lambda v: dtrsv(factor, scale * dtrsv(factor, v, lower=1), lower=1, trans=1)  # noqa: E731
    return scale / _largest_ritz(inverse, len(factor))[0]


def _largest_ritz(apply: Callable[[np.ndarray], np.ndarray], n: int) -> tuple[float, float]:
    """Largest Ritz value of a symmetric operator on n-vectors and its residual, by reorthogonalised Lanczos.

    From a fixed random vector, until the residual is below `RITZ_TOLERANCE` relative, at most `LANCZOS_STEPS` times.
    Products go to SciPy's BLAS like the factorisation: the threads of NumPy's would spin against its own.
    """
    basis, diagonal, beside = np.empty((n, min(n, LANCZOS_STEPS)), order="F"), [], []
    w = np.random.default_rng(0).standard_normal(n)
    for k in range(basis.shape[1]):
        q, done = basis[:, k], basis[:, : k + 1]
        q[:] = w / np.linalg.norm(w)
        w = apply(q)
        diagonal.append(q @ w)
        for _ in range(2):  # once is not enough where the basis has become nearly dependent
            w -= dgemv(1.0, done, dgemv(1.0, done, w, trans=1))
        (ritz,), vector = eigh_tridiagonal(diagonal, beside, select="i", select_range=(k, k))
        beside.append(np.linalg.norm(w))
        residual = float(beside[k] * abs(vector[-1, 0]))
        if residual <= RITZ_TOLERANCE * abs(ritz):
            break
    return float(ritz), residual


def flint_installed() -> bool:
    """Whether python-flint, the optional ball arithmetic, can be imported."""
    try:
        import flint  # noqa: F401
    except ImportError:
        return False
    return True


def ball_bound(build: Callable[[int], arb_mat]) -> tuple[float, str]:
    """Proved positive lower bound on λ_min of the matrix that ``build(bits)`` encloses, or −inf, and how it was found.

    The working precision is raised from 128 to 1024 bits until a bound, or a negative value of the quadratic form,
    is proved.
    """
    from flint import ctx

    for bits in BALL_BITS:
        with ctx.workprec(bits):
            K = build(bits)
            factor = inverse_factor(K.mid())
            product = factor * K * factor.transpose()
            if any(product[i, i] < 0 for i in range(product.nrows())):
                return -np.inf, f"not certified: ball arithmetic of {bits} bits proves a negative eigenvalue"
            lower = congruence_bound(factor, product)
        if lower > 0:
            return lower, f"ball arithmetic, {bits} bits"
    return -np.inf, f"not certified: undecided by ball arithmetic of {BALL_BITS[-1]} bits, as singular matrices are"


def inverse_factor(A: arb_mat) -> arb_mat:
    """Lower triangular X (n, n) with X A Xᵀ ≈ I: the inverse Cholesky factor by halves, on midpoints.

    A = [[P, Qᵀ], [Q, R]] has X = [[X₁, 0], [−X₂ M X₁, X₂]] with X₁ of P, M = Q X₁ᵀ and X₂ of R − M Mᵀ. Nothing is
    proved here, so no radius is carried. A negative pivot s enters as |s|: its row x then has x A xᵀ ≈ −1.
    """
    from flint import arb_mat

    n = A.nrows()
    if n == 1:
        return arb_mat([[abs(A[0, 0]).rsqrt()]]).mid()
    rows, half = A.tolist(), n // 2
    first = inverse_factor(arb_mat([row[:half] for row in rows[:half]]))
    middle = (arb_mat([row[:half] for row in rows[half:]]) * first.transpose()).mid()
    rest = arb_mat([row[half:] for row in rows[half:]])
    second = inverse_factor((rest - middle * middle.transpose()).mid())
    corner = -(second * middle * first).mid()
    top = [row + [0] * (n - half) for row in first.tolist()]
    return arb_mat(top + [left + right for left, right in zip(corner.tolist(), second.tolist(), strict=True)])


def congruence_bound(factor: arb_mat, product: arb_mat) -> float:
    """(1 − f)/‖X‖₂² rounded down, a lower bound on λ_min(K), where ``product`` = X K Xᵀ = I + F with ‖F‖₂ ≤ f < 1.

    −inf where f is not proved to be small. ‖X‖₂² = t λ_max(XᵀX/t) with t = tr XᵀX, and the float64 bound of −XᵀX/t
    encloses λ_max to within 1 %.
    """
    from flint import arb

    defect = row_sum_bound(magnitudes(product - to_balls(np.eye(product.nrows()))))
    if not defect <= MAX_DEFECT:  # also for NaN
        return -np.inf
    gram = factor.transpose() * factor
    trace = gram.trace()
    rounded, error = to_float64(gram / trace)
    largest = up(row_sum_bound(error) - float64_bound(-rounded)[0])
    return down(float(((1 - arb(defect)) / (trace * largest)).lower()))


def to_float64(A: arb_mat) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric float64 matrix near the symmetric one that ``A`` (n, n) encloses, and bounds (n, n) on its errors."""
    middle = np.array([[float(ball) for ball in row] for row in A.tolist()])
    rounded = np.triu(middle) + np.triu(middle, 1).T
    return rounded, magnitudes(A - to_balls(rounded))


def to_balls(K: np.ndarray) -> arb_mat:
    """Float64 numbers as balls of radius zero."""
    from flint import arb_mat

    return arb_mat(K.tolist())


def magnitudes(A: arb_mat) -> np.ndarray:
    """Upper bounds on |A_ij| in float64."""
    return np.nextafter([[float(ball.abs_upper()) for ball in row] for row in A.tolist()], np.inf)


def row_sum_bound(E: np.ndarray) -> float:
    """max_i Σ_j E_ij rounded up, for E ≥ 0: bounds the spectral norm of every symmetric matrix with entries |.| ≤ E."""
    with np.errstate(over="ignore"):
        return up(E.sum(axis=1).max() * INFLATION)


def _against(slack: float) -> str:
    return f", against {slack:.3g} for the entry error" if slack else ""


def _validate_matrix(K: object) -> tuple[np.ndarray, np.ndarray | None]:
    """``K`` as a symmetric float64 matrix, and bounds (n, n) on its distance from ``K`` and ``K``ᵀ, None if there is none."""
    if getattr(K, "dtype", None) == np.longdouble and np.finfo(np.longdouble).eps < np.finfo(np.float64).eps:
        raise ValueError("`K` must be exact in float64, got longdouble")
    K = validate_array(K, "K", ("n", "n"))
    if np.array_equal(K, K.T):
        return K, None
    symmetric = validate_symmetric(K, "K")
    distance = np.maximum(np.abs(K - symmetric), np.abs(K.T - symmetric))
    return symmetric, np.where(distance > 0, np.nextafter(distance, np.inf), 0.0)
