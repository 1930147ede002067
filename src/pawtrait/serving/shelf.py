"""Finished portraits in a folder that cannot grow: an hour each, so many at most, the oldest go first."""

import time
from contextlib import suppress
from pathlib import Path

from pawtrait.files import whole

MODE = 0o700  # nobody else's business


class Shelf:
    """PNG files by the id of their job.

    Attributes:
        problem: why nothing can be kept there, or "".
    """

    def __init__(self, folder: Path, seconds: float, most: int) -> None:
        """Make the folder if it is not there; one that cannot be made is a problem, not an error.

        Args:
            seconds: that a portrait stays.
            most: portraits at once.
        """
        self._folder, self._seconds, self._most = folder, seconds, most
        self.problem = ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(MODE)
        except OSError as error:
            self.problem = f"{folder} cannot be written: {error.strerror}; see PAWTRAIT_PORTRAITS"

    def put(self, key: str, picture: bytes) -> None:
        """Keep a portrait; the oldest makes room where there are too many.

        Raises:
            OSError: the disk is full, or the folder cannot be written.
        """
        with whole(self._path(key)) as draft:
            draft.write_bytes(picture)
        self.sweep()

    def get(self, key: str) -> bytes | None:
        """A portrait, or None where there is none any more."""
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None

    def drop(self, key: str) -> None:
        """Remove a portrait; none is no matter."""
        self._path(key).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what is too old or too many, what an earlier process left behind too."""
        ages = []
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            with suppress(FileNotFoundError):
                ages.append((time.time() - path.stat().st_mtime, path))
        ages.sort(key=lambda one: one[0])
        for place, (age, path) in enumerate(ages):
            if age > self._seconds or place >= self._most:
                path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        """Keys are ours, 32 hex digits; nothing that a client sends becomes a path."""
        return self._folder / f"{key}.png"
