"""Runs in MLflow: found again by what they are about, asked back from a real store."""

import logging
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pawtrait import cli, environment, params, sealed
from pawtrait.adapters import dvc, registry, relocation, runs, tracking
from pawtrait.adapters.tracking import Run
from pawtrait.errors import BadData, BadRegistry
from pawtrait.stages import backup, fingerprint


@pytest.fixture
def run(tracked):
    """An open parent run."""
    with tracking.pipeline(tracked) as opened:
        yield opened


def tags(client, run):
    return client.get_run(run.id).data.tags


def parent_of(knobs):
    with tracking.pipeline(knobs) as opened:
        return opened.id


def files(client, run, folder=None):
    return {entry.path for entry in client.list_artifacts(run.id, folder)}


def test_whichever_stage_comes_next_finds_the_same_parent(tracked):
    assert parent_of(tracked) == parent_of(tracked)


def test_other_parameters_make_another_parent(tracked):
    other = tracked.model_copy(update={"seed": tracked.seed + 100_000})
    assert parent_of(tracked) != parent_of(other)
    assert parent_of(tracked) == parent_of(tracked)


@pytest.mark.parametrize(
    "known", [*cli.FINGERPRINTS.values(), Path("data/recorded_splits.csv")], ids=lambda path: path.stem
)
def test_other_photos_paintings_weights_or_settled_splits_make_another_parent(known, tracked):
    before = parent_of(tracked)
    known.parent.mkdir()
    known.write_text("{}")
    assert parent_of(tracked) != before


def test_other_code_makes_another_parent(tracked):
    before = parent_of(tracked)
    subprocess.run(["git", "init", "--quiet"], check=True)
    author = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    subprocess.run(["git", *author, "commit", "--quiet", "--allow-empty", "-m", "first"], check=True)
    committed = parent_of(tracked)
    Path("src").mkdir()
    Path("src/new.py").write_text("new = 1\n")
    assert len({before, committed, parent_of(tracked)}) == 3


def test_a_run_of_which_one_lane_failed_has_failed_though_another_ended_later(tracked, client, monkeypatch):
    seen = []

    def lanes(play):
        with tracking.pipeline(tracked) as run:  # a stage of the lane that ends well
            seen.append(run.id)
        raise BadData("the lane moods failed")

    monkeypatch.setattr(fingerprint, "run", lambda **paths: None)
    monkeypatch.setattr(params, "load", lambda: tracked)
    monkeypatch.setattr(environment, "cores", lambda: 2)
    monkeypatch.setattr(dvc, "repro_in_lanes", lanes)
    with pytest.raises(BadData, match="moods"):
        cli.run()
    assert client.get_run(seen[0]).info.status == "FAILED"


def test_stages_at_the_same_time_share_one_parent(tracked):
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(parent_of, [tracked] * 4))) == 1


def test_the_parent_knows_parameters_code_and_what_was_not_committed(tracked, client):
    subprocess.run(["git", "init", "--quiet"], check=True)
    author = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    subprocess.run(["git", *author, "commit", "--quiet", "--allow-empty", "-m", "first"], check=True)
    Path("params.yaml").write_text("seed: 7\n")
    with tracking.pipeline(tracked) as run:
        found = client.get_run(run.id)
    sha = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
    assert found.data.params["models.mobilenet_v2.learning_rate"] == "0.0001"
    assert found.data.params["validate.least_side"] == "48"
    assert found.data.tags["git.commit"] == sha.strip()
    assert found.data.tags["git.dirty"] == "true"
    assert found.info.run_name == f"pipeline demo {sha[:7]}+"
    assert files(client, run) == {"params.json", "uncommitted.diff"}


