"""Rows of a table as frozen dataclasses: added once whatever happens, read in the order of their time."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Table, select
from sqlalchemy.dialects import postgresql, sqlite

Row = TypeVar("Row")


def add(engine: Engine, table: Table, rows: Sequence[Any]) -> int:
    """Insert dataclass rows in one transaction and give how many were new; what is there already stays."""
    with engine.begin() as connection:
        return insert(connection, table, [_values(row) for row in rows])


def insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """The same inside a transaction of the caller's."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing()
    if not rows:
        return 0
    # One short statement for each row, pipelined: many rows in one, as RETURNING makes it, cost psycopg four
    # times the processor's time, and the service answers meanwhile.
    return connection.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


def between(engine: Engine, table: Table, kind: type[Row], since: datetime, until: datetime) -> list[Row]:
    """Rows with since <= time < until, oldest first; of one time by id."""
    when = table.c.time
    return where(engine, table, kind, (when >= since) & (when < until))


def where(
    engine: Engine,
    table: Table,
    kind: type[Row],
    which: ColumnElement[bool],
    instead: Mapping[str, ColumnElement[Any]] = MappingProxyType({}),
) -> list[Row]:
    """Rows that meet a condition, oldest first; of one time by their key.

    ``instead``: what some fields hold in place of their column.
    """
    columns = {field.name: table.c[field.name] for field in fields(kind)} | dict(instead)  # type: ignore[arg-type]
    order = (table.c.time, *table.primary_key.columns)
    query = select(*(column.label(name) for name, column in columns.items())).where(which).order_by(*order)
    with engine.connect() as connection:
        return [kind(**row) for row in connection.execute(query).mappings()]


def _values(row: Any) -> dict[str, Any]:
    """A row's fields; ``asdict`` copies them deeply, which takes longer than all the rest."""
    return {field.name: getattr(row, field.name) for field in fields(row)}
