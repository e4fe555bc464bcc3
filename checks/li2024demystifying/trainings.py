"""Training runs on which the claims about the lazy regime are judged: drift, decay, and distance to the linearised network.

Each function that starts with a data set is a cell of a sweep: many pairs (m, κ) and seeds of the weights, all trained
centred unless said. A run that does not get where it should is NaN, for the judges to report.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from checks.claim import Run
from checks.data import inputs
from checks.running.sweep import Arrays
from kernels import Parameters, gradient_flow, init_parameters, layer_grams
from kernels.activations import KINKED
from kernels.integrators import Ending
from theory import limit_grams, linearized_flow

SAMPLES, DIMENSION = 8, 8
DATA = {
    "random": {"kind": "random", "n": SAMPLES, "d": DIMENSION, "seed": 1},
    "digits": {"kind": "digits", "n": SAMPLES, "seed": 1},
}
# hidden layers, activation, data
CASES = {
    "quick": ((1, "tanh", "digits"), (1, "relu", "random"), (2, "tanh", "random")),
    "standard": (*itertools.product((1,), ("tanh", "relu"), DATA), (2, "tanh", "random"), (2, "relu", "random")),
    "full": tuple(itertools.product((1, 2), ("tanh", "relu", "erf", "softplus"), DATA)),
}
LOSS_RATIO = 1e-8  # what is then left to move is below 10⁻³ of the drift
# finer than the default of the flow: a few hundred evaluations where κ is large
KINKED_RTOL, KINKED_DEVIATION_RTOL = 1e-2, 3e-2
SMOOTH_RTOL = 1e-3
LEAST_LOSS = 1e-16
DECAY_RTOLS = {False: (1e-3, 1e-4), True: (2e-2, 2e-3)}
SHARE, LEAST_RTOL = 2e-2, 1e-12  # of the distance to the linearised network that the tolerance may reach


def samples(data: dict) -> tuple[np.ndarray, np.ndarray]:
    """Inputs X (n, d) with unit rows and targets y (n,) with ‖y‖ = √n, in a random direction."""
    X = inputs(**data)
    y = np.random.default_rng(data["seed"]).normal(size=len(X))
    return X, y * np.sqrt(len(X)) / np.linalg.norm(y)


def limits(data: dict, activation: str, hidden_layers: int) -> tuple[np.ndarray, np.ndarray]:
    """Limits K^l (L+1, n, n) of the layers' kernels, and y (n,)."""
    X, y = samples(data)
    return limit_grams(X, hidden_layers=hidden_layers, activation=activation).layers, y


def pairs_along(widths: Iterable[int], gamma: float, k_0: float) -> list[list[float]]:
    """Pairs (m, κ) with κ = k_0 m^γ."""
    return [[m, k_0 * m**gamma] for m in widths]


def tolerance(activation: str) -> float:
    """Tolerance of the flow where κ is large."""
    return KINKED_RTOL if activation in KINKED else SMOOTH_RTOL