def test_a_run_shows_no_login_and_no_signature_of_an_address(tracked, client):
    secret = "https://ann:hunter2@example.org/pets/{}.zip?X-Signature=hunter2"
    ingest = tracked.ingest.model_copy(update={"source": secret.format("p" * 300)})
    paintings = tracked.paintings.model_copy(update={"source": secret.format("monet")})
    weights = tracked.weights.model_copy(update={"mirror": secret.format("weights")})
    update = {"ingest": ingest, "paintings": paintings, "weights": weights}
    with tracking.pipeline(tracked.model_copy(update=update)) as run:
        found = client.get_run(run.id)
    kept = tracking.kept(run.id, "params.json")
    assert "hunter2" not in f"{found.to_dictionary()}{kept}"
    assert found.data.params["ingest.source"] == f"https://example.org/pets/{'p' * 300}.zip"
    assert found.data.params["weights.mirror"] == "https://example.org/pets/weights.zip"
    assert '"source": "https://example.org/pets/monet.zip"' in kept
    assert found.info.run_name == "pipeline " + "p" * 80


def test_a_parent_ends_with_its_stage_and_goes_on_with_the_next(tracked, client):
    with tracking.pipeline(tracked) as first:
        pass
    assert client.get_run(first.id).info.status == "FINISHED"
    with pytest.raises(ZeroDivisionError), tracking.pipeline(tracked):
        raise ZeroDivisionError
    assert client.get_run(first.id).info.status == "FAILED"
    with tracking.pipeline(tracked):
        pass
    assert client.get_run(first.id).info.status == "FINISHED"


def test_a_training_is_a_child_under_the_parent(tracked, client):
    with tracking.training(tracked, "cnn", []) as child:
        pass
    assert tags(client, child)["mlflow.parentRunId"] == parent_of(tracked)
    assert tags(client, child)["pawtrait.model"] == "cnn"
    assert client.get_run(child.id).info.run_name == "cnn"
    assert client.get_run(child.id).info.status == "FINISHED"


def test_a_training_that_fails_is_shown_as_failed_and_so_is_the_parent(tracked, client):
    with pytest.raises(ZeroDivisionError), tracking.training(tracked, "cnn", []) as child:
        raise ZeroDivisionError
    assert client.get_run(child.id).info.status == "FAILED"
    assert client.get_run(tags(client, child)["mlflow.parentRunId"]).info.status == "FAILED"


def test_a_training_records_its_data_by_path_and_hash(tracked, client):
    Path("dvc.lock").write_text(
        "stages: {augment: {outs: [{path: data/arrays, md5: 0123456789abcdef0123456789abcdef.dir}]}}\n"
    )
    with tracking.training(tracked, "cnn", [Path("data/arrays"), Path("data/unknown")]) as child:
        pass
    found = client.get_run(child.id)
    known = {one.dataset.name: one.dataset.digest for one in found.inputs.dataset_inputs}
    assert known == {"arrays": "0123456789abcdef0123456789abcdef.dir", "unknown": "unknown"}
    assert found.data.tags["dvc.deps.data/arrays"] == "0123456789abcdef0123456789abcdef.dir"


def test_history_of_many_epochs_is_stored_whole_in_few_calls(run, client, monkeypatch):
    calls = []
    real = type(client).log_batch
    monkeypatch.setattr(
        type(client), "log_batch", lambda *given, **more: (calls.append(1), real(*given, **more))
    )
    rows = [
        {"epoch": epoch, "loss": 1 / (epoch + 1), "accuracy": 0.5, "val_loss": 2.0} for epoch in range(400)
    ]
    run.history(rows)
    assert len(calls) == 2  # 1,200 figures, MLflow takes 1,000 at once
    stored = client.get_metric_history(run.id, "loss")
    assert [(one.step, one.value) for one in stored] == [(row["epoch"], row["loss"]) for row in rows]
    assert len(client.get_metric_history(run.id, "val_loss")) == 400


def test_only_finite_numbers_are_stored(run, client):
    run.metrics(
        {"good": 0.5, "count": 3, "nan": float("nan"), "endless": float("inf"), "name": "cnn", "none": None}
    )
    assert client.get_run(run.id).data.metrics == {"good": 0.5, "count": 3.0}


