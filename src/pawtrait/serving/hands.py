"""A painting process seen from the service: started, given an order, listened to, stopped, killed."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from pawtrait.dataset.images import Pixels
from pawtrait.serving import wire
from pawtrait.serving.places import Place
from pawtrait.serving.processes import Child, Died
from pawtrait.serving.settings import Settings

WORKER = "pawtrait.serving.worker"  # by name, since the service itself must never load torch
LOOK = 0.1  # seconds between two looks whether somebody wants to stop
STARTING = 120.0  # seconds that a process may take until it says that it is ready


class Late(Exception):
    """The job took longer than it may; its process was killed."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a process is started with.

    Attributes:
        memory: megabytes of its own that it may use.
        threads: of torch and of a painter's network; 0 is one a core.
        polite: steps down in the scheduler's order, 0 to 19.
        log: level.
    """

    weights: str
    params: str
    memory: int
    threads: int
    polite: int
    log: str

    @classmethod
    def of(cls, settings: Settings) -> "Setup":
        """As the settings say."""
        return cls(
            weights=str(settings.style_weights),
            params=str(settings.params),
            memory=settings.portrait_memory,
            threads=settings.portrait_threads,
            polite=settings.portrait_polite,
            log=settings.log,
        )


@dataclass(frozen=True, slots=True)
class Order:
    """A portrait that somebody wants.

    Attributes:
        photo: uint8 (H, W, 3).
        painting: the same, or None where the method needs none.
        strength: 0 to 1.
        side: px of the longer side at most.
        steps: at the full size; None is as many as the project's recipe says.
        painter: the version that will paint, where the method needs one.
    """

    method: str
    photo: Pixels
    painting: Pixels | None
    strength: float
    side: int
    steps: int | None
    painter: Place | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a process says of its job.

    Attributes:
        event: progress | done | failed | cancelled.
        picture: a JPEG on the way, a PNG at the end, or None.
        kind: of failed: the error's class, or "memory".
        reason: of failed: a sentence, or "" where the error was not foreseen.
    """

    event: str
    done: int = 0
    of: int = 0
    losses: dict[str, float] | None = None
    picture: bytes | None = None
    kind: str = ""
    reason: str = ""


class Hand:
    """One process. Not for several threads at once.

    Attributes:
        painted: jobs that it has ended.
    """

    def __init__(self, setup: Setup) -> None:
        """Start it; it is ready some seconds later."""
        self._child = Child(WORKER, asdict(setup))
        self._ready = False
        self.painted = 0

    def alive(self) -> bool:
        """Whether the process runs, as far as can be seen."""
        return self._child.process.poll() is None

    def prepare(self, stopped: Callable[[], bool]) -> None:
        """Wait until it is ready or nobody wants it any more.

        Raises:
            Died: it ended while starting, or did not get ready.
        """
        until = time.monotonic() + STARTING
        while not self._ready and not stopped():
            if time.monotonic() > until:
                self.close(0)
                raise Died(f"did not get ready within {STARTING:g} seconds")
            if self._child.speaks(LOOK):
                self._child.hear()
                self._ready = True

    def paint(
        self, job: str, order: Order, stopped: Callable[[], bool], limit: float, grace: float
    ) -> Iterator[Report]:
        """Give it an order and yield what it says; the last report is done, failed or cancelled.

        Args:
            job: its id, for the process's log.
            stopped: asked all the time; once it is true the process has ``grace`` seconds to leave its step.
            limit: seconds for the whole job.

        Raises:
            Died: it ended, or had to be killed after ``grace``.
            Late: the time is over; it was killed.
        """
        if stopped():
            yield Report("cancelled")
            return
        self._give(job, order)
        until, told = time.monotonic() + limit, False
        while True:
            now = time.monotonic()
            if stopped() and not told:
                self._child.say({"event": "cancel"})
                until, told = now + grace, True
            if now > until:
                self.close(0)
                raise Died("did not stop when told to") if told else Late
            if self._child.speaks(LOOK):
                head, parts = self._child.hear()
                report = Report(**head, picture=parts[0] if parts else None)
                self.painted += report.event != "progress"
                yield report
                if report.event != "progress":
                    return

    def close(self, patience: float) -> None:
        """Take leave of it: it is killed where it has not ended by itself after ``patience`` seconds."""
        self._child.end(patience)

    def _give(self, job: str, order: Order) -> None:
        pictures = [order.photo] if order.painting is None else [order.photo, order.painting]
        sizes, parts = wire.packed(pictures)
        head = {"event": "paint", "job": job, "method": order.method, "strength": order.strength}
        home = (str(order.painter.folder), order.painter.digest) if order.painter else None
        wished = {"side": order.side, "steps": order.steps, "painter": home}
        self._child.say({**head, **wished, "sizes": sizes}, *parts)
