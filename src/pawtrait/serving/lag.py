"""How late the event loop is: requests that wait before it are in no queue that anybody counts."""

import asyncio
from collections import deque

EVERY = 0.05  # seconds between two looks
LOOKS = 3  # in a row that have to be late: one stall alone has passed when it is seen


class Lag:
    """Looks again and again.

    Attributes:
        seconds: that the loop has been late at least, of late.
    """

    def __init__(self) -> None:
        self._late: deque[float] = deque([0.0] * LOOKS, LOOKS)
        self.seconds = 0.0

    async def watch(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            self._late.append(max(0.0, loop.time() - due))
            self.seconds = min(self._late)
