"""What a piece of work costs: seconds, core-seconds and memory."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

EVERY = 0.02  # seconds between two looks at the memory


@dataclass
class Cost:
    """Filled in when the block of ``measured`` ends."""

    seconds: float = 0.0  # by the clock
    core_seconds: float = 0.0  # of all threads of this process
    megabytes: float = 0.0  # most memory that the process held at a time, all that it held before included


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure the block. Memory is sampled, so that a peak shorter than 20 ms may be missed."""
    process, cost = psutil.Process(), Cost()
    peak = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(EVERY):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    clock, cpu = time.perf_counter(), _cpu()
    try:
        yield cost
    finally:
        cost.seconds, cost.core_seconds = time.perf_counter() - clock, _cpu() - cpu
        done.set()
        watcher.join()
        cost.megabytes = max(peak, process.memory_info().rss) / 1e6


def _cpu() -> float:
    spent = os.times()
    return spent.user + spent.system
