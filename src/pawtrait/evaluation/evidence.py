"""What two models' answers to the same pictures say about the difference between them."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadData
from pawtrait.evaluation import intervals, metrics
from pawtrait.evaluation.intervals import Bootstrap, Interval
from pawtrait.evaluation.predictions import Scored

POWER = 0.8  # how often a difference that is called reliable would be found


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure of both models, and the interval of challenger minus champion."""

    champion: float
    challenger: float
    span: Interval

    @property
    def difference(self) -> float:
        """Challenger minus champion."""
        return self.challenger - self.champion


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest differences that these pictures can show.

    Attributes:
        groups: in which only one model is ahead and the other never, before the exact test says anything.
        shown: a difference as large as this would lie outside the noise: the half-width of the paired
            interval, or ``groups`` of all, whichever is more, since both have to agree.
        reliable: a true difference of this size would be found four times out of five.

    No figure differs by more than 1: where one of these is over it, nothing could be shown or found so often.
    """

    groups: int
    shown: float
    reliable: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of challenger against champion on one set of pictures.

    Attributes:
        pictures, groups: how many; copies of a picture are one group.
        macro_f1: with the paired interval over groups.
        compared: the exact test on who is ahead in more groups; first is the challenger.
        recalls: by mood, for those that occur; with paired intervals, which reach down to what an exact bound
            on the groups that fell leaves open.
        supports: pictures of each of these moods.
        calibration: the calibration errors of champion and challenger.
        luck: of these errors, what honest models that are as sure have by chance alone.
        own: each model's macro-F1 alone, champion then challenger.
        smallest: what the set could show at all.
        level: of every interval and of the test.
    """

    pictures: int
    groups: int
    macro_f1: Pair
    compared: metrics.McNemar
    recalls: dict[str, Pair]
    supports: dict[str, int]
    calibration: tuple[float, float]
    luck: tuple[float, float]
    own: tuple[Interval, Interval]
    smallest: Smallest
    level: float

    @property
    def better(self) -> bool:
        """Interval and test agree that the challenger is better.

        Both, since the interval is too narrow where groups are few, and the test knows nothing of moods.
        """
        ahead = self.compared.only_first > self.compared.only_second
        return self.macro_f1.span.low > 0 and ahead and self._significant

    @property
    def worse(self) -> bool:
        """The challenger is behind, and the test agrees, which a handful of pictures cannot show."""
        behind = self.compared.only_first < self.compared.only_second
        return self.macro_f1.difference < 0 and behind and self._significant

    @property
    def _significant(self) -> bool:
        return self.compared.p < 1 - self.level


def weigh(champion: Scored, challenger: Scored, how: Bootstrap, bins: int) -> Evidence:
    """Compare two models on the same pictures in one order.

    Raises:
        BadData: the truths or groups differ, or there are fewer than two groups.
    """
    same = np.array_equal(champion.actual, challenger.actual)
    if not (same and np.array_equal(champion.groups, challenger.groups)):
        raise BadData("champion and challenger were scored on different pictures; run both on one split")
    old, new = intervals.resampled(champion, how), intervals.resampled(challenger, how)  # (R, 4, 4)
    f1 = intervals.macro_f1(old), intervals.macro_f1(new)  # (R,)
    macro_f1 = Pair(
        metrics.headline(champion)["macro_f1"],
        metrics.headline(challenger)["macro_f1"],
        intervals.percentiles(f1[1] - f1[0], how.level),
    )
    supports = np.bincount(champion.actual, minlength=len(LABELS))
    groups = len(np.unique(champion.groups))
    return Evidence(
        pictures=len(champion.actual),
        groups=groups,
        macro_f1=macro_f1,
        compared=by_group(champion, challenger),
        recalls=_recalls(champion, challenger, _recall(new) - _recall(old), how.level),
        supports={label: int(count) for label, count in zip(LABELS, supports, strict=True) if count},
        calibration=(metrics.calibration_error(champion, bins), metrics.calibration_error(challenger, bins)),
        luck=(metrics.calibration_luck(champion, bins), metrics.calibration_luck(challenger, bins)),
        own=(_own(champion, f1[0], how.level), _own(challenger, f1[1], how.level)),
        smallest=smallest(macro_f1.span, groups, how.level),
        level=how.level,
    )


def by_group(champion: Scored, challenger: Scored) -> metrics.McNemar:
    """The exact test whether either model is ahead in more groups; each group has one vote.

    Where each group is one picture it is McNemar's (1947). A group of copies votes for the model that is
    right on more of them, so it is the sign test of the groups' differences; reports call both McNemar's.
    """
    gain = _gains(champion, challenger)
    return metrics.mcnemar(gain > 0, gain < 0)


def smallest(span: Interval, groups: int, level: float) -> Smallest:
    """What so many groups can show, from the paired interval that they gave.

    With one model never right alone, the exact two-sided p is 2·0.5^k; the interval of a difference keeps its
    width wherever it lies, so one that is shifted by its half-width begins at 0. For power, half-widths
    are turned from z(level) to z(level) + z(power), as for a normal estimate.
    """
    least = math.floor(math.log2(2 / (1 - level) * (1 + 1e-12))) + 1
    half = (span.high - span.low) / 2
    z = float(norm.ppf((1 + level) / 2))
    widened = (z + float(norm.ppf(POWER))) / z
    shown = max(half, least / groups)
    return Smallest(least, shown, shown * widened)


def _own(scored: Scored, figures: NDArray[np.float64], level: float) -> Interval:
    """One model's macro-F1 alone; ``figures`` (R,) are those of the resamples."""
    return intervals.open_below(intervals.percentiles(figures, level), scored, level)


def _recall(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Recall (R, 4) of confusion matrices (R, 4, 4); NaN where a resample lacks the mood."""
    truth = matrices.sum(axis=2)
    hits = np.diagonal(matrices, axis1=1, axis2=2)
    recall: NDArray[np.float64] = np.divide(hits, truth, out=np.full_like(truth, np.nan), where=truth > 0)
    return recall


def _gains(
    champion: Scored, challenger: Scored, of: NDArray[np.bool_] | slice = slice(None)
) -> NDArray[np.float64]:
    """(G,): in how many more pictures of each group the challenger is right, among those of ``of``."""
    _, place = np.unique(champion.groups[of], return_inverse=True)
    gains = challenger.right[of].astype(float) - champion.right[of]
    return np.bincount(place, weights=gains).astype(np.float64)


def _recalls(
    champion: Scored, challenger: Scored, differences: NDArray[np.float64], level: float
) -> dict[str, Pair]:
    """Each mood's recalls of both models; ``differences`` (R, 4) are those of the resamples.

    Resamples of groups in which hardly anything fell show hardly a fall, however few they are. What may be
    open is at least the exact bound on a share of which so many falls, less the gains, were seen.
    """
    found = {}
    for index, label in enumerate(LABELS):
        of = champion.actual == index
        if of.any():
            span, gain = intervals.percentiles(differences[:, index], level), _gains(champion, challenger, of)
            net = max(int((gain < 0).sum()) - int((gain > 0).sum()), 0)
            span = replace(span, low=min(span.low, -_at_most(net, len(gain), level)))
            found[label] = Pair(float(champion.right[of].mean()), float(challenger.right[of].mean()), span)
    return found


def _at_most(seen: int, of: int, level: float) -> float:
    """The exact upper bound of a share (Clopper & Pearson 1934); where none was seen, 1 - (a/2)^(1/n)."""
    return float(beta.ppf((1 + level) / 2, seen + 1, of - seen)) if seen < of else 1.0
