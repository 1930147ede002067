"""``/v1/pictures/{sha}``: shown to reviewers, deleted for whoever asks."""

import logging
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse

from pawtrait import clock
from pawtrait.adapters.store import database, forgetting
from pawtrait.adapters.store.pictures import NAME, Damaged, NoPicture
from pawtrait.dataset import images, snapshots
from pawtrait.monitoring import shown
from pawtrait.serving import access, rows, told
from pawtrait.serving.door import Door
from pawtrait.serving.problems import Problem

log = logging.getLogger(__name__)
router = APIRouter()

Sha = Annotated[str, Path(pattern="^" + NAME.pattern + "$", description="The picture's SHA-256.")]


@router.get("/v1/pictures/{sha}", response_class=Response, **told.SHOW)
async def show(request: Request, sha: Sha) -> Response:
    """A picture that was kept with consent, without its notes."""
    access.allow(request, "review")
    door: Door = request.app.state.door
    try:
        data = await door.keepers.run(door.pictures.get, sha)
    except NoPicture as error:
        raise _unknown() from error
    except Damaged as error:
        log.error("%s", error)
        told = "this picture is damaged; the operator can read more in the log"
        raise Problem(500, "damaged-picture", told) from error
    kind = images.sniff(data)
    if not kind:
        raise _unknown()
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": "inline"}
    return Response(data, media_type=f"image/{kind}", headers=headers)


@router.delete("/v1/pictures/{sha}", **told.DELETE)
async def delete(request: Request, sha: Sha) -> JSONResponse:
    """Delete a picture and all that was said of it; older snapshots that hold it are named.

    Whoever has the picture can compute its SHA-256, and nobody else can know it: so the scope ``feedback``,
    with which it was sent, is enough.
    """
    access.allow(request, "feedback")
    door: Door = request.app.state.door
    return JSONResponse(await door.forgetters.run(_forget, door, sha))


def _forget(door: Door, sha: str) -> dict[str, Any]:
    """Painting it is stopped, and what was said and still waits is delivered first, so that it goes too.

    What waits in another service's part of the outbox is dropped when that delivers it: the word that the
    picture was forgotten is there before.
    """
    painted = door.workshop.jobs.forget(sha)
    if not (door.said.flush() and door.asked.flush()):
        raise Problem(503, "no-store", "the database cannot be reached at the moment; try again later")
    refused = sum(outbox.strike(partial(rows.shows, picture=sha)) for outbox in (door.said, door.asked))
    with database.opened(door.settings.database) as engine:
        found = forgetting.trace(engine, sha)
        there = door.pictures.has(sha)
        if not (found.rows or there or found.before or painted or refused):
            raise _unknown()
        held = set(snapshots.holding(door.settings.snapshots, sha))
        months = sorted(held | set(found.months))
        door.pictures.forget(sha)
        _leave_the_pages(door, sha)
        forgetting.forget(engine, sha, [sha], months, clock.now())
    return {"picture": sha, "pictures": int(there), "rows": found.rows + refused, "snapshots": months}


def _leave_the_pages(door: Door, sha: str) -> None:
    try:
        shown.forget(door.settings.monitor, [sha])
    except OSError as error:  # in containers they are read-only here
        log.warning("a monitoring page shows a forgotten picture until the next look: %s", error)


def _unknown() -> Problem:
    return Problem(404, "unknown-picture", "no picture is known by this SHA-256")
