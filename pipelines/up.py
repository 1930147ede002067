"""``make prefect``: server, worker and deployments on one machine, by one command; Ctrl-C stops all.

So does closing its terminal, unless `nohup` started it.
What lasts lies in Prefect's database (PREFECT_HOME, PREFECT_SERVER_DATABASE_CONNECTION_URL), so the next
start has the same schedules and runs. A run that the stop cut off counts as crashed then: its place is free.
"""

import argparse
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import httpx
from filelock import FileLock, Timeout
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId, FlowRunFilterState
from prefect.client.schemas.filters import FlowRunFilterParentFlowRunId as ParentId
from prefect.client.schemas.filters import FlowRunFilterStateType as StateType
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.objects import StateType as Kind
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from prefect.states import Crashed
from prefect.workers.process import ProcessWorker

from pawtrait import ports
from pawtrait.errors import PawtraitError
from pipelines import deployments
from pipelines.processes import Children, CommandError, deaf, heed, say

HOST = "127.0.0.1"
READY = (
    120.0  # seconds for the server, which migrates its database at its first start: 15 s on two idle cores
)
WORKER_GRACE, SERVER_GRACE = 30.0, 10.0  # seconds to end: runs tell the server, so they go first
PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]
SETTINGS = {  # of the server; a value that is set already stands
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
}
ORIGINS = "PREFECT_SERVER_CORS_ALLOWED_ORIGINS"  # Prefect's "*" lets any page of a browser here run commands
UNDER_WAY = [Kind.RUNNING, Kind.PENDING, Kind.CANCELLING, Kind.PAUSED]


class Machine:
    """The processes of one start, and the first of them that ended by itself."""

    def __init__(self, url: str, quiet: bool = False) -> None:
        """``url`` is the API's address; ``quiet`` keeps to itself what the processes print."""
        self.url = url
        self._quiet = quiet
        extra = {"PREFECT_API_URL": url, "PAWTRAIT_HOME": str(Path.cwd())}
        settings = {**SETTINGS, ORIGINS: _origins(url)}
        self._server = Children(extra={**settings, **_set(settings), **extra}, grace=SERVER_GRACE)
        self._worker = Children(extra=extra, grace=WORKER_GRACE)
        self._ended: SimpleQueue[CommandError] = SimpleQueue()

    def serve(self, port: int) -> None:
        """Start the server and wait until it answers.

        Raises:
            CommandError: it ended, or does not answer in time.
        """
        command = [*PREFECT, "server", "start", "--host", HOST, "--port", str(port)]
        self._keep("server", command, self._server)
        deadline = time.monotonic() + READY
        while not _healthy(self.url):
            self.watch(0.2)
            if time.monotonic() > deadline:
                raise CommandError(f"the Prefect server does not answer at {self.url} after {READY:.0f} s")

    def deploy(self, client: SyncPrefectClient) -> None:
        """Hand every deployment of prefect.yaml to its pool; what people set besides in the UI stays.

        Raises:
            CommandError: Prefect refuses one.
        """
        before = client.read_deployments()
        try:
            self._worker.run("deploy", [*PREFECT, "deploy", "--all"], _nothing)
        finally:  # a start that is cut off has emptied some already, and the next one would know of nothing
            for one in before:
                put_back(client, one)

    def work(self, pool: str) -> None:
        """Start the worker, which runs what is due."""
        command = [*PREFECT, "worker", "start", "--pool", pool, "--type", "process"]
        self._keep("worker", [*command, "--name", socket.gethostname()], self._worker)

    def watch(self, seconds: float | None = None) -> None:
        """Wait, for ever by default.

        Raises:
            CommandError: the server or the worker ended.
        """
        try:
            raise self._ended.get(timeout=seconds)
        except Empty:
            return

    def stop(self) -> None:
        """The worker and its runs first, while the server still takes their last words.

        Whoever presses Ctrl-C once more waits all the same: the server would keep its port for ever.
        """
        with deaf():
            self._worker.stop()
            self._server.stop()

    def _keep(self, name: str, command: Sequence[str], children: Children) -> None:
        def log(line: str) -> None:
            if not self._quiet:
                say(f"{name}: {line}")

        def wait() -> None:
            try:
                children.run(name, command, log)
                self._ended.put(CommandError(f"the {name} ended by itself"))
            except CommandError as error:
                self._ended.put(error)

        Thread(target=wait, daemon=True).start()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C, SIGTERM or SIGHUP (0), or until something ends by itself (2, after one line)."""
    parser = argparse.ArgumentParser("python -m pipelines.up", description=__doc__)
    parser.add_argument("--port", type=int, default=4200, help=f"of {HOST} (%(default)s)")
    port = parser.parse_args(arguments).port
    heed()
    try:
        with _alone(), _up(port) as machine:
            say(_welcome(port))
            machine.watch()
    except KeyboardInterrupt:
        say("prefect: stopped; `make prefect` goes on with the same schedules and runs")
        return 0
    except (PawtraitError, httpx.HTTPError) as error:
        say(f"prefect: {error}", sys.stderr)
        return 2
    return 0


def settle(client: SyncPrefectClient, pool: str) -> list[str]:
    """Mark as crashed what is under way in the pool, where nobody works yet; give the names of these runs.

    So is what waits within them for a person's word.

    Raises:
        CommandError: the pool is of another type than the worker that begins here.
    """
    _provide(client, pool)
    mine = [one.id for one in client.read_deployments() if one.work_pool_name == pool]
    left = _under_way(client, deployment_id=FlowRunFilterDeploymentId(any_=mine)) if mine else []
    inner = _under_way(client, parent_flow_run_id=ParentId(any_=[run.id for run in left])) if left else []
    for run in [*inner, *left]:
        client.set_flow_run_state(run.id, Crashed(message="cut off when its worker stopped"), force=True)
    return [run.name for run in left]


def put_back(client: SyncPrefectClient, before: DeploymentResponse) -> None:
    """Pause what was paused, and set the parameters again that prefect.yaml leaves open.

    `prefect deploy` empties them, and a month would promote unasked where people want to be asked. Where
    their values fit the flow no more, the deployment is paused.
    """
    now = client.read_deployment(before.id)
    known = (now.parameter_openapi_schema or {}).get("properties", {})
    left = {
        name: value
        for name, value in before.parameters.items()
        if name in known and name not in now.parameters
    }
    if before.paused and not now.paused:
        client.pause_deployment(before.id)
    try:
        if left:
            client.update_deployment(before.id, DeploymentUpdate(parameters={**now.parameters, **left}))
    except PrefectHTTPStatusError:
        client.pause_deployment(before.id)
        say(f"prefect: {before.name} is paused: its flow no longer takes what was set in the UI, {left}")


def _under_way(client: SyncPrefectClient, **which: Any) -> list[FlowRun]:
    state = FlowRunFilterState(type=StateType(any_=UNDER_WAY))
    return client.read_flow_runs(flow_run_filter=FlowRunFilter(state=state, **which))


@contextmanager
def server(port: int) -> Iterator[str]:
    """A server without worker and deployments, for many runs one after the other: the address of its API.

    Raises:
        CommandError: it ended, or does not answer in time.
    """
    machine = Machine(_address(port), quiet=True)
    try:
        machine.serve(port)
        yield machine.url
    finally:
        machine.stop()


@contextmanager
def _up(port: int) -> Iterator[Machine]:
    pool = deployments.pool_name()
    _check(port)
    url = _address(port)
    machine = Machine(url)
    try:
        say("prefect: starting the server …")
        machine.serve(port)
        with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
            for name in settle(client, pool):
                say(f"prefect: run {name} was cut off by the last stop and counts as crashed")
            machine.deploy(client)
        machine.work(pool)
        yield machine
    finally:
        say("prefect: stopping the worker with its runs, then the server; up to half a minute …")
        machine.stop()


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time for one database of Prefect: the next would take the runs of this one for cut off."""
    lock = Path(PREFECT_HOME.value()) / "pawtrait.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=0):
            yield
    except Timeout as error:
        raise CommandError(
            f"`make prefect` is already running with {lock.parent}; stop that first"
        ) from error


