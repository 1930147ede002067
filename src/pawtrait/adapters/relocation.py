"""MLflow writes down where its files lie, from the machine's root on; here these places are told anew."""

import sqlite3
from contextlib import closing
from pathlib import Path

from pawtrait.errors import BadRegistry
from pawtrait.files import write_text

PLACES = (  # where MLflow's schema says where files lie
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
PATIENCE = 60  # seconds that SQLite waits for another writer


def strayed(there: Path, here: Path) -> bool:
    """Whether files are looked for in a folder of another checkout's, and lie in this one's.

    A path that leads here by a link or a mount does not stray, nor does a folder that somebody chose: what
    pawtrait makes ends as ours does.
    """
    if there.parts[-2:] != here.parts[-2:] or not here.is_dir():
        return False
    try:
        return not there.samefile(here)
    except OSError:  # it is not there, or nobody may look
        return True


def follow(database: Path, folder: Path, old: str, new: str) -> None:
    """Tell the places of a SQLite database and of the model files in a folder anew.

    Twice does nothing, and the rows come last, so that whoever is killed is followed by the next.

    Raises:
        BadRegistry: something cannot be written.
    """
    try:
        retell(folder, old, new)
        with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection, connection:
            for table, column in PLACES:
                connection.execute(change(table, column), row(old, new))
    except (OSError, sqlite3.Error) as error:
        raise BadRegistry(
            f"{folder.parents[1]} was moved or copied, and MLflow's places cannot be told anew: {error};"
            " mend that, then start again"
        ) from error


def change(table: str, column: str) -> str:
    """SQL that changes each value that is the old place, or lies below it, to the new one."""
    return (
        f'UPDATE "{table}" SET "{column}" = :new || substr("{column}", :length)'
        f' WHERE "{column}" = :old OR substr("{column}", 1, :length) = :below'
    )


def row(old: str, new: str) -> dict[str, str | int]:
    """What the names in ``change`` stand for."""
    return {"old": old, "new": new, "length": len(old) + 1, "below": f"{old}/"}


def retell(folder: Path, old: str, new: str) -> None:
    """MLmodel files name their own folder; everything else in them stays."""
    for path in folder.rglob("MLmodel"):
        said = path.read_text(encoding="utf-8")
        if f"{old}/" in said:
            write_text(path, said.replace(f"{old}/", f"{new}/"))
