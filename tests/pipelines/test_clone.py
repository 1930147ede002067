"""A month whose clone somebody edited or cannot be made, or has no remote: told, and nothing registered."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines import month, workspace
from tests.pipelines.months import STEPS, WHO, decisions, git, told, turned


@pytest.mark.slow  # that nothing is registered by one, the test of a month under way shows
def test_a_hand_in_the_clone_is_stopped_before_it_trains_and_its_remedy_works(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_FAIL", "train@cnn")
    turned()
    monkeypatch.delenv("TOY_FAIL")
    clone = project / ".cache/retrain"
    with (clone / "params.yaml").open("a") as knobs:
        knobs.write("# by hand\n")
    (clone / "src").mkdir()
    (clone / "src/new.py").touch()
    state = turned()
    said, _, remedy = (state.message or "").partition("; run `")
    assert state.is_failed()
    assert said.startswith(f"params.yaml src/: changed in {clone} and not committed")
    assert (clone / "ran.txt").read_text().split() == ["ingest", "train@cnn"]
    subprocess.run(remedy.partition("`")[0].split(), check=True, capture_output=True)
    assert turned().is_completed()


def test_a_hand_in_the_clone_while_a_month_turns_registers_nothing(project: Path, server: str) -> None:
    with (project / "toy.py").open("a") as code:
        code.write("if stage == 'compare':\n    Path('params.yaml').open('a').write('# by hand')\n")
    git(project, *WHO, "commit", "--quiet", "--all", "--message", "a meddler")
    assert (turned().message or "").startswith("params.yaml: changed in ")
    assert told(project) == STEPS[:1]
    assert not git(project, "branch", "--list", "retrain/2026-11")


def test_a_remote_that_is_not_here_stops_a_month_before_it_trains(project: Path, server: str) -> None:
    place = "/proc/store"  # where nobody can make a folder
    command = [*workspace.DVC, "remote", "add", "--quiet", "--local", "--default", "store", place]
    subprocess.run(command, cwd=project, check=True)
    assert (turned().message or "").startswith(f"the DVC remote store is {place}, which does not exist")
    assert not (project / ".cache/retrain/ran.txt").exists()


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda: Path(".cache/retrain").symlink_to("/proc/retrain"), r"(FileNotFound|Permission)Error: "),
        (lambda: shutil.rmtree(".git"), "toy is not a git repository with a commit, "),
    ],
    ids=["where nobody can make a folder", "no repository"],
)
def test_a_clone_that_cannot_be_made_is_told_and_written_down_too(
    project: Path, server: str, monkeypatch: pytest.MonkeyPatch, harm: Callable[[], None], why: str
) -> None:
    (project / ".cache").mkdir()
    harm()
    sent: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(month, "announce", lambda event, facts, **_: sent.append((event, facts)))
    assert turned().is_failed()
    ((event, facts),) = sent
    assert (event, facts["month"]) == ("retrain.failed", "2026-11")
    assert re.match(why, facts["why"])
    assert [one.action for one in decisions()] == ["failed"]
