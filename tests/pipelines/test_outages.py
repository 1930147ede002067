"""What fails around a month while it turns: Prefect's server, MLflow's server, the disk."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow.tracking import MlflowClient

ROOT = Path(__file__).parents[2]
ALL = ["ingest", "train@cnn", "evaluate@cnn", "compare"]
GONE = 60.0  # seconds
WAIT = """\
import os, time
from pathlib import Path
if os.environ["DVC_STAGE"].endswith(os.environ.get("TOY_WAIT", "nothing")):
    Path(os.environ["TOY"], "waiting").touch()
    while not Path(os.environ["TOY"], "go").exists():
        time.sleep(0.05)
"""
LARGE = """
if stage == "train@cnn":
    out.write_bytes(b"0123456789abcdef" * 200_000)
"""
TRAIN = """\
import sys, time
from pathlib import Path
from pawtrait import environment
environment.settle()
from pawtrait import params
from pawtrait.adapters import tracking
from pawtrait.errors import PawtraitError
try:
    with tracking.training(params.load(), "cnn", [], place=Path("checkpoints")) as run:
        Path("run.txt").write_text(run.id)
        for step in range(8):
            run.metrics({"loss": 1 / (step + 1)}, step)
            Path("step.txt").write_text(str(step))
            time.sleep(0.5)
except PawtraitError as error:
    sys.exit(str(error))
"""
Until = Callable[[Callable[[], bool]], None]
Server = Any  # of the conftest.py above, which cannot be imported here


@pytest.fixture
def prefect_server(tmp_path: Path, new_server: Callable[..., Server]) -> Server:
    home = tmp_path / "home"
    return new_server(home, "/api/health", "prefect", "server", "start", PREFECT_HOME=str(home))


@pytest.fixture
def mlflow_server(tmp_path: Path, new_server: Callable[..., Server]) -> Server:
    stores = ("--backend-store-uri", "sqlite:///mlflow.db", "--workers", "1")
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return new_server(tmp_path / "mlflow", "/health", "mlflow", "server", *stores, **quiet)


@pytest.fixture
def project(project: Path) -> Path:
    """Of which a stage can wait."""
    (project / "toy.py").write_text(WAIT + (project / "toy.py").read_text())
    _commit(project)
    return project


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB in memory; only root may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system of its own cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--here",), "4 stages, 4 ran"),
        (("--month", "2026-11"), "2026-11: the champion stays: too little evidence"),
    ],
)
def test_prefects_server_may_be_gone_for_a_minute(
    project: Path, prefect_server: Server, until: Until, arguments: tuple[str, ...], said: str
) -> None:
    environment = {"PREFECT_API_URL": f"{prefect_server.url}/api", "TOY_WAIT": "train@cnn"}
    run = _start(project, *arguments, **environment)
    until((project / "waiting").exists)
    prefect_server.kill()
    (project / "go").touch()  # the stage ends, and so do those after it, while nobody listens
    time.sleep(GONE)
    prefect_server.start()
    assert run.wait(120) == 0, (project.parent / "run.log").read_text()
    assert said in (project.parent / "run.log").read_text()
    assert set(_states(prefect_server)) == {"COMPLETED"}


@pytest.mark.slow
def test_a_worker_and_its_run_outlive_a_minute_without_prefects_server(
    project: Path, prefect_server: Server, until: Until
) -> None:
    environment = {
        "PREFECT_API_URL": f"{prefect_server.url}/api",
        "PREFECT_HOME": str(project.parent / "home of the worker"),
        "PAWTRAIT_HOME": str(project),
        "TOY_WAIT": "train@cnn",
    }
    shutil.copy(ROOT / "prefect.yaml", project)
    (project / "pipelines").symlink_to(ROOT / "pipelines")
    _commit(project)
    _prefect(project, environment, "work-pool", "create", "pawtrait", "--type", "process")
    _prefect(project, environment, "deploy", "--all")
    with _working(project, environment) as worker:
        _prefect(project, environment, "deployment", "run", "retrain/monthly")
        until((project / "waiting").exists)
        prefect_server.kill()
        (project / "go").touch()
        time.sleep(GONE)
        prefect_server.start()
        until(lambda: _states(prefect_server, "retrain") == ["COMPLETED"])
        _prefect(project, environment, "deployment", "run", "retrain/monthly", "--param", "month=2026-01")
        until(lambda: _states(prefect_server, "retrain") == ["COMPLETED"] * 2)  # it goes on with the next one
        assert worker.poll() is None


@pytest.mark.slow
def test_a_prefect_server_that_stays_away_stops_the_run_and_the_next_goes_on(
    project: Path, prefect_server: Server, until: Until
) -> None:
    environment = {"PREFECT_API_URL": f"{prefect_server.url}/api", "PREFECT_CLIENT_MAX_RETRIES": "1"}
    run = _start(project, **environment, TOY_WAIT="train@cnn")
    until((project / "waiting").exists)
    prefect_server.kill()
    (project / "go").touch()
    assert run.wait(120) != 0
    done = _ran(project)
    assert {"ingest", "train@cnn"} <= set(done)

    prefect_server.start()
    assert _start(project, **environment).wait(120) == 0
    assert sorted(_ran(project)) == sorted({*done, *ALL})  # each ran once, before or after
    assert _dvc(project, "status").strip() == "Data and pipelines are up to date."


@pytest.mark.slow
def test_mlflows_server_may_be_gone_for_a_while(tmp_path: Path, mlflow_server: Server, until: Until) -> None:
    training = _train(tmp_path, mlflow_server)
    until(lambda: _step(tmp_path) >= 2)
    mlflow_server.kill()
    time.sleep(15)
    mlflow_server.start()
    assert training.wait(120) == 0
    client = MlflowClient(mlflow_server.url)
    run = (tmp_path / "run.txt").read_text()
    assert [metric.step for metric in client.get_metric_history(run, "loss")] == list(range(8))
    assert client.get_run(run).info.status == "FINISHED"


@pytest.mark.slow
def test_an_mlflow_server_that_stays_away_ends_a_training_which_goes_on_in_its_run(
    tmp_path: Path, mlflow_server: Server, until: Until
) -> None:
    impatient = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    training = _train(tmp_path, mlflow_server, **impatient)
    until(lambda: _step(tmp_path) >= 2)
    mlflow_server.kill()
    assert training.wait(60) != 0
    run = (tmp_path / "run.txt").read_text()

    assert _train(tmp_path, mlflow_server, **impatient).wait(60) != 0
    said = (tmp_path / "train.log").read_text().splitlines()[-1]
    assert f"API request to {mlflow_server.url}" in said
    assert "Connection refused" in said

    mlflow_server.start()
    assert _train(tmp_path, mlflow_server).wait(120) == 0
    assert (tmp_path / "run.txt").read_text() == run
    assert MlflowClient(mlflow_server.url).get_run(run).info.status == "FINISHED"


def test_a_full_disk_stops_one_stage_and_the_next_run_goes_on(
    project: Path, small_disk: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC's cache is full when it wants to commit what a stage made: 3 MB where 2 are left."""
    text = (project / "toy.py").read_text()
    (project / "toy.py").write_text(text + LARGE)
    monkeypatch.setenv("PREFECT_API_URL", server)
    _dvc(project, "config", "--local", "cache.dir", str(small_disk / "cache"))
    _dvc(project, "config", "--local", "cache.type", "copy")
    run = _start(project)
    assert run.wait(120) == 2
    said = (project.parent / "run.log").read_text().splitlines()[-1]
    assert "ERROR: failed to reproduce 'train@cnn': [Errno 28] No space left on device" in said
    assert "so these did not run: compare, evaluate@cnn" in said  # others that met the full disk may follow
    assert _damaged(small_disk / "cache") == []

    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    assert _start(project).wait(120) == 0
    ran = _ran(project)
    assert set(ran) == set(ALL)
    assert (ran.count("ingest"), ran.count("train@cnn")) == (1, 2)  # what was done is not done again
    assert _damaged(small_disk / "cache") == []
    assert _dvc(project, "status").strip() == "Data and pipelines are up to date."


