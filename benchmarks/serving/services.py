"""The servers that are measured, each a process of its own on the same cores, stopped when the block ends."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from pawtrait.dataset import images
from pipelines.postgres import free_port

ROOT = Path(__file__).parents[2]
STARTING = 180.0  # seconds
LOG = "server.log"
CORES = 2  # generator and service share them, wherever there are more


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs.

    Attributes:
        path, kind, bodies: how it wants to be asked.
        log: what it said; gone with the folder that it was given.
    """

    port: int
    process: "subprocess.Popen[bytes]"
    path: str
    kind: str
    bodies: list[str]
    log: Path

    def memory(self) -> float:
        """Resident megabytes of the service and its processes; what they share counts for each."""
        service = psutil.Process(self.process.pid)
        return sum(one.memory_info().rss for one in (service, *service.children(recursive=True))) / 2**20

    def get(self, path: str) -> str:
        """What it says there."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=15) as answer:
            return str(answer.read().decode())


def stay_on_two_cores() -> None:
    """This process and all that it starts; the last two, as neighbours tend to be on the first."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[-CORES:]))


@contextmanager
def ours(model: Path, pictures: Sequence[Path], folder: Path, **settings: str) -> Iterator[Server]:
    """``pawtrait serve`` with its defaults; it writes into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = ["-m", "pawtrait", "serve", "--port", str(port), "--model", str(model)]
    known = {"DATABASE_URL": f"sqlite:///{folder}/feedback.db", **settings}
    with _started(command, folder, f"http://127.0.0.1:{port}/readyz", known) as process:
        yield Server(port, process, "/v1/moods", "image/jpeg", list(map(str, pictures)), folder / LOG)


@contextmanager
def plain(model: Path, pictures: Sequence[Path], folder: Path) -> Iterator[Server]:
    """FastAPI and Keras."""
    port = free_port()
    command = ["-m", "benchmarks.serving.plain", str(model), str(port)]
    with _started(command, folder, f"http://127.0.0.1:{port}/docs", {}) as process:
        yield Server(port, process, "/predict", "image/jpeg", list(map(str, pictures)), folder / LOG)


@contextmanager
def mlflow(tracked: Path, flavour: str, pictures: Sequence[Path], folder: Path) -> Iterator[Server]:
    """``mlflow models serve`` with its defaults, on what ``tracked`` made: flavour keras or onnx."""
    port = free_port()
    bodies = []
    for number, picture in enumerate(pictures[: 8 if flavour == "keras" else None]):
        bodies.append(str(folder / f"{flavour}-{number:02d}.json"))
        asked = _pixels(picture) if flavour == "keras" else _encoded(picture)
        Path(bodies[-1]).write_text(json.dumps(asked), encoding="utf-8")
    command = ["-m", "mlflow", "models", "serve", "-m", str(tracked / flavour), "-p", str(port)]
    command += ["--env-manager", "local"]
    with _started(command, folder, f"http://127.0.0.1:{port}/ping", {}) as process:
        yield Server(port, process, "/invocations", "application/json", bodies, folder / LOG)


@contextmanager
def sink(folder: Path, pictures: Sequence[Path]) -> Iterator[Server]:
    """What answers at once."""
    port = free_port()
    command = ["-m", "benchmarks.serving.sink", str(port)]
    with _started(command, folder, "", {}) as process:
        time.sleep(0.5)
        yield Server(port, process, "/", "image/jpeg", list(map(str, pictures)), folder / LOG)


def environment(**more: str) -> dict[str, str]:
    """With the checkout's own code, and this Python's commands first: MLflow starts uvicorn by its name."""
    ours = os.pathsep.join(map(str, (ROOT / "src", ROOT)))
    commands = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return {**os.environ, "PYTHONPATH": ours, "PATH": commands, **more}


@contextmanager
def _started(
    command: list[str], folder: Path, asked: str, settings: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    log = folder / LOG
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=environment(**settings),
            stdout=said,
            stderr=said,
            process_group=0,  # not a session: it would be scheduled apart from who measures it
        )
    try:
        end = time.monotonic() + STARTING
        while asked and not _answers(asked):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{' '.join(command)} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """The whole group, as ``mlflow models serve`` has children."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(30)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _pixels(picture: Path) -> dict[str, object]:
    decoded = images.decode(picture.read_bytes(), largest_pixels=10**6, name=picture.name)
    return {"inputs": decoded[None].astype(float).tolist()}


def _encoded(picture: Path) -> dict[str, object]:
    said = base64.b64encode(picture.read_bytes()).decode()
    return {"dataframe_split": {"columns": ["picture"], "data": [[said]]}}
