"""Limit kernels of given float64 inputs enclosed in ball arithmetic, and a proved bound on their least eigenvalue.

A certificate for a stored kernel matrix is about the stored numbers; where λ_min is below their rounding, it says
nothing about the kernel. Here every entry is a ball that contains the exact entry for the float64 numbers in X, so
the bound holds for the kernel itself. Needs python-flint, imported only when used.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from argument_validation import validate_count, validate_depth
from theory.certificates import (
    BALL_BITS,
    INSTALL,
    MAX_BALL_SIZE,
    Certificate,
    U,
    ball_bound,
    down,
    flint_installed,
    float64_bound,
    row_sum_bound,
    to_balls,
    to_float64,
)
from theory.validation import validate_kernel_inputs

if TYPE_CHECKING:
    from flint import arb, arb_mat

Dual = Callable[["arb", "arb", "arb", "arb"], tuple["arb", "arb"]]
"""(q1, q2, c, q1 q2 − c²) -> (E σ(u)σ(v), E σ'(u)σ'(v)) for u, v of variances q1, q2 and covariance c."""

TIGHT = 0.99  # a float64 bound further below its estimate gives way to ball arithmetic
ODD_OR_EVEN = ("identity", "erf", "sin", "abs", "cos")
HOMOGENEOUS = ("relu", "leaky_relu", "abs", "identity")


def certified_kernel_min_eigenvalue(
    X: np.ndarray, *, hidden_layers: int, activation: str, kernel: str | int = "ntk"
) -> Certificate:
    """Proved lower bound on λ_min of the exact limit kernel of the float64 rows of ``X``.

    Parameters
    ----------
    X : (n, d) inputs, rows zero or of norms from 1e-150 to 1e150.
    hidden_layers : depth L ≥ 1.
    activation : one of relu, leaky_relu (slope 1/100), abs, identity, erf, gelu, sin, cos.
    kernel : "ntk" for Σ_l K^l, "nngp" for K^{L+1} = Σ^L, or a layer l = 1..L+1 for K^l = Σ^{l−1} ∘ Σ̇^l ∘ … ∘ Σ̇^L.

    Returns
    -------
    Certificate. Entries always come from ball arithmetic; the factorisation is in float64 where the bound is then
    within 1 % of λ_min, else, for n ≤ 200, in ball arithmetic of up to 1024 bits, again within 1 %. Singular kernels
    (equal rows, opposite rows under an odd or even σ, parallel rows under a 1-homogeneous one, zero rows where σ(0) = 0, more
    rows than dimensions under the identity) are never certified, and ``method`` names the rows; nor is anything without
    python-flint.

    Raises
    ------
    ValueError for empty or non-finite inputs, norms outside that range, a depth below 1, an unknown kernel, and an
    activation without a closed form.
    """
    X = validate_kernel_inputs(X)
    L = validate_depth(hidden_layers)
    dual = _validate_activation(activation)
    layer = _validate_kernel(kernel, L)
    if reason := exact_singularity(X, activation, layer):
        return Certificate(-np.inf, False, f"not certified: singular, {reason}")
    if not flint_installed():
        return Certificate(-np.inf, False, f"not certified at float64: the entries are not exact; {INSTALL}")
    build = cache(lambda bits: ball_kernel(X, dual, L, layer))
    proved, estimate, bits = float64_bound_of_balls(build)
    in_float64 = Certificate(proved, proved > 0, f"entries in ball arithmetic, {bits} bits, and float64 Cholesky")
    if proved > 0 and (proved >= TIGHT * estimate or len(X) > MAX_BALL_SIZE):
        return in_float64
    if len(X) > MAX_BALL_SIZE:
        reason = f"not certified at float64, and ball arithmetic is limited to n <= {MAX_BALL_SIZE}"
        return Certificate(proved, False, reason)
    in_balls, method = ball_bound(build)
    return in_float64 if proved > max(in_balls, 0) else Certificate(max(proved, in_balls), in_balls > 0, method)


def ball_kernel(X: np.ndarray, dual: Dual, L: int, layer: int) -> arb_mat:
    """Balls (n, n) that contain K^layer (the NTK for layer 0) of the exact rows of ``X``, at the working precision."""
    from flint import arb_mat

    rows = to_balls(X)
    gram = (rows * rows.transpose()).tolist()
    variances = [variance_path(dual, gram[i][i], L) for i in range(len(X))]
    for i, first in enumerate(variances):
        gram[i][i] = combine(first[0], first[1], layer)
        for j in range(i):
            gram[i][j] = gram[j][i] = combine(*covariance_path(dual, first[0], variances[j][0], gram[i][j]), layer)
    return arb_mat(gram)


def variance_path(dual: Dual, q: arb, L: int) -> tuple[list[arb], list[arb]]:
    """Variances q^0..q^L of one input and E σ'(u)² of layers 1..L: the pair is (u, u), whose determinant is 0."""
    from flint import arb

    variances, derivatives = [q], []
    for _ in range(L):
        q, derivative = dual(q, q, q, arb(0))
        variances.append(q)
        derivatives.append(derivative)
    return variances, derivatives


