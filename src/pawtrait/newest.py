"""Where the newest data lies: in this folder, or in the clone that every month is retrained in."""

from pathlib import Path

CLONE = Path(".cache/retrain")
TABLES = Path("data/tables")
MANIFEST, SPLITS = TABLES / "manifest.csv", TABLES / "splits.csv"


def root() -> Path:
    """The clone, or this folder: whichever has its tables and was brought up to date last.

    A folder whose team retrains by the calendar alone has no data of its own, or old data.
    """
    return max(filter(_whole, (CLONE, Path())), key=_renewed, default=Path())


def _whole(place: Path) -> bool:
    return (place / MANIFEST).exists() and (place / SPLITS).exists()


def _renewed(place: Path) -> float:
    """When DVC last wrote down what it made; long ago where it never did."""
    lock = place / "dvc.lock"
    return lock.stat().st_mtime if lock.exists() else 0.0
