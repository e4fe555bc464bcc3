"""Training runs inside the lazy regime and outside of it: drift, decay, and distance to the linearised network.

Each cell trains networks for many draws of the weights and pairs (m, κ), centred unless said, on data and targets that its
draws share. A run that does not get where it should is NaN, for the judges to report.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from checks.measurements.data import DATA, data_name, samples
from checks.measurements.streams import data_seed, draw_seeds
from kernels import Parameters, Trajectory, forward, gradient_flow, init_parameters, layer_grams
from kernels.activations import KINKED
from kernels.gram import propagate
from kernels.integrators import Ending
from theory import limit_grams, linearized_flow
from theory.lazy_bounds import condition_threshold, feature_constant, uncentred_drift_square
from theory.parametrization import layer_rates

Arrays = dict[str, np.ndarray]

# hidden layers, activation, data
NETWORKS = {
    "quick": ((1, "tanh", "digits"), (1, "relu", "random"), (2, "tanh", "random")),
    "standard": (*itertools.product((1,), ("tanh", "relu"), DATA), (2, "tanh", "random"), (2, "relu", "random")),
    "full": tuple(itertools.product((1, 2), ("tanh", "relu", "erf", "softplus"), DATA)),
}
LOSS_RATIO = 1e-8  # what is then left to move is below 10⁻³ of the drift
LATE_RATIO, LATE_FROM, LATE_EXCESS = 1e-16, 1e-12, 0.005  # at 1e-8 faster modes still count
LATE_SHARE = 0.01  # of ‖y‖² in the slowest mode, which a network turns by m^{−1/2}
LEAST_LOSS = 1e-16
# finer than the default of the flow: a few hundred evaluations where κ is large
KINKED_RTOL, KINKED_DEVIATION_RTOL = 1e-2, 3e-2
SMOOTH_RTOL = 1e-3
# smooth σ or kinks: cut by ten, D and late rates change by .2 % at most, min_t λ_min(G_t) by 1 %, all less for smooth σ
ROUGH_RTOLS = {False: 1e-2, True: 1e-1}
DECAY_RTOLS = {False: (1e-3, 1e-4), True: (1e-1, 1e-2)}  # what is judged then changes by 0.1 %, with kinks by up to 3 %
EVALUATIONS = {"max_evaluations": 100_000}  # more than the default: tight tolerances, paths that slide for a while
# of the distance to the linearised network that the tolerance may reach, and its error then: ten times it changes it by less
SHARE, DISTANCE_ERROR, LEAST_RTOL = 0.1, 0.01, 1e-12
AT_KINK, SLIDING = 1e-6, 0.01
LARGEST_WEIGHT = 6.0  # N(0, 1) exceeds it once in 10⁹ draws
SIGNS = 64


def network(L: int, activation: str, data: str | dict, pairs: list, **options: object) -> dict:
    """Configuration of a cell: a network of L hidden layers on this data set, by name or described, for all pairs (m, κ)."""
    data = DATA[data] if isinstance(data, str) else data
    return {"data": data, "activation": activation, "hidden_layers": L, "pairs": pairs, **options}


def title(config: dict) -> str:
    """Depth, activation, data and widths of a configuration."""
    widths = sorted({m for m, _ in config["pairs"]})
    span = f"m = {widths[0]}" + (f"..{widths[-1]}" if len(widths) > 1 else "")
    return f"L = {config['hidden_layers']} · {config['activation']} · {data_name(config['data'])} · {span}"


def along(widths: Iterable[int], gamma: float, k_0: float) -> list[list[float]]:
    """Pairs (m, κ) with κ = k_0 m^γ."""
    return [[m, k_0 * m**gamma] for m in widths]


def tolerance(activation: str) -> float:
    """Tolerance of the flow where κ is large, finer than its default for smooth σ."""
    return KINKED_RTOL if activation in KINKED else SMOOTH_RTOL


def rough_tolerance(activation: str) -> float:
    """That of `ROUGH_RTOLS`, which says what is known well enough at it."""
    return ROUGH_RTOLS[activation in KINKED]


def limits(case: dict, seed: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Limits K^l (L+1, n, n) of the layers' kernels, and y (n,), of a configuration with its stream, or other data."""
    X, y = samples(case["data"], data_seed(case["stream"]) if seed is None else seed)
    return limit_grams(X, hidden_layers=case.get("hidden_layers", 1), activation=case["activation"]).layers, y


