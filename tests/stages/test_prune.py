"""Space given back by old runs, in a real DVC project of one stage and a real registry."""

import hashlib
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from dvc.fs import localfs
from dvc.rwlock import rwlock

from pawtrait import champion, checkpoints, params, sealed
from pawtrait.adapters import cache, registry, tracking
from pawtrait.errors import BadData
from pawtrait.stages import prune

ROOT = Path(__file__).parents[2]
STAGE = """
stages:
  train:
    cmd: mkdir -p out && cp input out/changing && echo the same > out/same
    deps: [input]
    outs: [out]
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A project whose git repository and DVC's cache have three months' results."""
    root = tmp_path_factory.mktemp("template")
    (root / "dvc.yaml").write_text(STAGE)
    shell(root, "git", "init", "-q")
    shell(root, sys.executable, "-m", "dvc", "init", "-q")
    for number in (1, 2, 3):
        (root / "input").write_text(f"input {number}\n")
        shell(root, sys.executable, "-m", "dvc", "repro", "-q")
        shell(root, "git", "add", ".")
        shell(root, "git", "commit", "-qm", f"month {number}")
    return root


@pytest.fixture
def project(template, tmp_path, monkeypatch):
    root = tmp_path / "project"
    shutil.copytree(template, root)
    monkeypatch.chdir(root)
    opened = tracking.client()
    if opened.search_registered_models(f"name = '{registry.EXPRESSION.name}'"):
        opened.delete_registered_model(registry.EXPRESSION.name)
    for one in opened.search_runs([tracking._experiment(opened)]):  # of other tests of the session
        opened.delete_run(one.info.run_id)
    return root


def shell(root, *command):
    identity = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(command, cwd=root, check=True, env=os.environ | identity)


def git(root, *arguments):
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def month(root, coloured_models, number, register=False):
    """A month's work in MLflow beside the result that DVC has: a model, perhaps registered."""
    commit = git(root, "rev-parse", f":/month {number}")
    lock = root / "lock" / "dvc.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.write_text(git(root, "show", f"{commit}:dvc.lock"))
    shutil.rmtree(root / "data/models", ignore_errors=True)
    model = coloured_models(root / "data/models", "cnn", sharpness=float(number))
    knobs = params.load(ROOT / "params.yaml").model_copy(update={"seed": hash((str(root), number))})
    with tracking.training(knobs, "cnn", []) as run:
        registry.log(run, model)
    with tracking.pipeline(knobs) as parent:
        parent.artifact(lock)
    if register:
        tags = {"git.commit": commit, "pipeline.run_id": parent.id}
        registry.register(sealed.check(model)["model.onnx"], tags, "")
    return run.id


def in_cache(text):
    """Whether DVC's cache holds a file with this text."""
    files = (path for path in Path(".dvc/cache/files/md5").rglob("*") if path.is_file())
    return text in [path.read_text() for path in files]


def active():
    opened = tracking.client()
    return {one.info.run_id for one in opened.search_runs([tracking._experiment(opened)])}


def folders(run):
    found = tracking.client().get_run(run)
    models = [one.model_id for one in (found.outputs.model_outputs if found.outputs else [])]
    root = tracking.folder(found.info.artifact_uri).parents[1]
    return [path for path in (root / run, *(root / "models" / one for one in models)) if path.exists()]


@pytest.fixture
def three(project, coloured_models):
    """Three months: the first one's model is registered, the second one's is not, the third is the newest."""
    return [month(project, coloured_models, number, register=number == 1) for number in (1, 2, 3)]


def test_old_and_unregistered_goes_registered_and_new_stay(three, capsys):
    prune.run(keep=1, dry=False)
    first, second, third = three
    assert second not in active() and folders(second) == []
    assert {first, third} <= active()
    assert len(folders(first)) == len(folders(third)) == 1  # the model; these runs have no other artifacts
    assert [in_cache(f"input {number}\n") for number in (1, 2, 3)] == [True, False, True]
    assert in_cache("the same\n")
    assert "freed: 2 of 6 runs in MLflow" in capsys.readouterr().out


def test_a_registered_version_is_whole_afterwards(three, project):
    prune.run(keep=1, dry=False)
    folder = registry.folder_of(registry.numbered("1"))
    assert "model.onnx" in sealed.check(folder)
    commit = registry.numbered("1").tags["git.commit"]
    shell(project, "git", "checkout", "-q", "--force", commit)
    shell(project, sys.executable, "-m", "dvc", "checkout", "-q", "--force")
    assert (project / "out/changing").read_text() == "input 1\n"


