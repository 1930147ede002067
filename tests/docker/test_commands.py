"""What compose.yaml starts, started here without containers: each command as it stands there, but two.

Grafana's is not run; PostgreSQL is one of the tests' own, of which compose's health check is asked. Names,
ports and places of containers are put into those of this machine. One set-up for all tests.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import yaml

from pawtrait import params, sealed
from pawtrait.adapters import registry, tracking
from pipelines import postgres as own_postgres
from pipelines import team
from pipelines.postgres import free_port
from tests.serving.callers import png

ROOT = Path(__file__).parents[2]
NAMES = ("service", "app", "mlflow", "prefect", "prometheus")
PLANNED = {"monthly", "nightly", "daily"}  # in prefect.yaml

pytestmark = pytest.mark.slow


class Team:
    """The processes by their names in the compose file."""

    def __init__(self, compose: dict[str, Any], folder: Path) -> None:
        self.services, self.folder = compose["services"], folder
        self.ports = {name: str(free_port()) for name in NAMES}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.key = (folder / "secrets/app_key").read_text()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def start(self, name: str, *ahead: str) -> None:
        """Start a service's command, the image's entry point ahead of it."""
        (self.folder / name).mkdir(exist_ok=True)
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [*ahead, *self.words(name, self.services[name]["command"])],
                cwd=self.folder / ("project" if name == "worker" else name),
                env=self.environment(name),
                stdout=log,
                stderr=log,
            )

    def well(self, name: str) -> bool:
        """What the compose file's own health check says."""
        assert self.processes[name].poll() is None, self.log(name)
        _, *words = self.services[name]["healthcheck"]["test"]
        command, env = self.words(name, words), self.environment(name)
        cwd = self.folder / "project"
        return subprocess.run(command, env=env, cwd=cwd, capture_output=True).returncode == 0

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]

    def environment(self, name: str) -> dict[str, str]:
        said = self.services[name].get("environment", {})
        known = {key: self.here(str(value)) for key, value in said.items() if value is not None}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        code = f"{ROOT}{os.pathsep}{ROOT / 'src'}"
        image = {key: self.here(value) for key, value in _image(self.services[name]["image"]).items()}
        return {"HOME": str(self.folder / name), **image, **known, "PATH": path, "PYTHONPATH": code}

    def words(self, name: str, words: list[str]) -> list[str]:
        port = self.ports.get(name, "")
        inside = str(self.services[name].get("ports", [":"])[0]).rpartition(":")[2]
        return [port if word == inside else self.here(word) for word in words]

    def here(self, text: str) -> str:
        """A place of a container in one of this machine; variables are what they are where nothing is set."""
        text = re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", text)
        for name in NAMES:
            inside = self.services[name]["ports"][0].rpartition(":")[2]
            text = re.sub(rf"({name}|127\.0\.0\.1):{inside}\b", f"127.0.0.1:{self.ports[name]}", text)
            text = text.replace(f"--port={inside}", f"--port={self.ports[name]}")
        text = re.sub(r"^/prefect$", str(self.folder / "prefect"), text)  # and postgres/prefect stays
        for inside, place in {
            "/run/secrets": self.folder / "secrets",
            "=/mlflow": f"={self.folder / 'artifacts'}",
            "/etc/prometheus": self.folder,
            "=/prometheus": f"={self.folder / 'prometheus'}",
            "/tmp/ui": self.folder / "ui",
            "/app/state": self.folder / "state",
            "/project": self.folder / "project",
        }.items():
            text = text.replace(inside, str(place))
        if text == "from_files":
            return str(ROOT / "docker/from_files")
        return re.sub(r"(?<!\d)0\.0\.0\.0\b(?!/)", "127.0.0.1", text)  # and 10.0.0.0/8 stays


@pytest.fixture(scope="module")
def databases() -> Iterator[dict[str, str]]:
    """Addresses by secret, in a PostgreSQL of this module's own, whose databases docker/postgres made."""
    folder = Path(mkdtemp())
    folder.chmod(0o755)  # the server's user has to pass
    made = re.sub("--.*", "", (ROOT / "docker/postgres/databases.sql").read_text())
    try:
        with own_postgres.server(folder / "postgres", durable=False) as urls:
            base = urls.feedback.rpartition("/")[0]
            with psycopg.connect(f"{base}/postgres", autocommit=True) as server:
                for name in own_postgres.DATABASES:
                    server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
                for command in filter(str.strip, made.split(";")):
                    server.execute(command.encode())
            yield {"mlflow_url": urls.mlflow, "prefect_url": urls.prefect, "feedback_url": urls.feedback}
    except own_postgres.NoPostgres as error:
        pytest.skip(str(error))
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, databases: dict[str, str]) -> Path:
    """Secrets as `make up` makes them, but for where the databases are; a checkout for the worker."""
    folder = tmp_path_factory.mktemp("team")
    team.make_secrets(folder / "secrets")
    for name, address in databases.items():
        (folder / "secrets" / name).write_text(address)
    (folder / "project").mkdir()
    for name in ("pipelines", "src", "prefect.yaml", "params.yaml", "dvc.yaml"):
        (folder / "project" / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="module")
