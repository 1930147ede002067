"""A project's memory in one file, brought back in an empty folder while the old one is gone."""

import json
import shutil
import sqlite3
import tarfile
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from PIL import Image

from pawtrait import champion, params, sealed
from pawtrait.adapters import registry, tracking
from pawtrait.adapters.store import database, dumps, feedback, ledger, requests
from pawtrait.adapters.store.pictures import Pictures
from pawtrait.classification.predict import Classifier
from pawtrait.dataset import snapshots
from pawtrait.errors import BadRegistry, BadStore
from pawtrait.stages import backup, promote, restore, rollback

ROOT = Path(__file__).parents[2]
SNAPSHOTS = "data/feedback"
FOLDERS = [Path(SNAPSHOTS), Path("clone") / SNAPSHOTS]
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def enter(monkeypatch):
    """Makes a folder the project: the stores lie in it."""

    return partial(entered, monkeypatch)


def entered(patch, folder):
    folder.mkdir(exist_ok=True)
    patch.chdir(folder)
    patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    patch.setenv("DATABASE_URL", f"sqlite:///{folder}/feedback.db")
    patch.setenv("PAWTRAIT_PICTURES", str(folder / "data/inbox"))
    patch.setenv("PAWTRAIT_NOW", "2026-11-30T12:00:00")
    return folder


@pytest.fixture(scope="session")
def fresh_mlflow(tmp_path_factory):
    """An MLflow database as it is after its migration, which takes 5 s."""
    folder = tmp_path_factory.mktemp("fresh")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        tracking.client()
    return folder / "mlflow.db"


@pytest.fixture
def old(tmp_path, enter, fresh_mlflow, coloured_models, coloured_picture):
    """A project with two versions, a promotion, a request, feedback, a picture and a snapshot."""
    return lived_in(enter(tmp_path / "old"), fresh_mlflow, coloured_models, coloured_picture("sad"))


@pytest.fixture(scope="module")
def once(tmp_path_factory, fresh_mlflow, coloured_models):
    """The backup of such a project, which is gone, for tests that look at what becomes of the file."""
    root = tmp_path_factory.mktemp("once")
    pet = root / "pet.png"
    Image.new("RGB", (40, 40), (60, 90, 200)).save(pet)
    with pytest.MonkeyPatch.context() as patch:
        lived_in(entered(patch, root / "old"), fresh_mlflow, coloured_models, pet)
        file = saved(root)
    shutil.rmtree(root / "old")
    return file


def lived_in(folder, fresh_mlflow, coloured_models, picture):
    shutil.copy(fresh_mlflow, folder)
    with sqlite3.connect(folder / "mlflow.db") as connection:  # as if it had been made here
        connection.execute("UPDATE experiments SET artifact_location = ?", [f"{folder}/mlruns/0"])
    for name, sharpness in (("linear_probe", 0.5), ("cnn", 1.0)):
        model = coloured_models(folder / "data/models", name, sharpness)
        with tracking.training(params.load(ROOT / "params.yaml"), name, []) as run:
            registry.log(run, model)
            run.text("hello", "note.txt")
        registry.register(sealed.check(model)["model.onnx"], {"name": name}, name)
    promote.run(version="2", actor="ann", reasons=["better"], note=champion.NOTE, month="2026-11", force=True)
    data = picture.read_bytes()
    name = Pictures().put(data)
    with database.opened() as engine:
        requests.add(
            engine, [requests.Request(id="r", time=NOW, kind="predict", outcome="ok", latency_ms=3.0)]
        )
        said = feedback.Said(id="f", time=NOW, picture=name, client="c", consent=True, label="sad")
        feedback.add(engine, [said])
    draft = folder / SNAPSHOTS / "2026-10"
    place = snapshots.place("sad", name, data)
    (draft / place).parent.mkdir(parents=True)
    (draft / place).write_bytes(data)
    snapshots.write(draft, [snapshots.Accepted(place, "sad", name, "2 of 2 reviewers say sad")], [])
    (folder / SNAPSHOTS / "README.md").write_text("of the repository")
    return folder


def saved(tmp_path):
    backup.run(out=tmp_path / "b.tar", feedback=FOLDERS)
    return tmp_path / "b.tar"


def brought_back(file):
    if not hasattr(tarfile, "data_filter"):
        pytest.skip("a backup is restored with Python 3.11.4 or newer")
    restore.run(source=file, feedback=Path(SNAPSHOTS))


def known():
    """All that a person would miss."""
    opened = tracking.client()
    with database.opened() as engine:
        rows = (
            ledger.all(engine),
            requests.between(engine, NOW, NOW.replace(year=2027)),
            feedback.between(engine, NOW, NOW.replace(year=2027)),
        )
    versions = [(v.version, dict(v.tags), v.description, v.run_id) for v in registry.versions()]
    runs = opened.search_runs([opened.get_experiment_by_name(tracking.EXPERIMENT).experiment_id])
    artifacts = {
        run.info.run_id: sorted(a.path for a in opened.list_artifacts(run.info.run_id)) for run in runs
    }
    tags = {run.info.run_id: dict(run.data.tags) for run in runs}
    return rows, versions, registry.aliases(), artifacts, tags, Pictures().names()


