"""Ensembles against single networks, and against themselves split in other ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kernels.ensemble as module
from kernels import Parameters, layer_grams
from kernels.activations import ACTIVATIONS
from kernels.convolution import ConvolutionalNetwork
from kernels.ensemble import ensemble_block_grams, ensemble_grams
from kernels.random_weights import normal_matrix
from kernels.residual import ResidualNetwork

sizes = st.fixed_dictionaries({"seed": st.integers(0, 2**40), "n": st.integers(1, 4), "d": st.integers(1, 5)})


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@given(size=sizes, widths=st.sets(st.integers(1, 20), min_size=1, max_size=4), draws=st.integers(1, 4))
def test_every_network_has_the_gram_matrices_of_its_own_weights(activation, size, widths, draws):
    seed, X, widths = (
        size["seed"],
        np.random.default_rng(size["seed"]).normal(size=(size["n"], size["d"])),
        sorted(widths),
    )
    grams = ensemble_grams(seed, X, widths, draws=draws, activation=activation)
    M = widths[-1]
    for s in range(draws):
        for w, m in enumerate(widths):
            W = normal_matrix(seed, 0, size["d"], m, first_column=s * M).T
            params = Parameters((W,), normal_matrix(seed, 1, 1, m, first_column=s * M)[0])
            single = layer_grams(params, X, activation=activation, kappa=np.sqrt(m))
            assert np.allclose(grams[s, w], single, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@given(
    size=sizes, widths=st.sets(st.integers(1, 20), min_size=1, max_size=4), L=st.integers(2, 4), first=st.integers(0, 9)
)
def test_every_deep_network_has_the_gram_matrices_of_its_own_weights(activation, size, widths, L, first):
    seed, d, widths = size["seed"], size["d"], sorted(widths)
    X, M = np.random.default_rng(seed).normal(size=(size["n"], d)), widths[-1]
    grams = ensemble_grams(seed, X, widths, draws=2, activation=activation, hidden_layers=L, first_draw=first)
    for s in range(2):
        deep = [normal_matrix(seed, l, 1, M * M, first_row=first + s).reshape(M, M) for l in range(1, L)]
        output = normal_matrix(seed, L, 1, M, first_row=first + s)[0]
        for w, m in enumerate(widths):
            W = normal_matrix(seed, 0, d, m, first_column=(first + s) * M).T
            params = Parameters((W, *(own[:m, :m].copy() for own in deep)), output[:m])
            single = layer_grams(params, X, activation=activation, kappa=np.sqrt(m))
            assert np.allclose(grams[s, w], single, rtol=1e-10, atol=1e-12 * max(1, np.abs(single).max()))


@given(size=sizes, draws=st.integers(2, 9), block=st.integers(1, 200), L=st.integers(1, 3))
def test_the_split_into_calls_and_blocks_does_not_matter(size, draws, block, L):
    X = np.random.default_rng(size["seed"]).normal(size=(size["n"], size["d"]))
    arguments = {"activation": "tanh", "hidden_layers": L}
    whole = ensemble_grams(size["seed"], X, [3, 8], draws=draws, **arguments)
    kept = module.BLOCK, module.SMALL_BLOCK
    try:
        module.BLOCK = module.SMALL_BLOCK = block
        first = ensemble_grams(size["seed"], X, [3, 8], draws=1, **arguments)
        rest = ensemble_grams(size["seed"], X, [3, 8], draws=draws - 1, first_draw=1, **arguments)
    finally:
        module.BLOCK, module.SMALL_BLOCK = kept
    assert np.allclose(np.concatenate([first, rest]), whole, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "make",
    [lambda X, L: ResidualNetwork(X.reshape(len(X), -1), "tanh", 2.0, 4, L),
     lambda X, L: ConvolutionalNetwork(X, "relu", 2.0, 4, L, 2)],
    ids=["residual", "convolution"],
)  # fmt: skip
@given(size=sizes, L=st.integers(1, 3), first=st.integers(0, 9), split=st.integers(1, 2))
def test_ensembles_of_blocks_are_those_of_single_networks(make, size, L, first, split):
    model = make(np.random.default_rng(size["seed"]).normal(size=(size["n"], 3, size["d"])), L)
    found = ensemble_block_grams(model, size["seed"], draws=3, first_draw=first)
    p = sum(rows * columns for rows, columns in model.shapes)
    w = normal_matrix(size["seed"], 0, 3, p, first_row=first)
    assert np.allclose(found, [model.block_grams(own) for own in w], rtol=1e-10, atol=1e-13)
    rest = ensemble_block_grams(model, size["seed"], draws=3 - split, first_draw=first + split)
    assert np.allclose(rest, found[split:], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "widths, draws, activation, message",
    [([4, 4], 1, "relu", "`widths` must be"), ([], 1, "relu", "`widths` must be"), ([0], 1, "relu", "`widths` must be"),
     ([4], 0, "relu", "`draws` must be"), ([4], 1, "rely", "did you mean 'relu'")],
)  # fmt: skip
def test_bad_input(widths, draws, activation, message):
    assert "relu" in ACTIVATIONS
    with pytest.raises(ValueError, match=message):
        ensemble_grams(0, np.eye(2), widths, draws=draws, activation=activation)


def test_networks_of_other_architectures_do_not_depend_on_the_blocks_they_are_drawn_in(monkeypatch):
    model = ResidualNetwork(np.random.default_rng(0).normal(size=(3, 2)), "tanh", 1.0, 4, 2)
    whole = ensemble_block_grams(model, 5, draws=6)
    monkeypatch.setattr("kernels.ensemble.WEIGHTS", 1)  # one network at a time
    assert ensemble_block_grams(model, 5, draws=6) == pytest.approx(whole, rel=1e-12)
    assert ensemble_block_grams(model, 5, draws=2, first_draw=4) == pytest.approx(whole[4:], rel=1e-12)
    assert len({own.tobytes() for own in whole}) == 6
