"""Crossings of kinks against a neuron-by-neuron simulation in small steps, and their mean against drawn neurons."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import examples
from theory import limit_grams
from theory.kink_crossings import crossing_change, mean_crossing_change

seeds = st.integers(0, 2**32 - 1)


def setting(seed, n, d):
    """Unit inputs no two of which are close, targets, and two decay times of the fastest mode."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, d)), rng.normal(size=n)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    assume(np.abs(X @ X.T - np.eye(n)).max() <= 0.9)
    return X, y, 2 * n / np.linalg.eigvalsh(limit_grams(X, hidden_layers=1, activation="relu").ntk)[-1], rng


def simulated(X, y, U, a, kappa, time, steps):
    """(1/m) Σ_k a_k² Δ(σ'σ'ᵀ)∘ρ, one kink at a time: u = w_k·x_i obeys u' = (a_k/κ) Σ_j ρ_ijσ'_jr_j, other σ' as at first."""
    K, rho, n = limit_grams(X, hidden_layers=1, activation="relu").ntk, X @ X.T, len(X)
    values, Q = np.linalg.eigh(K)
    start, change = (U > 0).astype(float), np.zeros((n, n))
    for i in range(n):
        u = U[:, i].copy()
        held = np.zeros(len(u))
        for step in range(steps):
            residual = Q @ (np.exp(-values * time * (step + 0.5) / steps / n) * (Q.T @ y)) / n
            on = start.copy()
            on[:, i] = u > 0
            u += a / kappa * (on @ (rho[i] * residual)) * time / steps
            held += (u > 0) * (step >= 0.9 * steps)
        switched = held / (steps - int(np.ceil(0.9 * steps))) - start[:, i]  # the share of the last tenth
        for j in range(n):
            others = a**2 * switched * (start[:, j] if j != i else 1) * rho[i, j]
            change[i, j] += others.mean()
            change[j, i] += others.mean() * (j != i)
    return change


@examples(5)
@given(seed=seeds, n=st.integers(1, 4), d=st.integers(3, 5))
def test_crossings_are_those_of_neurons_that_move_alone(seed, n, d):
    """Up to a tenth and two neurons that are about to cross."""
    X, y, time, rng = setting(seed, n, d)
    U, a = rng.normal(size=(8000, d)) @ X.T, rng.normal(size=8000)
    found = crossing_change(X, y, U, a, kappa=4.0, scaled_time=time)
    reference = simulated(X, y, U, a, 4.0, time, 400)
    assert np.allclose(found, found.T)
    assert np.linalg.norm(found - reference) <= 0.1 * np.linalg.norm(reference) + 2 * (a**2).max() / len(a)


@examples(5)
@given(seed=seeds, n=st.integers(1, 4), d=st.integers(3, 5))
def test_their_mean_is_that_over_drawn_neurons(seed, n, d):
    X, y, time, rng = setting(seed, n, d)
    y, draws = y / np.abs(y).max(), []  # at small targets hardly a neuron of 20,000 crosses
    for _ in range(40):
        W, a = rng.normal(size=(20_000, d)), rng.normal(size=20_000)
        draws.append(100 * crossing_change(X, y, W @ X.T, a, kappa=100.0, scaled_time=time))
    C, draws = mean_crossing_change(X, y, scaled_time=time), np.array(draws)
    along = (draws * C).sum(axis=(1, 2)) / np.sum(C**2)
    assert abs(along.mean() - 1) <= 5 * along.std() / np.sqrt(40) + 0.02


@examples(5)
@given(seed=seeds, scale=st.floats(1e-3, 1e3))
def test_the_mean_is_proportional_to_the_targets_and_even_in_them(seed, scale):
    X, y, time, _ = setting(seed, 3, 4)
    C, other, opposite = (mean_crossing_change(X, z, scaled_time=time, doublings=12) for z in (y, scale * y, -y))
    assert np.allclose(other, scale * C)
    assert np.linalg.norm(opposite - C) <= 0.05 * np.linalg.norm(C)
