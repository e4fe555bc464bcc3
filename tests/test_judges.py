"""The judges and the rule that combines them, tested like any code: known truths, broken inputs, simulated error rates.

Simulated rates are themselves judged by `frequency`, whose own error rates are exact binomial sums. A rate "at most
p" fails a test only when its lower limit at one-sided level 1e-3 exceeds p.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom, chi2, halfnorm, lognorm, nct, norm, t, ttest_1samp

from checks.claim import LOOKS
from checks.judges import AtLeast, AtMost, Counts, Draws, Frequency, Gap, MeanAtMost, Ratio, Sides, Slope
from checks.judges.frequency import clopper_pearson, trials_needed
from checks.judges.slope import rms_blocks
from checks.verdict import LEVEL, Evidence, Verdict, combine, combine_controls

SUPPORTED, REFUTED, INCONCLUSIVE = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE
WIDTHS = 2.0 ** np.arange(6, 12)
X = np.log(WIDTHS) - np.log(WIDTHS).mean()
SEEDS = 12
MARGIN = 0.1


def rate_fit(sizes, values, *, one_sided=False, **rule):
    return Slope(side="≤" if one_sided else "=", **rule)(Draws(values, sizes))


def equivalence(draws, *, predicted=1.0, **rule):
    return Ratio(predicted, **rule)(Draws(draws))


def paired_gap(differences, **rule):
    return Gap(**rule)(Draws(differences))


def inequality(measured, bound, *, change=0.0):
    return AtMost()(Sides(measured, bound, change * bound))


def frequency(failures, trials, *, bound, **rule):
    return Frequency(**rule)(Counts(failures, trials, bound))


NOISE = {  # (draw, standard deviation)
    "normal": (lambda rng, shape: rng.standard_normal(shape), 1.0),
    "lognormal": (lambda rng, shape: np.exp(rng.standard_normal(shape)), math.sqrt((math.e - 1) * math.e)),
    "chi": (lambda rng, shape: np.log(np.abs(rng.standard_normal(shape))), math.pi / math.sqrt(8)),
    "t_3": (lambda rng, shape: rng.standard_t(3, shape), math.sqrt(3)),
}


def laws(exponent, *, noise="normal", ratio=1.9, repetitions=1, seed=0):
    """Power laws (repetitions, SEEDS, W) with log noise such that MARGIN = ratio · sd of a seed's slope."""
    draw, sd = NOISE[noise]
    errors = draw(np.random.default_rng(seed), (repetitions, SEEDS, len(WIDTHS)))
    return np.exp(exponent * X + MARGIN / ratio * np.linalg.norm(X) / sd * errors)


def verdicts(values, **options):
    """Verdict of `rate_fit` on each of the repetitions."""
    return [rate_fit(WIDTHS, v, **{"predicted": -0.5, "margin": MARGIN, **options}).verdict for v in values]


def slope_power(ratio, seeds, level=LEVEL):
    """P(|b̄| + t·s/√S ≤ margin) for normal slopes around the prediction, by one integral over the distribution of s."""
    quantile = t.isf(level, seeds - 1)

    def integrand(v):
        room = math.sqrt(seeds) * ratio - quantile * math.sqrt(v / (seeds - 1))
        return chi2.pdf(v, seeds - 1) * (1 - 2 * norm.sf(room))

    return quad(integrand, 0, (ratio / quantile) ** 2 * seeds * (seeds - 1))[0]


# --- Slopes ---------------------------------------------------------------------------------------------------------


def test_rate_fit_of_known_power_laws():
    (values,) = laws(-0.5, ratio=4)
    right = rate_fit(WIDTHS, values, predicted=-0.5, margin=MARGIN)
    assert right.verdict is SUPPORTED and right.refutation == 1.0
    half = rate_fit(WIDTHS, np.sqrt(values), predicted=-0.5, margin=MARGIN)
    assert half.verdict is REFUTED and half.refutation < LEVEL and half.note


@given(st.integers(5, 8), st.integers(3, 7), st.floats(-2, 2), st.integers(0, 2**32 - 1))
def test_rate_fit_agrees_with_polyfit_and_the_t_test(seeds, widths, predicted, seed):
    rng = np.random.default_rng(seed)
    sizes, values = np.cumsum(rng.uniform(1, 9, widths)), np.exp(rng.normal(size=(seeds, widths)))
    found = rate_fit(sizes, values, predicted=predicted, margin=MARGIN, level=0.01)
    reference = np.polyfit(np.log(sizes), np.log(values).T, 1)[0]
    test = ttest_1samp(reference, predicted)
    assert found.measured == pytest.approx(reference.mean(), rel=1e-9, abs=1e-12)
    assert found.interval == pytest.approx(tuple(test.confidence_interval(0.98)), rel=1e-9, abs=1e-9)
    for sign in (1, -1):
        beyond = ttest_1samp(sign * reference, sign * predicted + MARGIN, alternative="greater")
        if beyond.statistic > 0:
            assert found.refutation == pytest.approx(beyond.pvalue, rel=1e-6)