def collect(
    run: Run, function: Callable[..., Arrays], title: str, designs: Sequence[dict], seeds: int
) -> list[dict[str, np.ndarray]]:
    """What ``function`` returns for every design, seeds along the first axis; run in cells of an eighth of the seeds."""
    size = -(-seeds // 8)
    chunks = [{"first_seed": (run.seed << 32) + s, "seeds": min(size, seeds - s)} for s in range(0, seeds, size)]
    cells = [{**design, **chunk} for design in designs for chunk in chunks]
    results = list(run.sweep.run(function, cells, title))
    groups = [results[k : k + len(chunks)] for k in range(0, len(results), len(chunks))]
    return [{key: np.concatenate([part[key] for part in group]) for key in group[0]} for group in groups]


def drifts(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    first_seed: int,
    seeds: int,
    centred: bool = True,
    rates: list | None = None,
    rtol: float | None = None,
) -> dict[str, np.ndarray]:
    """D = sup_t ‖θ_t − θ_0‖/√m of gradient flow to `LOSS_RATIO` for every seed and pair (m, κ), (seeds, pairs).

    ``drift`` is the largest over the steps; ``metric`` the same in the metric of the ``rates``, √(Σ_l ‖ΔW^l‖²/(r_l m)).
    """
    X, y = samples(data)
    found = {key: np.full((seeds, len(pairs)), np.nan) for key in ("drift", "metric")}
    scales = np.ones(hidden_layers + 1) if rates is None else np.sqrt(rates)
    for s, k in np.ndindex(seeds, len(pairs)):
        m, kappa = pairs[k]
        params = init_parameters(first_seed + s, X.shape[1], m, hidden_layers=hidden_layers)
        options = {"activation": activation, "kappa": kappa, "centred": centred, "layer_rates": rates, "rtol": rtol}
        run = gradient_flow(params, X, y, loss_ratio=LOSS_RATIO, **options)
        if run.status == Ending.TARGET:
            found["drift"][s, k] = run.drift.max() / np.sqrt(m)
            found["metric"][s, k] = np.linalg.norm(run.layer_drift / scales, axis=1).max() / np.sqrt(m)
    return found


def decay_times(kernel: np.ndarray) -> np.ndarray:
    """24 times from the first moves to a loss of e^{−20}, on a logarithmic scale, for the tangent kernel at θ_0."""
    values, n = np.linalg.eigvalsh(kernel), len(kernel)
    return np.geomspace(0.1 * n / values[-1], 10 * n / values[0], 24)


def slowest_rate(start: float, losses: np.ndarray, times: np.ndarray) -> float:
    """min_t ln(R(θ_0)/R(θ_t))/t while the loss is above `LEAST_LOSS` R(θ_0); below, rounding would make the minimum."""
    seen = losses > LEAST_LOSS * start
    return float((np.log(start / losses[seen]) / times[seen]).min())


def decays(
    *, data: dict, activation: str, hidden_layers: int, pairs: list, first_seed: int, seeds: int
) -> dict[str, np.ndarray]:
    """What the bounds under λ_min(G_t) ≥ (κ²/m)λ/2 speak of, for every seed and pair (m, κ), (seeds, pairs).

    Over `decay_times`: ``rate`` the `slowest_rate`; ``drift`` a bound on sup_t ‖θ_t − θ_0‖ that holds between them;
    ``least`` min_t λ_min(G_t), ``least_0`` that at t = 0; ``largest`` max_k |a_k|; ``rate error``, ``drift error`` and
    ``least error`` the relative changes when the tolerance is cut by ten.
    """
    X, y = samples(data)
    keys = ("rate", "drift", "least", "least_0", "largest", "rate error", "drift error", "least error")
    found = {key: np.full((seeds, len(pairs)), np.nan) for key in keys}
    for s, k in np.ndindex(seeds, len(pairs)):
        m, kappa = pairs[k]
        params = init_parameters(first_seed + s, X.shape[1], m, hidden_layers=hidden_layers)
        options = {"activation": activation, "kappa": kappa}
        G = layer_grams(params, X, **options).sum(axis=0)
        options |= {"times": decay_times(G), "kernels": True, "centred": True}
        coarse, fine = (gradient_flow(params, X, y, **options, rtol=rtol) for rtol in DECAY_RTOLS[activation in KINKED])
        if len(coarse.times) == len(fine.times) == len(options["times"]):
            loss = 0.5 * (y @ y) / len(y)
            rates = [slowest_rate(loss, r.losses, r.times) for r in (coarse, fine)]
            found["rate"][s, k], found["drift"][s, k] = rates[1], fine.drift_bound
            found["rate error"][s, k] = abs(rates[0] / rates[1] - 1)
            found["drift error"][s, k] = abs(coarse.drift.max() / fine.drift.max() - 1)
            leasts = [np.linalg.eigvalsh(r.kernels)[:, 0].min() for r in (coarse, fine)]
            found["least"][s, k], found["least error"][s, k] = leasts[1], abs(leasts[0] / leasts[1] - 1)
            found["least_0"][s, k] = np.linalg.eigvalsh(G)[0]
            found["largest"][s, k] = np.abs(params.output).max()
    return found


def start(seed: int, input_dim: int, m: int, hidden_layers: int, paired: bool) -> Parameters:
    """Initial weights; ``paired``, for one hidden layer: m/2 neurons (w, a) and as many (w, −a), so that f_0 = 0."""
    if not paired:
        return init_parameters(seed, input_dim, m, hidden_layers=hidden_layers)
    half = init_parameters(seed, input_dim, m // 2, hidden_layers=1)
    return Parameters((np.vstack([half.weights[0]] * 2),), np.concatenate([half.output, -half.output]))


def deviations(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    first_seed: int,
    seeds: int,
    paired: bool = False,
) -> dict[str, np.ndarray]:
    """How far the network leaves its linearisation, for every seed and pair (m, κ), (seeds, pairs); suprema over `decay_times`.

    ``kernel`` sup_t ‖G_t − G_0‖/‖G_0‖, ``outputs`` sup_t max_i |f_t − f_t^lin|, and what the bounds need: ``scaled``
    sup_t (m/κ²)‖G_t − G_0‖, ``drift`` D, ``least`` min_t (m/κ²)λ_min(G_t), ``jacobian`` (√m/κ)‖J_0‖, ``largest`` max_k |a_k|.
    For smooth σ the tolerance is tightened until it is `SHARE` of the distance found; with kinks the distance is known to a
    few per cent.
    """
    X, y = samples(data)
    keys = ("kernel", "outputs", "scaled", "drift", "least", "jacobian", "largest")
    found = {key: np.full((seeds, len(pairs)), np.nan) for key in keys}
    for s, k in np.ndindex(seeds, len(pairs)):
        m, kappa = pairs[k]
        params = start(first_seed + s, X.shape[1], m, hidden_layers, paired)
        model = {"activation": activation, "kappa": kappa}
        G = layer_grams(params, X, **model).sum(axis=0)
        times, rtol = decay_times(G), KINKED_DEVIATION_RTOL if activation in KINKED else SMOOTH_RTOL
        linear = linearized_flow(G, y, times).outputs
        while True:
            run = gradient_flow(params, X, y, times=times, rtol=rtol, centred=True, kernels=True, **model)
            if len(run.times) < len(times):
                break
            distance = float(np.abs(run.outputs - linear).max())
            needed = max(SHARE * distance / np.linalg.norm(y), LEAST_RTOL)
            if activation in KINKED or rtol <= needed:
                change = np.linalg.norm(run.kernels - G, ord=2, axis=(1, 2)).max()
                scale, norm = m / kappa**2, np.linalg.norm(G, 2)
                drift, largest = run.drift.max() / np.sqrt(m), np.abs(params.output).max()
                least = scale * np.linalg.eigvalsh([G, *run.kernels])[:, 0].min()
                values = (change / norm, distance, scale * change, drift, least, np.sqrt(scale * norm), largest)
                for key, value in zip(keys, values, strict=True):
                    found[key][s, k] = value
                break
            rtol = min(needed, rtol / 10)
    return found


def title(design: dict) -> str:
    """Depth, activation, data and widths of a design."""
    widths = sorted({m for m, _ in design["pairs"]})
    span = f"m = {widths[0]}" + (f"..{widths[-1]}" if len(widths) > 1 else "")
    return f"L = {design['hidden_layers']} · {design['activation']} · {design['data']['kind']} · {span}"
