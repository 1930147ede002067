"""Each statistic against a plain computation, each p-value against what it promises."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from pawtrait.monitoring import twosample
from pawtrait.monitoring.twosample import Divisions

FEW = Divisions(49, (1,))
DRAW = np.random.default_rng(5)


def test_mmd_is_the_double_loop_of_the_paper():
    x, y = DRAW.normal(size=(7, 3)), DRAW.normal(0.5, 1, size=(5, 3))
    pooled = [*x, *y]
    width = float(np.median([((a - b) ** 2).sum() for a, b in combinations(pooled, 2)]))

    def k(a, b):
        return math.exp(-((a - b) ** 2).sum() / (2 * width))

    within_x = sum(k(x[i], x[j]) for i in range(7) for j in range(7) if i != j) / (7 * 6)
    within_y = sum(k(y[i], y[j]) for i in range(5) for j in range(5) if i != j) / (5 * 4)
    across = sum(k(a, b) for a in x for b in y) / (7 * 5)
    assert twosample.mmd(x, y, FEW)[0] == pytest.approx(within_x + within_y - 2 * across)


def test_mmd_of_one_source_is_around_zero_and_may_lie_below():
    found = [twosample.mmd(*DRAW.normal(size=(2, 20, 2)), Divisions(1, (n,)))[0] for n in range(200)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 200**0.5 and min(found) < 0


def test_mmd_of_pictures_that_are_all_alike_is_zero():
    assert set(twosample.mmd(np.ones((6, 3)), np.ones((5, 3)), FEW)) == {0.0}


@pytest.mark.parametrize("step", [0.0001, 1.0], ids=["distinct values", "tied values"])
def test_kolmogorov_smirnov_is_the_largest_distance(step):
    x, y = (np.round(DRAW.normal(m, 2, size=n) / step) * step for m, n in ((0, 31), (1, 17)))
    assert twosample.kolmogorov_smirnov(x, y, FEW)[0] == pytest.approx(stats.ks_2samp(x, y).statistic)


def test_chi_square_is_pearsons():
    x, y = np.repeat([0, 1, 3], [10, 5, 5]), np.repeat([0, 1, 3], [4, 9, 7])
    known = stats.chi2_contingency([[10, 5, 5], [4, 9, 7]], correction=False).statistic
    assert twosample.chi_square(x, y, FEW)[0] == pytest.approx(known)


def test_one_answer_alone_tells_nothing_apart():
    found = twosample.chi_square(np.full(20, 2), np.full(9, 2), FEW)
    assert twosample.p_values(found)[0] == 1.0


def test_every_division_is_equally_likely():
    """Of two and two values there are six; each comes up a sixth of the time."""
    rows = np.concatenate(list(Divisions(6000, (2,)).rows(2, 2)))
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    assert len(kinds) == 6 and rows[0].tolist() == [False, False, True, True]
    assert stats.chisquare(counts).pvalue > 0.001


def test_a_p_value_counts_the_division_seen_and_what_ties_with_it():
    assert twosample.p_values(np.array([3.0, 1.0, 3.0, 5.0])).tolist() == [0.75, 1.0, 0.75, 0.25]


def test_a_permutation_p_value_is_the_exact_one():
    x, y = DRAW.normal(size=25), DRAW.normal(0.6, size=20)
    exact = stats.ks_2samp(x, y, method="exact").pvalue
    found = twosample.p_values(twosample.kolmogorov_smirnov(x, y, Divisions(20000, (3,))))[0]
    assert found == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 20000) ** 0.5)


@pytest.mark.parametrize("statistic", ["kolmogorov_smirnov", "chi_square", "mmd"])
def test_p_values_are_uniform_where_nothing_differs(statistic):
    """At or under 0.1, 0.25 and 0.5 as often as that, within what 400 tries allow; ties make it rarer."""
    draw = np.random.default_rng(8)
    samples = {
        "kolmogorov_smirnov": lambda n: draw.normal(size=n),
        "chi_square": lambda n: draw.integers(0, 4, size=n),
        "mmd": lambda n: draw.normal(size=(n, 3)),
    }[statistic]
    test = getattr(twosample, statistic)
    found = np.array(
        [twosample.p_values(test(samples(40), samples(30), Divisions(99, (n,))))[0] for n in range(400)]
    )
    for rate in (0.1, 0.25, 0.5):
        low, high = stats.binom.interval(0.999, 400, rate)
        assert 0.8 * low <= (found <= rate).sum() <= high


def test_two_tests_that_always_agree_cost_no_more_than_one():
    one = np.random.default_rng(4).permutation(100.0 * np.arange(200))
    alone = twosample.p_values(one)[0]
    assert twosample.together([one, one]) == [alone, alone]


def test_tests_that_hang_on_nothing_common_cost_what_independence_says():
    draw = np.random.default_rng(6)
    tests = [np.append(value, draw.normal(size=20000)) for value in (2.0, 0.0, 0.5, 1.0, -1.0)]
    p = twosample.p_values(tests[0])[0]
    assert twosample.together(tests)[0] == pytest.approx(1 - (1 - p) ** 5, rel=0.05)


def test_a_smaller_p_never_gets_a_larger_adjusted_one():
    draw = np.random.default_rng(7)
    tests = [np.append(value, draw.normal(size=500)) for value in (2.5, 2.4, 1.0, 0.0)]
    adjusted = twosample.together(tests)
    assert adjusted == sorted(adjusted)
    assert all(a >= twosample.p_values(test)[0] for a, test in zip(adjusted, tests, strict=True))


def test_nothing_to_test_is_nothing_found():
    assert twosample.together([]) == []
