"""Where each painter lives now: in the project's folder, or copied from the registry by an alias."""

import logging
from functools import partial
from pathlib import Path

from pawtrait import sealed
from pawtrait.champion import PAINTER
from pawtrait.files import sha256
from pawtrait.serving import places
from pawtrait.serving.places import Place, Source
from pawtrait.serving.watch import Watch
from pawtrait.style_transfer import painter

NETWORKS = {"fast": painter.FAST[1], "cyclegan": painter.CYCLEGAN[0]}  # a painter's identity is that file

log = logging.getLogger(__name__)


class Arrivals:
    """Says where a painter lives, for any thread. A painter that the registry lacks lives in the folder."""

    def __init__(self, folder: Path, alias: str, poll: float) -> None:
        """Nothing is looked for yet.

        Args:
            folder: holds the folders ``fast`` and ``cyclegan``.
            alias: of the versions in the registry; "" asks none.
            poll: seconds between two looks there.
        """
        self._folder = folder
        self._newest: dict[str, Place] = {}
        self._problems: dict[str, str] = {}
        self._watch = Watch(partial(self._look, _sources(alias)), poll, "painter") if alias else None

    def start(self) -> None:
        """Ask the registry from now on, without waiting for what it says."""
        if self._watch:
            self._watch.start(0)

    def stop(self) -> None:
        """Ask it no more."""
        if self._watch:
            self._watch.stop()

    def find(self, kind: str) -> Place | None:
        """Where ``fast`` or ``cyclegan`` lives; None where there is none. Its files are not checked."""
        return self._newest.get(kind) or self._at_home(kind)

    def _look(self, sources: dict[str, Source]) -> None:
        """Take what the registry has; what cannot be had is told once, and what is at hand stays."""
        for kind, source in sources.items():
            try:
                self._take(kind, source())
            except Exception as error:  # a registry's client raises whatever it likes
                if str(error) != self._problems.get(kind):
                    log.warning("%s", error)
                self._problems[kind] = str(error)

    def _take(self, kind: str, place: Place) -> None:
        self._problems.pop(kind, None)
        if place != self._newest.get(kind):
            self._newest[kind] = place
            log.info("painter: %s version %s", place.name, place.version)

    def _at_home(self, kind: str) -> Place | None:
        """The folder's; digest and version come from its sums, which change with any of its files."""
        folder = self._folder / kind
        try:
            digest = sha256(folder / sealed.SUMS)
        except OSError:
            return None
        return Place(PAINTER.format(kind), digest[:12], digest, folder)


def _sources(alias: str) -> dict[str, Source]:
    return {
        kind: places.registered(f"{places.REGISTRY}{PAINTER.format(kind)}@{alias}", network)
        for kind, network in NETWORKS.items()
    }
