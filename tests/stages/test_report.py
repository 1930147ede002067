"""Stage report, after evaluate and compare have run on real ONNX models."""

import json
from dataclasses import fields

import pytest
from PIL import Image

from pawtrait.dataset import manifest
from pawtrait.dataset.manifest import Record, Rejected
from pawtrait.errors import BadModel
from pawtrait.stages import report


@pytest.fixture
def finished(compared):
    """A workspace in which everything before the report has run."""
    workspace = compared
    placed = manifest.read(workspace.tables / "splits.csv", manifest.Placed)
    blank = {field.name: "" if field.type is str else 0 for field in fields(Record)}
    records = [
        Record(**blank | {"id": one.id, "path": one.path, "label": one.label, "source": "kaggle"})
        for one in placed
    ]
    manifest.write(workspace.tables / "accepted.csv", records, Record)
    small = Rejected("x", "happy/tiny.jpg", "happy", "validate", "40x36 px is smaller than 48 px a side")
    manifest.write(workspace.tables / "rejected.csv", [small], Rejected)
    torn = Rejected("y", "sad/copy.jpg", "sad", "split", "its copy lies in another split")
    manifest.write(workspace.tables / "dropped.csv", [torn], Rejected)
    (workspace.reports / "validation.json").write_text(
        json.dumps({"warnings": ["happy/7.jpg: it is blurred"]})
    )
    return workspace


def reported(workspace):
    report.run(
        compare=workspace.reports / "compare.json",
        reports=workspace.reports,
        models=workspace.models,
        tables=workspace.tables,
        painters=workspace.root / "data/painters",
        validation=workspace.reports / "validation.json",
        out=workspace.reports / "index.html",
        cards=workspace.reports / "cards",
    )
    return (workspace.reports / "index.html").read_text(encoding="utf-8")


def test_the_page_tells_the_whole_run(finished):
    shown = reported(finished)
    assert "<h1>cnn reads pets’ moods best</h1>" in shown
    for said in ("40x36 px is smaller", "its copy lies in another split", "it is blurred", "Source: kaggle."):
        assert said in shown
    assert "Over 2 seeds its validation macro-F1 is 0.50 ± 0.14 (standard deviation)." in shown


def test_each_model_shows_its_curves_confusion_reliability_and_mistakes(finished):
    shown = reported(finished)
    for name in ("linear_probe", "cnn"):
        assert f'aria-label="Confusion matrix of {name} on test"' in shown
        assert f'aria-label="Reliability of {name}"' in shown
        assert f'alt="Gallery of mistakes of {name}"' in shown
    assert 'aria-label="Learning curves of cnn"' in shown
    assert "Learning curves of linear_probe" not in shown  # one epoch makes no curve


def test_pictures_of_the_data_and_heat_maps_appear_where_they_exist(finished):
    assert "Augmentation:" not in reported(finished)
    Image.new("RGB", (40, 30), "red").save(finished.reports / "augmentation.png")
    Image.new("RGB", (40, 30), "red").save(finished.reports / "models/cnn/gradcam.png")
    shown = reported(finished)
    assert "Augmentation:" in shown
    assert 'alt="Grad-CAM heat maps of cnn"' in shown


def test_every_model_gets_its_card_and_the_page_leads_there(finished):
    shown = reported(finished)
    cards = finished.reports / "cards"
    assert sorted(path.name for path in cards.iterdir()) == ["cnn.html", "linear_probe.html"]
    assert 'href="cards/cnn.html"' in shown
    assert "licence of the training pictures is not known" in (cards / "cnn.html").read_text(encoding="utf-8")


def test_the_same_files_give_the_same_page_without_a_path_of_this_machine(finished, compared_folder):
    first = reported(finished)
    assert reported(finished) == first
    assert str(finished.root) not in first and str(compared_folder) not in first


def test_a_changed_model_stops_the_report_before_a_card_vouches_for_it(finished):
    with (finished.models / "cnn/model.onnx").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(BadModel, match="not the file that was sealed"):
        reported(finished)
    assert not (finished.reports / "cards").exists()