@pytest.mark.parametrize("one_sided", [False, True])
def test_refutation_is_the_level_at_which_the_verdict_turns(one_sided):
    (values,) = laws(-0.37)
    options = {"predicted": -0.5, "margin": MARGIN, "one_sided": one_sided}
    level = rate_fit(WIDTHS, values, **options).refutation
    assert 0 < level < 0.4
    assert rate_fit(WIDTHS, values, **options, level=1.001 * level).verdict is REFUTED
    assert rate_fit(WIDTHS, values, **options, level=0.999 * level).verdict is INCONCLUSIVE


def test_an_upper_bound_on_the_exponent_allows_every_smaller_one():
    for exponent, expected in ((-3.0, SUPPORTED), (-0.5, SUPPORTED), (-0.25, REFUTED)):
        assert verdicts(laws(exponent, ratio=4), one_sided=True) == [expected]
    assert verdicts(laws(-3.0, ratio=4)) == [REFUTED]


def test_equal_draws_decide_nothing():
    """Twelve copies of one number are not twelve draws."""
    values = np.tile(WIDTHS**-0.5, (SEEDS, 1))
    for found in (
        rate_fit(WIDTHS, values, predicted=-0.5, margin=MARGIN),
        rate_fit(WIDTHS, values, predicted=-1.0, margin=MARGIN),
        equivalence(np.ones(SEEDS), margin=MARGIN),
        paired_gap(np.ones(SEEDS), threshold=0.1),
    ):
        assert found.verdict is INCONCLUSIVE and "equal" in found.note


def test_a_curved_law_with_the_right_overall_slope_trips_the_guard():
    bend = X**2 - np.mean(X**2)  # no overall slope on evenly spaced log widths
    (values,) = laws(-0.5, ratio=10) * np.exp(0.3 * bend)
    found = rate_fit(WIDTHS, values, predicted=-0.5, margin=MARGIN)
    assert found.verdict is INCONCLUSIVE and found.note.startswith("not asymptotic") and found.refutation == 1.0
    assert rate_fit(WIDTHS, values, predicted=-0.5, margin=MARGIN, guard=False).verdict is SUPPORTED
    assert rate_fit(WIDTHS, values, predicted=-1.0, margin=MARGIN).verdict is REFUTED


def test_the_guard_passes_as_many_curved_laws_as_documented():
    bend = X**2 - np.mean(X**2)
    bend /= np.polyfit(X[3:], bend[3:], 1)[0]  # slope 1 over the upper half
    found = verdicts(laws(-0.5, repetitions=1000, seed=16) * np.exp(3 * MARGIN * bend))
    lower, upper = clopper_pearson(found.count(SUPPORTED), len(found), LEVEL)
    assert lower <= 0.25 <= upper
    plain = laws(-0.5, repetitions=1000, seed=17)
    assert verdicts(plain) == verdicts(plain, guard=False)


def test_the_guard_of_an_upper_bound_minds_only_a_steeper_rise():
    (values,) = laws(-0.5, ratio=10)
    rise = np.exp(0.3 * X**2)
    assert verdicts([values * rise, values / rise], one_sided=True) == [INCONCLUSIVE, SUPPORTED]


@given(
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -1.0]),
    st.sets(st.tuples(st.integers(0, SEEDS - 1), st.integers(0, len(WIDTHS) - 1)), min_size=1, max_size=9),
    st.booleans(),
)
def test_a_broken_value_is_counted_and_never_supports_a_slope(value, places, one_sided):
    (values,) = laws(-0.5, ratio=10)
    for place in places:
        values[place] = value
    found = rate_fit(WIDTHS, values, predicted=-0.5, margin=MARGIN, one_sided=one_sided)
    assert found.verdict is INCONCLUSIVE and found.refutation == 1.0
    assert f"{len(places)} of {values.size}" in found.note


