"""The benchmarks' own arithmetic: ratios, lost ones, the page made from them, and peers that are absent, wrong or broken."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import flow, growth, peers, table
from benchmarks.ratios import KEPT, interleaved, losses, missing, peak, ratio

COSTS = st.lists(st.tuples(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3)), min_size=1, max_size=9)


@given(COSTS, st.floats(0.1, 10))
def test_a_ratio_says_how_many_times_cheaper_ours_is(pairs, factor):
    ours, theirs = np.array(pairs).T
    row = ratio("t", "c", "o", ours, theirs)
    assert row.low <= row.ratio <= row.high and row.ratio == pytest.approx(np.median(theirs / ours))
    assert ratio("t", "c", "o", ours, factor * theirs).ratio == pytest.approx(factor * row.ratio)


def test_sides_alternate_after_one_uncounted_pair():
    calls = []

    def side(name):
        return lambda: calls.append(name) or float(len(calls))

    ours, other = interleaved(side("a"), side("b"), 3)
    assert calls == ["a", "b"] * 4 and list(ours) == [3, 5, 7] and list(other) == [4, 6, 8]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_peak_is_that_of_the_code_and_not_of_the_process_that_asks():
    held = np.ones(2**26)  # 512 MiB
    (empty,), (full,) = peak(""), peak("x = bytearray(2**27)")
    assert empty < 64 < 128 < full < 192 and held[0]


def test_a_ratio_that_fell_is_a_loss_and_one_that_cannot_be_had_too():
    def row(value, case="c"):
        return ratio("t", case, "o", np.ones(1), np.array([value]))

    assert not losses([row(KEPT * 2 + 1e-9), row(9.0, "new")], [row(2.0)])
    assert losses([row(KEPT * 2 - 1e-9)], [row(2.0)]) == ["t: c: o: 1.4, recorded 2"]
    assert len(losses([missing("t", "c", "o", "not installed")], [row(2.0)])) == 1
    assert not losses([row(1.0)], [missing("t", "c", "o", "not installed")])


def test_rows_survive_their_file(tmp_path):
    rows = [ratio("t", "c", "o", np.ones(3), np.arange(1.0, 4), "MiB", 2.0, "n"), missing("t", "d", "o", "why")]
    machines = {"t": {"date": "today"}}
    table.write(tmp_path / "r.json", rows, machines)
    found, known = table.read(tmp_path / "r.json")
    assert repr(found) == repr(rows) and known == machines


@pytest.mark.parametrize("value, text", [(1.0, ""), (0.99, "below")])
def test_the_table_says_what_is_below_its_target(value, text):
    assert table.cells(ratio("t", "c", "o", np.ones(1), np.array([value]), target=1.0))[-1] == text
    assert table.cells(ratio("t", "c", "o", np.ones(1), np.array([value])))[-1] == ""


def test_the_page_is_what_the_record_generates():
    rows, machine = table.read(table.RECORD)
    assert table.COMPARISON.read_text(encoding="utf-8") == table.markdown(rows, machine)
    assert len({row.name for row in rows}) == len(rows)


PEER = """
import sys
sys.path.insert(0, {folder!r})
from serve import serve
import numpy as np
serve({{"double": lambda request, arrays: lambda: {result}}})
"""


@pytest.fixture
def peer(tmp_path, monkeypatch):
    """A peer in this interpreter's environment whose task returns what the test says."""

    def make(result):
        script = tmp_path / "peer.py"
        script.write_text(PEER.format(folder=str(peers.SCRIPTS), result=result))
        monkeypatch.setitem(peers.PEERS, "mine", peers.Peer((), str(script)))
        monkeypatch.setattr(peers, "python_of", lambda name: peers.Path(sys.executable))
        X = np.arange(6.0)
        return peers.against("mine", ("t", "c"), {"task": "double"}, {"X": X}, lambda: 2 * X, repeats=2)

    yield make
    peers.end("mine")


def test_a_peer_that_agrees_is_timed(peer):
    row = peer("2 * arrays['X']")
    assert row.ratio > 0 and row.other == "mine" and row.note == "results agree to 0e+00"


@pytest.mark.parametrize(
    "result, reason",
    [("2.1 * arrays['X']", "its result differs by 0.05 of the largest entry"), ("np.linalg.inv(0)", "it fails: ")],
)
def test_a_peer_that_is_wrong_or_breaks_is_a_row_that_says_so(peer, result, reason):
    row = peer(result)
    assert np.isnan(row.ratio) and row.note.startswith(reason)


def test_a_peer_that_is_not_installed_is_a_row_that_says_how(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "ENVIRONMENTS", tmp_path)
    row = peers.against("torch", ("t", "c"), {}, {}, lambda: np.ones(1), repeats=1, target=2.0)
    assert np.isnan(row.ratio) and row.note == f"not installed: {peers.INSTALL}"


@pytest.mark.parametrize("power", [1, 2, 3])
def test_exponents_are_those_of_powers(power):
    sizes = (10, 20, 40)
    assert growth.exponent(sizes, [7 * size**power for size in sizes]) == pytest.approx(power)


def test_counted_products_are_those_of_the_matrices():
    """L = 2 by hand: W^1X, W^2A, W^2ᵀB, then AᵀA and BᵀB of two layers and XXᵀ."""
    n, m, d = 3, 5, 64
    assert growth.gram_products(n, m, 2) == m * n * d + 2 * m * m * n + 4 * m * n * n + n * n * d


def test_every_method_has_tolerances_and_every_problem_methods():
    assert set(flow.OTHERS) == set(flow.SIZES)
    named = {method for methods in flow.OTHERS.values() for method in methods} | {"gradient_flow"}
    assert named <= set(flow.METHODS) and named <= set(flow.TOLERANCES)


def test_differences_for_a_jacobian_are_counted():
    problem = flow.make_problem("P0", 0)
    _, implicit = flow.by_scipy(problem, 1e-2, "Radau")
    assert implicit > len(problem.flat)
