"""Requests from a process of their own: by the clock, whatever became of earlier ones, or one by one.

``python -m benchmarks.serving.generator`` reads one order as JSON from standard input and writes what came
back as ``.npz``. By the clock, a request's time counts from the moment that it was due, so that a service
that stops answering cannot hold back the requests that would have shown it.
"""

import asyncio
import json
import random
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

PATIENCE = 15.0  # seconds that the last answers have; longer than the service's own limit
LOST = 0  # the status of a request that got no answer
UNCLEAN = 999  # of a refusal that says neither what is wrong nor when to come again


@dataclass(frozen=True, slots=True)
class Stream:
    """Requests of one kind.

    Attributes:
        path, kind: where to, and the bodies' Content-Type.
        bodies: files, sent in turn.
        rate: a second, by chance (Poisson); 0 sends the next one when one is answered.
        at_once: then, so many at once.
        ids: whether to keep the id that each answer 201 names.
        after: seconds after the order's start at which it begins.
        lasts: seconds that it is sent for; the order's where there are none.
    """

    path: str
    kind: str
    bodies: list[str]
    rate: float
    at_once: int = 0
    ids: bool = False
    after: float = 0.0
    lasts: float | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What to send, for how many seconds, and where the answers' times go."""

    port: int
    seconds: float
    streams: list[Stream]
    out: str
    seed: int = 1

    def line(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))


class _Line(asyncio.Protocol):
    """A connection that is kept: one request at a time."""

    def __init__(self, free: "deque[_Line]") -> None:
        self._free = free
        self._buffer = b""
        self._done: asyncio.Future[tuple[int, bytes]] | None = None
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._done

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or self._done is None:
            return
        said = head.lower()
        at = said.find(b"content-length: ")
        length = int(said[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(body) < length:
            return
        self._buffer = b""
        status = int(head[9:12])
        if status == 429 and not (b"retry-after: " in said and b"application/problem+json" in said):
            status = UNCLEAN
        done, self._done = self._done, None
        if b"connection: close" in said:
            self._transport.close()
        else:
            self._free.append(self)
        if not done.done():
            done.set_result((status, body))

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if self._done and not self._done.done():
            self._done.set_result((LOST, b""))


class _Stream:
    """One stream's requests and answers."""

    def __init__(self, stream: Stream, port: int, seed: int) -> None:
        self._stream, self._port = stream, port
        self._random = random.Random(seed)
        self._free: deque[_Line] = deque()
        self._requests = [
            f"POST {stream.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {stream.kind}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
            for body in (Path(name).read_bytes() for name in stream.bodies)
        ]
        self.sent = 0
        self.ids: list[str] = []
        self.answers: list[tuple[float, float, int]] = []  # due, seconds, status
        self._open: dict[asyncio.Task[None], float] = {}  # requests under way → when they were due

    async def run(self, began: float, seconds: float) -> None:
        end = began + seconds
        await asyncio.sleep(began - time.perf_counter())  # not at all where that is over
        if self._stream.rate:
            await self._by_the_clock(began, end)
        else:
            await asyncio.gather(*(self._one_by_one(end) for _ in range(self._stream.at_once)))

    async def _by_the_clock(self, due: float, end: float) -> None:
        while True:
            due += self._random.expovariate(self._stream.rate)
            if due >= end:
                break
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            task = asyncio.get_running_loop().create_task(self._ask(due))
            self._open[task] = due
            task.add_done_callback(self._open.pop)
        if self._open:
            await asyncio.wait(self._open, timeout=PATIENCE)
        self.answers += [(due, PATIENCE, LOST) for due in self._open.values()]

    async def _one_by_one(self, end: float) -> None:
        while (due := time.perf_counter()) < end:
            await self._ask(due)

    async def _ask(self, due: float) -> None:
        request = self._requests[self.sent % len(self._requests)]
        self.sent += 1
        try:
            line = await self._line()
        except OSError:
            self.answers.append((due, time.perf_counter() - due, LOST))
            return
        status, body = await line.ask(request)
        self.answers.append((due, time.perf_counter() - due, status))
        if self._stream.ids and status == 201:
            self.ids.append(json.loads(body)["id"])

    async def _line(self) -> _Line:
        while self._free:
            line = self._free.pop()
            if line.open:
                return line
        loop = asyncio.get_running_loop()
        made = await loop.create_connection(lambda: _Line(self._free), "127.0.0.1", self._port)
        return made[1]


async def _carry_out(order: Order) -> None:
    streams = [_Stream(one, order.port, order.seed + n) for n, one in enumerate(order.streams)]
    began, spent = time.perf_counter() + 0.05, time.process_time()
    await asyncio.gather(
        *(
            one.run(began + told.after, told.lasts or order.seconds)
            for one, told in zip(streams, order.streams, strict=True)
        )
    )
    found: dict[str, Any] = {"cpu": time.process_time() - spent}
    for number, one in enumerate(streams):
        due, seconds, status = zip(*sorted(one.answers), strict=True) if one.answers else ((), (), ())
        found[f"due_{number}"] = np.array(due) - began
        found[f"seconds_{number}"] = np.array(seconds)
        found[f"status_{number}"] = np.array(status, int)
        found[f"ids_{number}"] = np.array(one.ids)
    np.savez(order.out, **found)


def main() -> None:
    """Carry out the order that comes in."""
    told = json.load(sys.stdin)
    told["streams"] = [Stream(**stream) for stream in told["streams"]]
    asyncio.run(_carry_out(Order(**told)))


if __name__ == "__main__":
    main()
