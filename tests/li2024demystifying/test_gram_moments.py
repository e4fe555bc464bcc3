"""gram-moments on drawn configurations, and the coefficients against naive references."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.claim import Case
from checks.li2024demystifying.gram_moments import BATCHES, CLAIM
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, judged_together, part_of
from theory import gram_fluctuations, limit_grams
from theory.dual_activations import DUALS
from theory.gram_moments import exact_moment, layer_excess, moment_coefficients

HOMOGENEOUS = ("relu", "leaky_relu", "abs", "identity")
depths, seeds, norms = st.integers(1, 3), st.integers(0, 2**32), st.floats(0.3, 3.0)


@pytest.mark.claim("li2024demystifying/gram-moments")
def test_the_moments_of_homogeneous_activations_are_exact_at_every_width():
    verdicts, parts = [], [replace(part_of(CLAIM, letter), controls=(), looks=2) for letter in "ab"]

    @examples(8)
    @given(name=st.sampled_from(HOMOGENEOUS), L=depths, m=st.integers(16, 32), seed=seeds)
    def draw(name, L, m, seed):
        config = {"data": {"kind": "random", "n": 1, "d": 4}, "activation": name, "hidden_layers": L, "width": m}
        config["batch"] = 2000
        cases = [Case(f"G^{layer + 1}", config, BATCHES, select={"layer": layer}) for layer in range(L + 1)]
        found, _ = judged_together(parts, cases, seed)
        assert all(row.verdict is not Verdict.REFUTED and row.resolution < 1.2 for row in found), found
        verdicts.extend(abs(row.measured - 1) < 0.03 for row in found)

    draw()
    assert np.mean(verdicts) > 0.9


@pytest.mark.claim("li2024demystifying/gram-moments")
def test_the_first_order_of_every_activation():
    part = replace(part_of(CLAIM, "c"), controls=(), looks=1)

    @examples(12)
    @given(name=st.sampled_from(sorted(DUALS)), L=st.integers(1, 2), seed=seeds)
    def draw(name, L, seed):
        config = {"data": {"kind": "random", "n": 1, "d": 4}, "activation": name, "hidden_layers": L, "width": 96}
        config["batch"] = 500
        cases = [Case(f"G^{layer + 1}", config, BATCHES, select={"layer": layer}) for layer in range(L + 1)]
        found, _ = judged(part, cases, seed)
        assert all(row.measured == pytest.approx(1, abs=0.12) for row in found), found  # 1.6 % noise, 3 % remainder

    draw()


@given(name=st.sampled_from(HOMOGENEOUS), L=depths, norm=norms)
def test_first_order_coefficients_of_homogeneous_activations_are_those_of_the_exact_law(name, L, norm):
    assert np.allclose(moment_coefficients(norm, hidden_layers=L, activation=name), L * layer_excess(name), rtol=1e-12)
    slope = 1e9 * (exact_moment(10**9, hidden_layers=L, activation=name) - 1)
    assert slope == pytest.approx(L * layer_excess(name), rel=1e-5)


@given(name=st.sampled_from(sorted(DUALS)), norm=norms)
def test_one_hidden_layer_has_the_constants_of_gram_fluctuations(name, norm):
    x = np.array([[norm, 0.0]])
    K = limit_grams(x, hidden_layers=1, activation=name).layers[:, 0, 0]
    expected = np.array(gram_fluctuations(x, activation=name)) / K**2
    assert np.allclose(moment_coefficients(norm, hidden_layers=1, activation=name), expected, rtol=1e-8)


@given(name=st.sampled_from(["tanh", "erf", "gelu", "sin", "softplus"]), L=st.integers(2, 4), norm=st.floats(0.3, 1.2))
def test_coefficients_are_the_variance_of_the_linearised_recursion(name, L, norm):
    """Against the chain of layer scalars, perturbed one by one by finite differences of log K^l."""
    dual, h = DUALS[name], 1e-5
    v = lambda q: dual.variance(np.array([q]))[0]  # noqa: E731
    w = lambda q: dual.layer(*[dual.features(np.array([q]), q)] * 2, *[np.array([v(q)])] * 2, np.zeros((1, 1)))[1][0, 0]  # noqa: E731

    def log_kernel(l, start, q, shift):
        """log K^l as a function of q_start = q + shift, for the factors at and behind it."""
        total, q = 0.0, q + shift
        for j in range(start, L + 1):
            if j == l - 1:
                total += np.log(q)
            if j >= l - 1 and j < L:
                total += np.log(w(q))
            q = v(q)
        return total

    z, weight = np.polynomial.hermite_e.hermegauss(160)
    weight = weight / weight.sum()
    q, expected = norm**2, np.zeros(L + 1)
    for j in range(1, L + 1):
        square, dot = dual.function(np.sqrt(q) * z) ** 2, dual.derivative(np.sqrt(q) * z) ** 2
        before, q = weight @ dot, v(q)
        covariance = weight @ (square * dot) - q * before
        for l in range(1, L + 2):
            e = (log_kernel(l, j, q, h * q) - log_kernel(l, j, q, -h * q)) / (2 * h * q)
            expected[l - 1] += e**2 * (weight @ square**2 - q**2)
            if j >= l:
                expected[l - 1] += 2 * e * covariance / before + (3 * (weight @ dot**2) - before**2) / before**2
    found = moment_coefficients(norm, hidden_layers=L, activation=name)
    assert np.allclose(found, expected, rtol=2e-3), (found, expected)


@pytest.mark.parametrize(
    "call, message",
    [(lambda: layer_excess("tanh"), "`activation` 'tanh' is unknown"),
     (lambda: exact_moment(0, hidden_layers=1, activation="relu"), "`width`"),
     (lambda: moment_coefficients(11.0, hidden_layers=1, activation="relu"), "`norm` must lie between 0.01 and 10"),
     (lambda: moment_coefficients(0.0, hidden_layers=1, activation="relu"), "`norm` must be a positive")],
)  # fmt: skip
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
