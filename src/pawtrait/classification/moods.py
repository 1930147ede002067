"""From pictures named on a command line to moods: answer for each, let none stop the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from pawtrait.classification.predict import CHUNK, Classifier
from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.dataset.named import Found
from pawtrait.errors import BadImage


@dataclass(frozen=True, slots=True)
class Mood:
    """The answer for one picture; ``problem`` says why there is none."""

    picture: str
    label: str
    probabilities: dict[str, float]  # by label, in the order of LABELS
    problem: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """What stays of a picture until its chunk is answered: a small square, or why there is none."""

    name: str
    square: Pixels | None  # uint8 (side, side, 3), RGB
    problem: str


def read(classifier: Classifier, found: Iterator[Found], largest_pixels: int) -> Iterator[Mood]:
    """Answer for every picture, in order, a chunk at a time; of their files two at most are in memory."""
    seen = (_seen(one, classifier.side, largest_pixels) for one in found)
    while chunk := list(islice(seen, CHUNK)):
        yield from _answers(classifier, chunk)


def _seen(one: Found, side: int, largest_pixels: int) -> _Seen:
    if one.problem:
        return _Seen(one.name, None, one.problem)
    try:
        picture = images.decode(one.data, largest_pixels=largest_pixels, name=one.name)
    except BadImage as error:
        return _Seen(one.name, None, str(error))
    return _Seen(one.name, images.resize(picture, side), "")


def _answers(classifier: Classifier, chunk: Sequence[_Seen]) -> Iterator[Mood]:
    side = classifier.side
    squares = [one.square for one in chunk if one.square is not None]
    batch = np.array(squares, np.uint8).reshape(-1, side, side, 3)
    rows = iter(classifier.probabilities(batch))
    labels: list[str] = classifier.facts["labels"]
    for one in chunk:
        if one.square is None:
            yield Mood(one.name, "", {}, one.problem)
        else:
            row = next(rows)
            yield Mood(
                one.name, labels[int(row.argmax())], dict(zip(labels, map(float, row), strict=True)), ""
            )
