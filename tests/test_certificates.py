"""Certified least eigenvalues against 200-digit references, exactly singular matrices, and the exact limit kernels."""

import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from mpmath import mp

from theory import ball_kernels, certificates, limit_grams
from theory.ball_kernels import DUALS, certified_kernel_min_eigenvalue, exact_singularity
from theory.certificates import (
    certified_min_eigenvalue,
    float64_bound,
    prove,
    rounding_shift,
    row_sum_bound,
    to_float64,
)

BACKENDS = ("float64", "balls")


@pytest.fixture(scope="session")
def flint():
    return pytest.importorskip("flint", reason="python-flint (the extra 'certify') is not installed")


@pytest.fixture(scope="session")
def certify(request):
    """`certified_min_eigenvalue` with or without ball arithmetic at hand."""
    if request.param == "balls":
        request.getfixturevalue("flint")
        return certified_min_eigenvalue

    def without_flint(K, entry_error=0.0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "flint", None)
            return certified_min_eigenvalue(K, entry_error)

    return without_flint


def least_eigenvalue(K):
    """λ_min of a matrix of float64 or mpmath numbers, to 200 digits."""
    with mp.workdps(200):
        return min(mp.eigsy(mp.matrix(K.tolist()), eigvals_only=True))


@st.composite
def rounded_matrices(draw):
    """H D H with a rational reflection H and eigenvalues from 1 down to 1e-18, rounded to float64 at the very end."""
    n = draw(st.integers(2, 5))
    v = draw(st.lists(st.integers(-5, 5), min_size=n, max_size=n).filter(any))
    spectrum = [Fraction(draw(st.integers(1, 9)), 10 ** draw(st.integers(0, 18))) for _ in range(n)]
    square = sum(x * x for x in v)
    H = [[Fraction(i == j) - Fraction(2 * v[i] * v[j], square) for j in range(n)] for i in range(n)]
    K = [[sum(H[i][k] * spectrum[k] * H[k][j] for k in range(n)) for j in range(n)] for i in range(n)]
    return np.array([[float(x) for x in row] for row in K])


def singular_gram(rng, n):
    """A Aᵀ with an integer A (n, n−1): singular, and exact in float64."""
    A = rng.integers(-3, 4, size=(n, n - 1))
    return (A @ A.T).astype(float)


def wishart(rng, n, extra):
    A = rng.standard_normal((n, n + extra))
    return np.tril(A @ A.T) + np.tril(A @ A.T, -1).T


# ---------------------------------------------------------------- stored matrices


@pytest.mark.parametrize("certify", BACKENDS, indirect=True)
@given(K=rounded_matrices())
def test_bound_is_proved_and_within_one_percent(certify, K):
    truth, certificate = least_eigenvalue(K), certify(K)
    assert certificate.lower <= truth
    assert certificate.certified == (certificate.lower > 0)
    if truth > 200 * rounding_shift(np.diagonal(K)) or certificate.method.startswith("ball"):
        assert certificate.lower >= 0.99 * truth


@given(K=rounded_matrices())
@example(K=np.array([[1.0, 1 + 2.0**-52], [1 + 2.0**-52, 1.0]]))
@example(K=np.array([[1.0, 1 - 2.0**-53], [1 - 2.0**-53, 1.0]]))
def test_balls_decide_the_sign_of_every_nonsingular_matrix(flint, K):
    truth, certificate = least_eigenvalue(K), certified_min_eigenvalue(K)
    assume(abs(truth) > 1e-150)
    assert certificate.certified == (truth > 0)
    if truth < 0 and "ball" in certificate.method:
        assert "proves a negative eigenvalue" in certificate.method


@pytest.mark.parametrize("certify", BACKENDS, indirect=True)
def test_singular_gram_matrices_are_never_certified(certify):
    rng, accepted = np.random.default_rng(0), 0
    for draw in range(400):
        K = singular_gram(rng, 2 + draw % 7)
        certificate = certify(K)
        assert not certificate.certified and certificate.lower <= 0
        try:
            np.linalg.cholesky(K)
            accepted += 1
        except np.linalg.LinAlgError:
            pass
    assert accepted >= 20  # a factorisation without the bound on its errors would have certified these


