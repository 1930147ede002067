"""What people say: a mood or a thumb for a picture, a reviewer's verdict, a thumb for a portrait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, func, select, true

from pawtrait.adapters.store import rows as stored
from pawtrait.adapters.store.tables import feedback, requests, reviews, style_feedback
from pawtrait.dataset.feedback import UNUSABLE
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadFeedback

VERDICTS = (*LABELS, UNUSABLE)
ANSWER = (  # the one that feedback names
    (requests.c.id == feedback.c.request)
    & (requests.c.picture == feedback.c.picture)
    & (requests.c.kind == "predict")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A mood that somebody gave a picture, or a thumb for the model's."""

    id: str
    time: datetime  # with its zone
    picture: str  # SHA-256; the picture is kept before the row
    client: str  # salted fingerprint, or the annotator's name
    consent: bool  # may the picture be trained on
    source: str = "user"  # user | in-house
    request: str | None = None
    label: str | None = None  # the mood it shows; None where only thumbs were given
    thumbs: int | None = None  # +1 | -1 for the model's answer
    predicted: str | None = None
    model_version: str | None = None
    name: str = ""  # of the file, for people; never a path


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a reviewer saw in a picture, knowing neither the model's guess nor the user's."""

    id: str
    time: datetime
    picture: str
    reviewer: str
    verdict: str  # one of VERDICTS
    reason: str | None = None  # of unusable


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleSaid:
    """A thumb for a portrait."""

    id: str
    time: datetime
    client: str
    method: str
    style: str
    strength: float
    thumbs: int  # +1 | -1
    seconds: float  # that the portrait took
    request: str | None = None


def add(engine: Engine, rows: Sequence[Said]) -> int:
    """Keep what was said and give how many rows were new; the same id twice is one row.

    Raises:
        BadFeedback: a label is none of ours; nothing is kept then.
    """
    for row in rows:
        if row.label is not None and row.label not in LABELS:
            raise BadFeedback(f"feedback {row.id}: label {row.label!r}; expected {', '.join(LABELS)}")
    return stored.add(engine, feedback, rows)


def add_reviews(engine: Engine, rows: Sequence[Review]) -> int:
    """Keep verdicts and give how many were new; a reviewer's first verdict on a picture stands.

    Raises:
        BadFeedback: a verdict is none of ours; nothing is kept then.
    """
    for row in rows:
        if row.verdict not in VERDICTS:
            raise BadFeedback(
                f"review of {row.picture[:16]}: {row.verdict!r}; expected {', '.join(VERDICTS)}"
            )
    return stored.add(engine, reviews, rows)


def add_styles(engine: Engine, rows: Sequence[StyleSaid]) -> int:
    """Keep thumbs for portraits and give how many were new; the same id twice is one row."""
    return stored.add(engine, style_feedback, rows)


def between(engine: Engine, since: datetime, until: datetime) -> list[Said]:
    """What was said with since <= time < until, oldest first."""
    return spoken(engine, (feedback.c.time >= since) & (feedback.c.time < until))


def about(engine: Engine, picture: str) -> list[Said]:
    """What was said of a picture, oldest first."""
    return spoken(engine, feedback.c.picture == picture)


def spoken(engine: Engine, which: ColumnElement[bool]) -> list[Said]:
    """What was said, oldest first; where a client left out what the model had said, its answer tells."""
    answers = {"predicted": requests.c.label, "model_version": requests.c.model_version}
    filled = {
        name: func.coalesce(feedback.c[name], select(column).where(ANSWER).scalar_subquery())
        for name, column in answers.items()
    }
    return stored.where(engine, feedback, Said, which, filled)


def verdict(engine: Engine, review: str) -> str | None:
    """That of the review with this id; None where there is none."""
    found = stored.where(engine, reviews, Review, reviews.c.id == review)
    return found[0].verdict if found else None


def verdicts(engine: Engine) -> dict[str, dict[str, str]]:
    """Every review: reviewer → picture → verdict."""
    found: dict[str, dict[str, str]] = {}
    for review in stored.where(engine, reviews, Review, true()):
        found.setdefault(review.reviewer, {})[review.picture] = review.verdict
    return found


def styles_between(engine: Engine, since: datetime, until: datetime) -> list[StyleSaid]:
    """Thumbs for portraits with since <= time < until, oldest first."""
    return stored.between(engine, style_feedback, StyleSaid, since, until)
