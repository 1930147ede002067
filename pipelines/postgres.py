"""A PostgreSQL server of one's own, in a folder: for MLflow, Prefect and feedback at once, by the tests too.

``python -m pipelines.postgres`` starts it and prints the three addresses; Ctrl-C stops it. PostgreSQL refuses
to run as root, so as root it runs as user ``postgres``, or as ``nobody``.
"""

import argparse
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pawtrait.errors import PawtraitError
from pawtrait.files import write_text
from pipelines.processes import heed

OWNER = "pawtrait"  # the one role, which owns the three databases
DATABASES = ("mlflow", "prefect", "feedback")
PLACES = "/usr/lib/postgresql"  # where Debian keeps the server, a folder each version, none of them on PATH
STAND_INS = ("postgres", "nobody")  # whom to run as instead of root
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",  # Prefect's pool, MLflow's four workers with a pool each, the service
}
READY, PATIENCE = 60.0, 30.0  # seconds to start, which may include a recovery after a crash; to stop


class PostgresError(PawtraitError):
    """The server of one's own could not be made or did not start."""


class NoPostgres(PostgresError):
    """PostgreSQL is not installed on this machine."""


@dataclass(frozen=True)
class Urls:
    """Where the three databases are, each as its reader wants it spelt; with the password."""

    mlflow: str
    prefect: str
    feedback: str

    def settings(self) -> dict[str, str]:
        """The variables by which MLflow's server, Prefect's server and Pawtrait find them."""
        return {
            "MLFLOW_BACKEND_STORE_URI": self.mlflow,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": self.prefect,
            "DATABASE_URL": self.feedback,
        }


@contextmanager
def server(folder: Path, port: int | None = None, durable: bool = True) -> Iterator[Urls]:
    """Run the server whose data lie in ``folder``, made at the first start, until the block ends.

    Args:
        folder: holds ``data``, ``password`` and ``log``; as root, below folders that everyone may pass.
        port: of 127.0.0.1; ``None`` takes a free one.
        durable: wait for the disk at each commit; tests need not.

    Raises:
        NoPostgres: it is not installed.
        PostgresError: the folder cannot be used, the port is taken, or the server says why it will not start.
    """
    folder = folder.absolute()
    programs, account = _programs(folder / "data"), _account()
    _own(folder, account)
    if not (folder / "data").exists():
        _make(programs, folder, account)
    port = port or free_port()
    child = _start(programs, folder, account, port, durable)
    try:
        _wait(child, folder)
        yield _urls(port, (folder / "password").read_text(encoding="utf-8"))
    finally:
        _stop(child)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C, SIGTERM or SIGHUP; 2 after one line that says why not."""
    parser = argparse.ArgumentParser("python -m pipelines.postgres", description="Run a PostgreSQL here.")
    parser.add_argument("--folder", type=Path, default=Path("postgres"), help="its data (%(default)s)")
    parser.add_argument("--port", type=int, default=None, help="of 127.0.0.1 (a free one)")
    chosen = parser.parse_args(arguments)
    heed()
    try:
        with server(chosen.folder, chosen.port) as urls:
            for name, value in urls.settings().items():
                print(f"export {name}={value}")
            print("# PostgreSQL is running; Ctrl-C stops it, its data stay", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except PostgresError as error:
        print(f"postgres: {error}", file=sys.stderr)
        return 2
    return 0


def _programs(data: Path) -> Path:
    """The folder of initdb and postgres: those of the data's own version first, as no other can open them."""
    made, found = data / "PG_VERSION", shutil.which("initdb")
    versions = sorted(Path(PLACES).glob("*/bin"), key=lambda place: _version(place.parent.name), reverse=True)
    version = made.read_text(encoding="utf-8").strip() if os.access(made, os.R_OK) else ""
    on_path = [Path(found).resolve().parent] if found else []
    for place in (Path(PLACES) / version / "bin", *on_path, *versions):
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise NoPostgres(
        f"PostgreSQL is not installed: no initdb on PATH or in {PLACES}/*/bin; Debian: apt install postgresql"
    )


