"""Whether some days' pictures and answers differ from those behind the model: a sentence each, with numbers.

Every comparison has a permutation p-value, and by Holm's procedure all share one rate of false alarms.
So where nothing drifts, a look raises an alarm with that probability at the most, and, as long as values are
not tied, with nearly that probability. It is one over training sets and days: all days that are compared with
one training set share its luck.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.labels import LABELS
from pawtrait.monitoring import descriptors, twosample

T = TypeVar("T")
Numbers = NDArray[np.float64]
UNITS = {"brightness": "", "size": " px", "sharpness": "", "confidence": ""}


@dataclass(frozen=True, slots=True)
class Policy:
    """How to look.

    Attributes:
        rate: of looks without drift, the share that may raise an alarm.
        permutations: of each test; rate / (6 tests) should be a multiple of 1 / (1 + permutations).
        least: values a side; with fewer there is no test.
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
        numbers: name → values (N,), one a picture: brightness, size, sharpness, confidence.
        descriptors: float32 (N, descriptors.LENGTH), one a picture.
        labels: the model's answers, one a picture.
    """

    numbers: Mapping[str, Sequence[float]]
    descriptors: NDArray[np.float32]
    labels: Sequence[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison. ``p`` is None where too few values allowed none; ``adjusted`` is Holm's."""

    what: str  # brightness | size | sharpness | pictures | labels | confidence
    method: str
    counts: tuple[int, int]  # compared, of the reference and of the days
    statistic: float | None
    p: float | None
    adjusted: float | None
    drifted: bool
    sentence: str


def look(reference: Side, days: Side, policy: Policy) -> list[Finding]:
    """Compare everything that there is enough of, and judge all comparisons together."""
    found = [
        *_numbers(reference, days, policy),
        _pictures(reference, days, policy),
        _labels(reference, days, policy),
    ]
    return judged(found, policy.rate)


def judged(findings: Sequence[Finding], rate: float) -> list[Finding]:
    """Holm's step-down procedure: at most ``rate`` of looks without any drift call anything drifted."""
    tested = sorted((one for one in findings if one.p is not None), key=lambda one: one.p or 0.0)
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, one in enumerate(tested):
        highest = max(highest, min(1.0, (len(tested) - rank) * (one.p or 0.0)))
        adjusted[one.what] = highest
    return [
        replace(one, adjusted=adjusted[one.what], drifted=adjusted[one.what] <= rate * (1 + 1e-12))
        if one.what in adjusted
        else one
        for one in findings
    ]


def drawn(values: Sequence[T], most: int, seed: Sequence[int]) -> list[T]:
    """At most so many of the values, each as likely as any other, in their order."""
    if len(values) <= most:
        return list(values)
    chosen = np.random.default_rng(list(seed)).choice(len(values), most, replace=False)
    return [values[index] for index in sorted(chosen)]


def _numbers(reference: Side, days: Side, policy: Policy) -> Iterator[Finding]:
    for what, unit in UNITS.items():
        first, second = (_array(side, what, policy) for side in (reference, days))
        if short := _too_few(what, len(first), len(second), policy.least):
            yield short
            continue
        told = twosample.kolmogorov_smirnov(first, second, policy.permutations, _seed(policy, what))
        middles = [float(np.median(side)) for side in (first, second)]
        yield Finding(
            what,
            "Kolmogorov–Smirnov",
            (len(first), len(second)),
            told.statistic,
            told.p,
            None,
            False,
            f"{what}: median {middles[1]:.4g}{unit} instead of {middles[0]:.4g}{unit}, distributions"
            f" {told.statistic:.2f} apart, p {told.p:.2g}",
        )


def _pictures(reference: Side, days: Side, policy: Policy) -> Finding:
    first, second = reference.descriptors[: policy.most], days.descriptors[: policy.most]
    if short := _too_few("pictures", len(first), len(second), policy.least):
        return short
    told = twosample.mmd(*descriptors.scaled(first, second), policy.permutations, _seed(policy, "pictures"))
    sentence = f"pictures: colours and edges, MMD² {told.statistic:.3g}, p {told.p:.2g}"
    counts = len(first), len(second)
    return Finding("pictures", "MMD", counts, told.statistic, told.p, None, False, sentence)


def _labels(reference: Side, days: Side, policy: Policy) -> Finding:
    first, second = (Counter(_drawn_labels(side, policy)) for side in (reference, days))
    counts = first.total(), second.total()
    if short := _too_few("labels", *counts, policy.least):
        return short
    table = [np.array([side[label] for label in LABELS], np.int64) for side in (first, second)]
    told = twosample.chi_square(table[0], table[1], policy.permutations, _seed(policy, "labels"))
    shares = ", ".join(
        f"{label} {b / counts[1]:.0%} instead of {a / counts[0]:.0%}"
        for label, a, b in zip(LABELS, *table, strict=True)
    )
    sentence = f"labels: {shares}, p {told.p:.2g}"
    return Finding("labels", "chi-square", counts, told.statistic, told.p, None, False, sentence)


def _too_few(what: str, first: int, second: int, least: int) -> Finding | None:
    if min(first, second) >= least:
        return None
    side = f"{second} in these days" if second < least else f"{first} to compare with"
    sentence = f"{what}: not tested, {side}, fewer than {least}"
    return Finding(what, "–", (first, second), None, None, None, False, sentence)


def _array(side: Side, what: str, policy: Policy) -> Numbers:
    return np.array(drawn(side.numbers.get(what, ()), policy.most, _seed(policy, what)), np.float64)


def _drawn_labels(side: Side, policy: Policy) -> list[str]:
    return drawn([label for label in side.labels if label in LABELS], policy.most, _seed(policy, "labels"))


def _seed(policy: Policy, what: str) -> list[int]:
    return [*policy.seed, crc32(what.encode())]