def test_of_two_runs_at_the_same_moment_one_gives_way_and_each_stage_runs_once(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", server)
    both = [_start(project), _start(project)]
    assert sorted(run.wait(120) for run in both) == [0, 2]
    assert sorted(_ran(project)) == sorted(ALL)
    assert _dvc(project, "status").strip() == "Data and pipelines are up to date."


def _start(project: Path, *arguments: str, **env: str) -> "subprocess.Popen[bytes]":
    """A retraining in its own process, here unless told; what it says is in `run.log` beside the project."""
    with (project.parent / "run.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.retrain", *(arguments or ("--here",))],
            env={**os.environ, **env},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _prefect(project: Path, environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(
        command, cwd=project, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _working(project: Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker of the pool; what it and its runs say is in `worker.log` beside the project."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "pawtrait"]
    with (project.parent / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            command, cwd=project, env={**os.environ, **environment}, stdout=log, stderr=log
        )
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(60)


def _train(folder: Path, server: Server, **env: str) -> "subprocess.Popen[bytes]":
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / "checkpoints").mkdir(exist_ok=True)
    paths = {"PYTHONPATH": str(ROOT / "src"), "MLFLOW_TRACKING_URI": server.url}
    with (folder / "train.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-c", TRAIN],
            cwd=folder,
            env={**os.environ, **paths, **env},
            stdout=log,
            stderr=log,
        )


def _step(folder: Path) -> int:
    file = folder / "step.txt"
    return int(file.read_text() or -1) if file.exists() else -1


def _states(server: Server, flow: str = "%") -> list[str]:
    """Of the runs that are not only planned."""
    flows = {"name": {"like_": flow}}
    answer = httpx.post(f"{server.url}/api/flow_runs/filter", json={"flows": flows})
    found = [run for run in answer.raise_for_status().json() if run["state_type"] != "SCHEDULED"]
    return [run["state_type"] for run in found]


def _ran(project: Path) -> list[str]:
    return (project / "ran.txt").read_text().split()


def _dvc(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def _commit(folder: Path) -> None:
    who = ["-c", "user.name=toy", "-c", "user.email=toy@localhost"]
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run(["git", *who, "commit", "--quiet", "--message", "toy"], cwd=folder, check=True)


def _damaged(cache: Path) -> list[str]:
    """Files of a DVC cache that are not what their name says; one copied in part has no such name yet."""
    files = [file for file in cache.glob("files/md5/??/[!.]*") if file.suffix != ".dir"]
    return [
        str(file)
        for file in files
        if hashlib.md5(file.read_bytes()).hexdigest() != file.parent.name + file.name
    ]
