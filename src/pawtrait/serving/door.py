"""All that the endpoints share, opened at the start and closed at the end."""

import logging
from dataclasses import dataclass, field
from typing import Any

from pawtrait.adapters.store.pictures import Pictures
from pawtrait.errors import BadStore
from pawtrait.serving import places, privacy, rows
from pawtrait.serving.batching import Batcher
from pawtrait.serving.errands import Errands
from pawtrait.serving.explain import Explainers
from pawtrait.serving.models import Models
from pawtrait.serving.outbox import Outbox
from pawtrait.serving.problems import Problem
from pawtrait.serving.rows import Stored
from pawtrait.serving.settings import Settings
from pawtrait.serving.turns import Turns
from pawtrait.serving.workshop import Workshop

READERS = 4  # threads that ask the database, as many for the pictures, and for what goes to the disk
CROWD = 1024  # of whom each says something at once: rows of 16 kB at most, written within a second or two
DECODERS = 2  # threads that read pictures which come along with feedback
DECODED = 16  # such pictures that may wait for them

log = logging.getLogger(__name__)


@dataclass
class Door:
    """An application's own; ``request.app.state.door``."""

    settings: Settings
    models: Models
    batcher: Batcher
    pictures: Pictures
    said: Outbox  # feedback and reviews: on the disk before the answer
    asked: Outbox  # requests: written along, a death may cost the last second
    salt: bytes
    workshop: Workshop
    explainers: Explainers
    readers: Errands  # ask the database: one that hangs holds up neither moods nor feedback
    keepers: Errands  # ask the pictures' folder or bucket
    judges: Errands  # one after the other looks at the reviewers' queue, and takes no reader away
    writers: Errands  # put on the disk what was said: one that hangs holds up neither portraits nor metrics
    forgetters: Errands  # one after the other deletes, however long a bucket or a delivery takes
    decoders: Turns
    closing: bool = False
    unkept: int = 0  # pictures that people agreed to and that could not be kept
    shared: dict[str, Any] = field(default_factory=dict)  # what endpoints remember between requests

    def note(self, row: Stored) -> None:
        """Write down what happened, without waiting for a disk; a full one costs the row, not the answer."""
        try:
            self.asked.put(rows.packed(row))
        except OSError:
            self.asked.dropped += 1

    def keep(self, row: Stored) -> None:
        """Write down what somebody said; it is on the disk afterwards. Blocks for some milliseconds.

        Raises:
            OSError: it cannot be kept.
        """
        self.said.put(rows.packed(row))

    async def kept(self, picture: bytes) -> bool:
        """Keep a picture whose sender agreed; a store that is down or hangs costs the picture, no answer."""
        try:
            await self.keepers.run(self.pictures.put, picture)
        except (BadStore, Problem) as error:
            self.unkept += 1
            log.error("of a picture that may be kept: %s", error)
            return False
        return True

    def leave(self) -> None:
        """Take no more jobs: a client that waits for one's events would keep the service open."""
        self.closing = True
        self.workshop.leave()

    def close(self) -> None:
        """Finish what is in hand, deliver what waits."""
        self.leave()
        self.workshop.close()
        self.models.stop()
        self.batcher.close()
        self.explainers.close()
        self.decoders.close()
        for errands in (self.readers, self.keepers, self.judges, self.writers, self.forgetters):
            errands.close()
        self.said.close()
        self.asked.close()


def opened(settings: Settings) -> Door:
    """Start everything; a database that is down or a champion that is not there yet stops nothing."""
    deliver = rows.delivery(settings.database)
    door = Door(
        settings=settings,
        models=Models(places.source(settings), settings.poll),
        batcher=Batcher(settings),
        pictures=Pictures(settings.pictures),
        said=Outbox(settings.outbox / "said", deliver, durable=True),
        asked=Outbox(settings.outbox / "asked", deliver, durable=False, most=settings.rows),
        salt=privacy.salt(settings.salt, settings.outbox / "salt"),
        workshop=Workshop(settings),
        explainers=Explainers(),
        readers=Errands(READERS, "the database", settings.timeout),
        keepers=Errands(READERS, "the store of pictures", settings.timeout),
        judges=Errands(1, "the reviewers' queue", settings.timeout),
        writers=Errands(READERS, "the disk", settings.timeout, CROWD),
        forgetters=Errands(1, "the store", settings.timeout),
        decoders=Turns(DECODERS, DECODED, settings.timeout, doing="read"),
    )
    door.said.start()
    door.asked.start()
    door.models.preparers.append(door.batcher.prepare)
    door.models.followers.append(door.explainers.prepare)
    door.models.start()
    return door
