"""Folds over pictures of which many are copies of each other."""

import numpy as np
import pytest

from pawtrait.classification import crossval

CLASSES = np.repeat(np.arange(4), 60)  # 4 moods × 20 groups × 3 copies
GROUPS = np.array([f"g{index // 3}" for index in range(240)])


def cut(kind="group", count=5, seed=7):
    return list(crossval.folds(CLASSES, GROUPS, count, seed, kind))


def torn(folds):
    """Groups with pictures on both sides of a fold."""
    return [set(GROUPS[fold.score]) & set(GROUPS[[*fold.train, *fold.steer]]) for fold in folds]


def test_no_group_is_in_two_folds():
    assert not any(torn(cut("group")))


def test_random_folds_tear_copies_apart():
    assert all(len(groups) > 20 for groups in torn(cut("picture")))


@pytest.mark.parametrize("kind", ["group", "picture"])
def test_every_picture_is_scored_exactly_once(kind):
    scored = np.concatenate([fold.score for fold in cut(kind)])
    assert sorted(scored) == list(range(240))


@pytest.mark.parametrize("kind", ["group", "picture"])
def test_a_fold_uses_every_picture_for_one_thing(kind):
    for fold in cut(kind):
        assert sorted([*fold.train, *fold.steer, *fold.score]) == list(range(240))


def test_what_steers_early_stopping_shares_no_group_with_what_trains():
    for fold in cut("group"):
        assert not set(GROUPS[fold.train]) & set(GROUPS[fold.steer])
        assert len(fold.steer) == pytest.approx(192 / 8, abs=6)


def test_every_fold_has_every_mood_in_like_measure():
    for fold in cut("group"):
        assert np.bincount(CLASSES[fold.score], minlength=4).tolist() == [12, 12, 12, 12]


def test_zero_folds_are_none():
    assert cut(count=0) == []


def test_the_same_seed_cuts_the_same_and_another_seed_otherwise():
    assert np.array_equal(cut()[0].score, cut()[0].score)
    assert not np.array_equal(cut()[0].score, cut(seed=8)[0].score)


def test_folds_carry_their_kind_and_number():
    assert [(fold.kind, fold.number) for fold in cut("picture", count=3)] == [
        ("picture", 0),
        ("picture", 1),
        ("picture", 2),
    ]
