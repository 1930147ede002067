"""Answers of the service: written by it, read by monitoring."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, exists, select

from pawtrait.adapters.store import rows as stored
from pawtrait.adapters.store.tables import requests

NAMES = 500  # pictures in one question; SQLite takes a thousand values or more, by its age


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answer; what does not apply to its kind stays None. Units as in ``tables.requests``."""

    id: str
    time: datetime  # with its zone
    kind: str  # predict | stylize
    outcome: str  # ok | error
    latency_ms: float
    error_kind: str | None = None
    picture: str | None = None  # SHA-256
    width: int | None = None
    height: int | None = None
    bytes: int | None = None
    brightness: float | None = None
    sharpness: float | None = None
    model_name: str | None = None
    model_version: str | None = None
    label: str | None = None
    confidence: float | None = None
    method: str | None = None
    style: str | None = None
    strength: float | None = None


def add(engine: Engine, rows: Sequence[Request]) -> int:
    """Keep requests and give how many were new; the same id twice is one row."""
    return stored.add(engine, requests, rows)


def between(engine: Engine, since: datetime, until: datetime) -> list[Request]:
    """Requests with since <= time < until, oldest first."""
    return stored.between(engine, requests, Request, since, until)


def about(engine: Engine, pictures: Collection[str], since: datetime, until: datetime) -> list[Request]:
    """Requests about these pictures with since <= time < until, oldest first; no others are read."""
    names, found = sorted(set(pictures)), list[Request]()
    when = (requests.c.time >= since) & (requests.c.time < until)
    for first in range(0, len(names), NAMES):
        theirs = requests.c.picture.in_(names[first : first + NAMES])
        found += stored.where(engine, requests, Request, theirs & when)
    return sorted(found, key=lambda one: (one.time, one.id))


def any_between(engine: Engine, since: datetime, until: datetime) -> bool:
    """Whether anything was asked with since <= time < until."""
    when = (requests.c.time >= since) & (requests.c.time < until)
    with engine.connect() as connection:
        return bool(connection.scalar(select(exists().where(when))))
