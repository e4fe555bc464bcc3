"""Residual and convolutional networks: Gram matrices of their blocks of weights, flows, and kernels right and wrong."""

from collections.abc import Sequence

import numpy as np

from checks.measurements.data import inputs
from checks.measurements.gram_errors import summed
from checks.measurements.streams import data_seed, draw_seeds
from kernels.convolution import ConvolutionalNetwork
from kernels.ensemble import ensemble_block_grams
from kernels.integrators import Ending
from kernels.losses import SquareLoss
from kernels.model_flow import model_flow
from kernels.models import Centred
from kernels.residual import ResidualNetwork
from theory import limit_grams, linearized_flow
from theory.convolution_limits import convolution_limit_grams, mean_of_shifts
from theory.lazy_bounds import drift_constant
from theory.residual_limits import dual_moments, residual_limit_grams

RESIDUAL, WITHOUT_V, CONVOLUTION = "residual", "residual without V", "convolution"
POSITIONS, TAPS = 8, 3
BRANCH_SCALES = {RESIDUAL: 2.0, WITHOUT_V: 1.0}
SUPPORT = slice(2, 5)  # where all positions are alike, backward recursions hardly differ
DIMENSIONS = {"random": 16, "digits": 64}  # 2 and 8 channels at each position: a row of a digit is a position
TRAIN = 3
TARGETS = np.array([3.0, 2.0, 1.0]) / np.sqrt(
    14
)  # of one sign: on the direction of equal outputs a wrong kernel shows best
SCALE, LOSS_RATIO = 16, 1e-8  # κ = 16√m; a flow ends at this ratio of the loss
RTOL = 0.05  # with a fiftieth of it the drift changes by 0.2 % at most: these flows are nearly linear


def architecture_inputs(architecture: str, kind: str, n: int, stream: Sequence[int]) -> np.ndarray:
    """Unit rows (n, d), for a convolution as (n, P, d/P), zero outside of `SUPPORT`, with a mean squared norm of 1."""
    X = inputs(kind, n=n, seed=data_seed(stream), d=DIMENSIONS[kind])
    if architecture != CONVOLUTION:
        return X
    X = X.reshape(n, POSITIONS, -1)
    seen = np.zeros_like(X)
    seen[:, SUPPORT] = X[:, SUPPORT]
    return np.sqrt(POSITIONS) * seen / np.linalg.norm(seen, axis=(1, 2), keepdims=True)


def network(
    architecture: str, X: np.ndarray, activation: str, kappa: float, width: int, L: int
) -> ResidualNetwork | ConvolutionalNetwork:
    """The network of this architecture on inputs ``X``."""
    if architecture == CONVOLUTION:
        return ConvolutionalNetwork(X, activation, kappa, width, L, TAPS)
    return ResidualNetwork(
        X, activation, kappa, width, L, BRANCH_SCALES[architecture], second_weights=architecture == RESIDUAL
    )


def block_limits(architecture: str, X: np.ndarray, activation: str, L: int) -> np.ndarray:
    """Limit of the Gram matrix of every block of weights, (blocks, n, n)."""
    kernel = {"hidden_layers": L, "activation": activation}
    if architecture == CONVOLUTION:
        grams = convolution_limit_grams(X, taps=TAPS, **kernel)
    else:
        second = architecture == RESIDUAL
        grams = residual_limit_grams(X, branch_scale=BRANCH_SCALES[architecture], second_weights=second, **kernel)
    return grams.layers


def wrong_limit(architecture: str, X: np.ndarray, activation: str, L: int) -> np.ndarray:
    """A kernel (n, n) that is not the limit of Σ_b (m/κ²) G_b.

    For a convolution the cross terms of pooling are kept, for a residual network the skip connections are left out, for one
    without V the mean terms.
    """
    if architecture == CONVOLUTION:
        return pooled_limit(X, L, activation)
    if architecture == RESIDUAL:
        return limit_grams(X, hidden_layers=L, activation=activation).ntk
    return block_limits(RESIDUAL, X, activation, L)[[0, *range(1, 2 * L, 2)]].sum(axis=0)  # W^1, W^2, W^3, …, a


def pooled_limit(X: np.ndarray, L: int, activation: str) -> np.ndarray:
    """Kernel of the convolution followed by pooling, a_p = a: all pairs of positions p, p' enter as pairs p = p' do without."""
    n, P, _ = X.shape

    def shifts(S: np.ndarray, direction: int) -> np.ndarray:
        return np.mean([np.roll(S, (direction * o, direction * o), axis=(0, 2)) for o in range(TAPS)], axis=0)

    sigma, covariances, dots = np.einsum("ipc,jrc->pirj", X, X), [], []
    for _ in range(L):
        covariances.append(shifts(sigma, -1))
        moments = dual_moments(covariances[-1].reshape(n * P, n * P), activation)
        sigma, dot = (moment.reshape(P, n, P, n) for moment in moments)
        dots.append(dot)
    gamma, total = dots[-1] / P, sigma.sum(axis=(0, 2)) / P
    for l in range(L - 1, -1, -1):
        total = total + (gamma * covariances[l]).sum(axis=(0, 2))
        if l:
            gamma = dots[l - 1] * shifts(gamma, 1)
    return (total + total.T) / 2


