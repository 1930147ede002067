"""The worker's part of ``make prefect``, for a server elsewhere: the one that PREFECT_API_URL names.

``python -m pipelines.join`` hands prefect.yaml's deployments to it and runs what is due, in this folder.
One such worker for a pool: what an earlier one left under way counts as crashed when the next begins.
"""

import argparse
import socket
import sys
from collections.abc import Sequence

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import WorkerFilter
from prefect.exceptions import PrefectException
from prefect.settings import PREFECT_API_URL

from pawtrait.errors import PawtraitError
from pipelines.deployments import pool_name
from pipelines.processes import CommandError, heed, say
from pipelines.up import Machine, settle


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until Ctrl-C or such a signal (0), or until the worker ends by itself or no server answers (2)."""
    parser = argparse.ArgumentParser("python -m pipelines.join", description=__doc__)
    parser.add_argument(
        "--ask", action="store_true", help="only ask the server whether this worker is online"
    )
    heed()
    try:
        if parser.parse_args(arguments).ask:
            return _ask(pool_name())
        _work(pool_name())
    except KeyboardInterrupt:
        say("join: stopped")
        return 0
    except PawtraitError as error:
        print(f"join: {error}", file=sys.stderr)
        return 2
    except (PrefectException, httpx.HTTPError) as error:
        print(f"join: Prefect's server at {PREFECT_API_URL.value()}: {error}", file=sys.stderr)
        return 2
    return 0


def _work(pool: str) -> None:
    machine = Machine(_url())
    try:
        with get_client(sync_client=True) as client:
            for name in settle(client, pool):
                print(f"join: run {name} was cut off by the last stop and counts as crashed", flush=True)
            machine.deploy(client)
        machine.work(pool)
        print(f"join: this worker runs the deployments in pool {pool} of {_url()}", flush=True)
        machine.watch()
    finally:
        machine.stop()


def _ask(pool: str) -> int:
    """Whether the server has heard of this machine's worker lately."""
    _url()
    with get_client(sync_client=True) as client:
        workers = client.read_workers_for_work_pool(pool, worker_filter=WorkerFilter())
    mine = [one.status for one in workers if one.name == socket.gethostname()]
    print(f"join: {', '.join(mine) or 'unknown to the server'}")
    return 0 if "ONLINE" in mine else 1


def _url() -> str:
    """Where the server is.

    Raises:
        CommandError: nothing says so.
    """
    url: str | None = PREFECT_API_URL.value()
    if not url:
        raise CommandError("PREFECT_API_URL names no server; set it, or start one here with `make prefect`")
    return url


if __name__ == "__main__":
    sys.exit(main())
