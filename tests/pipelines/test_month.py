"""A month turned in a toy project: real Prefect, git, DVC and store; the command line is a stand-in."""

import base64
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from filelock import FileLock
from prefect.artifacts import Artifact
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import SetStateStatus
from prefect.context import FlowRunContext

from pawtrait.adapters.store import database, forgetting, ledger, settling
from pipelines import inputs, month, pages, workspace
from pipelines.pages import Outcome
from pipelines.processes import Children, CommandError
from pipelines.retrain import LOCK
from tests.pipelines.months import STEPS, WHO, decisions, git, told, turned

Until = Callable[..., None]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a person's word looks every second."""
    monkeypatch.setattr(month, "LOOK", 1)


def commits(project: Path, month: str = "2026-11") -> list[str]:
    lines = git(project, "log", "--format=%s", f"retrain/{month}").splitlines()
    return [line for line in lines if line.startswith("retrain")]


def test_a_month_ends_in_a_branch_a_verdict_and_a_line_in_the_ledger(project: Path, server: str) -> None:
    state = turned()
    assert state.message == "2026-11: the champion stays: too little evidence"
    assert told(project) == STEPS
    assert commits(project) == ["retrain 2026-11: results", "retrain 2026-11: data"]
    assert git(project, "show", "retrain/2026-11:dvc.lock")
    assert not (project / "dvc.lock").exists()
    [kept] = decisions()
    assert (kept.action, kept.version, kept.commit) == (
        "kept",
        "2",
        git(project, "rev-parse", "retrain/2026-11"),
    )
    assert kept.reasons == ("too little evidence", "macro-F1 is 0.50")
    page = Artifact.get("retrain-2026-11")
    assert page is not None
    assert "too little evidence" in str(page.data)
    assert "**cnn**" in str(page.data)
    assert "skipped: there is no docker/serve.Dockerfile yet" in str(page.data)
    forest = base64.b64encode((project / ".cache/retrain" / pages.FOREST).read_bytes()).decode()
    assert f"![the models, with intervals](data:image/png;base64,{forest})" in str(page.data)
    assert "[version 2](http://127.0.0.1:5000/#/models/pet-expression/versions/2)" in str(page.data)
    with SyncPrefectClient(server) as client:
        tags = client.read_flow_run(state.state_details.flow_run_id).tags
    lock = yaml.safe_load(git(project, "show", "retrain/2026-11:dvc.lock"))
    (pictures,) = lock["stages"]["ingest"]["outs"]
    made_of = {f"commit:{str(kept.commit)[:9]}", f"data:{pictures['md5'][:9]}"}
    assert {"2026-11", *made_of, "verdict:kept"} <= set(tags)


def test_a_month_that_is_done_says_so(project: Path, server: str) -> None:
    turned()
    again = turned()
    assert again.message == "2026-11 is done already (kept: too little evidence); --again repeats it"
    assert told(project) == STEPS
    assert turned(again=True).message == "2026-11: the champion stays: too little evidence"
    assert len(decisions()) == 2
    assert len(commits(project)) == 2


def test_a_month_without_news_is_skipped_with_the_proof(project: Path, server: str) -> None:
    turned()
    state = turned("2026-12")
    assert state.name == "Skipped"
    assert "up to date at commit" in (state.message or "")
    assert "(`dvc status`: {})" in (state.message or "")
    assert told(project) == [*STEPS, "feedback freeze --month 2026-12"]
    assert [one.action for one in decisions("2026-12")] == ["skipped"]


