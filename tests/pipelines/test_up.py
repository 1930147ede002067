"""``make prefect`` for real: prefect.yaml as it is, with flows of a second in place of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect import Task
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.states import Paused, Running

from pipelines import month
from pipelines import up as machines
from pipelines.postgres import free_port
from pipelines.processes import CommandError

ROOT = Path(__file__).parents[2]
FLOWS = '''\
"""The three flows, of a second."""
import time
from pathlib import Path
from prefect import flow

@flow(name="retrain")
def retrain(month: str | None = None, again: bool = False, reason: str = ""):
    Path("reason.txt").write_text(f"{reason}{', again' if again else ''}")
    while month == "hang":
        Path("hanging").touch()
        time.sleep(0.1)

@flow(name="collect_feedback")
def collect_feedback():
    pass

@flow(name="monitor")
def monitor():
    pass
'''
EVENT = """
import json, sys, time
from prefect.events import emit_event
emit_event(sys.argv[1], resource={"prefect.resource.id": "pawtrait.monitor"}, payload=json.loads(sys.argv[2]))
time.sleep(2)
"""
Until = Callable[[Callable[[], bool]], None]


class Up:
    """A start of `python -m pipelines.up`, and its API."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port, self.url = folder, port, f"http://127.0.0.1:{port}/api"
        self.log = (folder / "up.log").open("w")
        self.env = {
            **os.environ,
            "PREFECT_HOME": str(folder / "home"),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        }
        command = [sys.executable, "-m", "pipelines.up", "--port", str(port)]
        self.process = subprocess.Popen(
            command, cwd=folder, env=self.env, stdout=self.log, stderr=self.log, start_new_session=True
        )

    def said(self) -> str:
        return (self.folder / "up.log").read_text()

    def ask(self, what: str, **body: Any) -> list[dict[str, Any]]:
        answer = httpx.post(f"{self.url}/{what}/filter", json=body, timeout=20)
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return found

    def runs(self, flow: str = "retrain") -> list[dict[str, Any]]:
        """Runs of a flow, soonest first."""
        return sorted(
            self.ask("flow_runs", flows={"name": {"any_": [flow]}}),
            key=lambda run: run["expected_start_time"],
        )

    def start(self, **parameters: str) -> str:
        """Start a retraining by hand; its id."""
        (deployment,) = self.ask("deployments", deployments={"name": {"any_": ["monthly"]}})
        with SyncPrefectClient(self.url) as client:
            return str(client.create_flow_run_from_deployment(deployment["id"], parameters=parameters).id)

    def tell(self, event: str, **payload: Any) -> None:
        """An event, as the daily look sends it."""
        command = [sys.executable, "-c", EVENT, event, json.dumps(payload)]
        subprocess.run(command, env={**self.env, "PREFECT_API_URL": self.url}, check=True)

    def state(self, run: str) -> tuple[str, str]:
        state = httpx.get(f"{self.url}/flow_runs/{run}").raise_for_status().json()["state"]
        return state["type"], state["message"] or ""

    def set_in_the_ui(self) -> None:
        """A parameter of the month, the night paused, the daily look's schedule switched off."""
        found = {one["name"]: one for one in self.ask("deployments")}
        with SyncPrefectClient(self.url) as client:
            update = DeploymentUpdate(parameters={"reason": "as ever"})
            client.update_deployment(UUID(found["monthly"]["id"]), update)
            client.pause_deployment(found["nightly"]["id"])
            (look,) = found["daily"]["schedules"]
            client.update_deployment_schedule(UUID(found["daily"]["id"]), UUID(look["id"]), active=False)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with this repository's prefect.yaml, whose entrypoints lead to the flows above."""
    text = (ROOT / "prefect.yaml").read_text()
    (tmp_path / "prefect.yaml").write_text(
        re.sub(r"entrypoint: pipelines/\w+\.py", "entrypoint: flows.py", text)
    )
    (tmp_path / "flows.py").write_text(FLOWS)
    return tmp_path


