"""Hostile calls of every public function: a right answer, or one ValueError that names the argument; never anything else.

The table `LINES` says how every argument is drawn; a public function that it lacks fails a test. Answers hold no NaN, no inf
where the line does not allow it, and are those of the same numbers in a plain float64 array. No warning, no other exception, no
changed argument, no wait.
"""

import contextlib
import dataclasses
import enum
import inspect
import pickle
import re
import signal
import threading
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kernels
import theory
from kernels import activations, convolution, ensemble, losses, model_flow, models, random_weights, residual
from tests import examples
from tests import hostile as h
from theory import (
    convergence_bounds,
    convolution_limits,
    descent,
    directed_training,
    ensemble_variance,
    feature_changes,
    generalization_bounds,
    gram_moments,
    kink_crossings,
    lazy_bounds,
    parametrization,
    path_bounds,
    rates,
    relu_condition,
    residual_limits,
    scaled_bounds,
    sphere_spectrum,
    tangent_span,
    width_bounds,
)

EVERY_ACTIVATION = ("limit_grams", "residual_limit_grams", "convolution_limit_grams", "forward", "layer_grams")
UNUSUAL = (
    "zero row",
    "zeros",
    "scale 30",
    "scale 1e+78",
    "scale 1e-82",
    "scale 1e-90",
    "entry 1e+300",
    "nearly equal rows",
)
SECONDS = 30  # a call of these sizes takes milliseconds, the first one compiles
EXPORTED = (theory, kernels)
LIBRARY = (
    lazy_bounds, relu_condition, rates, parametrization, scaled_bounds, convergence_bounds, width_bounds, residual_limits,
    convolution_limits, gram_moments, kink_crossings, tangent_span, model_flow, losses, models, residual, convolution,
    ensemble, random_weights, path_bounds, generalization_bounds, feature_changes, ensemble_variance,
    sphere_spectrum, directed_training,
)  # fmt: skip
NOT_CALLED = {
    *(
        "Certificate",
        "LimitGrams",
        "LimitKernels",
        "KernelRegression",
        "LinearizedFlow",
        "Trajectory",
        "ModelTrajectory",
        "NormalizedNetwork",
    ),  # results
    *("Model", "Loss", "WeightMap", "CountedWeights"),  # protocols and what is beneath the maps
    *("ModelProblem", "FactoredProblem", "problem_of"),
    # called on what others have checked
    *("rounding_loss", "validate_loss", "dual_layer", "combined_angle", "validate_variances", "mean_of_shifts"),
}


@dataclasses.dataclass(frozen=True)
class Line:
    """A public function or class, the `hostile.Kind` of each argument, and what is called in its place.

    ``infinite``: an answer may be inf, always or "free" with unusual numbers. ``overflows``: and NaN. ``holds``: what is true
    of the arguments and the answer.
    """

    function: Callable
    arguments: dict[str, h.Kind]
    call: Callable
    infinite: bool | str = False
    overflows: bool = False
    holds: Callable = lambda values, result: True


LINES = {}


def line(function, *, _call=None, _key="", _infinite=False, _overflows=False, _holds=Line.holds, **arguments):
    LINES[function.__name__ + _key] = Line(function, arguments, _call or function, _infinite, _overflows, _holds)


def bound(function, *, _holds=None, **arguments):
    """A line of a bound: never negative."""
    line(function, **arguments, _holds=_holds or (lambda values, result: np.min(result) >= 0))


def used(cls, *methods):
    """Construct ``cls`` and call it at ``w``, its Jacobian and ``methods``."""

    def call(*, w, **arguments):
        ball = {name: arguments.pop(name) for name in ("radius",) if name in arguments}
        model = cls(**arguments)
        found = [model(w), model.jacobian(w), *(getattr(model, method)(w) for method in methods)]
        if ball:
            found.append(
                model.jacobian_lipschitz(np.nan_to_num(np.asarray(w, dtype=float), posinf=0.0, neginf=0.0), **ball)
            )
        return found

    return call


def weights(length):
    """w (p,), of which NaN and inf are allowed."""

    def draw(rng, sizes):
        return rng.integers(-16, 17, length(sizes)) / 8

    return h.array((), draw).lenient("nan", "inf", "-inf")


def symmetric(values, result):
    grams = result.layers if isinstance(result, theory.LimitGrams) else result
    return values.get("X2") is not None or np.array_equal(grams, np.swapaxes(grams, -1, -2))


def nearly_symmetric(values, result):
    return np.allclose(result, np.swapaxes(result, -1, -2), rtol=1e-13, atol=1e-13 * np.abs(result).max())


