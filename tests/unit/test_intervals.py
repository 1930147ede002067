"""The bootstrap over groups."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadData
from pawtrait.evaluation import intervals, metrics
from pawtrait.evaluation.intervals import Bootstrap
from pawtrait.evaluation.predictions import Fold, Scored, scored
from tests import pace

HOW = Bootstrap(resamples=2000, level=0.95, seed=7)


def pictures(right: list[bool], groups: list[str]) -> Scored:
    rows = []
    for index, (hit, group) in enumerate(zip(right, groups, strict=True)):
        p = np.full(4, 0.1)
        p[(index if hit else index + 1) % 4] = 0.7
        rows.append(Fold("group", 0, str(index), group, LABELS[index % 4], *p))
    return scored(rows, "the example")


def apart(count: int) -> list[str]:
    return [f"g{index}" for index in range(count)]


def test_no_level_is_told_as_everything():
    told = [intervals.percentage(level) for level in (0.9, 0.95, 0.995, 0.999, 0.57)]
    assert told == ["90%", "95%", "99.5%", "99.9%", "57%"]


def test_half_right_of_38_pictures_is_uncertain_by_a_sixth():
    """FACTS: with 38 test pictures an accuracy near 0.5 is known to ±0.16."""
    found = intervals.headline(pictures([index % 8 < 4 for index in range(38)], apart(38)), HOW)["accuracy"]
    assert found.high - found.low == pytest.approx(0.32, abs=0.04)


def test_copies_are_no_new_evidence():
    right = [index % 8 < 4 for index in range(40)]
    alone = intervals.headline(pictures(right, apart(40)), HOW)["accuracy"]
    tenfold = intervals.headline(pictures(right * 10, apart(40) * 10), HOW)["accuracy"]
    assert (tenfold.low, tenfold.high) == (alone.low, alone.high)


def test_a_perfect_score_on_few_pictures_is_no_certainty():
    """Right on 91 % of all pictures it has 38 of 38 right once in forty times: 0.025^(1/38) = 0.907."""
    found = intervals.headline(pictures([True] * 38, apart(38)), HOW)
    for key in ("accuracy", "macro_f1"):
        assert (found[key].low, found[key].high) == (pytest.approx(0.907, abs=5e-4), 1)
    assert found["log_loss"].low == pytest.approx(-np.log(0.7))


def test_a_model_that_has_nothing_right_may_have_something():
    """1 - 0.025^(1/38) = 0.093; macro-F1 stays a point, since what else it would find is not said."""
    found = intervals.headline(pictures([False] * 38, apart(38)), HOW)
    assert (found["accuracy"].low, found["accuracy"].high) == (0, pytest.approx(0.093, abs=5e-4))
    assert (found["macro_f1"].low, found["macro_f1"].high) == (0, 0)


def test_copies_do_not_make_a_perfect_score_surer():
    found = intervals.headline(pictures([True] * 152, apart(38) * 4), HOW)["accuracy"]
    assert found.low == pytest.approx(0.907, abs=5e-4)


def test_every_figure_lies_in_its_interval():
    one = pictures([index % 3 > 0 for index in range(60)], apart(60))
    figures, spans = metrics.headline(one), intervals.headline(one, HOW)
    assert all(spans[key].low <= figures[key] <= spans[key].high for key in figures)


def test_the_vectorised_macro_f1_is_scikit_learns():
    one = pictures([index % 3 > 0 for index in range(50)], apart(50))
    matrix = metrics.confusion(one)[None].astype(float)
    assert intervals.macro_f1(matrix)[0] == pytest.approx(metrics.headline(one)["macro_f1"])


def test_a_resample_without_a_mood_says_nothing_of_that_mood():
    matrix = np.zeros((1, 4, 4))
    matrix[0, 0, 0] = matrix[0, 1, 1] = 3
    assert intervals.macro_f1(matrix)[0] == 1


def test_the_seed_decides_the_interval():
    one = pictures([index % 3 > 0 for index in range(60)], apart(60))
    again = intervals.headline(one, HOW)
    assert intervals.headline(one, HOW) == again
    assert intervals.headline(one, Bootstrap(2000, 0.95, seed=8)) != again


def test_a_wider_level_gives_a_wider_interval():
    one = pictures([index % 3 > 0 for index in range(60)], apart(60))
    narrow = intervals.headline(one, Bootstrap(2000, 0.8, 7))["accuracy"]
    wide = intervals.headline(one, Bootstrap(2000, 0.99, 7))["accuracy"]
    assert wide.low < narrow.low < narrow.high < wide.high


def test_one_group_alone_has_no_interval():
    with pytest.raises(BadData, match="at least 2 groups of pictures, found 1"):
        intervals.headline(pictures([True, False], ["g", "g"]), HOW)


def test_the_lead_of_a_model_over_itself_is_nothing():
    one = pictures([index % 3 > 0 for index in range(60)], apart(60))
    assert intervals.lead(one, one, HOW) == intervals.Interval(0, 0)


def test_pairing_makes_a_steady_small_lead_visible():
    """Both miss the same 40 %; the first is better on a tenth: unpaired intervals would overlap."""
    worse = [index % 10 < 5 for index in range(200)]
    better = [index % 10 < 6 for index in range(200)]
    found = intervals.lead(pictures(better, apart(200)), pictures(worse, apart(200)), HOW)
    assert 0.05 < found.low < 0.1 < found.high < 0.15


def test_two_thousand_resamples_cost_less_than_two_hundred_in_scikit_learn():
    one = pictures([index % 3 > 0 for index in range(1000)], apart(1000))
    draw = np.random.default_rng(7)

    def plain():
        for _ in range(200):
            drawn = draw.integers(0, 1000, 1000)
            f1_score(one.actual[drawn], one.predicted[drawn], average="macro")

    assert pace.times(lambda: intervals.headline(one, HOW), beside=plain) < 1


def test_equal_differences_of_one_picture_show_nothing_and_large_ones_do():
    """Three times one picture more of 60 is what a rounded 0 may be; six pictures are not."""
    step = 1 / 60
    assert intervals.paired([step] * 3, 0.95, step).low < 0 < intervals.paired([step] * 3, 0.95, step).high
    assert intervals.paired([6 * step] * 3, 0.95, step).low > 0
    spread = [0.0, 0.1, 0.2]
    assert intervals.paired(spread, 0.95, step) == intervals.paired(spread, 0.95)
