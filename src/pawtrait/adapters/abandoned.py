"""Checkpoints of trainings that were killed and that nobody went on with, below .cache/checkpoints."""

import shutil
from datetime import datetime
from pathlib import Path

from pawtrait import checkpoints
from pawtrait.adapters import cache

CHECKPOINTS = ".cache/checkpoints/**/[0-9]*"
HOMES = (".", cache.WORKSPACES)  # each trains with a .cache of its own


def older(than: datetime) -> dict[Path, int]:
    """Folders of trainings that wrote nothing since, with their bytes.

    A training is named by everything that decides it, so that one whose recipe or data has changed since is
    never gone on with; only its age tells it from one that waits to be.
    """
    sums = [path for home in HOMES for path in Path().glob(f"{home}/{CHECKPOINTS}/{checkpoints.SUMS}")]
    files = {folder: _files(folder) for folder in {path.parents[1] for path in sums}}
    return {
        folder: sum(path.stat().st_size for path in held)
        for folder, held in sorted(files.items())
        if max(path.stat().st_mtime for path in held) < than.timestamp()
    }


def free(folder: Path) -> None:
    """Remove a training's checkpoints, and what lies beside them."""
    shutil.rmtree(folder, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