@pytest.mark.parametrize("seeds", [0, 1, 4])
def test_too_few_seeds_are_inconclusive(seeds):
    (values,) = laws(-0.5, ratio=10)
    for found in (
        rate_fit(WIDTHS, values[:seeds], predicted=-0.5, margin=MARGIN),
        equivalence(np.arange(1.0, seeds + 1), margin=MARGIN),
        paired_gap(np.arange(1.0, seeds + 1), threshold=0.1),
    ):
        assert found.verdict is INCONCLUSIVE and found.note.startswith("too few draws")


def test_block_rms_keeps_the_exponent_of_signed_errors():
    errors = np.random.default_rng(3).standard_normal((16 * SEEDS, len(WIDTHS))) * WIDTHS**-0.5
    blocks = rms_blocks(errors, 16)
    assert blocks.shape == (SEEDS, len(WIDTHS))
    assert blocks[1, 2] == pytest.approx(math.sqrt(np.mean(errors[16:32, 2] ** 2)), rel=1e-14)
    assert rate_fit(WIDTHS, blocks, predicted=-0.5, margin=0.15).verdict is SUPPORTED
    for broken in (math.nan, math.inf, 1e200):
        errors[5, 1] = broken
        assert rate_fit(WIDTHS, rms_blocks(errors, 16), predicted=-0.5, margin=0.15).verdict is INCONCLUSIVE


def test_slope_error_rates_at_the_edge_of_the_margin():
    repetitions, supported, refuted = 4000, 0, 0
    for number, noise in enumerate(NOISE):
        found = verdicts(laws(-0.5 + MARGIN, noise=noise, repetitions=repetitions, seed=number))
        wrong = found.count(SUPPORTED)
        assert frequency(wrong, repetitions, bound=0.003).verdict is not REFUTED
        supported, refuted = supported + wrong, refuted + found.count(REFUTED)
    total = repetitions * len(NOISE)
    assert frequency(supported, total, bound=0.003).verdict is SUPPORTED
    assert frequency(refuted, total, bound=0.003).verdict is SUPPORTED


def test_slope_power_is_the_documented_one():
    assert slope_power(1.9, SEEDS) >= 0.95
    for seeds, ratio in ((5, 5.4), (6, 4.0), (8, 2.8), (10, 2.3), (12, 1.9), (16, 1.6), (32, 1.0)):
        assert slope_power(ratio, seeds) >= 0.95 > slope_power(ratio - 0.1, seeds)
    found = verdicts(laws(-0.5, repetitions=4000, seed=10))
    lower, upper = clopper_pearson(found.count(SUPPORTED), len(found), LEVEL)
    assert lower <= slope_power(1.9, SEEDS) <= upper
    assert REFUTED not in found


def test_half_the_exponent_is_never_supported():
    found = verdicts(laws(-0.25, repetitions=2000, seed=11))
    assert SUPPORTED not in found
    assert frequency(len(found) - found.count(REFUTED), len(found), bound=0.005).verdict is SUPPORTED


def test_a_tiny_margin_keeps_the_false_refutation_below_twice_the_level():
    found = verdicts(laws(-0.5, ratio=0.05, repetitions=4000, seed=12))
    assert frequency(found.count(REFUTED), len(found), bound=2 * LEVEL).verdict is not REFUTED
    assert SUPPORTED not in found