def test_a_later_figure_stands_for_the_earlier_one_even_if_it_is_smaller(run, client):
    run.metrics({"calibration_error": 0.3})
    run.metrics({"calibration_error": 0.2})
    assert client.get_run(run.id).data.metrics["calibration_error"] == 0.2


def test_figures_of_numpy_are_numbers_too(run, client):
    run.metrics({"a": np.float64(0.25), "b": np.float32(0.5), "c": np.int64(4)})
    assert client.get_run(run.id).data.metrics == {"a": 0.25, "b": 0.5, "c": 4.0}


def test_many_and_long_parameters_are_stored(run, client):
    run.params(
        {f"p{index}": index for index in range(250)} | {"deep": {"er": {"most": "x" * 7000}, "no": {}}}
    )
    found = client.get_run(run.id).data.params
    assert found["p249"] == "249"
    assert found["deep.er.most"] == "x" * 6000
    assert found["deep.no"] == "{}"


def test_pictures_lie_where_the_ui_shows_them(run, client, tmp_path, coloured_picture):
    run.picture(coloured_picture("sad"))
    assert files(client, run, "pictures") == {"pictures/sad.png"}


def test_probe_pictures_have_the_same_key_and_step_in_every_run(run, client):
    run.probe(np.zeros((8, 8, 3), np.uint8), "probe_0")
    (name,) = [one for one in files(client, run, "images") if one.endswith(".png")]
    assert name.startswith("images/probe_0+step+0+")
    assert tags(client, run)["mlflow.loggedImages"] == "True"


