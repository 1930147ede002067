"""A place to track runs from, for the tests of MLflow's adapters, and a server that speaks S3."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from pawtrait import params
from pawtrait.adapters import tracking

ROOT = Path(__file__).parents[2]
_seeds = count(1000)


@pytest.fixture
def tracked(mlflow_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> params.Params:
    """Parameters that no other test has, in a working directory of the test's own, with a store to log to."""
    monkeypatch.chdir(tmp_path)
    knobs = params.load(ROOT / "params.yaml")
    return knobs.model_copy(update={"seed": next(_seeds)})


@pytest.fixture
def client(tracked):
    """MLflow's own client, which knows what was really stored."""
    return tracking.client()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of S3's own protocol on this machine, without the real cloud."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
