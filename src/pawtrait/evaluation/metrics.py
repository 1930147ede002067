"""Figures of merit of one model on one set of pictures, and the test between two models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)

from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadData
from pawtrait.evaluation.predictions import Scored

INDICES = tuple(range(len(LABELS)))


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One line of classes.csv: a mood, or ``macro`` or ``weighted`` over all of them."""

    split: str
    label: str
    precision: float
    recall: float
    f1: float
    support: int  # pictures


@dataclass(frozen=True, slots=True)
class Bin:
    """Pictures whose greatest probability lies in (low, high]."""

    low: float
    high: float
    count: int
    confidence: float  # mean greatest probability
    accuracy: float


@dataclass(frozen=True, slots=True)
class McNemar:
    """Two models on the same cases, which are pictures, or groups of copies."""

    only_first: int  # cases that only the first has right, or groups in which it is ahead
    only_second: int
    p: float  # two-sided, exact


def headline(scored: Scored) -> dict[str, float]:
    """Accuracy, macro-F1 over the moods that occur in truth or answers, and log loss in nats."""
    return {
        "accuracy": float(accuracy_score(scored.actual, scored.predicted)),
        "macro_f1": float(f1_score(scored.actual, scored.predicted, average="macro", zero_division=0)),
        "log_loss": float(log_loss(scored.actual, scored.probabilities, labels=INDICES)),
    }


def classes(scored: Scored, split: str) -> list[ClassScore]:
    """Precision, recall, F1 and support: a row a mood, then macro, then weighted by support."""
    truth = (scored.actual, scored.predicted)
    each = precision_recall_fscore_support(*truth, labels=INDICES, zero_division=0)
    lines = [
        _line(split, label, three, support) for label, *three, support in zip(LABELS, *each, strict=True)
    ]
    for average in ("macro", "weighted"):
        over = precision_recall_fscore_support(*truth, average=average, zero_division=0)
        lines.append(_line(split, average, over[:3], len(scored.actual)))
    return lines


def of_all(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that are of no single mood: what a table of models has."""
    return {key: value for key, value in figures.items() if not any(f"_{mood}_" in key for mood in LABELS)}


def confusion(scored: Scored) -> NDArray[np.int64]:
    """int64 (4, 4): rows are the truth, columns the answers."""
    matrix: NDArray[np.int64] = confusion_matrix(scored.actual, scored.predicted, labels=INDICES)
    return matrix


def reliability(scored: Scored, bins: int) -> list[Bin]:
    """The bins of a reliability diagram, equally wide, empty ones left out (Guo et al. 2017, section 2)."""
    confidence, index = _binned(scored, bins)
    return [
        Bin(
            low=m / bins,
            high=(m + 1) / bins,
            count=int((index == m).sum()),
            confidence=float(confidence[index == m].mean()),
            accuracy=float(scored.right[index == m].mean()),
        )
        for m in np.unique(index).tolist()
    ]


def calibration_error(scored: Scored, bins: int) -> float:
    """Expected calibration error: the mean of |accuracy − confidence|, bins weighted by pictures.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3.
    """
    gaps = [one.count * abs(one.accuracy - one.confidence) for one in reliability(scored, bins)]
    return sum(gaps) / len(scored.actual)


def calibration_luck(scored: Scored, bins: int) -> float:
    """The calibration error that an honest model has on so many pictures by chance alone.

    A bin's gap is |Σ (right − p)| of variance Σ p(1 − p), on average √(2/π · variance) as of a normal. Copies
    of a picture share their luck, so it is their deviations that add up, not their variances.
    """
    confidence, index = _binned(scored, bins)
    spread = np.sqrt(confidence * (1 - confidence))  # (N,)
    _, member = np.unique(scored.groups, return_inverse=True)
    sums = [np.bincount(member[index == m], spread[index == m]) for m in np.unique(index)]  # a group each
    return float(sum(np.sqrt(2 / np.pi * (one**2).sum()) for one in sums)) / len(confidence)


def worst(scored: Scored, count: int) -> list[int]:
    """Indices of the worst mistakes: least probability for the truth first."""
    truth = scored.probabilities[np.arange(len(scored.actual)), scored.actual]  # (N,)
    wrong = np.flatnonzero(~scored.right)
    order: list[int] = wrong[np.argsort(truth[wrong], kind="stable")].tolist()
    return order[:count]


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    """The exact test whether two models are right equally often on the same pictures (McNemar 1947).

    Args:
        first, second: bool (N,), whether each model is right, or ahead, in one order of cases.

    Raises:
        BadData: they tell of different numbers of cases.
    """
    if len(first) != len(second):
        raise BadData(
            f"two models were scored on {len(first)} and {len(second)} pictures; "
            "run `dvc repro` so that both see the same split"
        )
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    return McNemar(b, c, float(binomtest(b, b + c).pvalue) if b + c else 1.0)


def _binned(scored: Scored, bins: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The greatest probability of each picture, (N,), and the bin that it falls into, (N,)."""
    confidence = scored.probabilities.max(axis=1)
    place = (confidence * bins).round(6)  # what files keep; on an edge, the last bits must not choose the bin
    return confidence, (np.ceil(place) - 1).clip(0, bins - 1).astype(np.int64)  # bin m is ((m-1)/M, m/M]


def _line(split: str, label: str, three: Sequence[float], support: int) -> ClassScore:
    """A line of precision, recall and F1, rounded to the six digits that files keep."""
    precision, recall, f1 = (round(float(value), 6) for value in three)
    return ClassScore(split, label, precision, recall, f1, int(support))