def right_limits(values, result):
    """Symmetric, and for tiny inputs, where an odd σ is linear, with the correlations of the inputs."""
    X = np.asarray(values["X"], dtype=float)
    if (
        values["X2"] is not None
        or not 0 < np.abs(X).max() < 1e-40
        or values["activation"] not in ("tanh", "erf", "sin")
    ):
        return symmetric(values, result)
    U, root = X / np.abs(X).max(axis=1, keepdims=True), np.sqrt(np.diag(result.nngp))
    U /= np.linalg.norm(U, axis=1, keepdims=True)
    return symmetric(values, result) and np.allclose(result.nngp / np.outer(root, root), U @ U.T, rtol=0, atol=1e-9)


X, y = h.array(("n", "d")), h.array(("n",))
POINTS = X.accepting("zero row", "zeros", "equal rows", "scale 30", "scale 1e-08")
X2 = h.optional(h.array(("k", "d")).accepting("zero row", "zeros", "scale 30"))
K, layers = h.array(("n", "n"), h.positive_definite), h.array(("L1", "n", "n"), h.definite_layers)
layer_rates = h.array(("L1",), lambda rng, sizes: rng.integers(1, 17, sizes["L"] + 1) / 8)
times = h.array(("t",), h.increasing)
unit = h.array(("n", "d"), h.unit_rows)
KERNEL_NAMES, LIMIT_NAMES = h.name(activations.ACTIVATIONS), h.name(activations.ACTIVATIONS)
# the kernel XXᵀ of the identity may be singular
BENT_NAMES = h.name([name for name in activations.ACTIVATIONS if name != "identity"])
SERIES_NAMES = h.name(["relu", "erf", "tanh"])
DEPTH, THIN = h.count(1, 2), h.positive(0.125, 1.0)

line(
    theory.limit_grams, X=POINTS, X2=X2, hidden_layers=DEPTH, activation=LIMIT_NAMES, layers=h.flag(),
    out=h.Kind(lambda *_: None, bad=h.without(h.ALIEN, "None")), _holds=right_limits,
)  # fmt: skip
line(
    theory.gram_fluctuations,
    X=X.accepting("zero row", "equal rows"),
    activation=LIMIT_NAMES,
    _holds=lambda values, result: min(result) >= -1e-9,
)
line(gram_moments.layer_excess, activation=h.name(["relu", "leaky_relu", "abs", "identity"]))
line(
    gram_moments.exact_moment, width=h.count(1, 9), hidden_layers=DEPTH,
    activation=h.name(["relu", "leaky_relu", "abs", "identity"]), _holds=lambda values, result: result > 1,
)  # fmt: skip
line(
    gram_moments.moment_coefficients, norm=h.positive(0.5, 4.0), hidden_layers=DEPTH, activation=LIMIT_NAMES,
    _holds=lambda values, result: (result > 0).all(),
)  # fmt: skip
line(
    theory.dual_activation, f=h.FUNCTION, g=h.FUNCTION,
    variance1=h.array(("n",), lambda rng, sizes: rng.integers(1, 5, sizes["n"]) / 8),
    variance2=h.array(("k",), lambda rng, sizes: rng.integers(1, 5, sizes["k"]) / 8),
    correlation=h.array(("n", "k"), lambda rng, sizes: rng.integers(-8, 9, (sizes["n"], sizes["k"])) / 8),
    strip=h.optional(h.positive(1.0, 1.5)),
)  # fmt: skip
line(
    theory.linearized_flow, K=K, y=y.lenient("column"), times=times.lenient("inf"), f0=h.optional(y),
    K_test=h.array(("k", "n")).lenient("None"), f0_test=h.optional(h.array(("k",))), weight=h.optional(h.positive()),
    _infinite="free",
)  # fmt: skip
line(
    theory.linearized_flow, _key=" of columns", K=K, y=h.array(("n", "c")), times=times.lenient("inf"),
    f0=h.optional(h.array(("n", "c"))), _infinite="free",
)  # fmt: skip
line(
    theory.kernel_regression, K=K, K_test=h.array(("k", "n")), y=y.lenient("column"), time=h.not_negative().lenient("inf"),
    K_self=h.optional(h.array(("k",), lambda rng, sizes: rng.integers(1, 9, sizes["k"]) * 1e4)), _infinite="free",
)  # fmt: skip
line(theory.certified_min_eigenvalue, K=K, entry_error=h.not_negative().lenient("list", "array"), _infinite=True)
line(
    theory.certified_kernel_min_eigenvalue, X=X, hidden_layers=DEPTH, _infinite=True,
    activation=h.name(["relu", "abs", "erf", "gelu", "sin"]), kernel=h.name(["ntk", "nngp"]).lenient("number", "True"),
)  # fmt: skip
bound(
    theory.min_eigenvalue_lower_bound,
    X=unit,
    hidden_layers=DEPTH,
    activation=SERIES_NAMES,
    layer=h.optional(h.count(1, 2)),
)
bound(
    theory.separation_lower_bound, rho=h.share(), n=h.count(1, 5, bounded=False), hidden_layers=DEPTH, activation=SERIES_NAMES,
    layer=h.optional(h.count(1, 2)),
)  # fmt: skip
for function, names in (
    (theory.first_layer_failure_bound, LIMIT_NAMES),
    (theory.last_layer_failure_bound, h.name(["erf", "sin"])),
    (theory.kernel_failure_bound, h.name(["erf", "relu", "abs"], wrong=("gelu",))),
):
    bound(function, X=X, width=h.size(), activation=names, eps=h.share())
