"""Where a result comes from, asked of a real git repository."""

import fcntl
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from pawtrait import environment
from pawtrait.adapters import lineage
from tests import holds

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A git repository with one commit of params.yaml and src/code.py."""
    monkeypatch.chdir(tmp_path)
    for name in ("NAME", "EMAIL"):
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", "nobody@example.org")
        monkeypatch.setenv(f"GIT_COMMITTER_{name}", "nobody@example.org")
    git("init", "--quiet", "--initial-branch", "retrain")
    Path("src").mkdir()
    Path("src/code.py").write_text("one = 1\n")
    Path("params.yaml").write_text("seed: 7\n")
    Path("dvc.lock").write_text("stages: {}\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    return tmp_path


def git(*arguments):
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_clean_repository_is_its_commit(repository):
    found = lineage.commit()
    assert found.sha == git("rev-parse", "HEAD")
    assert (found.branch, found.dirty, found.diff) == ("retrain", False, "")


@pytest.mark.parametrize("name", ["src/code.py", "params.yaml"])
def test_a_change_that_is_not_committed_makes_it_dirty(repository, name):
    Path(name).write_text("two = 2\n")
    found = lineage.commit()
    assert found.dirty
    assert "+two = 2" in found.diff


def test_a_staged_change_is_not_committed_either(repository):
    Path("src/code.py").write_text("two = 2\n")
    git("add", ".")
    assert lineage.commit().dirty


def test_a_new_module_that_git_does_not_know_makes_it_dirty(repository):
    Path("src/new.py").write_text("new = 1\n")
    found = lineage.commit()
    assert found.dirty
    assert "+new = 1" in found.diff


def test_an_ignored_file_is_no_dirt(repository):
    Path(".gitignore").write_text("*.pyc\n")
    Path("src/code.pyc").write_text("compiled")
    assert not lineage.commit().dirty


def test_what_a_run_writes_by_itself_is_no_dirt(repository):
    Path("dvc.lock").write_text("stages: {changed: {}}\n")
    Path("report.html").write_text("a result")
    assert not lineage.commit().dirty


def test_a_change_beside_the_pipelines_code_is_dirt_where_that_is_asked(repository):
    Path("benchmarks").mkdir()
    Path("benchmarks/race.py").write_text("laps = 1\n")
    found, plain = lineage.commit(also=("benchmarks",)), lineage.commit()
    assert found.dirty and "+laps = 1" in found.diff
    assert not plain.dirty and plain.tree == found.tree


def test_full_counts_are_of_the_benchmarks_that_count_them_too(repository, monkeypatch):
    monkeypatch.setattr(holds, "ROOT", repository)
    assert not holds.made_on.__wrapped__()["dirty"]
    Path("benchmarks").mkdir()
    Path("benchmarks/race.py").write_text("laps = 1\n")
    assert holds.made_on.__wrapped__()["dirty"]


@pytest.mark.parametrize(
    "setting", [("color.ui", "always"), ("diff.noprefix", "true"), ("diff.external", "true")]
)
def test_the_kept_difference_brings_the_change_back_whatever_git_is_set_to(repository, setting):
    git("config", *setting)
    Path("src/code.py").write_text("two = 2\n")
    Path("src/new.py").write_text("new = 1\n")
    Path("kept.diff").write_text(lineage.commit().diff + "\n")
    git("checkout", "--", ".")
    Path("src/new.py").unlink()
    git("-c", "diff.external=", "apply", "kept.diff")
    assert Path("src/code.py").read_text() == "two = 2\n"
    assert Path("src/new.py").read_text() == "new = 1\n"


def test_a_repository_without_a_commit_has_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    assert lineage.commit() == lineage.Commit("", "", "", False, "")


def test_outside_a_repository_everything_is_empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert lineage.commit() == lineage.Commit("", "", "", False, "")


@pytest.mark.parametrize(
    "settled", ["from pawtrait import environment; environment.settle()", "import pipelines"]
)
@pytest.mark.parametrize("name", ["dvc.yaml", "notes.txt"])
def test_a_tarball_below_a_repository_does_not_take_its_commit(repository, settled, name):
    (repository / "unpacked").mkdir()
    (repository / "unpacked" / name).touch()
    code = f"{settled}; from pawtrait.adapters import lineage; print(lineage.commit().sha)"
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", code]
    said = subprocess.check_output(command, cwd=repository / "unpacked", env=env, text=True)
    assert said.strip() == ("" if name == "dvc.yaml" else git("rev-parse", "HEAD"))


def test_the_ceiling_is_set_once_beside_one_that_was_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").touch()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", "/somewhere")
    for _ in range(2):
        environment.stay_in_project()
    assert os.environ["GIT_CEILING_DIRECTORIES"] == os.pathsep.join(["/somewhere", str(tmp_path.parent)])
    (tmp_path / ".git").mkdir()
    monkeypatch.delenv("GIT_CEILING_DIRECTORIES")
    environment.stay_in_project()
    assert "GIT_CEILING_DIRECTORIES" not in os.environ


def test_without_git_everything_is_empty(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert lineage.commit() == lineage.Commit("", "", "", False, "")


def test_outputs_are_those_of_every_stage_with_their_hashes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text(
        "schema: '2.0'\n"
        "stages:\n"
        "  ingest:\n"
        "    outs: [{path: data/raw, md5: aa.dir, size: 3}]\n"
        "  train@cnn:\n"
        "    deps: [{path: data/raw, md5: aa.dir}]\n"
        "    outs: [{path: data/models/cnn, md5: bb.dir}]\n"
        "  empty: {}\n"
    )
    assert lineage.outputs() == {"data/raw": "aa.dir", "data/models/cnn": "bb.dir"}


@pytest.mark.parametrize("text", [None, "schema: '2.0'\n", "stages: {}\n"])
def test_a_lock_that_is_missing_or_of_no_stage_knows_no_outputs(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("dvc.lock").write_text(text)
    assert lineage.outputs() == {}


@pytest.mark.parametrize("text", ["", "\n", "stages:\n", "- 1\n", "words\n"])
def test_what_was_begun_of_a_lock_and_dvc_does_not_read_is_none(tmp_path, text):
    (tmp_path / "dvc.lock").write_text(text)
    with pytest.raises(ValueError, match=r"empty|stages|no mapping"):
        lineage.outputs(tmp_path / "dvc.lock")


def test_half_a_lock_is_read_as_far_as_it_goes_or_is_no_lock_and_never_another_error(tmp_path):
    known = {"data/raw": "aa.dir", "data/models": "bb.dir"}
    stages = [
        f"  s{n}:\n    outs:\n    - path: {path}\n      md5: {md5}\n"
        for n, (path, md5) in enumerate(known.items())
    ]
    text = "schema: '2.0'\nstages:\n" + "".join(stages)
    refused = 0
    for end in range(len(text) + 1):
        (tmp_path / "dvc.lock").write_text(text[:end])
        try:
            assert len(lineage.outputs(tmp_path / "dvc.lock")) <= len(known)
        except (yaml.YAMLError, ValueError):
            refused += 1
    assert lineage.outputs(tmp_path / "dvc.lock") == known
    assert refused > len(text) / 4


def test_one_hash_for_several_texts_keeps_them_apart():
    assert lineage.digest("ab", "c") != lineage.digest("a", "bc")
    assert lineage.digest("ab", "c") == lineage.digest("ab", "c")


def test_a_commit_of_results_alone_is_the_same_code(repository):
    before = lineage.commit().tree
    Path("dvc.lock").write_text("stages: {a: {}}\n")
    git("commit", "--quiet", "--all", "--message", "results")
    assert lineage.commit().tree == before
    Path("src/code.py").write_text("two = 2\n")
    git("commit", "--quiet", "--all", "--message", "code")
    assert lineage.commit().tree != before


def test_a_month_of_feedback_is_other_data(tmp_path):
    assert lineage.feedback(tmp_path) == ""
    (tmp_path / "2026-11").mkdir()
    (tmp_path / "2026-11/SHA256SUMS").write_text("ab  accepted.csv\n")
    one = lineage.feedback(tmp_path)
    (tmp_path / "2026-12").mkdir()
    (tmp_path / "2026-12/SHA256SUMS").write_text("ab  accepted.csv\n")
    assert len({"", one, lineage.feedback(tmp_path)}) == 3


def test_a_lock_that_dvc_is_writing_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lineage.GUARD.parent.mkdir(parents=True)
    with lineage.GUARD.open("w") as held, ThreadPoolExecutor(1) as pool:
        fcntl.flock(held, fcntl.LOCK_EX)
        Path("dvc.lock").write_text("stages:\n  weights:\n    cm")
        found = pool.submit(lineage.outputs)
        with pytest.raises(TimeoutError):
            found.result(0.3)
        Path("dvc.lock").write_text("stages:\n  weights:\n    outs: [{path: data/pretrained, md5: aa}]\n")
        fcntl.flock(held, fcntl.LOCK_UN)
        assert found.result() == {"data/pretrained": "aa"}


def test_a_push_that_lasts_holds_nobody_up_for_ever(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lineage, "PATIENCE", 0.1)
    lineage.GUARD.parent.mkdir(parents=True)
    Path("dvc.lock").write_text("stages:\n  weights:\n    outs: [{path: data/pretrained, md5: aa}]\n")
    with lineage.GUARD.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert lineage.outputs() == {"data/pretrained": "aa"}
