"""A PostgreSQL of one's own: three databases that answer and outlast a stop; one line where it cannot be."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from pipelines import postgres as own
from pipelines.postgres import NoPostgres, PostgresError, Urls

ROOT = Path(__file__).parents[2]


def _asked(url: str, statement: str) -> list[tuple[object, ...]]:
    plain = url.replace("+psycopg", "").replace("+asyncpg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("name", ["mlflow", "prefect", "feedback"])
def test_each_reader_has_a_database_of_its_own(postgres: Urls, name: str) -> None:
    assert _asked(getattr(postgres, name), "SELECT current_database()") == [(name,)]


def test_nobody_comes_in_without_the_password(postgres: Urls) -> None:
    before, _, after = postgres.feedback.partition("@")
    with pytest.raises(psycopg.OperationalError, match="password"):
        _asked(f"{before.rpartition(':')[0]}:wrong@{after}", "SELECT 1")


def test_a_fresh_database_is_empty_and_ones_own(postgres_database: str) -> None:
    _asked(postgres_database, "CREATE TABLE t (a int)")
    assert _asked(postgres_database, "SELECT * FROM t") == []


def test_a_stop_and_a_start_keep_what_was_written(postgres_folder: Path) -> None:
    with own.server(postgres_folder, durable=False) as urls:
        _asked(urls.feedback, "CREATE TABLE said AS SELECT 'happy' AS label")
    with pytest.raises(psycopg.OperationalError):
        _asked(urls.feedback, "SELECT 1")
    with own.server(postgres_folder, durable=False) as urls:
        assert _asked(urls.feedback, "SELECT label FROM said") == [("happy",)]
        with (
            pytest.raises(PostgresError, match=r"did not start in .*postmaster\.pid"),
            own.server(postgres_folder),
        ):
            pass
        assert _asked(urls.feedback, "SELECT 1") == [(1,)]


def test_a_port_that_is_taken_is_one_line(postgres_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = r"did not start[^\n]+ POSTGRES_PORT=\d+$"
        with pytest.raises(PostgresError, match=told), own.server(postgres_folder, port):
            pass


def test_the_command_prints_three_addresses_and_ctrl_c_stops_it(
    postgres_folder: Path, alive: Callable[[int], bool], until: Callable[[Callable[[], bool]], None]
) -> None:
    """Also where a script started it in its background, which makes it deaf to Ctrl-C at first."""
    python = [sys.executable, "-m", "pipelines.postgres", "--folder", str(postgres_folder)]
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *python]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        lines = [run.stdout.readline() for _ in range(3)]
        names = [line.removeprefix("export ").partition("=")[0] for line in lines]
        assert names == ["MLFLOW_BACKEND_STORE_URI", "PREFECT_SERVER_DATABASE_CONNECTION_URL", "DATABASE_URL"]
        main = int((postgres_folder / "data/postmaster.pid").read_text().splitlines()[0])
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 0
    until(lambda: not alive(main))


@pytest.mark.parametrize(("told", "port"), [([], "5433"), (["POSTGRES_PORT=6000"], "6000")])
def test_make_has_it_at_the_same_port_at_each_start(told: list[str], port: str) -> None:
    """Its addresses stand in terminals and settings that outlive it."""
    command = ["make", "--dry-run", "-o", "setup", "postgres", *told]
    env = {name: value for name, value in os.environ.items() if name != "POSTGRES_PORT"}
    said = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout
    assert f"-m pipelines.postgres --port {port}\n" in said


def test_without_postgresql_it_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(own, "PLACES", str(tmp_path))
    with pytest.raises(NoPostgres), own.server(tmp_path / "folder"):
        pass
    assert own.main(["--folder", str(tmp_path / "folder")]) == 2
    assert capsys.readouterr().err.startswith("postgres: PostgreSQL is not installed: ")


@pytest.mark.parametrize(("made", "taken"), [("15", "15"), ("14", "17"), (None, "17")])
def test_data_are_opened_by_their_own_version_where_it_is_still_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: str | None, taken: str
) -> None:
    """An upgrade of the system leaves the old one beside the new, and no other can open them."""
    for place in (tmp_path / "15/bin", tmp_path / "17/bin"):
        place.mkdir(parents=True)
        for program in ("initdb", "postgres"):
            (place / program).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "17/bin"))
    monkeypatch.setattr(own, "PLACES", str(tmp_path))
    (tmp_path / "data").mkdir()
    if made:
        (tmp_path / "data/PG_VERSION").write_text(f"{made}\n")
    assert own._programs(tmp_path / "data") == tmp_path / taken / "bin"


def test_data_of_a_version_that_is_gone_name_it(tmp_path: Path) -> None:
    said = "database files are incompatible with server"
    more = "The data directory was initialized by PostgreSQL version 14, which this one does not read."
    (tmp_path / "log").write_text(f"20:00 UTC [7] FATAL:  {said}\n20:00 UTC [7] DETAIL:  {more}\n")
    assert own._reason(tmp_path / "log") == f"{said}; {more}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another user")
def test_a_folder_that_the_other_user_cannot_reach_is_refused(tmp_path: Path, postgres: Urls) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with (
        pytest.raises(PostgresError, match=r"may not enter .*; choose a folder elsewhere"),
        own.server(closed / "x"),
    ):
        pass
