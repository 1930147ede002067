"""Whether some days' pictures and answers differ from those behind the model: a sentence each, with numbers.

All comparisons share one rate of false alarms: where nothing drifts, a look raises an alarm with that
probability, or a little less where values are tied. It is one over training sets and days: all days that are
compared with one training set share its luck.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.labels import LABELS
from pawtrait.monitoring import descriptors, twosample
from pawtrait.monitoring.twosample import Divisions, Floats

PICTURES, ANSWERS = 1, 2  # rows that are divided alike, so that what hangs together is seen together
NUMBERS = {  # name → whose it is, and its unit
    "brightness": (PICTURES, ""),
    "size": (PICTURES, " px"),
    "sharpness": (PICTURES, ""),
    "confidence": (ANSWERS, ""),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """How to look.

    Attributes:
        rate: of looks without drift, the share that may raise an alarm.
        permutations: of each comparison; with fewer than 6 / rate there would never be an alarm.
        least: values a side; with fewer there is no comparison.
        most: values a side; more are drawn from: a busier day costs no more and alarms at no less.
        seed: of draws and permutations; the same seed, the same figures.
    """

    rate: float
    permutations: int
    least: int
    most: int
    seed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the comparison: the pictures behind the model, or those of the days in question.

    Attributes:
        numbers: name → values (N,), one a picture: brightness, size, sharpness; one an answer: confidence.
        descriptors: float32 (N', descriptors.LENGTH); of the same pictures in the same order, where N' is N.
        labels: the answers, in the order of their confidence.
    """

    numbers: Mapping[str, Sequence[float]]
    descriptors: NDArray[np.float32]
    labels: Sequence[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison. ``p`` is None where too few values allowed none; ``adjusted`` is for all of them."""

    what: str  # brightness | size | sharpness | confidence | pictures | labels
    method: str
    counts: tuple[int, int]  # compared, of the reference and of the days
    statistic: float | None
    p: float | None
    adjusted: float | None
    drifted: bool
    sentence: str


Compared = tuple[Finding, Floats | None]  # and its statistic on all divisions


def look(reference: Side, days: Side, policy: Policy) -> list[Finding]:
    """Compare everything that there is enough of, and judge all comparisons together."""
    made = [
        *_numbers(reference, days, policy),
        _pictures(reference, days, policy),
        _labels(reference, days, policy),
    ]
    return judged(made, policy.rate)


def judged(made: Sequence[Compared], rate: float) -> list[Finding]:
    """With p-values that allow for all comparisons: an alarm where one is at or under the rate."""
    tested = [statistics for _, statistics in made if statistics is not None]
    adjusted = iter(twosample.together(tested))
    return [
        _told(finding, one, next(adjusted), rate) if one is not None else finding for finding, one in made
    ]


def _told(finding: Finding, statistics: Floats, adjusted: float, rate: float) -> Finding:
    p = float(twosample.p_values(statistics)[0])
    sentence = f"{finding.sentence}, p {p:.2g}"
    return replace(finding, p=p, adjusted=adjusted, drifted=adjusted <= rate, sentence=sentence)


def _numbers(reference: Side, days: Side, policy: Policy) -> Iterator[Compared]:
    for what, (rows, unit) in NUMBERS.items():
        first, second = (np.array(side.numbers.get(what, ()), np.float64) for side in (reference, days))
        if short := _too_few(what, len(first), len(second), policy.least):
            yield short, None
            continue
        found = twosample.kolmogorov_smirnov(first, second, _divisions(policy, rows))
        middles = [float(np.median(side)) for side in (first, second)]
        sentence = (
            f"{what}: median {middles[1]:.4g}{unit} instead of {middles[0]:.4g}{unit}, distributions"
            f" {found[0]:.2f} apart"
        )
        yield _finding(what, "Kolmogorov–Smirnov", (len(first), len(second)), found, sentence), found


def _pictures(reference: Side, days: Side, policy: Policy) -> Compared:
    counts = len(reference.descriptors), len(days.descriptors)
    if short := _too_few("pictures", *counts, policy.least):
        return short, None
    first, second = descriptors.scaled(reference.descriptors, days.descriptors)
    found = twosample.mmd(first, second, _divisions(policy, PICTURES))
    sentence = f"pictures: colours and edges, MMD² {found[0]:.3g}"
    return _finding("pictures", "MMD", counts, found, sentence), found


def _labels(reference: Side, days: Side, policy: Policy) -> Compared:
    counts = len(reference.labels), len(days.labels)
    if short := _too_few("labels", *counts, policy.least):
        return short, None
    first, second = (np.array([LABELS.index(one) for one in side.labels]) for side in (reference, days))
    found = twosample.chi_square(first, second, _divisions(policy, ANSWERS))
    then, now = Counter(reference.labels), Counter(days.labels)
    shares = (f"{one} {now[one] / counts[1]:.0%} instead of {then[one] / counts[0]:.0%}" for one in LABELS)
    return _finding("labels", "chi-square", counts, found, f"labels: {', '.join(shares)}"), found


def _finding(what: str, method: str, counts: tuple[int, int], found: Floats, sentence: str) -> Finding:
    return Finding(what, method, counts, float(found[0]), None, None, False, sentence)


def _too_few(what: str, first: int, second: int, least: int) -> Finding | None:
    if min(first, second) >= least:
        return None
    side = f"{second} in these days" if second < least else f"{first} to compare with"
    sentence = f"{what}: not compared, {side}, fewer than {least}"
    return Finding(what, "–", (first, second), None, None, None, False, sentence)


def _divisions(policy: Policy, rows: int) -> Divisions:
    return Divisions(policy.permutations, (*policy.seed, rows))
