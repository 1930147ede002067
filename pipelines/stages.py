"""dvc.yaml as a task graph, read by DVC and never written twice, and the one task that runs a stage."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from prefect import Task, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from pawtrait.errors import BadParams
from pipelines import lease
from pipelines.processes import Children, CommandError
from pipelines.steps import PATIENCE

Graph = dict[str, frozenset[str]]  # a stage → the stages whose outputs it reads
NETWORK = ("ingest", "paintings", "weights")  # the stages that touch the network, so those worth another try
HUNGRY = ("train", "train_cyclegan", "train_augmented", "stylize")  # those that a GPU helps; one a GPU
UNCHANGED = "Unchanged"  # the state of a stage that DVC found up to date


def read(root: Path = Path()) -> Graph:
    """Every stage of the DVC project at ``root`` with its upstream, under DVC's own names (``train@cnn``).

    Data files that DVC only tracks (``*.dvc``) have no command and are left out.

    Raises:
        BadParams: no DVC project, or a dvc.yaml that DVC refuses.
    """
    try:
        with Repo(str(root)) as repo:
            graph = repo.index.graph
            stages = [stage for stage in graph if stage.cmd]
            return {
                _name(stage): frozenset(_name(up) for up in graph.successors(stage) if up.cmd)
                for stage in sorted(stages, key=_name)
            }
    except DvcException as error:
        raise BadParams(f"dvc.yaml cannot be read: {' '.join(str(error).split())}") from error


def select(graph: Mapping[str, frozenset[str]], names: Iterable[str] | None) -> Graph:
    """The named stages and all they need, as ``dvc repro NAMES`` would take them; ``None`` is every stage.

    ``train`` stands for each ``train@…``.

    Raises:
        BadParams: a name that dvc.yaml does not have.
    """
    if names is None:
        return dict(graph)
    wanted: set[str] = set()
    new = {stage for name in names for stage in _called(name, graph)}
    while new:
        wanted |= new
        new = {up for stage in new for up in graph[stage]} - wanted
    return {stage: graph[stage] for stage in graph if stage in wanted}


@task(cache_policy=NO_CACHE, task_run_name="dvc-{stage}")
def run_stage(stage: str, children: Children) -> State[Any]:
    """Let DVC bring one stage up to date, its upstream being so; DVC decides whether there is work."""
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", stage]
    try:
        with lease.gpu(stage.partition("@")[0] in HUNGRY) as mine:
            extra = {} if mine is None else {"CUDA_VISIBLE_DEVICES": mine}
            tail = children.run(stage, command, get_run_logger().info, extra)
    except CommandError as error:
        return Failed(message=str(error))
    if any("didn't change, skipping" in line for line in tail):
        return Completed(name=UNCHANGED, message=f"{stage} is up to date")
    return Completed(message=f"{stage} ran")


def run_all(graph: Graph, workers: int, children: Children) -> dict[str, State[Any]]:
    """Run each stage once its upstream is done, at most ``workers`` at once; give each one's last state.

    A stage is handed to the pool only when it can run, so none holds a worker while it waits for another.
    One whose upstream failed ends as ``NotReady`` without running; all others go on.
    """
    done: SimpleQueue[str] = SimpleQueue()
    futures: dict[str, PrefectFuture[Any]] = {}
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    with ThreadPoolTaskRunner[Any](max_workers=workers) as runner, children:
        while sorter.is_active():
            for stage in sorted(sorter.get_ready()):
                futures[stage] = runner.submit(
                    task_for(stage),
                    {"stage": stage, "children": children},
                    wait_for=[futures[up] for up in sorted(graph[stage])],
                )
                futures[stage].add_done_callback(partial(_tell, done, stage))
            sorter.done(done.get())
        for future in futures.values():
            future.wait()  # then its state is the pool's; the server may not have heard yet
        return {stage: future.state for stage, future in futures.items()}


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
    unchanged = sum(states[stage].name == UNCHANGED for stage in graph)
    return f"{len(graph)} stages, {len(graph) - unchanged} ran, {unchanged} unchanged"


def task_for(stage: str) -> Task[[str, Children], State[Any]]:
    """``run_stage``, tried again after a pause where the network may be to blame."""
    return run_stage.with_options(**PATIENCE) if stage.partition("@")[0] in NETWORK else run_stage


def _name(stage: Any) -> str:
    """What ``dvc repro`` calls a stage at the project's root, wherever this process is."""
    return str(stage.name if stage.path_in_repo == "dvc.yaml" else stage.addressing)


def _tell(done: SimpleQueue[str], stage: str, future: PrefectFuture[Any]) -> None:
    done.put(stage)


def _called(name: str, graph: Mapping[str, frozenset[str]]) -> Iterator[str]:
    found = [stage for stage in graph if name in (stage, stage.partition("@")[0])]
    if not found:
        raise BadParams(f"dvc.yaml has no stage {name!r}; it has {', '.join(graph) or 'none'}")
    yield from found
