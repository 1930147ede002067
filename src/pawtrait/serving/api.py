"""The application: every part put together by ``create``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import pawtrait
from pawtrait.serving import door, feedback, health, moods, portraits, problems
from pawtrait.serving.access import Gate
from pawtrait.serving.around import Around
from pawtrait.serving.keys import Keys
from pawtrait.serving.settings import Settings


def create(settings: Settings) -> FastAPI:
    """The service with these settings. Threads and files are opened when it starts, and closed when it ends.

    Raises:
        BadParams: the file of keys cannot be used.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        app.state.door = door.opened(settings)
        try:
            yield
        finally:
            app.state.door.close()

    app = FastAPI(
        title="Pawtrait", version=pawtrait.__version__, lifespan=life, docs_url=None, redoc_url=None
    )
    app.state.settings = settings
    app.state.gate = Gate(Keys(settings.keys) if settings.keys else None, settings.rate)
    problems.install(app)
    for part in (moods, portraits, feedback, health):
        app.include_router(part.router)
    app.add_middleware(Around)
    return app