def covariance_path(dual: Dual, first: list[arb], second: list[arb], c: arb) -> tuple[list[arb], list[arb]]:
    """Covariances Σ^0..Σ^L of two inputs with variances ``first`` and ``second``, and Σ̇^1..Σ̇^L.

    The determinant q1 q2 − c² is never negative; the negative part of a ball around it is removed, which encloses
    parallel inputs too, with a wide ball.
    """
    covariances, derivatives = [c], []
    for q1, q2 in zip(first[:-1], second[:-1], strict=True):
        c, derivative = dual(q1, q2, c, (q1 * q2 - c * c).nonnegative_part())
        covariances.append(c)
        derivatives.append(derivative)
    return covariances, derivatives


def combine(covariances: list[arb], derivatives: list[arb], layer: int) -> arb:
    """K^l = Σ^{l−1} Σ̇^l ⋯ Σ̇^L, with K^{L+1} = Σ^L; for ``layer`` 0 their sum, by Horner's rule."""
    if layer:
        return prod(derivatives[layer - 1 :], start=covariances[layer - 1])
    total = covariances[0]
    for covariance, derivative in zip(covariances[1:], derivatives, strict=True):
        total = total * derivative + covariance
    return total


def piecewise_linear(a: int, b: int) -> Dual:
    """Dual of σ(u) = (a u + b |u|)/200: with A = √(q1q2 − c²) and φ = atan2(c, A) = π/2 − θ, in units of 1/200²,

    E σσ = a²c + (2b²/π)(A + cφ) and E σ'σ' = a² + (2b²/π)φ. Cho and Saul 2009 for relu.
    """

    def dual(q1: arb, q2: arb, c: arb, determinant: arb) -> tuple[arb, arb]:
        from flint import arb

        linear, even = arb(a * a) / 200**2, arb(2 * b * b) / (200**2 * arb.pi())
        if not b:
            return linear * c, linear
        area = determinant.sqrt()
        angle = arb.atan2(c, area)
        return linear * c + even * (area + c * angle), linear + even * angle

    return dual


def erf_dual(q1: arb, q2: arb, c: arb, determinant: arb) -> tuple[arb, arb]:
    """E erf erf = (2/π) atan2(2c, r) and E erf' erf' = 4/(πr), r² = (1+2q1)(1+2q2) − 4c². Williams 1997."""
    from flint import arb

    root = (1 + 2 * (q1 + q2) + 4 * determinant).sqrt()
    return 2 * arb.atan2(2 * c, root) / arb.pi(), 4 / (arb.pi() * root)


def gelu_dual(q1: arb, q2: arb, c: arb, determinant: arb) -> tuple[arb, arb]:
    """σ(u) = u Φ(u). With D = (1+q1)(1+q2) − c², P = ¼ + atan2(c, √D)/2π, F = 1/(2π√D), s = 1/(1+q1) + 1/(1+q2):

    E σσ = cP + F(q1q2 − c² + c²s) and E σ'σ' = P + Fc(s + 1/D).
    """
    from flint import arb

    D = 1 + q1 + q2 + determinant
    P = arb.atan2(c, D.sqrt()) / (2 * arb.pi()) + arb(0.25)
    F, s = 1 / (2 * arb.pi() * D.sqrt()), 1 / (1 + q1) + 1 / (1 + q2)
    return c * P + F * (determinant + c * c * s), P + F * c * (s + 1 / D)