def _version(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return 0.0


def _account() -> pwd.struct_passwd | None:
    """Whom to run as; ``None`` is whoever runs this."""
    if os.geteuid() != 0:
        return None
    for name in STAND_INS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresError(
        f"PostgreSQL refuses to run as root, and there is no user {' or '.join(STAND_INS)}; run it as another"
    )


def _own(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Make the folder, and as root give it to the account, which must be able to come there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if account is None:
            return
        closed = [above for above in folder.parents if not above.stat().st_mode & 0o001]
        if closed:
            raise PostgresError(
                f"{folder}: PostgreSQL runs as user {account.pw_name}, who may not enter {closed[-1]};"
                f" choose a folder elsewhere, or chmod o+x {closed[-1]}"
            )
        os.chown(folder, account.pw_uid, account.pw_gid)
    except OSError as error:
        raise PostgresError(f"{folder} cannot hold a database: {error.strerror}") from error


def _make(programs: Path, folder: Path, account: pwd.struct_passwd | None) -> None:
    """Initialise the data whole or not at all, with the three databases and a password of its own."""
    part, password = folder / "data.part", folder / "password"
    shutil.rmtree(part, ignore_errors=True)
    write_text(password, secrets.token_hex(16))
    password.chmod(0o600)
    if account:
        os.chown(password, account.pw_uid, account.pw_gid)
    _run(
        [
            *(str(programs / "initdb"), "--pgdata", str(part), "--username", OWNER, f"--pwfile={password}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"),
        ],
        "",
        account,
    )
    statements = "\n".join(f"CREATE DATABASE {name};" for name in DATABASES)
    _run([str(programs / "postgres"), "--single", "-D", str(part), "postgres"], statements, account)
    part.rename(folder / "data")


def _run(command: list[str], told: str, account: pwd.struct_passwd | None) -> None:
    done = subprocess.run(
        command,
        cwd="/",
        input=told,
        capture_output=True,
        text=True,
        check=False,
        **_identity(account),
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    trouble = [line for line in said if "ERROR" in line or "FATAL" in line]
    if done.returncode or trouble:
        raise PostgresError(f"{Path(command[0]).name} failed: {(trouble or said or ['it said nothing'])[-1]}")


def _start(
    programs: Path, folder: Path, account: pwd.struct_passwd | None, port: int, durable: bool
) -> "subprocess.Popen[bytes]":
    settings = {**SETTINGS, "port": str(port), "fsync": "on" if durable else "off"}
    command = [str(programs / "postgres"), "-D", str(folder / "data")]
    command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:  # of this start alone
        child: subprocess.Popen[bytes] = subprocess.Popen(
            command, cwd="/", stdout=log, stderr=log, stdin=subprocess.DEVNULL, **_identity(account)
        )
        return child


def _identity(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """What makes a child run as the account, in a session of its own, so that Ctrl-C is for us alone."""
    own: dict[str, Any] = {"start_new_session": True}
    if account is None:
        return own
    return {**own, "user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _wait(child: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Until the server says that it takes connections, in the eighth line of its own file, as pg_ctl does."""
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise PostgresError(f"PostgreSQL did not start in {folder}: {_reason(folder / 'log')}")
        try:
            told = (folder / "data/postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            told = []
        if len(told) > 7 and told[0] == str(child.pid) and told[7].strip() == "ready":
            return
        time.sleep(0.05)
    raise PostgresError(f"PostgreSQL in {folder} was not ready after {READY:.0f} s; see {folder / 'log'}")


def _reason(log: Path) -> str:
    """In PostgreSQL's words, but for a port that is taken: of that it says to wait, and names no way out."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if "Address already in use" in text:
        return "its port is taken; use another, such as make postgres POSTGRES_PORT=5434"
    serious, more = (re.findall(rf"(?:{words}):\s*(.*)", text) for words in ("FATAL", "DETAIL|HINT"))
    return "; ".join([*serious[:1], *more[:1]]) or text.strip().rpartition("\n")[2] or "it said nothing"


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """SIGINT is PostgreSQL's fast shutdown: transactions under way are rolled back, all else is on disk."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if child.poll() is not None:
            return
        child.send_signal(number)
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            continue


def _urls(port: int, password: str) -> Urls:
    where = {name: f"{OWNER}:{password}@127.0.0.1:{port}/{name}" for name in DATABASES}
    return Urls(
        mlflow=f"postgresql+psycopg://{where['mlflow']}",
        prefect=f"postgresql+asyncpg://{where['prefect']}",
        feedback=f"postgresql://{where['feedback']}",
    )


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