@pytest.mark.parametrize(
    ("sizes", "shape", "options", "name"),
    [
        ([1, 2], (5, 2), {}, "x"),
        ([[1, 2, 3]], (5, 3), {}, "x"),
        ([1, 3, 2], (5, 3), {}, "x"),
        ([1, 2, 2], (5, 3), {}, "x"),
        ([0, 1, 2], (5, 3), {}, "x"),
        ([1, 2, math.nan], (5, 3), {}, "x"),
        ([1, 2, math.inf], (5, 3), {}, "x"),
        ([1, 2, 3], (3,), {}, "values"),
        ([1, 2, 3], (3, 5), {}, "values"),
        ([1, 2, 3], (5, 3), {"margin": -0.1}, "margin"),
        ([1, 2, 3], (5, 3), {"margin": math.nan}, "margin"),
        ([1, 2, 3], (5, 3), {"predicted": math.inf}, "predicted"),
        ([1, 2, 3], (5, 3), {"level": 0.5}, "level"),
    ],
)
def test_rate_fit_names_the_wrong_argument(sizes, shape, options, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        rate_fit(sizes, np.ones(shape), **{"predicted": 0.0, "margin": 0.1, **options})


@pytest.mark.parametrize(("shape", "block", "name"), [((6,), 2, "errors"), ((6, 3), 4, "block"), ((6, 3), 0, "block")])
def test_rms_blocks_names_the_wrong_argument(shape, block, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        rms_blocks(np.ones(shape), block)


# --- Means and gaps -------------------------------------------------------------------------------------------------


def test_equivalence_of_known_means():
    draws = 1 + 0.01 * np.random.default_rng(0).standard_normal(SEEDS)
    assert equivalence(draws, margin=0.05).verdict is SUPPORTED
    assert equivalence(draws + 0.1, margin=0.05).verdict is REFUTED
    assert equivalence(draws - 0.1, margin=0.05).verdict is REFUTED
    assert equivalence(draws + 0.05, margin=0.05).verdict is INCONCLUSIVE
    assert equivalence(draws + 6, predicted=7, margin=0.05).verdict is SUPPORTED


@pytest.mark.parametrize(
    ("law", "rate"),
    [(norm(), 0.0011), (halfnorm(), 0.008), (lognorm(0.5), 0.011), (lognorm(1.0), 0.051)],
    ids=["normal", "half-normal", "lognormal 1/2", "lognormal 1"],
)
def test_error_rates_of_a_mean_at_the_edge_of_the_margin(law, rate):
    # The mean lies one margin away: above, where a long right tail favours support, and below, where it refutes.
    draws = law.rvs((2000, SEEDS), random_state=np.random.default_rng(13))
    noise = MARGIN / 1.9 * (draws - law.mean()) / law.std()
    for centre, verdict in ((1 + MARGIN, SUPPORTED), (1 - MARGIN, REFUTED)):
        wrong = sum(equivalence(centre + row, margin=MARGIN).verdict is verdict for row in noise)
        lower, upper = clopper_pearson(wrong, len(noise), LEVEL)
        assert lower <= rate <= upper


def test_paired_gap_of_known_gaps():
    differences = 0.05 * np.random.default_rng(1).standard_normal(SEEDS)
    assert paired_gap(differences + 0.3, threshold=0.1).verdict is SUPPORTED
    assert paired_gap(differences + 0.1, threshold=0.1).verdict is INCONCLUSIVE
    no_gap = paired_gap(differences, threshold=0.1)
    assert no_gap.verdict is REFUTED and no_gap.refutation < LEVEL


@given(
    st.lists(st.floats(-1e308, 1e308), min_size=5, max_size=12),
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.integers(0, 11),
)
def test_a_broken_draw_never_supports_a_mean_or_a_gap(draws, value, place):
    draws[place % len(draws)] = value
    for found in (equivalence(draws, margin=1e308), paired_gap(draws, threshold=1e-3)):
        assert found.verdict is INCONCLUSIVE and f"1 of {len(draws)}" in found.note


@given(st.lists(st.floats(-1.7e308, 1.7e308), min_size=5, max_size=12))
def test_any_finite_draws_get_a_verdict(draws):
    for found in (equivalence(draws, margin=0.1), paired_gap(draws, threshold=0.1)):
        assert 0 <= found.refutation <= 1 and found.note
    too_large = equivalence([1.7e308, -1.7e308, *draws], margin=0.1)
    assert too_large.verdict is INCONCLUSIVE


def test_gap_error_rates_and_power_are_the_documented_ones():
    noise = 0.05 * np.random.default_rng(14).standard_normal((4000, SEEDS))

    def count(gap, verdict):
        return sum(paired_gap(gap + row, threshold=0.1).verdict is verdict for row in noise)

    for verdict in (SUPPORTED, REFUTED):
        assert frequency(count(0.1, verdict), len(noise), bound=LEVEL).verdict is not REFUTED
    power = nct.sf(t.isf(LEVEL, SEEDS - 1), SEEDS - 1, 1.7 * math.sqrt(SEEDS))
    lower, upper = clopper_pearson(count(0.1 + 1.7 * 0.05, SUPPORTED), len(noise), LEVEL)
    assert lower <= power <= upper and power == pytest.approx(0.93, abs=0.005)
    for seeds, ratio in ((6, 3.8), (8, 2.6), (10, 2.1), (12, 1.8)):
        powers = nct.sf(t.isf(LEVEL, seeds - 1), seeds - 1, np.array([ratio - 0.1, ratio]) * math.sqrt(seeds))
        assert powers[0] < 0.95 <= powers[1]


@pytest.mark.parametrize(
    ("judge", "name"),
    [
        (lambda: equivalence(np.ones((5, 2)), margin=0.1), "values"),
        (lambda: equivalence(np.ones(5), margin=0.0), "margin"),
        (lambda: equivalence(np.ones(5), margin=0.1, predicted=math.nan), "predicted"),
        (lambda: equivalence(np.ones(5), margin=0.1, level=0.0), "level"),
        (lambda: paired_gap(np.ones((5, 2)), threshold=0.1), "values"),
        (lambda: paired_gap(np.ones(5), threshold=0.0), "threshold"),
        (lambda: paired_gap(np.ones(5), threshold=0.1, level=1.0), "level"),
    ],
)
def test_means_and_gaps_name_the_wrong_argument(judge, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        judge()


# --- Inequalities ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measured", "bound", "change", "expected"),
    [
        (1.0, 2.0, 0.0, SUPPORTED),
        (2.0, 2.0, 0.0, SUPPORTED),
        (-1.0, 2.0, 0.0, INCONCLUSIVE),
        (1.0, 0.0, 0.0, INCONCLUSIVE),
        (1.0, -1.0, 0.0, INCONCLUSIVE),
        (0.5, 1.0, -1e-3, INCONCLUSIVE),
        (1 + 0.5e-9, 1.0, 0.0, SUPPORTED),
        (1 + 1.5e-9, 1.0, 0.0, INCONCLUSIVE),
        (1 + 9e-9, 1.0, 0.0, INCONCLUSIVE),
        (1 + 1.1e-8, 1.0, 0.0, REFUTED),
        (1.0009, 1.0, 1e-3, SUPPORTED),
        (1.0015, 1.0, 1e-3, INCONCLUSIVE),
        (1.009, 1.0, 1e-3, INCONCLUSIVE),
        (1.011, 1.0, 1e-3, REFUTED),
        (0.5, 1.0, 0.02, INCONCLUSIVE),
        (9.0, 1.0, 0.02, REFUTED),  # an error of 2 % of the bound is .2 % of the ratio
        (9.0, 1.0, 0.2, INCONCLUSIVE),
        (math.nan, 1.0, 0.0, INCONCLUSIVE),
        (1.0, math.nan, 0.0, INCONCLUSIVE),
        (1.0, 1.0, math.nan, INCONCLUSIVE),
        (0.5, 1.0, math.inf, INCONCLUSIVE),
        (math.inf, 1.0, 0.0, INCONCLUSIVE),
        (-math.inf, 1.0, 0.0, INCONCLUSIVE),
        (1.0, math.inf, 0.0, INCONCLUSIVE),
        (math.inf, math.inf, 0.0, INCONCLUSIVE),
    ],
)
def test_inequality(measured, bound, change, expected):
    found = inequality(measured, bound, change=change)
    assert found.verdict is expected
    assert found.refutation == (0.0 if expected is REFUTED else 1.0)
    assert bool(found.note) == (expected is not SUPPORTED)
    assert found.interval is None


def test_a_diverged_side_is_called_so():
    assert inequality(math.inf, 1.0).note == "diverged"
    assert inequality(3.0, 4.0).strain == 0.75


@given(st.floats(0.5, 1.5), st.floats(-1, 1), st.floats(0, 0.009))
def test_an_inequality_is_decided_rightly_when_the_error_is_within_its_estimate(ratio, error, change):
    found = inequality(ratio + error * change, 1.0, change=change)
    if ratio <= 1:
        assert found.verdict is SUPPORTED
    if ratio > 1 + 2 * change + 1e-8:
        assert found.verdict is not SUPPORTED
    if ratio > 1 + 11 * change + 1e-7:
        assert found.verdict is REFUTED


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0, 0.009))
def test_the_two_sides_of_an_inequality_mirror_each_other(measured, bound, change):
    """measured ≥ bound is bound ≤ measured, with the same ratio known to the same relative error."""
    above = AtLeast()(Sides(measured, bound, change * measured**2 / bound))
    below = AtMost()(Sides(bound, measured, change * measured))
    assert above.verdict is below.verdict and above.strain == pytest.approx(below.strain)
    assert (above.side, above.measured, above.predicted) == ("≥", measured, bound)


