"""Finished portraits in a folder that cannot grow: an hour each, so many at most, the oldest go first."""

import errno
import logging
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pawtrait.files import whole
from pawtrait.serving.job import View

AFTER_ALL = 10**9  # the number of a job that an earlier service finished: above all that clients had of it
FOLDER, FILE = 0o700, 0o600  # nobody else's business
KEY = re.compile(r"[0-9a-f]{32}")
PORTRAIT = re.compile(KEY.pattern + r"\.\w+\.\d+\.\d+\.(?:[0-9a-f]{64})?\.png")
DRAFT = re.compile(rf"\.{KEY.pattern}\.[\w.]+")  # of one that is being written, or whose writer died

log = logging.getLogger(__name__)


class Shelf:
    """PNG files named ``JOB.METHOD.STEPS.MILLISECONDS.PICTURE.png``: a service that starts anew knows them.

    Whatever else lies in the folder is somebody else's and stays.

    Attributes:
        problem: why nothing can be kept there, or "".
    """

    def __init__(self, folder: Path, seconds: float, most: int) -> None:
        """Make the folder if it is not there, closed to others; one that cannot be made is no error.

        Args:
            seconds: that a portrait stays.
            most: portraits at once.
        """
        self._folder, self._seconds, self._most = folder, seconds, most
        try:
            folder.mkdir(FOLDER, parents=True, exist_ok=True)  # one that is there keeps its owner's mode
            why = "" if os.access(folder, os.W_OK) else os.strerror(errno.EACCES)
        except OSError as error:
            why = str(error.strerror)
        self.problem = f"{folder} cannot be written: {why}; see PAWTRAIT_PORTRAITS" if why else ""

    def put(self, view: View, picture: bytes) -> None:
        """Keep a job's portrait; the oldest makes room where there are too many.

        Raises:
            OSError: the disk is full, or the folder cannot be written.
        """
        name = f"{view.id}.{view.method}.{view.of}.{round(1000 * view.seconds)}.{view.picture}.png"
        with whole(self._folder / name) as draft:
            draft.write_bytes(picture)
        (self._folder / name).chmod(FILE)
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
        count, seconds = int(steps), int(milliseconds) / 1000
        return View(key, method, "done", AFTER_ALL, done=count, of=count, seconds=seconds, picture=picture)

    def drop(self, key: str) -> None:
        """Remove a portrait; none is no matter.

        Raises:
            OSError: it is there and cannot be removed.
        """
        if path := self._file(key):
            path.unlink(missing_ok=True)

    def forget(self, picture: str) -> int:
        """Remove the portraits of a photo, given its SHA-256; how many there were. Raises as ``drop``."""
        mine = list(self._folder.glob(f"*.*.*.*.{picture}.png")) if picture else []
        for path in mine:
            path.unlink(missing_ok=True)
        return len(mine)

    def sweep(self, gone: Iterable[str] = ()) -> None:
        """Remove the portraits of jobs that are gone, and what is too old or too many, whoever painted it.

        What cannot be removed stays, and the log says so: it is tried again at the next sweep.
        """
        try:
            ages = sorted(self._ages(), key=lambda one: one[0])
        except OSError as error:
            log.error("%s cannot be swept: %s", self._folder, error)
            return
        jobs = set(gone)
        for place, (age, path) in enumerate(ages):
            if age > self._seconds or place >= self._most or path.name.partition(".")[0] in jobs:
                _remove(path)

    def _ages(self) -> Iterator[tuple[float, Path]]:
        """Our files with their age in seconds."""
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if PORTRAIT.fullmatch(path.name) or DRAFT.fullmatch(path.name):
                with suppress(FileNotFoundError):
                    yield _age(path), path

    def _file(self, key: str) -> Path | None:
        """A job's file, if it has one. What is no key of ours names none: clients send these."""
        found = self._folder.glob(f"{key}.*.png") if KEY.fullmatch(key) else ()
        return next((path for path in found if PORTRAIT.fullmatch(path.name)), None)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.error("%s cannot be removed: %s", path, error.strerror)


def _age(path: Path) -> float:
    """Seconds."""
    return time.time() - path.stat().st_mtime
