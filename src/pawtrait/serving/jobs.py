"""Portraits that take longer than a client waits: a bounded queue before painting processes.

A thread for each process takes job after job. A process that dies is replaced, and its job tried once more.
One more thread removes what has grown old, also where nobody paints.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from pawtrait.serving import turns
from pawtrait.serving.hands import Hand, Late, Order, Report, Setup
from pawtrait.serving.job import Job, View
from pawtrait.serving.processes import Died
from pawtrait.serving.settings import Settings
from pawtrait.serving.shelf import Shelf
from pawtrait.serving.watch import Watch

TRIES = 2
ENDING = 0.8  # of a shutdown's grace, so that who listens still hears how a job ended
IDLE = 30.0  # seconds between two looks at what has grown old
SLOWEST = 600  # the longest wait that a client is told
UNFORESEEN = "something went wrong while painting; it was logged"
SHOWN = ("BadImage", "BadTraining")  # errors whose sentences are for clients too; others name files
STOPPING = "the service is stopping; ask again in a moment"

log = logging.getLogger(__name__)


class Jobs:
    """All of them. Safe from any thread.

    Attributes:
        deaths: processes that died while they painted.
    """

    def __init__(self, settings: Settings, shelf: Shelf) -> None:
        """Nothing runs yet; see ``start``."""
        self._settings, self._shelf = settings, shelf
        self._changed = threading.Condition()  # reentrant
        self._waiting: deque[Job] = deque()
        self._known: dict[str, Job] = {}
        self._closed = False
        self._giving_up = threading.Timer(ENDING * settings.grace, self._give_up)
        self._giving_up.daemon = True
        self.deaths = 0
        self._typical = 30.0  # seconds that a job takes
        self._threads = [
            threading.Thread(target=self._work, name=f"painting-{number}", daemon=True)
            for number in range(settings.painters_at_work)
        ]
        self._tidying = Watch(self._sweep, IDLE, "old portrait")

    def start(self) -> None:
        """Start the threads; processes come with the first jobs."""
        for thread in self._threads:
            thread.start()
        self._tidying.start(0)

    def check_room(self, key: str) -> None:
        """Refuse one job too many, unless it is here already.

        Raises:
            Problem: 429, too many wait, or the service stops.
        """
        most = self._settings.portraits_waiting + self._settings.painters_at_work
        with self._changed:
            if (self._closed or sum(self.counts()) >= most) and self.find(key) is None:
                raise turns.busy(self._soon())

    def submit(
        self, key: str, order: Order, steps: int, finished: Callable[[View], None], picture: str = ""
    ) -> Job:
        """Queue a portrait; the job that goes by ``key`` already stays as it is.

        Args:
            key: what the job is called, and the file of its portrait: 32 hexadecimal digits.
            steps: that it will take, to be told before its process says so.
            finished: hears how it ended, once, from whatever thread.
            picture: SHA-256 of the photo, by which ``forget`` finds it.

        Raises:
            Problem: as ``check_room``.
        """
        with self._changed:
            if known := self.find(key):
                return known
            self.check_room(key)
            view = View(key, order.method, of=steps, picture=picture, painter=order.painter)
            job = Job(view, order, finished)
            self._known[job.id] = job
            self._waiting.append(job)
            self._changed.notify()
            settings = self._settings
            many = len(self._known) > 3 * settings.portraits_most + settings.portraits_waiting
        if many:  # somebody asks and cancels faster than it is tidied up
            self._sweep()
        return job

    def find(self, key: str) -> Job | None:
        """A job by its id; None where there is none, or its time is over.

        Of a job that an earlier service finished the portrait is known.
        """
        with self._changed:
            job = self._known.get(key)
        if job is not None:
            return None if self._old(job) else job
        view = self._shelf.find(key)
        return Job(view, None, lambda view: None) if view else None

    def picture(self, job: Job) -> bytes | None:
        """The finished portrait, PNG."""
        return self._shelf.get(job.id) if job.view.status == "done" else None

    def cancel(self, job: Job) -> None:
        """Stop a job; one that is over is forgotten, and its picture removed."""
        over = job.view.over
        job.set(status="cancelled")
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
            if over:
                self._known.pop(job.id, None)
        self._shelf.drop(job.id)

    def forget(self, picture: str) -> bool:
        """Stop every job of a photo, given its SHA-256, and remove its portraits; whether there were any.

        Those that an earlier service finished go too.
        """
        with self._changed:
            mine = [job for job in self._known.values() if job.view.picture == picture]
        for job in mine:
            self.cancel(job)
        return self._shelf.forget(picture) > 0 or bool(mine)

    def counts(self) -> tuple[int, int]:
        """How many wait, and how many are being painted."""
        with self._changed:
            painting = sum(job.view.status == "painting" for job in self._known.values())
            return len(self._waiting), painting

    def leave(self) -> None:
        """Take no more, cancel what waits, and leave some seconds to what is being painted."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            waiting = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        self._giving_up.start()
        _stop(waiting)

    def close(self) -> None:
        """Leave, and end the processes when that is over."""
        self.leave()
        for thread in self._threads:
            thread.join()
        self._giving_up.cancel()
        self._tidying.stop()

    def _give_up(self) -> None:
        """Cancel what is still being painted."""
        with self._changed:
            jobs = list(self._known.values())
        _stop(jobs)

    def _soon(self) -> int:
        """Seconds until there may be room: until the next process is done with a job of the usual length."""
        return int(min(max(self._typical / max(self._settings.painters_at_work, 1), 1), SLOWEST))

    def _work(self) -> None:
        """What a thread does: job after job with one process, a new one where it has ended."""
        hand: Hand | None = None
        while job := self._next():
            if hand is not None and not hand.alive():
                hand.close(0)
                hand = None
            try:
                hand = hand or Hand(Setup.of(self._settings))
                hand = self._try(job, hand)
            except Exception:  # the thread outlives whatever goes wrong with one job
                log.exception("job %s met what nobody had foreseen", job.id)
                job.set(status="failed", kind="Unforeseen", problem=UNFORESEEN)
                if hand is not None:
                    hand.close(0)  # it may be in the middle of that job
                hand = None
        if hand is not None:
            hand.close(self._settings.portrait_grace)

    def _next(self) -> Job | None:
        """The next job; None where the service stops."""
        with self._changed:
            while not (self._waiting or self._closed):
                self._changed.wait()
            return None if self._closed else self._waiting.popleft()

    def _try(self, job: Job, hand: Hand) -> Hand | None:
        """Paint a job with a process; give the process back if it can go on."""
        job.began = job.began or time.monotonic()
        job.set(status="painting")
        before = hand.painted
        try:
            hand.prepare(lambda: job.view.over)
            for report in self._reports(job, hand):
                self._take(job, report)
                if report.kind == "memory":
                    raise Died("ran out of memory")  # whatever is left of it is not worth keeping
        except Late:
            limit = f"{self._settings.portrait_seconds:g} seconds"
            job.set(status="failed", kind="Late", problem=f"painting took longer than {limit}; ask for less")
        except Died as death:
            hand.close(0)
            idle = before > 0 and job.view.done == 0  # most likely it was dead before this job
            self._again(job, str(death), 0 if idle else 1)
            return None
        return hand if hand.alive() else None

    def _reports(self, job: Job, hand: Hand) -> Iterator[Report]:
        order = job.order
        if order is None:  # cancelled since
            return iter(())
        limit, grace = self._settings.portrait_seconds, self._settings.portrait_grace
        return hand.paint(job.id, order, lambda: job.view.over, limit, grace)

    def _take(self, job: Job, report: Report) -> None:
        """What a report changes."""
        if report.event == "progress":
            seen = {"preview": report.picture} if report.picture else {}
            job.set(done=report.done, of=report.of, losses=report.losses, **seen)
        elif report.event == "failed":
            job.set(status="failed", kind=report.kind, problem=self._reason(job, report))
        elif report.event == "done" and report.picture is not None:
            self._finish(job, report.picture)

    def _finish(self, job: Job, picture: bytes) -> None:
        try:
            self._shelf.put(job.view, picture)
        except OSError as error:
            log.error("a finished portrait could not be kept: %s", error)
            job.set(status="failed", kind="NoRoom", problem="there is no room for the finished portrait")
            return
        job.set(status="done", done=job.view.of)
        if job.view.status != "done":  # cancelled in between
            self._shelf.drop(job.id)
        self._typical += 0.3 * (job.view.seconds - self._typical)

    def _reason(self, job: Job, report: Report) -> str:
        """A sentence for the client."""
        if report.kind == "memory" and job.order is not None:
            memory = f"the {self._settings.portrait_memory} MB that one portrait may use"
            return f"painting at {job.order.side} px takes more than {memory}; ask for a smaller side"
        log.error("job %s: %s: %s", job.id, report.kind, report.reason)
        return report.reason if report.kind in SHOWN else UNFORESEEN

    def _again(self, job: Job, death: str, count: int) -> None:
        """A process died: its job is tried again, or has failed; ``count`` is 0 where it had not begun."""
        if job.view.over:
            return
        self.deaths += 1
        log.warning("a painting process %s at try %d of job %s", death, job.view.attempt, job.id)
        if job.view.attempt + count > TRIES:
            problem = f"the process that painted it {death}, twice; ask for a smaller side or try later"
            job.set(status="failed", kind="WorkerDied", problem=problem)
            return
        job.set(status="waiting", attempt=job.view.attempt + count, done=0)
        with self._changed:
            if not self._closed:
                self._waiting.appendleft(job)
                self._changed.notify()
                return
        _stop([job])

    def _old(self, job: Job) -> bool:
        return job.view.over and time.monotonic() - job.ended > self._settings.portraits_kept

    def _sweep(self) -> None:
        """Forget jobs that are over and old, or too many, and their pictures.

        It raises nothing: who submits a job has nothing to do with old ones.
        """
        with self._changed:
            over = sorted((job for job in self._known.values() if job.view.over), key=lambda job: job.ended)
            gone = [job for job in over if self._old(job)] + self._excess(over)
            for job in gone:
                self._known.pop(job.id, None)
        try:
            self._shelf.sweep(job.id for job in gone)
        except Exception:
            log.exception("old portraits could not be swept away")

    def _excess(self, over: list[Job]) -> list[Job]:
        """The first that are too many, of portraits and of the rest: nobody's cancelling costs a portrait."""
        portraits = [job for job in over if job.view.status == "done"]
        rest = [job for job in over if job.view.status != "done"]
        most = self._settings.portraits_most
        return portraits[: max(len(portraits) - most, 0)] + rest[: max(len(rest) - most, 0)]


def _stop(jobs: Iterable[Job]) -> None:
    """Cancel them, and say why."""
    for job in jobs:
        job.set(status="cancelled", kind="Stopping", problem=STOPPING)