def test_one_factorisation_proves_no_more_than_there_is():
    """At every σ near 0 where a singular matrix factorises, the bound is at most 0."""
    rng, passed = np.random.default_rng(1), 0
    for draw in range(400):
        K = singular_gram(rng, 2 + draw % 7)
        for sigma in (-1e-14, 0.0, 1e-17, 1e-16, 1e-15):
            bound = prove(K, sigma, np.empty(K.shape, order="F"))
            assert bound <= 0
            passed += sigma > 0 and bound > -np.inf
    assert passed >= 20


def test_overflow_inside_a_factorisation_is_no_proof():
    """∞ · 0 on the way makes the last pivot NaN, which a factorisation that only looks for pivots ≤ 0 lets pass."""
    K = np.array([[1e-300, 0.0, 1e300], [0.0, 1.0, 0.0], [1e300, 0.0, 1e300]])
    assert prove(K, 0.0, np.empty((3, 3), order="F")) == -np.inf


@pytest.mark.parametrize("n", [10, 40, 160])
def test_float64_bound_of_larger_singular_matrices_is_not_positive(n):
    rng = np.random.default_rng(n)
    for _ in range(5):
        K = singular_gram(rng, n)
        shift = rounding_shift(np.diagonal(K))
        lower, _ = float64_bound(K)
        assert -4 * shift <= lower <= 0


@pytest.mark.parametrize("n", [1, 2, 30, 300])
def test_large_matrices_take_few_factorisations(n, monkeypatch):
    K, calls = wishart(np.random.default_rng(n), n, 10), []
    monkeypatch.setattr(certificates, "prove", lambda *args: calls.append(args[1]) or prove(*args))
    certificate, near = certified_min_eigenvalue(K), np.linalg.eigvalsh(K)[0]
    assert 0.99 * near <= certificate.lower <= near * (1 + 1e-9)
    assert certificate.method == "float64 Cholesky" and len(calls) <= 3


@pytest.mark.parametrize("n", [1, 2, 30, 250])
def test_negative_eigenvalues_are_bounded_not_clipped(n):
    K = wishart(np.random.default_rng(n), n, 10)
    K -= (np.linalg.eigvalsh(K)[0] + 1) * np.eye(n)
    certificate = certified_min_eigenvalue(K)
    assert not certificate.certified and -4 <= certificate.lower <= -1 + 1e-9


@given(diagonal=st.lists(st.floats(0, 1e300), min_size=1, max_size=20).filter(any))
def test_rounding_shift_and_row_sums_are_rounded_up(diagonal):
    exact, n = [Fraction(a) for a in diagonal], len(diagonal)
    u, eta, largest = Fraction(1, 2**53), Fraction(1, 2**1074), max(exact)
    formula = u * sum((j + 4) * a for j, a in enumerate(exact)) + u * largest + 6 * n * (n + largest) * eta
    assert formula <= Fraction(rounding_shift(np.array(diagonal))) <= formula * Fraction(1.0001) + 32 * n * n * eta
    assert sum(exact) <= Fraction(row_sum_bound(np.array([diagonal]))) <= sum(exact) * Fraction(1.0001) + 2 * eta


@pytest.mark.parametrize(
    "K",
    [
        np.zeros((3, 3)),
        np.diag([1.0, 0.0]),
        np.diag([1.0, -1.0]),
        [[0.0, 1.0], [1.0, 0.0]],
        np.full((2, 2), 1.7e308),
        np.full((2, 2), -1.7e308),
        [[5e-324, 5e-324], [5e-324, 5e-324]],
        [[1e-300, 1e300], [1e300, 1e-300]],
        [[1e-310, 2e-310], [2e-310, 1e-310]],
    ],
)
def test_not_positive_definite_is_an_answer_not_an_error(K):
    certificate = certified_min_eigenvalue(K)
    assert not certificate.certified and certificate.lower <= 0
    assert certificate.method.startswith("not certified")


