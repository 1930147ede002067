"""The service on a port: uvicorn, and an orderly end."""

import asyncio
import os
import signal
import socket
from pathlib import Path
from tempfile import TemporaryFile

import cv2
import uvicorn
from fastapi import FastAPI

from pawtrait import ports, terminal
from pawtrait.errors import BadParams
from pawtrait.serving import api, logs, patience, places
from pawtrait.serving.settings import Settings

BRIEF = {  # a registry that is away is asked again at the next look; MLflow's own retries take minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds
}


def run(settings: Settings, host: str, port: int) -> None:
    """Serve until a signal; what is in hand then is finished.

    Raises:
        BadParams: nobody can listen there, or what is acknowledged cannot be kept.
    """
    others = f"--port {port + 1}, or SERVICE_PORT={port + 1} after `make serve` or `make app`"
    if objection := ports.objection(host, port, "this service", others):
        raise BadParams(objection)
    _check_outbox(settings.outbox)
    logs.configure(settings.log)
    for name, value in BRIEF.items():
        os.environ.setdefault(name, value)
    cv2.setNumThreads(1)  # pictures are decoded side by side, which is quicker than each on all cores
    app = api.create(settings)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=patience.within(settings.slowest),
        ws="none",
        log_config=None,
        access_log=False,  # ours has ids and no addresses
        server_header=False,
        timeout_graceful_shutdown=int(settings.grace),
        timeout_keep_alive=30,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies or None,
    )
    terminal.on_close(lambda *_: signal.raise_signal(signal.SIGTERM))  # which uvicorn knows
    _Server(config, app).run()


def _check_outbox(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadParams(
            f"cannot write to {folder}, which keeps what the database does not have yet ({error}); let this"
            " user write there, or name another folder in PAWTRAIT_OUTBOX"
        ) from error


class _Server(uvicorn.Server):
    """Ends what would stay open as long as a portrait takes, before it waits for the last connections."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Uvicorn's own, and ours before and after it."""
        await asyncio.to_thread(self._app.state.door.leave)
        await super().shutdown(sockets)
        await asyncio.to_thread(places.leave)
