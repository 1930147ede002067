"""One month turned: freeze, retrain, commit, register, judge, promote or not, tell; each step may run again.

Whatever line a run dies at, the next one goes on: what is frozen is remembered by the store, what is computed
by DVC's cache, what is committed by git, what is registered by MLflow, what was decided by the ledger, and
what is still to be shown and told of a decided month by a file in the clone.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from prefect import flow, get_run_logger, pause_flow_run
from prefect.client.schemas.objects import State
from prefect.exceptions import FlowPauseTimeout
from prefect.input import RunInput

from pawtrait import champion, clock
from pawtrait.adapters.store import database, ledger
from pawtrait.errors import BadData, BadStore
from pipelines import inputs, owed, pages, workspace
from pipelines import stages as dvc_stages
from pipelines.announce import announce, broken_off, in_words
from pipelines.owed import Note
from pipelines.pages import Outcome
from pipelines.processes import Children, CommandError
from pipelines.steps import step
from pipelines.workspace import DVC, Workspace

Approval = Literal["gate", "person"]
RECORD = [
    *(sys.executable, "-m", "pawtrait.stages", "record_splits"),
    *("--splits", "data/tables/splits.csv", "--recorded", "data/recorded_splits.csv"),
]
REGISTER = ["pawtrait", "register"]
REGISTERED = Path(".cache/registered.json")
VERDICT = Path("data/reports/verdict.json")  # comes after the commit it is about, so git ignores it
SERVING = Path("docker/serve.Dockerfile")
BUILD = [sys.executable, "-m", "pipelines.images"]
ACTOR = "retrain"
ANSWER = "open the paused run `ask` in Prefect's UI and press Resume"
LOOK = 10  # seconds between two looks for a person's word
DONE = ("promoted", "kept", "skipped")  # what ends a month; waiting, failed and rolled-back do not


class Word(RunInput):
    """What a person says of a challenger."""

    promote: bool = False
    name: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a month is to be turned."""

    workers: int  # stages at once
    approval: Approval
    patience: float  # hours that a person has to say a word
    again: bool = False  # though it is done: with what was accepted since
    reason: str = ""  # why now, where it is not the calendar


def settled(decisions: Iterable[ledger.Decision]) -> ledger.Decision | None:
    """The decision that ended a month, the newest if it was turned again; None while it is open."""
    ends = [one for one in decisions if one.action in DONE]
    return ends[-1] if ends else None


def decided(month: str) -> list[ledger.Decision]:
    """What the ledger has of a month, oldest first."""
    with database.opened() as engine:
        return ledger.of_month(engine, month)


def turn(ws: Workspace, wish: Wish) -> Outcome:
    """Bring the month to its end, from wherever an earlier run left it.

    Raises:
        PawtraitError: a step failed.
    """
    with Children(ws.path, ws.environment()) as children:
        ended = _turn(ws, wish, children)
    _tell(ws, ended, wish.reason)
    return ended


def owing(
    clone: Path, name: str, decisions: Sequence[ledger.Decision]
) -> tuple[Note, ledger.Decision] | None:
    """The note of a month whose last run died after its decision, and that decision."""
    note = owed.read(clone, name)
    done = settled(decisions[note.before :]) if note and note.judged else None
    return (note, done) if note and done else None


def open_still(clone: Path, name: str, decisions: Sequence[ledger.Decision]) -> bool:
    """Whether a turn made the first champion and died before it judged: the month is not done."""
    note = owed.read(clone, name)
    return note is not None and not note.judged and settled(decisions[note.before :]) is not None


def finish(ws: Workspace, note: Note, done: ledger.Decision) -> Outcome:
    """Show and tell what a run that died after its decision did not come to.

    Raises:
        PawtraitError: a step failed.
    """
    if note.verdict is None:
        ended = Outcome("skipped", done.reasons[0])
        pages.skipped(ws, ended.sentence)
    else:
        ended = _ended(ws, done, note.verdict)
        with Children(ws.path, ws.environment()) as children:
            inputs.restore(ws, children)  # another month may have been turned here since
        pages.month(ws, note.said, note.verdict, ended, build_image(ws))
    _tell(ws, ended, note.reason)
    return ended


def _ended(ws: Workspace, done: ledger.Decision, verdict: Mapping[str, Any]) -> Outcome:
    """What became of a month, told later: another version may be champion by now."""
    if done.action == "kept":
        return _stays(done.reasons[0])
    with database.opened() as engine:
        now = ledger.reigning(engine)
    if done.version is None or done.version != now:
        said = f"version {done.version} became champion on {done.time:%Y-%m-%d}; now it is version {now}"
        return Outcome("promoted", said)
    # it is; what was cut off there is finished
    _promote(ws, done.version, now, done.actor, list(done.reasons))
    return _reigns(done.version, verdict)


