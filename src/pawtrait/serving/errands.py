"""Errands to what may hang, a database, a bucket or a disk: a few threads, and only so many outstanding."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

from pawtrait.serving.problems import Problem

MOST = 64  # outstanding at once; each may hold a picture

P = ParamSpec("P")
T = TypeVar("T")


class Line:
    """Threads of their own, and what stands in line before them.

    Attributes:
        outstanding: pieces that wait, are under way or hang, those that nobody waits for any more too.
    """

    def __init__(self, threads: int, name: str, seconds: float, polite: int = 0) -> None:
        """Start nothing yet.

        Args:
            seconds: that a client waits.
            polite: steps that the threads, and those that they start, stand back behind the rest.
        """
        self._pool = ThreadPoolExecutor(threads, name, _stand_back, (polite,))
        self._seconds = seconds
        self._counting = threading.Lock()
        self.outstanding = 0

    async def done(self, call: Callable[[], T]) -> T:
        """Have a piece of work done, and give what it brings.

        What takes too long goes on, since no thread can be stopped. What is given up before it began is let
        go and never run; it is not cancelled: a pool keeps what was, with all that hangs on it, until a
        thread is free.

        Raises:
            TimeoutError: it takes too long.
        """
        piece = _Piece(call)
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.shield(asyncio.wrap_future(self._sent(piece)))
        finally:
            piece.call = None

    def _sent(self, piece: "_Piece[T]") -> "Future[T]":
        future = self._pool.submit(copy_context().run, piece)  # whose request it is
        with self._counting:
            self.outstanding += 1
        future.add_done_callback(self._count_down)
        return future

    def _count_down(self, future: "Future[Any]") -> None:
        with self._counting:
            self.outstanding -= 1


class Errands(Line):
    """A line for one place, so that one that hangs holds up nothing else."""

    def __init__(self, threads: int, place: str, seconds: float, most: int = MOST) -> None:
        """Start nothing yet; ``place`` is where they lead, as a client is told of it."""
        super().__init__(threads, place.split()[-1], seconds)
        self._place, self._most = place, most

    async def run(self, function: Callable[P, T], *values: P.args, **named: P.kwargs) -> T:
        """Run one and give what it brings.

        Raises:
            Problem: 503 where too many are outstanding, 504 where it takes too long.
        """
        if self.outstanding >= self._most:
            raise Problem(503, "no-store", f"{self._place} does not answer at the moment; try again later")
        try:
            return await self.done(partial(function, *values, **named))
        except TimeoutError as error:
            told = f"{self._place} did not answer in time; try again later"
            raise Problem(504, "too-slow", told) from error

    def close(self) -> None:
        """Take no more; what is under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class _GivenUp(Exception):
    """Nobody waits for it; so nobody hears of this."""


class _Piece(Generic[T]):
    """A call that can be let go while it waits."""

    def __init__(self, call: Callable[[], T]) -> None:
        self.call: Callable[[], T] | None = call

    def __call__(self) -> T:
        call = self.call
        if call is None:
            raise _GivenUp
        return call()


def _stand_back(steps: int) -> None:
    """Linux gives each thread a priority of its own, which the threads that it starts inherit."""
    if steps and sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + steps)
