"""Prefect's server, from a command line's point of view."""

import signal
import sys
from collections.abc import Callable
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings

from pipelines.processes import CommandError


def run(name: str, flow: Callable[[], State[Any]]) -> int:
    """Run a flow from a command line; 0 when it completed, 2 after one line that says why not."""
    try:
        reach()
        state = flow()
    except CommandError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    done = state.is_completed()
    print(f"{name}: {state.message}", file=sys.stdout if done else sys.stderr)
    return 0 if done else 2


def reach() -> None:
    """Start the temporary server where none is named, deaf to Ctrl-C and a closed terminal.

    A terminal tells every process in front of it, the server too; but an interrupted flow has to tell
    its server so, and would try for minutes. A blocked signal stays blocked in a child.

    Raises:
        CommandError: no server answers.
    """
    deaf = {signal.SIGINT, *_heeded(signal.SIGHUP)}
    signal.pthread_sigmask(signal.SIG_BLOCK, deaf)
    try:
        with get_client(sync_client=True) as client:
            client.hello().raise_for_status()
    except (httpx.HTTPError, RuntimeError) as error:
        where = get_current_settings().api.url or "its temporary address"
        remedy = "start it or unset PREFECT_API_URL"
        raise CommandError(f"no Prefect server answers at {where} ({error}); {remedy}") from error
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, deaf)


def temporary() -> bool:
    """Whether none is named: it lives as long as this command."""
    return not get_current_settings().api.url


def _heeded(number: signal.Signals) -> set[signal.Signals]:
    """This signal, where this process ends in order by it; one that dies of it takes its server along."""
    return set() if signal.getsignal(number) == signal.SIG_DFL else {number}
