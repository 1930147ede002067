"""Whole databases as files and back: the feedback store's and MLflow's, in SQLite or PostgreSQL."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from pawtrait.adapters import relocation
from pawtrait.adapters.store import database
from pawtrait.errors import BadStore
from pawtrait.files import whole

Places = Mapping[str, str]  # where something lay → where it lies now


def save(address: str, file: Path) -> None:
    """Write a database to a file as it is at one moment, whoever writes to it meanwhile.

    Raises:
        BadStore: it cannot be read, or PostgreSQL's programs are missing.
    """
    parsed = database.parsed(address)
    if parsed.get_backend_name() == "sqlite":
        _copy(Path(str(parsed.database)), file)
    else:
        _postgres(parsed, "pg_dump", "--format=custom", "--no-owner", "--no-acl", f"--file={file}")


def load(address: str, file: Path, moved: Mapping[tuple[str, str], Places]) -> None:
    """Make a database from such a file; paths in the columns named are changed before anyone sees them.

    Args:
        address: of a SQLite file that is not there yet, or of an empty PostgreSQL database.
        moved: by table and column.

    Raises:
        BadStore: it is not empty, or cannot be written.
    """
    if found := there(address):
        raise BadStore(f"{found} is not empty; nothing was restored over it, move it away first")
    parsed = database.parsed(address)
    if parsed.get_backend_name() == "sqlite":
        with whole(Path(str(parsed.database))) as draft:
            shutil.copyfile(file, draft)
            _move(f"sqlite:///{draft}", moved)
        return
    _postgres(
        parsed, "pg_restore", "--no-owner", "--no-acl", "--single-transaction", "--exit-on-error", str(file)
    )
    _move(address, moved)


def empty(address: str) -> bool:
    """Whether there is no such SQLite file, or no table in the PostgreSQL database."""
    parsed = database.parsed(address)
    if parsed.get_backend_name() == "sqlite":
        return not Path(str(parsed.database)).exists()
    with _opened(address) as engine:
        return not inspect(engine).get_table_names()


def there(address: str) -> str:
    """What lies where a database would go; "" where nothing does.

    Logs that a SQLite file left behind count: SQLite would play them into the one that comes in its place.
    """
    parsed = database.parsed(address)
    if parsed.get_backend_name() == "sqlite":
        files = [f"{parsed.database}{end}" for end in ("", "-wal", "-shm", "-journal")]
        return next((name for name in files if Path(name).exists()), "")
    return "" if empty(address) else database.shown(address)


def values(address: str, table: str, column: str) -> list[str]:
    """What a column holds, sorted, each once."""
    with _opened(address) as engine, engine.connect() as connection:
        found = connection.execute(text(f'SELECT DISTINCT "{column}" FROM "{table}"')).scalars()
        return sorted(str(one) for one in found if one is not None)


def backend(address: str) -> str:
    """sqlite or postgresql."""
    return database.parsed(address).get_backend_name()


def _copy(source: Path, file: Path) -> None:
    """SQLite's own backup, which waits for writers and takes their log along."""
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(file)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    except sqlite3.Error as error:
        raise BadStore(f"{source} cannot be read: {error}") from error


def _move(address: str, moved: Mapping[tuple[str, str], Places]) -> None:
    """Change each value that is one of the old places, or lies below it, to the new one."""
    with _opened(address) as engine, engine.begin() as connection:
        for (table, column), places in moved.items():
            for old, new in places.items():
                connection.execute(text(relocation.change(table, column)), relocation.row(old, new))


def _postgres(address: URL, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on a database; the password goes by the environment.

    Where the address has none, PGPASSWORD is the one that the caller exported, as it is for all else.
    """
    found = shutil.which(program)
    if found is None:
        raise BadStore(f"{program} is not installed, and {address.host} is a PostgreSQL; install its client")
    bare = address._replace(drivername="postgresql", password=None)
    target = bare.render_as_string()
    secret = {"PGPASSWORD": address.password} if address.password else {}
    done = subprocess.run(
        [found, f"--dbname={target}", *arguments],
        env=os.environ | secret,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BadStore(f"{program} on {target}: {_last(done.stderr.splitlines())}")


@contextmanager
def _opened(address: str) -> Iterator[Engine]:
    engine = create_engine(database.parsed(address))
    try:
        yield engine
    except SQLAlchemyError as error:
        raise BadStore(f"{database.shown(address)}: {_last(str(error).splitlines()[:1])}") from error
    finally:
        engine.dispose()


def _last(lines: Sequence[str]) -> str:
    return lines[-1] if lines else "no word why"