def test_a_dry_run_says_the_same_and_frees_nothing(three, capsys):
    before = active(), [folders(run) for run in three]
    prune.run(keep=1, dry=True)
    dry = capsys.readouterr().out
    assert (active(), [folders(run) for run in three]) == before
    assert in_cache("input 2\n")
    prune.run(keep=1, dry=False)
    assert capsys.readouterr().out == dry.replace("would be freed", "freed")


def test_what_is_kept_by_number_stays(three):
    prune.run(keep=2, dry=False)
    assert set(three) <= active()
    assert in_cache("input 2\n")


def test_pruned_twice_there_is_nothing_left(three, capsys):
    prune.run(keep=1, dry=False)
    capsys.readouterr()
    prune.run(keep=1, dry=False)
    assert "freed: 0 of 4 runs in MLflow, 0.0 MB; 0 files in DVC's cache" in capsys.readouterr().out


def test_a_snapshot_stays_though_an_old_result_held_the_same_file(project):
    folder = project / "data/feedback/2026-10"
    folder.mkdir(parents=True)
    (folder / "picture").write_text("input 2\n")
    shell(project, sys.executable, "-m", "dvc", "add", "-q", str(folder))
    prune.run(keep=1, dry=False)
    assert in_cache("input 2\n")


def test_a_snapshot_of_another_branch_stays_too(project):
    shell(project, "git", "checkout", "-q", "-b", "retrain/2026-10")
    folder = project / "data/feedback/2026-10"
    folder.mkdir(parents=True)
    (folder / "picture").write_text("input 2\n")
    shell(project, sys.executable, "-m", "dvc", "add", "-q", str(folder))
    shell(project, "git", "add", "data/feedback")
    shell(project, "git", "commit", "-qm", "a snapshot")
    shell(project, "git", "checkout", "-q", "-")
    shutil.rmtree(project / "data/feedback", ignore_errors=True)
    prune.run(keep=1, dry=False)
    assert in_cache("input 2\n")


def test_the_run_that_trained_what_lies_here_stays(project, coloured_models):
    """DVC took the model from its cache, so that its run is old though the model is in use."""
    first = month(project, coloured_models, 1)
    month(project, coloured_models, 2)
    shutil.rmtree(project / "data/models")
    coloured_models(project / "data/models", "cnn", sharpness=1.0)
    prune.run(keep=1, dry=False)
    assert first in active()


def test_killed_between_files_and_run_it_is_finished_by_the_next(three, monkeypatch):
    from mlflow.tracking import MlflowClient

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "delete_run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            prune.run(keep=1, dry=False)
    prune.run(keep=1, dry=False)
    assert three[1] not in active()


@pytest.mark.parametrize("place", ["", ".cache/retrain"])
def test_while_a_stage_runs_nothing_is_freed(project, place):
    folder = (project / place / cache.RUNNING).parent
    folder.mkdir(parents=True, exist_ok=True)
    for reads, writes in (["in"], []), ([], ["out"]):
        with (
            rwlock(str(folder), localfs, "dvc repro", reads, writes, hardlink=False),
            pytest.raises(BadData, match="a DVC stage is running"),
        ):
            prune.run(keep=1, dry=False)
        assert in_cache("input 2\n")
    prune.run(keep=1, dry=False)
    assert not in_cache("input 2\n")


@pytest.mark.parametrize("left", ["{", "[]", '{"read": {"/raw": [1]}}', '{"write": {"/raw": {}}}'])
def test_where_nobody_can_say_whether_a_stage_runs_nothing_is_freed(project, left):
    running = project / cache.RUNNING
    running.parent.mkdir(parents=True, exist_ok=True)
    running.write_text(left)
    with pytest.raises(BadData, match=r"rwlock is damaged.*remove that file and start again"):
        prune.run(keep=1, dry=False)
    assert in_cache("input 2\n")


@pytest.fixture
def checkpoint(project):
    """Makes a checkpoint of a training, written last in a year, below a home."""

    def make(name, year, home="."):
        folder = project / home / ".cache/checkpoints" / name
        saved = checkpoints.save(folder, {"kernel": np.zeros(3, np.float32)}, {"epoch": 1})
        for path in saved.iterdir():
            os.utime(path, (datetime(year, 1, 1).timestamp(),) * 2)
        return folder

    return make


def test_trainings_that_nobody_went_on_with_go_those_that_wait_stay(three, checkpoint, capsys):
    gone = [checkpoint("a1", 2001), checkpoint("cyclegan/b2", 2001), checkpoint("c3", 2001, ".cache/retrain")]
    waits = checkpoint("d4", 2100)
    prune.run(keep=1, dry=True)
    assert "checkpoints of 3 abandoned trainings" in capsys.readouterr().out and all(map(Path.exists, gone))
    prune.run(keep=1, dry=False)
    assert not any(map(Path.exists, gone))
    assert checkpoints.load(waits) is not None


