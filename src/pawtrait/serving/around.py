"""What is done around every request: an id, limits, security headers, a line in the log, a count, a span."""

import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pawtrait.serving import logs, problems, traces
from pawtrait.serving.incoming import Incoming
from pawtrait.serving.metrics import Metrics
from pawtrait.serving.problems import Problem
from pawtrait.serving.settings import Settings
from pawtrait.serving.traces import Traces

HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]
POLICY = b"default-src 'none'; frame-ancestors 'none'"
Endpoint = Callable[[Request], Awaitable[Response]]
SAFE = ("GET", "HEAD", "OPTIONS")
SLACK = 64_000  # bytes that a form may add to a picture whose length was not said
WRONG_HOST = "this service does not answer under that host name; PAWTRAIT_HOSTS lists its names"
WRONG_ORIGIN = (
    "pages of other sites may not send requests here, except those in PAWTRAIT_ORIGINS; a proxy in front has"
    " to pass Host on"
)
HOT = SimpleNamespace(path="/v1/moods")  # a route, as logs and metrics name it
NAMED = re.compile(rb"[0-9A-Za-z._:/+=-]{1,128}")  # what callers and proxies call a request

log = logging.getLogger("pawtrait.requests")


class Around:
    """The outermost layer, in plain ASGI: it costs microseconds and streams what it is given."""

    def __init__(
        self, app: ASGIApp, outer: FastAPI, spans: Traces | None, hot: Endpoint | None = None
    ) -> None:
        self._app = app
        self._outer = outer
        self._spans = spans
        self._hot: Any = hot
        self._settings: Settings = outer.state.settings
        self._metrics: Metrics = outer.state.metrics
        self._hosts, self._origins = self._settings.hosts.split(), self._settings.origins.split()
        self._coming = 0  # bytes of bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, started, method = time.perf_counter(), 500, False, scope["method"]
        if method == "HEAD":
            scope, send = {**scope, "method": "GET"}, _head_alone(send)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["id"] = uuid4().hex
        logs.REQUEST.set(state["id"])  # each request has a task, so a context, of its own

        async def answer(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                message["headers"] = _with_ours(message.get("headers", []), state)
            await send(message)

        size, incoming = 0, None
        with self._spans.request(scope) if self._spans else nullcontext() as span:
            try:
                headers = dict(scope["headers"])
                state["caller"] = _caller(headers)
                _check_once(scope["headers"], headers)
                self._check_site(scope["method"], headers)
                size = self._taken(headers)
                incoming = Incoming(receive, size + SLACK, self._settings.slowest)
                await (self._read if self._is_hot(scope) else self._app)(scope, incoming, answer)
            except Exception as error:
                scope["app"] = self._outer
                problem = None if started else problems.foreseen(Request(scope), error)
                if problem is None:
                    log.exception("nobody had foreseen this")
                if started:  # half an answer cannot become another one: the connection is cut
                    raise
                told = problems.answer(Request(scope), problem or problems.unforeseen())
                await told(scope, receive, answer)
            finally:
                self._coming -= size
                since = incoming.last_at if incoming else began
                self._written(scope, method, state, status, time.perf_counter() - since, span)

    def _is_hot(self, scope: Scope) -> bool:
        """Whether it is what nearly all requests are, and nothing inside has a say in it."""
        asked: bool = scope["path"] == HOT.path and scope["method"] == "POST"
        return asked and self._hot is not None

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the endpoint itself: routing and dependencies, of which it has none, cost a fifth of the rest.

        What would be refused anyhow is refused here, before its body, which under overload is most of it.
        """
        scope["route"], scope["app"] = HOT, self._outer
        self._outer.state.door.batcher.check_room()
        response = await self._hot(Request(scope, receive))
        await response(scope, receive, send)

    def _check_site(self, method: str, headers: dict[bytes, bytes]) -> None:
        """Refuse what another site's page sends in its visitor's name, or by its own name for this machine.

        Raises:
            Problem: 400 not our name; 403 another site's page.
        """
        host = headers.get(b"host", b"").decode("latin-1").lower()  # names know no capitals
        if self._hosts and _name(host) not in self._hosts:
            raise Problem(400, "wrong-host", WRONG_HOST)
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and method not in SAFE and _place(origin) != host and origin not in self._origins:
            raise Problem(403, "wrong-origin", WRONG_ORIGIN)

    def _taken(self, headers: dict[bytes, bytes]) -> int:
        """Bytes that this body may take; one that does not say its length may take a picture's."""
        unsaid = self._settings.largest_bytes if b"transfer-encoding" in headers else 0
        said = headers.get(b"content-length", b"")
        size = int(said) if said.isdigit() else unsaid
        most = self._settings.memory
        if size > most:
            raise Problem(413, "too-large", f"more than {most} bytes are never taken at once")
        if size and self._coming + size > most:
            raise Problem(
                429, "busy", "too much is being sent at the moment; try again in 1 s", {"Retry-After": "1"}
            )
        self._coming += size
        return size

    def _written(
        self, scope: Scope, method: str, state: dict[str, Any], status: int, seconds: float, span: Any
    ) -> None:
        """The log, the count and the span; never the address itself, which may hold what it should not.

        The seconds are ours alone: a sender with a slow line is no slow service.
        """
        route = getattr(scope.get("route"), "path", "")
        method = method if method in _METHODS else "other"  # a client could invent names without end
        self._metrics.request(route, method, status, seconds)
        if span:
            traces.named(span, method, route, status, state["id"])
        if log.isEnabledFor(logging.INFO):
            facts = {
                "request": state["id"],
                "method": method,
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 2),
                "problem": state.get("problem"),
                "client": state.get("client"),
                "caller": state.get("caller"),
            }
            log.info("%s %s %d", method, route, status, extra=facts)


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _head_alone(send: Send) -> Send:
    """Of the answer to a GET its head, which is the whole one to a HEAD; also of events, which take long."""

    async def only(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b""})

    return only


_ONCE = (b"host", b"content-length", b"transfer-encoding")


def _check_once(sent: list[tuple[bytes, bytes]], headers: dict[bytes, bytes]) -> None:
    """Refuse a head that a proxy may have read otherwise; two kinds of length the parser refuses.

    Raises:
        Problem: 400, and the connection is closed.
    """
    close = {"Connection": "close"}
    if headers.get(b"transfer-encoding", b"chunked").strip().lower() != b"chunked":
        raise Problem(400, "unsupported-coding", "a body comes as it is, or chunked", close)
    if len(headers) != len(sent):
        names = [name for name, _ in sent]
        if twice := next((name for name in _ONCE if names.count(name) > 1), None):
            raise Problem(400, "said-twice", f"one header {twice.decode()}, please", close)


def _caller(headers: dict[bytes, bytes]) -> str | None:
    """What the caller, or a proxy, calls the request; not whatever somebody sends, since it is logged."""
    said = headers.get(b"x-request-id", b"")
    return said.decode() if NAMED.fullmatch(said) else None


def _with_ours(headers: list[tuple[bytes, bytes]], state: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """``X-Request-ID`` is the caller's where there is one; ``X-Pawtrait-Request`` is ours, for feedback."""
    ours = state["id"].encode()
    named = (state.get("caller") or state["id"]).encode()
    known = [*headers, *HEADERS, (b"x-request-id", named), (b"x-pawtrait-request", ours)]
    if all(name != b"content-security-policy" for name, _ in headers):
        known.append((b"content-security-policy", POLICY))
    return known


def _place(origin: str) -> str:
    """Host and port of an origin; "" where it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _name(host: str) -> str:
    """A Host header without its port."""
    return host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
