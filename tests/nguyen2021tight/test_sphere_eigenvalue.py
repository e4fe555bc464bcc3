"""sphere-eigenvalue on drawn sizes, with harmonics, kernels and Jacobians written out anew."""

from math import comb

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import eval_gegenbauer

from checks.claim import Case
from checks.measurements.data import inputs
from checks.measurements.sphere_eigenvalues import finite_widths, least_eigenvalues
from checks.measurements.streams import draw_seeds
from checks.nguyen2021tight.sphere_eigenvalue import CLAIM
from checks.verdict import Verdict
from kernels import init_parameters
from tests import examples
from tests.claims import judged, part_of
from theory import limit_grams
from theory.sphere_spectrum import harmonic_dimension, harmonic_masses, sphere_min_eigenvalue

seeds = st.integers(0, 2**32 - 1)
depths = st.integers(1, 3)
STREAM = [0, 0, 0]


def relu_kernel(t, L):
    """The tangent kernel of relu networks at the cosine t, by the recursion of the arc-cosine kernels."""
    rho = theta = t
    for _ in range(L):
        angle = np.arccos(np.clip(rho, -1, 1))
        slope = (np.pi - angle) / np.pi
        rho, theta = (np.sin(angle) + (np.pi - angle) * rho) / np.pi, theta * slope
        theta = theta + rho
    return theta / 2**L


@pytest.mark.claim("nguyen2021tight/sphere-eigenvalue")
@examples(20)
@given(degree=st.integers(0, 8), d=st.integers(2, 30))
def test_harmonics_of_all_degrees_are_the_polynomials_on_the_sphere(degree, d):
    """Homogeneous polynomials of two degrees, one even and one odd, are all that degrees up to k restrict to."""
    total = sum(harmonic_dimension(r, d) for r in range(degree + 1))
    assert total == comb(d + degree - 1, degree) + (comb(d + degree - 2, degree - 1) if degree else 0)


@pytest.mark.claim("nguyen2021tight/sphere-eigenvalue")
@examples(10)
@given(d=st.integers(3, 40), degree=st.integers(0, 4), L=depths)
def test_masses_are_the_integrals_against_gegenbauer_polynomials(d, degree, L):
    order = (d - 2) / 2

    def weight(phi):
        return np.sin(phi) ** (d - 2)

    def term(phi):
        t = np.cos(phi)
        return weight(phi) * relu_kernel(t, L) * eval_gegenbauer(degree, order, t) / eval_gegenbauer(degree, order, 1.0)

    mean = quad(term, 0, np.pi, epsabs=1e-12, epsrel=1e-10, limit=200)[0] / quad(weight, 0, np.pi)[0]
    found = harmonic_masses(d, degree, hidden_layers=L, activation="relu")
    assert found[degree] == pytest.approx(harmonic_dimension(degree, d) * mean, rel=1e-6, abs=1e-9)


@pytest.mark.claim("nguyen2021tight/sphere-eigenvalue")
@examples(10)
@given(d=st.integers(3, 2000), L=depths)
def test_a_linear_network_has_degree_one_alone(d, L):
    assert harmonic_masses(d, 3, hidden_layers=L, activation="identity") == pytest.approx([0, L + 1, 0, 0], abs=1e-6)


@pytest.mark.claim("nguyen2021tight/sphere-eigenvalue")
@examples(10)
@given(d=st.integers(8, 64), L=depths, share=st.floats(0.05, 0.95))
def test_the_law_written_out_between_the_degrees(d, L, share):
    """k = 2: the masses of degrees 0 to 2 off f(1), and the edge of d(d+1)/2 − 1 harmonics for n − d − 1 inputs."""
    N = d * (d + 1) // 2 - 1
    n = d + 1 + max(1, int(share * N))
    A = harmonic_masses(d, 2, hidden_layers=L, activation="relu")
    tail = relu_kernel(1.0, L) - A.sum()
    law = sphere_min_eigenvalue(n, d, hidden_layers=L, activation="relu")
    assert law == pytest.approx(A[2] * (1 - np.sqrt((n - d - 1) / N)) ** 2 + tail)
    assert sphere_min_eigenvalue(n, d, hidden_layers=L, activation="relu", limit=True) == pytest.approx(A[2] + tail)