@pytest.mark.parametrize("judge, sides, verdict", [
    (AtMost, (1e300, 1e-300, 1e10), INCONCLUSIVE),
    (AtMost, (1.0, 1e-310, 0.1), INCONCLUSIVE),
    (AtMost, ([0.5, 1e300], [1.0, 1e-300], [0.0, 1e10]), INCONCLUSIVE),
    (AtMost, (1e300, 1e-300, 0.0), REFUTED),
    (AtLeast, (1e-200, 1e200, 1e-210), INCONCLUSIVE),
    (AtLeast, (2e-170, 1e-170, 0.0), SUPPORTED),
    (AtLeast, (2e200, 1e200, 1e150), SUPPORTED),
])  # fmt: skip
def test_a_ratio_that_overflows_with_its_error_decides_nothing(judge, sides, verdict):
    assert judge()(Sides(*sides)).verdict is verdict


def test_entries_outside_the_hypotheses_are_counted_and_never_hide_a_nan():
    measured = np.array([0.5, 2.0, 0.7])
    kept = AtMost()(Sides(measured, 1.0, holds=[True, False, True]))
    assert kept.verdict is SUPPORTED and kept.strain == 0.7 and kept.excluded == 1
    assert AtMost()(Sides(measured, 1.0)).verdict is REFUTED
    assert AtMost()(Sides(measured, 1.0), control=True).verdict is SUPPORTED
    assert AtMost()(Sides(measured, 1.0, holds=False)).verdict is Verdict.HYPOTHESES_NOT_MET
    assert AtMost()(Sides(measured, 1.0, holds=[True, False, False])).verdict is INCONCLUSIVE
    measured[1] = np.nan
    for holds in (True, [True, False, True]):
        assert AtMost()(Sides(measured, 1.0, holds=holds)).verdict is INCONCLUSIVE


