"""One portrait on its way: how it stands, and who wants to hear of it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from pawtrait.serving.hands import Order
from pawtrait.serving.places import Place

Status = Literal["waiting", "painting", "done", "failed", "cancelled"]
OVER = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class View:
    """How a job stands.

    Attributes:
        number: rises with every change.
        attempt: 1, or 2 after its process died.
        preview: a small JPEG, or None.
        problem: why it failed or was cancelled by the service, in words; "" otherwise.
        kind: of a failure: the class of the error, as the store keeps it.
        seconds: painted so far, or in all.
        picture: SHA-256 of the photo.
        painter: the version that paints; None where none does, or an earlier service finished the job.
    """

    id: str
    method: str
    status: Status = "waiting"
    number: int = 0
    attempt: int = 1
    done: int = 0
    of: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    preview: bytes | None = None
    problem: str = ""
    kind: str = ""
    seconds: float = 0.0
    picture: str = ""
    painter: Place | None = None

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in OVER


class Job:
    """One portrait on its way; all but ``view`` belongs to ``Jobs``."""

    def __init__(self, view: View, order: Order | None, finished: Callable[[View], None]) -> None:
        self.id = view.id
        self.order = order  # until it is over: then the photo is gone
        self.view = view
        self.began = 0.0
        self.ended = 0.0
        self._finished = finished
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def set(self, **changes: object) -> None:
        """Change the view, tell who listens; what is over stays as it is."""
        with self._lock:
            if self.view.over:
                return
            seconds = time.monotonic() - self.began if self.began else 0.0
            view = replace(self.view, number=self.view.number + 1, seconds=seconds, **changes)  # type: ignore[arg-type]
            if view.over:
                view = replace(view, preview=None)
                self.order, self.ended = None, time.monotonic()
            self.view = view  # last: who sees that it is over, without the lock, asks since when
            listeners = list(self._listeners)
        if view.over:
            self._finished(view)
        for listener in listeners:
            listener()

    @contextmanager
    def heard(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call ``listener`` after each change while the block runs, from whatever thread."""
        with self._lock:
            self._listeners.append(listener)
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(listener)
