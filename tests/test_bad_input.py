"""Every public function answers bad input with one ValueError that names argument and value, before any work."""

from dataclasses import replace

import numpy as np
import pytest

from checks.judges import Draws, Slope
from checks.measurements.data import inputs
from kernels import Parameters, forward, gradient_descent, gradient_flow, init_parameters, layer_grams
from kernels.convolution import ConvolutionalNetwork
from kernels.ensemble import ensemble_grams
from kernels.losses import LogCoshLoss, SquareLoss
from kernels.model_flow import model_flow
from kernels.models import Centred, ComponentwiseMap, Factorization, QuadraticMap, TwoLayerModel
from kernels.residual import ResidualNetwork
from theory import dual_activation, gram_fluctuations, limit_grams, linearized_flow

X = np.eye(3)[:, :2] + 0.5
PARAMS = init_parameters(0, 2, 4, hidden_layers=2)
NAN, INFINITE = X.copy(), X.copy()
NAN[1, 0] = np.nan
INFINITE[2, 1] = np.inf


def network(function, *, params=PARAMS, x=X, activation="relu", kappa=1.0):
    return lambda: function(params, x, activation=activation, kappa=kappa)


def limits(x=X, x2=None, *, hidden_layers=1, activation="relu", **options):
    return lambda: limit_grams(x, x2, hidden_layers=hidden_layers, activation=activation, **options)


def dual(q1, q2, correlation, *, f=np.sin, strip=None):
    return lambda: dual_activation(f, np.sin, q1, q2, correlation, strip=strip)


def init(seed, d, m, *, L):
    return lambda: init_parameters(seed, d, m, hidden_layers=L)


RESIDUAL = {"X": X, "activation": "relu", "kappa": 1.0, "width": 4, "hidden_layers": 2}
CONVOLUTION = ConvolutionalNetwork(X[:, :, None], "relu", 1.0, 2, 2, 2)


def residual_grams(times=1.0, **changes):
    return lambda: (found := ResidualNetwork(**RESIDUAL | changes)).block_grams(times * found.initial(0))


def ensemble(**changes):
    return lambda: ensemble_grams(**{"seed": 0, "X": X, "widths": [4], "draws": 1, "activation": "relu"} | changes)


def convolution_grams(**changes):
    return lambda: (found := replace(CONVOLUTION, **changes)).block_grams(found.initial(0))


WIDE = Parameters(tuple(1e10 * W for W in PARAMS.weights), PARAMS.output)
LARGE = Parameters(PARAMS.weights, 1e10 * PARAMS.output)


def train(function, params=PARAMS, *, y=(1.0, 2.0, 3.0), **options):
    options = {"activation": "tanh", "kappa": 1.0} | options
    return lambda: function(params, X, np.array(y), **options)


def flow(params=PARAMS, **options):
    return train(gradient_flow, params, **options)


def descent(**options):
    return train(gradient_descent, **({"step": 0.1, "steps": 3} | options))


def linear(K=((2.0, 1.0), (1.0, 2.0)), y=(1.0, 1.0), times=(0.0, 1.0), **options):
    return lambda: linearized_flow(np.array(K), np.array(y), np.array(times), **options)


def of_model(targets=(1.0, 2.0), start=(0.0, 0.0), **options):
    return lambda: model_flow(ComponentwiseMap("sin"), SquareLoss(np.array(targets)), np.array(start), **options)


