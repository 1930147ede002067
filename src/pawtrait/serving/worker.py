"""A process that paints one portrait after the other: ``python -m pawtrait.serving.worker CHANNEL SETUP``.

The only part of the service that loads torch. Its memory is limited, it lets the rest of the machine go
first, looks between two steps whether it should stop, and ends when its service does.
"""

import io
import json
import logging
import os
import resource
import sys
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from pawtrait import environment, params
from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.errors import PawtraitError
from pawtrait.serving import logs, processes, wire
from pawtrait.serving.hands import Setup
from pawtrait.style_transfer.studio import Studio

PREVIEW = 256  # px of a preview's longer side
BETWEEN = 0.5  # seconds between two previews, at least
MEGABYTE = 1_000_000

log = logging.getLogger("pawtrait.serving.worker")  # this module runs as __main__


def main(channel: Connection, setup: Setup) -> None:
    """Paint what comes until the service closes the channel."""
    logs.configure(setup.log)
    _settle_down(setup.memory, setup.polite)
    studio = _opened(setup)
    home: list[str] | None = None
    room = setup.memory * MEGABYTE - psutil.Process().memory_info().data
    try:
        wire.send(channel, {"event": "ready"})
        while True:
            head, parts = wire.receive(channel)
            if head["event"] == "paint":  # a late word to stop is about a job that is over
                if head["painter"] and head["painter"] != home:
                    home = head["painter"]
                    studio = replace(studio, painters=Path(home[0]).parent)  # which opens all anew
                _paint(channel, studio, head, wire.unpacked(head["sizes"], parts), room)
            del head, parts  # nothing of the photo stays while the next order is waited for
    except (EOFError, OSError):  # the service is gone
        return


def _settle_down(megabytes: int, polite: int) -> None:
    """Limit the memory, leave no core dump with somebody's picture in it, let others go first, end in order.

    What counts are private pages that can be written, not the libraries' code nor address space.
    """
    size = megabytes * MEGABYTE
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(polite)
    processes.outlast_signals()


def _opened(setup: Setup) -> Studio:
    """The studio, with torch loaded, so that no job's time counts that.

    It paints by onnxruntime, as the service does that started it.
    """
    with environment.unswept():
        import torch

        from pawtrait.style_transfer import hybrid, neural  # noqa: F401

    if setup.threads:
        torch.set_num_threads(setup.threads)
    knobs = params.load(Path(setup.params))
    nowhere = Path()  # until an order says where its painter lives
    return Studio(
        nowhere,
        Path(setup.weights),
        knobs.neural,
        knobs.hybrid,
        knobs.seed,
        engine="onnxruntime",
        threads=setup.threads or None,
    )


def _paint(
    channel: Connection, studio: Studio, order: dict[str, Any], pictures: list[Pixels], room: int
) -> None:
    """Paint one portrait and tell of each step; the last word is ``done``, ``cancelled`` or ``failed``."""
    plain = studio.neural, studio.hybrid
    logs.REQUEST.set(order["job"])  # a job goes by its request's id
    try:
        _set(studio, order["side"], order["steps"])
        _check(studio.neural, pictures[0], room)
        _steps(channel, studio, order, pictures)
    except Exception as error:  # whatever it is, it becomes this job's answer, and the next job gets its try
        told = _told(error)
        wire.send(channel, {"event": "failed", **told})  # where the service is gone, it was that
        if not (told["kind"] == "memory" or isinstance(error, PawtraitError)):
            log.exception("nobody had foreseen this")
    finally:
        studio.neural, studio.hybrid = plain


def _set(studio: Studio, side: int, steps: int | None) -> None:
    """The recipes with what was wished; ``steps`` are those at the full size, as on the command line."""
    changes: dict[str, Any] = {"side": side}
    if steps:
        changes["steps"] = (*studio.neural.steps[:-1], steps)
        studio.hybrid = studio.hybrid.model_copy(update={"steps": steps})
    studio.neural = studio.neural.model_copy(update=changes)


def _check(recipe: params.Neural, photo: Pixels, room: int) -> None:
    """Refuse at once what would run out of memory after a while: ``room`` is in bytes.

    The photo came no larger than was wished, and none is enlarged.
    """
    import torch

    from pawtrait.style_transfer import neural, precision

    network = recipe.networks[recipe.network]
    used = precision.choose(recipe.precision, torch.device("cpu"))
    height, width = photo.shape[:2]
    if neural.memory(network, recipe.network, height, width, used) > room:
        raise MemoryError


def _steps(channel: Connection, studio: Studio, order: dict[str, Any], pictures: list[Pixels]) -> None:
    photo, *paintings = pictures
    styles = [(painting, 1.0) for painting in paintings]
    glimpse, last = None, 0.0
    for glimpse in studio.paint(order["method"], photo, styles, order["strength"]):
        if _stopped(channel):
            wire.send(channel, {"event": "cancelled"})
            return
        head = {"event": "progress", "done": glimpse.done, "of": glimpse.of, "losses": glimpse.losses}
        if time.monotonic() - last >= BETWEEN:
            wire.send(channel, head, _jpeg(glimpse.picture()))
            last = time.monotonic()
        else:
            wire.send(channel, head)
    if glimpse is None:
        raise AssertionError("every method yields a picture")
    wire.send(channel, {"event": "done"}, images.encode_png(glimpse.picture()))


def _stopped(channel: Connection) -> bool:
    """Whether somebody has said to stop; EOFError or OSError where the service is gone."""
    return channel.poll() and wire.receive(channel)[0]["event"] == "cancel"


def _jpeg(picture: Pixels) -> bytes:
    """A small JPEG of uint8 (H, W, 3)."""
    small = images.fit(picture, min(PREVIEW, max(picture.shape[:2])))
    stream = io.BytesIO()
    Image.fromarray(small).save(stream, "JPEG", quality=80)
    return stream.getvalue()


def _told(error: Exception) -> dict[str, str]:
    """What went wrong: our own sentences as they are, memory by name, else the error's kind alone."""
    from pawtrait.style_transfer import precision  # torch, which is loaded by now

    if precision.lacks_memory(error):
        return {"kind": "memory", "reason": ""}
    if isinstance(error, PawtraitError):
        return {"kind": type(error).__name__, "reason": str(error)}
    return {"kind": type(error).__name__, "reason": ""}


if __name__ == "__main__":
    environment.settle()
    main(Connection(int(sys.argv[1])), Setup(**json.loads(sys.argv[2])))
