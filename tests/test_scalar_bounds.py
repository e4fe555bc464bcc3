"""Every bound of scalars: bad arguments are named, zeros are numbers, units do not matter, nothing overflows on the way."""

import inspect
import math
from decimal import Context, getcontext, localcontext

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory import convergence_bounds, lazy_bounds, scaled_bounds, width_bounds

# Argument by argument: how it scales when outputs are measured in another unit u and parameters in another unit v, for the
# same training; the last pair is how the bound must. A number of 1 stands for h, a Lipschitz constant of Dh for h/w².
OUTPUT, SLOPE, CURVATURE, DISTANCE, PURE = (1, 0), (1, -1), (1, -2), (0, 1), (0, 0)
BOUNDS = {
    scaled_bounds.relative_scale: ({"residual": OUTPUT, "curvature": CURVATURE, "slope": SLOPE, "alpha": PURE}, PURE),
    scaled_bounds.loss_criterion: (
        {"loss": (2, 0), "gradient": (2, -1), "curvature": CURVATURE, "slope": SLOPE, "alpha": PURE},
        PURE,
    ),
    scaled_bounds.largest_drift: ({"time": (-2, 2), "initial_loss": (2, 0), "alpha": PURE}, DISTANCE),
    scaled_bounds.least_scale: ({"horizon": PURE, "residual": OUTPUT, "lipschitz": SLOPE, "radius": DISTANCE}, PURE),
    scaled_bounds.finite_horizon_bound: (
        {"horizon": PURE, "residual": OUTPUT, "lipschitz": SLOPE, "jacobian_lipschitz": CURVATURE, "alpha": PURE},
        PURE,
    ),
    convergence_bounds.convergence_radius: ({"sigma": SLOPE, "lipschitz": CURVATURE, "r": DISTANCE}, DISTANCE),
    convergence_bounds.convergence_scale: ({"c": PURE, "norm": SLOPE, "sigma": SLOPE, "radius": DISTANCE}, OUTPUT),
    convergence_bounds.convergence_rate: ({"mu": PURE, "sigma": SLOPE}, (2, -2)),
    convergence_bounds.convergence_drift_bound: (
        {"c": PURE, "norm": SLOPE, "sigma": SLOPE, "targets": OUTPUT, "alpha": PURE},
        DISTANCE,
    ),
    convergence_bounds.convergence_prediction_bound: (
        {"c": PURE, "norm": SLOPE, "sigma": SLOPE, "lipschitz": CURVATURE, "targets": OUTPUT, "alpha": PURE},
        OUTPUT,
    ),
    convergence_bounds.decay_envelope: ({"mu": PURE, "M": PURE, "lam": (2, -2), "t": (-2, 2)}, PURE),
    convergence_bounds.stability_bound: ({"K": (3, -2), "norm": (2, -2), "lam": (2, -2), "mu": PURE}, OUTPUT),
    width_bounds.prediction_bound: (
        {"alpha": PURE, "slope": SLOPE, "curvature": CURVATURE, "path": DISTANCE, "drift": DISTANCE},
        OUTPUT,
    ),
    # κ is an output over √m parameters' unit: κ²λ/m is a kernel
    lazy_bounds.decay_rate: ({"kappa": OUTPUT, "m": PURE, "n": PURE, "lam": (0, -2)}, (2, -2)),
    lazy_bounds.drift_bound: (
        {"kappa": OUTPUT, "m": PURE, "n": PURE, "lam": (0, -2), "initial_loss": (2, 0)},
        DISTANCE,
    ),
    lazy_bounds.condition_threshold: ({"n": PURE, "lam": (0, -2), "initial_loss": (2, 0), "c_sigma": (0, -2)}, OUTPUT),
    lazy_bounds.kernel_change_bound: (
        {"n": PURE, "c_sigma": (0, -2), "jacobian_norm": (0, -1), "D": DISTANCE},
        (0, -2),
    ),
    lazy_bounds.linearization_bound: (
        {"n": PURE, "lam": (0, -2), "initial_loss": (2, 0), "kernel_change": (0, -2)},
        OUTPUT,
    ),
    lazy_bounds.layer_drift_bound: (
        {"kappa": OUTPUT, "m": PURE, "n": PURE, "lam": (0, -2), "initial_loss": (2, 0), "rate": PURE}
        | {"jacobian_norm": (0, -1), "slope": (0, -2), "other_rate": PURE},
        DISTANCE,
    ),
    lazy_bounds.balanced_growth: (
        {"kappa": OUTPUT, "targets": OUTPUT}
        | dict.fromkeys(("input_norm", "mean_square", "other_square", "ratio"), PURE),
        PURE,
    ),
    lazy_bounds.largest_step: ({"kappa": OUTPUT, "m": PURE, "n": PURE, "largest": (0, -2)}, (-2, 2)),
    lazy_bounds.descent_factor: ({"step": (-2, 2), "kappa": OUTPUT, "m": PURE, "n": PURE, "lam": (0, -2)}, PURE),
}
WHOLE = ("m", "n")
ZERO = (
    "residual",
    "curvature",
    "initial_loss",
    "loss",
    "path",
    "drift",
    "target",
    "targets",
    "spread",
    "time",
    "t",
    "horizon",
    "D",
)
ZERO += (
    "lipschitz",
    "jacobian_lipschitz",
    "K",
    "slope",
    "c_sigma",
    "jacobian_norm",
    "kernel_change",
    "rate",
    "other_rate",
)  # but see REFUSED
REFUSED = {
    (scaled_bounds.relative_scale, "slope"),
    (scaled_bounds.loss_criterion, "slope"),
    (scaled_bounds.least_scale, "lipschitz"),
    (scaled_bounds.finite_horizon_bound, "lipschitz"),
}
ARGUMENTS = [(bound, name) for bound, (units, _) in BOUNDS.items() for name in units]
bounds = pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: bound.__name__)
arguments = pytest.mark.parametrize("bound, name", ARGUMENTS, ids=lambda value: getattr(value, "__name__", value))


