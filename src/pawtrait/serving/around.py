"""What is done around every request: an id, security headers, a line in the log, a count."""

import logging
import time
from typing import Any
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]
POLICY = b"default-src 'none'; frame-ancestors 'none'"

log = logging.getLogger("pawtrait.requests")


class Around:
    """The outermost layer, in plain ASGI: it costs microseconds and streams what it is given."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection's request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        state["id"] = uuid4().hex
        began, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message.setdefault("headers", [])
                message["headers"] = [*headers, *HEADERS, (b"x-request-id", state["id"].encode())]
                if not any(name == b"content-security-policy" for name, _ in headers):
                    message["headers"].append((b"content-security-policy", POLICY))
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            self._write(scope, state, status, time.perf_counter() - began)

    def _write(self, scope: Scope, state: dict[str, Any], status: int, seconds: float) -> None:
        route = getattr(
            scope.get("route"), "path", ""
        )  # never the address itself: it may hold what it should not
        log.info(
            "%s %s %d",
            scope["method"],
            route,
            status,
            extra={
                "request": state["id"],
                "method": scope["method"],
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 2),
                "problem": state.get("problem"),
                "client": state.get("client"),
            },
        )
