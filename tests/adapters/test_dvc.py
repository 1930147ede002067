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


def test_inside_a_git_repository_git_stays_in_use(project):
    subprocess.run(["git", "init", "--quiet"], check=True)
    project("echo done > out.txt")
    dvc.repro("only")
    assert not Path(".dvc/config.local").exists()


def test_elsewhere_the_message_says_where_to_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadData, match=r"has no dvc\.yaml; run from the project's root"):
        dvc.repro()
