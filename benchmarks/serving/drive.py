"""Sends an order to the generator and makes sense of what comes back."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving import services
from benchmarks.serving.generator import Order, Stream
from benchmarks.serving.services import Server

SLOW = 0.25  # seconds; a request that takes longer, is refused or lost has missed
SHARE = 0.99  # of requests that have to be in time
AT_ONCE = 16  # requests, where the most is asked for


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back of one stream.

    Attributes:
        due: float64 (N,), seconds since the start at which each request was due.
        seconds: float64 (N,), from then to its answer.
        status: int (N,), 0 where none came.
        ids: what answers 201 named.
        cpu: seconds of the generator's process.
        length: seconds that requests were sent for.
    """

    due: NDArray[np.float64]
    seconds: NDArray[np.float64]
    status: NDArray[np.int64]
    ids: list[str]
    cpu: float
    length: float

    def between(self, start: float, end: float) -> "Answers":
        """Those that were due then."""
        which = (self.due >= start) & (self.due < end)
        return Answers(
            self.due[which], self.seconds[which], self.status[which], self.ids, self.cpu, end - start
        )

    @property
    def good(self) -> int:
        """Answers 200 or 201."""
        return int(((self.status == 200) | (self.status == 201)).sum())

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.good / self.length

    @property
    def in_time(self) -> float:
        """The share that was answered within ``SLOW``."""
        return float(((self.seconds <= SLOW) & (self.status == 200)).mean()) if len(self.status) else 0.0

    def percentile(self, share: float, status: int = 200) -> float:
        """Milliseconds within which so many of those answered so were answered; 0 where none were."""
        which = self.seconds[self.status == status]
        return float(np.quantile(which, share)) * 1000 if len(which) else 0.0

    def counts(self) -> dict[str, int]:
        """How many answers of each status."""
        found, many = np.unique(self.status, return_counts=True)
        return {str(one): int(count) for one, count in zip(found, many, strict=True)}


def send(port: int, streams: Sequence[Stream], seconds: float) -> list[Answers]:
    """Run the generator to its end."""
    with tempfile.TemporaryDirectory() as folder:
        order = Order(port, seconds, list(streams), f"{folder}/answers.npz")
        subprocess.run(
            [sys.executable, "-m", "benchmarks.serving.generator"],
            input=order.line().encode(),
            env=services.environment(),
            check=True,
        )
        return _read(Path(order.out), [one.lasts or seconds for one in streams])


def _read(path: Path, lengths: Sequence[float]) -> list[Answers]:
    with np.load(path) as found:
        return [
            Answers(
                found[f"due_{n}"],
                found[f"seconds_{n}"],
                found[f"status_{n}"],
                [str(one) for one in found[f"ids_{n}"]],
                float(found["cpu"]),
                length,
            )
            for n, length in enumerate(lengths)
        ]


def at(server: Server, rate: float) -> Stream:
    """Pictures at so many a second."""
    return Stream(server.path, server.kind, server.bodies, rate)


def most(server: Server, seconds: float, at_once: int = AT_ONCE) -> Answers:
    """As many as it can, so many at once."""
    stream = Stream(server.path, server.kind, server.bodies, 0, at_once)
    return send(server.port, [stream], seconds)[0]