line(theory.sufficient_width, X=unit, activation=BENT_NAMES, probability=h.share())
fraction = h.scalar(0.125, 0.875, bad=(0.0, 1.0, -0.5, 1.5))
line(
    theory.sufficient_kernel_width, X=unit, activation=h.name(["erf", "relu", "abs"], wrong=("gelu",)), eps=fraction,
    probability=h.share(),
)  # fmt: skip
neurons = {"X": unit, "weights": h.array(("m", "d2"), h.plane), "output": h.array(("m",))}
clock = h.scalar(0.0, 3.0, bad=(-1.0, 1e300)).accepting("0")
bound(relu_condition.displacement_bounds, **neurons, tau=clock)
bound(relu_condition.kept_eigenvalue, **neurons, tau=clock)
line(relu_condition.certified_scale, **neurons, y=h.array(("n",)), lam=h.positive(), _infinite=True)
line(relu_condition.sufficient_relu_width, X=unit, delta=fraction)
bound(relu_condition.sufficient_relu_scale, X=unit, y=y)
SMOOTH_NAMES = h.name(["tanh", "erf", "gelu"], wrong=("relu",))
line(relu_condition.sufficient_smooth_width, X=unit, activation=SMOOTH_NAMES, delta=fraction)
bound(relu_condition.sufficient_smooth_scale, X=unit, y=y, m=h.size(), activation=SMOOTH_NAMES, delta=fraction)
bound(relu_condition.wedge_share, s=h.not_negative())
bound(relu_condition.halving_scale, phi=h.scalar(0.125, 0.125, bad=(0.0, 1.0, -0.5)), gap=h.positive())
line(
    relu_condition.own_halving_scale, X=h.array((2, 2), h.two_rows), weights=h.array(("m", 2)), output=h.array(("m",)),
    gap=h.positive(), _infinite=True,
)  # fmt: skip

line(
    residual_limits.residual_limit_grams, X=POINTS, X2=X2, hidden_layers=DEPTH, activation=LIMIT_NAMES,
    branch_scale=h.not_negative(), second_weights=h.flag(), _holds=symmetric,
)  # fmt: skip
line(residual_limits.dual_moments, covariance=K, activation=LIMIT_NAMES)

line(
    convolution_limits.convolution_limit_grams, X=h.array(("n", 3, "c")), X2=h.optional(h.array(("k", 3, "c"))),
    taps=h.count(1, 3), hidden_layers=DEPTH, activation=LIMIT_NAMES, _holds=symmetric,
)  # fmt: skip

