"""Deletion on request: everything about a picture goes, and a word stays that something went."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, func, or_, select

from pawtrait.adapters.store import rows as stored
from pawtrait.adapters.store.pictures import NAME
from pawtrait.adapters.store.tables import (
    feedback,
    forgotten,
    looks,
    requests,
    reviews,
    settled,
    style_feedback,
)


@dataclass(frozen=True, slots=True)
class Trace:
    """What the store knows of an id that somebody wants to be forgotten."""

    pictures: tuple[str, ...]  # SHA-256
    rows: int  # that name the id or one of the pictures
    months: tuple[str, ...]  # whose snapshots took one of the pictures in
    before: bool  # the id was forgotten once


def trace(engine: Engine, asked: str) -> Trace:
    """Find what a request's id, a feedback's id or a picture's SHA-256 leads to."""
    with engine.connect() as connection:
        pictures = _pictures(connection, asked)
        took = select(settled.c.month).where(settled.c.picture.in_(pictures), settled.c.label.is_not(None))
        again = select(forgotten.c.id).where((forgotten.c.asked == asked) | forgotten.c.picture.in_(pictures))
        return Trace(
            tuple(sorted(pictures)),
            sum(_count(connection, table, asked, pictures) for table in _TABLES),
            tuple(sorted(set(connection.scalars(took)))),
            connection.execute(again).first() is not None,
        )


def forget(
    engine: Engine, asked: str, pictures: Collection[str], months: Collection[str], now: datetime
) -> None:
    """Delete every row that names the id or one of the pictures, and note that it was done; all or nothing.

    Delete the pictures before: rows without a picture can be found again, a picture without rows cannot.
    """
    with engine.begin() as connection:
        for table in _TABLES:
            connection.execute(delete(table).where(_about(table, asked, pictures)))
        named: list[str | None] = [*sorted(pictures)]
        for picture in named or [None]:
            note = {"id": uuid4().hex, "time": now, "asked": asked, "picture": picture}
            stored.insert(connection, forgotten, [note | {"months": sorted(months)}])


def pictures(engine: Engine) -> set[str]:
    """Every picture that was forgotten: it never comes in again."""
    with engine.connect() as connection:
        return set(connection.scalars(select(forgotten.c.picture).where(forgotten.c.picture.is_not(None))))


def since(engine: Engine, moment: datetime) -> dict[str, datetime]:
    """The pictures that were forgotten at a moment or later, by SHA-256, each with when that was last."""
    query = (
        select(forgotten.c.picture, func.max(forgotten.c.time))
        .where((forgotten.c.time >= moment) & forgotten.c.picture.is_not(None))
        .group_by(forgotten.c.picture)
    )
    with engine.connect() as connection:
        return dict(connection.execute(query).tuples().all())


def months(engine: Engine) -> set[str]:
    """The snapshots that held a picture when it was forgotten."""
    with engine.connect() as connection:
        return {month for held in connection.scalars(select(forgotten.c.months)) for month in held}


# Portraits' thumbs first: they are found by the requests that go after them.
_TABLES = (style_feedback, reviews, looks, settled, feedback, requests)


def _pictures(connection: Connection, asked: str) -> set[str]:
    """The pictures that an id leads to; a picture's own name leads to itself."""
    by_request = select(requests.c.picture).where(requests.c.id == asked)
    said = or_(feedback.c.id == asked, feedback.c.request == asked)
    by_feedback = select(feedback.c.picture).where(said)
    of_feedback = select(requests.c.picture).where(
        requests.c.id.in_(select(feedback.c.request).where(feedback.c.id == asked))
    )
    found = {one for query in (by_request, by_feedback, of_feedback) for one in connection.scalars(query)}
    return {one for one in found if one} | ({asked} if NAME.fullmatch(asked) else set())


def _about(table: Table, asked: str, pictures: Collection[str]) -> ColumnElement[bool]:
    """The rows of a table that name the id or one of the pictures."""
    columns = table.c
    clauses = [columns[name] == asked for name in ("id", "request") if name in columns]
    if "picture" in columns:
        return or_(columns.picture.in_(pictures), *clauses)
    shown = select(requests.c.id).where(requests.c.picture.in_(pictures))
    return or_(columns.request.in_(shown), *clauses)


def _count(connection: Connection, table: Table, asked: str, pictures: Collection[str]) -> int:
    query = select(func.count()).select_from(table).where(_about(table, asked, pictures))
    return int(connection.scalar(query) or 0)
