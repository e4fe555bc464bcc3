"""Training of the normalised network: gradient flow, gradient descent and its mini-batch version.

Loss R(θ) = (1/2n) Σ_i (f(x_i) − y_i)²; flow θ' = −S∇R(θ), descent θ ← θ − η S∇R(θ), S the learning rates of the layers. Centred
training uses f − f(θ_0) in place of f, which amounts to the targets y + f(θ_0).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from argument_validation import (
    validate_array,
    validate_callable,
    validate_count,
    validate_flag,
    validate_positive,
    validate_rates,
    validate_times,
    validate_tolerance,
)
from kernels.activations import KINKED
from kernels.exponential_scheme import Point, State, length
from kernels.integrators import LEAST_RTOL, Callback, integrate
from kernels.losses import SquareLoss
from kernels.network import LARGEST, Parameters, hidden_layer, outputs_of, validate_network
from kernels.network_problem import NetworkProblem, layer_distances

UNCHANGED = 10  # steps with one and the same loss after which descent says that it stopped changing


@dataclass(frozen=True)
class Trajectory:
    """A training run, recorded at k times.

    Attributes
    ----------
    times : (k,) time of the flow; for descent the number of steps times their length.
    losses : (k,) R(θ_t).
    outputs : (k, n) f_t(x_i), in centred training f_t(x_i) − f_0(x_i).
    drift : (k,) ‖θ_t − θ_0‖₂. layer_drift : (k, L+1) the same for every layer, ‖W^l_t − W^l_0‖_F, a last.
    drift_bound : upper bound on sup_t ‖θ_t − θ_0‖ over all t up to the last, from the steps of the flow, see
        `kernels.integrators.integrate`; for descent the largest of all steps.
    evaluations : forward-backward passes.
    theta : final weights, as the flow keeps them. params : the same as `Parameters`.
    status : why the run ended, a sentence; for the flow a `kernels.integrators.Ending`, and whether ``rtol`` does not hold
        because the rounding of the tangent kernel hides a part of the residual.
    test_outputs : (k, n_test) as ``outputs``, where ``X_test`` was given.
    kernels : (k, n, n) tangent kernel J_t S J_tᵀ, where it was asked for.
    unresolved : largest norm of the residual in directions that the rounding of the tangent kernel hides, whose motion is not
        followed, over the norm of the residual at the start; 0 for descent.

    A run that ends before the first of its ``times`` has k = 0.
    """

    times: np.ndarray
    losses: np.ndarray
    outputs: np.ndarray
    drift: np.ndarray
    layer_drift: np.ndarray
    drift_bound: float
    evaluations: int
    theta: State
    status: str
    test_outputs: np.ndarray | None = None
    kernels: np.ndarray | None = None
    unresolved: float = 0.0

    @cached_property
    def params(self) -> Parameters:
        """Final weights, multiplied out when they are first asked for."""
        return Parameters.unchecked(tuple(map(np.asarray, self.theta)))


def gradient_flow(
    params: Parameters,
    X: np.ndarray,
    y: np.ndarray,
    *,
    activation: str,
    kappa: float,
    centred: bool = False,
    layer_rates: Sequence[float] | None = None,
    t_end: float | None = None,
    loss_ratio: float | None = None,
    land: bool = False,
    times: Sequence[float] | None = None,
    rtol: float | None = None,
    max_evaluations: int = 10_000,
    X_test: np.ndarray | None = None,
    kernels: bool = False,
    callback: Callback | None = None,
) -> Trajectory:
    """Gradient flow θ' = −S∇R(θ) by an exponential integrator that is exact for the linearised network.

    The cost falls as the network gets lazier: a few evaluations for each factor of ten of the loss when it trains like its
    linearisation. Up to three copies of the weights are held, ``params`` included, which is only read.

    Parameters
    ----------
    params : initial weights θ_0.
    X, y : (n, d) inputs without zero rows and (n,) targets.
    activation : name of σ, see `kernels.activations`.
    kappa : output scale κ > 0.
    centred : train f − f(θ_0) instead of f.
    layer_rates : (L+1,) learning rates r_l of W^1 … W^L, a, not negative; all 1 by default.
    t_end, loss_ratio : stop at this time, or once R(θ_t) ≤ ``loss_ratio`` R(θ_0), whichever comes first. Without either the
        flow runs until nothing moves any more.
    land : end where R(θ_t) is ``loss_ratio`` R(θ_0), inside the last step by the continuous extension, and record that time
        last, for about a dozen more evaluations; by default the flow ends with the step, anywhere beyond. Without
        ``loss_ratio`` it changes nothing.
    times : increasing times to record, by the continuous extension; by default every accepted step. ``t_end`` defaults to
        the last of them. A run that stops early for its loss records the times up to there.
    rtol : aim for the displacement error ‖θ_t − θ_t^exact‖/‖θ_t^exact − θ_0‖ and, at every step, for the error of the residual
        f − y relative to itself. 1e-3 by default; 1e-1 for relu, leaky_relu and abs, whose flow crosses and slides along
        kinks, so that no step has an order and a smaller ``rtol`` is best effort. At least 1e-14.
    max_evaluations : the run ends rather than exceed it.
    X_test : (n_test, d) inputs at which outputs are recorded too.
    kernels : whether to record the tangent kernel.
    callback : called with (time, loss, evaluations) at the start and after every accepted step.

    Returns
    -------
    Trajectory. Reproducible to rounding, as the matrix products are.

    Raises
    ------
    ValueError for shapes that do not fit, non-finite data, zero rows, an unknown activation, κ, rates, times or tolerances
    outside their range. Whatever happens on the way (overflow, a plateau, too many evaluations) is a sentence in ``status``.

    Notes
    -----
    Measured over drawn networks with smooth σ, condition numbers of the tangent kernel up to 10⁷: the displacement error is at
    most 3 rtol, mostly 0.1 to 0.6 rtol, for rtol from 1e-1 to 1e-5. With kinks, κ ≥ 4 and the default rtol it is 0.017 in the
    median, above 0.1 in one network of sixty: where neighbouring paths part at a kink no ``rtol`` helps.
    """
    X, kappa = validate_network(params, X, activation, kappa)
    y = validate_array(y, "y", (len(X),), largest=LARGEST / 2)
    rates = validate_rates(layer_rates, params.hidden_layers + 1)
    centred, kernels = validate_flag(centred, "centred"), validate_flag(kernels, "kernels")
    land = validate_flag(land, "land")
    times, t_end = validate_times(times, t_end)
    loss_ratio = None if loss_ratio is None else validate_positive(loss_ratio, "loss_ratio")
    rtol = (1e-1 if activation in KINKED else 1e-3) if rtol is None else validate_tolerance(rtol, "rtol", LEAST_RTOL)
    max_evaluations = validate_count(max_evaluations, "max_evaluations")
    X_test = validate_test_inputs(X_test, params.input_dim)
    callback = validate_callable(callback, "callback")

    model = {"activation": activation, "kappa": kappa}
    start, inputs, frame = params.arrays, np.ascontiguousarray(X.T), None
    points = inputs if X_test is None else np.hstack([inputs, X_test.T])
    if points.shape[1] < params.input_dim:  # W¹ moves in the span of the inputs alone, and is followed there
        frame, points = np.linalg.qr(points)
        start, inputs = (start[0] @ frame, *start[1:]), np.ascontiguousarray(points[:, : len(X)])
        X_test = None if X_test is None else points[:, len(X) :].T
    problem = NetworkProblem(inputs, SquareLoss(y, 1 / len(X)), rates=rates, **model)
    with np.errstate(over="ignore", invalid="ignore"):
        here = problem.point(start)
        finite = not kernels or np.isfinite(problem.gram(here, here)).all()
    shift = finite_shift(here.outputs, kappa) if centred else np.zeros(len(X))
    loss = problem.loss = SquareLoss(y + shift, 1 / len(X))
    with np.errstate(over="ignore"):
        problem.keep(start, Point(here.outputs, *loss.evaluate(here.outputs), here.factors))
    del here  # its factors are needed for the first step alone
    record = Recorder(start, X_test, centred, **model)
    if not finite:
        raise ValueError(f"`kappa` must leave the tangent kernel at the start finite, got {kappa:g}")

    def observe(t: float, theta: State, point: Point | None) -> None:
        if point is None and kernels:
            point = problem.point(theta)
        tests = None
        if point is None and X_test is not None:  # in one pass
            outputs, tests = np.split(outputs_of(theta, points, **model), [len(X)])
        else:
            outputs = outputs_of(theta, inputs, **model) if point is None else point.outputs
        kernel = problem.gram(point, point) if kernels else None
        layers = problem.layer_drifts(theta, start, accepted=point is not None)
        value = loss.evaluate(outputs)[0] if point is None else point.loss
        record(t, theta, value, outputs - shift, kernel, tests, layers)

    options = {"t_end": t_end, "loss_ratio": loss_ratio, "land": land, "times": times, "rtol": rtol}
    end = integrate(problem, start, observe, max_evaluations=max_evaluations, callback=callback, **options)
    theta = end.theta
    if frame is not None:
        theta = (params.weights[0] + (theta[0] - start[0]) @ frame.T, *theta[1:])
    trajectory = record.trajectory(len(X), kernels, end.drift_bound, end.evaluations, theta, end.status)
    return replace(trajectory, unresolved=end.unresolved)


def validate_test_inputs(X_test: object, input_dim: int) -> np.ndarray | None:
    """``X_test`` (n_test, d) as `kernels.network.validate_network` takes inputs, or None."""
    return None if X_test is None else validate_array(X_test, "X_test", ("n_test", input_dim), largest=LARGEST)


def initial_outputs(start: State, inputs: np.ndarray, centred: bool, activation: str, kappa: float) -> np.ndarray:
    """f_0 (n,) on the columns of ``inputs`` (d, n), which centred training subtracts; zeros otherwise.

    Raises ValueError if squares of f_0 overflow.
    """
    if not centred:
        return np.zeros(inputs.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        return finite_shift(outputs_of(start, inputs, activation, kappa), kappa)


def finite_shift(outputs: np.ndarray, kappa: float) -> np.ndarray:
    """The outputs f_0 (n,) that centred training subtracts; ValueError if squares of them overflow."""
    if not (np.abs(outputs) < LARGEST / 2).all():
        raise ValueError(f"`kappa` must leave the outputs at the start finite in centred training, got {kappa:g}")
    return outputs


def gradient_descent(
    params: Parameters,
    X: np.ndarray,
    y: np.ndarray,
    *,
    activation: str,
    kappa: float,
    step: float,
    steps: int,
    centred: bool = False,
    layer_rates: Sequence[float] | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    record_every: int = 1,
    X_test: np.ndarray | None = None,
    callback: Callback | None = None,
) -> Trajectory:
    """Gradient descent θ_{k+1} = θ_k − η S∇R(θ_k), on all samples or on mini-batches.

    Parameters
    ----------
    params, X, y, activation, kappa, centred, layer_rates, X_test : as for `gradient_flow`.
    step, steps : η > 0 and the number of steps.
    batch_size : samples of a step; all by default. Batches are drawn without replacement, epoch by epoch; a last batch that
        would be smaller is left out. Their loss is the mean over the batch.
    seed : of the order of the samples.
    record_every : states are recorded at step 0, at every ``record_every``-th step and at the last one.
    callback : called with (time, loss, evaluations) at every step; the loss is that of the batch.

    Returns
    -------
    Trajectory with ``times`` η·k. If the loss stops being finite the run ends there; what is recorded is what came before. If
    the gradient of the last step is exactly zero (a dead network), or the loss of all samples has been the same number for ten
    steps or more, the status says since which step.

    Raises
    ------
    ValueError as `gradient_flow` does, and for a step, numbers or a batch size outside their range.
    """
    X, kappa = validate_network(params, X, activation, kappa)
    y = validate_array(y, "y", (len(X),), largest=LARGEST / 2)
    rates, centred = validate_rates(layer_rates, params.hidden_layers + 1), validate_flag(centred, "centred")
    step, steps = validate_positive(step, "step"), validate_count(steps, "steps")
    with np.errstate(over="ignore"):
        reach = step * max(float(steps), rates.max())
    if not np.isfinite(reach):
        raise ValueError(f"`step` times the number of steps, and times each of the rates, must be finite, got {step:g}")
    record_every = validate_count(record_every, "record_every")
    X_test = validate_test_inputs(X_test, params.input_dim)
    n = len(X)
    batch_size = n if batch_size is None else validate_count(batch_size, "batch_size")
    if batch_size > n:
        raise ValueError(f"`batch_size` must be at most the number of samples, {n}, got {batch_size}")
    seed = validate_count(seed, "seed", least=0)
    report = validate_callable(callback, "callback") or (lambda *_: None)

    model = {"activation": activation, "kappa": kappa}
    start, inputs = params.arrays, np.ascontiguousarray(X.T)
    shift = initial_outputs(start, inputs, centred, **model)
    targets, theta = y + shift, tuple(a.copy() for a in start)
    record = Recorder(start, X_test, centred, **model)
    whole = batch_size == n
    batches = None if whole else mini_batches(n, batch_size, seed)
    everything, paces = SquareLoss(targets, 1 / n), [step * rate for rate in rates]
    loss, chosen, status, largest = everything, inputs, "all steps taken", 0.0
    dead_since, same_since, before = None, 0, np.nan
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(steps + 1):
            due = k % record_every == 0 or k == steps
            if not whole:
                batch = next(batches)
                chosen, loss = np.ascontiguousarray(inputs[:, batch]), SquareLoss(targets[batch], 1 / batch_size)
            outputs, value, gradients = loss_gradient(theta, chosen, loss, **model)
            if not np.isfinite(value):
                status = f"diverged: the loss is not finite after {k} steps"
                break
            report(step * k, value, k + 1)
            # that of the output weights, the short one, first
            if gradients[-1].any() or any(gradient.any() for gradient in gradients):
                dead_since = None
            else:
                dead_since = k if dead_since is None else dead_since
            same_since, before = (same_since if whole and value == before else k), value
            if due:
                if not whole:
                    outputs = outputs_of(theta, inputs, **model)
                    value = everything.evaluate(outputs)[0]
                record(step * k, theta, value, outputs - shift, None)
                largest = max(largest, record.drifts[-1])
            if k < steps:
                for array, gradient, pace in zip(theta, gradients, paces, strict=True):
                    gradient *= pace
                    array -= gradient
        else:
            if dead_since is not None:
                status += f"; the loss stopped changing after {dead_since}: its gradient is exactly zero"
            elif steps - same_since >= UNCHANGED:
                status += f"; the loss stopped changing after {same_since}, to the last digit"
    return record.trajectory(n, False, largest, k + 1, theta, status)


def mini_batches(n: int, size: int, seed: int) -> Iterator[np.ndarray]:
    """Indices of one batch after the other, (size,) each; every epoch shuffles anew."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(n)
        yield from (order[i : i + size] for i in range(0, n - size + 1, size))


