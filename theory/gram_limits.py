"""Infinite-width Gram matrices: the layerwise NTK and NNGP recursion, written once for every activation."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from argument_validation import validate_depth, validate_name, validate_same_dimension
from theory.dual_activations import DUALS, ClosedForm, Logistic, PiecewiseLinear
from theory.validation import LARGEST_NORM, polar, validate_kernel_inputs

Dual = PiecewiseLinear | ClosedForm | Logistic

BLOCK = 2**15  # pairs of a block at most: its arrays stay in the cache
SMALL_BLOCK = 2**13  # smaller ones cost threads more than they bring


@dataclass(frozen=True)
class LimitGrams:
    """Limits of the Gram matrices of all blocks of weights, K^1 … K^{L+1} for a plain network, in ``layers`` (L+1, n, n2)."""

    layers: np.ndarray

    @property
    def ntk(self) -> np.ndarray:
        """Neural tangent kernel, the sum of all blocks, (n, n2)."""
        return self.layers.sum(axis=0)

    @property
    def nngp(self) -> np.ndarray:
        """Kernel of the last hidden layer, the block of the output weights, (n, n2); Σ^L for a plain network."""
        return self.layers[-1]


def limit_grams(
    X: np.ndarray, X2: np.ndarray | None = None, *, hidden_layers: int, activation: str = "relu"
) -> LimitGrams:
    """Limits of (m/κ²) G^l as the width m grows, for all pairs of rows of ``X`` and ``X2``.

    With Σ^0 = X X2ᵀ and (u, v) ~ N(0, Σ^{l−1} restricted to the pair), Σ^l = E σ(u)σ(v), Σ̇^l = E σ'(u)σ'(v):

        K^l = Σ^{l−1} ∘ Σ̇^l ∘ … ∘ Σ̇^L  (l = 1..L),    K^{L+1} = Σ^L,    NTK = Σ_l K^l.

    Parameters
    ----------
    X, X2 : (n, d) and (n2, d) inputs; rows are zero or have norms from 1e-150 to 1e150, or to 1e8 for the activations
        from erf on. ``X2`` defaults to ``X``.
    hidden_layers : depth L ≥ 1.
    activation : one of relu, leaky_relu, abs, identity, erf, gelu, sin, cos, tanh, sigmoid, softplus.

    Returns
    -------
    LimitGrams with ``layers`` (L+1, n, n2), ``ntk`` and ``nngp``. The error of an entry of one layer is below
    `entry_error` √(K_ii K_jj), 1e-13 for rows of moderate norm. For relu, leaky_relu and abs the least eigenvalue keeps its
    leading digits down to separations of 1e-10, because angles are carried through the depth instead of cosines. Exactly
    symmetric when ``X2`` is None or equal to ``X``. In a zero row Σ̇ at a kink is undefined and irrelevant: it multiplies 0.

    Raises
    ------
    ValueError for empty or non-finite inputs, norms outside that range, shapes that do not fit, an unknown activation, a
    depth below 1, or so large that the variance of a row that is not zero underflows.

    Notes
    -----
    Memory: the result and an eighth of the pairs in flight, or 2^17, on any number of processors. Source: Jacot, Gabriel,
    Hongler 2018, layer by layer.
    """
    L = validate_depth(hidden_layers)
    dual = DUALS[validate_name(activation, DUALS, "activation")]
    X, X2, symmetric = validate_pair(X, X2, activation)
    unit1, variances1 = _rows(X, L, dual)
    unit2, variances2 = (unit1, variances1) if symmetric else _rows(X2, L, dual)
    largest = [max(q1.max(), q2.max()) for q1, q2 in zip(variances1[:L], variances2[:L], strict=True)]
    features1 = [dual.features(q, most) for q, most in zip(variances1[:L], largest, strict=True)]
    features2 = features1
    if not symmetric:
        features2 = [dual.features(q, most) for q, most in zip(variances2[:L], largest, strict=True)]

    layers = np.empty((L + 1, len(unit1), len(unit2)))

    def fill(rectangle: tuple[slice, slice]) -> None:
        rows, columns = rectangle
        block = np.empty((L + 1, rows.stop - rows.start, columns.stop - columns.start))
        angle = angles(unit1[rows], unit2[columns])
        block[0] = np.multiply.outer(np.sqrt(variances1[0][rows]), np.sqrt(variances2[0][columns])) * np.cos(angle)
        for l in range(L):
            p1, p2 = variances1[l + 1][rows], variances2[l + 1][columns]
            block[l + 1], derivative, angle = dual.layer(features1[l][rows], features2[l][columns], p1, p2, angle)
            block[: l + 1] *= derivative
        layers[:, rows, columns] = block
        if symmetric:
            _mirror(layers, rows, columns)

    in_flight = max(16 * SMALL_BLOCK, len(unit1) * len(unit2) // 8)  # pairs, all threads together
    threads = min(os.cpu_count() or 1, in_flight // SMALL_BLOCK)
    size = min(BLOCK, in_flight // threads)
    with ThreadPoolExecutor(threads) as pool:  # NumPy and SciPy release the interpreter inside a block
        list(pool.map(fill, _blocks(len(unit1), len(unit2), symmetric, size)))
    return LimitGrams(layers)


def angles(U: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Angles 2 atan2(|u − v|, |u + v|) in [0, π] between unit rows of ``U`` (r, d) and ``V`` (c, d).

    Accurate for nearly equal and nearly opposite rows, where arccos⟨u, v⟩ is not.
    """
    return 2 * np.arctan2(cdist(U, V), cdist(U, -V))


