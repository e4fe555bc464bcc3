"""Gram matrices of many small networks at once, for frequencies that need thousands of initialisations."""

import itertools
from collections.abc import Sequence

import numpy as np

from argument_validation import validate_array, validate_count, validate_name
from kernels.activations import ACTIVATIONS, activate
from kernels.network import LARGEST
from kernels.random_weights import INDICES, normal_matrix

BLOCK = 2**19  # neurons times samples in flight


def ensemble_grams(
    seed: int, X: np.ndarray, widths: Sequence[int], *, draws: int, activation: str, first_draw: int = 0
) -> np.ndarray:
    """(m/κ²) G^1 and (m/κ²) G^2 of ``draws`` networks with one hidden layer, at nested widths m.

        (m/κ²) G^1 = (XXᵀ) ∘ (1/m) Σ_k a_k² σ'(X w_k)σ'(X w_k)ᵀ,    (m/κ²) G^2 = (1/m) Σ_k σ(X w_k)σ(X w_k)ᵀ.

    All networks lie side by side in one weight matrix: network s owns the neurons from s·M on, M the largest width, and a
    narrower one the first of them. Gram matrices are sums over neurons, so all widths together cost what the largest does.

    Parameters
    ----------
    seed : of the weights, which are a function of (seed, s·M + k, input dimension) alone, however the calls are split.
    X : (n, d) inputs, entries at most 1e150 in size.
    widths : increasing whole numbers.
    draws, first_draw : networks s = first_draw .. first_draw + draws − 1; their neurons (first_draw + draws)·M ≤ 2^32.
    activation : name of σ.

    Returns
    -------
    (draws, len(widths), 2, n, n).

    Raises
    ------
    ValueError for an empty ``X`` or entries that are not finite or too large, widths that do not increase, numbers outside
    their range, an unknown activation.
    """
    seed, X = validate_count(seed, "seed", least=0), validate_array(X, "X", ("n", "d"), largest=LARGEST)
    validate_name(activation, ACTIVATIONS, "activation")
    if not isinstance(widths, list | tuple | range | np.ndarray) or not np.shape(widths) or not len(widths):
        raise ValueError(f"`widths` must be a non-empty increasing list, got {type(widths).__name__}")
    widths = [validate_count(m, "widths", most=INDICES) for m in widths]
    if any(b <= a for a, b in itertools.pairwise(widths)):
        raise ValueError(f"`widths` must be a non-empty increasing list, got {widths}")
    n, M = len(X), widths[-1]
    first_draw = validate_count(first_draw, "first_draw", least=0, most=INDICES // M - 1)
    draws = validate_count(draws, "draws", most=INDICES // M - first_draw)
    grams = np.empty((draws, len(widths), 2, n, n))
    size = max(1, BLOCK // (M * n))
    for start in range(0, draws, size):
        part = grams[start : start + size]
        _fill(seed, X, widths, activation, first_draw + start, part)
    return grams


def _fill(seed: int, X: np.ndarray, widths: list[int], activation: str, first: int, grams: np.ndarray) -> None:
    """Write the matrices of networks ``first`` .. into ``grams`` (draws, widths, 2, n, n)."""
    draws, M, n = len(grams), widths[-1], len(X)
    columns, start = draws * M, first * M  # neurons lie along the rows of these matrices, where drawing is cheapest
    values = X @ normal_matrix(seed, 0, X.shape[1], columns, first_column=start)
    back = activate(activation, values)
    back *= normal_matrix(seed, 1, 1, columns, first_column=start)
    edges = [0, *widths]
    for kind, factor in enumerate((back, values)):
        factor = factor.reshape(n, draws, M).transpose(1, 0, 2)
        for w in range(len(widths)):
            segment = factor[:, :, edges[w] : edges[w + 1]]
            np.matmul(segment, segment.transpose(0, 2, 1), out=grams[:, w, kind])
    np.cumsum(grams, axis=1, out=grams)
    grams /= np.array(widths)[:, None, None, None]
    grams[:, :, 0] *= X @ X.T
