"""Pictures under the SHA-256 of their bytes, in a folder or a bucket."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from pawtrait.errors import BadStore
from pawtrait.files import whole

DEFAULT = "data/inbox"
NAME, FOLDER = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{2}")


def place() -> str:
    """``PAWTRAIT_PICTURES``, or data/inbox in the current folder."""
    return os.environ.get("PAWTRAIT_PICTURES") or DEFAULT


class NoPicture(BadStore):
    """The place answers, and has no picture of that name."""


class Damaged(BadStore):
    """The place answers, and what it has under that name are other bytes."""


class Pictures:
    """A place that keeps pictures: ``PLACE/ab/abcd…``. What cannot be reached or read raises BadStore."""

    def __init__(self, folder_or_url: str | Path | None = None) -> None:
        self.where = str(folder_or_url or place())
        try:
            self._files, self._root = fsspec.core.url_to_fs(self.where)
        except (ImportError, ValueError) as error:
            raise BadStore(f"{self.where} cannot hold pictures ({error}); check PAWTRAIT_PICTURES") from error

    def put(self, data: bytes) -> str:
        """Keep a picture and give its name; under that name there is the whole picture or none."""
        name = sha256(data).hexdigest()
        path = self._path(name)
        with self._reached("the picture was not kept"):
            if self._files.exists(path) and self._files.cat_file(path) == data:
                return name
            if isinstance(self._files, LocalFileSystem):
                with whole(Path(path)) as draft, draft.open("wb") as stream:
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())  # the row that names it comes later, and must not outlive it
            else:
                self._files.pipe_file(path, data)  # a bucket shows an object when it is whole
        return name

    def get(self, name: str) -> bytes:
        """The picture's bytes.

        Raises:
            NoPicture: it is not there.
            Damaged: the bytes are not those of the name.
            BadStore: the place cannot be reached.
        """
        path = self._path(name)
        with self._reached(f"picture {name[:16]} could not be read"):
            try:
                data = bytes(self._files.cat_file(path))
            except FileNotFoundError as error:
                raise NoPicture(f"{self.where} has no picture {name[:16]}: {error}") from error
        if sha256(data).hexdigest() != name:
            remedy = f"restore it from a backup, or delete it by `pawtrait forget {name}`"
            raise Damaged(f"{self.where}: picture {name[:16]} is damaged; {remedy}")
        return data

    def names(self) -> list[str]:
        """Every picture's name, sorted; what else lies there is none of ours."""
        with self._reached("check PAWTRAIT_PICTURES"):
            return sorted(name for name in self._found() if NAME.fullmatch(name))

    def has(self, name: str) -> bool:
        """Whether the picture is there."""
        path = self._path(name)
        with self._reached("check PAWTRAIT_PICTURES"):
            try:
                self._files.info(path)  # exists() says no of a folder that nobody lets us read, too
            except FileNotFoundError:
                return False
        return True

    def forget(self, name: str) -> bool:
        """Delete the picture; False where there was none."""
        if not self.has(name):
            return False  # a bucket would not say so
        with self._reached(f"picture {name[:16]} could not be deleted"):
            self._files.rm_file(self._path(name))
        return True

    def _found(self) -> Iterator[str]:
        """The names of all files; fsspec's own search passes over folders here that it cannot read."""
        if isinstance(self._files, LocalFileSystem):
            return _below(self._root)
        return (path.rpartition("/")[2] for path in self._files.find(self._root))

    @contextmanager
    def _reached(self, otherwise: str) -> Iterator[None]:
        """Whatever the place raises, as ours: a bucket's client has errors of its own beside OSError."""
        try:
            yield
        except BadStore:
            raise
        except Exception as error:
            raise BadStore(f"{self.where}: {error}; {otherwise}") from error

    def _path(self, name: str) -> str:
        if not NAME.fullmatch(name):
            raise BadStore(f"{name[:80]!r} is not a picture's name; expected the 64 hex digits of a SHA-256")
        return f"{self._root.rstrip('/')}/{name[:2]}/{name}"


def _below(root: str) -> Iterator[str]:
    """The names of all files in our folders; others, as a disk's lost+found, may be the system's alone."""
    for _, folders, names in os.walk(root, onerror=_refuse):
        folders[:] = filter(FOLDER.fullmatch, folders)
        yield from names


def _refuse(error: OSError) -> None:
    """A folder that is not there (yet, or any more) has no pictures; of any other nobody knows."""
    if not isinstance(error, FileNotFoundError):
        raise error
