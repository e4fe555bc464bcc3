"""Gram matrices of many small networks at once, for frequencies and moments that need thousands of initialisations."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from argument_validation import validate_array, validate_count, validate_depth, validate_name
from kernels.activations import ACTIVATIONS, activate
from kernels.convolution import ConvolutionalNetwork
from kernels.network import LARGEST, finite_at_scale
from kernels.random_weights import INDICES, MOST_WEIGHTS, normal_matrix
from kernels.residual import ResidualNetwork

BLOCK = 2**16  # neurons of the first layer times samples in flight, L = 1: larger arrays are new pages every time
SMALL_BLOCK = 2**16  # neurons of one layer times samples in flight, L ≥ 2: its matrices stay in the cache
WEIGHTS = 2**17  # weights in flight of residual and convolutional networks


def ensemble_grams(
    seed: int,
    X: np.ndarray,
    widths: Sequence[int],
    *,
    draws: int,
    activation: str,
    hidden_layers: int = 1,
    first_draw: int = 0,
) -> np.ndarray:
    """(m/κ²) G^1 … (m/κ²) G^{L+1} of ``draws`` networks at nested widths m.

    As `kernels.layer_grams` of each network. For L = 1

        (m/κ²) G^1 = (XXᵀ) ∘ (1/m) Σ_k a_k² σ'(X w_k)σ'(X w_k)ᵀ,    (m/κ²) G^2 = (1/m) Σ_k σ(X w_k)σ(X w_k)ᵀ.

    All networks lie side by side: network s owns the neurons of the first layer from s·M on, M the largest width, row s of the
    matrices behind it, and a narrower one the leading block of each. For L = 1 all widths together cost what the largest does.

    Parameters
    ----------
    seed : of the weights, which are a function of (seed, s, largest width, input dimension, L) alone, however the calls are
        split.
    X : (n, d) inputs, entries at most 1e150 in size.
    widths : increasing whole numbers.
    draws, first_draw : networks s = first_draw .. first_draw + draws − 1; their neurons (first_draw + draws)·M ≤ 2^32.
    activation : name of σ.
    hidden_layers : L ≥ 1.

    Returns
    -------
    (draws, len(widths), L + 1, n, n).

    Raises
    ------
    ValueError for an empty ``X`` or entries that are not finite or too large, widths that do not increase, numbers outside
    their range, an unknown activation.
    """
    seed, X = validate_count(seed, "seed", least=0), validate_array(X, "X", ("n", "d"), largest=LARGEST)
    validate_name(activation, ACTIVATIONS, "activation")
    L = validate_depth(hidden_layers)
    if not isinstance(widths, list | tuple | range | np.ndarray) or not np.shape(widths) or not len(widths):
        raise ValueError(f"`widths` must be a non-empty increasing list, got {type(widths).__name__}")
    most = INDICES if L == 1 else int(MOST_WEIGHTS**0.5) // 2  # the matrices of one network are drawn at once
    widths = [validate_count(m, "widths", most=most) for m in widths]
    if any(b <= a for a, b in itertools.pairwise(widths)):
        raise ValueError(f"`widths` must be a non-empty increasing list, got {widths}")
    n, M = len(X), widths[-1]
    first_draw = validate_count(first_draw, "first_draw", least=0, most=INDICES // M - 1)
    draws = validate_count(draws, "draws", most=INDICES // M - first_draw)
    grams = np.empty((draws, len(widths), L + 1, n, n))
    fill, size = (_fill, max(1, BLOCK // (M * n))) if L == 1 else (_fill_deep, max(1, SMALL_BLOCK // (M * max(n, M))))
    for start in range(0, draws, size):
        fill(seed, X, widths, activation, first_draw + start, grams[start : start + size])
    return grams


def _first_layer(seed: int, X: np.ndarray, columns: int, start: int) -> np.ndarray:
    """Pre-activations (n, columns) of the neurons ``start`` ..; they lie along the rows, where drawing is cheapest."""
    return X @ normal_matrix(seed, 0, X.shape[1], columns, first_column=start)


def _fill(seed: int, X: np.ndarray, widths: list[int], activation: str, first: int, grams: np.ndarray) -> None:
    """Write the matrices of networks ``first`` .. with one hidden layer into ``grams`` (draws, widths, 2, n, n)."""
    draws, M, n = len(grams), widths[-1], len(X)
    columns, start = draws * M, first * M
    values = _first_layer(seed, X, columns, start)
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


def _fill_deep(seed: int, X: np.ndarray, widths: list[int], activation: str, first: int, grams: np.ndarray) -> None:
    """Write the matrices of networks ``first`` .. with L ≥ 2 into ``grams`` (draws, widths, L + 1, n, n).

    The arrays of one layer are (draws, m, n), as in `kernels.gram.propagate` for each network.
    """
    draws, L, M, n = len(grams), grams.shape[2] - 1, widths[-1], len(X)
    inner = _first_layer(seed, X, draws * M, first * M).reshape(n, draws, M).transpose(1, 2, 0)
    matrices = [normal_matrix(seed, l, draws, M * M, first_row=first).reshape(draws, M, M) for l in range(1, L)]
    output = normal_matrix(seed, L, draws, M, first_row=first)
    for w, m in enumerate(widths):
        values, backs = [inner[:, :m].copy()], []  # activated in place
        weights = [W[:, :m, :m] for W in matrices]
        for l in range(L):
            if l:
                values.append(weights[l - 1] @ values[-1])
                values[-1] *= 1 / np.sqrt(m)
            backs.append(activate(activation, values[-1]))
        backs[-1] *= output[:, :m, None]
        for l in range(L - 1, 0, -1):
            back = weights[l - 1].transpose(0, 2, 1) @ backs[l]
            back *= 1 / np.sqrt(m)
            backs[l - 1] *= back
        for l in range(L + 1):
            found = X @ X.T if l == 0 else values[l - 1].transpose(0, 2, 1) @ values[l - 1] / m
            grams[:, w, l] = found if l == L else found * (backs[l].transpose(0, 2, 1) @ backs[l] / m)


def ensemble_block_grams(
    model: ResidualNetwork | ConvolutionalNetwork, seed: int, *, draws: int, first_draw: int = 0
) -> np.ndarray:
    """`block_grams` of a residual or convolutional network at random weights, (draws, blocks, n, n).

    All weights are N(0, 1): network s = first_draw .. first_draw + draws − 1 has row s of one matrix for w, a function of
    (seed, s) alone, however the calls are split. ValueError for a seed or numbers outside their range and for an overflow.
    """
    if not isinstance(model, ResidualNetwork | ConvolutionalNetwork):
        raise ValueError(f"`model` must be a ResidualNetwork or a ConvolutionalNetwork, got {model!r:.60}")
    size = sum(map(math.prod, model.shapes))
    seed = validate_count(seed, "seed", least=0)
    first_draw = validate_count(first_draw, "first_draw", least=0, most=INDICES - 1)
    draws = validate_count(draws, "draws", most=INDICES - first_draw)
    edges, step = np.cumsum([0, *(math.prod(shape) for shape in model.shapes)]), max(1, WEIGHTS // size)
    grams = []
    for start in range(0, draws, step):
        count = min(step, draws - start)
        w = normal_matrix(seed, 0, count, size, first_row=first_draw + start)
        parts = zip(model.shapes, itertools.pairwise(edges), strict=True)
        blocks = [w[:, a:b].reshape(count, *shape) for shape, (a, b) in parts]
        own = lambda kappa, blocks=blocks: replace(model, kappa=kappa)._block_grams(blocks)  # noqa: E731
        grams.append(finite_at_scale(own, model.kappa, model.X, blocks, "seed"))
    return np.concatenate(grams)
