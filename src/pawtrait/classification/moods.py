"""From names on a command line to moods: find the pictures, answer for each, let none stop the others."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pawtrait.classification.predict import CHUNK, Classifier
from pawtrait.dataset import images
from pawtrait.errors import BadImage

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}  # looked for in folders
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Mood:
    """The answer for one picture; ``problem`` says why there is none."""

    picture: str
    label: str
    probabilities: dict[str, float]  # by label, in the order of LABELS
    problem: str


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


def read(classifier: Classifier, found: Iterator[Found], largest_pixels: int) -> Iterator[Mood]:
    """Answer for every picture, in order, a chunk at a time."""
    chunk: list[Found] = []
    for one in found:
        chunk.append(one)
        if len(chunk) == CHUNK:
            yield from _answers(classifier, chunk, largest_pixels)
            chunk = []
    if chunk:
        yield from _answers(classifier, chunk, largest_pixels)


def _answers(classifier: Classifier, chunk: Sequence[Found], largest_pixels: int) -> Iterator[Mood]:
    problems = {index: one.problem for index, one in enumerate(chunk) if one.problem}
    pixels = {}
    for index, one in enumerate(chunk):
        if index not in problems:
            try:
                picture = images.decode(one.data, largest_pixels=largest_pixels, name=one.name)
            except BadImage as error:
                problems[index] = str(error)
            else:
                pixels[index] = images.resize(picture, classifier.side)
    side = classifier.side
    batch = np.array(list(pixels.values()), np.uint8).reshape(-1, side, side, 3)
    answers = dict(zip(pixels, classifier.probabilities(batch), strict=True))
    labels: list[str] = classifier.facts["labels"]
    for index, one in enumerate(chunk):
        if index in problems:
            yield Mood(one.name, "", {}, problems[index])
        else:
            row = answers[index]
            yield Mood(
                one.name, labels[int(row.argmax())], dict(zip(labels, map(float, row), strict=True)), ""
            )


def _named(name: str) -> Iterator[Found]:
    try:
        paths, lack = _paths(Path(name))
    except (OSError, ValueError) as error:  # a name too long, a glob with two stars in a word …
        paths, lack = [], f"cannot be looked for: {getattr(error, 'strerror', None) or error}"
    yield from map(_file, paths) if paths else [Found(name, b"", f"{name[:200]} {lack}")]


def _paths(path: Path) -> tuple[list[Path], str]:
    """The files that a name stands for, in order, and what to say where there are none."""
    if path.is_dir():
        below = (one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES and one.is_file())
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