def _tell(ws: Workspace, ended: Outcome, reason: str) -> None:
    """The last word of a month."""
    facts = {"month": ws.month, "outcome": ended.sentence} | ({"reason": reason} if reason else {})
    announce(f"retrain.{ended.action}", facts, keep=True)
    owed.settle(ws.path, ws.month)


def failed(month: str, error: Exception, wish: Wish) -> State[Any]:
    """Tell the webhook and the ledger why a month did not come to its end; the ledger may be what failed."""
    options = f"{' --again' if wish.again else ''}{' --approval person' if wish.approval == 'person' else ''}"
    command = f"python -m pipelines.retrain --month {month}{options}"
    now = f"the service goes on as before; once the cause is gone, `{command}` goes on where it stopped"
    announce("retrain.failed", {"month": month, "why": in_words(error), "now": now})
    try:
        write(month, "failed", [in_words(error)])
    except (BadStore, OSError) as gone:
        get_run_logger().error("the ledger does not know that the month failed: %s", gone)
    return broken_off(error, now)


def write(month: str, action: str, reasons: list[str], verdict: Mapping[str, Any] | None = None) -> None:
    """A line in the ledger about a month that changed no champion."""
    about = verdict or {}
    with database.opened() as engine:
        reigning = ledger.reigning(engine)
        ledger.add(
            engine,
            ledger.Decision(
                time=clock.now(),
                month=month,
                model=champion.MODEL,
                action=action,
                version=about.get("challenger"),
                champion=reigning,
                previous=reigning,
                actor=ACTOR,
                reasons=tuple(reasons),
                figures={name: value for name, value in about.get("figures", {}).items() if value == value},
                commit=about.get("commit"),
            ),
        )


def _turn(ws: Workspace, wish: Wish, children: Children) -> Outcome:
    workspace.unedited(ws)
    workspace.reachable(ws)
    note = owed.begin(ws.path, ws.month, wish.reason, len(decided(ws.month)))
    graph = inputs.gather(ws, wish.again, children)
    if wish.again or not workspace.begun(ws):
        proof = _changes(ws)
        if proof:
            get_run_logger().info("out of date: %s", ", ".join(proof))
            step("record-splits", RECORD, children)
            workspace.begin(ws)
        elif not wish.again or (wish.reason and _known(ws)):  # who asks by hand has it repeated all the same
            return _skip(ws, note)
    said = dvc_stages.outcome(graph, dvc_stages.run_all(graph, wish.workers, children))
    workspace.unedited(ws)  # nor while it ran, which takes hours
    sha = workspace.commit(ws, "results")
    _publish(ws, children)
    step("register", [*REGISTER, "--month", ws.month, "--out", str(REGISTERED)], children)
    verdict = {**_judged(ws, children), "commit": sha}
    verdict["sentences"][1:1] = [f"Retrained now because of {wish.reason}."] if wish.reason else []
    owed.judge(ws.path, ws.month, note, said, verdict)
    ended = _decide(ws, wish, verdict, note.before)
    image = build_image(ws)
    pages.month(ws, said, verdict, ended, image)
    return ended


def _judged(ws: Workspace, children: Children) -> dict[str, Any]:
    """The gate's verdict on what was registered; the champion itself has none to meet."""
    known = _json(ws.path / REGISTERED)
    version = known["version"]
    if version == known["champion"]:
        said = f"version {version}, the champion, is the best of this month's models"
        return {
            "outcome": "same",
            "champion": version,
            "challenger": version,
            "objections": [],
            "sentences": [said],
            "figures": {},
        }
    step("gate", ["pawtrait", "gate", "--version", version], children)
    return _json(ws.path / VERDICT)


def build_image(ws: Workspace) -> str:
    """The champion's image with the month's code, or why there is none, which is no reason to fail."""
    if not (ws.path / SERVING).exists():
        return f"skipped: there is no {SERVING} yet"
    surroundings = {**ws.environment(), "PYTHONPATH": os.pathsep.join([str(ws.path), str(ws.path / "src")])}
    try:
        with Children(ws.root, surroundings) as children:
            return step("build-image", [*BUILD, "--context", str(ws.path)], children)
    except CommandError as error:
        get_run_logger().warning("no image: %s", error)
        return f"not built: {error}; `make image` tries again"


def _changes(ws: Workspace) -> list[str]:
    """The stages that DVC finds out of date; none is the proof that there is nothing to do."""
    with Children(ws.path, ws.environment()) as children:
        lines: list[str] = []
        children.run("dvc status", [*DVC, "status", "--json"], lines.append)
    try:
        return sorted(json.loads(lines[-1]))
    except (ValueError, IndexError) as error:
        raise CommandError(f"`dvc status --json` printed no JSON: {' '.join(lines)[:200]}") from error


