"""Two independent jobs at once, each on half of the cores."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

import torch

T = TypeVar("T")


class Lanes:
    """Runs jobs of torch side by side; a context manager.

    Small pictures do not fill two cores with one convolution, but two convolutions do. On a GPU, or where
    torch has one thread, the jobs run one after the other.

    Inside the context the caller's own thread computes alone: a team of threads that wait for each other in
    every small operation is slowed tenfold and more by any foreign busy process.
    """

    def __init__(self, device: torch.device) -> None:
        threads = torch.get_num_threads()
        beside = device.type == "cpu" and threads > 1
        self._pool = ThreadPoolExecutor(2, "lane", _settle, (threads // 2,)) if beside else None
        self._threads = threads

    def __enter__(self) -> Self:
        if self._pool:
            torch.set_num_threads(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool:
            self._pool.shutdown()
            torch.set_num_threads(self._threads)

    def run(self, first: Callable[[], T], second: Callable[[], T]) -> tuple[T, T]:
        """Both results, once both jobs have ended; an error of either is raised."""
        if self._pool is None:
            return first(), second()
        waiting = [self._pool.submit(job) for job in (first, second)]
        return waiting[0].result(), waiting[1].result()


def _settle(threads: int) -> None:
    """Give this thread, and no other that runs, so many cores."""
    torch.set_num_threads(threads)
