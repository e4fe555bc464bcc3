"""Intervals of means, and the edges at which judges decide nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from checks.judges import AtLeast, AtMost, Counts, Draws, Frequency, Gap, MeanAtMost, Positive, Proof, Ratio, Sides
from checks.judges.frequency import clopper_pearson
from checks.judges.interval import t_interval, two_sided_strain
from checks.verdict import Evidence, Verdict, loudest

VALUES = 1 + 0.01 * np.random.default_rng(0).standard_normal(12)
JUDGES = (Ratio(1.0, 0.1), Gap(0.5), MeanAtMost(2.0))


def test_the_strain_is_that_of_the_end_that_is_farther_off_or_of_the_one_that_counts():
    strains = [two_sided_strain((0.875, 1.0625), 1.0, 0.25, side) for side in "=≥≤"]
    assert strains == [0.5, 0.5, 0.25]
    assert two_sided_strain((0.9375, 1.25), 1.0, 0.25, "=") == 1.0


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=30), st.floats(1e-4, 0.4))
def test_the_interval_is_that_of_student(values, level):
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    expected = stats.t.ppf([level, 1 - level], len(values) - 1) * error + np.mean(values)
    assert t_interval(np.mean(values), error, len(values), level) == pytest.approx(tuple(expected), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("judge", JUDGES, ids=str)
@pytest.mark.parametrize("excluded, expected", [(0, True), (12, True), (13, False)])
def test_more_than_half_of_the_draws_must_meet_the_hypotheses(judge, excluded, expected):
    found = judge(Draws(VALUES, excluded=excluded))
    assert (found.verdict is Verdict.SUPPORTED) == expected and found.excluded == excluded
    assert expected or (found.verdict is Verdict.INCONCLUSIVE and "13 of 25 draws, more than half" in found.note)


def test_at_its_edge_no_judge_supports():
    (edge, _) = Gap(0.5)(Draws(VALUES)).interval
    assert Gap(edge)(Draws(VALUES)).verdict is Verdict.INCONCLUSIVE
    assert Gap(edge - 1e-9)(Draws(VALUES)).verdict is Verdict.SUPPORTED
    assert Positive()(Proof(0.0, "nothing", np.eye(2))).verdict is Verdict.INCONCLUSIVE
    assert all(judge(Sides(1.0, np.inf)).verdict is Verdict.INCONCLUSIVE for judge in (AtMost(), AtLeast()))


@pytest.mark.parametrize("looks", [1, 4])
def test_the_limits_of_a_probability_share_their_level_among_the_looks(looks):
    assert Frequency(0.01)(Counts(3, 50, 0.2), looks=looks).interval == clopper_pearson(3, 50, 0.01 / looks)


def test_what_has_no_distance_is_the_loudest_of_its_verdict():
    judged = [Evidence(str(x), Verdict.INCONCLUSIVE, 0.0, 0.0, strain=x) for x in (1.0, np.nan, 3.0)]
    assert (
        loudest(judged, lambda e: e.strain).part == "nan"
        and loudest(judged, lambda e: e.strain, control=True).part == "1.0"
    )