def test_an_inaccurate_entry_is_not_hidden_by_a_larger_ratio():
    assert AtMost()(Sides([0.5, 0.7], 1.0, [0.0, 0.0])).verdict is SUPPORTED
    assert AtMost()(Sides([0.5, 0.7], 1.0, [0.1, 0.0])).verdict is INCONCLUSIVE
    assert AtMost()(Sides([3.0, 2.0], 1.0, [0.0, 0.1]), control=True).verdict is INCONCLUSIVE


# --- Resolution and strain ------------------------------------------------------------------------------------------


@given(st.floats(-2, 2), st.floats(0.02, 0.3), st.sampled_from("=≤≥"), st.integers(0, 2**32 - 1))
def test_the_resolution_of_a_slope_is_the_nearest_exponent_that_is_refuted(exponent, margin, side, seed):
    (values,) = laws(exponent, ratio=4, seed=seed)
    found = Slope(exponent, margin, side)(Draws(values, WIDTHS))
    signs = {"=": (1, -1), "≤": (-1,), "≥": (1,)}[side]
    verdicts = lambda shift: [  # noqa: E731
        Slope(exponent + sign * shift, margin, side)(Draws(values, WIDTHS)).verdict for sign in signs
    ]
    assert set(verdicts(found.resolution * (1 + 1e-6) + 1e-9)) == {REFUTED}
    assert set(verdicts(found.resolution * (1 - 1e-6) - 1e-9)) != {REFUTED}
    assert (found.strain <= 1) == (found.verdict is SUPPORTED) or "asymptotic" in found.note


@given(st.floats(0.5, 20), st.floats(0.01, 0.2), st.integers(0, 2**32 - 1))
def test_the_resolution_of_a_constant_is_the_nearest_factor_that_is_refuted(constant, share, seed):
    draws = constant * (1 + 0.02 * np.random.default_rng(seed).standard_normal(SEEDS))
    found = Ratio(constant, share * constant)(Draws(draws))
    for factor, expected in ((found.resolution * (1 + 1e-6), {REFUTED}), (found.resolution * (1 - 1e-6), None)):
        judged = {Ratio(c, share * c)(Draws(draws)).verdict for c in (constant * factor, constant / factor)}
        assert judged == expected if expected else judged != {REFUTED}


@given(st.floats(0.01, 0.99), st.floats(0, 0.009))
def test_the_resolution_of_a_bound_is_the_factor_by_which_it_could_be_sharper(ratio, change):
    found = AtMost()(Sides(ratio, 1.0, change))
    assert AtMost()(Sides(ratio, 1.0 / (found.resolution * 1.001), change / found.resolution)).verdict is not SUPPORTED
    assert found.strain == pytest.approx(ratio)


# --- Looks ----------------------------------------------------------------------------------------------------------


