"""What every test may use: quiet tools, an MLflow store, and models and painters without training."""

import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import absl.logging
import httpx
import numpy as np
import psutil
import pytest

from pawtrait import environment, sealed
from pawtrait.dataset import images
from pawtrait.dataset.labels import LABELS
from pipelines import postgres as own_postgres
from tests import surroundings
from tests.holds import ASKED, made_on, record

# Prefect sets logging up anew when it is first used, at which absl's handler, which Keras brings, would close
# the stream that pytest listens to while it collects.
absl.logging.get_absl_handler().python_handler.close = lambda: None
if "PYTEST_XDIST_WORKER" not in os.environ:  # such a process has what its parent settled
    surroundings.settle()

SIDE = 32
PICTURES = ["B", "H", "W", 3]
COLOURS = np.array([[220, 180, 60], [60, 90, 200], [200, 60, 50], [130, 130, 130]], np.float32)  # a mood each


WHOLE = ("end_to_end", "pipelines", "app", "serving", "engines")  # the longest first
PAINTED = "stages/portraits"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Where tests run: xdist starts its processes before.

    Whatever is loaded here stays: a million objects that every ``gc.collect`` of a framework would look at
    again, for 0.6 s; Streamlit does so at each run of a page.
    """
    surroundings.listen()
    with environment.unswept():
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: of two processes neither has much left when the other is done."""
    order = {place: number for number, place in enumerate(WHOLE)}
    items.sort(key=lambda item: order.get(_place(item.nodeid), len(WHOLE)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of one place run in one process. (xdist's own marks for that do nothing under pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class ByPlace(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _place(nodeid)

    return ByPlace(config, log)


def _place(nodeid: str) -> str:
    """The folder, where its tests share what takes long to make; else the file."""
    file = nodeid.partition("::")[0]
    folder = file.split("/")[1]
    if folder in WHOLE:
        return folder
    return PAINTED if file.startswith(f"tests/{PAINTED}/") else file


def pytest_sessionstart() -> None:
    """What full counts are of is the code as it is now."""
    if ASKED in os.environ:
        made_on()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write down what passed and what did not, where full counts are asked for."""
    said = session.config.pluginmanager.get_plugin("terminalreporter")
    if said and not hasattr(session.config, "workerinput"):  # a worker of xdist tells its parent
        record(
            shlex.join(["pytest", *session.config.invocation_params.args]),
            of="test_all",
            minutes=round((time.time() - psutil.Process().create_time()) / 60, 1),
            passed=len(said.stats.get("passed", [])),
            skipped={one.nodeid: _reason(one) for one in said.stats.get("skipped", [])},
            failed=sorted(one.nodeid for end in ("failed", "error") for one in said.stats.get(end, [])),
        )


def _reason(skipped: pytest.TestReport) -> str:
    return str(skipped.longrepr[2] if isinstance(skipped.longrepr, tuple) else skipped.longrepr)


class Server:
    """A server process on a port of its own, which can be killed and started again."""

    def __init__(self, folder: Path, health: str, *command: str, **settings: str) -> None:
        self.port = str(own_postgres.free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self._health, self._folder = health, folder
        self._command = [sys.executable, "-m", *command, "--host", "127.0.0.1", "--port", self.port]
        self._env = {**os.environ, **settings}

    def start(self) -> None:
        with (self._folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._env, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while not self._answers():
            assert time.monotonic() < deadline and self.process.poll() is None, "the server did not start"
            time.sleep(0.2)

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url + self._health, timeout=5).is_success
        except httpx.HTTPError:
            return False


@pytest.fixture(autouse=True)
def loggers_speak() -> None:
    """Foreign tools that configure logging in this process switch off the loggers that were there before."""
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("pawtrait") and isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's MLflow database lies; MLflow migrates it once, which takes 3 to 8 s."""
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture
def led_to_s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Leads whatever speaks S3 to an address, with made-up keys and without the machine's own settings."""

    def lead(address: str) -> None:
        for name, value in {
            "ENDPOINT_URL": address,
            "ACCESS_KEY_ID": "made-up",
            "SECRET_ACCESS_KEY": "made-up",
            "DEFAULT_REGION": "us-east-1",
            "CONFIG_FILE": str(tmp_path / "none"),
            "SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        }.items():
            monkeypatch.setenv(f"AWS_{name}", value)

    return lead


@pytest.fixture
def mlflow_store(store_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the session's store, where MLflow looks while the test runs."""
    address = f"sqlite:///{store_folder}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    return address


@pytest.fixture(scope="session")
def postgres() -> Iterator[own_postgres.Urls]:
    """A PostgreSQL server for the whole session, with its three databases."""
    folder = _passable()
    try:
        with own_postgres.server(folder, durable=False) as urls:
            yield urls
    except own_postgres.NoPostgres as error:
        pytest.skip(str(error))
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_database(postgres: own_postgres.Urls) -> Iterator[str]:
    """The address of an empty database there, gone after the test."""
    import psycopg  # late: most tests have no use for it

    name = f"t{uuid4().hex}"
    with psycopg.connect(postgres.feedback, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield postgres.feedback.rpartition("/")[0] + f"/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def postgres_folder(postgres: own_postgres.Urls) -> Iterator[Path]:
    """Where tests may start another one, in turn; skips where PostgreSQL is absent, as the others do."""
    folder = _passable()
    yield folder / "postgres"
    shutil.rmtree(folder)


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder of this test alone that every user of the machine may pass."""
    folder = _passable()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def new_server() -> Iterator[Callable[..., Server]]:
    """Starts servers, each in a folder of its own; what still runs after the test is killed."""
    started: list[Server] = []

    def make(folder: Path, health: str, *command: str, **settings: str) -> Server:
        folder.mkdir()
        started.append(Server(folder, health, *command, **settings))
        started[-1].start()
        return started[-1]

    yield make
    for server in started:
        server.kill()


@pytest.fixture
def colour_model(tmp_path: Path, coloured_models: Callable[..., Path]) -> Callable[..., Path]:
    """Makes a sealed model folder below the test's own folder, as ``coloured_models`` does."""
    return partial(coloured_models, tmp_path / "models")


@pytest.fixture(scope="session")
def coloured_models() -> Callable[..., Path]:
    """Makes a sealed model folder without training: its net knows each mood by the picture's mean colour."""

    def make(root: Path, name: str = "cnn", sharpness: float = 1.0, start: str = "random start") -> Path:
        import onnx  # late: most tests have no use for it

        folder = root / name
        folder.mkdir(parents=True)
        onnx.save(_colour_net(sharpness), folder / "model.onnx")
        facts = {"name": name, "net": name, "start": start, "parameters": 16, "side": SIDE}
        known = {"labels": list(LABELS), "parity": 1e-7, "trained_on": 40, "recipe": {}}
        sealed.write_facts(folder, facts | known)
        sealed.seal(folder)
        return folder

    return make


@pytest.fixture
def fast_folder(tmp_path: Path) -> Path:
    """A fast painter: a vector is the mean colour and 97 zeros; painting adds that colour to the photo."""
    return make_fast(tmp_path / "data/painters/fast")


@pytest.fixture
def cyclegan_folder(tmp_path: Path) -> Path:
    """Two generators that turn a picture into its negative and take sides in multiples of 4 only."""
    return make_cyclegan(tmp_path / "data/painters/cyclegan")


@pytest.fixture
def coloured_picture(tmp_path: Path) -> Callable[..., Path]:
    """Writes a PNG of a mood's colour, which the colour model reads."""

    def write(mood: str, name: str | None = None) -> Path:
        path = tmp_path / (name or f"{mood}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.empty((40, 50, 3), np.uint8)
        pixels[:] = COLOURS[LABELS.index(mood)]
        path.write_bytes(images.encode_png(pixels))
        return path

    return write


def make_fast(folder: Path) -> Path:
    """What ``fast_folder`` is, anywhere."""
    return _painter(folder, {"style.onnx": _summing_up(), "transformer.onnx": _adding()}, side=8)


def make_cyclegan(folder: Path, white: int = 255) -> Path:
    """What ``cyclegan_folder`` is, anywhere; ``white`` is what black becomes."""
    networks = {"photo_to_painting.onnx": _negating(white), "painting_to_photo.onnx": _negating(white)}
    return _painter(folder, networks, side=64)


def _colour_net(sharpness: float) -> Any:
    """An ONNX graph: pixels → mean colour → nearness to each mood's colour → softmax."""
    from onnx import TensorProto, helper

    centre = COLOURS.mean(axis=0)
    kernel = (COLOURS - centre).T * sharpness / 100  # (3, 4)
    bias = -((COLOURS - centre) ** 2).sum(axis=1) * sharpness / 200 - centre @ kernel  # (4,)
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Gemm", ["mean", "kernel", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(LABELS)])],
        [
            helper.make_tensor("kernel", TensorProto.FLOAT, (3, 4), kernel.astype(np.float32).ravel()),
            helper.make_tensor("bias", TensorProto.FLOAT, (4,), bias.astype(np.float32)),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _passable() -> Path:
    """A new folder that every user may pass: PostgreSQL runs as another than root; pytest's are closed."""
    folder = Path(tempfile.mkdtemp(prefix="pawtrait-"))
    folder.chmod(0o755)
    return folder


def _painter(folder: Path, networks: Mapping[str, Any], side: int) -> Path:
    """A sealed painter's folder."""
    import onnx

    folder.mkdir(parents=True)
    for name, network in networks.items():
        onnx.save(network, folder / name)
    known = {"name": folder.name, "kind": folder.name, "side": side, "start": "made by hand", "parity": 0.0}
    sealed.write_facts(folder, known)
    sealed.seal(folder)
    return folder


def _summing_up() -> Any:
    """Pixels → mean colour, and zeros behind it."""
    from onnx import helper

    spread = np.zeros((3, 100), np.float32)
    spread[:, :3] = np.eye(3)
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "spread"], ["vector"]),
    ]
    return _network(nodes, {"pixels": PICTURES}, {"vector": ["B", 100]}, {"spread": spread})


def _adding() -> Any:
    """Pixels and a vector → the pixels plus the vector's colour."""
    from onnx import helper

    constants = {
        "from": np.array([0], np.int64),
        "to": np.array([3], np.int64),
        "axis": np.array([1], np.int64),
        "shape": np.array([-1, 1, 1, 3], np.int64),
    }
    nodes = [
        helper.make_node("Slice", ["vector", "from", "to", "axis"], ["three"]),
        helper.make_node("Reshape", ["three", "shape"], ["colour"]),
        helper.make_node("Add", ["pixels", "colour"], ["painted"]),
    ]
    return _network(nodes, {"pixels": PICTURES, "vector": ["B", 100]}, {"painted": PICTURES}, constants)


def _negating(white: int) -> Any:
    """``white`` - pixels, plus a zero that only fits where H and W can be quartered and quadrupled."""
    from onnx import helper

    constants = {
        "white": np.array(white, np.float32),
        "nothing": np.array(0, np.float32),
        "scales": np.array([1, 1, 4, 4], np.float32),
    }
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["channels"], perm=[0, 3, 1, 2]),
        helper.make_node("MaxPool", ["channels"], ["quarter"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Resize", ["quarter", "", "scales"], ["again"], mode="nearest"),
        helper.make_node("Transpose", ["again"], ["coarse"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["coarse", "nothing"], ["zero"]),
        helper.make_node("Sub", ["white", "pixels"], ["negative"]),
        helper.make_node("Add", ["negative", "zero"], ["painted"]),
    ]
    return _network(nodes, {"pixels": PICTURES}, {"painted": PICTURES}, constants)


def _network(
    nodes: list[Any],
    inputs: Mapping[str, list[Any]],
    outputs: Mapping[str, list[Any]],
    constants: Mapping[str, Any],
) -> Any:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    entries = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in side.items()]
        for side in (inputs, outputs)
    ]
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", *entries, initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model
