"""A reading process seen from the service: started, given pictures, replaced when it dies."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from pawtrait.serving import reading, slips, wire
from pawtrait.serving.models import Served
from pawtrait.serving.places import KEPT, Place
from pawtrait.serving.problems import Problem
from pawtrait.serving.processes import Child, Died
from pawtrait.serving.reading import Read, Wanted
from pawtrait.serving.settings import Settings

READER = "pawtrait.serving.reader"
STARTING = 60.0  # seconds that a process may take until it says that it is ready
TRIES = 3  # deaths in a row before it could read, with which it is given up for a while
REST = 60.0  # seconds of that

log = logging.getLogger(__name__)


class Eyes:
    """One process, for one picture or a batch at a time.

    Attributes:
        deaths: how often it had to be replaced.
    """

    def __init__(self, settings: Settings) -> None:
        """Start it; it is ready a second later."""
        self._settings = settings
        self._busy = threading.Lock()
        self._child: Child | None = None
        self._ready = False
        self._known: list[Place] = []
        self._refused: Place | None = None  # what it could not load, and is not asked for again
        self._row = 0  # deaths over starting and loading since it last answered
        self._again = 0.0  # not before
        self.deaths = 0
        with self._busy:
            self._try_to_start()

    def prepare(self, served: Served) -> None:
        """Load a version before a request needs it; what goes wrong shows when one does."""
        with self._busy:
            self._loaded(served)

    def read(self, wanted: Sequence[Wanted], served: Served) -> list[Read | Problem]:
        """As ``reading.read``, which is called here where no process can be had or load the version.

        A process that dies is replaced, and its pictures are tried again one by one, so that the one that
        it died of is the only one without an answer. The service itself never reads what a process died of.
        """
        with self._busy:
            if not self._loaded(served):
                return reading.read(wanted, served.classifier, self._settings)
            try:
                return self._read(wanted, served)
            except Died as error:
                self._mourn(error)
        return [self._alone(one, served) for one in wanted]

    def close(self) -> None:
        """End it; what is in hand is finished before."""
        with self._busy:
            self._again = float("inf")
            self._leave()

    def _alone(self, wanted: Wanted, served: Served) -> Read | Problem:
        with self._busy:
            if not self._loaded(served):
                log.error("no process can be had after one ended", extra={"request": wanted.request})
                return Problem(500, "internal", "the process that read this picture ended; try again later")
            try:
                return self._read([wanted], served)[0]
            except Died as error:
                self._mourn(error)
        log.error("the process that read a picture ended twice", extra={"request": wanted.request})
        return Problem(500, "internal", "the process that read this picture ended twice; it was logged")

    def _read(self, wanted: Sequence[Wanted], served: Served) -> list[Read | Problem]:
        head, parts = slips.asked(wanted, served.place)
        head, parts = self._ask(head, parts, self._settings.timeout)
        self._row = 0
        return slips.answers(wanted, head, parts)

    def _loaded(self, served: Served) -> bool:
        """As ``_load``; a process that dies over it is replaced, after some in a row not for a while."""
        try:
            return self._load(served)
        except Died as error:
            self._row += 1
            if self._row >= TRIES:
                log.error("%d in a row: the service reads by itself for %g s", self._row, REST)
                self._again = time.monotonic() + REST
            self._mourn(error)
            return False

    def _load(self, served: Served) -> bool:
        """Have the version there; False where that cannot be, and the service has to do without."""
        if served.place == self._refused:
            return False
        if self._child is None and not self._try_to_start():
            return False
        if served.place in self._known:
            return True
        if not self._ready:
            self._hear(STARTING)
            self._ready = True
        place = served.place
        said, _ = self._ask(slips.load(place), [], STARTING)
        if said["event"] == "failed":
            log.error("a reading process cannot load version %s: %s", place.version, said["reason"])
            self._refused = place
            return False
        self._known = [*self._known, place][-KEPT:]
        return True

    def _ask(self, head: dict[str, Any], parts: Sequence[bytes], seconds: float) -> wire.Message:
        self._there.say(head, *parts)
        return self._hear(seconds)

    def _hear(self, seconds: float) -> wire.Message:
        if not self._there.speaks(seconds):
            raise Died(f"did not answer within {seconds:g} s")
        return self._there.hear()

    @property
    def _there(self) -> Child:
        if self._child is None:
            raise Died("is not there")
        return self._child

    def _mourn(self, error: Died) -> None:
        """Write it down, and start another."""
        self.deaths += 1
        log.error("a reading process %s; another one takes its place", error)
        self._leave()
        self._try_to_start()

    def _try_to_start(self) -> bool:
        if time.monotonic() < self._again:
            return False
        limits = self._settings.model_dump(include={"largest_bytes", "largest_pixels", "log"})
        try:
            self._child = Child(READER, limits)
        except OSError as error:
            log.error("no process to read pictures can be started: %s", error.strerror)
            self._again = time.monotonic() + REST
            return False
        return True

    def _leave(self) -> None:
        """Let go of the process, whatever it does."""
        if self._child is not None:
            self._child.end()
        self._child, self._ready, self._known = None, False, []
