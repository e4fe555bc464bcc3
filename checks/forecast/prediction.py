"""Is this network lazy on these data? What gradient flow will do to it, up to a named loss, told before it is trained.

The tangent kernel of the network itself, at its own weights, gives the linearised path. The weights are moved along it, the
Gram matrices met there drive the residual once more, and the weights follow that: one Picard correction. Where it changes
little, the forecast holds; what "little" means was declared first and is scored on fresh draws by numerics/forecast.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from argument_validation import (
    validate_array,
    validate_count,
    validate_depth,
    validate_flag,
    validate_fraction,
    validate_inputs,
    validate_name,
    validate_positive,
    validate_size,
)
from kernels import Parameters, init_parameters
from kernels.activations import ACTIVATIONS
from kernels.exponential_scheme import Point, Problem, State
from kernels.losses import SquareLoss
from kernels.network_problem import NetworkProblem, layer_distances
from theory.parametrization import standard_betas
from theory.validation import spectrum

SCHEMES = ("ntk", "mean-field", "he", "lecun", "xavier", "torch")
LAZY, CRITICAL = 0.1, 1.0  # relative changes: below the first lazy, beyond the second not
# largest kernel change, and factor between the losses of the two paths, of a forecast that calls itself valid
VALID_KERNEL, VALID_LOSS = 0.2, 1.5
STILL = 1e-12  # a kernel change that is rounding: the network is linear in its weights
STUCK = 0.99  # of the loss where nothing moves: there is nothing to foretell
LARGEST = 1e100  # trace of a kernel whose squares are numbers
HIDDEN = 0.9  # of the loss asked for may be where nothing moves
STEP = 0.95  # of the largest step at which descent of the linearised network converges
NODES = {600: 12, 1_200: 6}  # points of the path, by samples; 4 for more
HELD = 0.9  # of the least eigenvector: the rows that make the least eigenvalue what it is
MODES = (1, 5, 20)


@dataclass(frozen=True)
class Network:
    """f(x) = (κ/m) a·σ(W^L ⋯ σ(W^1x)/√m), its weights, learning rates r (L+1,), and the deviations β (L+1,) of the weights."""

    params: Parameters
    scheme: str | Sequence[float | str]
    activation: str
    kappa: float
    rates: np.ndarray
    betas: np.ndarray

    def drift(self, moved: np.ndarray) -> float:
        """D = (Σ_l ‖ΔW^l‖²/(β_l²m))^½, per neuron in units of its own weights, for ``moved`` ‖ΔW^l‖ (L+1,)."""
        return float(np.sqrt(((moved / self.betas) ** 2).sum() / self.params.width))


@dataclass(frozen=True)
class Forecast:
    """What gradient flow of R = (1/2n)‖f − y‖² will do up to R ≤ ``loss_ratio`` R_0, R_0 the loss at the start.

    Attributes
    ----------
    eigenvalues : (n,) of the tangent kernel G_0 = J_0SJ_0ᵀ, increasing. loss_shares : (n,) of R_0 in its modes.
    hidden : share of R_0 in modes that rounding cannot tell from 0, where nothing moves.
    start, residual : rms of f_0, and of f_0 − y, over that of y.
    loss_ratio : as asked, or what can be reached: `reached` says which. time : t* at which the linearised network is there.
    largest_step : 2n/λ_max(G_0), beyond which descent of the linearised network diverges. steps : of 0.95 of it to t*'s loss;
    `steps_of` gives those of another step.
    drift : D of `Network.drift` at t*, by the linearised path.
    layer_changes : (L+1,) ‖ΔW^l‖/‖W^l_0‖. kernel_change : ‖G − G_0‖/‖G_0‖ at the end of the corrected path.
    distance : ‖f − f_lin‖/‖e_0‖ there. corrected_ratio : loss ratio there, where the linearised path has ``loss_ratio``.
    least_rows : the rows that hold 90 % of the least eigenvector.
    path_times, path_losses : (k,) of the corrected path, losses as a share of R_0.
    """

    eigenvalues: np.ndarray
    loss_shares: np.ndarray
    hidden: float
    start: float
    residual: float
    loss_ratio: float
    reached: bool
    time: float
    largest_step: float
    steps: int
    drift: float
    layer_changes: np.ndarray
    kernel_change: float
    distance: float
    corrected_ratio: float
    least_rows: np.ndarray
    path_times: np.ndarray
    path_losses: np.ndarray

    @property
    def valid(self) -> bool:
        """Whether the two paths agree: kernel change below `VALID_KERNEL`, losses at t* within a factor `VALID_LOSS`."""
        factor = self.corrected_ratio / self.loss_ratio
        return self.kernel_change < VALID_KERNEL and 1 / VALID_LOSS < factor < VALID_LOSS

    @property
    def null_modes(self) -> int:
        """Eigenvalues that rounding cannot tell from 0."""
        return int((self.eigenvalues == 0).sum())

    @property
    def safe_step(self) -> float:
        """0.95 of the largest step."""
        return STEP * self.largest_step

    @property
    def decay_rates(self) -> np.ndarray:
        """Eigenvalues over the number of samples (n,), at which the residual decays in the modes."""
        return 2 * self.eigenvalues / (self.eigenvalues[-1] * self.largest_step)

    def linear_loss(self, times: np.ndarray) -> np.ndarray:
        """R/R_0 of the linearised path at ``times`` (k,)."""
        return np.exp(-2 * np.multiply.outer(times, self.decay_rates)) @ self.loss_shares

    def steps_of(self, step: float) -> float:
        """Steps of descent of the linearised network to ``loss_ratio``; inf for ``step`` ≥ `largest_step`."""
        if step >= self.largest_step:
            return np.inf
        return steps_to(self.decay_rates, self.loss_shares, self.loss_ratio, step)

    @property
    def linear(self) -> bool:
        """Whether the tangent kernel stays as it is, to rounding: the network is its own linearisation."""
        return self.kernel_change <= STILL

    @property
    def regime(self) -> str:
        """lazy where the kernel stands still, else as `per_layer`; see also `per_neuron`."""
        return "lazy" if self.linear else self.per_layer

    @property
    def per_layer(self) -> str:
        """lazy, critical or not lazy, by the largest of the relative changes of a layer."""
        return _regime(float(self.layer_changes.max()))

    @property
    def per_neuron(self) -> str:
        """The same by the drift per neuron."""
        return _regime(self.drift)


def _regime(change: float) -> str:
    return "lazy" if change < LAZY else "critical" if change < CRITICAL else "not lazy"


def make_network(
    d: int,
    width: int,
    *,
    hidden_layers: int,
    activation: str,
    scheme: str | Sequence[float | str] = "ntk",
    kappa: float | None = None,
    seed: int = 0,
) -> Network:
    """A network without biases as it is drawn by a scheme, in the form that the kernels take.

    ``ntk`` N(0, 1) weights and κ = √m, ``mean-field`` κ = 1, or a ``kappa`` of your own, a scheme that is called kappa; ``he``,
    ``lecun``, ``xavier``, ``torch`` (PyTorch's variances 1/(3 fan-in)) or deviations β (L+1,), numbers or powers of m such as
    ``"2*m^-0.5"``: the weights of a·σ(W^L ⋯ σ(W^1x)) itself, all trained at one rate. Raw W^l are W^l/√m here with rate m, for
    2 ≤ l ≤ L, and κ = m: the same network at all times.
    """
    m, L = validate_size(width, "width"), validate_depth(hidden_layers)
    activation = validate_name(activation, ACTIVATIONS, "activation")
    params = init_parameters(validate_count(seed, "seed", least=0), validate_size(d, "d"), m, hidden_layers=L)
    if isinstance(scheme, str) and validate_name(scheme, SCHEMES, "scheme") in SCHEMES[:2]:
        if kappa is None:
            kappa = np.sqrt(m) if scheme == "ntk" else 1.0
        else:
            scheme, kappa = "kappa", validate_positive(kappa, "kappa")
        return Network(params, scheme, activation, float(kappa), np.ones(L + 1), np.ones(L + 1))
    if kappa is not None:
        raise ValueError(f"`kappa` is for N(0, 1) weights, schemes ntk and mean-field; {scheme!r} has its own scale")
    betas = raw_betas(scheme, d, m, L)
    rates = np.array([1.0, *[float(m)] * (L - 1), 1.0])
    betas = betas * np.sqrt(rates)
    weights = tuple(beta * W for beta, W in zip(betas, params.weights, strict=False))
    return Network(Parameters(weights, betas[-1] * params.output), scheme, activation, float(m), rates, betas)


def raw_betas(scheme: str | Sequence[float | str], d: int, m: int, hidden_layers: int) -> np.ndarray:
    """Deviations (L+1,) of the weights of a·σ(W^L ⋯ σ(W^1x)) that a scheme draws at width m, or those given."""
    if isinstance(scheme, str):
        name, factor = ("lecun", 1 / np.sqrt(3)) if scheme == "torch" else (scheme, 1.0)
        return factor * standard_betas(name, d, m, hidden_layers)
    if isinstance(scheme, list | tuple):
        scheme = [deviation(beta, m) if isinstance(beta, str) else beta for beta in scheme]
    betas = validate_array(scheme, "scheme", ("L + 1",))
    if len(betas) != hidden_layers + 1 or betas.min() <= 0:
        raise ValueError(f"`scheme` must be {hidden_layers + 1} positive deviations, one a layer, got {betas.tolist()}")
    return betas


def deviation(text: str, m: int) -> float:
    """β at width m from a number, ``m^p`` or ``c*m^p``."""
    power = re.fullmatch(r"(?:([^m^*]+)\*)?m\^([^m^*]+)", text.strip())
    try:
        return float(power[1] or 1) * float(m) ** float(power[2]) if power else float(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"`scheme` must have numbers or powers of the width such as 2*m^-0.5, got {text!r}") from error


@np.errstate(over="ignore", invalid="ignore")  # what overflows is refused below
def forecast(
    X: np.ndarray,
    y: np.ndarray,
    network: Network,
    *,
    loss_ratio: float = 0.01,
    centred: bool = False,
    nodes: int | None = None,
) -> Forecast:
    """Forecast of gradient flow of ``network`` on inputs X (n, d) and targets y (n,); no training, no claim of certainty.

    Parameters
    ----------
    network : of `make_network`. loss_ratio : share of the loss at the start up to which to look, between 0 and 1.
    centred : the network is trained as f − f_0. nodes : points of the path at which the kernel is evaluated.

    Raises
    ------
    ValueError for shapes that do not fit, numbers that are not finite, n = 1, targets that f_0 meets already.
    """
    X = validate_inputs(X, columns=network.params.input_dim)
    y = validate_array(y, "y", (len(X),))
    n, ratio = len(X), validate_fraction(loss_ratio, "loss_ratio")
    if n < 2:
        raise ValueError("`X` must have at least 2 rows, got 1")
    count = next((k for size, k in NODES.items() if n <= size), 4) if nodes is None else validate_count(nodes, "nodes")
    theta = network.params.arrays
    model = {"activation": network.activation, "kappa": network.kappa, "rates": network.rates}
    problem = NetworkProblem(np.ascontiguousarray(X.T), SquareLoss(y, 1 / n), **model)
    first = problem.point(theta)
    e = -y if validate_flag(centred, "centred") else first.outputs - y
    length = layer_distances(theta, None)
    return foretold(
        problem,
        theta,
        first,
        y,
        e,
        samples=n,
        ratio=ratio,
        count=count,
        changes=lambda there: layer_distances(there, theta) / length,
        drift=lambda there: network.drift(layer_distances(there, theta)),
    )


def foretold(
    problem: Problem,
    theta: State,
    first: Point,
    y: np.ndarray,
    e: np.ndarray,
    *,
    samples: int,
    ratio: float,
    count: int,
    changes: Callable[[State], np.ndarray],
    drift: Callable[[State], float],
) -> Forecast:
    """Forecast from θ_0 ``theta``, its point ``first`` and residual ``e`` (N,), loss ‖e‖²/(2·``samples``), ``count`` nodes.

    ``changes`` and ``drift`` of weights: relative change of every layer, and of all.
    """
    G = problem.gram(first, first)
    if not np.isfinite(G).all() or not np.abs(e).max() > 0:
        raise ValueError("`y` must differ from the outputs at the start, and the tangent kernel there must be finite")
    if not 1 / LARGEST < np.trace(G) < LARGEST:
        raise ValueError(
            f"the tangent kernel at the start must have a trace from {1 / LARGEST:g} to {LARGEST:g}, has {np.trace(G):.3g}: "
            "every neuron may be dead, or a scale extreme"
        )
    linear = LinearPath.of(G, e, samples)
    if linear.hidden > STUCK:
        raise ValueError(
            f"{linear.hidden:.4f} of the loss cannot fall: rows that the network cannot tell apart have different targets"
        )
    ratio, reached = linear.reachable(ratio)
    largest = samples * linear.values[-1]
    t_star = linear.time_of(ratio)
    times = linear.nodes(t_star, count)
    there, end, losses, residual = _corrected(problem, theta, first, e, linear, times, samples)
    size = np.linalg.norm(y)
    return Forecast(
        eigenvalues=samples * linear.values,
        loss_shares=linear.shares,
        hidden=linear.hidden,
        start=float(np.linalg.norm(e + y) / size) if size else np.inf,
        residual=float(np.linalg.norm(e) / size) if size else np.inf,
        loss_ratio=ratio,
        reached=reached,
        time=t_star,
        largest_step=2 * samples / largest,
        steps=linear.steps_to(ratio, STEP * 2 * samples / largest),
        drift=drift(there),
        layer_changes=changes(there),
        kernel_change=relative_change(problem.gram(end, end), G),
        distance=float(np.linalg.norm(residual - linear.residual(t_star)) / np.linalg.norm(e)),
        corrected_ratio=float(losses[-1]),
        least_rows=_holding(linear.Q[:, 0]),
        path_times=times,
        path_losses=losses,
    )


class LinearPath:
    """The linearised path e(t) = e^{−tH}e_0, H = G_0/n = Q diag(values) Qᵀ, and ∫e: the weights move by −(1/n)SJᵀ∫e."""

    def __init__(self, values: np.ndarray, Q: np.ndarray, e: np.ndarray, H: np.ndarray) -> None:
        self.values, self.Q, self.H = values, Q, H
        self.start = Q.T @ e
        self.shares = self.start**2 / (e @ e)
        self.hidden = float(self.shares[values == 0].sum())

    @classmethod
    def of(cls, G: np.ndarray, e: np.ndarray, samples: int | None = None) -> "LinearPath":
        """That of the tangent kernel G (N, N) from e (N,), n = N by default; eigenvalues that rounding hides are 0."""
        n = samples or len(e)
        values, Q, tau = spectrum(G, "G")
        return cls(np.where(values > tau, values, 0.0) / n, Q, e, G / n)

    def reachable(self, ratio: float) -> tuple[float, bool]:
        """``ratio``, or, where as much is hidden, that share (at least 0.001) of the rest above it; which it is."""
        if self.hidden < HIDDEN * ratio:
            return ratio, True
        return self.hidden + (1 - self.hidden) * max(ratio, 1e-3), False

    def residual(self, t: float) -> np.ndarray:
        """e(t) (n,)."""
        return self.Q @ (np.exp(-t * self.values) * self.start)

    def passed(self, t: float) -> np.ndarray:
        """∫_0^t e (n,)."""
        return self.Q @ (_decayed(self.values, t) * self.start)

    def loss(self, t: float) -> float:
        """R(t)/R_0."""
        return float(np.exp(-2 * t * self.values) @ self.shares)

    def time_of(self, ratio: float) -> float:
        """t* with R(t*) = ``ratio`` R_0."""
        unit, low, high = 1 / self.values.max(), 0.0, 1.0
        while self.loss(high * unit) > ratio:
            low, high = high, 2 * high
        excess = lambda s: float(np.expm1(-2 * s * unit * self.values) @ self.shares) + (1 - ratio)  # noqa: E731
        return float(brentq(excess, low, high, xtol=np.finfo(float).tiny, rtol=1e-10)) * unit

    def steps_to(self, ratio: float, step: float) -> int:
        """Steps of descent of the linearised network to ``ratio`` R_0."""
        return steps_to(self.values, self.shares, ratio, step)

    def nodes(self, t: float, count: int) -> np.ndarray:
        """0 = t_0 < … < t_count = ``t``, between which the weights move by equal lengths, counted from the start."""
        grid = np.concatenate([[0.0], np.geomspace(1e-4 / self.values.max(), t, 400)])
        moved = _decayed(self.values, grid[:, None]) ** 2 @ (self.start**2 * self.values)
        times = np.interp(np.linspace(0, 1, count + 1), np.sqrt(moved / moved[-1]), grid)
        return np.append(times[:-1], t)


def relative_change(there: np.ndarray, G: np.ndarray) -> float:
    """‖there − G‖/‖G‖ of symmetric kernels (N, N), in operator norm."""
    ends = [np.linalg.eigvalsh(kernel)[[0, -1]] for kernel in (there - G, G)]
    return float(np.abs(ends[0]).max() / np.abs(ends[1]).max())


def _decayed(values: np.ndarray, t: float | np.ndarray) -> np.ndarray:
    """∫_0^t e^{−λs}ds = (1 − e^{−λt})/λ, t where λ = 0."""
    return np.where(values > 0, -np.expm1(-values * t) / np.where(values > 0, values, 1.0), t)


def steps_to(values: np.ndarray, shares: np.ndarray, ratio: float, step: float) -> int:
    """Least k with Σ_i (1 − step·λ_i)^{2k} share_i ≤ ``ratio``."""
    factors = _log_factors(step * values)
    loss = lambda k: float(np.exp(2 * k * factors) @ shares)  # noqa: E731
    high = 1.0
    while loss(high) > ratio:
        high *= 2
    return int(np.ceil(brentq(lambda k: loss(k) - ratio, 0.0, high))) if loss(0.0) > ratio else 0


def _log_factors(x: np.ndarray) -> np.ndarray:
    """ln|1 − x| for x ≥ 0, at least −690; exact for the least x too."""
    small = np.minimum(x, 0.5)
    return np.where(x < 0.5, np.log1p(-small), np.log(np.abs(1 - x).clip(1e-300)))


def _corrected(
    problem: Problem, theta: State, first: Point, e: np.ndarray, linear: LinearPath, times: np.ndarray, n: int
) -> tuple[State, Point, np.ndarray, np.ndarray]:
    """Weights at the end of the linearised path; of the path that the kernels met there give: the point at its end, losses over
    R_0 (k,), the residual at the end.
    """
    whole, residual, losses = e @ e, e, [1.0]
    shape = lambda: tuple(np.empty_like(array) for array in theta)  # noqa: E731
    there, moved, spare = shape(), tuple(array.copy() for array in theta), shape()
    before, H_before = first, linear.H
    for t, step in zip(times[1:], np.diff(times), strict=True):
        problem.add(theta, [(first, -linear.passed(t) / n)], there)
        here = problem.point(there)
        H = problem.gram(here, here) / n
        values, Q = np.linalg.eigh((H_before + H) / 2)
        values, start = np.maximum(values, 0.0), Q.T @ residual
        half = Q @ (_decayed(values, step) * start) / (-2 * n)
        residual = Q @ (np.exp(-step * values) * start)
        problem.add(moved, [(before, half), (here, half)], spare)
        moved, spare, before, H_before = spare, moved, here, H
        losses.append(residual @ residual / whole)
    return there, problem.point(moved), np.array(losses), residual


def _holding(vector: np.ndarray) -> np.ndarray:
    """The fewest rows that hold `HELD` of ‖vector‖², largest first."""
    order = np.argsort(-(vector**2))
    return order[: int(np.searchsorted(np.cumsum(vector[order] ** 2), HELD)) + 1]