@pytest.fixture
def up(project: Path) -> Iterator[Callable[[], Up]]:
    """Starts it on one free port and waits until it says that it runs."""
    port = free_port()
    started: list[Up] = []

    def start() -> Up:
        one = Up(project, port)
        started.append(one)
        _until(lambda: "is the UI" in one.said() or one.process.poll() is not None, 150)
        assert one.process.poll() is None, one.said()
        return one

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


def _until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


def test_a_port_that_is_taken_is_one_line(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        one = Up(project, taken.getsockname()[1])
        assert one.process.wait(60) == 2
    (line,) = one.said().splitlines()
    assert line.startswith(f"prefect: port {one.port} of 127.0.0.1 is not free")


def test_an_output_that_takes_no_more_ends_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full, or nobody reads: the worker goes on, and its end is noticed as ever."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    code = "import time, pathlib; print('here', flush=True); time.sleep(0.5); pathlib.Path('ended').touch()"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(machines, "PREFECT", [sys.executable, "-c", code])
    monkeypatch.setattr("builtins.print", full)
    machine = machines.Machine("http://127.0.0.1:9/api")
    machine.work("pool")
    with pytest.raises(CommandError, match="the worker ended by itself"):
        machine.watch(20)
    assert (tmp_path / "ended").exists()


def test_pages_of_other_sites_may_not_speak_to_the_server() -> None:
    """Whoever may create a run names the command that the worker executes."""
    port = free_port()
    with machines.server(port) as url:
        own = (f"http://127.0.0.1:{port}", f"http://localhost:{port}")
        allowed = {origin: _preflight(url, origin) for origin in (*own, "http://evil.example", "null")}
    assert allowed == {own[0]: own[0], own[1]: own[1], "http://evil.example": None, "null": None}


def test_a_pool_of_another_type_is_left_to_a_worker_of_its_own(server: str) -> None:
    with SyncPrefectClient(server) as client:
        client.create_work_pool(WorkPoolCreate(name="boxes", type="docker"))
        with pytest.raises(CommandError, match=r"of type docker; .* --pool boxes --type docker"):
            machines.settle(client, "boxes")
        assert machines.settle(client, "here") == machines.settle(client, "here") == []  # made, then found


def test_what_waits_for_a_word_within_a_run_that_was_cut_off_is_cut_off_too(server: str) -> None:
    with SyncPrefectClient(server) as client:
        machines.settle(client, "asking")
        monthly = client.create_deployment(
            client.create_flow_from_name("retrain"), "monthly", work_pool_name="asking"
        )
        turning = client.create_flow_run_from_deployment(monthly, state=Running())
        place = client.create_task_run(Task(month.ask.fn), turning.id, "0", state=Running())
        asking = client.create_flow_run(month.ask, parent_task_run_id=place.id, state=Paused())
        assert machines.settle(client, "asking") == [turning.name]
        ended = [client.read_flow_run(one).state for one in (turning.id, asking.id)]
        client.delete_deployment(monthly)
    assert all(state is not None and state.is_crashed() for state in ended)


STUBBORN = """
import os, signal, sys, time
from pathlib import Path

def again(*_):
    os.kill(os.getppid(), signal.SIGINT)

if "worker" in sys.argv:
    signal.signal(signal.SIGTERM, again)
Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(300)
"""


def test_a_second_ctrl_c_does_not_leave_the_server_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alive: Callable[[int], bool]
) -> None:
    """It comes while the worker, which will not end, is being stopped."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(machines, "WORKER_GRACE", 0.5)
    machine = machines.Machine("http://127.0.0.1:9/api")
    try:
        for name, children in (("server", machine._server), ("worker", machine._worker)):
            machine._keep(name, [sys.executable, "-c", STUBBORN, name], children)
        _until(lambda: all(_number(tmp_path / name) for name in ("server", "worker")))
        with suppress(KeyboardInterrupt):
            machine.stop()
        assert not any(alive(_number(tmp_path / name)) for name in ("server", "worker"))
    finally:
        for pid in filter(alive, (_number(tmp_path / name) for name in ("server", "worker"))):
            os.kill(pid, signal.SIGKILL)


def _number(file: Path) -> int:
    return int(file.read_text() or 0) if file.exists() else 0


SCHEMA = {
    "type": "object",
    "properties": {"approval": {"enum": ["gate", "person"]}, "again": {"type": "boolean"}},
}


def test_what_was_set_in_the_ui_outlives_a_start(server: str) -> None:
    """But for what prefect.yaml says itself, and for parameters that the flow has no more."""
    with SyncPrefectClient(server) as client:
        before = _deployed(client, approval="person", again=False, gone=1)
        client.pause_deployment(before.id)
        before = client.read_deployment(before.id)
        assert not _deployed(client, again=True).paused
        machines.put_back(client, before)
        now = client.read_deployment(before.id)
        client.delete_deployment(before.id)
    assert now.parameters == {"approval": "person", "again": True}
    assert now.paused


def test_a_start_that_is_cut_off_leaves_what_was_set_in_the_ui(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one reads what this one left."""
    with SyncPrefectClient(server) as client:
        before = _deployed(client, approval="person")
        machine = machines.Machine(server)

        def cut_off(*_: object) -> None:
            _deployed(client)
            raise KeyboardInterrupt

        monkeypatch.setattr(machine._worker, "run", cut_off)
        with pytest.raises(KeyboardInterrupt):
            machine.deploy(client)
        now = client.read_deployment(before.id)
        client.delete_deployment(before.id)
    assert now.parameters == {"approval": "person"}


