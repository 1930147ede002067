"""MLflow's absolute paths, rewritten after its files were moved or copied."""

import sqlite3
from contextlib import closing
from pathlib import Path

from pawtrait.errors import BadRegistry
from pawtrait.files import write_text

PLACES = (  # the columns of MLflow's database that hold such paths
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
PATIENCE = 60  # seconds that SQLite waits for another writer


def strayed(there: Path, here: Path) -> bool:
    """Whether MLflow looks ``there``, in another checkout, for files that lie ``here``.

    Not where ``there`` leads here by a link or a mount, and not where somebody chose the folder: those that
    pawtrait makes have the same last two names.
    """
    if there.parts[-2:] != here.parts[-2:] or not here.is_dir():
        return False
    try:
        return not there.samefile(here)
    except OSError:  # it does not exist, or may not be read
        return True


def follow(database: Path, folder: Path, old: str, new: str) -> None:
    """Rewrite the paths in a SQLite database and in the model files of a folder.

    The database comes last, so that the next start repeats what was killed in between.

    Raises:
        BadRegistry: something cannot be written.
    """
    try:
        rewrite(folder, old, new)
        with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection, connection:
            for table, column in PLACES:
                connection.execute(change(table, column), row(old, new))
    except (OSError, sqlite3.Error) as error:
        raise BadRegistry(
            f"{folder.parents[1]} was moved or copied, and MLflow's paths cannot be rewritten: {error};"
            " mend that, then run the command again"
        ) from error


def change(table: str, column: str) -> str:
    """SQL that changes the old path, and every path below it, to the new one."""
    return (
        f'UPDATE "{table}" SET "{column}" = :new || substr("{column}", :length)'
        f' WHERE "{column}" = :old OR substr("{column}", 1, :length) = :below'
    )


def row(old: str, new: str) -> dict[str, str | int]:
    """The values for the names in ``change``."""
    return {"old": old, "new": new, "length": len(old) + 1, "below": f"{old}/"}


def rewrite(folder: Path, old: str, new: str) -> None:
    """Change the paths in MLmodel files, which name their own folder."""
    for path in folder.rglob("MLmodel"):
        text = path.read_text(encoding="utf-8")
        if f"{old}/" in text:
            write_text(path, text.replace(f"{old}/", f"{new}/"))