def entry_error(activation: str, norm: float) -> float:
    """Error of an entry of `limit_grams`, relative to √(K_ii K_jj), for rows up to ``norm``; measured, with a margin.

    Smooth activations: K changes by about ``norm`` times the relative change of a row, here its rounding.
    """
    return 1e-13 + (0.0 if isinstance(DUALS[activation], PiecewiseLinear) else 5e-16 * norm)


def norm_range(activation: str) -> tuple[float, str]:
    """Largest norm of a row for this activation, and why."""
    largest = DUALS[activation].largest_norm
    return largest, f"for {activation}: beyond it the rounding of a row changes K" if largest < LARGEST_NORM else ""


def validate_pair(X: object, X2: object, activation: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """``X`` and ``X2`` (by default ``X``) as inputs of the kernels of this activation, and whether they are equal."""
    X = validate_kernel_inputs(X, "X", *norm_range(activation))
    if X2 is None:
        return X, X, True
    X2 = validate_kernel_inputs(X2, "X2", *norm_range(activation))
    validate_same_dimension(X, X2)
    return X, X2, np.array_equal(X, X2)


def _rows(X: np.ndarray, L: int, dual: Dual) -> tuple[np.ndarray, list[np.ndarray]]:
    """Unit rows of ``X`` and the variances q^0 … q^L of each row."""
    unit, norms = polar(X)
    variances = [norms**2]
    for _ in range(L):
        variances.append(next_variances(dual, variances[-1]))
    return unit, variances


def next_variances(dual: Dual, q: np.ndarray) -> np.ndarray:
    """E σ(√q Z)² for every q (n,); ValueError where it is not 0 but below the normal numbers of float64."""
    p = dual.variance(q)
    lost = (p < np.finfo(float).tiny) & (q > 0)
    if lost.any():
        raise ValueError(
            f"`hidden_layers` must leave variances that float64 represents: the next layer turns {q[lost][0]:.3g} into "
            f"{p[lost][0]:.3g}"
        )
    return p


def _blocks(n: int, n2: int, symmetric: bool, size: int) -> Iterator[tuple[slice, slice]]:
    """Rectangles of at most ``size`` pairs that cover all pairs, or only those on and above the diagonal."""
    start = 0
    while start < n:
        first = start if symmetric else 0
        stop = min(n, start + max(1, size // (n2 - first)))
        for left in range(first, n2, size):  # more than one where a single row has more than ``size`` pairs
            yield slice(start, stop), slice(left, min(left + size, n2))
        start = stop


def _mirror(layers: np.ndarray, rows: slice, columns: slice) -> None:
    """Copy the part right of the diagonal block below it, and the block's upper triangle onto its lower one."""
    right = slice(max(rows.stop, columns.start), columns.stop)
    layers[:, right, rows] = layers[:, rows, right].transpose(0, 2, 1)
    square = layers[:, rows, rows]
    lower = np.tril_indices(rows.stop - rows.start, -1)
    square[:, lower[0], lower[1]] = square[:, lower[1], lower[0]]