def test_before_so_many_pipelines_have_run_no_training_counts_as_abandoned(three, checkpoint):
    old = checkpoint("a1", 2001)
    prune.run(keep=4, dry=False)
    assert checkpoints.load(old) is not None


@pytest.mark.parametrize("home", [".", ".cache/retrain"])
def test_fetched_copies_of_versions_without_an_alias_go(three, project, home, capsys):
    copy = {number: project / home / registry.COPIES / f"pet-expression-{number}" for number in "1234"}
    for folder in (*copy.values(), copy["1"].with_name("mine")):
        (folder / registry.MODEL).mkdir(parents=True)
        (folder / registry.MODEL / "model.onnx").write_bytes(bytes(1_000_000))
    note = project / home / champion.NOTE
    predicting = registry.COPIES / "pet-expression-3" / registry.MODEL
    champion.write(champion.Champion("pet-expression", "3", "cnn", "", str(predicting)), note)
    prune.run(keep=3, dry=True)
    assert all(map(Path.exists, copy.values()))
    prune.run(keep=3, dry=False)
    assert [number for number in copy if copy[number].exists()] == ["1", "3"]  # aliased, and predicting
    assert (copy["1"].with_name("mine")).exists()
    assert capsys.readouterr().out.count("2 fetched copies of versions, 2.0 MB") == 2


@pytest.mark.slow
def test_runs_of_a_server_stay_and_what_lies_here_goes(
    project, coloured_models, tmp_path, new_server, monkeypatch, capsys
):
    stores = ("--backend-store-uri", "sqlite:///mlflow.db", "--workers", "1")
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = new_server(tmp_path / "server", "/health", "mlflow", "server", *stores, **quiet)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    first, second, third = (month(project, coloured_models, one, register=one == 1) for one in (1, 2, 3))
    prune.run(keep=1, dry=False)
    assert {first, second, third} <= active()
    assert [in_cache(f"input {number}\n") for number in (1, 2, 3)] == [True, False, True]
    assert "2 older runs are on MLflow's server and stay" in capsys.readouterr().out
    assert "model.onnx" in sealed.check(registry.folder_of(registry.numbered("1")))


def test_a_commit_with_the_marks_of_a_merge_in_its_lock_names_nothing_and_stops_nobody(project):
    whole = (project / "dvc.lock").read_text()
    (project / "dvc.lock").write_text(f"<<<<<<< HEAD\n{whole}=======\n{whole}>>>>>>> month\n")
    shell(project, "git", "commit", "-qam", "merged in haste")
    (project / "dvc.lock").write_text(whole)
    shell(project, "git", "commit", "-qam", "mended")
    prune.run(keep=1, dry=False)
    assert [in_cache(f"input {number}\n") for number in (1, 2, 3)] == [False, False, True]


def test_what_a_lock_in_pieces_mentions_stays_where_it_is_in_use(project):
    (project / "dvc.lock").write_text(cache.at(git(project, "rev-parse", ":/month 2")) + "<<<<<<< HEAD\n")
    prune.run(keep=1, dry=False)
    assert in_cache("input 2\n")


def test_of_a_pinned_file_in_pieces_the_name_is_said_and_nothing_freed(project):
    (project / "data/feedback").mkdir(parents=True)
    (project / "data/feedback/2026-10.dvc").write_text("outs:\n- md5")
    with pytest.raises(BadData, match=r"^data/feedback/2026-10\.dvc is damaged"):
        prune.run(keep=1, dry=False)
    assert in_cache("input 2\n")


def test_a_pinned_file_that_was_committed_in_pieces_keeps_what_it_mentions_and_stops_nobody(project):
    note = project / "data/feedback/2026-10.dvc"
    note.parent.mkdir(parents=True)
    md5 = hashlib.md5(b"input 2\n").hexdigest()
    note.write_text(f"<<<<<<< HEAD\nouts:\n- md5: {md5}\n  path: a\n=======\n>>>>>>> month\n")
    shell(project, "git", "add", "--force", str(note))
    shell(project, "git", "commit", "--quiet", "--message", "merged in haste")
    shell(project, "git", "rm", "--quiet", str(note))
    shell(project, "git", "commit", "--quiet", "--message", "mended")
    prune.run(keep=1, dry=False)
    assert in_cache("input 2\n")


def test_outside_a_project_the_way_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadData, match="is not a DVC project; run from the project's root"):
        prune.run(keep=1, dry=False)
