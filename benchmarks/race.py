"""Racing variants of one job, round by round in one process: a busy neighbour hits all of them alike."""

import importlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from pawtrait import environment

Clock = Callable[[], float]
CPU, WALL = time.process_time, time.perf_counter


@dataclass(frozen=True, slots=True)
class Plan:
    """How thorough to be, and on what."""

    quick: bool
    pictures: str  # a folder of JPEGs in class folders
    called: str  # what the table calls them
    weights: str | None = None  # a folder of published weights; without it they are made up


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a job, theirs beside ours, and what nothing can beat."""

    job: str
    theirs: str
    ours: str
    limit: str
    times: float | None  # as fast as theirs; the median of the rounds' ratios; None where nothing was raced
    spread: tuple[float, float]  # the lowest and the highest ratio
    how: str  # what was measured, on what, how often
    failed: bool = False  # the job, so that nothing was measured


class Stopwatch:
    """CPU seconds of this process that can be stopped while something else is looked after."""

    def __init__(self) -> None:
        self._outside = 0.0

    def __call__(self) -> float:
        return time.process_time() - self._outside

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """What happens within costs nothing."""
        began = time.process_time()
        try:
            yield
        finally:
            self._outside += time.process_time() - began


def measure(module: str, plan: Plan, pinned: bool) -> list[Row]:
    """Run one job's module in a fresh process; it is pinned before a framework starts its threads."""
    environment.settle()
    if pinned:
        pin()
    with environment.muffled():
        rows: Row | list[Row] = importlib.import_module(f"benchmarks.{module}").run(plan)
    return rows if isinstance(rows, list) else [rows]


def pin() -> None:
    """Keep this process on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def run(
    variants: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    clock: Clock = CPU,
    warm: bool = True,
) -> dict[str, list[float]]:
    """Seconds of every variant in every round; each round starts with another variant.

    Args:
        variants: what to run, by name.
        rounds: how often; at least 1.
        clock: CPU seconds of this process, unless the job spreads over processes.
        warm: whether to run each once before that, uncounted, for caches and memory.
    """
    taken: dict[str, list[float]] = {name: [] for name in variants}
    names = list(variants)
    for number in range(-1 if warm else 0, rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            before = clock()
            variants[name]()
            if number >= 0:
                taken[name].append(clock() - before)
    return taken


def ratios(slow: Sequence[float], fast: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """How many times as fast: the median of the rounds' ratios, the lowest and the highest."""
    each = [s / f for s, f in zip(slow, fast, strict=True)]
    return median(each), (min(each), max(each))


def each(seconds: Sequence[float], items: int) -> str:
    """The median for one item, in the unit that suits it."""
    one = median(seconds) / items
    return f"{one:.1f} s" if one >= 1 else f"{one * 1000:.3g} ms"
