"""What raw weights amount to: the raw network, written out with its own gradient, trains as the normalised one says."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kernels import forward, gradient_descent, init_parameters, layer_grams
from kernels.activations import activate
from theory.parametrization import layer_rates, normalized_network, output_scale, standard_betas

seeds = st.integers(0, 2**32 - 1)
ALL = ("relu", "leaky_relu", "abs", "identity", "erf", "gelu", "sin", "cos", "tanh", "sigmoid", "softplus")


def raw_network(weights, X, activation):
    """Outputs a·σ(W^L … σ(W^1x)) (n,), and the Jacobians (n, ·) of all weights, for raw ``weights`` (W^1, …, a)."""
    *inner, a = weights
    values, slopes = [X.T], []
    for W in inner:
        z = np.ascontiguousarray(W @ values[-1])
        slopes.append(activate(activation, z))
        values.append(z)
    back, jacobians = np.repeat(a[:, None], len(X), axis=1), [values[-1].T]
    for W, x, slope in zip(inner[::-1], values[-2::-1], slopes[::-1], strict=True):
        back = slope * back
        jacobians.append(np.einsum("in,jn->nij", back, x).reshape(len(X), -1))
        back = W.T @ back
    return a @ values[-1], jacobians[::-1]


def raw_descent(weights, X, y, activation, step, steps):
    """Losses of all steps on (1/2n)‖f − y‖², and the distances ‖θ_k − θ_0‖ of all raw weights together."""
    start, losses, moved = [W.copy() for W in weights], [], []
    for _ in range(steps + 1):
        f, jacobians = raw_network(weights, X, activation)
        losses.append(0.5 * np.mean((f - y) ** 2))
        moved.append(np.sqrt(sum(((W - W_0) ** 2).sum() for W, W_0 in zip(weights, start, strict=True))))
        steps_of = [step / len(X) * (f - y) @ J for J in jacobians]
        weights = [W - s.reshape(W.shape) for W, s in zip(weights, steps_of, strict=True)]
    return np.array(losses), np.array(moved)


def compare(seed, activation, betas, m=12, d=3, n=4, steps=5):
    """Losses, outputs, kernels and distances of the raw network and of the normalised one, which should be equal."""
    rng, L = np.random.default_rng(seed), len(betas) - 1
    params, X, y = init_parameters(seed, d, m, hidden_layers=L), rng.normal(size=(n, d)), rng.normal(size=n)
    raw = [beta * W for beta, W in zip(betas, (*params.weights, params.output), strict=True)]
    net = normalized_network(betas, m, activation=activation)
    model = {"activation": activation, "kappa": net.kappa}
    f, jacobians = raw_network(raw, X, activation)
    kernel = sum(J @ J.T for J in jacobians)
    step = 0.5 * n / np.linalg.eigvalsh(kernel)[-1]
    with np.errstate(over="ignore", invalid="ignore"):
        losses, moved = raw_descent(raw, X, y, activation, step, steps)
    assume((losses <= 10 * losses[0]).all())  # in a rich network the step may be too long after one step
    run = gradient_descent(params, net.input_scale * X, y, step=step, steps=steps, layer_rates=net.layer_rates, **model)
    grams = layer_grams(params, net.input_scale * X, **model)
    return (
        (forward(params, net.input_scale * X, **model), f),
        (np.tensordot(net.layer_rates, grams, axes=1), kernel),
        (run.losses, losses),
        (np.linalg.norm(run.layer_drift / np.sqrt(net.layer_rates), axis=1), moved),
    )


@given(seed=seeds, activation=st.sampled_from(ALL), logs=st.tuples(*[st.floats(-1, 0.5)] * 2))
def test_one_hidden_layer_of_any_activation(seed, activation, logs):
    for found, expected in compare(seed, activation, 10.0 ** np.array(logs)):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(seed=seeds, activation=st.sampled_from(ALL[:4]), logs=st.lists(st.floats(-0.7, 0.3), min_size=3, max_size=4))
def test_deep_homogeneous_networks(seed, activation, logs):
    for found, expected in compare(seed, activation, 10.0 ** np.array(logs)):
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-11)


@given(seed=seeds, activation=st.sampled_from(ALL), L=st.integers(2, 4), log=st.floats(-1, 0.5))
def test_deep_networks_of_any_activation_with_inner_weights_of_size_m_to_the_minus_half(seed, activation, L, log):
    """As in LeCun's scheme; for 1-homogeneous σ the two ways to write the same network agree."""
    betas = np.array([10.0**log, *[12**-0.5] * (L - 1), 0.3])
    for found, expected in compare(seed, activation, betas):
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-11)


