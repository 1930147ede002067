"""Something that is looked at again and again beside the requests, in a thread of its own."""

import logging
import threading
from collections.abc import Callable

LEAVING = 3.0  # seconds that an end waits for a look that is under way

log = logging.getLogger(__name__)


class Watch:
    """Not started yet; see ``start``."""

    def __init__(self, look: Callable[[], object], every: float, name: str) -> None:
        """Args: ``look`` is called every so many seconds, at once first; what it raises is logged."""
        self._look, self._every, self._name = look, every, name
        self._stop = threading.Event()
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=name, daemon=True)

    def start(self, patience: float) -> None:
        """Begin; wait for the first look, but no longer than ``patience`` seconds."""
        self._thread.start()
        self._looked.wait(patience)

    def stop(self) -> None:
        """Look no more; a look that hangs is left to itself."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(LEAVING)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except Exception:  # whatever a registry's client raises: what is at hand stays
                log.exception("looking for a new %s failed", self._name)
            self._looked.set()
            self._stop.wait(self._every)