@pytest.mark.claim("nguyen2021tight/sphere-eigenvalue")
@examples(10)
@given(d=st.integers(4, 16), L=depths, share=st.floats(0.05, 1.0))
@example(d=4, L=1, share=1.0)
def test_a_degree_that_relu_lacks_takes_no_dimension(d, L, share):
    """k = 4: one hidden layer has no degree 3, and where more dimensions are left than degree 4 has nothing of it counts."""
    N = [1, d, d * (d + 1) // 2 - 1, d * (d - 1) * (d + 4) // 6, d * (d + 1) * (d - 1) * (d + 6) // 24]
    n = sum(N[:4]) + max(1, int(share * N[4]))
    A = harmonic_masses(d, 4, hidden_layers=L, activation="relu")
    left = n - sum(N[:4]) + (N[3] if L == 1 else 0)
    edge = max(0, 1 - np.sqrt(left / N[4])) ** 2
    law = sphere_min_eigenvalue(n, d, hidden_layers=L, activation="relu")
    assert law == pytest.approx(A[4] * edge + relu_kernel(1.0, L) - A.sum())


@pytest.mark.claim("nguyen2021tight/sphere-eigenvalue")
@examples(10)
@given(d=st.integers(4, 40), L=depths, seed=seeds)
def test_least_eigenvalues_are_those_of_the_kernel_written_out(d, L, seed):
    stream, n = [seed, *STREAM], 3 * d
    found = least_eigenvalues(
        data="random", sizes=[[n, d], [d, d + 1]], hidden_layers=L, stream=stream, first=0, draws=1
    )
    for value, (rows, columns) in zip(found["least"][0], ((n, d), (d, d + 1)), strict=True):
        X = inputs("random", n=rows, d=columns, seed=draw_seeds(stream, 0, 1)[0])
        assert value == pytest.approx(np.linalg.eigvalsh(relu_kernel(X @ X.T, L))[0], abs=1e-6)


@pytest.mark.claim("nguyen2021tight/sphere-eigenvalue")
@examples(8)
@given(n=st.integers(2, 8), width=st.integers(2, 9), seed=seeds)
def test_finite_widths_have_the_eigenvalue_of_the_jacobian_written_out(n, width, seed):
    d, stream = 4, [seed, *STREAM]
    own = draw_seeds(stream, 0, 1)[0]
    X, params = inputs("random", n=n, d=d, seed=own), init_parameters(own, d, width, hidden_layers=1)
    z = X @ params.weights[0].T
    inner = (params.output * (z > 0))[:, :, None] * X[:, None, :]
    rows = np.concatenate([inner.reshape(n, -1), np.maximum(z, 0)], axis=1)
    G = rows @ rows.T / width
    found = finite_widths(n=n, d=d, hidden_layers=1, width=width, stream=stream, first=0, draws=1)
    assert found["least"][0] == pytest.approx(np.linalg.eigvalsh(G)[0], abs=1e-9)
    limit = limit_grams(X, hidden_layers=1, activation="relu").ntk
    assert found["limit"][0] == pytest.approx(np.linalg.eigvalsh(limit)[0], abs=1e-9)


@pytest.mark.claim("nguyen2021tight/sphere-eigenvalue")
@examples(5)
@given(d=st.integers(60, 80), L=depths, seed=seeds)
def test_the_law_holds_and_the_limit_does_not_at_three_halves(d, L, seed):
    case = Case("", {"data": "random", "sizes": [[round(d**1.5), d]], "hidden_layers": L}, 16)
    (found,), controls = judged(part_of(CLAIM, "a"), [case], seed)
    assert found.verdict is Verdict.SUPPORTED and controls[0].verdict is Verdict.REFUTED, found
