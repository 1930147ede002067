"""All that the endpoints share, opened at the start and closed at the end."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, TypeVar

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

READERS = 4  # threads that ask the database, and as many for the pictures
DECODERS = 2  # threads that read pictures which come along with feedback
DECODED = 16  # such pictures that may wait for them

P = ParamSpec("P")
T = TypeVar("T")

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
    readers: Errands
    keepers: Errands
    judges: Errands
    forgetters: Errands
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

    async def ask(self, function: Callable[P, T], *values: P.args, **named: P.kwargs) -> T:
        """Ask the database in threads of its own: one that hangs holds up neither moods nor feedback.

        Raises:
            Problem: 504 where it takes too long, 503 where too much of it waits already.
        """
        return await self.readers.run(partial(function, *values, **named))

    async def stored(self, function: Callable[P, T], *values: P.args, **named: P.kwargs) -> T:
        """Ask the pictures' folder or bucket, in threads of its own too.

        Raises:
            Problem: as ``ask``.
        """
        return await self.keepers.run(partial(function, *values, **named))

    async def keep_picture(self, data: bytes) -> bool:
        """Keep a picture whose sender agreed; a store that is down or hangs costs the picture, no answer."""
        try:
            await self.stored(self.pictures.put, data)
        except (BadStore, Problem) as error:
            self.unkept += 1
            log.error("of a picture that may be kept: %s", error)
            return False
        return True

    async def judge(self, function: Callable[P, T], *values: P.args, **named: P.kwargs) -> T:
        """Look at the reviewers' queue, one after the other: who waits for a look takes no reader away.

        Raises:
            Problem: as ``ask``.
        """
        return await self.judges.run(partial(function, *values, **named))

    async def forget(self, function: Callable[P, T], *values: P.args, **named: P.kwargs) -> T:
        """Delete, one after the other: who waits for a bucket or a long delivery takes no reader away.

        Raises:
            Problem: as ``ask``.
        """
        return await self.forgetters.run(partial(function, *values, **named))

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
        for errands in (self.readers, self.keepers, self.judges, self.forgetters):
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
        forgetters=Errands(1, "the store", settings.timeout),
        decoders=Turns(DECODERS, DECODED, settings.timeout, doing="read"),
    )
    door.said.start()
    door.asked.start()
    door.models.preparers.append(door.batcher.prepare)
    door.models.followers.append(door.explainers.prepare)
    door.models.start()
    return door
