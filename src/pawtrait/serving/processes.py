"""Processes of the service's own: started with a channel, spoken with, deaf to signals, and how they end."""

import json
import multiprocessing
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from pawtrait.serving import wire

LEAVING = 1.0  # seconds that a process whose channel is closed may take to end


class Died(Exception):
    """The process is gone, or did not answer and was killed; the message says how, for people."""


class Child:
    """One of them, and the channel to it.

    Attributes:
        process: what runs, or ran.
    """

    def __init__(self, module: str, setup: Mapping[str, Any]) -> None:
        """Run ``python -m MODULE CHANNEL SETUP``, the setup as JSON.

        Raises:
            OSError: no process can be started.
        """
        self._channel, theirs = multiprocessing.Pipe()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno()), json.dumps(setup)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,  # a Ctrl-C in the terminal is the service's to answer
            )
        except OSError:
            self._channel.close()
            raise
        finally:
            theirs.close()

    def say(self, head: dict[str, Any], *parts: bytes) -> None:
        """Send it a message. Raises Died, as all that speaks with it."""
        try:
            wire.send(self._channel, head, *parts)
        except OSError as error:
            raise self.end() from error

    def speaks(self, seconds: float) -> bool:
        """Whether it says something within so many seconds."""
        try:
            return self._channel.poll(seconds)
        except OSError as error:
            raise self.end() from error

    def hear(self) -> wire.Message:
        """Its next message."""
        try:
            return wire.receive(self._channel)
        except (EOFError, OSError) as error:
            raise self.end() from error

    def end(self, patience: float = LEAVING) -> Died:
        """Close the channel, with which it ends by itself, and kill it after ``patience`` seconds.

        Gives how it ended: by which signal, or with which code.
        """
        self._channel.close()
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return Died("closed its channel")
        if code >= 0:
            return Died(f"ended with exit code {code}")
        try:
            return Died(f"was ended by {signal.Signals(-code).name}")
        except ValueError:
            return Died(f"was ended by signal {-code}")


def outlast_signals() -> None:
    """In such a process: what is in hand is finished, and the end of its channel is the end.

    SIGTERM and SIGINT are the service's to answer; systemd sends them to every process of it.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
