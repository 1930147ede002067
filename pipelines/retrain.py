"""The retraining: the source's fingerprint, every DVC stage, the registration, and the table of models.

``python -m pipelines.retrain`` runs it here and now, on a temporary server unless PREFECT_API_URL names one.
"""

import argparse
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings
from prefect.states import Completed, Failed
from pydantic import Field

from pawtrait.errors import BadData, PawtraitError
from pawtrait.evaluation import tables
from pipelines import stages as dvc_stages
from pipelines.processes import Children, CommandError

COMPARE = "compare"  # the stage that ends in the table of models; registration reads what it wrote
COMPARISON = Path("data/reports/compare.json")
FINGERPRINT = [
    *(sys.executable, "-m", "pawtrait.stages", "fingerprint"),
    *("--out", "data/source.json", "--paintings", "data/paintings.json"),
]
REGISTER = ["pawtrait", "register"]


@flow(name="retrain")
def retrain(
    stages: list[str] | None = None, register: bool = True, workers: Annotated[int, Field(ge=1)] = 2
) -> State[Any]:
    """Bring the project in the current folder up to date, and register its best model.

    Args:
        stages: these and what they need, as ``dvc repro`` would; ``None`` is all.
        register: make the best model a version in the registry.
        workers: stages that may run at once.
    """
    try:
        return Completed(message=_retrain(stages, register, workers))
    except PawtraitError as error:
        return Failed(message=str(error))


@task(cache_policy=NO_CACHE, task_run_name="{name}")
def run_command(name: str, command: list[str], children: Children) -> State[Any]:
    """Run one command that is no stage, because its result does not follow from versioned inputs."""
    try:
        children.run(name, command, get_run_logger().info)
    except CommandError as error:
        return Failed(message=str(error))
    return Completed(message=f"{name} ran")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow from the command line; 0 when it completed, 2 after one line that says why not."""
    options = _parser().parse_args(arguments)
    try:
        _reach_server()
        state = retrain(options.stages, options.register, options.workers, return_state=True)
    except KeyboardInterrupt:
        print("retrain: interrupted; the next run goes on after the last finished stage", file=sys.stderr)
        return 130  # as shells have it
    except CommandError as error:
        print(f"retrain: {error}", file=sys.stderr)
        return 2
    print(f"retrain: {state.message}", file=sys.stdout if state.is_completed() else sys.stderr)
    return 0 if state.is_completed() else 2


def outcome(graph: Mapping[str, frozenset[str]], states: Mapping[str, State[Any]]) -> str:
    """One sentence on stages that all ended well.

    Raises:
        CommandError: a stage failed; the message has its name, its last lines, and what did not run for it.
    """
    bad = [stage for stage in graph if not states[stage].is_completed()]
    if bad:
        said = [states[stage].message or f"{stage} failed" for stage in bad if states[stage].is_final()]
        waiting = [stage for stage in bad if not states[stage].is_final()]
        after = [f"so these did not run: {', '.join(waiting)}"] if waiting else []
        raise CommandError("; ".join(said + after))
    unchanged = sum(states[stage].name == dvc_stages.UNCHANGED for stage in graph)
    return f"{len(graph)} stages, {len(graph) - unchanged} ran, {unchanged} unchanged"


def _reach_server() -> None:
    """Start the temporary server where none is named, deaf to Ctrl-C.

    A terminal interrupts every process in front of it, the server too; but an interrupted flow has to tell
    its server so, and would try for minutes. A blocked signal stays blocked in a child.

    Raises:
        CommandError: no server answers.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with get_client(sync_client=True) as client:
            client.hello().raise_for_status()
    except (httpx.HTTPError, RuntimeError) as error:
        where = get_current_settings().api.url or "its temporary address"
        remedy = "start it or unset PREFECT_API_URL"
        raise CommandError(f"no Prefect server answers at {where} ({error}); {remedy}") from error
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _retrain(stages: list[str] | None, register: bool, workers: int) -> str:
    graph = dvc_stages.select(dvc_stages.read(), stages)
    with Children() as children:
        _step("fingerprint", FINGERPRINT, children)
        said = outcome(graph, dvc_stages.run_all(graph, workers, children))
        if COMPARE not in graph:
            return f"{said}; nothing registered: {COMPARE} was not among them"
        if register:
            _step("register", REGISTER, children)
    create_markdown_artifact(
        key="leaderboard", markdown=_table(COMPARISON), description="The models, best first"
    )
    return f"{said}; {'the best model is registered' if register else 'nothing registered, as asked'}"


def _step(name: str, command: list[str], children: Children) -> None:
    state = run_command(name, command, children, return_state=True)
    if not state.is_completed():
        raise CommandError(state.message or f"{name} failed")


def _table(path: Path) -> str:
    try:
        return tables.markdown(json.loads(path.read_text(encoding="utf-8"))["rows"])
    except (OSError, ValueError, KeyError) as error:
        raise BadData(f"{path} holds no table of models: {error!r}; run dvc repro {COMPARE}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m pipelines.retrain", description="Retrain here and now.")
    parser.add_argument("--stages", nargs="+", metavar="STAGE", help="these and what they need (all)")
    parser.add_argument(
        "--no-register", dest="register", action="store_false", help="leave the registry alone"
    )
    parser.add_argument("--workers", type=int, default=2, help="stages that may run at once (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
