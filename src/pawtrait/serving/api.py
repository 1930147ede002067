"""The application: every part put together by ``create``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

import pawtrait
from pawtrait.serving import (
    door,
    feedback,
    health,
    manual,
    metrics,
    moods,
    pictures,
    portraits,
    problems,
    reports,
    reviews,
    told,
    traces,
)
from pawtrait.serving.access import Gate
from pawtrait.serving.around import Around
from pawtrait.serving.keys import Keys
from pawtrait.serving.metrics import Metrics
from pawtrait.serving.settings import Settings

SPOKEN = [  # headers of answers that the API relies on, besides those that every script may read
    *("Location", "Retry-After", "X-Pawtrait-Request", "X-Pawtrait-Seconds", "X-Pawtrait-Model"),
    *("X-Pawtrait-Picture", "X-Pawtrait-Kept", "X-Request-ID"),
]
PARTS = (moods, portraits, feedback, reviews, pictures, health, reports, metrics, manual)


def create(settings: Settings) -> FastAPI:
    """The service with these settings. Threads and files are opened when it starts, and closed when it ends.

    Raises:
        BadParams: the file of keys cannot be used.
    """
    spans = traces.configured()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        app.state.door = door.opened(settings)
        app.state.metrics.watch(app.state.door)
        watching = asyncio.create_task(app.state.door.batcher.lag.watch())
        try:
            yield
        finally:
            watching.cancel()
            app.state.door.close()
            if spans:
                spans.close()

    app = FastAPI(
        title="Pawtrait", version=pawtrait.__version__, lifespan=life, docs_url=None, redoc_url=None
    )
    app.state.settings = settings
    app.state.gate = Gate(Keys(settings.keys) if settings.keys else None, settings.pace)
    app.state.metrics = Metrics()
    problems.install(app)
    for part in PARTS:
        app.include_router(part.router)
    told.describe(app, [route for part in PARTS for route in part.router.routes])
    app.add_middleware(
        Around,
        outer=app,
        spans=spans,
        hot=None if settings.origins else moods.moods,  # with origins, CORS has a say
    )
    if settings.origins:  # outermost: what Around refuses may be read too
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins.split(),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=[
                *("authorization", "content-type", "last-event-id"),
                *("x-request-id", "idempotency-key"),
            ],
            expose_headers=SPOKEN,
        )
    return app
