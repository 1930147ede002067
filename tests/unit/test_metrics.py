"""Figures of merit against confusion matrices worked out by hand."""

import numpy as np
import pytest

from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadData
from pawtrait.evaluation import metrics
from pawtrait.evaluation.predictions import Fold, Scored, scored

# truth ↓ answer →  happy sad angry other      10 pictures, 6 right
MATRIX = np.array(
    [
        [3, 1, 0, 0],  # happy: recall 3/4
        [0, 2, 0, 0],  # sad:   recall 2/2
        [1, 0, 1, 0],  # angry: recall 1/2
        [2, 0, 0, 0],  # other: recall 0/2, never answered
    ]
)


def of(matrix: np.ndarray, sure: float = 0.7) -> Scored:
    """Scored pictures with that confusion matrix; every answer has the probability ``sure``."""
    rows = []
    for actual, predicted in np.argwhere(matrix):
        p = np.full(4, (1 - sure) / 3)
        p[predicted] = sure
        for _ in range(matrix[actual, predicted]):
            rows.append(Fold("group", 0, str(len(rows)), f"g{len(rows)}", LABELS[actual], *p))
    return scored(rows, "the example")


def test_accuracy_is_the_share_of_right_answers():
    assert metrics.headline(of(MATRIX))["accuracy"] == pytest.approx(0.6)


def test_precision_recall_and_f1_of_each_mood_match_the_hand():
    happy, sad, angry, other, _, _ = metrics.classes(of(MATRIX), "test")
    assert (happy.precision, happy.recall, happy.support) == (0.5, 0.75, 4)  # 3 of 6 answers
    assert (sad.precision, sad.recall, sad.support) == (pytest.approx(2 / 3, abs=1e-6), 1, 2)
    assert (angry.precision, angry.recall, angry.support) == (1, 0.5, 2)
    assert (other.precision, other.recall, other.f1) == (0, 0, 0)
    assert [happy.f1, sad.f1, angry.f1] == pytest.approx([0.6, 0.8, 2 / 3], abs=1e-6)


def test_macro_counts_moods_alike_and_weighted_counts_pictures():
    macro, weighted = metrics.classes(of(MATRIX), "test")[-2:]
    assert macro.f1 == pytest.approx((0.6 + 0.8 + 2 / 3 + 0) / 4, abs=1e-6)
    assert weighted.f1 == pytest.approx((4 * 0.6 + 2 * 0.8 + 2 * 2 / 3 + 0) / 10, abs=1e-6)
    assert (macro.label, weighted.label) == ("macro", "weighted")


def test_the_confusion_matrix_has_the_truth_in_its_rows():
    assert (metrics.confusion(of(MATRIX)) == MATRIX).all()


def test_log_loss_is_the_mean_surprise():
    expected = -(6 * np.log(0.7) + 4 * np.log(0.1)) / 10
    assert metrics.headline(of(MATRIX))["log_loss"] == pytest.approx(expected)


def test_equal_odds_for_four_moods_lose_log_four():
    even = scored([Fold("group", 0, "a", "g", "sad", 0.25, 0.25, 0.25, 0.25)], "one picture")
    assert metrics.headline(even)["log_loss"] == pytest.approx(np.log(4))


def test_certain_and_wrong_is_bad_but_not_infinite():
    fool = scored([Fold("group", 0, "a", "g", "sad", 1.0, 0.0, 0.0, 0.0)], "one picture")
    assert 10 < metrics.headline(fool)["log_loss"] < 20


def test_calibration_error_is_the_gap_between_sureness_and_accuracy():
    assert metrics.calibration_error(of(MATRIX), bins=10) == pytest.approx(0.7 - 0.6)