def after_looks(exponent, ratio, repetitions, seed, noise="normal"):
    """Verdicts of a slope −1/2 ± margin after up to four looks, and the number of draws that they took."""
    draw, sd = NOISE[noise]
    rng, found, taken = np.random.default_rng(seed), [], []
    judge = Slope(-0.5, MARGIN, guard=False)
    for _ in range(repetitions):
        errors = draw(rng, (SEEDS << (LOOKS - 1), len(WIDTHS)))
        values = np.exp(exponent * X + MARGIN / ratio * np.linalg.norm(X) / sd * errors)
        for look in range(LOOKS):
            evidence = judge(Draws(values[: SEEDS << look], WIDTHS), looks=LOOKS)
            if evidence.verdict is not INCONCLUSIVE:
                break
        found.append(evidence.verdict)
        taken.append(SEEDS << look)
    return found, np.mean(taken)


@pytest.mark.parametrize("noise", ["normal", "t_3"])
def test_looks_keep_the_false_support_of_a_single_look(noise):
    found, _ = after_looks(-0.5 + MARGIN, 1.9, 3000, 20, noise)
    assert frequency(found.count(SUPPORTED), len(found), bound=LEVEL).verdict is not REFUTED


@pytest.mark.parametrize(("ratio", "draws"), [(1.0, 33.9), (1.5, 19.2), (1.9, 14.3)])
def test_looks_decide_what_is_true_with_the_documented_number_of_draws(ratio, draws):
    found, taken = after_looks(-0.5, ratio, 1500, 21)
    assert found.count(SUPPORTED) >= 0.999 * len(found)
    assert taken == pytest.approx(draws, rel=0.06)


def test_looks_refute_half_the_exponent():
    found, taken = after_looks(-0.25, 1.9, 1500, 22)
    assert found.count(REFUTED) == len(found) and taken < 20


# --- Frequencies ----------------------------------------------------------------------------------------------------


def outcome_probability(verdict, probability, trials, bound):
    """Exact probability of a verdict: the binomial sum over the numbers of failures that give it."""
    counts = [k for k in range(trials + 1) if frequency(k, trials, bound=bound).verdict is verdict]
    return float(binom.pmf(counts, trials, probability).sum())


@pytest.mark.parametrize("bound", [0.05, 0.1, 0.5])
def test_frequency_error_rates_and_power_by_exact_sums(bound):
    trials = trials_needed(bound)
    assert outcome_probability(SUPPORTED, bound, trials, bound) <= LEVEL
    assert outcome_probability(REFUTED, bound, trials, bound) <= LEVEL
    assert outcome_probability(SUPPORTED, bound / 10, trials, bound) > 0.999
    assert outcome_probability(SUPPORTED, bound / 2, trials, bound) > 0.46
    assert outcome_probability(REFUTED, 2 * bound, trials, bound) > 0.93


@pytest.mark.parametrize("level", [1e-3, 0.05])
def test_each_limit_is_wrong_with_at_most_its_level(level):
    trials = 40
    limits = np.array([clopper_pearson(k, trials, level) for k in range(trials + 1)])
    for probability in np.linspace(0.001, 0.999, 200):
        mass = binom.pmf(np.arange(trials + 1), trials, probability)
        assert mass[limits[:, 0] > probability].sum() <= level * (1 + 1e-9)
        assert mass[limits[:, 1] < probability].sum() <= level * (1 + 1e-9)


@given(st.integers(1, 300), st.data(), st.floats(0.01, 0.99))
def test_frequency_agrees_with_the_binomial_tails(trials, data, bound):
    failures = data.draw(st.integers(0, trials))
    found = frequency(failures, trials, bound=bound)
    lower, upper = found.interval
    assert found.refutation == pytest.approx(binom.sf(failures - 1, trials, bound), rel=1e-6, abs=1e-300)
    assert (found.verdict is REFUTED) == (binom.sf(failures - 1, trials, bound) < LEVEL)
    assert (found.verdict is SUPPORTED) == (binom.cdf(failures, trials, bound) <= LEVEL)
    assert failures == 0 or binom.sf(failures - 1, trials, lower) == pytest.approx(LEVEL, rel=1e-6)
    assert failures == trials or binom.cdf(failures, trials, upper) == pytest.approx(LEVEL, rel=1e-6)
    assert found.strain == pytest.approx(upper / bound)


@pytest.mark.parametrize("bound", [1.0, 3.0, math.inf])
@pytest.mark.parametrize("failures", [0, 10])
def test_a_bound_of_one_or_more_is_vacuous(bound, failures):
    found = frequency(failures, 10, bound=bound)
    assert found.verdict is INCONCLUSIVE and found.note == "vacuous bound" and found.refutation == 1.0


