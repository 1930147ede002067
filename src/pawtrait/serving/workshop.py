"""All that portraits need: paintings, painters that paint at once, the queue for the slow ones."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from pawtrait import params
from pawtrait.errors import PawtraitError
from pawtrait.params import Params
from pawtrait.serving.arrivals import Arrivals
from pawtrait.serving.jobs import Jobs
from pawtrait.serving.painters import Painters
from pawtrait.serving.places import Place
from pawtrait.serving.settings import Settings
from pawtrait.serving.shelf import Shelf
from pawtrait.serving.styles import Wall
from pawtrait.serving.turns import Turns
from pawtrait.style_transfer.studio import METHODS, NEEDS_STYLE, PAINTERS, STEPWISE

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Method:
    """A way to paint, as a client is told of it.

    Attributes:
        why_not: "" where it is available.
        painter: the version whose network it needs, or None.
    """

    name: str
    told: str
    needs_style: bool
    why_not: str
    painter: Place | None


class Workshop:
    """Opened at the start of the service, closed at its end."""

    def __init__(self, settings: Settings) -> None:
        """Start the threads; painters and processes are opened with their first portrait."""
        self.settings = settings
        self._read: tuple[int, Params] | None = None
        self.wall = Wall(
            settings.paintings_table, settings.paintings, settings.largest_pixels, settings.portrait_largest
        )
        self._arrivals = Arrivals(settings.painters, settings.painters_alias, settings.poll)
        self.painters = Painters(self._arrivals, settings.portrait_threads)
        self.turns = Turns(
            settings.portraits_at_once,
            settings.portraits_waiting,
            settings.portrait_timeout,
            settings.portrait_polite,
        )
        self._shelf = Shelf(settings.portraits, settings.portraits_kept, settings.portraits_most)
        self.jobs = Jobs(settings, self._shelf)
        self.jobs.start()
        self._arrivals.start()
        if self._shelf.problem:
            log.warning("nst and hybrid cannot paint: %s", self._shelf.problem)

    def leave(self) -> None:
        """Take no more jobs, and cancel those that wait."""
        self.jobs.leave()

    def close(self) -> None:
        """Finish what is being painted, and end the processes."""
        self.jobs.close()
        self.turns.close()
        self._arrivals.stop()

    def methods(self) -> list[Method]:
        """Every method, with the reason where it cannot paint here. Reads small files."""
        return [
            Method(name, told, name in NEEDS_STYLE, self.lack(name), self.painter(name))
            for name, told in METHODS.items()
        ]

    def painter(self, method: str) -> Place | None:
        """The painter that a method needs, as it is now; None where it needs none or there is none."""
        return self._arrivals.find(PAINTERS[method]) if method in PAINTERS else None

    def lack(self, method: str) -> str:
        """Why a method cannot paint here, or ""; the first reason of several."""
        return next((why for why in self._lacks(method) if why), "")

    def steps(self, method: str, wished: int | None) -> int:
        """How many steps a slow method will take; ``wished`` are those at the full size.

        Raises:
            BadParams: params.yaml is missing or cannot be used.
        """
        knobs = self._knobs()
        if method == "hybrid":
            return wished or knobs.hybrid.steps
        *coarse, last = knobs.neural.steps
        return sum(coarse) + (wished or last)

    def _lacks(self, method: str) -> Iterator[str]:
        if method in STEPWISE:  # which processes of their own paint
            yield self._lack_of_processes()
            yield self._lack_of_weights()
        if method in PAINTERS:
            yield self.painters.lack(PAINTERS[method])

    def _lack_of_processes(self) -> str:
        if find_spec("torch") is None:
            return "torch is not installed here; the full image has it"
        if self._shelf.problem:
            return "there is no room for finished portraits; the operator can read why in the log"
        return "" if self.settings.painters_at_work else "switched off here"

    def _lack_of_weights(self) -> str:
        try:
            network = self._knobs().neural.network
            listed = self.settings.style_weights / "weights.json"
            known: dict[str, Any] = json.loads(listed.read_text("utf-8"))
        except PawtraitError as error:
            log.warning("nst and hybrid cannot paint: %s", error)
            return "its settings cannot be used; the operator can read why in the log"
        except (OSError, ValueError):
            return "the weights of its network are not here"
        return "" if network in known else f"the weights of {network} are not here"

    def _knobs(self) -> Params:
        """params.yaml, read again when it changes; reading it takes a while."""
        path = self.settings.params
        stamp = path.stat().st_mtime_ns if path.exists() else 0
        if self._read is None or self._read[0] != stamp:
            self._read = stamp, params.load(path)
        return self._read[1]
