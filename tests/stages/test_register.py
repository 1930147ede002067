"""Stage register, after compare has named a winner: a version in a real registry, and the champion's note."""

import json
from pathlib import Path

import pytest

from pawtrait import champion, sealed
from pawtrait.adapters import recovery, registry, succession, tracking
from pawtrait.adapters.store import database, ledger
from pawtrait.classification.predict import Classifier
from pawtrait.errors import BadRegistry
from pawtrait.stages import register, register_painters


@pytest.fixture
def finished(compared):
    """Two models, trained, scored and compared; the store has no version of pet-expression yet."""
    opened = tracking.client()
    if opened.search_registered_models(f"name = '{registry.EXPRESSION.name}'"):
        opened.delete_registered_model(registry.EXPRESSION.name)
    return compared


def registered(workspace):
    note = workspace.root / "champion.json"
    register.run(compare=workspace.reports / "compare.json", models=workspace.models, note=note)
    return champion.read(note)


def test_the_version_of_a_retraining_names_its_month(finished):
    note = finished.root / "champion.json"
    register.run(
        compare=finished.reports / "compare.json", models=finished.models, note=note, month="2026-11"
    )
    assert registry.numbered("1").tags["retrain.month"] == "2026-11"


def test_the_winner_becomes_champion_and_the_note_leads_to_its_files(finished, capsys):
    note = registered(finished)
    assert (note.name, note.version, note.model) == ("pet-expression", "1", "cnn")
    assert "cnn is pet-expression version 1; champion is version 1" in capsys.readouterr().out
    found = Classifier.load(Path(note.folder))
    assert found.digest == note.sha256 == sealed.check(finished.models / "cnn")["model.onnx"]


def test_the_ledger_begins_with_the_first_champions_figures(finished):
    """Charts and pages have them before the first challenger comes."""
    registered(finished)
    (row,) = (
        one for one in json.loads((finished.reports / "compare.json").read_text())["rows"] if one["champion"]
    )
    with database.opened() as engine:
        (first,) = ledger.all(engine)
    ends = ("", "_low", "_high")
    assert first.figures == {f"challenger_macro_f1{end}": row[f"test_macro_f1{end}"] for end in ends}
    assert first.sha256 == registry.numbered("1").tags["model.sha256"]


def test_the_first_champion_leaves_nothing_to_finish(finished):
    """Everybody's first `pawtrait gate` after a demo said that its promotion had been cut off."""
    registered(finished)
    assert succession.settle(finished.root / "champion.json") is None
    assert "The first version is champion" in registry.numbered("1").description


@pytest.mark.parametrize("fingerprint", tracking.ORIGIN, ids=lambda path: path.stem)
def test_the_pipelines_run_keeps_what_says_where_its_data_came_from(finished, fingerprint):
    fingerprint.parent.mkdir(exist_ok=True)
    fingerprint.write_text("{}\n")
    registered(finished)
    parent = registry.numbered("1").tags["pipeline.run_id"]
    kept = tracking.client().list_artifacts(parent, recovery.KEPT)
    assert fingerprint.as_posix() in [one.path for one in kept]


def test_the_version_carries_figures_with_intervals_and_says_what_they_mean(finished):
    registered(finished)
    version = registry.resolve("models:/pet-expression@champion")
    row = json.loads((finished.reports / "compare.json").read_text())["rows"][0]
    for key in ("valid_macro_f1", "valid_macro_f1_low", "test_accuracy_high"):
        assert float(version.tags[key]) == row[key]
    assert version.tags["start"] == "random start"
    assert "best by validation macro-F1" in version.description
    assert not [key for key in version.tags if "_angry_" in key]  # a table of models has no single moods
    assert f"test accuracy: {row['test_accuracy']:.3f} (" in version.description


def test_the_pipelines_run_keeps_what_the_way_back_needs(finished):
    Path("data").mkdir(exist_ok=True)
    Path("data/source.json").write_text("{}\n")
    registered(finished)
    run_id = registry.resolve("models:/pet-expression@champion").tags["pipeline.run_id"]
    kept = {entry.path for entry in tracking.client().list_artifacts(run_id)}
    assert {"params.yaml", "params.json"} <= kept
    assert [entry.path for entry in tracking.client().list_artifacts(run_id, "data")] == ["data/source.json"]
    assert any(
        "--artifact-path data " in line for line in recovery.commands("models:/pet-expression@champion")
    )


def test_registering_again_changes_nothing(finished):
    assert registered(finished) == registered(finished)


def test_a_later_winner_is_challenger_and_the_note_stays_with_the_champion(finished):
    first = registered(finished)
    finished.compare("linear_probe")
    assert registered(finished) == first
    assert registry.resolve("models:/pet-expression@challenger").tags["name"] == "linear_probe"


@pytest.fixture
def later(finished, tmp_path, monkeypatch):
    """A team's store, set up when everything was trained and compared."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/later/mlflow.db")
    (tmp_path / "later").mkdir()
    return finished


def test_a_store_that_came_later_gets_the_champion_and_its_run_says_that_nothing_was_trained(later):
    for _ in range(2):
        register.run(
            compare=later.reports / "compare.json",
            models=later.models,
            note=later.root / "champion.json",
            vouched=True,
        )
    known = registry.resolve("models:/pet-expression@champion")
    wanted = sealed.check(later.models / "cnn")["model.onnx"]
    assert sealed.check(registry.folder_of(known))["model.onnx"] == wanted
    assert len(registry.versions()) == 1
    tags = registry.tags_of_run(known.tags["mlflow.run_id"])
    assert tags["pawtrait.trained"] == "earlier, elsewhere"
    assert tags["mlflow.note.content"].startswith("Nothing was trained in this run")


def test_a_store_that_came_later_gets_the_painters_too(later, cyclegan_folder):
    sealed.write_facts(cyclegan_folder, sealed.facts(cyclegan_folder) | {"parameters": 2})
    sealed.seal(cyclegan_folder)
    for vouched in (True, False):  # once it is known, nobody has to
        register_painters.run(painters=cyclegan_folder.parent, vouched=vouched)
    known = registry.resolve("models:/pet-portrait-cyclegan@champion")
    assert known.tags["model.sha256"] == sealed.check(cyclegan_folder)["photo_to_painting.onnx"]
    assert registry.tags_of_run(known.tags["mlflow.run_id"])["pawtrait.kind"] == "painter"


def test_a_winner_that_no_run_trained_is_named_and_no_note_is_written(finished):
    facts = sealed.facts(finished.models / "cnn")
    network = finished.models / "cnn" / "model.onnx"
    network.write_bytes(network.read_bytes() + b"\0")
    sealed.write_facts(finished.models / "cnn", facts)
    sealed.seal(finished.models / "cnn")
    with pytest.raises(BadRegistry, match="point MLFLOW_TRACKING_URI at the store that has it"):
        registered(finished)
    assert not (finished.root / "champion.json").exists()
