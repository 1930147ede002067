"""How sure the figures are: percentile bootstrap over groups, so that copies of a picture count once.

Resamples of pictures that are all right, or all wrong, are the same again, however few there are. There an
interval reaches as far as the exact bound on a share (Clopper & Pearson 1934): (a/2)^(1/G) of G groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadData
from pawtrait.evaluation.predictions import Scored


@dataclass(frozen=True, slots=True)
class Interval:
    """The range that holds the given share of the resampled figures."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How to resample; the same three numbers give the same intervals."""

    resamples: int
    level: float  # 0.95 leaves 2.5 % on either side
    seed: int


def percentage(level: float) -> str:
    """``95%``, ``99.5%``: rounded to a whole number, an interval of 0.995 would hold everything."""
    return f"{level * 100:.10g}%"


def headline(scored: Scored, how: Bootstrap) -> dict[str, Interval]:
    """Intervals of accuracy, macro-F1 and log loss.

    Raises:
        BadData: fewer than two groups, which cannot be resampled.
    """
    weights, member = _resample(scored.groups, how)
    matrices = _matrices(scored, weights, member)
    truth = scored.probabilities[np.arange(len(scored.actual)), scored.actual]
    losses = _sums(-np.log(truth)[:, None], member, weights)[:, 0]  # (R,)
    pictures = matrices.sum(axis=(1, 2))  # (R,)
    accuracy = percentiles(np.trace(matrices, axis1=1, axis2=2) / pictures, how.level)
    if not scored.right.any():
        accuracy = replace(accuracy, high=max(accuracy.high, 1 - _exact(scored, how.level)))
    return {
        "accuracy": open_below(accuracy, scored, how.level),
        "macro_f1": open_below(percentiles(macro_f1(matrices), how.level), scored, how.level),
        "log_loss": percentiles(losses / pictures, how.level),
    }


def resampled(scored: Scored, how: Bootstrap) -> NDArray[np.float64]:
    """Confusion matrices (R, 4, 4) of the resamples: rows are the truth, columns the answers.

    Two models on the same pictures meet the same resamples, so the difference of what follows is paired.

    Raises:
        BadData: fewer than two groups, which cannot be resampled.
    """
    return _matrices(scored, *_resample(scored.groups, how))


def percentiles(figures: NDArray[np.float64], level: float) -> Interval:
    """The middle ``level`` of figures (R,); those that are NaN say nothing."""
    low, high = np.nanquantile(figures, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def open_below(span: Interval, scored: Scored, level: float) -> Interval:
    """The interval of a figure that is 1 where all is right, as far down as so few groups leave open."""
    return replace(span, low=min(span.low, _exact(scored, level))) if scored.right.all() else span


def lead(first: Scored, second: Scored, how: Bootstrap) -> Interval:
    """Interval of the first model's accuracy minus the second's, on the same pictures in one order."""
    weights, member = _resample(first.groups, how)
    gain = first.right.astype(np.float64) - second.right.astype(np.float64)  # (N,)
    sums = _sums(np.stack([gain, np.ones_like(gain)], axis=1), member, weights)  # (R, 2)
    return percentiles(sums[:, 0] / sums[:, 1], how.level)


def paired(differences: Sequence[float], level: float, step: float = 0.0) -> Interval:
    """Student's interval of the mean of paired differences, as between two arms that share their seeds.

    Differences of counted shares come in steps; that a few are equal does not say that there is no spread.

    Args:
        step: the least difference that two figures of an arm can have, as 1/60 of 60 pictures; a figure that
            is rounded to it is off by a standard deviation of step/√12, and a difference of two by step/√6.

    Raises:
        BadData: fewer than two.
    """
    count = len(differences)
    if count < 2:
        raise BadData(f"an interval over seeds needs at least 2 of them, found {count}; raise the seeds")
    mean = float(np.mean(differences))
    error = max(float(np.std(differences, ddof=1)), step / 6**0.5) / count**0.5
    reach = float(stats.t.ppf((1 + level) / 2, count - 1)) * error
    return Interval(mean - reach, mean + reach)


def macro_f1(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Macro-F1 (R,) of confusion matrices (R, 4, 4), over the moods that occur in truth or answers.

    A resample may lack a mood altogether; it then says nothing of that mood, rather than 0.
    """
    hits = np.diagonal(matrices, axis1=1, axis2=2)  # (R, 4)
    seen = matrices.sum(axis=1) + matrices.sum(axis=2)  # (R, 4): 2 TP + FP + FN
    f1 = 2 * hits / np.where(seen > 0, seen, 1)
    mean: NDArray[np.float64] = f1.sum(axis=1) / (seen > 0).sum(axis=1)
    return mean


def _exact(scored: Scored, level: float) -> float:
    """The least share of right answers with which so many groups may all be right."""
    exact: float = ((1 - level) / 2) ** (1 / len(np.unique(scored.groups)))
    return exact


def _resample(groups: NDArray[np.str_], how: Bootstrap) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How often each group is drawn, (R, G), and each picture's group, (N,).

    The generator depends on the seed alone, so models on one split meet the same resamples.
    """
    names, member = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise BadData(
            f"an interval needs at least 2 groups of pictures, found {len(names)}; "
            "add pictures that are not copies of each other"
        )
    draw = np.random.default_rng(how.seed)
    counts = draw.multinomial(len(names), np.full(len(names), 1 / len(names)), size=how.resamples)
    return counts.astype(np.float64), member.astype(np.int64)


def _sums(
    values: NDArray[np.float64], member: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum values (N, K) within each group, then over each resample's groups: (R, K)."""
    by_group = np.zeros((weights.shape[1], values.shape[1]))
    np.add.at(by_group, member, values)
    total: NDArray[np.float64] = weights @ by_group
    return total


def _matrices(scored: Scored, weights: NDArray[np.float64], member: NDArray[np.int64]) -> NDArray[np.float64]:
    """A confusion matrix for each resample: (R, 4, 4)."""
    return _sums(_one_hot_confusion(scored), member, weights).reshape(-1, len(LABELS), len(LABELS))


def _one_hot_confusion(scored: Scored) -> NDArray[np.float64]:
    """float64 (N, 16): a 1 in the cell of the confusion matrix that the picture falls into."""
    cells = len(LABELS) ** 2
    chosen: NDArray[np.float64] = np.eye(cells)[scored.actual * len(LABELS) + scored.predicted]
    return chosen