def test_a_deployment_whose_flow_refuses_what_was_set_in_the_ui_is_paused(
    server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with SyncPrefectClient(server) as client:
        before = _deployed(client).model_copy(update={"parameters": {"approval": "ann"}})
        machines.put_back(client, before)
        now = client.read_deployment(before.id)
        client.delete_deployment(before.id)
    assert (now.parameters, now.paused) == ({}, True)
    assert "is paused: its flow no longer takes" in capsys.readouterr().out


def _deployed(client: SyncPrefectClient, **parameters: Any) -> DeploymentResponse:
    """As `prefect deploy` does it: the whole of it, anew."""
    made = client.create_deployment(
        client.create_flow_from_name("retrain"),
        "kept",
        parameters=parameters,
        parameter_openapi_schema=SCHEMA,
        enforce_parameter_schema=True,
        paused=False,
    )
    return client.read_deployment(made)


def _preflight(url: str, origin: str) -> str | None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = httpx.options(f"{url}/flow_runs/", headers={"Origin": origin, **asks})
    return answer.headers.get("access-control-allow-origin")


@pytest.mark.slow
def test_from_a_start_over_runs_and_events_to_a_stop_and_the_next_start(
    up: Callable[[], Up], alive: Callable[[int], bool]
) -> None:
    first = up()
    _until(lambda: len(first.runs()) == 3)
    dates = [run["expected_start_time"] for run in first.runs()]
    assert all(re.fullmatch(r"\d{4}-\d\d-01T03:00:00Z", date) for date in dates)

    by_hand = first.start(reason="by hand")
    _until(lambda: first.state(by_hand)[0] == "COMPLETED")

    first.tell("pawtrait.drift.detected", alarms=["brightness: darker", "share: more angry"])
    reason = first.folder / "reason.txt"
    _until(lambda: reason.read_text() == "drift: brightness: darker; share: more angry, again")
    _until(lambda: not _under_way(first))  # else the next gives way to it
    first.tell("pawtrait.feedback.enough", waiting=37)
    _until(lambda: reason.read_text() == "feedback: 37 accepted pictures wait, again")
    _until(lambda: not _under_way(first))

    hanging = first.start(month="hang")
    _until((first.folder / "hanging").exists)
    doubled = first.start()
    _until(lambda: first.state(doubled) == ("CANCELLED", "Deployment concurrency limit reached."))

    first.set_in_the_ui()
    children = _children(first.process.pid)
    assert len(children) >= 3  # server, worker, the run that hangs
    assert first.stop() == 0
    _until(lambda: not any(map(alive, children)))

    second = up()
    assert second.state(hanging)[0] in ("CRASHED", "CANCELLED")
    _until(lambda: _planned(second) == dates)
    again = second.start(reason="after the stop")
    _until(lambda: second.state(again)[0] == "COMPLETED")
    assert len(second.ask("automations")) == 2  # the triggers are renewed, not doubled
    kept = {one["name"]: one for one in second.ask("deployments")}
    assert kept["monthly"]["parameters"] == {"reason": "as ever"}
    assert {name: one["paused"] for name, one in kept.items()} == {
        "monthly": False,
        "nightly": True,
        "daily": False,
    }
    assert {name: one["schedules"][0]["active"] for name, one in kept.items()} == {
        "monthly": True,
        "nightly": True,
        "daily": False,
    }


class _Fine(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_of_this_machine_is_asked_without_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with HTTPServer(("127.0.0.1", 0), _Fine) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        assert machines._healthy(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_prefects_client_asks_no_proxy_for_a_server_of_this_machine() -> None:
    code = "import pipelines, os; print(os.environ['no_proxy'], os.environ['NO_PROXY'])"
    proxied = {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "corp.example"}
    plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    told = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env=plain | proxied, text=True)
    assert told.split() == ["corp.example,127.0.0.1,localhost"] * 2


@pytest.mark.slow
def test_a_terminal_that_closes_leaves_neither_server_nor_worker(
    up: Callable[[], Up], alive: Callable[[int], bool]
) -> None:
    """It says so twice, by its shell and by the kernel: the second time while all of it stops."""
    one = up()
    children = _children(one.process.pid)
    one.process.send_signal(signal.SIGHUP)
    _until(lambda: "prefect: stopping" in one.said())
    one.process.send_signal(signal.SIGHUP)
    assert one.process.wait(60) == 0
    assert not any(map(alive, children))
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{one.url}/health")


@pytest.mark.slow
def test_a_killed_machine_leaves_its_place_to_the_next_run(up: Callable[[], Up]) -> None:
    """Nothing could be told to the server: power off. The run counts as crashed at the next start."""
    first = up()
    hanging = first.start(month="hang")
    _until((first.folder / "hanging").exists)
    for pid in [first.process.pid, *_children(first.process.pid)]:
        os.kill(pid, signal.SIGKILL)
    first.process.wait()

    second = up()
    assert second.state(hanging) == ("CRASHED", "cut off when its worker stopped")
    again = second.start()
    _until(lambda: second.state(again)[0] == "COMPLETED")


@pytest.mark.slow
def test_a_server_that_dies_ends_the_whole_with_one_line(up: Callable[[], Up]) -> None:
    one = up()
    for pid in _children(one.process.pid):
        if b"server\0start" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    assert one.process.wait(90) == 2
    assert re.search(r"^prefect: .*server", one.said().splitlines()[-1])


def _planned(up: Up) -> list[str]:
    return [run["expected_start_time"] for run in up.runs() if run["state_type"] == "SCHEDULED"]


def _under_way(up: Up) -> list[str]:
    """The retrainings that hold the place or are about to; those planned for the first of a month do not."""
    return [run["id"] for run in up.runs() if run["state_type"] in ("PENDING", "RUNNING")]


def _children(pid: int) -> list[int]:
    """All descendants."""
    found = [int(name) for name in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
    for thread in threads:
        kids = Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
        found += [int(name) for name in kids if int(name) not in found]
    return [*found, *(one for child in found for one in _children(child))]
