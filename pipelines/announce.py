"""News for people: one JSON message to the webhook that PAWTRAIT_WEBHOOK names, if it names one.

And how an error and other people's words are said, there and on Prefect's pages.
"""

import json
import math
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from logging import INFO, WARNING
from typing import Any

import httpx
from filelock import FileLock
from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Failed

from pawtrait.errors import PawtraitError
from pawtrait.files import write_text
from pawtrait.monitoring.shown import PAGES

VARIABLE = "PAWTRAIT_WEBHOOK"
NO_WEBHOOK = "no webhook is set"
SENT = "sent"
PATIENCE = httpx.Timeout(10.0, connect=5.0)  # seconds
PAUSES = (1.0, 4.0)  # seconds between the tries
AGAIN = (408, 425, 429)  # answers that, like every 5xx, may be another a moment later
UNSENT = PAGES / "unsent"  # messages that the next look or month sends, a file each


def announce(event: str, facts: Mapping[str, Any], keep: bool = False) -> str:
    """Post news as ``post`` does, and note in the run's log what came of it."""
    said = post(event, facts, keep)
    get_run_logger().log(INFO if said in (SENT, NO_WEBHOOK) else WARNING, "webhook: %s", said)
    return said


def post(event: str, facts: Mapping[str, Any], keep: bool = False) -> str:
    """Post ``{"id", "event", "text", "facts"}``; news that cannot be told must not stop what it is about.

    ``text`` is a sentence, which chat programs show as it is. A message that is sent again keeps its id.

    Args:
        keep: what is not taken waits for ``catch_up``; of news that nothing tells again.

    Returns:
        ``sent``, ``no webhook is set``, or why it was not sent. The address, which often holds a secret,
        is in none of them, and nothing is raised.
    """
    address = os.environ.get(VARIABLE, "").strip()
    if not address:
        return NO_WEBHOOK
    try:
        message = _message(event, facts)
        problem = _patiently(address, message)
        if problem is None:
            return SENT
        if keep:
            write_text(UNSENT / f"{time.time_ns():020d}.json", message.decode())
    except (OSError, ValueError, TypeError, RecursionError) as error:
        return f"not sent: the facts of {event} cannot be used or kept ({type(error).__name__})"
    return f"not sent: {problem[0]}{'; the next look or month tries again' if keep else ''}"


def catch_up() -> None:
    """Send what was kept, the oldest first; what is not taken waits on.

    Those behind it wait too, for a webhook that is down, but not for a message that is refused for good.
    Where another look or month is sending them at this moment, nothing is done: one sender sends each once.
    """
    address = os.environ.get(VARIABLE, "").strip()
    if not address or not UNSENT.is_dir():
        return
    with suppress(OSError), FileLock(UNSENT.with_suffix(".lock"), timeout=0):  # news stop nothing
        for kept in sorted(UNSENT.glob("*.json")):
            problem = _patiently(address, kept.read_bytes())
            if problem is None:
                kept.unlink()
            elif problem[1]:
                return


def in_words(error: Exception) -> str:
    """What is told of an error: our own says it itself, any other is named by its kind; on one line."""
    if isinstance(error, PawtraitError):
        return str(error)
    return " ".join(f"{type(error).__name__}: {error}".split())


def broken_off(error: Exception, now: str) -> State[Any]:
    """The state of a run that an error ended: what it was, and what that means ``now``, to type too.

    Of an error that nobody foresaw the run's log has where it came from.
    """
    if not isinstance(error, PawtraitError):
        get_run_logger().error("an error that nobody foresaw", exc_info=error)
    return Failed(message=f"{in_words(error)}; {now}")


def escaped(text: str) -> str:
    """Text for a line of Markdown, as it is and on one line, whatever Markdown would make of it.

    People from outside wrote parts of it: names, a reviewer's reasons.
    """
    line = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_|<>[]#" else letter for letter in line)


def _patiently(address: str, message: bytes) -> tuple[str, bool] | None:
    """Try as often as it may help; give what came of the last try, as ``_post`` does."""
    problem = _post(address, message)
    for pause in PAUSES:
        if problem is None or not problem[1]:
            break
        time.sleep(pause)
        problem = _post(address, message)
    return problem


def _post(address: str, message: bytes) -> tuple[str, bool] | None:
    """None once it is taken; else what is wrong, and whether another try may help."""
    headers = {"Content-Type": "application/json"}
    try:
        with httpx.stream("POST", address, content=message, headers=headers, timeout=PATIENCE) as response:
            status = response.status_code  # the answer's body, however long, is nobody's concern
    except (httpx.UnsupportedProtocol, httpx.InvalidURL):
        return f"{VARIABLE} is not an http(s) address", False
    except (httpx.HTTPError, OSError, ValueError) as error:
        return f"the webhook cannot be reached ({type(error).__name__})", True
    if 200 <= status < 300:
        return None
    return f"the webhook answers {status}", status >= 500 or status in AGAIN


def _message(event: str, facts: Mapping[str, Any]) -> bytes:
    clean = _plain(facts)
    text = f"Pawtrait: {event}" + "".join(f"\n{name}: {_shown(value)}" for name, value in clean.items())
    body = {"id": uuid.uuid4().hex, "event": event, "text": text, "facts": clean}
    return json.dumps(body, allow_nan=False, ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    """What JSON can say: NaN and infinity become null, all that is unknown its own text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case date():  # datetimes too
            return value.isoformat()
        case Mapping():
            return {str(name): _plain(one) for name, one in value.items()}
        case Sequence() | set() | frozenset() if not isinstance(value, bytes | bytearray):
            return [_plain(one) for one in value]
    return str(value)


def _shown(value: Any) -> str:
    """A value in a sentence: lists with commas, floats short."""
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
