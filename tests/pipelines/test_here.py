"""This folder brought up to date: the flow over a toy project; real Prefect, real DVC, short stages."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.artifacts import Artifact
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Completed, Failed, Pending

from pipelines.processes import CommandError
from pipelines.retrain import _workers, here, main
from pipelines.stages import outcome
from pipelines.steps import PATIENCE

pytestmark = pytest.mark.filterwarnings('ignore:Field name "register"')
Until = Callable[..., None]
Alive = Callable[[int], bool]
GRAPH = {
    "ingest": frozenset[str](),
    "train@cnn": frozenset({"ingest"}),
    "train@resnet50": frozenset({"ingest"}),
}
AWAY_AT_FIRST = """
import sys
from pathlib import Path
if not Path("asked").exists():
    Path("asked").touch()
    sys.exit("the source is away")
Path("data/source.json").write_text("{}")
"""
ALL = ["ingest", "train@cnn", "train@resnet50", "evaluate@cnn", "evaluate@resnet50", "compare"]


def test_a_failure_names_the_stage_and_what_therefore_did_not_run() -> None:
    states: dict[str, State[Any]] = {
        "ingest": Failed(message="ingest failed (exit 255): no such folder"),
        "train@cnn": Pending(name="NotReady"),
        "train@resnet50": Completed(),
    }
    with pytest.raises(
        CommandError, match=r"^ingest failed \(exit 255\): no such folder; so these did not run: train@cnn$"
    ):
        outcome(GRAPH, states)


def test_stages_run_side_by_side_then_register_then_rest(
    toy: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each training stage waits until the other has started, so one after the other would fail."""
    monkeypatch.setenv("TOY_MEET", "1")
    first = here(workers=2, return_state=True)
    assert first.message == "6 stages, 6 ran, 0 unchanged; the best model is registered"
    ran = _ran(toy)
    assert sorted(ran) == sorted(ALL)
    assert ran[0] == "ingest"
    assert ran[-1] == "compare"
    assert (toy / "told.txt").read_text() == "register\n"
    artifact = Artifact.get("leaderboard")
    assert artifact is not None
    assert "**cnn**" in str(artifact.data)

    again = here(register=False, workers=2, return_state=True)
    assert again.message == "6 stages, 0 ran, 6 unchanged; nothing registered, as asked"
    assert _ran(toy) == ran
    assert (toy / "told.txt").read_text() == "register\n"


def test_a_project_without_git_is_brought_up_to_date_too(toy: Path, server: str) -> None:
    """As an unpacked tarball; what the containers' worker sees may be one."""
    shutil.rmtree(toy / ".git")
    state = here(["ingest"], register=False, return_state=True)
    assert (
        state.message
        == "1 stages, 1 ran, 0 unchanged; nothing registered: the stage compare was not among them"
    )