def test_files_folders_and_texts_are_kept(run, client, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("<p>")
    run.artifact(tmp_path / "report", "report")
    run.artifact(tmp_path / "report" / "index.html")
    run.text("words", "words.txt")
    assert files(client, run, "report") == {"report/index.html"}
    assert {"index.html", "words.txt"} <= files(client, run)


def trained(knobs, digest):
    with tracking.training(knobs, "cnn", []) as child:
        child.tags({"model.sha256": digest})
    return child.id


def test_a_model_leads_to_the_newest_run_that_trained_it(tracked):
    digest = f"digest of {tracked.seed}"
    trained(tracked, digest)
    newest = trained(tracked, digest)
    trained(tracked, f"another {digest}")
    found = tracking.of_model(digest)
    assert found is not None
    assert found.id == newest


def test_a_model_that_no_run_trained_is_none_and_logged(tracked, caplog):
    with caplog.at_level(logging.WARNING):
        assert tracking.of_model("f" * 64) is None
    assert "trained the model ffffffffffff" in caplog.text


def test_the_parent_says_which_run_made_each_model_and_whether_it_is_older(tracked):
    digest = f"digest of {tracked.seed}"
    child = trained(tracked, digest)
    later = tracked.model_copy(update={"seed": tracked.seed + 100_000})
    with tracking.pipeline(tracked) as mine:
        assert tracking.maker(mine, "cnn", digest) == {"model.cnn": child}
    with tracking.pipeline(later) as other:
        assert tracking.maker(other, "cnn", digest) == {"model.cnn": f"{child} (reused)"}
        assert tracking.maker(other, "cnn", "f" * 64) == {"model.cnn": "unknown"}


def test_a_run_is_written_to_by_its_id_from_any_thread(run, client):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(Run(client, run.id).metrics, {"from_a_thread": 1.0}).result()
    assert client.get_run(run.id).data.metrics["from_a_thread"] == 1.0


def test_the_stage_that_dvc_runs_is_named(tracked, monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "train@cnn")
    assert tracking.origin([])["dvc.stage"] == "train@cnn"


def test_a_run_that_was_cut_off_goes_on_under_its_id(tracked, client, tmp_path):
    place = tmp_path / "checkpoints"
    with (
        pytest.raises(KeyboardInterrupt),
        tracking.training(tracked, "cyclegan", [], "painter", place) as first,
    ):
        first.metrics({"loss": 2.0}, step=1)
        raise KeyboardInterrupt
    with tracking.training(tracked, "cyclegan", [], "painter", place) as second:
        second.metrics({"loss": 1.0}, step=2)
        assert second.steps("loss") == {1, 2}
    assert second.id == first.id
    assert client.get_run(first.id).info.status == "FINISHED"
    assert [one.step for one in client.get_metric_history(first.id, "loss")] == [1, 2]
    assert not place.exists()
    with tracking.training(tracked, "cyclegan", [], "painter", place) as third:
        assert third.id != first.id


def test_a_run_that_the_store_does_not_know_is_begun_anew(tracked, tmp_path):
    (tmp_path / "run_id").write_text("0" * 32)
    with tracking.training(tracked, "cyclegan", [], "painter", tmp_path) as run:
        assert run.id != "0" * 32
        assert (tmp_path / "run_id").read_text() == run.id


def test_a_run_that_somebody_deleted_is_begun_anew(tracked, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    with (
        pytest.raises(KeyboardInterrupt),
        tracking.training(tracked, "cyclegan", [], "painter", place) as first,
    ):
        raise KeyboardInterrupt
    tracking.client().delete_run(first.id)
    with tracking.training(tracked, "cyclegan", [], "painter", place) as second:
        assert second.id != first.id


def test_a_server_that_is_away_is_one_line(tracked, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with (
        pytest.raises(BadRegistry, match=r"^MLflow at http://127.0.0.1:9 \(.* or refuses: .*refused.*back$"),
        tracking.pipeline(tracked),
    ):
        pass


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("https://ann:secret@host", "https://ann@host"),
        ("https://:secret@host:5000/path", "https://@host:5000/path"),
        ("postgresql+psycopg://ann:se/cret@host/db", "postgresql+psycopg://ann@host/db"),
        ("postgresql://ann:secret@secret@host/db", "postgresql://ann@host/db"),
        ("postgresql://host/db?password=secret", "postgresql://host/db?"),
        ("said by https://ann:secret@host/x\n  twice", "said by https://ann@host/x twice"),
        ("http://127.0.0.1:5000/a@b", "http://127.0.0.1:5000/a@b"),
        ("sqlite:////srv/mlflow.db", "sqlite:////srv/mlflow.db"),
    ],
)
def test_an_address_is_shown_without_its_password(named, told):
    assert tracking.shown(named) == told


def test_no_error_of_a_server_shows_its_password(tracked, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:secret@127.0.0.1:9")
    with pytest.raises(BadRegistry) as caught, tracking.pipeline(tracked):
        pass
    with pytest.raises(BadRegistry, match="set MLFLOW_BACKEND_STORE_URI") as unknown:
        tracking.address()
    with pytest.raises(BadRegistry) as elsewhere:
        tracking.folder("mlflow-artifacts://ann:secret@host/1")
    for error in (caught, unknown, elsewhere):
        assert "ann@" in str(error.value) and "secret" not in str(error.value)


@pytest.fixture
def checkout(client, store_folder, tmp_path, monkeypatch):
    """A checkout with a store of its own: a copy of the session's, which MLflow has migrated."""
    project = tmp_path / "first"
    (project / "mlruns" / tracking.EXPERIMENT).mkdir(parents=True)
    shutil.copy(store_folder / "mlflow.db", project)
    enter(project, monkeypatch)
    return project


def enter(project, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project}/mlflow.db")


def kept(knobs):
    """A run that keeps a text."""
    with tracking.pipeline(knobs) as run:
        run.text("words", "words.txt")
    return run.id


def tree(project):
    """Every file, with what is in it."""
    return {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}


def test_in_a_checkout_that_was_moved_versions_are_found_and_runs_land_there(
    checkout, tracked, coloured_models, monkeypatch
):
    model = coloured_models(checkout / "models", sharpness=0.375)  # no other test has it
    with tracking.training(tracked, "cnn", []) as run:
        registry.log(run, model)
    digest = sealed.check(model)["model.onnx"]
    moved = checkout.rename(checkout.with_name("moved \u00e9"))
    enter(moved, monkeypatch)
    known = registry.register(digest, {}, "")
    folder = registry.folder_of(known)
    assert folder.is_relative_to(moved / "mlruns") and "model.onnx" in sealed.check(folder)
    assert not any(
        b"/first/" in text for path, text in tree(moved / "mlruns").items() if path.name == "MLmodel"
    )
    assert tracking.kept(kept(tracked.model_copy(update={"seed": tracked.seed + 100_000})), "words.txt")
    assert not checkout.exists()


def test_a_copy_neither_writes_into_the_first_checkout_nor_would_prune_there(checkout, tracked, monkeypatch):
    run = kept(tracked)
    before = tree(checkout)
    copy = checkout.with_name("copy")
    shutil.copytree(checkout, copy)
    enter(copy, monkeypatch)
    another = kept(tracked.model_copy(update={"seed": tracked.seed + 100_000}))
    mine = {one.id: one.folder for one in runs.known() if one.id in (run, another)}
    place = copy / "mlruns" / tracking.EXPERIMENT
    assert mine == {one: place / one / "artifacts" for one in (run, another)}
    assert tree(checkout) == before


def test_the_first_backup_of_a_checkout_that_was_moved_has_its_files(checkout, tracked, monkeypatch):
    run = kept(tracked)
    moved = checkout.rename(checkout.with_name("moved"))
    enter(moved, monkeypatch)
    for name in ("DATABASE_URL", "PAWTRAIT_PICTURES"):
        monkeypatch.delenv(name, raising=False)
    backup.run(out=moved / "backup.tar", feedback=[])
    with tarfile.open(moved / "backup.tar") as tar:
        assert [name for name in tar.getnames() if name.endswith(f"{run}/artifacts/words.txt")]


def test_a_link_to_a_checkout_changes_no_place(checkout, tracked, monkeypatch):
    run = kept(tracked)
    link = checkout.with_name("link")
    link.symlink_to(checkout)
    before = tracking.client().get_run(run).info.artifact_uri
    monkeypatch.setattr(tracking, "home", lambda: link)  # as of a mount, which nothing resolves
    enter(link, monkeypatch)
    assert tracking.client().get_run(run).info.artifact_uri == before


@pytest.mark.parametrize(("place", "left"), [("elsewhere/mlruns/pawtrait", False), ("first/artifacts", True)])
def test_places_stay_where_their_files_are_not_here_or_somebody_chose_them(
    checkout, tracked, place, left, tmp_path
):
    run = kept(tracked)
    here, chosen = checkout / "mlruns" / tracking.EXPERIMENT, tmp_path / place
    shutil.move(here, chosen)
    if left:
        here.mkdir()
    relocation.follow(checkout / "mlflow.db", chosen, here.as_uri(), chosen.as_uri())
    told = tracking.client().get_run(run).info.artifact_uri
    assert told == (chosen / run / "artifacts").as_uri()


TOUCH = """
from pathlib import Path
from pawtrait import environment, params
environment.settle()
from pawtrait.adapters import tracking
with tracking.pipeline(params.load(Path("params.yaml"))) as run:
    print(run.id)
"""


@pytest.mark.slow
def test_two_processes_may_touch_a_new_store_at_once(tracked, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/fresh.db")
    root = Path(__file__).parents[2]
    (tmp_path / "params.yaml").write_text((root / "params.yaml").read_text(encoding="utf-8"))
    started = [
        subprocess.Popen([sys.executable, "-c", TOUCH], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    ids = {process.communicate()[0].strip() for process in started}
    assert [process.returncode for process in started] == [0, 0]
    assert len(ids) == 1