def constants(case: dict, seed: int | None = None) -> tuple[int, float, float]:
    """n, λ = λ_min(K) and R(θ_0) of `limits`."""
    layers, y = limits(case, seed)
    return len(y), float(np.linalg.eigvalsh(layers.sum(axis=0))[0]), float(0.5 * (y @ y) / len(y))


def start(seed: int, input_dim: int, m: int, hidden_layers: int, paired: bool = False) -> Parameters:
    """Initial weights; ``paired``, for one hidden layer: m/2 neurons (w, a) and as many (w, −a), so that f_0 = 0."""
    return starts(seed, input_dim, [m], hidden_layers, paired)[m]


def starts(
    seed: int, input_dim: int, widths: Iterable[int], hidden_layers: int, paired: bool = False
) -> dict[int, Parameters]:
    """`start` at every width, from one draw: the weights of a narrow network are those of the wider one of the same seed."""
    widths, found = set(widths), {}
    whole = init_parameters(seed, input_dim, max(widths) // (1 + paired), hidden_layers=hidden_layers)
    for m in widths:
        own = m // (1 + paired)
        hidden = [np.ascontiguousarray(W[:own, :own]) for W in whole.weights[1:]]
        W, a = [whole.weights[0][:own], *hidden], whole.output[:own]
        found[m] = Parameters.unchecked((np.vstack([W[0]] * 2), np.concatenate([a, -a])) if paired else (*W, a))
    return found


def drawn_networks(
    d: int, hidden_layers: int, pairs: list, stream: Sequence[int], first: int, draws: int, paired: bool = False
) -> Iterator[tuple[tuple[int, int], Parameters, int, float]]:
    """(draw, pair), initial weights, m and κ of every network."""
    for s, seed in enumerate(draw_seeds(stream, first, draws)):
        own = starts(seed, d, [m for m, _ in pairs], hidden_layers, paired)
        for k, (m, kappa) in enumerate(pairs):
            yield (s, k), own[m], m, kappa


def _empty(keys: Iterable[str], draws: int, pairs: list) -> Arrays:
    return {key: np.full((draws, len(pairs)), np.nan) for key in keys}


def drifts(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    stream: Sequence[int],
    first: int,
    draws: int,
    centred: bool = True,
    rates: list | None = None,
    rtol: float | None = None,
) -> Arrays:
    """D = sup_t ‖θ_t − θ_0‖/√m of gradient flow to `LOSS_RATIO` for every draw and pair (m, κ), (draws, pairs).

    ``drift`` is the largest over the steps; ``metric`` the same in the metric of the ``rates``, √(Σ_l ‖ΔW^l‖²/(r_l m));
    ``plateau`` is 1 where the flow stopped at a loss that no weight can lower, or was cut where it `slides`, 0 elsewhere;
    ``relative`` sup_t ‖W^l_t − W^l_0‖/‖W^l_0‖ of every layer, (draws, pairs, L+1).
    """
    X, y = samples(data, data_seed(stream))
    found = _empty(("drift", "metric", "plateau"), draws, pairs)
    found["relative"] = np.full((draws, len(pairs), hidden_layers + 1), np.nan)
    scales = np.ones(hidden_layers + 1) if rates is None else np.sqrt(rates)
    options = {"activation": activation, "centred": centred, "layer_rates": rates, "rtol": rtol}
    for at, params, m, kappa in drawn_networks(X.shape[1], hidden_layers, pairs, stream, first, draws):
        run = gradient_flow(params, X, y, loss_ratio=LOSS_RATIO, kappa=kappa, **options)
        found["plateau"][at] = run.status == Ending.PLATEAU or slides(run, X, activation)
        if run.status == Ending.TARGET:
            found["drift"][at] = run.drift.max() / np.sqrt(m)
            found["metric"][at] = np.linalg.norm(run.layer_drift / scales, axis=1).max() / np.sqrt(m)
            found["relative"][at] = run.layer_drift.max(axis=0) / [np.linalg.norm(W) for W in params.arrays]
    return found


def slides(run: Trajectory, X: np.ndarray, activation: str) -> bool:
    """Whether a flow of one hidden layer was cut while it slid along kinks: for some input a share `SLIDING` of the neurons,
    counted by |a_k|‖w_k‖, is within `AT_KINK` of its own.

    Steps are then as short as neighbouring paths are apart, and the loss falls too slowly to be followed.
    """
    if run.status != Ending.CAP or activation not in KINKED or len(run.params.weights) > 1:
        return False
    (W,), a = run.params.weights, run.params.output
    norms = np.linalg.norm(W, axis=1)
    sizes = norms * np.abs(a)
    return bool((sizes @ (np.abs(W @ X.T) <= AT_KINK * norms[:, None]) > SLIDING * sizes.sum()).any())


def mean_drifts(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    repeats: list[int],
    stream: Sequence[int],
    first: int,
    draws: int,
    rtol: float | None = None,
) -> Arrays:
    """``drift`` of `drifts` as the mean over ``repeats`` networks at every pair, (draws, pairs); no two draws share any."""
    case = {"data": data, "activation": activation, "hidden_layers": hidden_layers, "stream": stream, "rtol": rtol}
    sums = np.zeros((draws, len(pairs)))
    for s, k in itertools.product(range(draws), range(max(repeats))):
        own = [j for j, count in enumerate(repeats) if count > k]
        options = {"pairs": [pairs[j] for j in own], "first": (first + s) * max(repeats) + k, "draws": 1}
        sums[s, own] += drifts(**case, **options)["drift"][0]
    return {"drift": sums / repeats}


def linear_drifts(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    stream: Sequence[int],
    first: int,
    draws: int,
    centred: bool = True,
) -> Arrays:
    """``linear`` √((y − f_0)ᵀG_0^{−1}(y − f_0)/m), the drift of the network linearised at θ_0, in centred training without f_0.

    (draws, pairs); nothing is trained.
    """
    X, y = samples(data, data_seed(stream))
    found = _empty(("linear",), draws, pairs)
    for at, params, m, kappa in drawn_networks(X.shape[1], hidden_layers, pairs, stream, first, draws):
        model = {"activation": activation, "kappa": kappa}
        e = y if centred else y - forward(params, X, **model)
        G = layer_grams(params, X, **model).sum(axis=0)
        found["linear"][at] = np.sqrt(e @ np.linalg.solve(G, e) / m)
    return found


def both_drifts(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    stream: Sequence[int],
    first: int,
    draws: int,
    centred: bool = True,
    rtol: float | None = None,
) -> Arrays:
    """`drifts` and `linear_drifts` of the same networks."""
    case = {"data": data, "activation": activation, "hidden_layers": hidden_layers, "pairs": pairs, "stream": stream}
    case |= {"first": first, "draws": draws, "centred": centred}
    return drifts(**case, rtol=rtol) | linear_drifts(**case)


def split_drifts(
    *,
    betas: list,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    stream: Sequence[int],
    first: int,
    draws: int,
) -> Arrays:
    """`drifts` at large κ with the rates of every split of β, (draws, splits, pairs), all from the same weights."""
    case = {"data": data, "activation": activation, "hidden_layers": hidden_layers, "pairs": pairs, "stream": stream}
    case |= {"first": first, "draws": draws, "rtol": tolerance(activation)}
    found = [drifts(**case, rates=layer_rates(own).tolist()) for own in betas]
    return {key: np.stack([own[key] for own in found], axis=1) for key in found[0]}


def balanced_scale(case: dict) -> float:
    """κ at which both terms of E D² = yᵀK^{−1}y/κ² + tr(K^{−1}Σ^L)/m are equal, for networks of ``width`` m."""
    layers, y = limits(case)
    both, second = (uncentred_drift_square(layers, scale * y, 1.0, 1) for scale in (1.0, 0.0))
    return float(np.sqrt(case["width"] * (both - second) / second))


def balanced_squares(
    *, data: dict, activation: str, hidden_layers: int, width: int, stream: Sequence[int], first: int, draws: int
) -> Arrays:
    """``square`` (y − f_0)ᵀG_0^{−1}(y − f_0)/m at `balanced_scale`, mean over `SIGNS` draws of the signs of a, (draws,).

    G_0 depends on a through a_k² alone for one hidden layer, f_0 is odd in a: each draw of the signs is one of the network.
    """
    X, y = samples(data, data_seed(stream))
    case = {"data": data, "activation": activation, "hidden_layers": hidden_layers, "stream": stream, "width": width}
    pairs, found, seeds = [[width, balanced_scale(case)]], np.empty(draws), draw_seeds(stream, first, draws)
    for (s, _), params, m, kappa in drawn_networks(X.shape[1], hidden_layers, pairs, stream, first, draws):
        model = {"activation": activation, "kappa": kappa}
        signs = np.random.default_rng([seeds[s], 1]).choice([-1.0, 1.0], size=(SIGNS, m))
        e = y - signed_outputs(params, X, signs, **model)
        found[s] = np.mean(e.T * np.linalg.solve(layer_grams(params, X, **model).sum(axis=0), e.T)) * len(y) / m
    return {"square": found}


def signed_outputs(
    params: Parameters, X: np.ndarray, signs: np.ndarray, *, activation: str, kappa: float
) -> np.ndarray:
    """f_0 (S, n) with the output weights times each row of ``signs`` (S, m)."""
    features = propagate(params, X.T, activation, kappa).values[-1]
    return kappa / params.width * (signs * params.output) @ features


def decay_times(kernel: np.ndarray) -> np.ndarray:
    """24 times from the first moves to a loss of e^{−20}, on a logarithmic scale, for the tangent kernel at θ_0."""
    values, n = np.linalg.eigvalsh(kernel), len(kernel)
    return np.geomspace(0.1 * n / values[-1], 10 * n / values[0], 24)


def slowest_rates(start: float, losses: np.ndarray, times: np.ndarray) -> list[float]:
    """min_t ln(R(θ_0)/R(θ_t))/t of every run, ``losses`` (runs, times), while all losses are above `LEAST_LOSS` R(θ_0).

    Below, rounding would make the minimum.
    """
    seen = (losses > LEAST_LOSS * start).all(axis=0)
    return (np.log(start / losses[:, seen]) / times[seen]).min(axis=1).tolist()


def decays(
    *, data: dict, activation: str, hidden_layers: int, pairs: list, stream: Sequence[int], first: int, draws: int
) -> Arrays:
    """What the bounds under λ_min(G_t) ≥ (κ²/m)λ/2 speak of, for every draw and pair (m, κ), (draws, pairs).

    Over `decay_times`: ``rate`` that of `slowest_rates`; ``drift`` a bound on sup_t ‖θ_t − θ_0‖ that holds between them;
    ``least`` min_t λ_min(G_t), ``least_0`` that at t = 0; ``largest`` max_k |a_k|; ``rate error``, ``drift error`` and
    ``least error`` their changes when the tolerance is cut by ten.
    """
    X, y = samples(data, data_seed(stream))
    loss = 0.5 * (y @ y) / len(y)
    keys = ("rate", "drift", "least", "least_0", "largest", "rate error", "drift error", "least error")
    found = _empty(keys, draws, pairs)
    for at, params, _, kappa in drawn_networks(X.shape[1], hidden_layers, pairs, stream, first, draws):
        options = {"activation": activation, "kappa": kappa}
        G = layer_grams(params, X, **options).sum(axis=0)
        options |= {"times": decay_times(G), "kernels": True, "centred": True}
        runs = [gradient_flow(params, X, y, **options, rtol=rtol) for rtol in DECAY_RTOLS[activation in KINKED]]
        found["least_0"][at], found["largest"][at] = np.linalg.eigvalsh(G)[0], np.abs(params.output).max()
        if any(len(run.times) < len(options["times"]) for run in runs):
            continue
        values = {
            "rate": slowest_rates(loss, np.array([run.losses for run in runs]), runs[0].times),
            "drift": [run.drift.max() for run in runs],
            "least": [np.linalg.eigvalsh(run.kernels)[:, 0].min() for run in runs],
        }
        for key, (coarse, fine) in values.items():
            found[key][at], found[f"{key} error"][at] = fine, abs(coarse - fine)
        found["drift"][at] = runs[1].drift_bound
    return found


def agreed_rates(found: Arrays, bound: np.ndarray | list[float]) -> np.ndarray:
    """The slower ``rate`` of the two tolerances of `decays` where neither is below its ``bound``, the faster where both are.

    NaN where they do not agree.
    """
    error = found.get("rate error", 0.0)
    slower, faster = found["rate"] - error, found["rate"] + error
    return np.where(slower >= bound, slower, np.where(faster < bound, faster, np.nan))


def threshold_scale(case: dict) -> float:
    """``share``, or all, of the κ from which on the condition holds, for output weights up to `LARGEST_WEIGHT`."""
    c_sigma = feature_constant(case["activation"], np.array([LARGEST_WEIGHT]))
    X = samples(case["data"], data_seed(case["stream"]))[0]
    top = min(float(np.linalg.norm(X, 2) ** 2) * (1 + 1e-12), len(X))
    return case.get("share", 1.0) * condition_threshold(*constants(case), c_sigma, largest=top)


def threshold_decays(
    *, data: dict, activation: str, width: int, stream: Sequence[int], first: int, draws: int, share: float = 1.0
) -> Arrays:
    """`decays` of networks with one hidden layer at `threshold_scale`."""
    case = {"data": data, "activation": activation, "hidden_layers": 1, "stream": stream}
    return decays(**case, pairs=[[width, threshold_scale({**case, "share": share})]], first=first, draws=draws)


def least_shares(
    *, data: dict, activation: str, hidden_layers: int, pairs: list, stream: Sequence[int], first: int, draws: int
) -> Arrays:
    """``least`` min_t (m/κ²)λ_min(G_t)/λ over the flow to `LOSS_RATIO`, for every draw and pair (m, κ), (draws, pairs)."""
    X, y = samples(data, data_seed(stream))
    case = {"data": data, "activation": activation, "hidden_layers": hidden_layers, "stream": stream}
    found, lam = _empty(("least",), draws, pairs), constants(case)[1]
    for at, params, m, kappa in drawn_networks(X.shape[1], hidden_layers, pairs, stream, first, draws):
        options = {"activation": activation, "kappa": kappa, "centred": True, "kernels": True}
        options["rtol"] = rough_tolerance(activation)
        run = gradient_flow(params, X, y, loss_ratio=LOSS_RATIO, **options)
        if run.status == Ending.TARGET:
            found["least"][at] = np.linalg.eigvalsh(run.kernels)[:, 0].min() * m / kappa**2 / lam
    return found


def isolated_seed(case: dict) -> int:
    """The first seed, from that of the stream on, of data whose slowest mode rules the window of `late_rates`.

    K is the kernel with the rates of the first pair, where the case has ``rates``. With K = Σ λ_i v_iv_iᵀ and c_i =
    (v_i·y)²/‖y‖² the loss of kernel regression is Σ c_i e^{−2λ_it/n}; c of the slowest is at least `LATE_SHARE`, so that it is
    not lost to a network of finite width, and where its term alone is `LATE_FROM` the other ones change the rate by less than
    `LATE_EXCESS`. Nearly equal eigenvalues would need a loss below rounding.
    """
    for seed in itertools.count(data_seed(case["stream"])):
        layers, y = limits(case, seed)
        values, vectors = np.linalg.eigh(np.tensordot(case.get("rates", [[1.0] * len(layers)])[0], layers, axes=1))
        shares, above = (vectors.T @ y) ** 2 / (y @ y), values / values[0] - 1
        others = shares[1:] * (LATE_FROM / shares[0]) ** above[1:]
        if shares[0] >= LATE_SHARE and above[1:] @ others < LATE_EXCESS * shares[0]:
            return seed


def late_rate(run: Trajectory) -> float:
    """−d log R/dt of a run from `LATE_FROM` to its end."""
    late = np.flatnonzero(run.losses <= LATE_FROM * run.losses[0])[[0, -1]]
    (t, s), (R, Q) = run.times[late], run.losses[late]
    return np.log(R / Q) / (s - t)


def late_rates(
    *, data: dict, activation: str, hidden_layers: int, pairs: list, stream: Sequence[int], first: int, draws: int
) -> Arrays:
    """−d log R/dt from `LATE_FROM` to `LATE_RATIO`, and (2/n)λ_min(G) of the last state, (draws, pairs), on `isolated_seed`."""
    case = {"data": data, "activation": activation, "hidden_layers": hidden_layers, "stream": stream}
    X, y = samples(data, isolated_seed(case))
    found = _empty(("rate", "own"), draws, pairs)
    for at, params, _, kappa in drawn_networks(X.shape[1], hidden_layers, pairs, stream, first, draws):
        options, rtol = {"activation": activation, "kappa": kappa}, rough_tolerance(activation)
        run = gradient_flow(params, X, y, **options, centred=True, loss_ratio=LATE_RATIO, rtol=rtol)
        if run.status == Ending.TARGET:
            found["rate"][at] = late_rate(run)
            found["own"][at] = 2 / len(X) * np.linalg.eigvalsh(layer_grams(run.params, X, **options).sum(axis=0))[0]
    return found


def repeated_input(
    *, data: dict, activation: str, pairs: list, stream: Sequence[int], first: int, draws: int
) -> Arrays:
    """``rate`` ln(R(θ_0)/R(θ_t))/t at the end t of 40 decay times of the distinct inputs, when input 2 repeats input 1 but not
    its label; one hidden layer. NaN where the kernel of the distinct inputs is singular.
    """
    X, y = samples(data, data_seed(stream))
    repeated = np.vstack([X[:1], X[:1], X[2:]])
    found = _empty(("rate",), draws, pairs)
    for at, params, _, kappa in drawn_networks(X.shape[1], 1, pairs, stream, first, draws):
        options = {"activation": activation, "kappa": kappa}
        spectrum = np.linalg.eigvalsh(layer_grams(params, X, **options).sum(axis=0))
        if spectrum[0] < 1e-12 * spectrum[-1]:  # no time is long
            continue
        t = 40 * len(X) / spectrum[0]
        options |= {"centred": True, "times": [t], "rtol": tolerance(activation)}
        run = gradient_flow(params, repeated, y, **options)
        if len(run.times):
            found["rate"][at] = np.log(0.5 * (y @ y) / len(y) / run.losses[-1]) / t
    return found


def losses(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    scaled_times: list,
    stream: Sequence[int],
    first: int,
    draws: int,
) -> Arrays:
    """R(θ_t)/R(θ_0) at the times t mn/(κ²λ), (draws, pairs, times); what a run does not reach is NaN."""
    X, y = samples(data, data_seed(stream))
    n, lam, loss = constants({"data": data, "activation": activation, "hidden_layers": hidden_layers, "stream": stream})
    found = np.full((draws, len(pairs), len(scaled_times)), np.nan)
    for at, params, m, kappa in drawn_networks(X.shape[1], hidden_layers, pairs, stream, first, draws):
        times = np.array(scaled_times) * m * n / (kappa**2 * lam)
        run = gradient_flow(params, X, y, activation=activation, kappa=kappa, centred=True, times=times)
        found[at][: len(run.losses)] = run.losses / loss
    return {"loss": found}


def deviations(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    stream: Sequence[int],
    first: int,
    draws: int,
    paired: bool = False,
    centred: bool = True,
    kernels: bool = True,
) -> Arrays:
    """How far the network leaves its linearisation, for every draw and pair (m, κ), (draws, pairs); suprema over `decay_times`.

    ``outputs`` sup_t max_i |f_t − f_t^lin|, ``drift`` D, ``jacobian`` (√m/κ)‖J_0‖, ``largest`` max_k |a_k|, and with
    ``kernels`` ``kernel`` sup_t ‖G_t − G_0‖/‖G_0‖, ``scaled`` sup_t (m/κ²)‖G_t − G_0‖ and ``least`` min_t (m/κ²)λ_min(G_t).
    For smooth σ the tolerance is tightened until it is `SHARE` of the distance found, from what the draw before needed; with
    kinks the distance is known to a few per cent.
    """
    X, y = samples(data, data_seed(stream))
    keys = ("outputs", "drift", "jacobian", "largest")
    found = _empty((*keys, "kernel", "scaled", "least") if kernels else keys, draws, pairs)
    rtols = [KINKED_DEVIATION_RTOL if activation in KINKED else SMOOTH_RTOL] * len(pairs)
    for at, params, m, kappa in drawn_networks(X.shape[1], hidden_layers, pairs, stream, first, draws, paired):
        model = {"activation": activation, "kappa": kappa}
        G = layer_grams(params, X, **model).sum(axis=0)
        times, rtol = decay_times(G), rtols[at[1]]
        # training that is not centred is centred training towards y − f_0
        targets = y if centred else y - forward(params, X, **model)
        linear = linearized_flow(G, targets, times).outputs
        while True:
            options = {"times": times, "rtol": rtol, "centred": True, "kernels": kernels, **EVALUATIONS, **model}
            run = gradient_flow(params, X, targets, **options)
            if len(run.times) < len(times):
                break
            distance = float(np.abs(run.outputs - linear).max())
            needed = max(SHARE * distance / np.linalg.norm(targets), LEAST_RTOL)
            if activation in KINKED or rtol <= needed:
                scale, norm = m / kappa**2, np.linalg.norm(G, 2)
                found["outputs"][at], found["drift"][at] = distance, run.drift.max() / np.sqrt(m)
                found["jacobian"][at], found["largest"][at] = np.sqrt(scale * norm), np.abs(params.output).max()
                if kernels:
                    change = np.linalg.norm(run.kernels - G, ord=2, axis=(1, 2)).max()
                    found["kernel"][at], found["scaled"][at] = change / norm, scale * change
                    found["least"][at] = scale * np.linalg.eigvalsh([G, *run.kernels])[:, 0].min()
                if activation not in KINKED:
                    rtols[at[1]] = min(needed / 2, SMOOTH_RTOL)
                break
            rtol = min(needed, rtol / 10)
    return found