kappa, m, n, lam = h.positive(), h.size(), h.size(), h.positive()
loss, D = h.not_negative(), h.not_negative()
bound(lazy_bounds.decay_rate, kappa=kappa, m=m, n=n, lam=lam)
line(lazy_bounds.rated_kernel, layers=layers, layer_rates=layer_rates.lenient("None"), _holds=symmetric)
bound(lazy_bounds.drift_bound, kappa=kappa, m=m, n=n, lam=lam, initial_loss=loss, layer_rates=h.optional(layer_rates))
bound(lazy_bounds.drift_constant, K=K, y=y)
bound(lazy_bounds.uncentred_drift_square, layers=layers, y=y, kappa=kappa, m=m, layer_rates=h.optional(layer_rates))
bound(lazy_bounds.rated_drift_constant, layers=layers, layer_rates=layer_rates.lenient("None"), y=y)
bound(lazy_bounds.layer_drift_constants, layers=layers, layer_rates=layer_rates.lenient("None"), y=y)
bound(
    lazy_bounds.layer_drift_bound, kappa=kappa, m=m, n=n, lam=lam, initial_loss=loss, rate=D, jacobian_norm=D, slope=D,
    other_rate=D,
)  # fmt: skip
bound(
    lazy_bounds.balanced_growth, kappa=kappa, targets=D, input_norm=lam, mean_square=lam, other_square=lam, ratio=lam,
)  # fmt: skip
bound(
    lazy_bounds.feature_constant, activation=h.name(["tanh", "erf", "gelu", "identity"]), output=h.array(("m",)),
    layer_rates=h.optional(h.array((2,), lambda rng, sizes: rng.integers(1, 17, 2) / 8)),
)  # fmt: skip
TOP = h.optional(h.positive(1.0, 1.0))
bound(lazy_bounds.condition_threshold, n=n, lam=lam, initial_loss=loss, c_sigma=h.not_negative(), largest=TOP)
bound(lazy_bounds.kernel_change_bound, n=n, c_sigma=D, jacobian_norm=D, D=D, largest=TOP)
bound(lazy_bounds.linearization_bound, n=n, lam=lam, initial_loss=loss, kernel_change=D)
bound(lazy_bounds.largest_step, kappa=kappa, m=m, n=n, largest=lam)
bound(lazy_bounds.descent_factor, step=THIN, kappa=THIN, m=m, n=n, lam=THIN, largest=h.optional(h.positive(1.0, 1.0)))
line(descent.linearized_descent, K=K, y=y, step=h.positive(0.125, 0.5), steps=h.count(1, 3))
line(
    descent.catapult,
    output=h.scalar(-3, 3),
    curvature=h.positive(),
    step=h.positive(),
    width=h.size(),
    steps=h.count(1, 3),
)
line(
    kink_crossings.crossing_change, X=unit, y=y, U=h.array(("m", "n")), a=h.array(("m",)), kappa=kappa, scaled_time=lam,
    _holds=symmetric,
)  # fmt: skip
line(kink_crossings.mean_crossing_change, X=unit, y=y, scaled_time=lam, doublings=h.count(4, 6), _holds=symmetric)
UNBOUNDED = h.count(1, 2, bounded=False)
line(rates.drift_exponent, gamma=h.scalar(-2, 2), centred=h.flag(), hidden_layers=UNBOUNDED, bounded=h.flag())
line(rates.phase_exponents, gamma=h.scalar(-2, 2), delta=h.scalar(-2, 2), _infinite="free")
line(rates.prediction_exponent, gamma=h.not_negative(), kinked=h.flag())
betas = h.array(("L1",), lambda rng, sizes: rng.integers(1, 17, sizes["L"] + 1) / 8)
HOMOGENEOUS = h.name(["relu", "leaky_relu", "abs", "identity"], wrong=("tanh",))
bound(parametrization.output_scale, betas=betas, m=m, activation=HOMOGENEOUS)
line(parametrization.normalized_network, betas=betas, m=m, activation=HOMOGENEOUS.lenient("tanh"))
bound(parametrization.layer_rates, betas=betas)
bound(
    parametrization.standard_betas, d=h.size(), m=m, hidden_layers=h.count(1, 1),
    name=h.name(["he", "lecun", "xavier", "ntk", "mean field"]),
)  # fmt: skip
alpha, residual_norm = h.positive(), h.not_negative()
bound(scaled_bounds.relative_scale, residual=residual_norm, curvature=D, slope=lam, alpha=alpha)
bound(scaled_bounds.loss_criterion, loss=loss, gradient=lam, curvature=D, slope=lam, alpha=alpha)
bound(scaled_bounds.scalar_distance, horizon=h.not_negative(), _holds=lambda values, result: 0 <= result <= 1)
bound(scaled_bounds.largest_drift, time=D, initial_loss=loss, alpha=alpha)
bound(scaled_bounds.least_scale, horizon=D, residual=residual_norm, lipschitz=lam, radius=lam)
bound(
    scaled_bounds.finite_horizon_bound,
    horizon=D,
    residual=residual_norm,
    lipschitz=lam,
    jacobian_lipschitz=D,
    alpha=alpha,
)
bound(convergence_bounds.convergence_radius, sigma=lam, lipschitz=D, r=lam)
LARGER, CONDITION = h.positive(3.0, 5.0), h.positive(1.0, 4.0)  # not below lam, and not below 1
bound(convergence_bounds.convergence_scale, c=CONDITION, norm=LARGER, sigma=lam, radius=lam)
bound(convergence_bounds.convergence_rate, mu=lam, sigma=lam)
bound(convergence_bounds.convergence_drift_bound, c=CONDITION, norm=LARGER, sigma=lam, targets=D, alpha=alpha)
bound(
    convergence_bounds.convergence_prediction_bound,
    c=CONDITION,
    norm=LARGER,
    sigma=lam,
    lipschitz=D,
    targets=D,
    alpha=alpha,
)
bound(convergence_bounds.decay_envelope, mu=h.positive(0.125, 1.0), M=h.positive(1.0, 4.0), lam=lam, t=D)
bound(convergence_bounds.stability_bound, K=D, norm=LARGER, lam=lam, mu=lam)
STEP, ONE = h.positive(0.125, 0.375), h.positive(0.125, 1.0)  # within the theorem together
bound(
    path_bounds.descent_share,
    step=STEP,
    largest=ONE,
    lipschitz=h.not_negative(high=1.0),
    residual=h.not_negative(high=1.0),
)
bound(path_bounds.path_bound, residual=D, least=lam, share=h.positive())
bound(path_bounds.descent_rate, step=STEP, least=ONE, share=ONE)
line(generalization_bounds.power_coefficient, power=h.count(0, 9, least=0))
line(generalization_bounds.linear_shortfall, n=n, d=n)
line(generalization_bounds.cubic_square, d=n)
line(sphere_spectrum.harmonic_dimension, degree=h.count(0, 9, least=0), d=h.count(2, 9, least=2))
line(
    sphere_spectrum.harmonic_masses, d=h.count(2, 9, least=2), degree=h.count(0, 9, least=0), hidden_layers=DEPTH,
    activation=LIMIT_NAMES,
)  # fmt: skip
line(
    sphere_spectrum.sphere_min_eigenvalue, n=h.count(2, 50, least=2), d=h.count(2, 9, least=2), hidden_layers=DEPTH,
    activation=LIMIT_NAMES, limit=h.flag(),
)  # fmt: skip
bound(directed_training.directed_change_bound, kappa=kappa, m=m, c_sigma=D, path=D, largest=lam)
bound(directed_training.relu_directed_kernel, tau=D)
line(directed_training.directed_change_moments, activation=h.name(directed_training.SMOOTH, wrong=("relu", "identity")))
line(feature_changes.feature_change_constant, X=h.array(("n", "d"), h.unit_rows), y=y)
line(
    ensemble_variance.ensemble_variance, K=K, K_test=h.array(("k", "n")), S=K,
    S_test=h.array(("k", "n")), S_self=h.array(("k",), lambda rng, sizes: rng.integers(1, 9, sizes["k"]) * 1e4),
    time=h.not_negative().lenient("inf"), _infinite="free",
)  # fmt: skip
bound(width_bounds.prediction_bound, alpha=alpha, slope=D, curvature=D, path=D, drift=D)
bound(width_bounds.scale_of_start, s=lam, degree=h.count(1, 4, bounded=False))
bound(width_bounds.time_factor, s=lam, degree=h.count(1, 4, bounded=False))
line(width_bounds.width_exponent, beta=h.scalar(-2, 2))
line(width_bounds.kernel_change_exponent, beta=h.scalar(-2, 2), _infinite="free")
line(
    width_bounds.width_constant, X=h.array(("n", 1)), target=h.not_negative(), uniform=h.flag(),
    block=h.count(16, 24),
)  # fmt: skip
bound(
    tangent_span.lazy_population_loss, inner=h.array(("k", "d")), outer=h.array(("k",)), teacher=h.array(("N", "d")),
    signs=h.array(("N",)), time=h.positive(), inner_rate=h.not_negative(),
    _holds=lambda values, result: 0 <= result <= 1,
)  # fmt: skip

