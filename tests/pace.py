"""What something costs beside something else: machines' clocks differ, a ratio in one process does not."""

import time
from collections.abc import Callable


def times(job: Callable[[], object], beside: Callable[[], object]) -> float:
    """How many times the processor's seconds of ``beside`` a job takes; the least of three tries of each."""
    return _spent(job) / _spent(beside)


def _spent(job: Callable[[], object]) -> float:
    return min(_once(job) for _ in range(3))


def _once(job: Callable[[], object]) -> float:
    began = time.process_time()
    job()
    return time.process_time() - began
