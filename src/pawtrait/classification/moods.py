"""From pictures named on a command line to moods: answer for each, let none stop the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pawtrait.classification.predict import CHUNK, Classifier
from pawtrait.dataset import images
from pawtrait.dataset.named import Found
from pawtrait.errors import BadImage


@dataclass(frozen=True, slots=True)
class Mood:
    """The answer for one picture; ``problem`` says why there is none."""

    picture: str
    label: str
    probabilities: dict[str, float]  # by label, in the order of LABELS
    problem: str


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
