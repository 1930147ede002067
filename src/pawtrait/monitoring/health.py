"""How the service fares, in figures: right answers, thumbs, waiting times, errors, use."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from scipy.stats import norm

from pawtrait.dataset.labels import LABELS
from pawtrait.evaluation.intervals import Interval

T = TypeVar("T")
QUANTILES = (0.5, 0.95, 0.99)
SIZES = (128, 256, 512, 1024, 2048, 4096)  # px, upper ends of the classes of a picture's longer side


class Request(Protocol):
    """What the service did once; a row of the store's table ``requests``."""

    @property
    def time(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def error_kind(self) -> str | None: ...
    @property
    def latency_ms(self) -> float: ...
    @property
    def picture(self) -> str | None: ...
    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...
    @property
    def model_name(self) -> str | None: ...
    @property
    def model_version(self) -> str | None: ...
    @property
    def label(self) -> str | None: ...
    @property
    def confidence(self) -> float | None: ...
    @property
    def method(self) -> str | None: ...
    @property
    def style(self) -> str | None: ...


class Thumb(Protocol):
    """A row of the store's table ``style_feedback``."""

    @property
    def method(self) -> str: ...
    @property
    def style(self) -> str: ...
    @property
    def thumbs(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with an interval of the share behind them; ``share`` and interval None of none."""

    hits: int
    count: int
    share: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Latencies of one kind of request, in ms: each quantile is a latency that was seen."""

    kind: str
    count: int
    quantiles: Mapping[float, float]


@dataclass(frozen=True, slots=True)
class Thumbs:
    """How many thumbs up a method and style got; style "" is the whole method."""

    method: str
    style: str
    up: Share


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a picture whose mood is confirmed."""

    picture: str  # SHA-256
    actual: str
    predicted: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Use:
    """What the service was used for: counts, each in its own order."""

    labels: Mapping[str, int]  # in LABELS' order
    portraits: Mapping[tuple[str, str], int]  # (method, style), the most frequent first
    hours: tuple[int, ...]  # 24, by the hour in UTC
    sizes: Mapping[str, int]  # classes of the longer side, in px


@dataclass(frozen=True, slots=True)
class Health:
    """Everything above about some days.

    ``right`` and ``failures`` are about the champion's answers to pictures whose mood is confirmed, one a
    picture.
    """

    requests: int
    errors: Mapping[str, Share]  # "" all of them; then by kind, the most frequent first
    waiting: Sequence[Waiting]
    right: Share
    recalls: Mapping[str, Share]  # by confirmed mood
    failures: Sequence[Answer]  # the surest first
    confusions: Sequence[tuple[str, str, int]]  # (truth, answer, count), the most frequent first
    thumbs: Sequence[Thumbs]
    use: Use


def assess(
    requests: Sequence[Request],
    answered: Sequence[Request],
    truths: Mapping[str, str],
    thumbs: Sequence[Thumb],
    champion: tuple[str, str] | None,
    level: float,
) -> Health:
    """Put figures to what happened.

    Args:
        requests: of the days in question.
        answered: those whose answers are held against the truth; a longer time, since reviews come later.
        truths: picture → its confirmed mood.
        champion: name and version of the model whose answers are held against the truth; None for no model.
        level: of the intervals.
    """
    pairs = _confirmed(answered, truths, champion)
    failures = [one for one in pairs if one.actual != one.predicted]
    confusions = Counter((one.actual, one.predicted) for one in failures)
    return Health(
        requests=len(requests),
        errors=errors(requests, level),
        waiting=waiting(requests),
        right=share(len(pairs) - len(failures), len(pairs), level),
        recalls={label: _recall(pairs, label, level) for label in LABELS},
        failures=sorted(failures, key=lambda one: (-one.confidence, one.picture)),
        confusions=[(*pair, count) for pair, count in _frequent(confusions)],
        thumbs=thumbs_up(thumbs, level),
        use=use(requests),
    )


def share(hits: int, count: int, level: float) -> Share:
    """A share with Wilson's score interval (1927), which stays within 0..1 and holds for few and for none."""
    if not count:
        return Share(hits, count, None, None)
    z = float(norm.ppf((1 + level) / 2))
    observed = hits / count
    middle = (observed + z * z / (2 * count)) / (1 + z * z / count)
    reach = (
        z / (1 + z * z / count) * math.sqrt(observed * (1 - observed) / count + z * z / (4 * count * count))
    )
    low = 0.0 if hits == 0 else middle - reach  # exactly, in spite of rounding
    high = 1.0 if hits == count else middle + reach
    return Share(hits, count, observed, Interval(low, high))


def quantile(values: Iterable[float], q: float) -> float:
    """The least of the values that a share q of them does not exceed (nearest rank); one that was seen."""
    ordered = sorted(values)
    return ordered[max(math.ceil(q * len(ordered) - 1e-9), 1) - 1]


def waiting(requests: Iterable[Request]) -> list[Waiting]:
    """Latencies of what went well, by kind."""
    by_kind: dict[str, list[float]] = defaultdict(list)
    for one in requests:
        if one.outcome == "ok":
            by_kind[one.kind].append(one.latency_ms)
    return [
        Waiting(kind, len(values), {q: quantile(values, q) for q in QUANTILES})
        for kind, values in sorted(by_kind.items())
    ]


def errors(requests: Sequence[Request], level: float) -> dict[str, Share]:
    """The share of requests that ended in an error: under "" any, then each kind."""
    kinds = Counter(one.error_kind or "unknown" for one in requests if one.outcome == "error")
    shares = {"": share(kinds.total(), len(requests), level)}
    return shares | {kind: share(count, len(requests), level) for kind, count in _frequent(kinds)}


def thumbs_up(said: Sequence[Thumb], level: float) -> list[Thumbs]:
    """Each method as a whole, followed by its styles; a portrait after no painting has none."""
    counts: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for one in said:
        for style in {one.style, ""}:
            counts[one.method, style][one.thumbs > 0] += 1
    return [Thumbs(*key, share(up[True], up.total(), level)) for key, up in sorted(counts.items())]


def use(requests: Sequence[Request]) -> Use:
    """Count what was asked for; failed requests count by hour and size only."""
    fine = [one for one in requests if one.outcome == "ok"]
    labels = Counter(one.label for one in fine if one.label)
    portraits = Counter((one.method or "", one.style or "") for one in fine if one.kind == "stylize")
    hours = Counter(one.time.hour for one in requests)
    longer = [max(one.width, one.height) for one in requests if one.width and one.height]
    ends = [*SIZES, math.inf]
    names = [f"≤ {end}" for end in SIZES] + [f"> {SIZES[-1]}"]
    classes = Counter(next(n for n, end in zip(names, ends, strict=True) if side <= end) for side in longer)
    return Use(
        labels={label: labels[label] for label in LABELS},
        portraits=dict(_frequent(portraits)),
        hours=tuple(hours[hour] for hour in range(24)),
        sizes={name: classes[name] for name in names},
    )


def _confirmed(
    answered: Iterable[Request], truths: Mapping[str, str], champion: tuple[str, str] | None
) -> list[Answer]:
    """Answer and truth of each picture whose mood is confirmed and whose first answer was the champion's.

    A later one may come from a model that has learned this very picture since. And what an earlier champion
    got wrong is no news of this one.
    """
    first: dict[str, Request] = {}
    for one in answered:
        if one.picture in truths and one.picture and one.label and one.outcome == "ok":
            first.setdefault(one.picture, one)
    return [
        Answer(picture, truths[picture], one.label or "", one.confidence or 0.0)
        for picture, one in first.items()
        if (one.model_name, one.model_version) == champion
    ]


def _recall(pairs: Sequence[Answer], label: str, level: float) -> Share:
    own = [one for one in pairs if one.actual == label]
    return share(sum(one.predicted == label for one in own), len(own), level)


def _frequent(counts: Counter[T]) -> list[tuple[T, int]]:
    return sorted(counts.items(), key=lambda it: (-it[1], str(it[0])))