@pytest.mark.parametrize(
    ("failures", "trials", "options", "name"),
    [
        (0, 0, {}, "trials"),
        (0, math.nan, {}, "trials"),
        (0, 10.5, {}, "trials"),
        (-1, 10, {}, "failures"),
        (11, 10, {}, "failures"),
        (1.5, 10, {}, "failures"),
        (math.nan, 10, {}, "failures"),
        (0, 10, {"bound": 0.0}, "bound"),
        (0, 10, {"bound": math.nan}, "bound"),
        (0, 10, {"level": 0.7}, "level"),
    ],
)
def test_frequency_names_the_wrong_argument(failures, trials, options, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        frequency(failures, trials, **{"bound": 0.1, **options})


def test_trials_needed():
    assert [trials_needed(bound) for bound in (1.0, 0.1, 0.07)] == [30, 300, 429]
    with pytest.raises(ValueError, match="`bound`"):
        trials_needed(0.0)


# --- Combining parts ------------------------------------------------------------------------------------------------


def part(verdict, refutation=1.0):
    return Evidence("part", verdict, 0.0, 0.0, refutation=refutation)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([], Verdict.NOT_RUN),
        ([part(SUPPORTED)] * 3, SUPPORTED),
        ([part(INCONCLUSIVE)] * 3, INCONCLUSIVE),
        ([part(Verdict.NOT_RUN)] * 2, Verdict.NOT_RUN),
        ([part(Verdict.HYPOTHESES_NOT_MET)] * 2, Verdict.HYPOTHESES_NOT_MET),
        ([part(SUPPORTED), part(Verdict.NOT_RUN)], INCONCLUSIVE),
        ([part(SUPPORTED), part(Verdict.HYPOTHESES_NOT_MET)], INCONCLUSIVE),
        ([part(SUPPORTED), part(INCONCLUSIVE)], INCONCLUSIVE),
        ([part(REFUTED, 1e-3)], REFUTED),
        ([part(REFUTED, 0.9e-3), part(SUPPORTED)], INCONCLUSIVE),
        ([part(REFUTED, 0.9e-3)] * 2, INCONCLUSIVE),
        ([part(REFUTED, 0.4e-3), part(SUPPORTED)], REFUTED),
        ([part(REFUTED, 0.0), *[part(SUPPORTED)] * 999], REFUTED),
        ([part(INCONCLUSIVE, 1e-9), part(SUPPORTED)], INCONCLUSIVE),
    ],
)
def test_combining_parts(parts, expected):
    assert combine(parts) is expected
    assert combine(parts[::-1]) is expected


def test_combining_at_another_level():
    assert combine([part(REFUTED, 0.9e-3), part(SUPPORTED)], level=0.01) is REFUTED


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ([], Verdict.NOT_RUN),
        ([REFUTED, REFUTED], REFUTED),
        ([REFUTED, INCONCLUSIVE], INCONCLUSIVE),
        ([REFUTED, Verdict.NOT_RUN], INCONCLUSIVE),
        ([REFUTED, SUPPORTED], SUPPORTED),
        ([Verdict.NOT_RUN], Verdict.NOT_RUN),
    ],
)
def test_combining_controls(controls, expected):
    assert combine_controls([part(verdict) for verdict in controls]) is expected


def test_many_true_parts_are_falsely_refuted_no_more_often_than_one():
    # Ten true parts, each with its mean on the edge of the region, where the judge refutes most often.
    noise = 0.05 * np.random.default_rng(15).standard_normal((500, 10, SEEDS))
    wrong = 0
    for rows in noise:
        parts = [equivalence(1 + MARGIN + row, margin=MARGIN) for row in rows]
        wrong += combine(parts) is REFUTED
    assert frequency(wrong, len(noise), bound=LEVEL).verdict is not REFUTED


@given(mean=st.floats(0.1, 3), bound=st.floats(0.1, 3), sd=st.floats(0.001, 0.05), seed=st.integers(0, 2**32 - 1))
def test_a_mean_is_supported_below_its_bound_and_refuted_above(mean, bound, sd, seed):
    draws = mean + sd * np.random.default_rng(seed).normal(size=40)
    found, half = MeanAtMost(bound)(Draws(draws)), 8 * sd / np.sqrt(40)
    if mean < bound - half:
        assert found.verdict is Verdict.SUPPORTED and found.strain <= 1 <= found.resolution
    if mean > bound + half:
        assert found.verdict is Verdict.REFUTED and found.strain > 1
    assert MeanAtMost(bound)(Draws(np.append(draws, np.nan))).verdict is Verdict.INCONCLUSIVE
