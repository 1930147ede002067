"""A job's progress as server-sent events: what is new since the last one, however slow the client reads."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from pawtrait.serving.job import Job, View
from pawtrait.serving.problems import Problem

MEDIA = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # proxies pass it on at once
STILL = 1.0  # seconds of silence after which a comment says so, and keeps the connection open
PROBLEMS = {  # a job's kind of end → status and name of the problem that a client is told
    "memory": (413, "too-much-memory"),
    "Late": (504, "too-slow"),
    "NoRoom": (507, "no-room"),
    "Stopping": (503, "stopping"),
}


async def of(job: Job) -> AsyncIterator[str]:
    """Events until the job is over; the first one tells how it stands.

    When the service ends, jobs are over before its grace is, so no stream is cut off. A preview is sent
    once: while nothing new is seen it is null.
    """
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    preview: bytes | None = None

    def wake() -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it whoever listened
            loop.call_soon_threadsafe(changed.set)

    with job.heard(wake):
        while True:
            changed.clear()
            view = job.view
            yield event(view, view.preview if view.preview is not preview else None)
            preview = view.preview
            if view.over:
                return
            while not await _within(changed, STILL):
                yield ": still here\n\n"


def event(view: View, preview: bytes | None) -> str:
    """One event, as the standard writes it; ``id`` is the number of the change."""
    name = view.status if view.over else "progress"
    return f"event: {name}\nid: {view.number}\ndata: {json.dumps(_told(view, preview))}\n\n"


def problem(view: View) -> dict[str, Any] | None:
    """Why there is no portrait, as RFC 9457 has it; None where nothing is wrong."""
    if not view.problem:
        return None
    status, kind = PROBLEMS.get(view.kind, (500, "painting-failed"))
    return Problem(status, kind, view.problem).body()


async def _within(changed: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(changed.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _told(view: View, preview: bytes | None) -> dict[str, Any]:
    told: dict[str, Any] = {"status": view.status, "done": view.done, "of": view.of, "attempt": view.attempt}
    told |= {"losses": view.losses, "seconds": round(view.seconds, 3), "problem": problem(view)}
    encoded = base64.b64encode(preview).decode() if preview else None
    return told | {"preview": f"data:image/jpeg;base64,{encoded}" if encoded else None}
