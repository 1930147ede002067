"""Work that a client waits for, a few pieces at once: more wait their turn, and beyond that are sent away."""

import time
from collections.abc import Callable
from functools import partial
from math import ceil
from typing import TypeVar

from pawtrait.serving.errands import Line
from pawtrait.serving.problems import Problem

Result = TypeVar("Result")


class Turns(Line):
    """A line that ends, whose pace is known."""

    def __init__(
        self, threads: int, waiting: int, seconds: float, polite: int = 0, doing: str = "painted"
    ) -> None:
        """Start nothing yet.

        Args:
            threads: pieces at work at once.
            waiting: pieces that may wait besides.
            seconds, polite: as ``Line`` has them.
            doing: what is done with pictures here, as clients are told of it.
        """
        super().__init__(threads, doing, seconds, polite)
        self._threads, self._most, self._doing = threads, threads + waiting, doing
        self._pace = 1.0  # seconds a piece, as of late

    async def take(self, work: Callable[[], Result]) -> Result:
        """Do a piece of work in a thread, and give what it gives; one given up keeps its place until it ends.

        Raises:
            Problem: 429 where too many wait, 504 where it takes too long.
        """
        if self.outstanding >= self._most:
            raise busy(ceil(self.outstanding * self._pace / self._threads), self._doing)
        try:
            return await self.done(partial(self._timed, work))
        except TimeoutError as error:
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


def busy(seconds: int, doing: str = "painted") -> Problem:
    """The answer to one too many."""
    wait = max(seconds, 1)
    told = f"too many pictures are being {doing}; try again in {wait} s"
    return Problem(429, "busy", told, {"Retry-After": str(wait)})