line(
    kernels.init_parameters, seed=h.count(0, 99, least=0, bounded=False), input_dim=h.count(1, 3), width=h.count(1, 3),
    hidden_layers=DEPTH,
)  # fmt: skip
line(
    random_weights.normal_matrix, seed=h.count(0, 99, least=0, bounded=False), layer=h.count(0, 3, least=0),
    rows=h.count(0, 3, least=0), columns=h.count(0, 3, least=0), first_row=h.count(0, 9, least=0),
    first_column=h.count(0, 9, least=0), out=h.Kind(lambda *_: None, bad=h.without(h.ALIEN, "None")),
)  # fmt: skip
line(
    kernels.Parameters, weights=h.one_of(lambda rng, s: h.draw_parameters(rng, s).weights),
    output=h.array(("m",)), _call=lambda **values: kernels.Parameters(**values).arrays,
)  # fmt: skip
line(
    kernels.StreamedParameters, seed=h.count(0, 99, least=0, bounded=False), input_dim=h.count(1, 3), width=h.count(1, 3),
    hidden_layers=DEPTH, _call=lambda **values: kernels.StreamedParameters(**values).memory(3),
)  # fmt: skip
line(kernels.forward, params=h.PARAMETERS, X=POINTS, activation=KERNEL_NAMES, kappa=kappa)
line(
    kernels.layer_grams, params=h.PARAMETERS, X=POINTS, X2=X2, activation=KERNEL_NAMES, kappa=kappa, callback=h.CALLBACK
)
line(
    kernels.layer_grams, params=h.STREAMED, X=POINTS, X2=X2, activation=KERNEL_NAMES, kappa=kappa, callback=h.CALLBACK,
    _key=" streamed",
)  # fmt: skip
line(kernels.forward, params=h.STREAMED, X=POINTS, activation=KERNEL_NAMES, kappa=kappa, _key=" streamed")
TRAINING = {
    "params": h.PARAMETERS, "X": X, "y": y, "activation": KERNEL_NAMES, "kappa": kappa, "centred": h.flag(),
    "layer_rates": h.optional(layer_rates), "X_test": h.optional(h.array(("k", "d"))),
}  # fmt: skip
CONTROL = {
    "t_end": h.optional(h.positive(4.0, 6.0)), "loss_ratio": h.optional(THIN), "land": h.flag(),
    "times": h.optional(times),
    "max_evaluations": h.count(8, 16, bounded=False), "callback": h.CALLBACK,
}  # fmt: skip
line(
    kernels.gradient_flow,
    **TRAINING,
    **CONTROL,
    rtol=h.optional(h.positive(0.125, 0.25)),
    kernels=h.flag(),
    _infinite="free",
)
line(
    kernels.gradient_descent, **TRAINING, step=h.positive(0.125, 0.5), steps=h.count(1, 5, bounded=False),
    batch_size=h.optional(h.count(1, 1)), seed=h.count(0, 99, least=0, bounded=False),
    record_every=h.count(1, 3, bounded=False), callback=h.CALLBACK, _infinite="free",
)  # fmt: skip
line(
    model_flow.model_flow, model=h.MODEL, loss=h.LOSS, start=h.array(("p",)), alpha=alpha, **CONTROL,
    rtol=h.positive(0.125, 0.25), atol=h.optional(h.positive(0.125, 0.25)), _infinite="free",
)  # fmt: skip
line(
    model_flow.flow_and_linearised_flow, model=h.MODEL, loss=h.LOSS, start=h.array(("p",)), alpha=alpha, times=times,
    rtol=h.positive(0.125, 0.25), max_evaluations=h.count(8, 16, bounded=False), _infinite="free",
    linearised=h.optional(h.one_of(lambda rng, s: None)),
)  # fmt: skip
line(
    losses.SquareLoss, targets=y, weight=h.positive(), _infinite="free",
    _call=lambda **values: losses.SquareLoss(**values).evaluate(np.ones(len(values["targets"]))),
)  # fmt: skip
line(
    losses.LogCoshLoss, targets=y, mu=h.positive(0.125, 1.0), M=h.positive(1.0, 4.0), soft_far=h.flag(), _infinite="free",
    _call=lambda **values: losses.LogCoshLoss(**values).evaluate(np.ones(len(values["targets"]))),
)  # fmt: skip
line(
    ensemble.ensemble_grams, seed=h.count(0, 99, least=0, bounded=False), X=X, widths=h.WIDTHS, draws=h.count(1, 3),
    activation=KERNEL_NAMES, hidden_layers=DEPTH, first_draw=h.count(0, 3, least=0), _holds=symmetric,
)  # fmt: skip

