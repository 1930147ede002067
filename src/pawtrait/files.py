"""Writing files so that a final name never holds half a file, and hashing them."""

import csv
import fcntl
import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; move it there once the block has ended without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_draft(path), dir=path.parent)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        draft.chmod(0o644)  # mkstemp makes 0600
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside ``path``; it replaces ``path`` once the block has ended well.

    What writers of the same folder left when they were killed is removed first.
    """
    with scratch_folder(path) as draft:
        yield draft
        draft.chmod(0o755)  # mkdtemp makes 0700
        shutil.rmtree(path, ignore_errors=True)
        draft.replace(path)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside ``path``, named after it, that is gone after the block.

    What was left there by processes that were killed is removed first; those that live keep theirs.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{glob.escape(_draft(path))}{'?' * 8}"):  # so many characters mkdtemp adds
        _sweep(left)
    draft, handle = _claimed(path)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with whole(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Write a table with a header, whole or not at all; what a row lacks stays empty."""
    with whole(path) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, names, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def sha256(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _draft(path: Path) -> str:
    """How the names of what is being written for ``path``, or lies beside it for a while, begin."""
    return f".{path.name[:40]}."


def _claimed(path: Path) -> tuple[Path, int]:
    """A new folder beside ``path``, and a handle that locks it until its writer closes it or dies.

    Between its making and its locking another writer may take it for a dead one's and remove it; then the
    next is made.
    """
    while True:
        draft = Path(tempfile.mkdtemp(prefix=_draft(path), dir=path.parent))
        with suppress(FileNotFoundError):
            handle = os.open(draft, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks: nobody sweeps there either
                fcntl.flock(handle, fcntl.LOCK_EX)
            if draft.exists():
                return draft, handle
            os.close(handle)


def _sweep(left: Path) -> None:
    """Remove a draft unless its writer lives, or cannot be known to be dead."""
    with suppress(OSError):
        handle = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(handle)
