"""One method in a process of its own, so that what the process holds is what the method needs.

In a process that has painted by another method before, its libraries are loaded already and the allocator
keeps what it held: memory measured there says nothing of the method.
"""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import connection, get_context, parent_process

from pawtrait import cost
from pawtrait.dataset.images import Pixels
from pawtrait.errors import BadTraining
from pawtrait.style_transfer.studio import Studio, Styles

_opened: list[tuple[Studio, str]] = []  # in the process of its own: what it paints with, and how


@dataclass(frozen=True, slots=True)
class Painted:
    """A portrait and how it came about.

    Attributes:
        losses: of each step that has any.
        seen: step → picture, uint8 (H, W, 3); the last one is the portrait.
        price: what it cost; its memory is that of the whole process, Python and its libraries too.
    """

    losses: dict[int, dict[str, float]]
    seen: dict[int, Pixels]
    price: cost.Cost


class Apart:
    """Paints by one method in the process that ``opened_apart`` has started."""

    def __init__(self, pool: ProcessPoolExecutor, method: str) -> None:
        """Everything is opened already."""
        self._pool = pool
        self._method = method

    def paint(self, photo: Pixels, styles: Styles, every: int) -> Painted:
        """Paint one photo, and keep the picture of every so many steps.

        Raises:
            BadModel, BadTraining: as ``Studio.paint``; and where the process died.
        """
        with _alive(self._method):
            return self._pool.submit(_paint, photo, styles, every).result()


@contextmanager
def opened_apart(studio: Studio, method: str) -> Iterator[Apart]:
    """A process that has everything open which the method needs; it ends with the block.

    Raises:
        BadModel: the method cannot paint here; the message says why.
        BadTraining: the process died.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), _end_with_parent) as pool:
        with _alive(method):
            pool.submit(_open, replace(studio), method).result()  # what is open here cannot travel
        yield Apart(pool, method)


@contextmanager
def _alive(method: str) -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise BadTraining(
            f"the process that paints by {method} died, most often of too little memory; lower neural.side,"
            " or stop what else runs here, and start again"
        ) from error


def _end_with_parent() -> None:
    """A parent that is killed closes nothing that its child reads from; so the child watches it."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _open(studio: Studio, method: str) -> None:
    studio.open(method)
    _opened.append((studio, method))


def _paint(photo: Pixels, styles: Styles, every: int) -> Painted:
    ((studio, method),) = _opened
    losses: dict[int, dict[str, float]] = {}
    seen: dict[int, Pixels] = {}
    with cost.measured() as price:
        for glimpse in studio.paint(method, photo, styles):
            losses[glimpse.done] = glimpse.losses
            if glimpse.done % every == 0 or glimpse.done == glimpse.of:
                seen[glimpse.done] = glimpse.picture()
    return Painted(losses, seen, price)
