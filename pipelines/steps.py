"""Steps of a flow that are no DVC stage: a command each, whose result follows from no versioned inputs."""

from collections.abc import Sequence
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from pipelines.processes import Children, CommandError

PATIENCE: dict[str, Any] = {  # of a task whose failure may be the network's
    "retries": 2,
    "retry_delay_seconds": [10.0, 60.0],
}


@task(cache_policy=NO_CACHE, task_run_name="{name}")
def run_command(name: str, command: list[str], children: Children) -> State[Any]:
    """Run one command; the state's message is its last line, or why it failed."""
    try:
        tail = children.run(name, command, get_run_logger().info)
    except CommandError as error:
        return Failed(message=str(error))
    return Completed(message=tail[-1] if tail else f"{name} ran")


def step(name: str, command: Sequence[str], children: Children, network: bool = False) -> str:
    """Run one command as a task, tried again where the network may be to blame; give its last line.

    Raises:
        CommandError: it failed; the message says why.
    """
    tried = run_command.with_options(**PATIENCE) if network else run_command
    state = tried(name, list(command), children, return_state=True)
    if not state.is_completed():
        raise CommandError(state.message or f"{name} failed")
    return state.message or ""
