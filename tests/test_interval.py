"""Intervals of means: their strain, and draws that are left out because the hypotheses do not hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from checks.judges import Draws, Gap, MeanAtMost, Ratio
from checks.judges.interval import t_interval, two_sided_strain
from checks.verdict import Verdict

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
    assert t_interval(np.mean(values), error, len(values), level) == pytest.approx(tuple(expected), abs=1e-9)


@pytest.mark.parametrize("judge", JUDGES, ids=str)
@pytest.mark.parametrize("excluded, expected", [(0, True), (12, True), (13, False)])
def test_more_than_half_of_the_draws_must_meet_the_hypotheses(judge, excluded, expected):
    found = judge(Draws(VALUES, excluded=excluded))
    assert (found.verdict is Verdict.SUPPORTED) == expected and found.excluded == excluded
    assert expected or (found.verdict is Verdict.INCONCLUSIVE and "13 of 25 draws, more than half" in found.note)
