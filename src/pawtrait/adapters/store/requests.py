"""Answers of the service: written by it, read by monitoring."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from pawtrait.adapters.store import rows as stored
from pawtrait.adapters.store.tables import requests


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