@pytest.mark.slow
def test_a_month_that_was_frozen_and_not_yet_tracked_never_enters_git(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_FEEDBACK", "picture,label\n")
    assert _run(project, PREFECT_API_URL=server, TOY_KILL="frozen").returncode == -signal.SIGKILL
    turned("2026-12")
    names = committed(project, "2026-12")
    assert {"data/feedback/2026-11.dvc", "data/feedback/2026-12.dvc"} <= set(names)
    assert not [name for name in names if name.endswith("accepted.csv")]


@pytest.mark.slow
def test_an_earlier_month_that_was_lost_is_frozen_again(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store settled it, but neither a branch nor a cache has it."""
    monkeypatch.setenv("TOY_FEEDBACK", "picture,label\n")
    _settle("2026-09")
    turned()
    assert told(project)[:2] == ["feedback freeze --month 2026-09", "feedback freeze --month 2026-11"]
    names = committed(project, "2026-11")
    assert "data/feedback/2026-09.dvc" in names
    turned("2026-12")
    assert told(project).count("feedback freeze --month 2026-09") == 1
    shutil.rmtree(project / ".cache/retrain")
    shutil.rmtree(project / ".dvc/cache")
    killed = _run(project, "2027-01", PREFECT_API_URL=server, TOY_KILL="feedback freeze --month 2027-01")
    assert killed.returncode == -signal.SIGKILL
    turned("2027-01")
    assert told(project).count("feedback freeze --month 2026-09") == 2
    assert (project / ".cache/retrain/data/feedback/2026-09/accepted.csv").exists()
    names = committed(project, "2027-01")
    assert "data/feedback/2026-09.dvc" in names


@pytest.mark.slow
def test_a_month_turned_late_learns_what_later_ones_accepted(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_FEEDBACK", "picture,label\n")
    _settle("2026-11")
    turned("2026-10")
    names = committed(project, "2026-10")
    assert "data/feedback/2026-11.dvc" in names


@pytest.mark.slow  # turns three months
def test_a_month_that_somebody_took_out_stays_out(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_FEEDBACK", "picture,label\n")
    _turn_and_take_out(project)
    turned("2026-12")
    names = committed(project, "2026-12")
    assert [name for name in names if name.endswith(".dvc")] == ["data/feedback/2026-12.dvc"]
    assert not (project / ".cache/retrain/data/feedback/2026-11").exists()


@pytest.mark.slow
def test_a_month_that_somebody_took_out_stays_out_when_it_is_turned_again(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that freezes what came since writes all parts that the store knows."""
    monkeypatch.setenv("TOY_FEEDBACK", "picture,label\n")
    _turn_and_take_out(project)
    turned(again=True)
    names = committed(project, "2026-11")
    assert not [name for name in names if name.endswith("2026-11.dvc")]
    assert not (project / ".cache/retrain/data/feedback/2026-11").exists()


def test_a_month_whose_every_picture_was_forgotten_goes_with_the_next_turn(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody merged its branch, so that there is nothing for a person to remove."""
    with monkeypatch.context() as patch:
        patch.setenv("TOY_FEEDBACK", "picture,label\n")
        _settle("2026-11")
        turned()
    assert "md5" in git(project, "show", "retrain/2026-11:data/feedback/2026-11.dvc")
    names = committed(project, "2026-11")
    assert "data/feedback/2026-11.dvc" in names and "data/feedback/2026-11/accepted.csv" not in names
    with database.opened() as engine:
        forgetting.forget(engine, "ab" * 32, ["ab" * 32], ["2026-11"], datetime.now(UTC))
    _something_to_do(project)
    turned("2026-12")
    assert "data/feedback/2026-11.dvc" not in committed(project, "2026-12")
    assert not (project / ".cache/retrain/data/feedback/2026-11").exists()


def test_a_forgotten_picture_takes_none_with_it_that_were_judged_anew_after_an_older_backup(
    project: Path,
) -> None:
    """They are copies of themselves then, so that the store has the month and accepted nothing in it."""
    ws = workspace.Workspace(project, project, "2026-12")
    snapshot, note = (project / "data/feedback" / name for name in ("2026-11", "2026-11.dvc"))
    note.parent.mkdir()
    note.touch()
    when = datetime(2026, 11, 28, 12, tzinfo=UTC)
    with database.opened() as engine:
        row = settling.Settled("ab" * 32, "2026-11", when, None, "copy of feedback-2026-11-ab.jpg")
        settling.settle(engine, "2026-11", [row], when)
    inputs._forget(ws, complete=True)  # nobody wanted anything forgotten yet
    assert note.exists()
    for picture in ("ab", "cd"):
        (snapshot / "pictures/happy").mkdir(parents=True, exist_ok=True)
        (snapshot / f"pictures/happy/{picture * 8}.jpg").touch()
    for picture, stays in (("ab", True), ("cd", False)):
        with database.opened() as engine:
            forgetting.forget(engine, picture * 32, [picture * 32], ["2026-11"], datetime.now(UTC))
        inputs._forget(ws, complete=True)
        assert (snapshot.exists(), note.exists()) == (stays, stays)
    note.touch()
    for complete in (False, True):  # a remote that did not answer, and one that has nothing of it
        inputs._forget(ws, complete=complete)
        assert note.exists() != complete


@pytest.mark.parametrize("remotes", [{"storage": "s3://bucket/pawtrait"}, {}], ids=["a remote", "none"])
def test_data_go_to_the_remote_before_the_branch_that_names_them(
    tmp_path: Path, remotes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried again where the network fails: a commit whose data nobody can fetch helps nobody."""
    done: list[Any] = []

    def noted(name: str, command: Sequence[str], children: Children, network: bool = False) -> str:
        done.append((list(command), network))
        return ""

    monkeypatch.setattr(month, "step", noted)
    monkeypatch.setattr(month, "get_run_logger", lambda: logging.getLogger("retrain"))
    monkeypatch.setattr(workspace, "remotes", lambda _: remotes)
    monkeypatch.setattr(workspace, "push", lambda _: done.append("branch"))
    month._publish(workspace.Workspace(tmp_path, tmp_path, "2026-11"), Children())
    data = ([*workspace.DVC, "push", "--quiet"], True)
    assert done == ([data, "branch"] if remotes else ["branch"])


def test_an_error_that_nobody_foresaw_is_told_and_written_down_too(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = project / "bin/pawtrait"
    program.write_text(program.read_text().replace('"version": "2"', '"number": "2"'))
    sent: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(month, "announce", lambda event, facts, **_: sent.append((event, facts)))
    assert turned().is_failed()
    ((event, facts),) = sent
    assert (event, facts["why"]) == ("retrain.failed", "KeyError: 'version'")
    assert [(one.action, one.reasons) for one in decisions()] == [("failed", ("KeyError: 'version'",))]


def test_a_store_that_is_away_keeps_no_alarm_back(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    sent: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(month, "announce", lambda event, facts, **_: sent.append((event, facts)))
    monkeypatch.setattr(month, "get_run_logger", lambda: logging.getLogger("retrain"))
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/feedback?connect_timeout=1")
    wish = month.Wish(1, "person", 24.0, again=True)
    state = month.failed("2026-11", CommandError("the disk is full"), wish)
    now = (  # by the gate's word alone it would be another month than the one that failed
        "the service goes on as before; once the cause is gone, `python -m pipelines.retrain --month 2026-11"
        " --again --approval person` goes on where it stopped"
    )
    assert sent == [("retrain.failed", {"month": "2026-11", "why": "the disk is full", "now": now})]
    assert state.message == f"the disk is full; {now}"
    assert "the ledger does not know" in caplog.text


def test_the_champion_is_the_newest_move_s_though_a_clock_that_was_ahead_made_it(project: Path) -> None:
    ahead = ledger.Decision(
        time=datetime(2037, 1, 1, tzinfo=UTC), action="promoted", actor="Rosa", champion="2", previous="1"
    )
    with database.opened() as engine:
        ledger.add(engine, ahead)
    month.write("2027-01", "failed", ["a test"])
    assert [one.champion for one in decisions("2027-01")] == ["2"]


def test_a_turn_because_of_drift_says_so_and_one_without_anything_new_is_skipped(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, str]] = []
    monkeypatch.setattr(month, "announce", lambda event, facts, **_: sent.append(facts))
    turned(reason="drift: brightness: darker")
    assert sent[-1]["reason"] == "drift: brightness: darker"
    assert "Retrained now because of drift: brightness: darker." in decisions()[-1].reasons
    (project / "README.md").write_text("words\n")
    git(project, "add", "README.md")
    git(project, *WHO, "commit", "--quiet", "--message", "words, and nothing that a model learns from")
    state = turned(again=True, reason="drift: brightness: darker")
    assert state.name == "Skipped" and "up to date at commit" in (state.message or "")
    assert [one.action for one in decisions()] == ["kept", "skipped"]


def test_the_first_champion_is_told_once_and_a_turn_more_keeps_it(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the registration wrote in this turn makes the first; in a later turn the month keeps it."""
    verdict = {"challenger": "1", "figures": {}, "commit": None}
    ws = workspace.Workspace(project, project / ".cache/retrain", "2026-11")
    monkeypatch.setattr(month, "_promote", lambda *_: None)
    month.write("2026-11", "promoted", ["the first"], verdict)
    assert month._same(ws, "1", ["best"], verdict, 0).action == "promoted"
    assert month._same(ws, "1", ["best"], verdict, 1) == Outcome("kept", "the champion stays: best")
    assert [one.action for one in decisions()] == ["promoted", "kept"]


def test_doubt_waits_for_a_person(project: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_VERDICT", "ask")
    assert "version 2 waits for a person: too little evidence; to promote it: pawtrait promote" in (
        turned().message or ""
    )
    assert [one.action for one in decisions()] == ["waiting"]
    assert not any(line.startswith("promote") for line in told(project))


def test_silence_means_no(project: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_VERDICT", "promote")
    news: dict[str, Any] = {}
    monkeypatch.setattr(month, "announce", lambda event, facts, **_: news.update({event: facts}))
    state = turned(approval="person", patience=1 / 3600)
    assert state.message == "2026-11: the champion stays: nobody answered in time"
    asked = news["retrain.asks"]  # an operator reads no more than this
    assert {"objections", "version"} <= asked.keys()
    assert "Resume; none in 0.000277778 hours means no, and the champion stays" in asked["answer"]
    assert not any(line.startswith("promote") for line in told(project))
    with SyncPrefectClient(server) as client:
        tags = client.read_flow_run(state.state_details.flow_run_id).tags
    assert [one for one in tags if one.startswith("verdict:")] == ["verdict:kept"]


def test_the_months_own_run_does_not_pause_while_a_person_is_asked(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of a deployment would lose its place with that, and be ended for it."""
    paused: list[Any] = []

    def pause(**_: Any) -> month.Word:
        context = FlowRunContext.get()
        assert context is not None and context.flow_run is not None
        paused.append(context.flow_run)
        return month.Word(name="Tim", reason="I trust no Friday")

    monkeypatch.setattr(month, "pause_flow_run", pause)
    monkeypatch.setenv("TOY_VERDICT", "promote")
    state = turned(approval="person")
    assert state.message == "2026-11: the champion stays: Tim said no: I trust no Friday"
    (asking,) = paused
    assert asking.id != state.state_details.flow_run_id and asking.deployment_id is None


def test_a_person_who_says_yes_in_the_ui_promotes_under_their_name(
    project: Path, server: str, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_VERDICT", "ask")
    said = _answered(server, until, promote=True, name="Rosa", reason="the pictures look right")
    assert "version 2 is champion: macro-F1 is 0.50" in said
    (promoted,) = [line for line in told(project) if line.startswith("promote")]
    assert promoted.startswith("promote --version 2 --month 2026-11 --actor Rosa --force --against 1 ")
    why = ("the pictures look right", "too little evidence", "macro-F1 is 0.50")
    assert promoted.endswith(" ".join(f"--reason {sentence}" for sentence in why))


@pytest.mark.slow
def test_a_person_who_says_no_in_the_ui_is_written_down(
    project: Path, server: str, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_VERDICT", "promote")
    said = _answered(server, until, promote=False, name="Tim", reason="I trust no Friday")
    assert "the champion stays: Tim said no: I trust no Friday" in said
    assert not any(line.startswith("promote") for line in told(project))
    (kept,) = decisions()
    assert (kept.action, kept.reasons[0]) == ("kept", "Tim said no: I trust no Friday")


def test_a_failed_stage_is_written_down_and_the_next_start_goes_on_from_there(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_FAIL", "evaluate@cnn")
    state = turned()
    assert state.is_failed()
    assert "evaluate@cnn has no heart for this" in (state.message or "")
    assert [one.action for one in decisions()] == ["failed"]
    monkeypatch.delenv("TOY_FAIL")
    assert turned().message == "2026-11: the champion stays: too little evidence"
    ran = (project / ".cache/retrain/ran.txt").read_text().split()
    assert ran.count("ingest") == ran.count("train@cnn") == 1
    assert ran.count("evaluate@cnn") == 2


@pytest.mark.parametrize(
    "line",
    [
        *(pytest.param(line, marks=pytest.mark.slow) for line in ("feedback freeze", "register", "gate")),
        "promote",
    ],
)
def test_a_run_killed_at_a_line_leaves_what_the_next_goes_on_from(
    project: Path, server: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = _run(project, PREFECT_API_URL=server, TOY_KILL=line, TOY_VERDICT="promote")
    assert killed.returncode == -signal.SIGKILL
    monkeypatch.setenv("TOY_VERDICT", "promote")
    assert turned().message == "2026-11: version 2 is champion: macro-F1 is 0.50"
    assert commits(project) == ["retrain 2026-11: results", "retrain 2026-11: data"]
    ran = (project / ".cache/retrain/ran.txt").read_text().split()
    assert len(ran) == len(set(ran)) == 4
    assert not git(project / ".cache/retrain", "status", "--porcelain", "--", "data", "dvc.lock")
    assert told(project)[-1].startswith("promote --version 2 --month 2026-11 --actor retrain")


@pytest.mark.slow
def test_two_at_once_do_not_pile_up(project: Path, server: str) -> None:
    LOCK.parent.mkdir(exist_ok=True)
    with FileLock(LOCK):
        state = turned()
    assert state.is_cancelled()
    assert state.message == "another retraining is running here, so this one was cancelled"
    assert turned().is_completed()


def test_a_word_that_is_no_month_is_one_line(project: Path, server: str) -> None:
    state = turned("November")
    assert state.is_failed()
    assert state.message == "'November' is not a month; expected YYYY-MM, such as 2026-11"


def test_a_month_still_to_come_is_one_line_and_settles_nothing(project: Path, server: str) -> None:
    state = turned("2027-12")
    assert state.is_failed()
    assert state.message == "the month 2027-12 is in the future; expected 2027-01 at the latest"
    assert decisions("2027-12") == []
    assert not (project / "told.txt").exists()


def _turn_and_take_out(project: Path) -> None:
    """November is turned and merged, then its snapshot is removed, and there is something new to do."""
    _settle("2026-11")
    turned()
    git(project, *WHO, "merge", "--quiet", "retrain/2026-11")
    git(project, "rm", "--quiet", "data/feedback/2026-11.dvc")
    _something_to_do(project)


def _something_to_do(project: Path) -> None:
    """The code changes, and what was changed beside it is committed too."""
    with (project / "toy.py").open("a") as code:
        code.write("# so that there is something to do\n")
    git(project, *WHO, "commit", "--quiet", "--all", "--message", "November was no good")


def committed(project: Path, month: str) -> list[str]:
    """The files on a month's branch."""
    return git(project, "ls-tree", "-r", "--name-only", f"retrain/{month}").splitlines()


def _settle(month: str) -> None:
    """What the store knows of a month whose snapshot had one picture."""
    when = datetime.fromisoformat(f"{month}-28T12:00:00+00:00")
    with database.opened() as engine:
        row = settling.Settled("ab" * 32, month, when, "happy", "2 reviewers say happy")
        settling.settle(engine, month, [row], when)


def _answered(server: str, until: Until, **word: Any) -> str:
    """What became of a month that asks a person, who fills in the form of Prefect's UI meanwhile.

    It goes by Prefect's client, which asks again where the run's own writing locked SQLite (503).
    """

    def answer() -> object:
        forms: list[tuple[str, dict[str, Any]]] = []
        until(lambda: bool(forms.extend(_forms(server)) or forms), 90)
        ((asking, form),) = forms
        assert set(form["properties"]) == set(word)
        with SyncPrefectClient(server) as client:
            return client.resume_flow_run(asking, run_input=word).status

    with ThreadPoolExecutor(1) as person:
        answered = person.submit(answer)
        state = turned(approval="person", patience=0.05)
        assert answered.result() == SetStateStatus.ACCEPT
    return str(state.message)


def _forms(server: str) -> list[tuple[str, dict[str, Any]]]:
    """Runs that wait for a person, with their form, which is there a moment after the run is paused."""
    paused = {"flow_runs": {"state": {"type": {"any_": ["PAUSED"]}}}}
    try:
        asking = httpx.post(f"{server}/flow_runs/filter", json=paused, timeout=20).raise_for_status().json()
        keys = {one["id"]: one["state"]["state_details"]["run_input_keyset"]["schema"] for one in asking}
        places = {one: f"{server}/flow_runs/{one}/input/{key}" for one, key in keys.items()}
        return [
            (one, httpx.get(place, timeout=20).raise_for_status().json()) for one, place in places.items()
        ]
    except httpx.HTTPError:  # not yet, or SQLite was locked for a moment
        return []


def _run(project: Path, month: str = "2026-11", **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pipelines.retrain", "--month", month]
    return subprocess.run(
        command, env={**os.environ, **env}, capture_output=True, text=True, timeout=120, check=False
    )
