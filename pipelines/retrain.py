"""The retraining: a month turned in a clone of its own, or this folder brought up to date as it is.

``python -m pipelines.retrain`` runs it here and now, on a temporary server unless PREFECT_API_URL names one.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from filelock import FileLock, Timeout
from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed
from pydantic import Field

from pawtrait import clock, environment, newest
from pawtrait.adapters import dvc
from pawtrait.adapters.store import settling
from pawtrait.errors import BadParams, PawtraitError
from pipelines import lease, owed, pages, server, workspace
from pipelines import month as calendar
from pipelines import stages as dvc_stages
from pipelines.announce import catch_up
from pipelines.inputs import FINGERPRINT
from pipelines.month import REGISTER, Approval
from pipelines.processes import Children, heed, say
from pipelines.steps import step

COMPARE = "compare"  # the stage that ends in the table of models; registration reads what it wrote
LOCK = Path(".cache/retrain.lock")
DOUBLED = "another retraining is running here, so this one was cancelled"


@flow(name="retrain")
def retrain(
    month: str | None = None,
    again: bool = False,
    approval: Approval = "gate",
    patience: Annotated[float, Field(gt=0)] = 24.0,
    workers: Annotated[int, Field(ge=1)] | None = None,
    reason: str = "",
) -> State[Any]:
    """Retrain for a month: freeze feedback, train in a clone, commit, register, judge, promote or not.

    Args:
        month: YYYY-MM; by default this month, in UTC.
        again: run it even if it is done already, with the feedback accepted since.
        approval: ``gate`` promotes what the gate lets through; ``person`` asks, and silence means no.
        patience: hours that a person has to answer.
        workers: stages that may run at once; by default two, or one on a single core.
        reason: why now, if not by the calendar: drift, feedback.
    """
    try:
        with _alone():
            wish = calendar.Wish(_workers(workers), approval, patience, again, reason)
            return _turn(_month(month), wish)
    except Timeout:
        return Cancelled(message=DOUBLED)
    except PawtraitError as error:
        return Failed(message=str(error))


@flow(name="retrain-here")
def here(
    stages: list[str] | None = None,
    register: bool = True,
    workers: Annotated[int, Field(ge=1)] | None = None,
) -> State[Any]:
    """Bring the project in the current folder up to date, and register its best model; nothing is committed.

    Args:
        stages: these and what they need, as ``dvc repro`` would; ``None`` is all.
        register: make the best model a version in the registry.
        workers: stages that may run at once; by default two, or one on a single core.
    """
    try:
        with _alone():
            return Completed(message=_here(stages, register, _workers(workers)))
    except Timeout:
        return Cancelled(message=DOUBLED)
    except PawtraitError as error:
        return Failed(message=str(error))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow from the command line; 0 when it completed, 2 after one line that says why not."""
    options = _parser().parse_args(arguments)
    heed(signal.SIGINT, signal.SIGHUP)  # SIGTERM is Prefect's own
    try:
        _check(options)
        return server.run("retrain", lambda: _chosen(options))
    except KeyboardInterrupt:
        say("retrain: interrupted; run it again to go on after the last finished stage", sys.stderr)
        return 130  # as shells have it
    except BadParams as error:
        print(f"retrain: {error}", file=sys.stderr)
        return 2


def _chosen(options: argparse.Namespace) -> State[Any]:
    if server.temporary():
        lease.free()
    if options.here:
        return here(options.stages, options.register, options.workers, return_state=True)
    approval = options.approval or "gate"
    return retrain(options.month, options.again, approval, workers=options.workers, return_state=True)


def _check(options: argparse.Namespace) -> None:
    """Refuse options of the other kind of run: dropped in silence, they would promote what nobody wished to.

    Raises:
        BadParams: there are such.
    """
    if options.here and (options.month is not None or options.again or options.approval):
        raise BadParams(
            "--month, --again and --approval do not work with --here; leave out the former or the latter"
        )
    if not options.here and (options.stages or not options.register):
        raise BadParams("--stages and --no-register need --here; add it, or leave them out")