MAP = {"_infinite": "free", "_overflows": True}
line(
    models.QuadraticMap, B=h.array(("N", "p")), A=h.array(("N", "p", "p"), h.symmetric_stack), w=weights(lambda s: s["p"]),
    radius=h.not_negative(), _call=used(models.QuadraticMap), **MAP,
)  # fmt: skip
line(
    models.QuadraticMap, _key=".along_directions", B=h.array(("N", "p")), U=h.array(("N", "p"), h.orthonormal),
    curvature=h.scalar(-2, 2), _call=models.QuadraticMap.along_directions,
)  # fmt: skip
line(
    models.ComponentwiseMap, name=h.name(models.ComponentwiseMap.known), w=weights(lambda s: s["p"]), radius=h.not_negative(),
    _call=used(models.ComponentwiseMap), **MAP,
)  # fmt: skip
line(
    models.TwoLayerModel, X=X, activation=h.name(models.SMALL), output=h.array(("m",)).lenient("None"), scale=h.positive(),
    w=weights(lambda s: s["m"] * s["d"]), radius=h.not_negative(), _call=used(models.TwoLayerModel), **MAP,
)  # fmt: skip
line(
    models.TwoLayerModel, _key=" trained", X=X, activation=h.name(models.SMALL), output=h.Kind(lambda rng, _: None),
    scale=h.positive(), w=weights(lambda s: s["m"] * (s["d"] + 1)), radius=h.not_negative(),
    _call=used(models.TwoLayerModel), **MAP,
)  # fmt: skip
NETWORK = {"X": X, "activation": KERNEL_NAMES, "kappa": kappa, "width": h.count("m"), "hidden_layers": h.count("L")}
line(
    models.NetworkModel, **NETWORK, w=weights(lambda s: s["m"] * (s["d"] + (s["L"] - 1) * s["m"] + 1)),
    _call=used(models.NetworkModel, "params"), **MAP,
)  # fmt: skip
line(
    models.Factorization, rows=h.count("n"), columns=h.count("k"), rank=h.count("d"), radius=h.not_negative(),
    w=weights(lambda s: (s["n"] + s["k"]) * s["d"]), _call=used(models.Factorization), **MAP,
)  # fmt: skip
line(models.DampedOscillator, times=times, w=weights(lambda s: 3), _call=used(models.DampedOscillator), **MAP)
for cls in (models.Centred, models.Linearised):
    line(
        cls, model=h.MODEL, start=h.array(("p",)), w=weights(lambda s: s["p"]), radius=h.not_negative(), _call=used(cls), **MAP,
    )  # fmt: skip