def test_in_an_empty_folder_everything_is_as_it_was(old, tmp_path, enter):
    before = known()
    file = saved(tmp_path)
    old.rename(tmp_path / "gone")
    new = enter(tmp_path / "new")
    (new / SNAPSHOTS).mkdir(parents=True)
    (new / SNAPSHOTS / "README.md").write_text("of the new clone")
    (new / SNAPSHOTS / "2026-10.dvc").write_text("of a month that was merged")
    brought_back(file)
    assert known() == before
    assert [row.label for row in snapshots.read(new / SNAPSHOTS, "2026-10")] == ["sad"]
    assert (new / SNAPSHOTS / "README.md").read_text() == "of the new clone"
    assert (new / "feedback.db").is_file()


def test_the_champion_answers_from_the_new_place(once, tmp_path, enter):
    new = enter(tmp_path / "new")
    brought_back(once)
    note = champion.read()
    assert note.version == "2"
    assert Classifier.load(Path(note.folder)).digest == note.sha256
    assert str(tmp_path / "new") in str(Path(note.folder).resolve())
    model = mlflow.pyfunc.load_model("models:/pet-expression@champion")
    picture = once.with_name("pet.png").read_bytes()
    assert model.predict(pd.DataFrame({"picture": [picture]})).loc[0, "label"] == "sad"
    rollback.run(actor="bob", reasons=[], note=champion.NOTE)
    assert registry.aliases()["champion"] == "1"
    old = str(once.with_name("old"))
    assert [path for path in new.rglob("MLmodel") if old in path.read_text()] == []


def test_no_path_in_mlflows_database_leads_to_the_old_place(once, tmp_path, enter):
    new = enter(tmp_path / "new")
    brought_back(once)
    dump = "\n".join(sqlite3.connect(new / "mlflow.db").iterdump())
    assert f"{new}/mlruns" in dump
    assert f"{once.with_name('old')}/mlruns" not in dump


def test_a_restored_project_can_be_backed_up_again(once, tmp_path, enter):
    enter(tmp_path / "new")
    brought_back(once)
    kept = [_sums(one) for one in (once, saved(tmp_path))]
    databases = (backup.FEEDBACK, backup.MLFLOW, backup.NOTE)
    same = [
        {n: s for n, s in one.items() if n not in databases and not n.endswith("MLmodel")} for one in kept
    ]
    assert same[0] == same[1] != {}


def _sums(file):
    with tarfile.open(file) as tar:
        return json.load(tar.extractfile(backup.CONTENTS))["sums"]


@pytest.mark.parametrize(
    "there",
    [
        "mlflow.db",
        "feedback.db",
        "feedback.db-wal",
        "data/feedback/2026-09/accepted.csv",
        "mlruns/pawtrait/x/file",
    ],
)
def test_nothing_is_written_over(once, tmp_path, enter, there):
    new = enter(tmp_path / "new")
    (new / there).parent.mkdir(parents=True, exist_ok=True)
    (new / there).write_text("mine")
    before = sorted(new.rglob("*"))
    with pytest.raises(BadStore, match="move it away first, or restore elsewhere"):
        brought_back(once)
    assert sorted(new.rglob("*")) == before
    assert (new / there).read_text() == "mine"


def test_what_a_database_refuses_can_be_tried_again(once, tmp_path, enter, monkeypatch):
    """As where pg_restore is not installed: files of the first try were in the way of the second."""
    new = enter(tmp_path / "new")

    def refuse(*given):
        raise BadStore("pg_restore is not installed")

    with monkeypatch.context() as patched, pytest.raises(BadStore, match="pg_restore"):
        patched.setattr(dumps, "load", refuse)
        brought_back(once)
    brought_back(once)
    assert snapshots.months(new / SNAPSHOTS) == ["2026-10"]
    assert list(new.glob("mlruns/**/MLmodel")) and registry.aliases()["champion"] == "2"


def test_a_backup_that_is_not_there_is_named(tmp_path, enter):
    enter(tmp_path / "new")
    with pytest.raises(BadStore, match=r"none\.tar does not exist; name a file that `make backup` wrote"):
        brought_back(Path("none.tar"))