def test_extreme_scales(flint):
    for scale in (5e-324, 1e-310, 1e-200, 1e200, 1e308):
        lower = certified_min_eigenvalue(np.diag([scale, scale])).lower
        assert 0.99 * scale <= lower <= scale or (scale < 1e-300 and lower <= scale)


# ---------------------------------------------------------------- uncertain entries


@pytest.mark.parametrize("certify", BACKENDS, indirect=True)
@given(n=st.integers(1, 6), error=st.floats(1e-6, 2.0))
def test_entry_error_reaches_the_worst_matrix(certify, n, error):
    """The worst matrix within ε of the identity is I − ε 11ᵀ, with λ_min = 1 − nε."""
    worst = 1 - n * Fraction(error)
    for entry_error in (error, np.full((n, n), error)):
        certificate = certify(np.eye(n), entry_error)
        assert worst - Fraction(1, 100) <= Fraction(certificate.lower) <= worst
        assert certificate.certified == (certificate.lower > 0)
        assert certificate.certified or "entry error" in certificate.method


def test_matrix_error_counts_its_largest_row_sum():
    error = np.zeros((3, 3))
    error[0, 1] = error[1, 0] = 0.25
    lower = certified_min_eigenvalue(np.eye(3), error).lower
    assert 0.74 <= lower <= 0.75  # attained by an off-diagonal entry −1/4


def test_balls_subtract_the_entry_error_too(flint):
    hilbert = 1 / (np.arange(13)[:, None] + np.arange(13) + 1.0)
    truth = float(least_eigenvalue(hilbert))
    assert certified_min_eigenvalue(hilbert).method.startswith("ball") and 0 < truth < 1e-16
    certificate = certified_min_eigenvalue(hilbert, truth / 26)
    assert certificate.certified and 0.48 * truth <= certificate.lower <= 0.5 * truth
    assert not certified_min_eigenvalue(hilbert, truth / 13).certified


@pytest.mark.parametrize("bits", [11, 20, 40])
def test_the_bound_of_a_congruence_is_attained_and_never_exceeded_however_well_its_factor_is_enclosed(
    flint, bits, monkeypatch
):
    """X = I and K = (1 − f)I: λ_min(K) is (1 − f)/‖X‖² itself."""
    least = 1 - 2.0**-bits
    monkeypatch.setattr(certificates, "float64_bound", lambda K: (np.linalg.eigvalsh(K)[0] * (1 + 1e-15), 0.0))
    for n in (1, 2, 5):
        with flint.ctx.workprec(128):
            eye = certificates.to_balls(np.eye(n))
            found = certificates.congruence_bound(eye, eye * flint.arb(least))
        assert least - 2.0 ** -(bits + 19) - 1e-14 < found <= least


@given(a=st.floats(-1e9, 1e9), b=st.floats(-1, 1))
def test_down_and_up_enclose_the_exact_result_of_an_operation(a, b):
    below, exact, above = certificates.down(a - b), Fraction(a) - Fraction(b), certificates.up(a - b)
    assert Fraction(below) <= exact <= Fraction(above) and above <= np.nextafter(np.nextafter(below, np.inf), np.inf)


@pytest.mark.parametrize("x", [-0.1, 0.03, 0.1])
def test_the_bound_holds_for_every_factor_in_its_balls(flint, x):
    """X = [[1, 0], [0 ± 0.1, 1]] and X K Xᵀ = I: 1/‖X‖₂² of every X in the ball is above the bound."""
    factor = flint.arb_mat([[1, 0], [flint.arb(0, 0.1), 1]])
    found = certificates.congruence_bound(factor, flint.arb_mat([[1, 0], [0, 1]]))
    assert 0.8 < found <= 1 / np.linalg.norm([[1, 0], [x, 1]], 2) ** 2


# ---------------------------------------------------------------- without python-flint, and bad input