CASES = {
    "empty": (limits(np.empty((0, 2))), r"`X` must have shape \(n, d\), got \(0, 2\)"),
    "one dimension": (limits(np.ones(3)), r"`X` must have shape \(n, d\), got \(3,\)"),
    "text": (limits([["a", "b"]]), "`X` must hold real numbers, got strings"),
    "nan": (limits(NAN), r"`X` must be finite, got nan at \(1, 0\)"),
    "infinite": (limits(INFINITE), r"`X` must be finite, got inf at \(2, 1\)"),
    "columns": (limits(X, np.ones((2, 3))), r"`X2` must have the columns of `X` \(2\), got 3"),
    "huge norm": (limits(1e200 * X), r"`X` must have row norms that are 0 or between 1e-150 and 1e\+150; row 0 has norm 1.58"),
    "tiny norm of X2": (limits(X, 1e-200 * X), "`X2` must have row norms that are 0 or between 1e-150"),
    "out of another shape": (limits(out=np.empty((3, 3, 3))), r"`out` must have shape \(2, 3, 3\), got \(3, 3, 3\)"),
    "out of float32": (limits(out=np.empty((2, 3, 3), "f")), "`out` must be C-ordered, writable and of dtype float64, got"),
    "transposed out": (limits(out=np.empty((2, 3, 3)).T.reshape(2, 3, 3, order="F")), "`out` must be C-ordered"),
    "layers": (limits(layers=1), "`layers` must be True or False, got 1"),
    "depth 0": (limits(hidden_layers=0), "`hidden_layers` must be a whole number of at least 1, got 0"),
    "depth 1.5": (limits(hidden_layers=1.5), "`hidden_layers` must be a whole number of at least 1, got 1.5"),
    "near match": (limits(activation="Relu"), "`activation` 'Relu' is unknown: did you mean 'relu'"),
    "no match": (limits(activation="zzz"), "`activation` 'zzz' is unknown: known are relu, leaky_relu"),
    "tanh range": (limits(1e9 * X, activation="tanh"), r"between 1e-150 and 1e\+08 for tanh.*row 0 has norm 1.58114e\+09"),
    "erf range": (limits(1e78 * X, activation="erf"), r"between 1e-150 and 1e\+08 for erf"),
    "softplus range": (limits(X, 1e9 * X, activation="softplus"), r"`X2` must have row norms .* and 1e\+08 for softplus"),
    "fluctuation range": (lambda: gram_fluctuations(20 * X, activation="tanh"), "between 1e-150 and 12 for tanh, whose fourth"),
    "fluctuation overflow": (lambda: gram_fluctuations(1e80 * X, activation="relu"), r"between 1e-150 and 1e\+75 for relu"),
    "fluctuation activation": (lambda: gram_fluctuations(X, activation="tahn"), "did you mean 'tanh'"),
    "fluctuation nan": (lambda: gram_fluctuations(NAN, activation="tanh"), "`X` must be finite"),
    "variance": (dual(-np.ones(1), np.ones(1), np.zeros((1, 1))), "`variance1` must not be negative, got -1"),
    "variance nan": (dual(np.ones(1), [np.nan], np.zeros((1, 1))), r"`variance2` must be finite, got nan at \(0,\)"),
    "large variance": (dual([1e12], [1e12], [[0.5]]), "`f` is not resolved by .* Hermite terms at variance 1e\\+12"),
    "strip for the variance": (dual([1e12], [1e12], [[0.5]], strip=1.0), "`strip` must be at least 1.07e.05 at variance"),
    "strip 0": (dual([1.0], [1.0], [[0.5]], strip=0), "`strip` must be a positive finite number, got 0"),
    "strip -1": (dual([1.0], [1.0], [[0.5]], strip=-1.0), "`strip` must be a positive finite number, got -1.0"),
    "tiny strip": (dual([1.0], [1.0], [[0.5]], strip=5e-324), "`strip` must be at least 0.107 at variance 1"),
    "no function": (dual([1.0], [1.0], [[0.5]], f=3), "`f` and `g` must be functions of arrays, got 3, which raises"),
    "scalar function": (dual([1.0], [1.0], [[0.5]], f=lambda u: 1.0), "map arrays to arrays of finite real numbers"),
    "complex function": (dual([1.0], [1.0], [[0.5]], f=lambda u: 1j * u), "finite real numbers .* got complex128"),
    "infinite function": (dual([1e6], [1.0], [[0.5]], f=np.exp), "finite real numbers .* got inf at"),
    "correlation": (dual(np.ones(1), np.ones(1), np.full((1, 1), 1.5)), r"in \[-1, 1\], got 1.5"),
    "correlation shape": (dual(np.ones(1), np.ones(2), np.zeros((1, 1))), r"shape \(1, 2\), got"),
    "width 0": (init(0, 2, 0, L=1), "`width` must be a whole number of at least 1, got 0"),
    "negative width": (init(0, 2, -3, L=1), "`width` must be a whole number of at least 1, got -3"),
    "input dimension": (init(0, 0, 3, L=1), "`input_dim` must be"),
    "no layers": (init(0, 2, 3, L=0), "`hidden_layers` must be"),
    "negative seed": (init(-1, 2, 3, L=1), "`seed` must be a whole number of at least 0, got -1"),
    "boolean seed": (init(True, 2, 3, L=1), "`seed` must be"),
    "no weights": (lambda: Parameters((), np.ones(2)), "`weights` must be a non-empty tuple"),
    "W^2 not square": (lambda: Parameters((X, X), np.ones(3)), r"`weights\[1\]` must have shape \(3, 3\)"),
    "output length": (lambda: Parameters((np.ones((3, 2)),), np.ones(2)), r"`output` must have shape \(3,\), got \(2,\)"),
    "weight nan": (lambda: Parameters((np.full((3, 2), np.nan),), np.ones(3)), r"`weights\[0\]` must be finite, got nan"),
    "data kind": (lambda: inputs("faces", n=2, seed=0), "`kind` must be one of 'random', 'digits', 'diabetes', got 'faces'"),
    "two widths": (lambda: Slope(0.0, 1.0)(Draws(np.ones((6, 2)), [1, 2])), "at least three sizes"),
}  # fmt: skip
CASES |= {
    "targets": (flow(y=(1.0, 2.0)), r"`y` must have shape \(3,\), got \(2,\)"),
    "target nan": (flow(y=(1.0, np.nan, 2.0)), r"`y` must be finite, got nan at \(1,\)"),
    "flow kappa": (flow(kappa=-1.0), "`kappa` must be a positive finite number, got -1.0"),
    "centred overflow": (flow(LARGE, kappa=1e300, centred=True), r"outputs at the start finite .*got 1e\+300"),
    "rates": (flow(layer_rates=[1.0, 1.0]), r"`layer_rates` must have shape \(3,\), got \(2,\)"),
    "negative rate": (flow(layer_rates=[1.0, -1.0, 1.0]), r"`layer_rates` must not be negative, nor all zero, got \[1.0, -1"),
    "no rate": (flow(layer_rates=[0.0, 0.0, 0.0]), "`layer_rates` must not be negative, nor all zero"),
    "end": (flow(t_end=0.0), "`t_end` must be a positive finite number, got 0.0"),
    "loss ratio": (flow(loss_ratio=-1e-3), "`loss_ratio` must be a positive finite number"),
    "rtol": (flow(rtol=0), "`rtol` must be a positive finite number, got 0"),
    "evaluations": (flow(max_evaluations=0), "`max_evaluations` must be a whole number of at least 1, got 0"),
    "times": (flow(times=[1.0, 0.5]), r"`times` must be increasing and not negative, got \[1.0, 0.5\]"),
    "negative time": (flow(times=[-1.0, 0.5]), "`times` must be increasing and not negative"),
    "late time": (flow(times=[1.0, 2.0], t_end=1.5), r"`times` must end in \(0, `t_end`\], got 2 with t_end 1.5"),
    "only time 0": (flow(times=[0.0]), r"`times` must end in \(0, `t_end`\]"),
    "test inputs": (flow(X_test=np.ones((2, 5))), r"`X_test` must have shape \(n_test, 2\), got \(2, 5\)"),
    "step": (descent(step=-0.1), "`step` must be a positive finite number, got -0.1"),
    "steps": (descent(steps=0), "`steps` must be a whole number of at least 1, got 0"),
    "batch": (descent(batch_size=4), "`batch_size` must be at most the number of samples, 3, got 4"),
    "batch 0": (descent(batch_size=0), "`batch_size` must be a whole number of at least 1"),
    "record": (descent(record_every=0), "`record_every` must be a whole number of at least 1"),
    "descent seed": (descent(batch_size=2, seed=-1), "`seed` must be a whole number of at least 0, got -1"),
    "loss constants": (lambda: LogCoshLoss(np.ones(2), 2.0, 1.0), "`mu` must be at most `M` = 1, got 2"),
    "loss weight": (lambda: SquareLoss(np.ones(2), 0.0), "`weight` must be a positive finite number, got 0.0"),
    "loss targets": (lambda: SquareLoss(np.array([np.inf])), "`targets` must be finite"),
    "map name": (lambda: ComponentwiseMap("sine"), "`name` 'sine' is unknown: did you mean 'sin'"),
    "map symmetry": (lambda: QuadraticMap(X, np.ones((3, 2, 2)) + np.eye(2)[:1]), "`A` must hold symmetric matrices"),
    "map directions": (lambda: QuadraticMap.along_directions(X, X, 1.0), "`U` must have orthonormal rows"),
    "map activation": (lambda: TwoLayerModel(X, "relu"), "`activation` 'relu' is unknown: known are tanh, sin"),
    "outputs of a map": (of_model(targets=(1.0,)), r"`model` must have as many outputs as .* targets, \(1,\), got \(2,\)"),
    "alpha": (of_model(alpha=0.0), "`alpha` must be a positive finite number, got 0.0"),
    "start": (of_model(start=(0.0, np.nan)), "`start` must be finite"),
    "atol": (of_model(atol=-1.0), "`atol` must be a positive finite number"),
    "K shape": (linear(y=(1.0, 1.0, 1.0)), r"`K` must have shape \(3, 3\), got \(2, 2\)"),
    "K symmetry": (linear(K=((2.0, 1.0), (0.0, 2.0))), r"`K` must be symmetric, got 1.0 at \(0, 1\) and 0.0 at \(1, 0\)"),
    "K nan": (linear(K=((np.nan, 1.0), (1.0, 2.0))), r"`K` must be finite, got nan at \(0, 0\)"),
    "linear times": (linear(times=(-1.0,)), "`times` must not be negative, got -1"),
    "linear weight": (linear(weight=-1.0), "`weight` must be a positive finite number, got -1.0"),
    "f0": (linear(f0=np.ones(3)), r"`f0` must have shape \(2,\), got \(3,\)"),
    "K_test": (linear(K_test=np.ones((2, 3))), r"`K_test` must have shape \(n_test, 2\), got \(2, 3\)"),
    "f0_test": (linear(f0_test=np.ones(1)), "`f0_test` needs `K_test`"),
}  # fmt: skip
CASES |= {
    "huge weights": (lambda: Parameters((1e200 * X,), np.ones(3)), r"`weights\[0\]` must be at most 1e\+150 in size, got"),
    "output of shape (1, m)": (lambda: Parameters((X,), np.ones((1, 3))), r"\(3,\), got \(1, 3\); np.ravel\(output\) has"),
    "y of shape (n, 1)": (flow(y=((1.0,), (2.0,), (3.0,))), r"`y` must have shape \(3,\), got \(3, 1\); np.ravel\(y\) has one"),
    "too many weights": (init(0, 2, 2**20, L=3), r"`width`, `input_dim` and `hidden_layers` must give at most 2\^36 weights"),
    "huge width": (init(0, 2, 10**30, L=3), "`width` must be a whole number of at most 4294967296, got 1000000000"),
    "outputs overflow by kappa": (network(forward, x=1e9 * X, kappa=1.7e308), r"`kappa` must leave .* finite, got 1.7e\+308"),
    "outputs overflow by X": (
        lambda: forward(Parameters((np.full((3, 2), 1e120), np.full((3, 3), 1e120)), np.ones(3)), 1e140 * X,
                        activation="relu", kappa=1.0), r"`X` must leave the result finite, got entries of up to 1.5e\+140"),
    "grams overflow by kappa": (network(layer_grams, kappa=1e200), r"`kappa` must leave the result finite, got 1e\+200"),
    "grams overflow by X": (network(layer_grams, params=WIDE, x=1e149 * X), r"`X` must leave .* entries of up to 1.5e\+149"),
    "grams overflow by the output": (
        network(layer_grams, params=Parameters(PARAMS.weights, 1e149 * np.ones(4)), x=1e7 * X),
        r"`params` must leave the result finite, got entries of up to 1e\+149"),
    "huge X": (network(forward, x=1e200 * X), r"`X` must be at most 1e\+150 in size, got 1.5e\+200 at \(0, 0\)"),
    "ensemble X": (ensemble(X=1e200 * X), r"`X` must be at most 1e\+150 in size, got 1.5e\+200"),
    "ensemble seed": (ensemble(seed=-1), "`seed` must be a whole number of at least 0, got -1"),
    "ensemble width": (ensemble(widths=[4.0]), "`widths` must be a whole number"),
    "ensemble draws": (ensemble(widths=[2**31], draws=3), "`draws` must be .* at most 2, got 3"),
    "ensemble bytes": (ensemble(widths=b"1"), "`widths` must be a non-empty increasing list, got bytes"),
    "residual kappa": (residual_grams(kappa=1e200), r"`kappa` must leave the result finite, got 1e\+200"),
    "residual X": (residual_grams(times=1e10, X=1e149 * X), r"`X` must leave .* got entries of up to 1.5e\+149"),
    "residual scale": (residual_grams(branch_scale=-1.0), "`branch_scale` must be a finite number of at least 0, got -1.0"),
    "residual flag": (residual_grams(second_weights=1), "`second_weights` must be True or False, got 1"),
    "convolution kappa": (convolution_grams(kappa=1e200), r"`kappa` must leave the result finite, got 1e\+200"),
    "convolution w": (lambda: CONVOLUTION.block_grams(np.ones(3)), r"`w` must have shape \(16,\), got \(3,\)"),
    "map w": (lambda: TwoLayerModel(X, "tanh")(np.ones(4)), "`w` must hold 3 weights for every neuron, got 4 weights"),
    "map weights of words": (lambda: ComponentwiseMap("sin").jacobian(["a"]), "`w` must hold real numbers, got strings"),
    "map radius": (lambda: ComponentwiseMap("cubic").jacobian_lipschitz(np.ones(2), -1.0), "`radius` must be a finite number"),
    "map rank": (lambda: Factorization(2, 2, 0), "`rank` must be a whole number of at least 1, got 0"),
    "map without Jacobian": (lambda: Centred(np.sin, np.ones(2)), "`model` must be a map with a Jacobian, got ufunc"),
    "map asymmetric": (lambda: QuadraticMap(np.ones((1, 2)), [[[1, 2], [3, 1]]]), r"`A` must .* 2.0 and 3.0 in A\[0\]"),
}  # fmt: skip
for name, function in (("forward", forward), ("layer_grams", layer_grams)):
    CASES |= {
        f"{name} columns": (network(function, x=np.ones((2, 3))), r"`X` must have shape \(n, 2\), got \(2, 3\)"),
        f"{name} empty": (network(function, x=np.empty((0, 2))), r"`X` must have shape \(n, 2\), got \(0, 2\)"),
        f"{name} nan": (network(function, x=NAN), r"`X` must be finite, got nan at \(1, 0\)"),
        f"{name} kappa 0": (network(function, kappa=0), "`kappa` must be a positive finite number, got 0"),
        f"{name} kappa -1": (network(function, kappa=-1.0), "`kappa` must be a positive finite number, got -1.0"),
        f"{name} kappa nan": (network(function, kappa=np.nan), "`kappa` must be a positive finite number, got nan"),
        f"{name} activation": (
            network(function, activation="tan"),
            "`activation` 'tan' is unknown: did you mean 'tanh'",
        ),
        f"{name} params": (
            network(function, params=(X, X)),
            r"`params` must be Parameters or StreamedParameters \(see init_parameters\), got tuple",
        ),
    }


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_clear_value_error(case):
    call, message = CASES[case]
    with pytest.raises(ValueError, match=message):
        call()
