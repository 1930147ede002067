"""Checkpoints of trainings that were killed and that nobody went on with, below .cache/checkpoints."""

from datetime import datetime
from pathlib import Path

from pawtrait import checkpoints
from pawtrait.adapters import cache

CHECKPOINTS = ".cache/checkpoints/**/[0-9]*"


def older(than: datetime) -> dict[Path, int]:
    """Folders of trainings that wrote nothing since, with their bytes.

    A training is named by everything that decides it, so that one whose recipe or data has changed since is
    never gone on with; only its age tells it from one that waits to be.
    """
    sums = [path for home in cache.homes() for path in home.glob(f"{CHECKPOINTS}/{checkpoints.SUMS}")]
    folders = sorted({path.parents[1] for path in sums})
    return {folder: cache.size(folder) for folder in folders if _written(folder) < than.timestamp()}


def _written(folder: Path) -> float:
    """When a file in it was, last; seconds since 1970."""
    return max(path.stat().st_mtime for path in folder.rglob("*") if path.is_file())
