"""A process that decodes pictures and reads their moods: ``python -m pawtrait.serving.reader CHANNEL SETUP``.

The service's own process has HTTP to do, and Python lets one thread of a process work at a time. Here another
core works beside it; and a file that ends its decoder here ends this process and not the service.
"""

import json
import resource
import sys
from multiprocessing.connection import Connection
from typing import Any

import cv2

from pawtrait.classification.predict import Classifier
from pawtrait.serving import logs, models, places, processes, reading, slips, wire
from pawtrait.serving.settings import Settings


def main(channel: Connection, settings: Settings) -> None:
    """Answer what comes until the service closes the channel."""
    _settle_down(settings.log)
    known: dict[str, Classifier] = {}
    try:
        wire.send(channel, {"event": "ready"})
        while True:
            _answer(channel, known, settings, *wire.receive(channel))
    except (EOFError, OSError):  # the service is gone
        return


def _answer(
    channel: Connection,
    known: dict[str, Classifier],
    settings: Settings,
    head: dict[str, Any],
    parts: list[bytes],
) -> None:
    """Answer one message; a function of its own, so that nothing of it stays while the next is waited for."""
    if head["event"] == "load":
        wire.send(channel, _loaded(head, known))
    else:
        wanted = slips.wanted(head, parts)
        answers = reading.read(wanted, known[head["model"]], settings)
        said, pieces = slips.answered(wanted, answers)
        wire.send(channel, said, *pieces)


def _settle_down(log: str) -> None:
    """One thread for each picture, no core dump with somebody's picture in it, and an end in order."""
    logs.configure(log)
    cv2.setNumThreads(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    processes.outlast_signals()


def _loaded(head: dict[str, Any], known: dict[str, Classifier]) -> dict[str, str]:
    """Load a version, and let go of the oldest; what is wrong is a sentence."""
    try:
        known[head["model"]] = models.load(slips.place(head)).classifier
    except (
        Exception
    ) as error:  # whatever onnxruntime raises; the service has a session of its own to go on with
        return {"event": "failed", "reason": str(error)}
    while len(known) > places.KEPT:
        known.pop(next(iter(known)))
    return {"event": "loaded"}


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])), Settings.of({}, **json.loads(sys.argv[2])))
