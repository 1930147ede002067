"""``/v1/portraits`` and ``/v1/styles``: a photo and a painting in, a portrait out, at once or as a job."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from pawtrait.errors import BadImage
from pawtrait.serving import access, events, intake, portraits_told, wishes
from pawtrait.serving.door import Door
from pawtrait.serving.job import Job, View
from pawtrait.serving.metrics import Metrics
from pawtrait.serving.places import Place
from pawtrait.serving.problems import Problem
from pawtrait.serving.sittings import Facts, Sitting
from pawtrait.serving.styles import Work
from pawtrait.style_transfer.studio import STEPWISE

router = APIRouter(tags=["portraits"])

UNKEPT = {"Cache-Control": "no-store"}
SHORTLY = {"Cache-Control": "private, max-age=600"}


@router.post("/v1/portraits", response_class=Response, **portraits_told.PAINT)
async def paint(request: Request) -> Response:
    """Paint a photo: ``fast`` and ``cyclegan`` at once, ``nst`` and ``hybrid`` as a job."""
    door: Door = request.app.state.door
    client = access.allow(request, "read")
    form = await intake.form(request, door.settings, most=2)
    wish = await asyncio.to_thread(wishes.read, request, form, door.workshop.wall, door.settings)
    sitting = Sitting(wish, door.workshop, door.settings)
    name = request.state.id
    if (key := request.headers.get("idempotency-key")) and wish.method in STEPWISE:
        name = await asyncio.to_thread(wish.job, key, client)
    answer = _queued if wish.method in STEPWISE else _at_once
    metrics: Metrics = request.app.state.metrics
    try:
        lack = await asyncio.to_thread(door.workshop.lack, wish.method)
        if lack:
            raise Problem(503, "method-unavailable", f"{wish.method}: {lack}")
        return await answer(door, metrics, name, sitting)
    except Exception as error:  # nobody had foreseen some: they are written down too, and go on their way
        if not isinstance(error, Problem) or error.status != 429:  # those were turned away at the door
            kind = error.kind if isinstance(error, Problem) else type(error).__name__
            door.note(sitting.row(request.state.id, None, kind))
            metrics.portrait(wish.method, "error", sitting.seconds)
        raise


@router.get("/v1/portraits/{key}", **portraits_told.LOOK)
async def look(request: Request, key: str) -> Response:
    """How a job stands; with ``Accept: text/event-stream`` the events."""
    job = _job(request, key)
    if events.MEDIA in request.headers.get("accept", ""):
        return _stream(request, job)
    return JSONResponse(_told(job.view), headers=_version(job.view.painter) | UNKEPT)


@router.get("/v1/portraits/{key}/events", response_class=Response, **portraits_told.EVENTS)
async def follow(request: Request, key: str) -> Response:
    """Progress as server-sent events, with small previews, until the job is over."""
    return _stream(request, _job(request, key))


@router.get("/v1/portraits/{key}/picture", response_class=Response, **portraits_told.PICTURE)
async def picture(request: Request, key: str) -> Response:
    """The portrait, a PNG; while it is being painted the newest preview, a small JPEG."""
    job = _job(request, key)
    view = job.view  # as it stands now; the thread that paints changes it
    jobs = request.app.state.door.workshop.jobs
    headers = _version(view.painter) | UNKEPT
    if view.status == "done":
        found = await asyncio.to_thread(jobs.picture, job)
        if found:
            return Response(found, media_type="image/png", headers=headers)
    elif view.preview:
        return Response(view.preview, media_type="image/jpeg", headers=headers)
    later = {} if view.over else {"Retry-After": "1"}
    raise Problem(404, "no-picture-yet" if later else "no-picture", "there is no picture of this job", later)


@router.delete("/v1/portraits/{key}", status_code=204, response_class=Response, **portraits_told.CANCEL)
async def cancel(request: Request, key: str) -> Response:
    """Stop a job; delete one that is over, and its portrait."""
    job = _job(request, key)
    await asyncio.to_thread(request.app.state.door.workshop.jobs.cancel, job)
    return Response(status_code=204)


@router.get("/v1/styles", **portraits_told.STYLES)
async def styles(request: Request) -> JSONResponse:
    """The ways to paint, and the paintings that can be named."""
    access.allow(request, "read")
    shop = request.app.state.door.workshop
    methods, works = await asyncio.to_thread(lambda: (shop.methods(), shop.wall.works()))
    body = {
        "methods": [
            {
                "name": one.name,
                "told": one.told,
                "needs_style": one.needs_style,
                "available": not one.why_not,
                "why_not": one.why_not,
                "model": _model(one.painter),
            }
            for one in methods
        ],
        "styles": [_style(work) for work in works],
        "largest": request.app.state.settings.portrait_largest,
    }
    return JSONResponse(body)


@router.get("/v1/styles/{name}/picture", response_class=Response, **portraits_told.STYLE_PICTURE)
async def style_picture(request: Request, name: str) -> Response:
    """A painting to look at, a JPEG."""
    access.allow(request, "read")
    wall = request.app.state.door.workshop.wall
    work = await asyncio.to_thread(wall.find, name)
    if work is None:
        raise Problem(404, "no-such-style", "there is no painting of that name; GET /v1/styles lists them")
    tag = f'"{work.id}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag, **SHORTLY})
    try:
        shown = await asyncio.to_thread(wall.picture, work)
    except (BadImage, OSError) as error:
        raise Problem(404, "no-such-style", "the file of this painting cannot be read") from error
    return Response(shown, media_type="image/jpeg", headers={"ETag": tag, **SHORTLY})


async def _at_once(door: Door, metrics: Metrics, name: str, sitting: Sitting) -> Response:
    """The portrait itself."""
    painted, material = await door.workshop.turns.take(sitting.paint)
    seconds = sitting.seconds
    door.note(sitting.row(name, material.facts, None))
    metrics.portrait(sitting.wish.method, "ok", seconds)
    kept = sitting.wish.consent and await door.kept(material.data)
    headers = {
        **_version(sitting.painter),
        "X-Pawtrait-Seconds": f"{seconds:.3f}",
        "X-Pawtrait-Picture": material.facts.id,
        "X-Pawtrait-Kept": "true" if kept else "false",
    }
    return Response(painted, media_type="image/png", headers=headers | UNKEPT)


async def _queued(door: Door, metrics: Metrics, name: str, sitting: Sitting) -> Response:
    """A job of that name; the one that goes by it already, where the wish came before."""
    shop = door.workshop
    await asyncio.to_thread(shop.jobs.check_room, name)  # before the work of decoding
    material = await shop.turns.take(sitting.prepare)
    steps = await asyncio.to_thread(shop.steps, sitting.wish.method, sitting.wish.steps)
    finished = _writing(door, metrics, sitting, material.facts)
    job = shop.jobs.submit(name, material.order, steps, finished, material.facts.id)
    try:
        kept = sitting.wish.consent and await door.kept(material.data)
    finally:
        sitting.forget()  # while the job waits only what will be painted is in memory
    body = {**_told(job.view), "picture": material.facts.id, "kept": kept}
    headers = {"Location": body["url"], **_version(job.view.painter), **UNKEPT}
    return JSONResponse(body, 202, headers)


def _writing(door: Door, metrics: Metrics, sitting: Sitting, facts: Facts) -> Callable[[View], None]:
    """Writes down how a job ended, unless its client did not want it any more: then nothing was answered."""

    def finished(view: View) -> None:
        outcome = {"done": "ok", "failed": "error"}.get(view.status, "cancelled")
        metrics.portrait(view.method, outcome, sitting.seconds)
        if view.status != "cancelled":
            door.note(sitting.row(view.id, facts, view.kind or None))

    return finished


def _version(painter: Place | None) -> dict[str, str]:
    """Which version painted, or will; neural style transfer alone has none."""
    return {"X-Pawtrait-Model": f"{painter.name}/{painter.version}"} if painter else {}


def _model(painter: Place | None) -> dict[str, str] | None:
    """The same for a body."""
    return {"name": painter.name, "version": painter.version} if painter else None


def _job(request: Request, key: str) -> Job:
    access.allow(request, "read")
    job: Job | None = request.app.state.door.workshop.jobs.find(key)
    if job is None:
        raise Problem(404, "no-such-job", portraits_told.NO_SUCH_JOB)
    return job


def _stream(request: Request, job: Job) -> Response:
    """The events; none where a browser, which connects again whenever they end, has had the last one."""
    view = job.view
    if view.over and request.headers.get("last-event-id") == str(view.number):
        return Response(status_code=204, headers=UNKEPT)
    told = events.of(job)
    headers = _version(job.view.painter) | events.HEADERS
    return StreamingResponse(told, media_type=events.MEDIA, headers=headers)


def _told(view: View) -> dict[str, Any]:
    url = f"/v1/portraits/{view.id}"
    return {
        "id": view.id,
        "method": view.method,
        "model": _model(view.painter),
        "status": view.status,
        "done": view.done,
        "of": view.of,
        "seconds": round(view.seconds, 3),
        "problem": events.problem(view),
        "url": url,
        "picture_url": f"{url}/picture" if view.status == "done" or view.preview else None,
    }


def _style(work: Work) -> dict[str, str]:
    return {"name": work.name, "title": work.title, "url": f"/v1/styles/{quote(work.name)}/picture"}