def convolution_recursion(X: np.ndarray, L: int, activation: str, *, backward: str) -> np.ndarray:
    """The kernels of a convolution, (L+1, n, n), whose Γ at p comes from the mean over p − o, as it should ("averaged").

    Wrong ones: from the mean over p + o ("reversed"), from p alone ("alone").
    """
    sigma, covariances, dots = np.einsum("ipc,jpc->pij", X, X), [], []
    for _ in range(L):
        covariances.append(mean_of_shifts(sigma, TAPS, -1))
        moments = [dual_moments(covariance, activation) for covariance in covariances[-1]]
        sigma, dot = (np.stack(part) for part in zip(*moments, strict=True))
        dots.append(dot)
    grams, gamma = [sigma.mean(axis=0)], dots[-1] / len(sigma)
    for l in range(L - 1, -1, -1):
        grams.append((gamma * covariances[l]).sum(axis=0))
        if l:
            shifted = gamma if backward == "alone" else mean_of_shifts(gamma, TAPS, 1 if backward == "averaged" else -1)
            gamma = dots[l - 1] * shifted
    return np.stack(grams[::-1])


def block_errors(
    *,
    architecture: str,
    data: dict,
    activation: str,
    hidden_layers: int,
    widths: Sequence[int],
    stream: Sequence[int],
    first: int,
    draws: int,
) -> dict[str, np.ndarray]:
    """``distance``: ‖Σ_b (m/κ²)G_b − K‖_F, ``wrong``: the same from `wrong_limit`; (draws, W), weights drawn at each width."""
    X, seed = architecture_inputs(architecture, **data, stream=stream), draw_seeds(stream, first, 1)[0]
    setting = (architecture, X, activation, hidden_layers)
    models = [network(architecture, X, activation, np.sqrt(m), m, hidden_layers) for m in widths]
    totals = [ensemble_block_grams(model, seed + k, draws=draws).sum(axis=1) for k, model in enumerate(models)]
    kernels = {"distance": block_limits(*setting).sum(axis=0), "wrong": wrong_limit(*setting)}
    return {key: np.linalg.norm(np.stack(totals, axis=1) - K, axis=(2, 3)) for key, K in kernels.items()}


def block_sums(
    *,
    architecture: str,
    data: dict,
    activation: str,
    hidden_layers: int,
    width: int,
    batch: int,
    stream: Sequence[int],
    first: int,
    draws: int,
) -> dict[str, np.ndarray]:
    """`gram_sums` of (m/κ²) times the Gram matrix of every block of weights and, last, of their sum."""
    X = architecture_inputs(architecture, **data, stream=stream)
    model = network(architecture, X, activation, np.sqrt(width), width, hidden_layers)
    batches = (ensemble_block_grams(model, seed, draws=batch) for seed in draw_seeds(stream, first, draws))
    return summed(np.concatenate([grams, grams.sum(axis=1, keepdims=True)], axis=1) for grams in batches)


def flows(
    *,
    architecture: str,
    data: dict,
    activation: str,
    hidden_layers: int,
    widths: Sequence[int],
    stream: Sequence[int],
    first: int,
    draws: int,
) -> dict[str, np.ndarray]:
    """Centred training of the first `TRAIN` inputs with κ = 16√m: three numbers for every draw and width, all (draws, widths).

    ``error``: sup over the steps of the flow and the other inputs of |f_t(x) − f_0(x) − prediction by the limit kernel|;
    ``wrong``: the same with `wrong_limit`; ``drift``: κ sup_t ‖θ_t − θ_0‖/√(m yᵀK⁻¹y). NaN where the flow does not reach its
    target.
    """
    X, y = architecture_inputs(architecture, **data, stream=stream), TARGETS
    shape = (architecture, X, activation, hidden_layers)
    kernels = [block_limits(*shape).sum(axis=0), wrong_limit(*shape)]
    results = np.full((3, draws, len(widths)), np.nan)
    for s, seed in enumerate(draw_seeds(stream, first, draws)):
        for w, m in enumerate(widths):
            kappa = SCALE * np.sqrt(m)
            model = network(architecture, X[:TRAIN], activation, kappa, m, hidden_layers)
            start = model.initial(seed)
            options = {"loss_ratio": LOSS_RATIO, "rtol": RTOL, "max_evaluations": 10_000}
            run = model_flow(Centred(model, start), SquareLoss(y, 1 / TRAIN), start, **options)
            if run.status != Ending.TARGET:
                continue
            test = Centred(model.at(X[TRAIN:]), start)
            outputs = np.array([test(start + v) for v in run.displacements])
            for k, K in enumerate(kernels):
                scaled = kappa**2 / m * K
                expected = linearized_flow(scaled[:TRAIN, :TRAIN], y, run.times, K_test=scaled[TRAIN:, :TRAIN])
                results[k, s, w] = np.abs(outputs - expected.test_outputs).max()
            drift = np.linalg.norm(run.displacements, axis=1).max()
            results[2, s, w] = kappa * drift / np.sqrt(m) / drift_constant(kernels[0][:TRAIN, :TRAIN], y)
    return dict(zip(("error", "wrong", "drift"), results, strict=True))