def loss_gradient(
    theta: State, inputs: np.ndarray, loss: SquareLoss, activation: str, kappa: float
) -> tuple[np.ndarray, float, list[np.ndarray]]:
    """f (n,) on the columns of ``inputs`` (d, n), R, and ∇R for every array of θ, by one forward and backward pass."""
    *weights, output = theta
    m, scale = len(output), kappa / len(output)
    values, derivatives = [inputs], []
    for l, W in enumerate(weights):
        value, derivative = hidden_layer(W, values[-1], activation, first=l == 0)
        values.append(value)
        derivatives.append(derivative)
    outputs = scale * (output @ values[-1])
    value, pull, _ = loss.evaluate(outputs)
    gradients = [values[-1] @ (scale * pull)]
    back = derivatives.pop()
    back *= pull
    pull_of_a = scale * output[:, None]
    if len(weights) == 1:  # the rows of the product are fewer than the columns of its factors
        gradients.append(pull_of_a * (back @ inputs.T))
        return outputs, value, gradients[::-1]
    back *= pull_of_a
    for l in range(len(weights) - 1, 0, -1):
        back *= 1 / np.sqrt(m)
        gradients.append(back @ values[l].T)
        back = weights[l].T @ back
        back *= derivatives.pop()
    gradients.append(back @ inputs.T)
    return outputs, value, gradients[::-1]


