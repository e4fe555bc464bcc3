"""Infinite-width Gram matrices: the layerwise NTK and NNGP recursion, written once for every activation."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from argument_validation import validate_count, validate_name, validate_same_dimension
from theory.dual_activations import DUALS, ClosedForm, PiecewiseLinear, Quadrature
from theory.validation import validate_kernel_inputs

Dual = PiecewiseLinear | ClosedForm | Quadrature

BLOCK = 2**15  # pairs of a block at most: its arrays stay in the cache
SMALL_BLOCK = 2**13  # smaller ones cost threads more than they bring


@dataclass(frozen=True)
class LimitGrams:
    """Limits K^1 … K^{L+1} of the layers' Gram matrices, stacked in ``layers`` (L+1, n, n2)."""

    layers: np.ndarray

    @property
    def ntk(self) -> np.ndarray:
        """Neural tangent kernel Σ_l K^l, (n, n2)."""
        return self.layers.sum(axis=0)

    @property
    def nngp(self) -> np.ndarray:
        """Kernel K^{L+1} = Σ^L of the last hidden layer, (n, n2)."""
        return self.layers[-1]


def limit_grams(
    X: np.ndarray, X2: np.ndarray | None = None, *, hidden_layers: int, activation: str = "relu"
) -> LimitGrams:
    """Limits of (m/κ²) G^l as the width m grows, for all pairs of rows of ``X`` and ``X2``.

    With Σ^0 = X X2ᵀ and (u, v) ~ N(0, Σ^{l−1} restricted to the pair), Σ^l = E σ(u)σ(v), Σ̇^l = E σ'(u)σ'(v):

        K^l = Σ^{l−1} ∘ Σ̇^l ∘ … ∘ Σ̇^L  (l = 1..L),    K^{L+1} = Σ^L,    NTK = Σ_l K^l.

    Parameters
    ----------
    X, X2 : (n, d) and (n2, d) inputs, rows of any norm; ``X2`` defaults to ``X``.
    hidden_layers : depth L ≥ 1.
    activation : one of relu, leaky_relu, abs, identity, erf, gelu, sin, cos, tanh, sigmoid, softplus.

    Returns
    -------
    LimitGrams with ``layers`` (L+1, n, n2), ``ntk`` and ``nngp``. Entries of one layer are right to about 1e-13 of
    the diagonal. For relu, leaky_relu and abs the least eigenvalue keeps its leading digits down to separations of
    1e-10, because angles are carried through the depth instead of cosines. Exactly symmetric when ``X2`` is None.

    Raises
    ------
    ValueError for empty, non-finite or zero rows, shapes that do not fit, an unknown activation, a depth below 1, and
    for tanh (squared norm above 100), sigmoid and softplus (above 400), where the quadrature would lose accuracy.

    Notes
    -----
    Memory: the result and an eighth of the pairs in flight, or 2^17, on any number of processors. Source: Jacot, Gabriel,
    Hongler 2018, layer by layer.
    """
    L = validate_count(hidden_layers, "hidden_layers")
    dual = DUALS[validate_name(activation, DUALS, "activation")]
    X = validate_kernel_inputs(X)
    symmetric = X2 is None
    unit1, variances1 = _rows(X, "X", L, dual, activation)
    unit2, variances2 = unit1, variances1
    if not symmetric:
        X2 = validate_kernel_inputs(X2, "X2")
        validate_same_dimension(X, X2)
        unit2, variances2 = _rows(X2, "X2", L, dual, activation)
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
        block[0] = np.cos(angle) * np.sqrt(variances1[0][rows])[:, None] * np.sqrt(variances2[0][columns])
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


def _rows(X: np.ndarray, name: str, L: int, dual: Dual, activation: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Unit rows of ``X`` and the variances q^0 … q^L of each row; raises where the dual does not reach."""
    largest = np.abs(X).max(axis=1)
    norms = largest * np.sqrt(((X / largest[:, None]) ** 2).sum(axis=1))
    if norms.max() ** 2 > dual.max_variance:
        row = int(norms.argmax())
        raise ValueError(
            f"`{name}` must have row norms of at most {np.sqrt(dual.max_variance):g} for {activation}: its quadrature is "
            f"accurate up to there; row {row} has norm {norms[row]:.6g}"
        )
    variances = [norms**2]
    for _ in range(L):
        variances.append(dual.variance(variances[-1]))
    return X / norms[:, None], variances


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