def test_without_flint_the_answer_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "flint", None)
    X = np.array([[1.0, 0.0], [0.0, 1.0]])
    answers = [
        certified_min_eigenvalue(singular_gram(np.random.default_rng(0), 5)),
        certified_kernel_min_eigenvalue(X, hidden_layers=1, activation="relu"),
    ]
    for certificate in answers:
        assert not certificate.certified and certificate.lower <= 0
        assert certificate.method.startswith("not certified at float64")
        assert "pip install 'lazy-training-checks[certify]'" in certificate.method


def test_ball_arithmetic_is_limited_in_size():
    certificate = certified_min_eigenvalue(singular_gram(np.random.default_rng(0), 201))
    assert not certificate.certified and "n <= 200" in certificate.method


@pytest.mark.parametrize(
    "K, entry_error, message",
    [
        (np.ones((2, 3)), 0.0, r"`K` must have shape \(n, n\), got \(2, 3\)"),
        (np.ones(3), 0.0, r"`K` must have shape \(n, n\), got \(3,\)"),
        (np.empty((0, 0)), 0.0, r"`K` must have shape \(n, n\), got \(0, 0\)"),
        ([[1.0, np.nan], [np.nan, 1.0]], 0.0, r"`K` must be finite, got nan at \(0, 1\)"),
        ([[1.0, 2.0], [2.0 + 1e-11, 1.0]], 0.0, r"`K` must be symmetric, got 2\.0 at \(0, 1\) and "),
        (np.eye(2, dtype=complex), 0.0, "`K` must hold real numbers, got complex numbers"),
        (np.eye(2, dtype=np.longdouble), 0.0, "`K` must be exact in float64, got longdouble"),
        ([[2**53 + 1]], 0.0, r"`K` must hold integers of at most 2\^53"),
        (np.eye(2), -1e-9, "`entry_error` must be a finite number of at least 0, got -1e-09"),
        (np.eye(2), np.inf, "`entry_error` must be a finite number of at least 0, got inf"),
        (np.eye(2), np.diag([0.0, -1.0]), "`entry_error` must not be negative, got -1"),
        (np.eye(2), np.ones(2), r"`entry_error` must have shape \(2, 2\), got \(2,\)"),
    ],
)
def test_bad_matrices(K, entry_error, message):
    with pytest.raises(ValueError, match=message):
        certified_min_eigenvalue(K, entry_error)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"activation": "tanh"}, "`activation` 'tanh' has no closed form .* relu, leaky_relu, abs, identity, erf"),
        ({"hidden_layers": 0}, "`hidden_layers` must be a whole number of at least 1, got 0"),
        ({"kernel": "ntkk"}, "`kernel` must be 'ntk', 'nngp' or a layer from 1 to 3, got 'ntkk'"),
        ({"kernel": 4}, "`kernel` must be 'ntk', 'nngp' or a layer from 1 to 3, got 4"),
        ({"kernel": 0}, "`kernel` must be a whole number of at least 1, got 0"),
        ({"X": np.full((2, 2), 1e-200)}, "`X` must have row norms that are 0 or between 1e-150"),
    ],
)
def test_bad_kernel_requests(change, message):
    arguments = {"X": np.eye(2), "hidden_layers": 2, "activation": "relu"} | change
    with pytest.raises(ValueError, match=message):
        certified_kernel_min_eigenvalue(arguments.pop("X"), **arguments)


# ---------------------------------------------------------------- exact limit kernels


def relu_ntk(X, L):
    """NTK of a relu network for the exact float64 rows of ``X``, to 200 digits, by arc-cosines.

    In units of the variance, halved by every layer: cos' = (sin θ + (π − θ) cos θ)/π and Θ' = Θ (π − θ)/π + cos'.
    """
    with mp.workdps(200):
        rows = [[mp.mpf(x) for x in row] for row in X.tolist()]
        norms = [mp.sqrt(mp.fdot(row, row)) for row in rows]
        K = mp.matrix(len(rows), len(rows))
        for i, first in enumerate(rows):
            for j, second in enumerate(rows):
                cosine = mp.fdot(first, second) / (norms[i] * norms[j]) if i != j else mp.mpf(1)
                theta = cosine
                for _ in range(L):
                    angle = mp.acos(cosine)
                    cosine = (mp.sin(angle) + (mp.pi - angle) * cosine) / mp.pi
                    theta = theta * (mp.pi - angle) / mp.pi + cosine
                K[i, j] = theta * norms[i] * norms[j] / 2**L
        return K


