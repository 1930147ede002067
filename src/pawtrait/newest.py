"""Where the newest data lies: in this folder, or in the clone that every month is retrained in."""

import hashlib
from pathlib import Path

CLONE = Path(".cache/retrain")
TABLES = Path("data/tables")
MANIFEST, SPLITS = TABLES / "manifest.csv", TABLES / "splits.csv"


def root() -> Path:
    """The clone, or this folder: whichever has its tables and was brought up to date last.

    A folder whose team retrains by the calendar alone has no data of its own, or old data: where a month's
    branch was merged its dvc.lock is new, and the tables, which git does not keep, are still the old ones. So
    a place whose tables are those of its dvc.lock comes before one whose tables are not.
    """
    places = [place for place in (CLONE, Path()) if _whole(place)]
    if len(places) < 2:  # nothing to choose from
        return places[0] if places else Path()
    return max(places, key=lambda place: (_as_locked(place), _renewed(place)))


def _whole(place: Path) -> bool:
    return (place / MANIFEST).exists() and (place / SPLITS).exists()


def _as_locked(place: Path) -> bool:
    """Whether the tables are those that dvc.lock names; a table that it does not name may be any."""
    locked = _locked(place / "dvc.lock")
    return locked is not None and all(
        locked.get(str(table)) in (None, _md5(place / table)) for table in (MANIFEST, SPLITS)
    )


def _locked(lock: Path) -> dict[str, str] | None:
    """What DVC made, each path with its MD5; None of a file that a merge or a kill left in pieces."""
    import yaml  # late, as the next: the command line starts without them

    from pawtrait.adapters import lineage

    try:
        return lineage.outputs(lock)
    except (yaml.YAMLError, ValueError):
        return None


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _renewed(place: Path) -> float:
    """When DVC last wrote down what it made; long ago where it never did."""
    lock = place / "dvc.lock"
    return lock.stat().st_mtime if lock.exists() else 0.0