def test_a_failed_stage_stops_what_depends_on_it_and_nothing_else(
    toy: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_FAIL", "train@cnn")
    state = here(return_state=True)
    assert state.is_failed()
    message = state.message or ""
    assert message.startswith("train@cnn failed (exit 255): ")
    assert "train@cnn has no heart for this" in message
    assert message.endswith("; so these did not run: compare, evaluate@cnn")
    assert "\n" not in message
    assert sorted(_ran(toy)) == ["evaluate@resnet50", "ingest", "train@cnn", "train@resnet50"]
    assert not (toy / "told.txt").exists()


def test_a_stage_that_touches_the_network_is_tried_again(
    toy: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PATIENCE, "retry_delay_seconds", [0.0, 0.0])
    monkeypatch.setenv("TOY_FAIL", "ingest")
    assert here(return_state=True).is_failed()
    assert _ran(toy) == ["ingest", "ingest", "ingest"]


def test_a_source_that_was_away_for_a_moment_is_looked_at_again(
    toy: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PATIENCE, "retry_delay_seconds", [0.0, 0.0])
    monkeypatch.setattr("pipelines.retrain.FINGERPRINT", [sys.executable, "-c", AWAY_AT_FIRST])
    state = here(["ingest"], return_state=True)
    assert (
        state.message
        == "1 stages, 1 ran, 0 unchanged; nothing registered: the stage compare was not among them"
    )


def test_a_part_runs_what_it_needs_and_registers_nothing(toy: Path, server: str) -> None:
    state = here(["train@cnn"], return_state=True)
    assert (
        state.message
        == "2 stages, 2 ran, 0 unchanged; nothing registered: the stage compare was not among them"
    )
    assert not (toy / "told.txt").exists()


def test_on_one_core_stages_take_turns_unless_somebody_wishes_otherwise() -> None:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert (_workers(None), _workers(2)) == (1, 2)
    finally:
        os.sched_setaffinity(0, cores)


def test_an_unknown_stage_fails_before_anything_runs(toy: Path, server: str) -> None:
    state = here(["trian"], return_state=True)
    assert state.is_failed()
    assert "no stage 'trian'" in (state.message or "")
    assert not (toy / "data" / "source.json").exists()


def test_a_terminated_run_leaves_no_process(toy: Path, server: str, until: Until, alive: Alive) -> None:
    run = _start(toy, PREFECT_API_URL=server, TOY_HANG="train@cnn")
    until(lambda: _pid(toy) > 0)
    run.terminate()
    assert run.wait(20) != 0
    until(lambda: not alive(_pid(toy)))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_terminal_s_signal_ends_a_run_with_its_temporary_server_at_once(
    number: signal.Signals, toy: Path, until: Until, alive: Alive
) -> None:
    """By Ctrl-C, or closed; it sends the signal to the whole group, the temporary server included."""
    run = _start(toy, PREFECT_HOME=str(toy / "prefect"), TOY_HANG="train@cnn")
    until(lambda: _pid(toy) > 0, 120)  # the temporary server has to come up first
    os.killpg(run.pid, number)
    assert run.wait(20) == 130
    assert "retrain: interrupted" in (toy / "log.txt").read_text()
    until(lambda: not alive(_pid(toy)))


def test_a_server_that_does_not_answer_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert main(["--here"]) == 2
    assert "no Prefect server answers at http://127.0.0.1:9/api" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["--no-register"], "--stages and --no-register need --here; add it"),
        (["--stages", "train@cnn"], "--stages and --no-register need --here; add it"),
        (["--here", "--month", "2026-11"], "do not work with --here; leave out the former or the latter"),
        (["--here", "--again"], "do not work with --here; leave out the former or the latter"),
        (["--here", "--approval", "person"], "do not work with --here; leave out the former or the latter"),
        (["--here", "--auto"], "do not work with --here; leave out the former or the latter"),
    ],
)
def test_an_option_of_the_other_kind_of_run_is_refused_and_no_server_asked(
    arguments: list[str],
    refusal: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert main(arguments) == 2
    said = capsys.readouterr().err
    assert refusal in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_it_runs_on_a_machine_without_a_prefect_server(toy: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "TOY_MEET": "1"}
    env.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-m", "pipelines.retrain", "--here", "--workers", "2"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == (
        "retrain: 6 stages, 6 ran, 0 unchanged; the best model is registered"
    )
    assert (toy / "told.txt").read_text() == "register\n"


def _ran(toy: Path) -> list[str]:
    return (toy / "ran.txt").read_text().split()


def _start(toy: Path, **env: str) -> "subprocess.Popen[bytes]":
    """The command line in a process group of its own; what it says is in `log.txt`."""
    with (toy / "log.txt").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.retrain", "--here"],
            env={**os.environ, **env},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _pid(toy: Path) -> int:
    """The stage that hangs, once it does; 0 before."""
    hanging = toy / "hanging"
    return int(hanging.read_text() or 0) if hanging.exists() else 0
