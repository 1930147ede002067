"""Uvicorn's HTTP protocol, and an end to whoever connects and does not get to the point."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD = 15.0  # seconds that a request's head may take at most


def within(seconds: float) -> type[H11Protocol]:
    """The protocol, a head's seconds being as many, or ``HEAD`` where that is less."""
    return type("Patient", (Patient,), {"seconds": min(seconds, HEAD)})


class Patient(H11Protocol):
    """Closes a connection whose first request does not come, or on which a head comes byte by byte.

    Uvicorn itself has a clock only for connections that wait for another request and send nothing at all.
    """

    seconds = HEAD
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection is there."""
        super().connection_made(transport)
        self._clock = self.loop.call_later(self.seconds, self._give_up)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """A request is answered; a piece of the next one's head may be there already."""
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Start the clock where a piece of a head is there; what comes slowly does not set it back."""
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._clock is None and self.conn.trailing_data[0]:
            self._clock = self.loop.call_later(self.seconds, self._give_up)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _give_up(self) -> None:
        self._clock = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()
