"""The pictures that names on a command line stand for."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pawtrait.dataset import images, layout

STDIN = "-"
HEAD = 16  # bytes, by which every picture is known


@dataclass(frozen=True, slots=True)
class Found:
    """A picture's bytes, or why they could not be had.

    Attributes:
        name: to be shown; bytes that are no UTF-8 stand there as U+FFFD.
        data: of a file that is no picture only its beginning.
    """

    name: str
    data: bytes
    problem: str = ""


def find(names: Sequence[str]) -> Iterator[Found]:
    """Files, folders (with all below), globs, and ``-``: a picture, or a list of names, on standard input."""
    for name in names:
        if name == STDIN:
            yield from _standard_input()
        else:
            yield from _named(name)


def _named(name: str) -> Iterator[Found]:
    if not name:  # a shell's variable that is not set; as a path it would be all of the current folder
        yield Found("", b"", "an empty name stands for no picture")
        return
    try:
        paths, lack = _paths(Path(name))
    except (OSError, ValueError) as error:  # a name too long, a glob with two stars in a word …
        paths, lack = [], f"cannot be looked for: {getattr(error, 'strerror', None) or error}"
    yield from map(_file, paths) if paths else [_lacking(name, lack)]


def _paths(path: Path) -> tuple[list[Path], str]:
    """The files that a name stands for, in order, and what to say where there are none."""
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if _is_picture(one, path)), "holds no pictures"
    if path.exists():
        return [path], ""
    anchor = Path(path.anchor)
    matches = sorted(anchor.glob(str(path.relative_to(anchor))))
    inside = [_paths(match)[0] if match.is_dir() else [match] for match in matches]
    return [one for files in inside for one in files], "is not here"


def _standard_input() -> Iterator[Found]:
    data = sys.stdin.buffer.read()
    names = _listed(data)
    if not names and images.sniff(data):
        yield Found("standard input", data)
        return
    if not names:
        yield Found("standard input", b"", "standard input is neither a picture nor a list of file names")
    for name in names:
        yield from _named(name)


def _listed(data: bytes) -> list[str]:
    """The file names of a list, one a line; none where it is no text, as no picture's file is."""
    try:
        lines = [] if b"\0" in data else data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return []
    return [line.strip() for line in lines if line.strip()]


def _is_picture(file: Path, folder: Path) -> bool:
    """By its name; hidden files and those of an operating system are none."""
    if file.suffix.lower() not in layout.SUFFIXES or not file.is_file():
        return False
    return not layout.is_junk(file.relative_to(folder).as_posix())


def _file(path: Path) -> Found:
    """A picture whole; of what is none, as a film of gigabytes, the first bytes, which tell that."""
    name = _shown(str(path))
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
            return Found(name, head + stream.read() if images.sniff(head) else head)
    except OSError as error:
        return Found(name, b"", f"{name}: {error.strerror}")


def _lacking(name: str, lack: str) -> Found:
    name = _shown(name)
    return Found(name, b"", f"{name[:200]} {lack}")


def _shown(name: str) -> str:
    """A file's name as text that can be printed: Linux' names are bytes, not always UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")
