"""The pictures that names on a command line stand for."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pawtrait.dataset import images, layout

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Found:
    """A picture's bytes, or why they could not be had."""

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
    try:
        paths, lack = _paths(Path(name))
    except (OSError, ValueError) as error:  # a name too long, a glob with two stars in a word …
        paths, lack = [], f"cannot be looked for: {getattr(error, 'strerror', None) or error}"
    yield from map(_file, paths) if paths else [Found(name, b"", f"{name[:200]} {lack}")]


def _paths(path: Path) -> tuple[list[Path], str]:
    """The files that a name stands for, in order, and what to say where there are none."""
    if path.is_dir():
        below = (one for one in path.rglob("*") if one.suffix.lower() in layout.SUFFIXES and one.is_file())
        return sorted(below), "holds no pictures"
    if path.exists():
        return [path], ""
    anchor = Path(path.anchor)
    matches = sorted(anchor.glob(str(path.relative_to(anchor))))
    inside = [_paths(match)[0] if match.is_dir() else [match] for match in matches]
    return [one for files in inside for one in files], "is not here"


def _standard_input() -> Iterator[Found]:
    data = sys.stdin.buffer.read()
    if images.sniff(data):
        yield Found("standard input", data)
        return
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        lines = []
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        yield Found("standard input", b"", "standard input is neither a picture nor a list of file names")
    for name in names:
        yield from _named(name)


def _file(path: Path) -> Found:
    try:
        return Found(str(path), path.read_bytes())
    except OSError as error:
        return Found(str(path), b"", f"{path}: {error.strerror}")
