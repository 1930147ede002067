"""Rows that tests write: what does not matter to a test has a value to which nothing objects."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pawtrait.dataset.manifest import Record


def record(path: str, **facts: Any) -> Record:
    """A good picture at ``SPLIT/LABEL/NAME``, a group of its own; any other path: no split, happy."""
    home, label = path.split("/")[:2] if path.count("/") == 2 else ("", "happy")
    good = Record(
        id=sha256(path.encode()).hexdigest(),
        path=path,
        label=label,
        group=path,
        source="folder",
        published="" if home == "unsplit" else home,
        width=99,
        height=99,
        format="jpeg",
        mode="RGB",
        bytes=9,
        dhash="",
        phash="",
        brightness=99.0,
        sharpness=99.0,
        problem="",
    )
    return replace(good, **facts)


@dataclass(frozen=True)
class Asked:
    """A request to the service, as monitoring reads it."""

    time: datetime = datetime(2026, 11, 3, 20, 15, tzinfo=UTC)
    kind: str = "predict"
    outcome: str = "ok"
    error_kind: str | None = None
    latency_ms: float = 20.0
    picture: str | None = None
    width: int | None = 640
    height: int | None = 480
    model_name: str = "pet-expression"
    model_version: str = "3"
    label: str | None = None
    confidence: float | None = None
    method: str | None = None
    style: str | None = None
    thumbs: int = 1
