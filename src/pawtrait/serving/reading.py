"""From pictures to moods, wherever that is done: in a thread of the service or in a process of its own."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawtrait.classification.predict import Classifier
from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.serving import intake, privacy, problems
from pawtrait.serving.intake import Seen, Sent
from pawtrait.serving.problems import Problem
from pawtrait.serving.settings import Settings

SHOWN = 320  # px of an explanation's longer side

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """A picture as the model takes it.

    Attributes:
        square: uint8 (side, side, 3); None where another process had it and nobody wants an explanation.
        data: the bytes that may be kept, without notes.
        id: their SHA-256.
        shown: uint8 (H, W, 3) for an explanation, where one was asked for.
    """

    square: Pixels | None
    seen: Seen
    data: bytes
    id: str
    shown: Pixels | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture whose mood somebody wants.

    Attributes:
        shown: whether an explanation is wanted too.
        ready: where it was decoded before.
        request: whose picture it is, for the log.
    """

    sent: Sent
    shown: bool = False
    ready: Ready | None = None
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """An answer: the picture, and float32 (4,) probabilities in the order of the labels."""

    ready: Ready
    probabilities: NDArray[np.float32]


def read(wanted: Sequence[Wanted], classifier: Classifier, settings: Settings) -> list[Read | Problem]:
    """An answer for every picture, by one call of the model; one that cannot be read gets its problem."""
    prepared = [_prepared(one, classifier.side, settings) for one in wanted]
    good = [one for one in prepared if isinstance(one, Ready)]
    answers = iter(_predicted(good, classifier, wanted) if good else ())
    return [next(answers) if isinstance(one, Ready) else one for one in prepared]


def ready(wanted: Wanted, side: int, settings: Settings) -> Ready:
    """Decode, measure, clean and shrink to ``side``.

    Raises:
        Problem: as ``intake.decode``.
    """
    pixels = intake.decode(wanted.sent, settings)
    data = privacy.clean(wanted.sent.data, pixels)
    shown = images.fit(pixels, SHOWN) if wanted.shown else None
    square = intake.square(pixels, side)
    return Ready(square, intake.measure(pixels), data, hashlib.sha256(data).hexdigest(), shown)


def told(error: Exception, *wanted: Wanted) -> Problem:
    """What to say of it; what nobody had foreseen goes into the log, with the requests that hear it."""
    if isinstance(error, Problem):
        return error
    requests = " ".join(dict.fromkeys(one.request for one in wanted if one.request))
    log.error("a picture could not be answered", exc_info=error, extra={"request": requests or None})
    return problems.unforeseen()


def _prepared(wanted: Wanted, side: int, settings: Settings) -> Ready | Problem:
    try:
        return wanted.ready or ready(wanted, side, settings)
    except Exception as error:
        return told(error, wanted)


def _predicted(good: list[Ready], classifier: Classifier, wanted: Sequence[Wanted]) -> list[Read | Problem]:
    try:
        rows = classifier.probabilities(np.stack([one.square for one in good if one.square is not None]))
        return [Read(one, row) for one, row in zip(good, rows, strict=True)]
    except Exception as error:
        return [told(error, *wanted)] * len(good)