@st.composite
def close_inputs(draw):
    """Two or three rows in the plane, two of them at a distance between 1e-10 and 0.1."""
    entries = st.floats(0.5, 2.0)
    x = np.array([draw(entries), draw(entries)])
    step = 10.0 ** -draw(st.integers(1, 10)) * np.array([draw(entries), -draw(entries)])
    rows = [x, x + step] + [np.array([-draw(entries), draw(entries)])] * draw(st.integers(0, 1))
    return np.array(rows)


@given(X=close_inputs(), L=st.integers(1, 4))
def test_relu_kernels_of_close_inputs(flint, X, L):
    truth = least_eigenvalue(relu_ntk(X, L))
    certificate = certified_kernel_min_eigenvalue(X, hidden_layers=L, activation="relu")
    assert certificate.certified and 0.99 * truth <= certificate.lower <= truth


@pytest.mark.parametrize("certify", BACKENDS, indirect=True)
@given(X=close_inputs(), L=st.integers(1, 4))
def test_stored_relu_kernels_of_close_inputs(certify, X, L):
    K = np.array(relu_ntk(X, L).tolist(), dtype=float)
    truth, certificate = least_eigenvalue(K), certify(K)
    assert certificate.lower <= truth
    if truth > 200 * rounding_shift(np.diagonal(K)):
        assert certificate.lower >= 0.99 * truth


def test_smooth_kernel_far_below_float64(flint):
    """erf NNGP of fourteen points on a line."""
    x, n = np.linspace(0.5, 1.5, 14), 14
    with mp.workdps(200):
        q = [1 + 2 * mp.mpf(t) ** 2 for t in x.tolist()]
        entry = lambda i, j: mp.asin(2 * mp.mpf(x[i]) * mp.mpf(x[j]) / mp.sqrt(q[i] * q[j])) * 2 / mp.pi  # noqa: E731
        truth = least_eigenvalue(mp.matrix([[entry(i, j) for j in range(n)] for i in range(n)]))
    certificate = certified_kernel_min_eigenvalue(x[:, None], hidden_layers=1, activation="erf", kernel="nngp")
    assert 0 < truth < 1e-20 and 0.99 * truth <= certificate.lower <= truth


@pytest.mark.parametrize("activation", DUALS)
def test_every_kernel_is_the_one_computed_in_float64(flint, activation):
    X = np.random.default_rng(1).standard_normal((4, 6))
    for L in (1, 3):
        grams = limit_grams(X, hidden_layers=L, activation=activation)
        for kernel, K in [("ntk", grams.ntk), ("nngp", grams.nngp), *enumerate(grams.layers, start=1)]:
            lower = certified_kernel_min_eigenvalue(X, hidden_layers=L, activation=activation, kernel=kernel).lower
            assert 0.99 <= lower / np.linalg.eigvalsh(K)[0] <= 1


@pytest.mark.parametrize("activation", DUALS)
@given(q1=st.floats(0.1, 5), q2=st.floats(0.1, 5), rho=st.floats(-0.99, 0.99))
def test_duals_obey_price_and_independence(flint, activation, q1, q2, rho):
    """d/dc E σσ = E σ'σ' (Price 1958), and E σσ = E σ(u) E σ(v) at c = 0: together they determine the formulas."""
    with flint.ctx.workprec(400):
        a, b = flint.arb(q1), flint.arb(q2)
        value = lambda c: DUALS[activation](a, b, c, a * b - c * c)[0]  # noqa: E731
        c, h = rho * (a * b).sqrt(), flint.arb(2) ** -80
        slope = (value(c + h) - value(c - h)) / (2 * h)
        assert abs(slope - DUALS[activation](a, b, c, a * b - c * c)[1]) < 1e-30
        means = [mean(activation, q, flint) for q in (a, b)]
        assert abs(value(flint.arb(0)) - means[0] * means[1]) < 1e-30