def running(compose: dict[str, Any], folder: Path) -> Iterator[Team]:
    """All of them up and well, but the service, which has no model yet."""
    all_ = Team(compose, folder)
    try:
        for name in ("mlflow", "prefect"):
            all_.start(name)
        for name in ("mlflow", "prefect"):
            _until(lambda name=name: all_.well(name), all_.log, name)
        all_.start("worker")
        all_.start("service", "pawtrait")
        all_.start("app")
        for name in ("worker", "app"):
            _until(lambda name=name: all_.well(name), all_.log, name)
        yield all_
    finally:
        for process in reversed(all_.processes.values()):
            process.terminate()
        for process in all_.processes.values():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def test_the_database_has_the_connections_that_compose_gives_it(compose):
    wanted = own_postgres.SETTINGS["max_connections"]
    assert f"max_connections={wanted}" in compose["services"]["postgres"]["command"]


@pytest.mark.parametrize(("database", "well"), [("feedback", True), ("not_made_yet", False)])
def test_the_database_s_health_check_finds_the_one_that_is_made_last(
    compose, databases, tmp_path, database, well
):
    if not shutil.which("psql"):
        pytest.skip("psql is not installed")
    server = urlsplit(databases["feedback_url"])
    secret = tmp_path / "postgres_password"
    secret.write_text(server.password)
    kind, said = compose["services"]["postgres"]["healthcheck"]["test"]
    command = said.replace("$$", "$").replace("/run/secrets/postgres_password", str(secret))
    command = command.replace("-d feedback", f"-d {database}")
    env = os.environ | {"PGPORT": str(server.port)}
    done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True)
    assert kind == "CMD-SHELL" and (done.returncode == 0) == well, done.stderr
    assert well or "does not exist" in done.stderr


def test_mlflow_answers_to_its_name_among_containers_and_to_no_stranger(running):
    def asked(host: str) -> int:
        url = f"{running.url('mlflow')}/api/2.0/mlflow/experiments/search?max_results=1"
        return httpx.get(url, headers={"host": host}, timeout=30).status_code

    assert [asked("mlflow:5000"), asked("localhost:5000"), asked("evil.example")] == [200, 200, 403]


def test_mlflow_and_prefect_keep_what_they_know_in_postgres(running, databases):
    for name, table in (("mlflow", "experiments"), ("prefect", "deployment")):
        address = re.sub(r"\+\w+", "", databases[f"{name}_url"])
        with psycopg.connect(address) as connection:
            assert connection.execute(f"select count(*) from {table}".encode()).fetchone()[0] > 0


def test_prefect_serves_its_pages_from_a_folder_that_it_may_write(running):
    asked = {"accept": "text/html"}
    page = httpx.get(running.url("prefect"), headers=asked, follow_redirects=True, timeout=30)
    assert page.status_code == 200
    assert list((running.folder / "ui").rglob("index.html"))


def test_the_worker_has_handed_over_what_is_scheduled_and_is_online(running):
    found = httpx.post(f"{running.url('prefect')}/api/deployments/filter", json={}, timeout=30).json()
    assert {one["name"] for one in found} == PLANNED
    assert running.well("worker")


def test_the_service_waits_for_a_champion_and_says_so(running):
    assert httpx.get(f"{running.url('service')}/readyz", timeout=30).status_code == 503
    assert not running.well("service")


