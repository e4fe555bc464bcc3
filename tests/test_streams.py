"""The one rule for seeds: streams differ in every name, and so do their draws and data."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from checks.measurements.streams import DATA, data_seed, draw_seeds, seed_of
from checks.running.seeds import stream_of

names = st.text(max_size=8)
configs = st.dictionaries(st.text(max_size=4), st.integers() | st.lists(st.integers(), max_size=3), max_size=3)
places = st.tuples(st.integers(0, 2**40), names, names, configs, st.integers(0, 10**6))


def at(seed, label, part, config, draw):
    return seed_of(stream_of(seed, label, part, config), draw)


@given(places, places)
def test_two_places_share_a_seed_only_if_they_are_the_same(a, b):
    assert (at(*a) == at(*b)) == (a == b)


@given(places, st.integers(0, 50), st.integers(1, 50))
def test_later_looks_extend_earlier_ones_and_the_data_have_a_seed_of_their_own(place, first, draws):
    *names, _ = place
    stream = stream_of(*names)
    together = draw_seeds(stream, 0, first + draws)
    assert together[first:] == draw_seeds(stream, first, draws)
    assert len({*together, data_seed(stream)}) == first + draws + 1 and data_seed(stream) == seed_of(stream, DATA)
    assert all(0 <= seed < 2**63 for seed in together)


def test_no_digit_of_the_run_seed_is_lost():
    seeds = [0, *(2**k for k in range(0, 128, 8))]
    assert len({at(seed, "label", "part", {}, 0) for seed in seeds}) == len(seeds)


def test_the_rule_is_that_of_the_seed_sequence():
    stream = [5, 11, 12, 13]
    expected = np.random.SeedSequence(5, spawn_key=(11, 12, 13, 7)).generate_state(1, np.uint64)[0] >> np.uint64(1)
    assert seed_of(stream, 7) == expected
