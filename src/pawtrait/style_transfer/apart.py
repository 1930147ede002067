"""One method in a process of its own, so that what the process holds is what the method needs.

In a process that has painted by another method before, its libraries are loaded already and the allocator
keeps what it held: memory measured there says nothing of the method.
"""

import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from typing import Any

from pawtrait import cost
from pawtrait.dataset.images import Pixels
from pawtrait.errors import BadTraining, PawtraitError
from pawtrait.style_transfer.studio import Studio, Styles

LEAVING = 1.0  # seconds that the process may take to end


@dataclass(frozen=True, slots=True)
class Painted:
    """A portrait and how it came about.

    Attributes:
        losses: of each step that has any.
        seen: step → picture, uint8 (H, W, 3); the last one is the portrait.
        price: what it cost; its memory is that of the whole process, Python and its libraries too,
            and none of a GPU's.
    """

    losses: dict[int, dict[str, float]]
    seen: dict[int, Pixels]
    price: cost.Cost


class Apart:
    """Paints by one method in the process at the other end of the channel."""

    def __init__(self, channel: "Connection[Any, Any]", method: str, pid: int) -> None:
        """The other end says first that it has opened what it needs."""
        self.pid = pid
        self._channel = channel
        self._method = method
        self._answer()

    def paint(self, photo: Pixels, styles: Styles, every: int) -> Painted:
        """Paint one photo, and keep the picture of every so many steps.

        Raises:
            BadModel, BadTraining: as ``Studio.paint``; and where the process died.
        """
        answer: Painted = self._answer((photo, styles, every))
        return answer

    def _answer(self, *wishes: Any) -> Any:
        try:
            for wish in wishes:
                self._channel.send(wish)
            answer = self._channel.recv()
        except (EOFError, OSError) as error:
            raise BadTraining(
                f"the process that paints by {self._method} died, most often of too little memory; lower"
                " neural.side, or stop what else runs here, and start again"
            ) from error
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextmanager
def opened_apart(studio: Studio, method: str) -> Iterator[Apart]:
    """A process that has everything open which the method needs; it ends with the block.

    Raises:
        BadModel: the method cannot paint here; the message says why.
        BadTraining: the process died.
    """
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    closed = replace(studio)  # the same without what this process has opened
    process = spawn.Process(target=_serve, args=(theirs, closed, method), daemon=True)
    process.start()
    theirs.close()  # so that a process that dies is the end of the channel
    try:
        yield Apart(ours, method, process.pid or 0)
    finally:
        ours.close()
        process.join(LEAVING)
        process.kill()
        process.join()


def _serve(channel: "Connection[Any, Any]", studio: Studio, method: str) -> None:
    """Open the method, then answer photos with portraits, or with the error, until the channel ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the terminal is the parent's to answer
    _end_with_parent()
    channel.send(_tried(studio.open, method))
    while True:
        try:
            wish = channel.recv()
        except EOFError:
            return
        channel.send(_tried(_paint, studio, method, *wish))


def _tried(work: Callable[..., Any], *arguments: Any) -> Any:
    """What comes of the work, or its error; one that nobody foresaw says where it came from."""
    try:
        return work(*arguments)
    except Exception as error:
        if not isinstance(error, PawtraitError):
            error.add_note("".join(traceback.format_exception(error)))
        return error


def _end_with_parent() -> None:
    """End with the parent by a thread of its own: while it paints, nothing looks at the channel."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _paint(studio: Studio, method: str, photo: Pixels, styles: Styles, every: int) -> Painted:
    losses: dict[int, dict[str, float]] = {}
    seen: dict[int, Pixels] = {}
    with cost.measured() as price:
        for glimpse in studio.paint(method, photo, styles):
            losses[glimpse.done] = glimpse.losses
            if glimpse.done % every == 0 or glimpse.done == glimpse.of:
                seen[glimpse.done] = glimpse.picture()
    return Painted(losses, seen, price)