line(
    residual.ResidualNetwork, **NETWORK, branch_scale=h.not_negative(), second_weights=h.flag(True),
    w=weights(lambda s: s["m"] * (s["d"] + 2 * (s["L"] - 1) * s["m"] + 1)), _call=used(residual.ResidualNetwork), **MAP,
)  # fmt: skip
line(
    residual.ResidualNetwork, _key=".block_grams", **NETWORK, branch_scale=h.not_negative(), second_weights=h.flag(False),
    w=h.array(("p",), lambda rng, s: rng.normal(size=s["m"] * (s["d"] + (s["L"] - 1) * s["m"] + 1))),
    _call=lambda w, **values: residual.ResidualNetwork(**values).block_grams(w),
)  # fmt: skip
CONVOLUTION = NETWORK | {"X": h.array(("n", 3, "c")), "taps": h.count(2, 2)}
CONVOLUTION_WEIGHTS = lambda s: s["m"] * (2 * s["c"] + 2 * (s["L"] - 1) * s["m"] + 3)  # noqa: E731
line(
    convolution.ConvolutionalNetwork, **CONVOLUTION, w=weights(CONVOLUTION_WEIGHTS),
    _call=used(convolution.ConvolutionalNetwork), **MAP,
)  # fmt: skip
line(
    convolution.ConvolutionalNetwork, _key=".block_grams", **CONVOLUTION,
    w=h.array(("p",), lambda rng, s: rng.normal(size=CONVOLUTION_WEIGHTS(s))),
    _call=lambda w, **values: convolution.ConvolutionalNetwork(**values).block_grams(w),
)  # fmt: skip
line(
    ensemble.ensemble_block_grams, model=h.BLOCK_MODEL, seed=h.count(0, 99, least=0, bounded=False), draws=h.count(1, 3),
    first_draw=h.count(0, 3, least=0), _holds=nearly_symmetric,
)  # fmt: skip


class Refused(str):
    """The message of a ValueError."""