class Recorder:
    """Collects the arrays of a `Trajectory`."""

    def __init__(
        self, start: State, X_test: np.ndarray | None, centred: bool, *, activation: str, kappa: float
    ) -> None:
        self.start, self.model = start, {"activation": activation, "kappa": kappa}
        self.times, self.losses, self.outputs, self.drifts, self.layers = [], [], [], [], []
        self.tests, self.kernels, self.test_inputs = [], [], None if X_test is None else X_test.T
        self.shift = outputs_of(start, self.test_inputs, **self.model) if X_test is not None and centred else 0.0

    def __call__(
        self,
        t: float,
        theta: State,
        loss: float,
        outputs: np.ndarray,
        kernel: np.ndarray | None,
        tests: np.ndarray | None = None,
        layers: np.ndarray | None = None,
    ) -> None:
        """Record one time; ``tests`` are the outputs at the test inputs, ``layers`` the distances, where they are known."""
        layers = layer_distances(theta, self.start) if layers is None else layers
        self.times.append(t)
        self.losses.append(loss)
        self.outputs.append(outputs)
        self.layers.append(layers)
        self.drifts.append(length(layers))
        if self.test_inputs is not None:
            tests = outputs_of(theta, self.test_inputs, **self.model) if tests is None else tests
            self.tests.append(tests - self.shift)
        if kernel is not None:
            self.kernels.append(kernel)

    def trajectory(
        self, n: int, kernels: bool, drift_bound: float, evaluations: int, theta: State, status: str
    ) -> Trajectory:
        """What has been recorded of ``n`` samples, ``kernels`` where they were asked for."""
        k, tests = len(self.times), self.test_inputs
        return Trajectory(
            times=np.array(self.times, dtype=float),
            losses=np.array(self.losses, dtype=float),
            outputs=np.array(self.outputs, dtype=float).reshape(k, n),
            drift=np.array(self.drifts, dtype=float),
            layer_drift=np.array(self.layers, dtype=float).reshape(k, len(theta)),
            drift_bound=drift_bound,
            evaluations=evaluations,
            theta=theta,
            status=status,
            test_outputs=None if tests is None else np.array(self.tests, dtype=float).reshape(k, tests.shape[1]),
            kernels=np.array(self.kernels, dtype=float).reshape(k, n, n) if kernels else None,
        )
