"""Uvicorn's HTTP protocol in C, and an end to whoever connects and does not get to the point."""

import asyncio
import json
import select
from enum import Enum

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pawtrait.serving import problems, upgrades
from pawtrait.serving.problems import Problem

HEAD = 15.0  # seconds that a request's head may take at most
LONGEST = 32_768  # bytes of a head, or of what comes around a body, that are not whole yet
LEAST = 65_536  # bytes of an answer that have to go out in as many seconds as a body may take to come in


class _At(Enum):
    """What the next byte belongs to."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


def within(seconds: float) -> type[HttpToolsProtocol]:
    """The protocol, a body's seconds being as many, and a head's too, or ``HEAD`` where that is less."""
    return type("Patient", (Patient,), {"seconds": min(seconds, HEAD), "slowest": seconds})


class Patient(HttpToolsProtocol):
    """Closes connections that stay without a use.

    These are: one on which no request comes, a head byte by byte or without an end, what is written around
    the pieces of a body or behind them without an end, line ends and nothing else, the rest of a body that
    was answered before its end, or an answer that nobody reads. Uvicorn itself has a clock only for
    connections that wait for another request and send nothing at all. A body that an endpoint reads has its
    own clock and limit, in ``incoming``; trailers never come there, and the parser keeps them.
    """

    seconds = HEAD
    slowest = 60.0  # seconds
    _unread: asyncio.TimerHandle | None = None
    _clock: asyncio.TimerHandle | None = None
    _at = _At.NOTHING
    _head = 0  # bytes of a head, or since the last of a body
    _moved = False  # whether the bytes that came last got a request further

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection is there."""
        super().connection_made(transport)
        self.parser = upgrades.Parser(self)
        transport.set_write_buffer_limits(0)  # whatever the other side has not taken yet is waited for
        self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop()
        self._taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """An answer waits for its reader."""
        super().pause_writing()
        if self._unread is None:
            self._wait_for_reader()

    def resume_writing(self) -> None:
        """It is out."""
        self._taken()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Bytes came; those that come slowly do not set the clock back."""
        self._moved = False
        super().data_received(data)
        if self._at is _At.HEAD or (self._at is _At.NOTHING and not self._moved):
            self._start()
        if self._at is not _At.NOTHING and not self._moved:  # else there is more among these
            self._head += len(data)
            if self._head > LONGEST and not self.transport.is_closing():
                self._refuse()

    def timeout_keep_alive_handler(self) -> None:
        """No other request came in time, unless one lies there unread: a busy loop looks at its clocks first.

        Closing then would reset the connection, and the client could not tell whether it was answered.
        """
        if not _unread(self.transport):
            super().timeout_keep_alive_handler()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._at, self._head = _At.HEAD, 0

    def on_headers_complete(self) -> None:
        """It is whole.

        Raises:
            ValueError: it asks us to be a proxy; the parser makes a 400 of that.
        """
        self._stop()
        if not self.url.startswith((b"/", b"*")) or self.parser.get_method() == b"CONNECT":
            raise ValueError("no path")
        if self.parser.should_upgrade():  # it comes once more, without its offer
            return
        self._at, self._head, self._moved = _At.BODY, 0, True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of a body."""
        self._head, self._moved = 0, True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is, too."""
        if self.parser.should_upgrade():
            return
        self._stop()
        self._at, self._moved = _At.NOTHING, True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request is answered; what is left of its body is read and forgotten, but not for ever."""
        super().on_response_complete()
        if self._at is _At.BODY:
            self._start()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told of as every other error is; uvicorn's own words are plain text."""
        body = json.dumps(Problem(400, "bad-request", msg).body()).encode()
        head = f"content-type: {problems.MEDIA}\r\ncontent-length: {len(body)}\r\nconnection: close"
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n%s\r\n\r\n%s" % (head.encode(), body))
        self.transport.close()

    def _refuse(self) -> None:
        """Hang up; in words where no answer can be under way yet."""
        if self._at is _At.HEAD:
            self.send_400_response(f"The head is longer than {LONGEST} bytes.")
        else:
            self.transport.close()

    def _start(self) -> None:
        if self._clock is None:
            self._clock = self.loop.call_later(self.seconds, self._give_up)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _wait_for_reader(self) -> None:
        """Those who read on get as long as they need; others would keep their answers in memory for ever."""
        left = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(self.slowest, self._look_at_reader, left)

    def _look_at_reader(self, before: int) -> None:
        if self.transport.get_write_buffer_size() > before - LEAST:
            self.transport.abort()
        else:
            self._wait_for_reader()

    def _taken(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _give_up(self) -> None:
        self._clock = None
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:  # an earlier request is still being answered
            self._start()


def _unread(transport: asyncio.Transport) -> bool:
    """Whether bytes wait in the connection's socket."""
    waiting = select.poll()
    waiting.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(waiting.poll(0))