def _known(ws: Workspace) -> bool:
    """Whether what stands in the clone was decided about already."""
    done = settled(decided(ws.month))
    return done is not None and done.commit is not None and workspace.unchanged(ws, done.commit)


def _skip(ws: Workspace, note: Note) -> Outcome:
    sentence = f"skipped: everything is up to date at commit {workspace.head(ws)[:9]} (`dvc status`: {{}})"
    owed.judge(ws.path, ws.month, note, "", None)
    write(ws.month, "skipped", [sentence], {"commit": workspace.head(ws)})
    pages.skipped(ws, sentence)
    return Outcome("skipped", sentence)


def _publish(ws: Workspace, children: Children) -> None:
    """Data to the remote first: a commit whose data nobody can fetch helps nobody."""
    if workspace.remotes(ws):
        step("dvc-push", [*DVC, "push", "--quiet"], children, network=True)
    else:
        get_run_logger().info(
            "no DVC remote is set, so data stay in this machine's cache; see docs/months.md"
        )
    workspace.push(ws)


def _decide(ws: Workspace, wish: Wish, verdict: Mapping[str, Any], before: int) -> Outcome:
    """What the verdict leads to; ``before`` is how many decisions the month had when this turn began."""
    outcome, version = verdict["outcome"], verdict["challenger"]
    said = [*verdict["objections"], *verdict["sentences"]]
    if outcome == "same":
        return _same(ws, version, said, verdict, before)
    if outcome == "keep":
        write(ws.month, "kept", said, verdict)
        return _stays(said[0])
    actor = ACTOR
    if wish.approval == "person":
        word = _asked(ws, wish, verdict)
        if word is None or not word.promote:
            why = f"{word.name or 'a person'} said no: {word.reason}" if word else "nobody answered in time"
            write(ws.month, "kept", [why, *said], verdict)
            return _stays(why)
        actor, said = word.name or "a person", [word.reason, *said] if word.reason else said
    elif outcome == "ask":
        write(ws.month, "waiting", said, verdict)
        remedy = f"pawtrait promote --version {version} --force --reason WHY"
        return Outcome("waiting", f"version {version} waits for a person: {said[0]}; to promote it: {remedy}")
    _promote(ws, version, verdict["champion"], actor, said)
    return _reigns(version, verdict)


def _same(ws: Workspace, version: str, said: list[str], verdict: Mapping[str, Any], before: int) -> Outcome:
    """The best model is champion: since this turn, being the first, or for longer, and the month keeps it."""
    # it is already; but the project's own note may not say so yet
    _promote(ws, version, version, ACTOR, said)
    if any(one.action == "promoted" for one in decided(ws.month)[before:]):
        return Outcome("promoted", f"version {version} is champion, the first")
    write(ws.month, "kept", said, verdict)
    return _stays(said[0])


def _stays(why: str) -> Outcome:
    return Outcome("kept", f"the champion stays: {why}")


def _reigns(version: str, verdict: Mapping[str, Any]) -> Outcome:
    return Outcome("promoted", f"version {version} is champion: {verdict['sentences'][0]}")


def _promote(ws: Workspace, version: str, against: str, actor: str, reasons: list[str]) -> None:
    """In the project itself, whose champion's note people and the service read.

    Raises:
        CommandError: another version than the one it was judged against is champion by now.
    """
    surroundings = {**ws.environment(), "PYTHONPATH": str(ws.path / "src")}
    with Children(ws.root, surroundings) as children:
        command = [
            *("pawtrait", "promote", "--version", version, "--month", ws.month),
            *("--actor", actor, "--force", "--against", against),
        ]
        said = [word for reason in reasons for word in ("--reason", reason)]
        step("promote", [*command, *said], children)


def _asked(ws: Workspace, wish: Wish, verdict: Mapping[str, Any]) -> Word | None:
    """What a person says in the Prefect UI, or None once the time is over, which means no."""
    page = pages.question(ws.month, verdict)
    asked = {
        "month": ws.month,
        "version": verdict["challenger"],
        "objections": verdict["objections"],
        "answer": f"{ANSWER}; none in {wish.patience:g} hours means no, and the champion stays",
    }
    announce("retrain.asks", asked)
    return ask(page, int(wish.patience * 3600))


@flow(name="ask")
def ask(page: str, seconds: int) -> Word | None:
    """Pause until a person has said a word, or the time is over.

    A run of its own, since a run that pauses gives its deployment's place away and is ended for that within
    minutes; this one has no deployment, and the month's goes on.
    """
    try:
        return pause_flow_run(
            wait_for_input=Word.with_initial_data(description=page), timeout=seconds, poll_interval=LOOK
        )
    except FlowPauseTimeout:
        pages.go_on()
        return None


def _json(path: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadData(f"{path} cannot be read: {error!r}; run the month again with --again") from error
    return read
