"""From pictures to moods under load: few threads, small batches, a queue that ends.

A thread takes what waits, at most its share, and has it read at once, by a process of its own unless
``PAWTRAIT_PROCESSES`` says no. Nobody waits for a batch to fill: alone a picture is a batch of one, and under
load the queue fills batches by itself. Large pictures are decoded beforehand by other threads, so that small
ones do not stand behind them.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from math import ceil

from pawtrait.dataset import images
from pawtrait.serving import intake, reading
from pawtrait.serving.eyes import Eyes
from pawtrait.serving.intake import Sent
from pawtrait.serving.lag import Lag
from pawtrait.serving.logs import REQUEST
from pawtrait.serving.models import Served
from pawtrait.serving.problems import Problem
from pawtrait.serving.reading import Read, Wanted
from pawtrait.serving.settings import Settings

LIGHT = 64_000  # bytes of a JPEG that is decoded in passing
GIANT = 12_000_000  # pixels; of those one at a time is in memory

log = logging.getLogger(__name__)


class _Job:
    """One picture on its way."""

    __slots__ = ("future", "loop", "served", "wanted")

    def __init__(self, wanted: Wanted, served: Served, loop: asyncio.AbstractEventLoop) -> None:
        self.wanted = wanted
        self.served = served
        self.loop = loop
        self.future: asyncio.Future[Read | Problem] = loop.create_future()


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
        self._eyes = [Eyes(settings) for _ in range(settings.workers)] if settings.processes else []
        self._threads = [
            threading.Thread(
                target=self._work,
                args=(self._eyes[number] if self._eyes else None,),
                name=f"moods-{number}",
                daemon=True,
            )
            for number in range(settings.workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def deaths(self) -> int:
        """How many reading processes had to be replaced."""
        return sum(eyes.deaths for eyes in self._eyes)

    def prepare(self, served: Served) -> None:
        """Have a version loaded wherever pictures are read, before requests get it."""
        for eyes in self._eyes:  # one after the other: the rest go on
            eyes.prepare(served)

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
        request = REQUEST.get()
        jobs = [_Job(Wanted(one, shown, request=request), served, loop) for one in sent]
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

    def room(self, sent: Sent) -> AbstractContextManager[object]:
        """To be held while a picture is decoded: of giants one at a time is in memory, whoever decodes it.

        Raises:
            Problem: as ``intake.look``.
        """
        width, height = intake.look(sent, self._settings)
        return self._giant if width * height >= GIANT else nullcontext()

    def close(self) -> None:
        """Answer what waits, and end."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join()
        for eyes in self._eyes:
            eyes.close()
        self._large.shutdown(cancel_futures=True)

    def _send(self, job: _Job) -> None:
        data = job.wanted.sent.data
        if len(data) <= LIGHT and images.sniff(data) == "jpeg":
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
            with self.room(job.wanted.sent):
                self._decode(job)
        except Exception as error:
            self._tell([(job, reading.told(error, job.wanted))])
        else:
            self._enqueue(job)

    def _decode(self, job: _Job) -> None:
        ready = reading.ready(job.wanted, job.served.classifier.side, self._settings)
        job.wanted = replace(job.wanted, ready=ready)

    def _work(self, eyes: Eyes | None) -> None:
        while self._batch(self._take(), eyes):
            pass  # nothing of a batch stays while the next one is waited for

    def _batch(self, jobs: list[_Job], eyes: Eyes | None) -> bool:
        """Answer some jobs; False where there are none."""
        if not jobs:
            return False
        began = time.perf_counter()
        if live := [job for job in jobs if not job.future.done()]:
            answers = self._answers([job.wanted for job in live], live[0].served, eyes)
            self._tell(list(zip(live, answers, strict=True)))
        spent = (time.perf_counter() - began) / len(jobs)
        self._pace += 0.05 * (spent - self._pace)
        return True

    def _answers(self, wanted: list[Wanted], served: Served, eyes: Eyes | None) -> list[Read | Problem]:
        try:
            if eyes is None:
                answers = reading.read(wanted, served.classifier, self._settings)
            else:
                answers = eyes.read(wanted, served)
        except Exception as error:  # not foreseen; the thread has to live
            return [reading.told(error, *wanted)] * len(wanted)
        self.batches += 1
        self.pictures += len(wanted)
        return answers

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

    def _tell(self, told: list[tuple[_Job, Read | Problem]]) -> None:
        """Wake those who wait, in their own thread, once for all."""
        if told:
            try:
                told[0][0].loop.call_soon_threadsafe(_resolve, told)
            except RuntimeError:  # the loop has ended; nobody waits
                log.debug("nobody waits for %d answers", len(told))


def _resolve(told: list[tuple[_Job, Read | Problem]]) -> None:
    for job, answer in told:
        if not job.future.done():
            job.future.set_result(answer)
