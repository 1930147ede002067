"""Finished portraits in a folder that cannot grow: an hour each, so many at most, the oldest go first."""

import re
import time
from contextlib import suppress
from pathlib import Path

from pawtrait.files import whole
from pawtrait.serving.job import View

MODE = 0o700  # nobody else's business
KEY = re.compile(r"[0-9a-f]{32}")


class Shelf:
    """PNG files named ``JOB.METHOD.STEPS.MILLISECONDS.PICTURE.png``: a service that starts anew knows them.

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

    def put(self, view: View, picture: bytes) -> None:
        """Keep a job's portrait; the oldest makes room where there are too many.

        Raises:
            OSError: the disk is full, or the folder cannot be written.
        """
        name = f"{view.id}.{view.method}.{view.of}.{round(1000 * view.seconds)}.{view.picture}.png"
        with whole(self._folder / name) as draft:
            draft.write_bytes(picture)
        self.sweep()

    def get(self, key: str) -> bytes | None:
        """A portrait, or None where there is none any more."""
        path = self._file(key)
        try:
            return path.read_bytes() if path else None
        except FileNotFoundError:  # swept away meanwhile
            return None

    def find(self, key: str) -> View | None:
        """The job that a portrait is of, whoever painted it; None where there is none any more."""
        path = self._file(key)
        try:
            if path is None or _age(path) > self._seconds:
                return None
        except FileNotFoundError:
            return None
        _, method, steps, milliseconds, picture, _ = path.name.split(".")
        seconds = int(milliseconds) / 1000
        return View(key, method, "done", 1, done=int(steps), of=int(steps), seconds=seconds, picture=picture)

    def drop(self, key: str) -> None:
        """Remove a portrait; none is no matter."""
        if path := self._file(key):
            path.unlink(missing_ok=True)

    def forget(self, picture: str) -> int:
        """Remove the portraits of a photo, given its SHA-256; how many there were."""
        mine = list(self._folder.glob(f"*.*.*.*.{picture}.png")) if picture else []
        for path in mine:
            path.unlink(missing_ok=True)
        return len(mine)

    def sweep(self) -> None:
        """Remove what is too old or too many, what an earlier process left behind too."""
        ages = []
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            with suppress(FileNotFoundError):
                ages.append((_age(path), path))
        ages.sort(key=lambda one: one[0])
        for place, (age, path) in enumerate(ages):
            if age > self._seconds or place >= self._most:
                path.unlink(missing_ok=True)

    def _file(self, key: str) -> Path | None:
        """A job's file, if it has one. What is no key of ours names none: clients send these."""
        return next(self._folder.glob(f"{key}.*.*.*.*.png"), None) if KEY.fullmatch(key) else None


def _age(path: Path) -> float:
    """Seconds."""
    return time.time() - path.stat().st_mtime
