"""Writing files so that a final name never holds half a file, and hashing them."""

import csv
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; move it there once the block has ended without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
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
    """Give a temporary folder beside ``path``; it replaces ``path`` once the block has ended well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{path.name[:40]}.", dir=path.parent))
    try:
        yield draft
        draft.chmod(0o755)  # mkdtemp makes 0700
        shutil.rmtree(path, ignore_errors=True)
        draft.replace(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


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
