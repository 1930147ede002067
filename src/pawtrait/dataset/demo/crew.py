"""Drawing many pictures on all cores."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

import cv2

from pawtrait.environment import cores
from pawtrait.progress import track

Job = TypeVar("Job")
CHUNK = 16  # jobs a process takes at a time, where there are many


def draw(write: Callable[[Job], None], jobs: Sequence[Job], worth: int, what: str) -> None:
    """Do every job, under a bar named ``what``; in processes, since many small shapes hold Python's lock.

    Args:
        write: what a job is; it has to travel to another process.
        worth: how many jobs earn a process its start of half a second.
    """
    workers = min(cores(), len(jobs) // worth)
    with one_thread():
        if workers < 2:
            for _ in track(map(write, jobs), len(jobs), what):
                pass
            return
        chunk = min(CHUNK, max(len(jobs) // (4 * workers), 1))
        with ProcessPoolExecutor(workers, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
            for _ in track(pool.map(write, jobs, chunksize=chunk), len(jobs), what):
                pass


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenCV to one thread: small shapes gain nothing from more, and the pictures share the cores."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