def valid(bound, seed=0):
    """Arguments within the domain: c ≥ 1, ‖Dh‖ ≥ σ, M ≥ μ, ‖Σ‖ ≥ λ, a small step."""
    rng, values = np.random.default_rng(seed), {}
    for name in BOUNDS[bound][0]:
        values[name] = int(rng.integers(1, 50)) if name in WHOLE else float(rng.uniform(0.5, 2))
        if name in ("c", "norm", "M"):
            values[name] += 2
    return values | ({"step": 1e-3} if "step" in values else {})


@bounds
@given(seed=st.integers(0, 2**32 - 1), u=st.integers(-100, 100), v=st.integers(-60, 60))
def test_units_do_not_matter(bound, seed, u, v):
    """Outputs in units of 2^u, parameters in units of 2^v: the bound is the same in its own unit, whatever the powers meet."""
    units, own = BOUNDS[bound]
    values = valid(bound, seed)
    other = {
        name: x * 2.0 ** (units[name][0] * u + units[name][1] * v) for name, x in values.items() if name not in WHOLE
    }
    found, expected = bound(**values | other), bound(**values) * 2.0 ** (own[0] * u + own[1] * v)
    assert found == pytest.approx(expected, rel=1e-14) and math.isfinite(found) and found > 0


@arguments
def test_bad_arguments_are_named(bound, name):
    for wrong in (math.nan, math.inf, -math.inf, -1.0, -1, "1", True, 1j, None, [1.0], np.ones(2), 10**400):
        with pytest.raises(ValueError, match=rf"`{name}` must be "):
            bound(**valid(bound) | {name: wrong})


@arguments
def test_zeros_are_numbers_where_the_theorem_has_them(bound, name):
    zero = valid(bound) | {name: 0.0}
    if name in ZERO and (bound, name) not in REFUSED:
        assert 0 <= bound(**zero) < math.inf
    else:
        with pytest.raises(ValueError, match=rf"`{name}` must be a"):
            bound(**zero)


