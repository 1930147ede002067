"""From pictures to moods under load: few threads, small batches, a queue that ends.

A thread takes what waits, at most its share, decodes, and calls the model once. Nobody waits for a batch to
fill: alone a picture is a batch of one, and under load the queue fills batches by itself. Large pictures are
decoded beforehand by other threads, so that small ones do not stand behind them.
"""

import asyncio
import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.serving import intake, privacy
from pawtrait.serving.intake import Seen, Sent
from pawtrait.serving.lag import Lag
from pawtrait.serving.models import Served
from pawtrait.serving.problems import Problem
from pawtrait.serving.settings import Settings

LIGHT = 64_000  # bytes of a JPEG that is decoded in passing
SHOWN = 320  # px of an explanation's longer side
GIANT = 12_000_000  # pixels; of those one at a time is in memory

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """A picture as the model takes it.

    Attributes:
        square: uint8 (side, side, 3).
        data: the bytes that may be kept, without notes.
        id: their SHA-256.
        shown: the picture for an explanation, where one was asked for.
    """

    square: Pixels
    seen: Seen
    data: bytes
    id: str
    shown: Pixels | None


@dataclass(frozen=True, slots=True)
class Read:
    """An answer: the picture, and float32 (4,) probabilities in the order of the labels."""

    ready: Ready
    probabilities: NDArray[np.float32]


class _Job:
    """One picture on its way."""

    __slots__ = ("future", "loop", "ready", "sent", "served", "shown")

    def __init__(self, sent: Sent, served: Served, loop: asyncio.AbstractEventLoop, shown: bool) -> None:
        self.sent = sent
        self.shown = shown
        self.served = served
        self.loop = loop
        self.future: asyncio.Future[Read | Problem] = loop.create_future()
        self.ready: Ready | None = None


class Batcher:
    """The threads and the queue before them.

    Attributes:
        lag: of the event loop, where somebody watches it.
        pending: pictures that were taken in and are not answered yet.
        batches, pictures: how often the model was called, and with how many altogether.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queue: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._giant = threading.Lock()
        self._large = ThreadPoolExecutor(settings.workers, "large")
        self._pace = 0.01  # seconds a picture, as of late
        self.lag = Lag()
        self.pending = 0
        self.batches = 0
        self.pictures = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"moods-{number}", daemon=True)
            for number in range(settings.workers)
        ]
        for thread in self._threads:
            thread.start()

    def check_room(self, pictures: int = 1) -> None:
        """Refuse what would wait too long.

        Raises:
            Problem: 429, with when to come again.
        """
        wait = self.pending * self._pace / self._settings.workers + self.lag.seconds
        many = self.pending + pictures > self._settings.queue
        if self.pending and (many or wait > self._settings.wait):
            seconds = max(1, ceil(wait))
            raise Problem(
                429,
                "busy",
                f"{self.pending} pictures wait already; try again in {seconds} s",
                {"Retry-After": str(seconds)},
            )

    async def read(
        self, sent: Sequence[Sent], served: Served, *, shown: bool = False
    ) -> list[Read | Problem]:
        """Answer for every picture, by one version; a picture that cannot be read gets its problem.

        With ``shown`` each comes with a picture for its explanation.

        Raises:
            Problem: 429 where too many wait, 504 where it takes too long.
        """
        self.check_room(len(sent))
        loop = asyncio.get_running_loop()
        jobs = [_Job(one, served, loop, shown) for one in sent]
        self.pending += len(jobs)
        try:
            async with asyncio.timeout(self._settings.timeout):
                for job in jobs:
                    self._send(job)
                return [await job.future for job in jobs]
        except TimeoutError as error:
            seconds = self._settings.timeout
            raise Problem(504, "too-slow", f"no answer within {seconds:g} s; try again later") from error
        finally:
            self.pending -= len(jobs)
            for job in jobs:
                job.future.cancel()

    def close(self) -> None:
        """Answer what waits, and end."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join()
        self._large.shutdown(cancel_futures=True)

    def _send(self, job: _Job) -> None:
        if len(job.sent.data) <= LIGHT and images.sniff(job.sent.data) == "jpeg":
            self._enqueue(job)
        else:
            self._large.submit(self._decode_large, job)

    def _enqueue(self, job: _Job) -> None:
        with self._wake:
            self._queue.append(job)
            self._wake.notify()

    def _decode_large(self, job: _Job) -> None:
        if job.future.done():
            return
        try:
            width, height = intake.look(job.sent, self._settings)
            if width * height < GIANT:
                job.ready = _ready(job, self._settings)
            else:
                with self._giant:
                    job.ready = _ready(job, self._settings)
        except Exception as error:
            self._tell([(job, _told(error))])
        else:
            self._enqueue(job)

    def _work(self) -> None:
        while jobs := self._take():
            began = time.perf_counter()
            answered = [(job, self._prepared(job)) for job in jobs if not job.future.done()]
            good = [(job, ready) for job, ready in answered if isinstance(ready, Ready)]
            told: list[tuple[_Job, Read | Problem]] = [
                (job, problem) for job, problem in answered if isinstance(problem, Problem)
            ]
            if good:
                told += self._predicted(good)
            self._tell(told)
            spent = (time.perf_counter() - began) / len(jobs)
            self._pace += 0.05 * (spent - self._pace)

    def _take(self) -> list[_Job]:
        """This thread's share of what waits, all for one version; nothing where the end has come."""
        with self._wake:
            while not self._queue and not self._closed:
                self._wake.wait()
            share = min(self._settings.batch, ceil(len(self._queue) / self._settings.workers))
            jobs: list[_Job] = []
            while (
                self._queue and len(jobs) < share and self._queue[0].served is (jobs or self._queue)[0].served
            ):
                jobs.append(self._queue.popleft())
            return jobs

    def _prepared(self, job: _Job) -> Ready | Problem:
        try:
            return job.ready or _ready(job, self._settings)
        except Exception as error:
            return _told(error)

    def _predicted(self, good: list[tuple[_Job, Ready]]) -> list[tuple[_Job, Read | Problem]]:
        try:
            batch = np.stack([ready.square for _, ready in good])
            answers = good[0][0].served.classifier.probabilities(batch)
        except Exception as error:
            return [(job, _told(error)) for job, _ in good]
        self.batches += 1
        self.pictures += len(good)
        return [(job, Read(ready, row)) for (job, ready), row in zip(good, answers, strict=True)]

    def _tell(self, told: list[tuple[_Job, Read | Problem]]) -> None:
        """Wake those who wait, in their own thread, once for all."""
        if told:
            try:
                told[0][0].loop.call_soon_threadsafe(_resolve, told)
            except RuntimeError:  # the loop has ended; nobody waits
                log.debug("nobody waits for %d answers", len(told))


def _ready(job: _Job, settings: Settings) -> Ready:
    """Decode, measure, clean and shrink."""
    pixels = intake.decode(job.sent, settings)
    data = privacy.clean(job.sent.data, pixels)
    square = intake.square(pixels, job.served.classifier.side)
    shown = images.fit(pixels, SHOWN) if job.shown else None
    return Ready(square, intake.measure(pixels), data, hashlib.sha256(data).hexdigest(), shown)


def _told(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    log.exception("a picture could not be answered", exc_info=error)
    return Problem(500, "internal", "something went wrong here; it was written down")


def _resolve(told: list[tuple[_Job, Read | Problem]]) -> None:
    for job, answer in told:
        if not job.future.done():
            job.future.set_result(answer)