def mean(activation, q, flint):
    """E σ(√q Z)."""
    absolute = (2 * q / flint.arb.pi()).sqrt()
    if activation in ("relu", "leaky_relu", "abs"):
        return absolute * {"relu": 100, "leaky_relu": 99, "abs": 200}[activation] / 200
    if activation == "gelu":
        return q / (2 * flint.arb.pi() * (1 + q)).sqrt()
    return (-q / 2).exp() if activation == "cos" else flint.arb(0)


SINGULAR = [
    *[(name, [[1.0, 2.0], [2.0, 4.0]]) for name in ball_kernels.HOMOGENEOUS],
    *[(name, [[1.0, 2.0], [-2.0, -4.0]]) for name in ("abs", "identity")],
    *[(name, [[1.0, 2.0, 0.0], [0.0, 0.0, 0.0], [-3.0, 1.0, 1.0]]) for name in DUALS if name != "cos"],
    *[(activation, [[1.0, 2.0, 0.5], [0.25, -1.0, 3.0], [1.0, 2.0, 0.5]]) for activation in DUALS],
    *[(name, [[1.0, 2.0, 0.5], [0.25, -1.0, 3.0], [-1.0, -2.0, -0.5]]) for name in ("erf", "sin", "identity")],
    *[(name, [[1.0, 2.0, 0.5], [0.25, -1.0, 3.0], [-1.0, -2.0, -0.5]]) for name in ("abs", "cos")],
    ("identity", [[1.0, 2.0], [0.25, -1.0], [3.0, 1.0]]),
]


@pytest.mark.parametrize("recognised", [True, False])
@pytest.mark.parametrize("activation, rows", SINGULAR)
def test_singular_kernels_are_never_certified(flint, monkeypatch, activation, rows, recognised):
    """Also when the singularity is not recognised beforehand and ball arithmetic alone has to refuse."""
    assert exact_singularity(np.array(rows), activation, 0)
    if not recognised:
        monkeypatch.setattr(ball_kernels, "exact_singularity", lambda X, activation, layer: "")
    for L in (1, 2, 4):
        for kernel in ("ntk", "nngp", 1):
            certificate = certified_kernel_min_eigenvalue(
                np.array(rows), hidden_layers=L, activation=activation, kernel=kernel
            )
            assert not certificate.certified and certificate.lower <= 0


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "gelu"])
def test_opposite_inputs_are_certified_where_the_activation_tells_them_apart(flint, activation):
    X = np.array([[1.0, 2.0], [-1.0, -2.0]])
    certificate = certified_kernel_min_eigenvalue(X, hidden_layers=3, activation=activation)
    near = np.linalg.eigvalsh(limit_grams(X, hidden_layers=3, activation=activation).ntk)[0]
    assert 0.99 * near <= certificate.lower <= near * (1 + 1e-9)


def test_opposite_inputs_with_digits_beyond_any_precision(flint):
    """Here q1 q2 − c² = 0 is only enclosed: 1 and 1e-200 in one row need more than 1024 bits."""
    X = np.array([[0.1, 1e-200], [-0.1, -1e-200]])
    near = np.linalg.eigvalsh(limit_grams(X, hidden_layers=2, activation="relu").ntk)[0]
    lower = certified_kernel_min_eigenvalue(X, hidden_layers=2, activation="relu").lower
    assert 0.99 * near <= lower <= near * (1 + 1e-9)


def test_entries_get_the_precision_that_depth_costs(flint, monkeypatch):
    """Every layer divides by the separation: four need more than 128 bits, also where only float64 factorises."""
    monkeypatch.setattr(ball_kernels, "MAX_BALL_SIZE", 1)
    X = np.array([[1.0, 0.0], [1.0, 1e-8], [0.5, 1.0]])
    certificate = certified_kernel_min_eigenvalue(X, hidden_layers=4, activation="relu")
    assert certificate.lower >= 0.99 * least_eigenvalue(relu_ntk(X, 4)) and "256 bits" in certificate.method


