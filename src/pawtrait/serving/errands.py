"""Errands to what may hang, a database, a bucket or a disk: a few threads, and only so many outstanding."""

import asyncio
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


class Errands:
    """Threads of their own for one place, so that one that hangs holds up nothing else.

    Attributes:
        outstanding: errands that wait, are under way or hang, those that nobody waits for any more too.
    """

    def __init__(self, threads: int, place: str, seconds: float) -> None:
        """Start nothing yet.

        Args:
            place: where they lead, as a client is told of it.
            seconds: that a client waits for one.
        """
        self._pool = ThreadPoolExecutor(threads, place.split()[-1])
        self._place, self._seconds = place, seconds
        self._counting = threading.Lock()
        self.outstanding = 0

    async def run(self, function: Callable[P, T], *values: P.args, **named: P.kwargs) -> T:
        """Run one and give what it brings; what is given up before it began is let go and never run.

        It is not cancelled: a pool keeps what was, with all that hangs on it, until a thread is free.

        Raises:
            Problem: 503 where too many are outstanding, 504 where it takes too long.
        """
        if self.outstanding >= MOST:
            raise Problem(503, "no-store", f"{self._place} does not answer at the moment; try again later")
        errand = _Errand(partial(function, *values, **named))
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.shield(asyncio.wrap_future(self._sent(errand)))
        except TimeoutError as error:
            told = f"{self._place} did not answer in time; try again later"
            raise Problem(504, "too-slow", told) from error
        finally:
            errand.call = None

    def close(self) -> None:
        """Take no more; what is under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _sent(self, errand: "_Errand[T]") -> "Future[T]":
        future = self._pool.submit(copy_context().run, errand)  # whose request it is
        with self._counting:
            self.outstanding += 1
        future.add_done_callback(self._count_down)
        return future

    def _count_down(self, future: "Future[Any]") -> None:
        with self._counting:
            self.outstanding -= 1


class _GivenUp(Exception):
    """Nobody waits for it; so nobody hears of this."""


class _Errand(Generic[T]):
    """A call that can be let go while it waits."""

    def __init__(self, call: Callable[[], T]) -> None:
        self.call: Callable[[], T] | None = call

    def __call__(self) -> T:
        call = self.call
        if call is None:
            raise _GivenUp
        return call()
