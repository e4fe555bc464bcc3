"""Infinite-width Gram matrices: the layerwise NTK and NNGP recursion, written once for every activation."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from argument_validation import validate_depth, validate_flag, validate_name, validate_same_dimension
from theory import limit_tiles
from theory.dual_activations import DUALS, ClosedForm, Logistic, PiecewiseLinear
from theory.logistic_duals import series_table
from theory.validation import LARGEST_NORM, polar, validate_kernel_inputs

Dual = PiecewiseLinear | ClosedForm | Logistic


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


class LimitKernels(NamedTuple):
    """Neural tangent kernel and kernel of the last hidden layer, both (n, n2), without those of the single layers."""

    ntk: np.ndarray
    nngp: np.ndarray


def limit_grams(
    X: np.ndarray,
    X2: np.ndarray | None = None,
    *,
    hidden_layers: int,
    activation: str = "relu",
    layers: bool = True,
    out: np.ndarray | None = None,
) -> LimitGrams | LimitKernels:
    """Limits of (m/κ²) G^l as the width m grows, for all pairs of rows of ``X`` and ``X2``.

    With Σ^0 = X X2ᵀ and (u, v) ~ N(0, Σ^{l−1} restricted to the pair), Σ^l = E σ(u)σ(v), Σ̇^l = E σ'(u)σ'(v):

        K^l = Σ^{l−1} ∘ Σ̇^l ∘ … ∘ Σ̇^L  (l = 1..L),    K^{L+1} = Σ^L,    NTK = Σ_l K^l.

    Parameters
    ----------
    X, X2 : (n, d) and (n2, d) inputs; rows are zero or have norms from 1e-150 to 1e150, or to 1e8 for the activations
        from erf on. ``X2`` defaults to ``X``.
    hidden_layers : depth L ≥ 1.
    activation : one of relu, leaky_relu, abs, identity, erf, gelu, sin, cos, tanh, sigmoid, softplus.
    layers : False for the NTK and K^{L+1} alone, which takes the memory of two matrices instead of L + 1.
    out : where the result goes, (L+1, n, n2), or (2, n, n2) without ``layers``: a C-ordered float64 array or np.memmap.

    Returns
    -------
    LimitGrams with ``layers`` (L+1, n, n2), ``ntk`` and ``nngp``, or, without ``layers``, LimitKernels (``ntk``, ``nngp``). The
    error of an entry of one layer is below `entry_error` √(K_ii K_jj), 1e-13 for rows of moderate norm. For relu, leaky_relu
    and abs the least eigenvalue keeps its leading digits down to separations of 1e-10, because half-angles are carried through
    the depth instead of cosines. Exactly symmetric when ``X2`` is None or equal to ``X``, the same bits on any number of
    processors. In a zero row Σ̇ at a kink is undefined and irrelevant: it multiplies 0.

    Raises
    ------
    ValueError for empty or non-finite inputs, norms outside that range, shapes that do not fit, an unknown activation, an
    ``out`` of another shape or kind, a depth below 1, or so large that the variance of a row that is not zero underflows.

    Notes
    -----
    Memory: the result, a sixteenth of it for tiles, and a few copies of the inputs. Kernels beyond memory: ``out`` a memmap, or
    blocks of rows one by one as ``X2``. The first call on a machine compiles for a few seconds. Source: Jacot, Gabriel,
    Hongler 2018, layer by layer.
    """
    L, every = validate_depth(hidden_layers), validate_flag(layers, "layers")
    dual = DUALS[validate_name(activation, DUALS, "activation")]
    X, X2, symmetric = validate_pair(X, X2, activation)
    shape = (L + 1 if every else 2, len(X), len(X2))
    out = np.empty(shape) if out is None else validate_out(out, shape)
    units, variances = zip(*(_rows(Z, L, dual) for Z in ([X] if symmetric else [X, X2])), strict=True)
    features, tables = [[] for _ in units], [np.empty((5, 0))]
    for l in range(L):
        largest = max(q[l].max() for q in variances)
        for F, q in zip(features, variances, strict=True):
            F.append(dual.features(q[l], largest))
        if isinstance(dual, Logistic):
            tables.append(series_table(features[0][l], features[-1][l], dual.integrated))
    sides = []
    for unit, q, F in zip(units, variances, features, strict=True):
        factors = np.stack([dual.tile_factors(F[l], q[l], q[l + 1]) for l in range(L)])
        series = [f.N.T for f in F] if isinstance(dual, Logistic) else [np.empty((0, len(unit)))]
        sides.append(limit_tiles.side(unit, factors, np.concatenate(series)))
    starts = np.cumsum([table.shape[1] for table in tables])
    limit_tiles.fill(
        dual.tiles, dual.tile_constants, sides[0], sides[-1], np.concatenate(tables, axis=1), starts, every, out
    )
    return LimitGrams(out) if every else LimitKernels(*out)


def validate_out(out: object, shape: tuple[int, ...]) -> np.ndarray:
    """Return ``out`` if it is a writable C-ordered float64 array of this shape."""
    if not isinstance(out, np.ndarray):
        raise ValueError(f"`out` must be an array or memmap, got {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"`out` must have shape {shape}, got {out.shape}")
    if out.dtype != np.float64 or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(
            f"`out` must be C-ordered, writable and of dtype float64, got {out.dtype} with strides {out.strides}"
        )
    return np.asarray(out)


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