def test_radii_of_entries_lower_the_float64_bound(flint):
    def bound(radius):
        entries = [[flint.arb(float(i == j), radius) for j in range(4)] for i in range(4)]
        return ball_kernels.float64_bound_of_balls(lambda bits: flint.arb_mat(entries))[0]

    assert bound(1e-16) <= bound(0.0) - 4e-16


def test_rounding_of_balls_is_enclosed(flint):
    third = flint.arb(1, 1e-9) / 3
    rounded, error = to_float64(flint.arb_mat([[1, third], [third, 2]]))
    assert (rounded == rounded.T).all() and (error[[0, 1], [0, 1]] < 1e-300).all()
    assert abs(Fraction(rounded[0, 1]) - Fraction(1, 3)) + Fraction(1, 3 * 10**9) <= Fraction(error[0, 1])
    assert error[0, 1] < 4e-10


def test_parallel_inputs_are_singular_for_homogeneous_activations_only(flint):
    X = np.array([[0.3, 0.7], [1.0, 2.0], [2.0, 4.0]])
    singular = certified_kernel_min_eigenvalue(X, hidden_layers=2, activation="relu")
    assert singular.lower == -np.inf and singular.method == "not certified: singular, rows 1 and 2 are parallel"
    assert certified_kernel_min_eigenvalue(X, hidden_layers=2, activation="erf").certified


def test_rows_that_are_parallel_to_rounding_only_are_not_called_parallel():
    X = np.array([[1.0, 3.0], [1 / 3, 1.0]])
    assert exact_singularity(X, "relu", 0) == "" and (X[0] / 3 == X[1]).all()
    assert exact_singularity(2.0**-60 * X[[0, 0]] * [[1.0], [-2.0]], "abs", 0) == "rows 0 and 1 are parallel"
    assert exact_singularity(np.array([[1.0, 0.0], [-1.0, -0.0]]), "relu", 0) == ""


def test_zero_rows_are_named_where_they_make_the_kernel_singular(flint):
    X = np.array([[0.3, 0.7], [0.0, 0.0], [1.0, -2.0], [0.0, 0.0]])
    options = {"hidden_layers": 2, "activation": "cos"}
    assert certified_kernel_min_eigenvalue(X[:3], **options).certified
    assert certified_kernel_min_eigenvalue(X[:3], **options, kernel=1).method.endswith("singular, row 1 is zero")
    assert certified_kernel_min_eigenvalue(X, **options).method.endswith("singular, rows 1 and 3 are equal")
    relu = certified_kernel_min_eigenvalue(X, hidden_layers=2, activation="relu")
    assert relu.method == "not certified: singular, 2 rows are zero, the first is row 1"


@pytest.mark.parametrize("certify", BACKENDS, indirect=True)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 30))
def test_symmetric_to_rounding_is_bounded_for_every_matrix_between_the_triangles(certify, seed, n):
    rng = np.random.default_rng(seed)
    K = wishart(rng, n, 10)
    K += 1e-13 * K.max() * np.triu(rng.choice([-1, 1], size=(n, n)), 1)
    certificate, mean = certify(K), K / 2 + K.T / 2
    assert certificate.method.endswith("in the entry error") and "K that is not exactly symmetric" in certificate.method
    between = [np.triu(K) + np.triu(K, 1).T, np.tril(K) + np.tril(K, -1).T, mean]
    least = min(np.linalg.eigvalsh(A)[0] for A in between)
    assert 0.99 * least - 1e-10 <= certificate.lower <= least + 1e-14 * np.trace(K)
    assert certificate.lower < certify(mean).lower


def test_large_kernels_keep_the_float64_factorisation(flint):
    X = np.random.default_rng(0).standard_normal((210, 30))
    certificate = certified_kernel_min_eigenvalue(X, hidden_layers=1, activation="relu")
    assert certificate.certified and certificate.method.endswith("float64 Cholesky")
    singular = certified_kernel_min_eigenvalue(X[:, :1], hidden_layers=1, activation="sin", kernel=1)
    assert not singular.certified and "n <= 200" in singular.method