@bounds
@given(logs=st.lists(st.floats(-323, 308), min_size=9, max_size=9))
def test_arguments_of_any_size_give_a_number_or_one_sentence(bound, logs):
    values = {name: 10.0**log for name, log in zip(BOUNDS[bound][0], logs, strict=False)}
    values |= {name: int(2 ** (abs(values[name]) % 53)) for name in WHOLE if name in values}
    try:
        assert 0 <= bound(**values) < math.inf
    except ValueError as error:
        assert "within float64" in str(error) or "must be at " in str(error)


@pytest.mark.parametrize(
    "found, expected",
    [
        (lambda: scaled_bounds.relative_scale(1.0, 0.0, 1.0), 0.0),  # a linear model
        (lambda: scaled_bounds.relative_scale(0.0, 1.0, 1.0), 0.0),  # y* = αh(w_0)
        (lambda: scaled_bounds.largest_drift(3.0, 0.0, 1.0), 0.0),
        (lambda: convergence_bounds.convergence_radius(1.0, 0.0, 7.0), 7.0),  # Dh is constant
        (lambda: convergence_bounds.stability_bound(0.0, 2.0, 1.0, 1.0), 0.0),
        (lambda: convergence_bounds.decay_envelope(1.0, 1.0, 1.0, 1e300), 0.0),  # e^{−10^300} is below float64
        (lambda: width_bounds.prediction_bound(2.0, 3.0, 5.0, 0.0, 0.0), 0.0),
        (lambda: width_bounds.prediction_bound(2.0, 3.0, 5.0, 0.5, 0.1), 3.05),  # 2·3·½ + (2/2)·5/100
        (lambda: width_bounds.scale_of_start(1e-100, 3), 1e-300),
        (lambda: width_bounds.scale_of_start(1e-100, 4), 0.0),
        (lambda: width_bounds.time_factor(2.0, 1), 1.0),
        (lambda: width_bounds.time_factor(0.5, 4), 2.0**-6),
        (lambda: width_bounds.width_exponent(0.0), -1.0),  # α = 1
        (lambda: width_bounds.kernel_change_exponent(0.5), -1.0),
        (lambda: scaled_bounds.relative_scale(3.0, 5.0, 2.0, 7.0), 15 / 28),
        (lambda: scaled_bounds.largest_drift(2.0, 8.0, 3.0), 4 / 3),
        (lambda: scaled_bounds.loss_criterion(3.0, 2.0, 5.0, 4.0, 7.0), 15 / 56),
        (lambda: scaled_bounds.least_scale(3.0, 5.0, 2.0, 7.0), 15 / 14),
        (lambda: scaled_bounds.finite_horizon_bound(3.0, 5.0, 2.0, 7.0, 11.0), 315 / 44),
        (lambda: convergence_bounds.convergence_scale(1.0, 1.0, 1.0, 1.0), 1 / 16),
        (lambda: convergence_bounds.convergence_scale(4.0, 1.0, 1.0, 1.0), 1 / 128),
        (lambda: convergence_bounds.convergence_rate(2.0, 3.0), 4.5),
        (lambda: convergence_bounds.convergence_drift_bound(4.0, 1.0, 1.0, 1.0, 2.0), 24.0),
        (lambda: convergence_bounds.convergence_prediction_bound(4.0, 1.0, 1.0, 1.0, 1.0, 2.0), 480.0),
        (lambda: convergence_bounds.stability_bound(3.0, 16.0, 4.0, 0.5), 3.0),
        (lambda: lazy_bounds.condition_threshold(3, 0.5, 4.0, 2.0), 192 * math.sqrt(2)),
        (lambda: lazy_bounds.condition_threshold(8, 0.5, 4.0, 2.0, largest=4.0), 512.0),
        (lambda: lazy_bounds.linearization_bound(2, 0.5, 4.0, 3.0), 48 / math.e),
        (lambda: lazy_bounds.largest_step(2.0, 4, 6, 3.0), 1.0),
        (lambda: lazy_bounds.descent_factor(0.5, 2.0, 4, 6, 3.0), 0.875),
        (lambda: lazy_bounds.drift_bound(2.0, 4, 6, 3.0, 2.0), 4.0),
        (lambda: lazy_bounds.condition_threshold(3, 0.5, 0.0, 1.0), 0.0),
        (lambda: lazy_bounds.drift_bound(1.0, 1, 1, 1.0, 0.0), 0.0),
        (lambda: lazy_bounds.decay_rate(1e200, 3, 5, 1e-300), 1e100 / 15),
        (lambda: lazy_bounds.drift_bound(1e-200, 1, 1, 1e300, 1e-100), 2.0),
    ],
)
def test_values(found, expected):
    assert found() == pytest.approx(expected, rel=1e-14, abs=0)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: lazy_bounds.decay_rate(1e200, 1, 1, 1.0), r"`kappa` 1e\+200, `m` 1, `n` 1, `lam` 1.0 must give a decay_rate"),
        (lambda: width_bounds.time_factor(1e300, 10**6), "`s` 1e.300, `degree` 1000000 must give a time_factor within float64"),
        (lambda: width_bounds.scale_of_start(2.0, 0), "`degree` must be a whole number of at least 1, got 0"),
        (lambda: width_bounds.width_exponent(math.nan), "`beta` must be a finite number, got nan"),
        (lambda: convergence_bounds.convergence_scale(0.5, 1.0, 1.0, 1.0), "`c` = M/μ must be at least 1, got 0.5"),
        (lambda: convergence_bounds.convergence_drift_bound(1.0, 1.0, 2.0, 1.0, 1.0), "`sigma` must be at most `norm` = 1"),
        (lambda: scaled_bounds.scalar_distance(-1e-9), "`horizon` must be a finite number of at least 0, got -1e-09"),
    ],
)  # fmt: skip
def test_what_is_outside_the_theorem_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_callers_decimal_context_neither_matters_nor_changes():
    with localcontext(Context(prec=2)) as own:
        assert lazy_bounds.decay_rate(1.234567, 1, 3, 1.0) == pytest.approx(1.234567**2 / 3, rel=1e-15)
        assert getcontext() is own and own.prec == 2


