"""The store's database: opened by DATABASE_URL, brought to the newest schema under a lock."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from filelock import FileLock
from sqlalchemy import Connection, create_engine, event, func, select
from sqlalchemy import Engine as Engine  # for those who may not know SQLAlchemy
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from pawtrait.errors import BadStore

DEFAULT = "sqlite:///feedback.db"
LOCK = ".cache/store.lock"  # beside SQLite's file: who can write there can write here
NUMBER = 20260712  # of PostgreSQL's lock: any that nobody else takes in this database
MIGRATIONS = Path(__file__).parent / "migrations"
PATIENCE = 30  # seconds that SQLite waits for another writer
POSTGRESQL = "postgresql+psycopg"
ATTENTION = {  # by which PostgreSQL's client notices a server that is gone; libpq's own would wait for hours
    "connect_timeout": 10,  # seconds
    "keepalives_idle": 30,  # seconds of silence until it is asked whether it is there
    "keepalives_interval": 10,  # seconds between two such questions
    "keepalives_count": 3,  # without an answer
}


def url() -> str:
    """``DATABASE_URL``, or feedback.db in the current folder."""
    return os.environ.get("DATABASE_URL") or DEFAULT


@contextmanager
def opened(address: str | None = None) -> Iterator[Engine]:
    """An engine on the store, migrated; closed after the block. What its queries raise is ours then.

    Raises:
        BadStore: the address is none, nothing answers there, or the database is of a newer pawtrait.
    """
    where = address or url()
    engine = _engine(where)
    try:
        _migrate_once(where, Path.cwd())
        yield engine
    except SQLAlchemyError as error:
        raise BadStore(f"{shown(where)}: {_first_line(error)}; check DATABASE_URL") from error
    except CommandError as error:
        raise BadStore(f"{shown(where)} is of a newer pawtrait: {error}; update this one") from error
    finally:
        engine.dispose()


def shown(address: str) -> str:
    """The address without its password."""
    return make_url(address).render_as_string(hide_password=True)


def parsed(address: str) -> URL:
    """The address in its parts; PostgreSQL's as people and hosts write it, on the driver that we have.

    Raises:
        ArgumentError: it is none.
    """
    known = make_url(address)
    return known.set(drivername=POSTGRESQL) if known.drivername in ("postgres", "postgresql") else known


def _engine(address: str) -> Engine:
    try:
        where = parsed(address)
        engine = create_engine(where, connect_args=_attentive(where))
    except (ArgumentError, NoSuchModuleError) as error:
        raise BadStore(
            "DATABASE_URL is not the address of a database; expected sqlite:///FILE or postgresql://…"
        ) from error
    if where.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _patient)
    return engine


def _attentive(address: URL) -> dict[str, int]:
    """What the driver is told; the address has the last word. No statement is cut: migrations take long."""
    if address.drivername != POSTGRESQL:
        return {}
    return {name: value for name, value in ATTENTION.items() if name not in address.query}


def _patient(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    """Readers and a writer side by side, and a wait instead of `database is locked`."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute(f"PRAGMA busy_timeout={PATIENCE * 1000}")
    cursor.close()


@cache
def _migrate_once(address: str, folder: Path) -> None:
    """Once a process, address and current folder, which SQLite's files are relative to: it costs 50 ms."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = _engine(address)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _unhurried)
        event.listen(engine, "begin", _begin)
    with _alone(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(NUMBER)))  # until the commit, or the end
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """One at a time in a SQLite file; a server has a lock of its own, which holds for other machines too."""
    folder = Path(engine.url.database or "").parent
    can_be_written = folder.is_dir() and os.access(folder, os.W_OK)
    if engine.dialect.name != "sqlite" or not can_be_written:  # SQLite says what is the matter
        yield
        return
    lock = folder / LOCK
    lock.parent.mkdir(exist_ok=True)
    with FileLock(lock):
        yield


def _unhurried(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    """Python's driver begins no transaction before it makes a table; we do it ourselves, see ``_begin``."""
    connection.isolation_level = None  # type: ignore[attr-defined]


def _begin(connection: Connection) -> None:
    """Tables are made all or none: who is killed in between would leave a store that nobody can migrate."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _first_line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
