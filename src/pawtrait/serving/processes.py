"""Processes of the service's own: started with a channel, deaf to signals, asked how they ended."""

import json
import multiprocessing
import signal
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

LEAVING = 1.0  # seconds that a process whose channel is closed may take to end


class Died(Exception):
    """The process is gone, or did not answer and was killed; the message says how, for people."""


def start(module: str, setup: Mapping[str, Any]) -> "tuple[Connection, subprocess.Popen[bytes]]":
    """Run ``python -m MODULE CHANNEL SETUP``, the setup as JSON.

    Raises:
        OSError: no process can be started.
    """
    ours, theirs = multiprocessing.Pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno()), json.dumps(setup)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            process_group=0,  # a Ctrl-C in the terminal is the service's to answer
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return ours, process


def outlast_signals() -> None:
    """In such a process: what is in hand is finished, and the end of its channel is the end.

    SIGTERM and SIGINT are the service's to answer; systemd sends them to every process of it.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def death(process: "subprocess.Popen[bytes]") -> Died:
    """How it ended: by which signal, or with which code; one that has closed its channel only is killed."""
    try:
        code = process.wait(LEAVING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return Died("closed its channel")
    if code >= 0:
        return Died(f"ended with exit code {code}")
    try:
        return Died(f"was ended by {signal.Signals(-code).name}")
    except ValueError:
        return Died(f"was ended by signal {-code}")