def _alone() -> FileLock:
    """A place that one run at a time can take; entering raises Timeout where another has it."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(LOCK, timeout=0)


def _turn(month: str, wish: calendar.Wish) -> State[Any]:
    try:
        _catch_up(month)
        decisions = calendar.decided(month)
        if last := calendar.owing(newest.CLONE, month, decisions):
            ended = calendar.finish(workspace.prepare(Path(), newest.CLONE, month), *last)
            if not wish.again:
                return Completed(name=ended.action.capitalize(), message=f"{month}: {ended.sentence}")
        done = calendar.settled(decisions)
        if done and not wish.again and not calendar.open_still(newest.CLONE, month, decisions):
            why = f": {done.reasons[0]}" if done.reasons else ""
            return Completed(
                name="Done", message=f"{month} is done already ({done.action}{why}); --again repeats it"
            )
        ended = calendar.turn(workspace.prepare(Path(), newest.CLONE, month), wish)
        return Completed(name=ended.action.capitalize(), message=f"{month}: {ended.sentence}")
    except Exception as error:  # a full disk, a server that is gone: people hear of it all the same
        return calendar.failed(month, error, wish)


def _catch_up(month: str) -> None:
    """Show and tell what other months decided and did not live to tell; this one waits for none of them."""
    catch_up()
    for other in owed.months(newest.CLONE):
        try:
            last = calendar.owing(newest.CLONE, other, calendar.decided(other)) if other != month else None
            if last:
                calendar.finish(workspace.prepare(Path(), newest.CLONE, other), *last)
        except PawtraitError as error:
            get_run_logger().warning("the decision of %s is not announced yet: %s", other, error)


def _month(named: str | None) -> str:
    """The month that is meant.

    Raises:
        BadFeedback: it is none.
        BadParams: it is still to come.
    """
    if named is None:
        return clock.month(clock.now())
    clock.check_begun(settling.a_month(named))
    return named


def _workers(wished: int | None) -> int:
    """Stages at once, two where nobody says; on one core these would only wait for each other."""
    return wished or min(2, environment.cores())


def _here(stages: list[str] | None, register: bool, workers: int) -> str:
    dvc.prepare()
    graph = dvc_stages.select(dvc_stages.read(), stages)
    with Children() as children:
        step("fingerprint", FINGERPRINT, children, network=True)
        said = dvc_stages.outcome(graph, dvc_stages.run_all(graph, workers, children))
        if COMPARE not in graph:
            return f"{said}; nothing registered: the stage {COMPARE} was not among them"
        if register:
            step("register", REGISTER, children)
    create_markdown_artifact(
        key="leaderboard", markdown=pages.leaderboard(pages.COMPARISON), description="The models, best first"
    )
    return f"{said}; {'the best model is registered' if register else 'nothing registered, as asked'}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m pipelines.retrain", description="Retrain now.")
    parser.add_argument("--workers", type=int, help="stages that may run at once (2, on one core 1)")
    parser.add_argument("--month", metavar="YYYY-MM", help="the month to retrain (this one, in UTC)")
    parser.add_argument("--again", action="store_true", help="run it even if it is done already")
    parser.add_argument(
        "--approval",
        choices=("gate", "person"),
        help="gate: the gate decides, as in CI; person: somebody answers in Prefect's UI (gate)",
    )
    parser.add_argument(
        "--auto", dest="approval", action="store_const", const="gate", help="the same as --approval gate"
    )
    folder = parser.add_argument_group("in this folder, committing nothing")
    folder.add_argument("--here", action="store_true", help="instead of a month in a clone")
    folder.add_argument("--stages", nargs="+", metavar="STAGE", help="these and what they need (all)")
    folder.add_argument(
        "--no-register", dest="register", action="store_false", help="leave the registry alone"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
