"""Twice as much as the service can take, for long, and the database away in between."""

import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.serving import drive, material, services
from benchmarks.serving.drive import Answers
from benchmarks.serving.generator import Stream
from benchmarks.serving.services import Server
from pawtrait.adapters.store import database, feedback
from pipelines import postgres

TIMES = 2.0  # the rate that the service can take
SAID = 10.0  # rows of feedback a second
MOST = 0.8  # of what is answered 16 at once: about what is answered in time
CALM = 0.5  # of the sustainable rate, before and afterwards
EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
DELIVERY = 60.0  # seconds that what waits may take once the database is back


@dataclass
class Sqlite:
    """One that is locked by somebody else."""

    file: Path
    name: str = "SQLite, locked"

    @property
    def url(self) -> str:
        """For ``DATABASE_URL``."""
        return f"sqlite:///{self.file}"

    def away(self, seconds: float) -> None:
        """Hold the writers' lock."""
        with sqlite3.connect(self.file, isolation_level=None, timeout=30) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            other.execute("ROLLBACK")
        other.close()


class Postgres:
    """A server of its own that is stopped and started again."""

    name = "PostgreSQL, stopped"

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, postgres.free_port()
        self._start()

    def _start(self) -> None:
        self._running = postgres.server(self._folder, self._port)
        self.url = self._running.__enter__().feedback

    def stop(self) -> None:
        """For good."""
        self._running.__exit__(None, None, None)

    def away(self, seconds: float) -> None:
        """Stop it, wait, start it with the same data."""
        self.stop()
        time.sleep(seconds)
        self._start()


Store = Sqlite | Postgres


@contextmanager
def store(folder: Path, sqlite: bool) -> Iterator[Store]:
    """A database that can be away: PostgreSQL, or SQLite where that is asked for or all there is."""
    try:
        running = None if sqlite else Postgres(folder / "postgres")
    except postgres.NoPostgres:
        running = None
    try:
        yield running or Sqlite(folder / "feedback.db")
    finally:
        if running:
            running.stop()


@dataclass
class Watched:
    """The service's memory while a block runs: when, and resident megabytes."""

    when: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    def between(self, start: float, end: float) -> float:
        """The median of that time."""
        found = [m for at, m in zip(self.when, self.megabytes, strict=True) if start <= at <= end]
        return statistics.median(found)


def measure(
    model: Path, sustainable: float | None, seconds: float, outage: float, sqlite: bool = False
) -> dict[str, Any]:
    """Overload a fresh service; the database is away in the middle.

    Without a sustainable rate, most of what it answers 16 at once is taken for it.

    Returns:
        Answers by status before, during and after the outage, the same with latencies before and after the
        overload, memory, and how many rows of feedback were acknowledged, stored, lost.

    Raises:
        RuntimeError: the service died.
    """
    services.stay_on_two_cores()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL of root runs as somebody else, who has to pass here
        pictures = folder / "pictures"
        pictures.mkdir()
        made = material.pictures(pictures)
        said = folder / "said.json"
        said.write_text(f'{{"picture": "{"ab" * 32}", "label": "sad"}}', encoding="ascii")
        with (
            store(folder, sqlite) as held,
            services.ours(model, made, folder / "ours", DATABASE_URL=held.url) as ours,
        ):
            rate = sustainable or drive.most(ours, 1.5).rate * MOST
            return _run(ours, held, said, rate, seconds, outage)


def _run(
    ours: Server, held: Store, said: Path, sustainable: float, seconds: float, outage: float
) -> dict[str, Any]:
    calm = max(2.0, min(20.0, seconds / 10))
    at_ease = drive.at(ours, sustainable * CALM)
    before = drive.send(ours.port, [at_ease], calm)[0]
    streams = [
        drive.at(ours, sustainable * TIMES),
        Stream("/v1/feedback", "application/json", [str(said)], SAID, ids=True),
        replace(at_ease, after=seconds, lasts=calm),  # of this order: a later one would meet no backlog
    ]
    start = (seconds - outage) / 2
    found: list[Answers] = []
    with _watching(ours) as memory:
        sending = threading.Thread(target=lambda: found.extend(drive.send(ours.port, streams, seconds)))
        sending.start()
        time.sleep(start)
        held.away(outage)
        sending.join()
    if ours.process.poll() is not None:
        raise RuntimeError(f"the service ended with {ours.process.returncode}")
    moods, feedbacks, after = found
    return {
        "sustainable": round(sustainable, 1),
        "offered": round(sustainable * TIMES, 1),
        "seconds": seconds,
        "outage": outage,
        "store": held.name,
        "moods": _phases(moods, start, start + outage, seconds),
        "feedback": _phases(feedbacks, start, start + outage, seconds),
        "rows": _rows(ours, held, feedbacks),
        "memory": {
            "early": round(memory.between(seconds * 0.1, seconds * 0.2), 1),
            "late": round(memory.between(seconds * 0.9, seconds), 1),
            "most": round(max(memory.megabytes), 1),
            "samples": len(memory.megabytes),
        },
        "before": _calm(before, 0, calm),
        "first_second_after": _calm(after, seconds, seconds + 1),
        "after": _calm(after, seconds + 1, seconds + calm),
    }


@contextmanager
def _watching(server: Server) -> Iterator[Watched]:
    watched, over, began = Watched(), threading.Event(), time.monotonic()

    def look() -> None:
        while not over.wait(0.1 if len(watched.when) < 100 else 0.5):  # so that short runs have some too
            watched.when.append(time.monotonic() - began)
            watched.megabytes.append(server.memory())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield watched
    finally:
        over.set()
        looking.join()


def _phases(answers: Answers, start: float, end: float, seconds: float) -> dict[str, Any]:
    parts = {"before": (0.0, start), "outage": (start, end), "after": (end, seconds)}
    return {name: _told(answers.between(*when)) for name, when in parts.items()}


def _told(answers: Answers) -> dict[str, Any]:
    return {
        "statuses": answers.counts(),
        "answered_a_second": round(answers.rate, 1),
        "p99_ms": {status: round(answers.percentile(0.99, int(status)), 1) for status in answers.counts()},
    }


def _calm(answers: Answers, start: float, end: float) -> dict[str, Any]:
    part = answers.between(start, end)
    return {
        "statuses": part.counts(),
        "rate": round(len(part.status) / (end - start), 1),
        "in_time": round(part.in_time, 4),
        "median_ms": round(part.percentile(0.5), 1),
        "p99_ms": round(part.percentile(0.99), 1),
    }


def _rows(ours: Server, held: Store, said: Answers) -> dict[str, Any]:
    """What was acknowledged, and what of it the database has; waits for the last delivery."""
    thanked = set(said.ids)
    stored = _within(DELIVERY, lambda: _stored(held.url), lambda rows: thanked <= rows)
    return {"acknowledged": len(said.ids), "stored": len(thanked & stored), "lost": len(thanked - stored)}


def _stored(url: str) -> set[str]:
    with database.opened(url) as engine:
        return {row.id for row in feedback.between(engine, *EVER)}


def _within(seconds: float, look: Callable[[], set[str]], enough: Callable[[set[str]], bool]) -> set[str]:
    end = time.monotonic() + seconds
    while not enough(found := look()) and time.monotonic() < end:
        time.sleep(0.5)
    return found
