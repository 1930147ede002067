"""``python -m pawtrait.app``: starts service and web app, and ends both when either ends or on Ctrl-C."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import httpx

from pawtrait import ports, terminal
from pawtrait.app import client

MAIN = Path(__file__).with_name("main.py")
GRACE = 35.0  # seconds that the service may take to finish what is in hand
PATIENCE = 120.0  # seconds until it must be up
HERE = ("127.0.0.1", "localhost", "::1")


def main(arguments: Sequence[str]) -> int:
    """Run until one of them ends; gives the exit code of whichever ended first, 0 after a signal."""
    wanted = _parser().parse_args(arguments)
    given = os.environ.get("PAWTRAIT_SERVICE", "")
    others = f"--port {wanted.port + 1}, or APP_PORT={wanted.port + 1} after `make app`"
    if objection := (
        _misspelt(given)
        or _objection(wanted, given)
        or ports.objection(wanted.host, wanted.port, "this app", others)
    ):
        print(f"pawtrait.app: {objection}", file=sys.stderr)
        return 2
    address = given or f"http://127.0.0.1:{wanted.service_port}"
    terminal.on_close(_leave)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    running: list[subprocess.Popen[bytes]] = []
    try:
        if not given:
            running.append(_service(wanted.service_port))
            if not _up(address, running[0]):
                return running[0].poll() or 1
        running.append(_app(wanted.host, wanted.port, address))
        print(
            f"Pawtrait: http://{wanted.host}:{wanted.port} (the service: {address}); Ctrl-C stops it",
            flush=True,
        )
        return _first_to_end(running)
    except KeyboardInterrupt:
        return 0
    finally:
        _end(running)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pawtrait.app", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address of the web app")
    parser.add_argument("--insecure", action="store_true", help="let other machines in without keys")
    parser.add_argument("--port", type=int, default=8501, help="port of the web app")
    told = "port of the service; unused where PAWTRAIT_SERVICE names a running one"
    parser.add_argument("--service-port", type=int, default=8000, help=told)
    return parser


def _misspelt(given: str) -> str:
    """Which setting every page would stumble over, and how, or ""."""
    try:
        client.networks(os.environ.get("PAWTRAIT_PROXIES", ""))
    except ValueError as error:
        return f"PAWTRAIT_PROXIES: {error}; expected a list such as 10.0.0.0/8,192.0.2.7"
    if given and not client.is_address(given):
        return f"PAWTRAIT_SERVICE: {given} is no address; expected one such as http://127.0.0.1:8000"
    try:
        client.own_key()
    except (OSError, ValueError) as error:
        return f"PAWTRAIT_APP_KEY_FILE: {error}; expected a file that this user reads, with the app's key"
    return ""


def _objection(wanted: argparse.Namespace, given: str) -> str:
    """Why it is not opened so, or "". A ``given`` service that asks for keys has one for the app too."""
    names = (
        ("PAWTRAIT_APP_KEY", "PAWTRAIT_APP_KEY_FILE") if given else ("PAWTRAIT_KEYS", "PAWTRAIT_KEYS_FILE")
    )
    if wanted.insecure or wanted.host in HERE or any(map(os.environ.get, names)):
        return ""
    opens = f"--host {wanted.host} opens the pages of reviewers and operators to others, and there"
    if given:
        return (
            f"{opens} is no key for the service at {given}; make one there with `pawtrait keys add app"
            " --scope read --scope feedback --shared`, give it in PAWTRAIT_APP_KEY or name its file in"
            " PAWTRAIT_APP_KEY_FILE, or pass --insecure"
        )
    return (
        f"{opens} are no keys; make some with `pawtrait keys add`, name their file in PAWTRAIT_KEYS, give the"
        " app's key in PAWTRAIT_APP_KEY, or pass --insecure"
    )


def _service(port: int) -> "subprocess.Popen[bytes]":
    proxies = os.environ.get("PAWTRAIT_PROXIES")
    believed = f"127.0.0.1,{proxies}" if proxies else "127.0.0.1"  # the app tells it who visits
    command = [sys.executable, "-m", "pawtrait", "serve", "--host", "127.0.0.1", "--port", str(port)]
    return subprocess.Popen(command, env={**os.environ, "PAWTRAIT_PROXIES": believed})


def _app(host: str, port: int, address: str) -> "subprocess.Popen[bytes]":
    options = ["--server.address", host, "--server.port", str(port)]
    for name in _names(host):
        options += ["--server.allowedHosts", name]
    command = [sys.executable, "-m", "streamlit", "run", str(MAIN), *options]
    return subprocess.Popen(
        command, env={**os.environ, "PAWTRAIT_SERVICE": address}, stdout=subprocess.DEVNULL
    )


def _names(host: str) -> list[str]:
    """By which names pages may be asked for; on this machine alone, where no key may be needed, by its own.

    Another site whose name leads here (DNS rebinding) would read them through a visitor's browser. Behind a
    proxy the names in PAWTRAIT_HOSTS, as the service has them. None: by any.
    """
    return [*HERE, *os.environ.get("PAWTRAIT_HOSTS", "").split()] if host in HERE else []


def _up(address: str, service: "subprocess.Popen[bytes]") -> bool:
    """Wait until the service answers; False where it ended instead, or took too long."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and service.poll() is None:
        try:
            httpx.get(f"{address}/healthz", timeout=2, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return True
    if service.poll() is None:
        print(f"pawtrait.app: no answer from the service at {address} in {PATIENCE:.0f} s", file=sys.stderr)
    return False


def _first_to_end(running: "Sequence[subprocess.Popen[bytes]]") -> int:
    while True:
        for process in running:
            if process.poll() is not None:
                return process.returncode
        time.sleep(0.2)


def _end(running: "Sequence[subprocess.Popen[bytes]]") -> None:
    """Ask all of them to end; one that does not is killed."""
    for process in reversed(running):
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + GRACE
    for process in running:
        try:
            process.wait(max(until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()


def _leave(number: int, frame: FrameType | None) -> None:
    """A signal ends the wait; a second one finds it on its way."""
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
