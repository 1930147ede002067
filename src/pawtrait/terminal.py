"""A terminal that is closed while a process runs in it: SIGHUP, which by default kills it where it stands."""

import signal
from collections.abc import Callable
from types import FrameType


def on_close(end: Callable[[int, FrameType | None], object]) -> None:
    """Let ``end``, a signal's handler, end this process once its terminal is closed; not under ``nohup``.

    Shell and kernel both tell of it, and the second would cut off the end: the first sets it aside.
    """

    def once(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        end(number, frame)

    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup leaves it
        signal.signal(signal.SIGHUP, once)
