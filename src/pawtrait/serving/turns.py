"""Work that a client waits for, a few pieces at once: more wait their turn, and beyond that are sent away."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from math import ceil
from typing import TypeVar

from pawtrait.serving.problems import Problem

Result = TypeVar("Result")


class Turns:
    """Threads with a queue that ends. To be used from one event loop.

    Attributes:
        pending: pieces that wait or are at work, those whose client has gone too.
    """

    def __init__(
        self, threads: int, waiting: int, seconds: float, polite: int = 0, doing: str = "painted"
    ) -> None:
        """Start nothing yet.

        Args:
            threads: pieces at work at once.
            waiting: pieces that may wait besides.
            seconds: that a client waits.
            polite: steps that the threads, and those that they start, stand back behind the rest.
            doing: what is done with pictures here, as clients are told of it.
        """
        self._pool = ThreadPoolExecutor(threads, doing, _stand_back, (polite,))
        self._threads, self._most, self._seconds, self._doing = threads, threads + waiting, seconds, doing
        self._pace = 1.0  # seconds a piece, as of late
        self.pending = 0

    async def take(self, work: Callable[[], Result]) -> Result:
        """Do a piece of work in a thread, and give what it gives.

        One that takes too long goes on, since no thread can be stopped, and keeps its place until it ends.

        Raises:
            Problem: 429 where too many wait, 504 where it takes too long.
        """
        if self.pending >= self._most:
            raise busy(ceil(self.pending * self._pace / self._threads), self._doing)
        loop = asyncio.get_running_loop()
        self.pending += 1
        future = self._pool.submit(copy_context().run, self._timed, work)  # whose request it is
        future.add_done_callback(lambda _: self._count_down(loop))
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.shield(asyncio.wrap_future(future))
        except TimeoutError as error:
            _give_up(future)
            told = f"not {self._doing} within {self._seconds:g} s; make it smaller or try again later"
            raise Problem(504, "too-slow", told) from error

    def close(self) -> None:
        """Let what is at work end."""
        self._pool.shutdown(cancel_futures=True)

    def _timed(self, work: Callable[[], Result]) -> Result:
        began = time.perf_counter()
        try:
            return work()
        finally:
            self._pace += 0.2 * (time.perf_counter() - began - self._pace)

    def _count_down(self, loop: asyncio.AbstractEventLoop) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._less)

    def _less(self) -> None:
        self.pending -= 1


def busy(seconds: int, doing: str = "painted") -> Problem:
    """The answer to one too many."""
    wait = max(seconds, 1)
    told = f"as many pictures as can be are being {doing}; try again in {wait} s"
    return Problem(429, "busy", told, {"Retry-After": str(wait)})


def _stand_back(steps: int) -> None:
    """Linux gives each thread a priority of its own, which the threads that it starts inherit."""
    if steps and sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + steps)


def _give_up(future: "Future[Result]") -> None:
    """Take back what has not begun; what ends later in an error is nobody's any more."""
    if not future.cancel():
        future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
