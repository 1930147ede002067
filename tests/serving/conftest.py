"""Services in this process and in ones of their own, on a model that knows moods by their colour."""

import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from s3fs import S3FileSystem

from pawtrait.serving import api, reading
from pawtrait.serving.settings import Settings
from pipelines.postgres import free_port
from tests.serving.callers import ROOT, answers, crown, wait_for


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colour_model: Callable[..., Path]) -> Path:
    """A project's root, its champion the colour model, version 1."""
    _furnish(tmp_path, monkeypatch, colour_model("cnn"))
    return tmp_path


def _furnish(root: Path, patch: pytest.MonkeyPatch, model: Path) -> None:
    (root / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"))
    patch.chdir(root)
    crown(model, "1")


@pytest.fixture
def settings(project: Path) -> Callable[..., Settings]:
    """Makes settings of that project; everything it writes stays there."""

    def make(**known: Any) -> Settings:
        own = {
            "database": f"sqlite:///{project}/feedback.db",
            "pictures": str(project / "inbox"),
            "outbox": project / "outbox",
            "poll": 0.05,
            "workers": 2,
            "processes": False,  # the services that run by themselves have them
        }
        return Settings.of({}, **(own | known))

    return make


@pytest.fixture
def serving(settings: Callable[..., Settings]) -> Iterator[Callable[..., TestClient]]:
    """Starts services in this process, ended after the test."""
    opened = []

    def start(**known: Any) -> TestClient:
        client = TestClient(api.create(settings(**known)), raise_server_exceptions=False)
        client.__enter__()
        opened.append(client)
        return client

    yield start
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def service(serving: Callable[..., TestClient]) -> TestClient:
    """One with nothing special about it."""
    return serving()


@pytest.fixture
def squares(monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[Any]]:
    """Weak references to the pixels of every picture that is read from now on in this process."""
    read, seen = reading.read, list[weakref.ref[Any]]()

    def noting(*given: Any) -> list[Any]:
        answers = read(*given)
        seen.extend(weakref.ref(one.ready.square) for one in answers)
        return answers

    monkeypatch.setattr(reading, "read", noting)
    return seen


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch, led_to_s3: Callable[[str], None]) -> Iterator[str]:
    """A bucket at whose address nobody listens."""
    led_to_s3(f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    S3FileSystem.clear_instance_cache()  # it remembers whom it spoke to
    yield "s3://inbox/pictures"
    S3FileSystem.clear_instance_cache()


@pytest.fixture
def own_cores() -> Iterator[None]:
    """Benchmarks bind this process to two cores; afterwards it has its own again."""
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    yield
    if before is not None:
        os.sched_setaffinity(0, before)


@pytest.fixture
def running(project: Path) -> Iterator[Callable[..., SimpleNamespace]]:
    """Starts services in processes of their own; killed after the test where they still run."""
    with started(project) as start:
        yield start


@pytest.fixture(scope="module")
def running_long(
    tmp_path_factory: pytest.TempPathFactory, coloured_models: Callable[..., Path]
) -> Iterator[Callable[..., SimpleNamespace]]:
    """The same for services that a module's tests share."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        _furnish(root, patch, coloured_models(root / "models", "cnn"))
    with started(root) as start:
        yield start


@contextmanager
def started(project: Path) -> Iterator[Callable[..., SimpleNamespace]]:
    """Starts services on a project, and kills in the end what still runs."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(
        *arguments: str, port: int = 0, until: Callable[[str], bool] = answers, **variables: str
    ) -> SimpleNamespace:
        port = port or free_port()
        known = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "DATABASE_URL": f"sqlite:///{project}/feedback.db",
            "PAWTRAIT_OUTBOX": str(project / "outbox"),
            "PAWTRAIT_PICTURES": str(project / "inbox"),
            "PAWTRAIT_POLL": "0.05",
            **variables,
        }
        command = [sys.executable, "-m", "pawtrait", "serve", "--port", str(port), *arguments]
        log = (project / f"serve-{port}.log").open("wb")
        process = subprocess.Popen(command, cwd=project, env=known, stderr=log, stdout=log)
        processes.append(process)
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: process.poll() is not None or until(url), 120)
        assert process.poll() is None, Path(log.name).read_text()
        return SimpleNamespace(url=url, process=process, log=Path(log.name), port=port)

    try:
        yield start
    finally:
        for process in processes:
            process.kill()
            process.wait()