def sin_dual(q1: arb, q2: arb, c: arb, determinant: arb) -> tuple[arb, arb]:
    """E sin sin and E cos cos = ½(e^{c−q̄} ∓ e^{−c−q̄}), q̄ = (q1 + q2)/2."""
    mean = (q1 + q2) / 2
    same, opposite = (c - mean).exp(), (-c - mean).exp()
    return (same - opposite) / 2, (same + opposite) / 2


def cos_dual(q1: arb, q2: arb, c: arb, determinant: arb) -> tuple[arb, arb]:
    """E cos cos and E sin sin, as for sin."""
    return sin_dual(q1, q2, c, determinant)[::-1]


DUALS: dict[str, Dual] = {
    "relu": piecewise_linear(100, 100),
    "leaky_relu": piecewise_linear(101, 99),
    "abs": piecewise_linear(0, 200),
    "identity": piecewise_linear(200, 0),
    "erf": erf_dual,
    "gelu": gelu_dual,
    "sin": sin_dual,
    "cos": cos_dual,
}


def exact_singularity(X: np.ndarray, activation: str, layer: int) -> str:
    """Reason why limit kernel ``layer`` (0 for the NTK) of ``X`` is exactly singular, or "" where none is recognised.

    Equal rows give equal rows of K, and so do opposite ones, up to sign, if σ is odd or even; parallel ones give parallel
    rows of K if σ is 1-homogeneous. A zero row gives a zero row of K if σ(0) = 0, and of K^1 always. This only saves work:
    nothing is certified because nothing was recognised.
    """
    n, d = X.shape
    if activation == "identity" and n > d:
        return f"{n} rows in {d} dimensions under the identity"
    zero = np.flatnonzero(~X.any(axis=1))
    if len(zero) and (activation != "cos" or layer == 1):
        return f"row {zero[0]} is zero" if len(zero) == 1 else f"{len(zero)} rows are zero, the first is row {zero[0]}"
    pivots = X[np.arange(n), np.abs(X).argmax(axis=1)]
    signs = np.where(activation in ODD_OR_EVEN, np.sign(pivots), 1.0)
    scales = signs * np.where(activation in HOMOGENEOUS, np.abs(pivots), 1.0)
    # quotients are rounded: those of parallel rows are equal, equal ones are compared exactly
    keys = X / np.where(scales != 0, scales, 1.0)[:, None] + 0.0
    seen: dict[bytes, list[int]] = {}
    for i, key in enumerate(keys):
        group = seen.setdefault(key.tobytes(), [])
        for j in group:
            ratio = Fraction(pivots[i]) / Fraction(pivots[j]) if pivots[j] else 1
            if all(Fraction(a) * ratio == b for a, b in zip(X[j].tolist(), X[i].tolist(), strict=True)):
                kind = {1: "equal", -1: "opposite"}.get(ratio, "parallel")
                return f"rows {j} and {i} are {kind}"
        group.append(i)
    return ""


def float64_bound_of_balls(build: Callable[[int], arb_mat]) -> tuple[float, float, int]:
    """Float64 bound and estimate of λ_min of the matrix that ``build(bits)`` encloses, and the precision of its balls.

    The precision is raised until rounding to float64 costs more than the radii, or to its limit.
    """
    from flint import ctx

    for bits in BALL_BITS:
        with ctx.workprec(bits):
            K, error = to_float64(build(bits))
        if error.max() <= 2 * U * np.abs(K).max():
            proved, estimate = float64_bound(K)
            return down(proved - row_sum_bound(error)), estimate, bits
    return -np.inf, np.inf, bits


def _validate_activation(activation: object) -> Dual:
    if not isinstance(activation, str) or activation not in DUALS:
        raise ValueError(
            f"`activation` {activation!r} has no closed form in ball arithmetic: those that have one are "
            f"{', '.join(DUALS)}"
        )
    return DUALS[activation]


def _validate_kernel(kernel: object, L: int) -> int:
    """Layer 1..L+1 of ``kernel``, or 0 for the NTK."""
    if isinstance(kernel, str) and kernel in ("ntk", "nngp"):
        return 0 if kernel == "ntk" else L + 1
    if isinstance(kernel, str) or validate_count(kernel, "kernel") > L + 1:
        raise ValueError(f"`kernel` must be 'ntk', 'nngp' or a layer from 1 to {L + 1}, got {kernel!r}")
    return int(kernel)
