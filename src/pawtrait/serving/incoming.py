"""A body on its way in: as long as it said, as long as may be, and in time; whatever endpoint reads it."""

import asyncio
import time

from starlette.types import Message, Receive

from pawtrait.serving.problems import Cut


class Incoming:
    """Stands between a server's ``receive`` and whoever reads the body.

    Attributes:
        last_at: when the last of it came or was given up (``time.perf_counter``); what is ours begins there.
    """

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        """Nothing is read yet.

        Args:
            most: bytes.
            seconds: for the whole body, from its first byte's being waited for.
        """
        self.last_at = time.perf_counter()
        self._receive, self._most, self._seconds = receive, most, seconds
        self._size = 0
        self._until: float | None = None
        self._whole = False

    async def __call__(self) -> Message:
        """The next message.

        Raises:
            Cut: 413 too long, 408 too slow; the connection is closed after both.
        """
        if self._whole:  # what comes now is that the client went away, which may take as long as it likes
            return await self._receive()
        self._until = self._until or asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError as error:
            said = f"the body took more than {self._seconds:g} s"
            raise Cut(408, "too-slow-a-body", said) from error
        finally:
            self.last_at = time.perf_counter()
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._size > self._most:
            said = f"more than {self._most} bytes, or more than was said; say the length, or send less"
            raise Cut(413, "too-large", said)
        return message