def test_the_service_takes_the_registry_s_champion_as_soon_as_there_is_one(
    running, coloured_models, monkeypatch, tmp_path
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", running.url("mlflow"))
    monkeypatch.chdir(tmp_path)
    folder = coloured_models(tmp_path / "models", "cnn")
    with tracking.training(params.load(ROOT / "params.yaml"), "cnn", []) as run:
        registry.log(run, folder)
    registry.register(sealed.check(folder)["model.onnx"], {"name": "cnn"}, "the first")
    _until(lambda: running.well("service"), running.log, "service")


def test_with_the_web_app_s_key_a_mood_is_told_and_its_correction_reaches_postgres(running, databases):
    service = running.url("service")
    sent = {"pictures": ("a.png", png("sad"), "image/png")}
    assert httpx.post(f"{service}/v1/moods", files=sent, timeout=30).status_code == 401
    key = {"Authorization": f"Bearer {running.key}"}
    with httpx.Client(base_url=service, headers=key, timeout=60) as app:
        said = app.post("/v1/moods?consent=true", files=sent).raise_for_status().json()
        (answer,) = said["answers"]
        assert (answer["label"], said["model"]["version"]) == ("sad", "1")
        ids = {"request": answer["request"], "picture": answer["picture"]}
        app.post("/v1/feedback", json=ids | {"label": "angry", "consent": True}).raise_for_status()
    _until(lambda: _corrections(databases["feedback_url"]) == ["angry"], running.log, "service")


def test_the_documented_backup_holds_what_people_said_and_the_documented_restore_brings_it_back(
    running, databases
):
    if not shutil.which("pg_dump"):
        pytest.skip("pg_dump is not installed")
    said = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")

    def done(command: str) -> None:
        ended = subprocess.run(
            running.words("worker", command.split()),
            cwd=running.folder / "project",
            env=running.environment("worker"),
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stderr

    (command,) = re.findall(r"exec worker (from_files .* -- pawtrait backup)\b", said)
    done(command)
    (kept,) = (running.folder / "project/backups").glob("*.tar")
    with tarfile.open(kept) as tar:
        assert "feedback.database" in tar.getnames()
    running.processes["service"].terminate()
    running.processes["service"].wait(60)
    (line,) = re.findall(r"psql -U pawtrait -d postgres (-c '.* DATABASE feedback .*)", said)
    base = databases["feedback_url"].rpartition("/")[0]
    with psycopg.connect(f"{base}/postgres", autocommit=True) as server:
        for statement in re.findall(r"-c '([^']+)'", line):
            server.execute(statement.encode())
    (command,) = re.findall(r"run --rm worker (from_files .* -- pawtrait restore) ", said)
    done(f"{command} backups/{kept.name}")
    assert _corrections(databases["feedback_url"]) == ["angry"]
    running.start("service", "pawtrait")
    _until(lambda: running.well("service"), running.log, "service")


def test_reviewers_and_operators_come_in_by_their_own_key_and_find_what_the_worker_wrote(running):
    page = running.folder / "project/data/monitor/2026-01-01.html"
    page.parent.mkdir(parents=True)
    page.write_text("<h1>no alarm</h1>")
    staff = (running.folder / "secrets/staff_key").read_text()

    def asked(key: str, path: str) -> int:
        said = {"Authorization": f"Bearer {key}"}
        return httpx.get(f"{running.url('service')}{path}", headers=said, timeout=60).status_code

    paths = ("/v1/reviews", "/v1/monitoring", "/v1/models")
    assert [asked(staff, path) for path in paths] == [200, 200, 200]
    assert [asked(running.key, path) for path in paths] == [403, 403, 200]


def test_the_web_app_shows_its_page(running):
    assert "streamlit" in httpx.get(running.url("app"), timeout=30).text.lower()


def test_prometheus_takes_its_rules_and_finds_the_service(running):
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not installed")
    for name in ("prometheus.yml", "alarms.yml"):
        (running.folder / name).write_text(running.here((ROOT / "docker" / name).read_text()))
    listen = f"--web.listen-address=127.0.0.1:{running.ports['prometheus']}"
    running.services["prometheus"]["command"] = [
        *running.services["prometheus"]["command"],
        listen,
    ]  # the image's own port is Prometheus' default, and has no word in the command
    running.start("prometheus", "prometheus")

    def up() -> dict[str, str]:
        try:
            found = httpx.get(f"{running.url('prometheus')}/api/v1/query?query=up", timeout=5).json()
        except httpx.HTTPError:
            return {}
        return {one["metric"]["job"]: one["value"][1] for one in found["data"]["result"]}

    _until(lambda: up() == {"service": "1", "prometheus": "1"}, running.log, "prometheus")
    rules = httpx.get(f"{running.url('prometheus')}/api/v1/rules", timeout=5).json()["data"]["groups"]
    wanted = yaml.safe_load((ROOT / "docker/alarms.yml").read_text())["groups"][0]["rules"]
    assert {one["name"] for one in rules[0]["rules"]} == {one["alert"] for one in wanted}


def _image(name: str) -> dict[str, str]:
    """What an image of ours says to our code by itself, in every ENV of its Dockerfile."""
    file = ROOT / f"docker/{name.removeprefix('pawtrait-')}.Dockerfile"
    if not file.is_file():
        return {}
    said = re.findall(r"^ENV ((?:.*\\\n)*.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    words = [word.partition("=") for one in said for word in one.replace("\\\n", "").split()]
    return {key: value for key, _, value in words if key.startswith(("PAWTRAIT_", "DATABASE_"))}


def _corrections(address: str) -> list[str]:
    """The moods that people said; the first delivery makes the table."""
    with psycopg.connect(address) as connection:
        try:
            return [row[0] for row in connection.execute("select label from feedback").fetchall()]
        except psycopg.errors.UndefinedTable:
            return []


def _until(true: Callable[[], bool], log: Callable[[str], str], name: str, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, log(name)
        time.sleep(1)