def test_calibration_bins_are_weighted_by_their_pictures():
    rows = [Fold("group", 0, "a", "g", "happy", 0.94, 0.02, 0.02, 0.02)] * 3  # right, gap 0.06
    rows += [Fold("group", 0, "a", "g", "sad", 0.55, 0.15, 0.15, 0.15)]  # wrong, gap 0.55
    one, two = metrics.reliability(scored(rows, "four"), bins=10)
    assert [(one.count, one.accuracy), (two.count, two.accuracy)] == [(1, 0), (3, 1)]
    assert metrics.calibration_error(scored(rows, "four"), bins=10) == pytest.approx((3 * 0.06 + 0.55) / 4)


@pytest.mark.parametrize("copies", [1, 4])
def test_an_honest_model_is_off_by_what_luck_makes_of_so_few_pictures(copies):
    """38 originals: right as often as they say, they are off by 0.14 on average, with copies or without."""
    draw = np.random.default_rng(1)
    p = np.repeat(draw.dirichlet(np.ones(4), 38), copies, axis=0)
    groups = np.repeat([f"g{n}" for n in range(38)], copies)
    said, sure = p.argmax(axis=1), p.max(axis=1)
    errors = []
    for _ in range(500):
        hit = np.repeat(draw.random(38), copies) < sure
        errors.append(metrics.calibration_error(Scored(np.where(hit, said, (said + 1) % 4), p, groups), 10))
    assert np.mean(errors) == pytest.approx(0.14, abs=0.01)
    assert metrics.calibration_luck(Scored(said, p, groups), 10) == pytest.approx(np.mean(errors), rel=0.05)


def test_luck_by_hand():
    """Ten pictures that are 0.7 sure: √(2/π · 10 · 0.21) / 10; as copies of one √(2/π · 0.21)."""
    alone = of(MATRIX)
    assert metrics.calibration_luck(alone, 10) == pytest.approx(0.1156, abs=1e-4)
    one = Scored(alone.actual, alone.probabilities, np.full(10, "g"))
    assert metrics.calibration_luck(one, 10) == pytest.approx(0.3656, abs=1e-4)


def test_a_probability_on_the_edge_falls_into_the_lower_bin():
    rows = [Fold("group", 0, "a", "g", "happy", 0.5, 0.25, 0.25, 0.0)]
    (only,) = metrics.reliability(scored(rows, "one"), bins=4)
    assert (only.low, only.high) == (0.25, 0.5)


def test_the_worst_mistake_gave_the_truth_the_least():
    rows = [
        Fold("group", 0, "a", "g", "happy", 0.9, 0.1, 0.0, 0.0),  # right
        Fold("group", 0, "b", "g", "happy", 0.3, 0.7, 0.0, 0.0),
        Fold("group", 0, "c", "g", "happy", 0.1, 0.9, 0.0, 0.0),
    ]
    assert metrics.worst(scored(rows, "three"), 5) == [2, 1]
    assert metrics.worst(scored(rows, "three"), 1) == [2]


def test_mcnemar_tosses_a_coin_for_each_disagreement():
    first = np.array([True] * 5 + [False] * 1 + [True] * 20)
    second = np.array([False] * 5 + [True] * 1 + [True] * 20)
    found = metrics.mcnemar(first, second)
    assert (found.only_first, found.only_second) == (5, 1)
    assert found.p == pytest.approx(2 * (1 + 6) / 2**6)  # P(at most 1 head of 6), both tails


def test_models_that_agree_everywhere_cannot_be_told_apart():
    same = np.array([True, False, True])
    assert metrics.mcnemar(same, same).p == 1


def test_mcnemar_refuses_two_different_splits():
    with pytest.raises(BadData, match="scored on 3 and 2 pictures"):
        metrics.mcnemar(np.ones(3, bool), np.ones(2, bool))


def test_an_empty_split_is_named():
    with pytest.raises(BadData, match="cnn on test: there is no picture"):
        scored([], "cnn on test")


def test_a_label_from_elsewhere_is_named():
    with pytest.raises(BadData, match="found Happy"):
        scored([Fold("group", 0, "a", "g", "Happy", 1, 0, 0, 0)], "cnn on test")
