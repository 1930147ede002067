"""Accuracy beyond one split: grouped folds, random folds beside them, and more seeds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadTraining

INNER = 8  # of a fold's training groups one part in so many steers early stopping; the fold itself never does

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fold:
    """Row numbers of one fold: what trains, what steers early stopping, what is scored."""

    kind: str  # group: copies stay together | picture: they do not
    number: int
    train: Rows
    steer: Rows
    score: Rows


def folds(
    classes: NDArray[np.int64], groups: NDArray[np.str_], count: int, seed: int, kind: str
) -> Iterator[Fold]:
    """Cut N pictures into ``count`` folds, stratified by class.

    Args:
        classes: int64 (N,).
        groups: str (N,), copies share one.
        count: folds; none if 0.
        seed: of the cut.
        kind: "group" keeps a group in one fold; "picture" does not, and so shows how much copies flatter.

    Raises:
        BadTraining: there are too few pictures for so many folds, or of one mood.
    """
    if count == 0:
        return
    held = groups if kind == "group" else None
    if count > (most := _most(classes, held)):
        raise BadTraining(
            f"train.folds is {count}, and the pictures of train and valid make {most} by {kind} at most:"
            " no mood has more pictures, or there are no more groups; lower it, or add pictures"
        )
    outer = _splitter(kind, count, seed)
    for number, (rest, score) in enumerate(outer.split(classes, classes, held)):
        left = None if held is None else held[rest]
        parts = min(INNER, _most(classes[rest], left))
        if parts < 2:
            raise BadTraining(
                f"train.folds is {count}, and beside fold {number + 1} no mood has two pictures, one to learn"
                " from and one to steer by; add pictures, or set it to 0"
            )
        inner = _splitter(kind, parts, seed)
        train, steer = next(iter(inner.split(rest, classes[rest], left)))
        fold = Fold(kind, number, rest[train], rest[steer], score)
        _need_every_mood(classes, fold, count)
        yield fold


def _need_every_mood(classes: NDArray[np.int64], fold: Fold, count: int) -> None:
    """Refuse a fold without a mood to learn: a classifier of fewer moods says nothing of the model."""
    lost = np.setdiff1d(classes, classes[fold.train])
    if len(lost):
        raise BadTraining(
            f"train.folds is {count}, and fold {fold.number + 1} by {fold.kind} leaves no picture of"
            f" {', '.join(LABELS[mood] for mood in lost)} to learn from; add pictures, or set it to 0"
        )


def _most(classes: NDArray[np.int64], groups: NDArray[np.str_] | None) -> int:
    """Into how many parts scikit-learn can cut: the commonest class and the groups have to go round."""
    most = int(np.bincount(classes).max())
    return most if groups is None else min(most, len(np.unique(groups)))


def _splitter(kind: str, count: int, seed: int) -> StratifiedGroupKFold | StratifiedKFold:
    cut: Callable[..., StratifiedGroupKFold | StratifiedKFold] = (
        StratifiedGroupKFold if kind == "group" else StratifiedKFold
    )
    return cut(n_splits=count, shuffle=True, random_state=seed)