def test_every_bound_of_scalars_stands_in_the_table():
    own = {
        scaled_bounds.scalar_distance,
        width_bounds.scale_of_start,
        width_bounds.time_factor,
        width_bounds.width_exponent,
        width_bounds.kernel_change_exponent,
        width_bounds.width_constant,
    }
    own |= {lazy_bounds.rated_kernel, lazy_bounds.drift_constant, lazy_bounds.uncentred_drift_square}
    own |= {lazy_bounds.rated_drift_constant, lazy_bounds.layer_drift_constants, lazy_bounds.feature_constant}
    for module in (lazy_bounds, scaled_bounds, convergence_bounds, width_bounds):
        public = {f for name, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == module.__name__}
        assert {f for f in public if not f.__name__.startswith("_")} <= set(BOUNDS) | own


@given(log=st.floats(-323, 2.8))
def test_distance_of_the_scalar_model(log):
    """Against 60 digits; in (0, 1], where cancelling terms gave 1.00000015 at K = 1e-9 and 1.18 at 1e-15."""
    horizon = 10.0**log
    with mpmath.workdps(700):
        K = mpmath.mpf(horizon)
        exact = 2 / K**2 * mpmath.exp(-K) * (K - 1 + mpmath.exp(-K))
    found = scaled_bounds.scalar_distance(horizon)
    assert found == pytest.approx(float(exact), rel=1e-15 * max(1, horizon)) and 0 < found <= 1
    assert scaled_bounds.scalar_distance(horizon * 1.001) <= found


def test_distance_of_the_scalar_model_at_the_ends():
    assert [scaled_bounds.scalar_distance(K) for K in (0.0, 1e-300, 1e-15)] == [1.0, 1.0, pytest.approx(1, abs=2e-15)]
    assert scaled_bounds.scalar_distance(1e-9) == pytest.approx(1 - 4e-9 / 3, abs=2e-16)
    below, above = (scaled_bounds.scalar_distance(K) for K in (1.0, np.nextafter(1, 2)))
    assert below == pytest.approx(above, rel=1e-15) and below == pytest.approx(2 * np.exp(-2), rel=1e-15)
    assert scaled_bounds.scalar_distance(1e308) == 0  # below float64
