"""What the service writes down, as lines of a journal and as rows of the store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from pawtrait.adapters.store import database, feedback, forgetting, requests
from pawtrait.adapters.store.database import Engine
from pawtrait.adapters.store.feedback import Review, Said, StyleSaid
from pawtrait.adapters.store.requests import Request
from pawtrait.errors import BadFeedback

Stored = Request | Said | Review | StyleSaid
_KINDS: dict[str, tuple[type[Any], Callable[[Engine, Sequence[Any]], int]]] = {
    "request": (Request, requests.add),
    "said": (Said, feedback.add),
    "review": (Review, feedback.add_reviews),
    "style": (StyleSaid, feedback.add_styles),
}
_FIELDS = {kind: tuple(field.name for field in fields(kind)) for kind, _ in _KINDS.values()}
_NAMES = {kind: name for name, (kind, _) in _KINDS.items()}


def packed(row: Stored) -> dict[str, Any]:
    """A row as JSON."""
    kind = type(row)
    values = {name: getattr(row, name) for name in _FIELDS[kind]}  # asdict copies deeply, four times as long
    return {"kind": _NAMES[kind], "row": values | {"time": row.time.isoformat()}}


def unpacked(line: Mapping[str, Any]) -> Stored:
    """The row again.

    Raises:
        BadFeedback: it is no row of this pawtrait.
    """
    try:
        time = datetime.fromisoformat(line["row"]["time"])
        if time.tzinfo is None:
            raise ValueError("its time has no zone")
        stored: Stored = _KINDS[line["kind"]][0](**{**line["row"], "time": time})
    except (KeyError, TypeError, ValueError) as error:
        raise BadFeedback(f"a line of the outbox is no row: {error}") from error
    return stored


def shows(line: Mapping[str, Any], picture: str) -> bool:
    """Whether a line is about a picture, given its SHA-256; one that is no row is about none."""
    try:
        return bool(line["row"]["picture"] == picture)
    except (KeyError, TypeError):
        return False


def delivery(address: str) -> Callable[[list[Mapping[str, Any]]], None]:
    """What an outbox calls: lines in, rows of the store out, in their order.

    What is about a picture that was forgotten since is dropped: it waited where no deletion reached it.
    The callable raises BadStore where the database cannot be reached or refuses a row, BadFeedback for none.
    """

    def deliver(lines: list[Mapping[str, Any]]) -> None:
        rows = [unpacked(line) for line in lines]
        with database.opened(address) as engine:
            gone = forgetting.since(engine, min(row.time for row in rows))
            by_kind: dict[str, list[Stored]] = {}
            for row in rows:
                if not _forgotten(row, gone):
                    by_kind.setdefault(_NAMES[type(row)], []).append(row)
            for kind, found in by_kind.items():
                _KINDS[kind][1](engine, found)

    return deliver


def _forgotten(row: Stored, gone: Mapping[str, datetime]) -> bool:
    """A thumb for a portrait names no picture; it goes with its request, where that is there already."""
    when = None if isinstance(row, StyleSaid) or row.picture is None else gone.get(row.picture)
    return when is not None and row.time <= when
