"""What a model said of each picture: rows of predictions.csv and folds.csv, and arrays of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadData

LEAST = float(np.finfo(np.float32).eps)  # a probability of 0 would make the log loss infinite


@dataclass(frozen=True, slots=True)
class Predicted:
    """One row of predictions.csv; every figure of the evaluation follows from these rows."""

    id: str
    path: str
    group: str
    split: str  # valid | test
    actual: str
    predicted: str
    p_happy: float
    p_sad: float
    p_angry: float
    p_other: float


@dataclass(frozen=True, slots=True)
class Fold:
    """One row of folds.csv: a training picture, seen by the model that was trained without its fold."""

    kind: str  # group: copies stay in one fold | picture: they do not
    fold: int
    id: str
    group: str
    actual: str
    p_happy: float
    p_sad: float
    p_angry: float
    p_other: float


class Row(Protocol):
    """What Predicted and Fold have in common."""

    @property
    def group(self) -> str: ...
    @property
    def actual(self) -> str: ...
    @property
    def p_happy(self) -> float: ...
    @property
    def p_sad(self) -> float: ...
    @property
    def p_angry(self) -> float: ...
    @property
    def p_other(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Scored:
    """Truth and answers of N pictures as arrays.

    Attributes:
        actual: int64 (N,), indices into LABELS.
        probabilities: float64 (N, 4), in LABELS' order, at least LEAST, rows sum to 1.
        groups: str (N,), a picture shares its group with its copies.
    """

    actual: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    groups: NDArray[np.str_]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """int64 (N,): the most probable label; the first of equals."""
        best: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return best

    @property
    def right(self) -> NDArray[np.bool_]:
        """bool (N,): the answer is the truth."""
        same: NDArray[np.bool_] = self.predicted == self.actual
        return same


def rows(placed: Sequence[Any], probabilities: NDArray[Any]) -> list[Predicted]:
    """Join pictures (manifest.Placed, N) and float probabilities (N, 4); six digits are kept.

    Raises:
        BadData: their numbers differ, or a probability is no finite number.
    """
    if len(placed) != len(probabilities):
        raise BadData(
            f"splits.csv has {len(placed)} pictures where the arrays have {len(probabilities)}; "
            "run `dvc repro split` so that they match"
        )
    if not np.isfinite(probabilities).all():
        raise BadData("the model answers with NaN or infinity; train it again with a lower learning rate")
    kept = np.asarray(probabilities, np.float64).round(6)
    return [
        Predicted(one.id, one.path, one.group, one.split, one.label, LABELS[int(p.argmax())], *p.tolist())
        for one, p in zip(placed, kept, strict=True)
    ]


def scored(answers: Iterable[Row], what: str) -> Scored:
    """Turn rows into arrays; ``what`` names them in an error, as in "cnn on test".

    Raises:
        BadData: there is no row, or a row's label is not one of LABELS.
    """
    kept = list(answers)
    if not kept:
        raise BadData(f"{what}: there is no picture to score; every split needs at least one of each mood")
    strange = sorted({row.actual for row in kept} - set(LABELS))
    if strange:
        raise BadData(f"{what}: expected the labels {', '.join(LABELS)}, found {', '.join(strange)}")
    p = np.array([[row.p_happy, row.p_sad, row.p_angry, row.p_other] for row in kept], np.float64)  # (N, 4)
    p = p.clip(LEAST, 1.0)
    return Scored(
        actual=np.array([LABELS.index(row.actual) for row in kept], np.int64),
        probabilities=p / p.sum(axis=1, keepdims=True),
        groups=np.array([row.group for row in kept], np.str_),
    )
