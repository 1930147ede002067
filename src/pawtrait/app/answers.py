"""What the service answers, as objects that the pages show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

METHODS = ("fast", "hybrid", "nst", "cyclegan")


@dataclass(frozen=True, slots=True)
class Reading:
    """The mood of one picture.

    Attributes:
        request: the answer's id, which feedback names.
        picture: SHA-256 of the bytes sent, in hex.
        label: the likeliest mood.
        unsure: its probability is too small to speak of it as if it were known.
        probabilities: mood → 0..1, summing to 1.
        heat: data URI of the picture under its heat map, or "".
        version: of the model, as the registry counts.
        milliseconds: that the service took.
        kept: the service has the picture, with consent.
    """

    request: str
    picture: str
    label: str
    unsure: bool
    confidence: float
    probabilities: Mapping[str, float]
    heat: str
    model: str
    version: str
    milliseconds: float
    kept: bool


@dataclass(frozen=True, slots=True)
class Method:
    """A way to paint; ``why_not`` says why it cannot be had here, or is empty."""

    name: str
    told: str
    needs_style: bool
    available: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class Style:
    """A painting that photos can be painted like."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What the studio has; ``largest`` is the longer side in px that can be wished."""

    methods: Sequence[Method]
    styles: Sequence[Style]
    largest: int = 1024


@dataclass(frozen=True, slots=True)
class Wish:
    """How a portrait is to be painted: like ``style``, or like one's own ``painting``, encoded."""

    method: str
    style: str = ""
    painting: bytes = field(default=b"", repr=False)
    strength: float = 1.0
    side: int = 512  # px of the longer side


@dataclass(frozen=True, slots=True)
class Portrait:
    """A finished portrait: PNG bytes, the seconds it took, and the id that a thumb for it names."""

    png: bytes = field(repr=False)
    seconds: float
    request: str


@dataclass(frozen=True, slots=True)
class Job:
    """A portrait that takes its time."""

    id: str
    of: int


@dataclass(frozen=True, slots=True)
class Glimpse:
    """How far a job is. ``preview`` is a data URI, or "" where none came with this step."""

    state: str  # waiting | painting | done | failed | cancelled
    done: int
    of: int
    preview: str
    problem: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A picture that a reviewer has not judged, and how many wait with it."""

    picture: str
    waiting: int


def reading(body: Mapping[str, Any]) -> Reading:
    """The first answer of POST /v1/moods."""
    (answer, *_), model = body["answers"], body["model"]
    chances = answer["probabilities"]
    return Reading(
        request=answer["request"],
        picture=answer["picture"],
        label=answer["label"] or max(chances, key=chances.__getitem__),
        unsure=bool(answer["unsure"]),
        confidence=float(answer["confidence"]),
        probabilities=chances,
        heat=(answer.get("explanation") or {}).get("image", ""),
        model=str(model["kind"]),
        version=str(model["version"]),
        milliseconds=float(body["milliseconds"]),
        kept=bool(answer.get("kept")),
    )


def offer(body: Mapping[str, Any]) -> Offer:
    """GET /v1/styles, the quickest methods first."""
    rank = {name: place for place, name in enumerate(METHODS)}
    methods = [
        Method(one["name"], one["told"], one["needs_style"], one["available"], one.get("why_not") or "")
        for one in sorted(body["methods"], key=lambda one: rank.get(one["name"], len(rank)))
    ]
    styles = [Style(one["name"], one["title"]) for one in body["styles"]]
    return Offer(methods, styles, int(body.get("largest", 1024)))


def glimpse(event: str, data: Mapping[str, Any]) -> Glimpse:
    """One server-sent event of a job; all but the last are called progress."""
    state = str(data.get("status") or "painting") if event == "progress" else event
    problem = data.get("problem") or ""
    return Glimpse(
        state=state,
        done=int(data.get("done") or 0),
        of=int(data.get("of") or 0),
        preview=data.get("preview") or "",
        problem=problem if isinstance(problem, str) else str(problem.get("detail", "")),
    )