def test_tanh_with_the_scale_of_relu_is_another_network():
    """tanh 4-64-1, He: κ of all betas on inputs as they are puts the outputs a fifth and the kernel two fifths off."""
    rng, betas = np.random.default_rng(0), standard_betas("he", 4, 64, 1)
    X = rng.normal(size=(20, 4))
    params = init_parameters(0, 4, 64, hidden_layers=1)
    outputs, jacobians = raw_network([betas[0] * params.weights[0], betas[1] * params.output], X, "tanh")
    net, wrong = normalized_network(betas, 64, activation="tanh"), output_scale(betas, 64, activation="relu")
    assert forward(params, net.input_scale * X, activation="tanh", kappa=net.kappa) == pytest.approx(outputs, rel=1e-12)
    off = np.linalg.norm(forward(params, X, activation="tanh", kappa=wrong) - outputs) / np.linalg.norm(outputs)
    assert 0.15 < off < 0.3
    grams = layer_grams(params, X, activation="tanh", kappa=wrong)
    kernel = sum(J @ J.T for J in jacobians)
    assert 0.3 < np.linalg.norm(np.tensordot(net.layer_rates, grams, axes=1) - kernel) / np.linalg.norm(kernel) < 0.5
    with pytest.raises(ValueError, match=r"`activation` must be 1-homogeneous, .*, got 'tanh': for others see"):
        output_scale(betas, 64, activation="tanh")


def test_deep_he_networks_with_tanh_are_refused_with_the_reason():
    """LeCun's and Xavier's inner weights are of size m^{−½}; He's are not."""
    lecun, xavier = (
        normalized_network(standard_betas(s, 4, 64, 2), 64, activation="tanh") for s in ("lecun", "xavier")
    )
    assert lecun.kappa == pytest.approx(8) and lecun.input_scale == 0.5 and xavier.kappa > 8
    with pytest.raises(ValueError, match=r"`betas` of W\^2 … W\^L must be m\^\(-1/2\) = 0.125 for tanh.* of σ\(z\)"):
        normalized_network(standard_betas("he", 4, 64, 2), 64, activation="tanh")


@given(d=st.integers(1, 100), m=st.integers(1, 10_000), L=st.integers(1, 4))
def test_kappa_of_the_schemes_in_use(d, m, L):
    kappa = lambda name, depth=L: output_scale(standard_betas(name, d, m, depth), m, activation="relu")  # noqa: E731
    assert np.isclose(kappa("he"), 2 ** ((L + 1) / 2) * np.sqrt(m / d))
    assert np.isclose(kappa("lecun"), np.sqrt(m / d))
    assert np.isclose(kappa("xavier", 1), 2 * m / np.sqrt((m + d) * (m + 1)))
    assert np.isclose(kappa("ntk"), np.sqrt(m))
    assert np.isclose(kappa("mean field", 1), 1.0)


def test_extreme_betas_do_not_overflow_on_the_way():
    assert output_scale([1e-200, 1e-200, 1e300, 1e300], 1, activation="relu") == pytest.approx(1e200)
    assert layer_rates([1e150, 1e-150]) == pytest.approx([1e-300, 1e300])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: layer_rates([1e-200, 1.0]), "`betas` must have rates 1/β² within float64, got 1e-200"),
        (lambda: layer_rates([[1.0, 2.0]]), r"`betas` must have shape \(L \+ 1,\), got \(1, 2\)"),
        (lambda: layer_rates([1.0, -2.0]), r"`betas` must be at least two positive numbers, one a layer, got \[1.0, -2.0\]"),
        (lambda: layer_rates([1.0]), r"`betas` must be at least two positive numbers"),
        (lambda: layer_rates([1.0, 2j]), "`betas` must hold real numbers, got complex numbers"),
        (lambda: output_scale([1.0, np.nan], 3, activation="relu"), r"`betas` must be finite, got nan at \(1,\)"),
        (lambda: output_scale([1.0, 1.0], 0, activation="relu"), "`m` must be a whole number of at least 1, got 0"),
        (lambda: output_scale([1.0, 1.0], 2.5, activation="relu"), "`m` must be a whole number of at least 1, got 2.5"),
        (lambda: output_scale([1e200, 1e200], 1, activation="relu"), "must give a output_scale within float64"),
        (lambda: normalized_network([1.0, 1.0], 3, activation="tahn"), "`activation` 'tahn' is unknown: did you mean 'tanh'"),
        (lambda: standard_betas("glorot", 1, 1, 1), "`name` 'glorot' is unknown"),
        (lambda: standard_betas("mean field", 1, 1, 2), "`hidden_layers` must be 1 for mean field, got 2"),
        (lambda: standard_betas("he", 1.5, 1, 1), "`d` must be a whole number of at least 1, got 1.5"),
        (lambda: standard_betas("he", 1, 10**400, 1), r"`m` must be a whole number of at most 2\^53"),
    ],
)  # fmt: skip
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
