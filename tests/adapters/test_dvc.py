"""DVC by its command line, in projects of two lines."""

import subprocess
import sys
from pathlib import Path

import pytest

from pawtrait.adapters import dvc
from pawtrait.errors import BadData


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A DVC project unpacked from a tarball: no git repository around it."""
    monkeypatch.chdir(tmp_path)
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    analytics = false\n")

    def stage(command):
        Path("dvc.yaml").write_text(f"stages:\n  only:\n    cmd: {command}\n    outs: [out.txt]\n")

    return stage


def test_a_stage_runs_with_this_python_also_without_a_git_repository(project, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    project("""python -c "import sys; open('out.txt', 'w').write(sys.prefix)\"""")
    dvc.repro()
    assert Path("out.txt").read_text() == sys.prefix


def test_a_stage_that_fails_is_named_in_one_line(project):
    project("exit 3")
    with pytest.raises(BadData, match=r"^dvc repro only --force failed; its last lines above say why$"):
        dvc.repro("only", "--force")


def test_results_of_other_code_or_parameters_are_refused(project):
    project("echo done > out.txt")
    with pytest.raises(BadData, match=r"results are out of date.*run `pawtrait run`"):
        dvc.check_current("only")
    assert not dvc.is_current("only")
    dvc.repro()
    dvc.check_current("only")
    assert dvc.is_current("only")
    project("echo more > out.txt")
    with pytest.raises(BadData, match=r"`dvc status --with-deps only` says what"):
        dvc.check_current("only")


def test_inside_a_git_repository_git_stays_in_use(project):
    subprocess.run(["git", "init", "--quiet"], check=True)
    project("echo done > out.txt")
    dvc.repro("only")
    assert not Path(".dvc/config.local").exists()


def test_elsewhere_the_message_says_where_to_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadData, match=r"has no dvc\.yaml; run from the project's root"):
        dvc.repro()


PLAY = [{dvc.OPEN: ("ground",), "idle": ()}, {"left": ("walls",), "right": ("garden", "pond")}]


@pytest.fixture
def lanes(tmp_path, monkeypatch):
    """Two stages that wait for each other, one before both, one behind the second, one after all."""
    monkeypatch.chdir(tmp_path)
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    analytics = false\n")
    meet = (
        "import pathlib, time; [time.sleep(0.05) for _ in range(600) if not pathlib.Path('{}.here').exists()]"
    )
    stages = {
        "ground": [],
        "walls": ["ground"],
        "garden": ["ground"],
        "pond": ["garden"],
        "roof": ["walls", "pond"],
    }
    waits = {"walls": meet.format("garden"), "garden": meet.format("walls")}

    def write(failing=""):
        told = ["stages:"]
        for name, deps in stages.items():
            work = f"touch {name}.here && echo {name} works && echo {name} >> ran"
            work += f' && python -c "{waits[name]}"' if name in waits else ""
            told += [f"  {name}:", f"    cmd: {work} && {'exit 3' if name == failing else f'echo > {name}'}"]
            told += [f"    outs: [{name}]", f"    deps: [{', '.join(deps)}]"]
        Path("dvc.yaml").write_text("\n".join(told))

    write()
    return write


def ran():
    return Path("ran").read_text().split()


def test_two_lanes_run_at_once_between_what_both_need_and_what_needs_both(lanes, capfd):
    dvc.repro_in_lanes(PLAY)  # walls and garden end only once both have begun
    assert (ran()[0], set(ran()[1:3]), ran()[3:]) == ("ground", {"walls", "garden"}, ["pond", "roof"])
    said = capfd.readouterr().err.splitlines()
    assert {"left      │ walls works", "right     │ garden works"} <= set(said)


def test_a_second_run_in_lanes_starts_none(lanes, capfd):
    dvc.repro_in_lanes(PLAY)
    before = ran()
    capfd.readouterr()
    dvc.repro_in_lanes(PLAY)
    assert ran() == before
    assert capfd.readouterr().err == "every stage is up to date\n"


def test_a_lane_that_fails_lets_the_other_end_and_nothing_follows(lanes):
    lanes(failing="garden")
    with pytest.raises(BadData, match=r"^the lane right failed; its last lines above say why$"):
        dvc.repro_in_lanes(PLAY)
    assert set(ran()) == {"ground", "walls", "garden"}
    assert Path("walls").exists()


def test_without_a_project_no_lane_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadData, match=r"has no dvc\.yaml"):
        dvc.repro_in_lanes(PLAY)
