"""relu-condition: its constants against references, and an adversary against the bound of the kernel."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, target
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp, trapezoid

from checks.judges import AtLeast
from checks.li2024demystifying.relu_condition import PAIR, kernel_kept
from checks.measurements.data import inputs, samples
from checks.measurements.eigenvalues import pair
from checks.measurements.relu_conditions import certified_flows, envelopes, halvings, limit_least
from checks.verdict import Verdict
from kernels import gradient_flow, init_parameters, layer_grams
from tests import examples
from theory import limit_grams
from theory.relu_condition import (
    certified_scale,
    displacement_bounds,
    halving_scale,
    kept_eigenvalue,
    own_halving_scale,
    sufficient_relu_scale,
    sufficient_relu_width,
    sufficient_smooth_scale,
    sufficient_smooth_width,
    wedge_share,
)

seeds = st.integers(0, 2**32 - 1)
twins = st.sampled_from([0.0, 0.02, 0.1, 0.5])
sets = st.builds(
    lambda kind, n, d, twin: {"kind": kind, "n": n} | ({"d": d} if kind == "random" else {}) | {"twin": twin},
    st.sampled_from(["random", "digits", "diabetes"]), st.integers(2, 8), st.integers(2, 8), twins,
)  # fmt: skip


def network(data, m, seed):
    X, y = samples(data, seed)
    params = init_parameters(seed, X.shape[1], m, hidden_layers=1)
    return X, y, params, (params.weights[0], params.output)


def test_the_least_eigenvalue_is_read_at_finer_steps_where_two_tolerances_differ():
    """By two per cent between the first two tolerances."""
    stream = [1900106, 414629159394173577, 3649569658711240562, 3904588515408131669]
    data = {"kind": "random", "n": 8, "d": 8, "twin": 0.1}
    found = certified_flows(data=data, width=1024, stream=stream, first=0, draws=1)
    assert found["least"] == pytest.approx(0.022895, abs=1e-6)
    assert found["least error"] < 1e-3 * found["least"]


@pytest.mark.claim("li2024demystifying/relu-condition")
@examples(30)
@given(data=sets, tau=st.floats(0, 3), seed=seeds)
def test_the_kept_eigenvalue_is_the_formula_and_falls(data, tau, seed):
    X, _, params, theta = network(data, 16, seed)
    S, (r, delta) = X @ X.T, displacement_bounds(X, *theta, tau)
    top = np.linalg.eigvalsh(S)[-1]
    M, H = np.zeros_like(S), np.zeros_like(S)
    for w, a, r_k, delta_k in zip(*theta, r, delta, strict=True):
        u, chi = X @ w, np.linalg.norm(X @ X.T, axis=1) / np.sqrt(top)
        met = np.abs(u) <= chi * r_k
        Q = np.linalg.svd(X[met].T, full_matrices=False) if met.any() else None
        P = (
            np.zeros((X.shape[1],) * 2)
            if Q is None
            else Q[0][:, Q[1] > 1e-12 * Q[1][0]] @ Q[0][:, Q[1] > 1e-12 * Q[1][0]].T
        )
        D = np.diag((u > chi * r_k).astype(float))
        M += max(abs(a) - delta_k, 0) ** 2 / 16 * D @ X @ (np.eye(len(P)) - P) @ X.T @ D
        H += np.outer(np.maximum(u, 0), np.maximum(u, 0)) / 16
    both = np.sqrt(max(np.linalg.eigvalsh(M + H)[0], 0)) - np.sqrt(top * np.mean(r**2))
    expected = max(np.linalg.eigvalsh(M)[0], max(both, 0) ** 2, 0)
    found = kept_eigenvalue(X, *theta, tau)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert found <= kept_eigenvalue(X, *theta, tau / 2) + 1e-9
    start = 16 * np.linalg.eigvalsh(layer_grams(params, X, activation="relu", kappa=1.0).sum(axis=0))[0]
    assert kept_eigenvalue(X, *theta, 0.0) == pytest.approx(start, abs=1e-9)


@pytest.mark.claim("li2024demystifying/relu-condition")
@given(a=st.floats(-3, 3), h=st.floats(0, 3), tau=st.floats(0, 3))
def test_displacements_solve_their_equations(a, h, tau):
    """r' = |a| + δ, δ' = h + r: one input, w = h along it."""
    r, delta = displacement_bounds([[1.0]], [[h]], [a], tau)
    run = solve_ivp(lambda t, z: [abs(a) + z[1], h + z[0]], (0, max(tau, 1e-9)), [0, 0], rtol=1e-9, atol=1e-12)
    assert [r[0], delta[0]] == pytest.approx(run.y[:, -1], rel=1e-6, abs=1e-8)


def attacked(X, W, a, tau, rng, rounds):
    """The least λ_min((m/κ²)G) that is found among weights that the displacement bounds allow, over Φ(τ).

    δw_k = Xᵀc_k with ‖c_k‖ ≤ r_k/√Λ moves no w_k·x_i by more than χ_ir_k. For the slowest v each neuron takes the candidate
    that counts least: towards and away from the kink of every input, along ±v, at random; a_k as small as allowed.
    """
    m, top = len(a), np.linalg.eigvalsh(X @ X.T)[-1]
    r, delta = displacement_bounds(X, W, a, tau)
    b = np.sign(a) * np.maximum(np.abs(a) - delta, 0)
    kept, S = kept_eigenvalue(X, W, a, tau), X @ X.T

    def gram(W):
        u = W @ X.T
        return (S * ((u > 0).T @ (b[:, None] ** 2 * (u > 0))) + np.maximum(u, 0).T @ np.maximum(u, 0)) / m

    found, now = np.inf, W
    for _ in range(rounds):
        values, vectors = np.linalg.eigh(gram(now))
        found, v = min(found, values[0]), vectors[:, 0]
        directions = [*np.eye(len(X)), *-np.eye(len(X)), v, -v, *rng.normal(size=(4, len(X)))]
        best = np.full(m, np.inf)
        for c, share in product(directions, (0.5, 1.0)):
            moved = W + share * np.outer(r / np.sqrt(top) / np.linalg.norm(c), c @ X)
            u = moved @ X.T
            cost = b**2 * np.sum(((u > 0) * v @ X) ** 2, axis=1) + (np.maximum(u, 0) @ v) ** 2
            now = np.where((cost < best)[:, None], moved, now)
            best = np.minimum(best, cost)
    return min(found, np.linalg.eigvalsh(gram(now))[0]), kept


@pytest.mark.claim("li2024demystifying/relu-condition")
@examples(60)
@given(data=sets, tau=st.floats(1e-3, 0.5), seed=seeds)
def test_an_adversary_within_the_displacements_does_not_get_below_the_bound(data, tau, seed):
    X, _, _, (W, a) = network(data, 64, seed)
    least, kept = attacked(X, W, a, tau, np.random.default_rng(seed), 3)
    if kept > 1e-9:
        target(-least / kept)
    assert least >= kept - 1e-12


@pytest.mark.claim("li2024demystifying/relu-condition")
def test_the_adversary_comes_within_half_of_the_bound():
    """So that an adversary that does nothing would be noticed: near-duplicates at τ_1."""
    X, y, _, (W, a) = network(PAIR, 1024, 3)
    _, tau = certified_scale(X, W, a, y, limit_least(X))
    least, kept = attacked(X, W, a, tau, np.random.default_rng(3), 4)
    assert kept <= least <= 2 * kept < 0.9 * kept_eigenvalue(X, W, a, 0.0) * 2


@pytest.mark.claim("li2024demystifying/relu-condition")
@examples(12)
@given(data=sets, seed=seeds)
def test_flows_at_the_certified_scale_keep_the_kernel_and_the_displacements(data, seed):
    found = certified_flows(data=data | {"n": min(data["n"], 4)}, width=256, stream=[seed, 0, 0, 0], first=0, draws=1)
    assume(not np.isnan(found["least"][0]))  # a flow that does not end is no evidence
    if np.isfinite(found["scale"][0]):
        assert found["least"][0] >= found["kept"][0]
        assert max(found["weights"][0], found["output"][0]) <= 1


@pytest.mark.claim("li2024demystifying/relu-condition")
@given(n=st.integers(1, 6), seed=seeds, scale=st.floats(0.1, 10))
def test_the_certified_scale_is_within_its_simple_bound(n, seed, scale):
    """κ_cert ≤ 2√2 √(nΛR_0)/(λτ_1), and no smaller than by a finer sum of the integral; linear in y."""
    X, y, _, (W, a) = network({"kind": "random", "n": max(n, 2), "d": 8}, 128, seed)
    lam, top = limit_least(X), np.linalg.eigvalsh(X @ X.T)[-1]
    kappa, tau = certified_scale(X, W, a, y, lam)
    if tau:
        assert kappa <= 2 * np.sqrt(top) * np.linalg.norm(y) / (lam * tau) * (1 + 1e-9)
        taus = np.linspace(0, tau, 97)
        integral = trapezoid([kept_eigenvalue(X, W, a, t) for t in taus], taus)
        assert kappa >= np.sqrt(top) * np.linalg.norm(y) / integral * (1 - 1e-3)
        assert certified_scale(X, W, a, scale * y, lam)[0] == pytest.approx(scale * kappa)


@pytest.mark.claim("li2024demystifying/relu-condition")
@given(s=st.floats(0, 5))
def test_the_share_between_two_inputs_is_the_mean_over_its_neurons(s):
    """E a²(1 − |a|s/ρ)_+ by quadrature over the angle of (ρ, |a|), which R⁴ = 8 factors out of; and its integral S/(1 + S)."""
    own = lambda t: (np.cos(t) ** 2 - s * np.cos(t) ** 3 / np.sin(t)) * np.sin(t)  # noqa: E731
    mean = quad(own, np.arctan(s), np.pi / 2)[0] * 3  # E over ρ Rayleigh, |a| half-normal: ∫R⁴e^{−R²/2}dR √(2/π) = 3
    assert wedge_share(s) == pytest.approx(mean, abs=1e-7)
    S = s / np.hypot(1, s)
    assert quad(wedge_share, 0, s)[0] == pytest.approx(S / (1 + S), abs=1e-7)


@pytest.mark.claim("li2024demystifying/relu-condition")
def test_constants():
    assert halving_scale(1e-6, 1.0) * 1e-12 == pytest.approx(13.256, abs=1e-3)
    assert halving_scale(0.05, 2.0) == pytest.approx(2 * halving_scale(0.05, 1.0))
    X, y = np.eye(2), np.array([1.0, -1.0])
    assert sufficient_relu_width(X, delta=0.1) == np.ceil(500 * np.log(80))
    assert sufficient_relu_scale(X, y) == pytest.approx(85 * 2**1.5 * np.sqrt(0.5) * 4)
    lam = limit_grams(X, hidden_layers=1, activation="tanh").layers[0][0, 0]
    assert sufficient_smooth_width(X, activation="tanh", delta=0.1) == pytest.approx(82.24 * np.log(40) / lam, rel=2e-3)
    c = np.sqrt(1 + 4 * 16 / 27 * np.log(20000))
    assert sufficient_smooth_scale(X, y, 1000, activation="tanh", delta=0.1) == pytest.approx(8 * np.sqrt(2) * c / lam)


@pytest.mark.claim("li2024demystifying/relu-condition")
@examples(6)
@given(phi=st.floats(0.02, 0.1), seed=seeds)
def test_flows_in_the_scale_bracket_the_halving(phi, seed):
    m = int(700 / phi)
    found = halvings(angles=[phi], widths=[m], stream=[seed, 0, 0, 0], first=0, draws=4)
    assert (found["scale"] / found["own"]).mean() == pytest.approx(1, rel=0.2)
    assert found["own"].mean() == pytest.approx(halving_scale(phi, 2.0), rel=0.5)
    data = {"kind": "random", "n": 2, "d": 2, "twin": phi}
    X, y = samples(data, 0)
    assert abs(y[0] - y[1]) == pytest.approx(2.0) and X[0] @ X[1] == pytest.approx(np.cos(phi))


@pytest.mark.claim("li2024demystifying/relu-condition")
@examples(6)
@given(phi=st.floats(0.03, 0.1), seed=st.integers(0, 1000))
def test_below_the_scale_half_is_lost_and_above_it_kept(phi, seed):
    X, params = pair(phi), init_parameters(seed, 2, int(700 / phi), hidden_layers=1)
    own, least = own_halving_scale(X, params.weights[0], params.output, 2.0), []
    for factor in (0.6, 1.6):
        options = {"activation": "relu", "kappa": factor * own}
        run = gradient_flow(params, X, [1.0, -1.0], centred=True, kernels=True, loss_ratio=1e-6, **options)
        start = np.linalg.eigvalsh(layer_grams(params, X, **options).sum(axis=0))[0]
        least.append(np.linalg.eigvalsh(run.kernels)[:, 0].min() / start)
    assert least[0] < 0.5 < least[1]


@pytest.mark.claim("li2024demystifying/relu-condition")
@given(seed=seeds, m=st.integers(3, 40))
def test_the_own_scale_does_not_depend_on_the_order_of_inputs_or_neurons(seed, m):
    X, params = pair(0.5), init_parameters(seed, 2, m, hidden_layers=1)
    (W,), a = params.weights, params.output
    found, order = own_halving_scale(X, W, a, 2.0), np.random.default_rng(seed).permutation(m)
    if np.isfinite(found):
        assert own_halving_scale(X, W[order], a[order], 2.0) == pytest.approx(found)
        assert own_halving_scale(X, W, a, 1.0) == pytest.approx(found / 2)
        assert own_halving_scale(X[::-1], W, -a, 2.0) == pytest.approx(found)  # the other sign of the residual


@pytest.mark.claim("li2024demystifying/relu-condition")
@examples(6)
@given(seed=seeds, activation=st.sampled_from(["tanh", "gelu", "softplus"]))
def test_near_duplicates_with_opposite_labels_leave_the_envelope_for_relu_alone(seed, activation):
    shared = {"pairs": [[4096, 64.0]], "stream": [seed, 0, 0, 0], "first": 0, "draws": 1}
    assert envelopes(data=PAIR, activation="relu", **shared)["excess"][0, 0] > 3
    assert envelopes(data=PAIR, activation=activation, **shared)["excess"][0, 0] < 0.5
    assert envelopes(data=PAIR | {"alike": True}, activation="relu", **shared)["excess"][0, 0] < 0.5


@pytest.mark.claim("li2024demystifying/relu-condition")
def test_twins_are_turned_by_their_angle():
    for kind in ("random", "digits", "diabetes"):
        data = {"kind": kind, "n": 4, "twin": 0.2}
        X, y = samples(data, 7)
        assert np.arccos(X[0] @ X[1]) == pytest.approx(0.2) and y[1] == -y[0] and np.linalg.norm(y) == pytest.approx(2)
        assert samples(data | {"alike": True}, 7)[1][1] == samples(data | {"alike": True}, 7)[1][0]
        assert np.array_equal(inputs(kind, n=4, seed=7)[2:], X[2:])


def test_a_network_whose_kernel_is_nearly_singular_at_the_start_is_counted_and_not_judged():
    """Of two neurons on four inputs λ_min(G_0) is 0."""
    found = certified_flows(data={"kind": "random", "n": 8, "d": 8}, width=2, stream=[0, 1, 2, 3], first=0, draws=2)
    assert np.isinf(found["scale"]).all() and not found["least"].any() and not found["weights"].any()
    evidence = AtLeast()(kernel_kept({}, found))
    assert evidence.verdict is Verdict.HYPOTHESES_NOT_MET and evidence.excluded == 2