@pytest.mark.parametrize("harm", ["cut", "flipped", "nothing", "text"])
def test_a_damaged_backup_brings_nothing_back(once, tmp_path, enter, harm):
    file, data = tmp_path / "b.tar", once.read_bytes()
    place = data.index(b"of 2 reviewers say sad")
    harmed = {
        "cut": data[: len(data) // 2],
        "flipped": data[:place] + b"X" + data[place + 1 :],
        "nothing": b"",
        "text": b"hello",
    }
    file.write_bytes(harmed[harm])
    new = enter(tmp_path / "new")
    with pytest.raises(BadStore) as caught:
        brought_back(file)
    assert "\n" not in str(caught.value)
    assert list(new.rglob("*")) == []


def test_a_python_too_old_to_unpack_is_not_told_as_a_damaged_backup(once, tmp_path, enter, monkeypatch):
    """Before 3.11.4 tarfile knows no filter."""
    enter(tmp_path / "new")
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    with pytest.raises(BadStore, match=r"restore with 3\.11\.4 or newer"):
        restore.run(source=once, feedback=Path(SNAPSHOTS))


@pytest.mark.parametrize("text", ['{"made": "2026-11-01", "colour": "red"}', "[]", "3"])
def test_a_backup_that_tells_other_things_of_itself_is_none_of_ours(tmp_path, enter, text):
    enter(tmp_path / "new")
    note, file = tmp_path / "note", tmp_path / "b.tar"
    note.write_text(text)
    with tarfile.open(file, "w") as tar:
        tar.add(note, backup.CONTENTS)
    with pytest.raises(BadStore, match=r"b\.tar is not a whole backup: another pawtrait wrote backup\.json"):
        brought_back(file)


def test_a_project_without_stores_has_an_empty_backup(tmp_path, enter):
    enter(tmp_path / "empty")
    file = saved(tmp_path)
    enter(tmp_path / "new")
    brought_back(file)
    assert list((tmp_path / "new").rglob("*.db")) == []


def test_a_backup_needs_no_room_in_the_temporary_folder(tmp_path, enter, monkeypatch):
    """That of Compose's worker is memory, and whole databases are written out."""
    enter(tmp_path / "empty")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    assert saved(tmp_path).is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"b.tar", "empty"}


def test_months_of_the_retraining_s_clone_come_too_and_the_project_s_own_word_stands(old, tmp_path, enter):
    for month, reason in (("2026-10", "of the clone, before somebody forgot"), ("2026-11", "new")):
        snapshots.write(
            _emptied(old / "clone" / SNAPSHOTS / month), [], [snapshots.Refused("f" * 64, reason)]
        )
    file = saved(tmp_path)
    new = enter(tmp_path / "new")
    brought_back(file)
    assert snapshots.months(new / SNAPSHOTS) == ["2026-10", "2026-11"]
    assert [snapshots.damage(new / SNAPSHOTS / month) for month in ("2026-10", "2026-11")] == ["", ""]
    assert [row.label for row in snapshots.read(new / SNAPSHOTS, "2026-10")] == ["sad"]


def _emptied(folder):
    folder.mkdir(parents=True)
    return folder


def test_a_damaged_picture_stops_no_backup(old, tmp_path, caplog):
    (name,) = Pictures().names()
    (old / f"data/inbox/{name[:2]}/{name}").write_bytes(b"damaged")
    file = saved(tmp_path)
    assert f"left out: {old}/data/inbox: picture {name[:16]} is damaged" in caplog.text
    assert f"pictures/{name}" not in _sums(file)


def test_a_picture_that_is_forgotten_meanwhile_stops_no_backup(old, tmp_path, caplog, monkeypatch):
    (name,) = Pictures().names()
    monkeypatch.setattr(Pictures, "names", lambda place: [name] if place.forget(name) else [])
    assert f"pictures/{name}" not in _sums(saved(tmp_path))
    assert f"left out: {old}/data/inbox has no picture {name[:16]}" in caplog.text


def test_pictures_that_go_away_meanwhile_leave_no_backup_that_looks_whole(old, tmp_path, monkeypatch):
    names = Pictures().names()
    monkeypatch.setattr(Pictures, "names", lambda place: names)
    (old / "data/inbox").rename(old / "away")
    (old / "data/inbox").symlink_to("inbox")  # leads to itself, which the system refuses even to root
    with pytest.raises(BadStore, match=f"picture {names[0][:16]} could not be read"):
        saved(tmp_path)
    assert not (tmp_path / "b.tar").exists()


def test_where_artifacts_lie_with_a_server_all_else_is_kept_and_that_is_said(old, tmp_path, enter, capsys):
    with sqlite3.connect(old / "mlflow.db") as connection:
        connection.execute("UPDATE experiments SET artifact_location = 'mlflow-artifacts:/1'")
    told = known()[0], Pictures().names()
    file = saved(tmp_path)
    assert "\nwithout MLflow, whose artifacts lie at mlflow-artifacts:/1: back up" in capsys.readouterr().out
    assert not any(name.startswith(("mlflow", "artifacts")) for name in _sums(file))
    new = enter(tmp_path / "new")
    shutil.copy(old / "mlflow.db", new)  # the server's, which is still there
    brought_back(file)
    assert (known()[0], Pictures().names()) == told


def test_a_server_is_asked_for_its_database(old, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    with pytest.raises(BadRegistry, match="is a server; set MLFLOW_BACKEND_STORE_URI"):
        saved(tmp_path)
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", f"sqlite:///{old}/mlflow.db")
    assert backup.MLFLOW in _sums(saved(tmp_path))
