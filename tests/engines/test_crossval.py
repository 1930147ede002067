"""Folds over pictures of which many are copies of each other."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from pawtrait.classification import crossval
from pawtrait.dataset import manifest
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadTraining
from pawtrait.stages import train

ROOT = Path(__file__).parents[2]

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


def few(each, kind="group", count=5, copies=1):
    """Folds over as few pictures of every mood."""
    classes = np.repeat(np.arange(4), each)
    groups = np.array([f"g{index // copies}" for index in range(4 * each)])
    return list(crossval.folds(classes, groups, count, 7, kind))


@pytest.mark.parametrize("kind", ["group", "picture"])
@pytest.mark.parametrize(("each", "count"), [(8, 2), (8, 5), (8, 8), (10, 2), (11, 10), (5, 5), (4, 2)])
def test_as_few_pictures_as_validation_lets_in_have_folds(kind, each, count):
    for fold in few(each, kind, count):
        assert sorted([*fold.train, *fold.steer, *fold.score]) == list(range(4 * each))
        assert len(fold.train) and len(fold.steer) and len(fold.score)


@pytest.mark.parametrize(
    ("each", "count", "copies", "most"), [(8, 10, 1, 8), (20, 20, 5, 16)], ids=["pictures", "groups"]
)
def test_more_folds_than_there_are_pictures_for_are_refused(each, count, copies, most):
    with pytest.raises(BadTraining, match=rf"folds is {count}, .* make {most} by group at most.*lower"):
        few(each, "group", count, copies)


def test_folds_beside_which_nothing_could_steer_are_refused():
    with pytest.raises(BadTraining, match=r"train\.folds is 2, and beside fold 1 no mood has two pictures"):
        few(2, "picture", 2)


def test_folds_that_leave_a_mood_out_of_what_trains_are_refused():
    classes, groups = CLASSES[:186], GROUPS[:186]  # of the last mood two groups
    refused = 0
    for seed in range(40):
        try:
            cuts = list(crossval.folds(classes, groups, 5, seed, "group"))
        except BadTraining as error:
            assert re.match(r"train\.folds is 5, and fold [1-5] by group leaves no .* of other ", str(error))
            refused += 1
        else:
            assert all(set(classes[fold.train]) == {0, 1, 2, 3} for fold in cuts)
    assert 0 < refused < 40


@pytest.fixture
def project(tmp_path, monkeypatch, mlflow_store, coloured):
    """Six training and two validation pictures of every mood; gives how to train the probe with folds."""
    monkeypatch.chdir(tmp_path)
    Path("weights.json").write_text("{}")
    placed = []
    for split, rows in (("train", range(24)), ("valid", range(24, 32))):
        np.save(f"{split}.npy", coloured.pixels[rows.start : rows.stop])
        placed += [manifest.Placed(f"{n}", f"{n}.png", LABELS[n % 4], f"{n}", split) for n in rows]
    manifest.write(Path("splits.csv"), placed, manifest.Placed)

    def run(folds):
        knobs = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        knobs["pictures"]["side"] = 32
        knobs["train"]["folds"] = folds
        Path("params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
        here = Path()
        train.run(name="linear_probe", arrays=here, splits=Path("splits.csv"), weights=here, out=Path("out"))

    return run


def test_the_fewest_pictures_are_scored_by_folds(project):
    project(folds=2)
    assert len(Path("out/folds.csv").read_text().splitlines()) == 1 + 32


def test_impossible_folds_are_told_before_anything_is_trained(project, monkeypatch):
    monkeypatch.setattr(train.trainer, "train", None)
    with pytest.raises(BadTraining, match=r"train\.folds is 9, and the pictures .* make 8 by group at most"):
        project(folds=9)