def _check(port: int) -> None:
    others = f"make prefect PREFECT_PORT={port + 1}"
    if objection := ports.objection(HOST, port, "Prefect", others):
        raise CommandError(objection)


def _address(port: int) -> str:
    return f"http://{HOST}:{port}/api"


def _origins(url: str) -> str:
    """The UI's, by both names of this machine."""
    own = url.removesuffix("/api")
    return f"{own},{own.replace(HOST, 'localhost')}"


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5, trust_env=False).is_success  # no proxy knows it
    except httpx.HTTPError:
        return False


def _welcome(port: int) -> str:
    url = _address(port)
    plans = "\n".join(deployments.described(one, datetime.now(UTC)) for one in deployments.deployments())
    return (
        f"{plans}\nprefect: {url.removesuffix('/api')} is the UI; Ctrl-C stops server, worker and runs\n"
        f"prefect: for commands in another terminal: export PREFECT_API_URL={url}"
    )


def _provide(client: SyncPrefectClient, pool: str) -> None:
    """Make the pool where it is missing; a worker of processes that joins another would run nothing in it."""
    try:
        kind = client.read_work_pool(pool).type
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=pool, type="process", base_job_template=template))
        return
    if kind != "process":
        start = f"prefect worker start --pool {pool} --type {kind}"
        raise CommandError(f"pool {pool} is of type {kind}; start its own worker: {start}")


def _set(names: Mapping[str, str]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


def _nothing(line: str) -> None:
    """Prefect's pages about each deployment say what prefect.yaml says; a failure quotes its last lines."""


if __name__ == "__main__":
    sys.exit(main())
