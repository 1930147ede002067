"""The service on a port: uvicorn, and an orderly end."""

import uvicorn

from pawtrait.serving import api
from pawtrait.serving.settings import Settings


def run(settings: Settings, host: str, port: int) -> None:
    """Serve until a signal; what is in hand then is finished."""
    config = uvicorn.Config(
        api.create(settings),
        host=host,
        port=port,
        access_log=False,  # ours has ids and no addresses
        server_header=False,
        timeout_graceful_shutdown=int(settings.grace),
        timeout_keep_alive=30,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies or None,
        h11_max_incomplete_event_size=32_768,
    )
    uvicorn.Server(config).run()