@contextlib.contextmanager
def within(seconds):
    """Raise TimeoutError after so many seconds, where the system can interrupt the main thread."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_):
        raise TimeoutError(f"no answer within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def snapshot(values):
    """The arguments as bytes, those that can be."""
    frozen = {}
    for name, value in values.items():
        with contextlib.suppress(Exception):
            frozen[name] = pickle.dumps(value.to_dict() if hasattr(value, "to_dict") else value)  # frames hold caches
    return frozen


def numbers(result):
    """Every number in an answer, as arrays."""
    if isinstance(result, str | bytes | enum.Enum | np.str_) or result is None or isinstance(result, bool):
        return
    if dataclasses.is_dataclass(result):
        # the last weights of a run that diverged are not finite
        result = [getattr(result, f.name) for f in dataclasses.fields(result) if f.name not in ("params", "theta")]
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, list | tuple):
        for part in result:
            yield from numbers(part)
    elif isinstance(result, int | float | np.ndarray | np.generic):
        yield np.asarray(result, dtype=float)


def answer(entry, values, sort):
    """The answer or `Refused`, after every check that needs no other call."""
    before = snapshot(values)
    with warnings.catch_warnings(), within(SECONDS):
        warnings.simplefilter("error")
        try:
            result = entry.call(**values)
        except ValueError as error:
            result = Refused(error)
    assert snapshot(values) == before, "an argument is changed"
    if isinstance(result, Refused):
        assert named(result) & entry.arguments.keys(), f"the message names no argument: {result}"
        return result
    unusual = sort == "free"
    for array in numbers(result):
        assert not np.isnan(array).any() or (entry.overflows and unusual), f"NaN: {result}"
        infinite = entry.infinite is True or (entry.infinite == "free" and unusual)
        assert not np.isinf(array).any() or infinite, f"infinite: {result}"
    assert entry.holds(values, result) or sort == "bad", f"not true of the answer: {result}"
    return result


def named(message):
    return set(re.findall(r"`(\w+)", message))


def build(entry, seed, faults, fixed):
    """Arguments, of which ``faults`` {name: number} are spoilt, and the sort and names of the faults; ``fixed`` ones."""
    rng = np.random.default_rng(seed)
    sizes = {letter: int(rng.integers(1, most + 1)) for letter, most in h.SIZES.items()}
    sizes["N"] = min(sizes["N"], sizes["p"])
    values, done, sorts = {}, [], set()
    for name, kind in entry.arguments.items():
        absent = kind.optional and rng.integers(2) and name not in faults
        values[name] = None if absent else kind.draw(rng, sizes)
        if name in faults and (known := kind.faults()):
            what, act, sort = known[faults[name] % len(known)]
            values[name] = act(values[name])
            done.append(f"{name}: {what}")
            sorts.add(sort)
    return values | fixed, next((sort for sort in ("bad", "free", "same") if sort in sorts), "good"), done


def check(key, seed, faults, **fixed):
    """One call."""
    entry = LINES[key]
    values, sort, done = build(entry, seed, faults, fixed)
    try:
        found = answer(entry, values, sort)
        assert sort != "bad" or isinstance(found, Refused), f"accepted: {found}"
        assert sort != "good" or not isinstance(found, Refused), f"refused: {found}"
        if sort == "bad" and len(faults) == 1:
            assert named(found) & faults.keys(), f"another argument is named: {found}"
        if sort == "same":
            plain = {name: v if v is None else entry.arguments[name].plain(v) for name, v in values.items()}
            agree(found, answer(entry, plain, sort))
    except Exception as error:
        raise AssertionError(f"{key} of {done} at {seed}: {type(error).__name__}: {error}\n{values}") from error


def agree(found, expected):
    """The same answer, or a refusal where that is one."""
    assert isinstance(found, Refused) == isinstance(expected, Refused), f"{found} is not {expected}"
    for a, b in zip(numbers(found), numbers(expected), strict=True):
        assert a.shape == b.shape
        size = np.abs(b[np.isfinite(b)]).max(initial=0.0)
        close = np.allclose(a, b, rtol=1e-9, atol=1e-12 * size, equal_nan=True)
        assert close, f"{found} is not {expected}"


def public(module, names):
    for name in names:
        value = getattr(module, name)
        if callable(value) and not name.startswith("_") and name not in NOT_CALLED:
            yield value


def library():
    for module in EXPORTED:
        yield from public(module, module.__all__)
    for module in LIBRARY:
        own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
        yield from public(module, getattr(module, "__all__", own))


def test_every_public_function_has_a_line_and_every_argument_a_strategy():
    lines = {}
    for entry in LINES.values():
        lines.setdefault(entry.function, []).append(entry)
    for function in library():
        assert function in lines, f"{function.__name__} is not in the table"
        parameters = {name for name, p in inspect.signature(function).parameters.items()}
        assert any(parameters <= entry.arguments.keys() for entry in lines[function]), (
            f"{function.__name__}: {parameters}"
        )


@pytest.mark.parametrize("key", LINES)
def test_one_fault(key):
    """Every fault of every argument, unusual numbers with three draws of the others, and calls without one."""
    cases = [{}] * 3
    for name, kind in LINES[key].arguments.items():
        cases += [{name: i} for i, (_, _, sort) in enumerate(kind.faults()) for _ in range(3 if sort == "free" else 1)]
    for seed, faults in enumerate(cases):
        check(key, seed, faults)
    assert len(cases) > 3


@pytest.mark.parametrize("activation", activations.ACTIVATIONS)
@pytest.mark.parametrize("key", EVERY_ACTIVATION)
def test_every_activation_takes_unusual_inputs(key, activation):
    """The faults of X that depend on σ: raw data, zero rows, numbers whose squares leave float64."""
    names = [name for name, _, _ in LINES[key].arguments["X"].faults()]
    for seed, fault in enumerate(UNUSUAL):
        check(key, seed, {"X": names.index(fault)}, activation=activation)
    assert set(UNUSUAL) <= set(names)


@pytest.mark.parametrize("key", LINES)
@examples(10)
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_several_faults(key, seed, data):
    names = st.sampled_from(sorted(LINES[key].arguments))
    check(key, seed, data.draw(st.dictionaries(names, st.integers(0, 2**16), max_size=3)))
    assert key in LINES
