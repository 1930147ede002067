"""Stage evaluate, on a real ONNX model."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from pawtrait.dataset import manifest
from pawtrait.errors import BadData, BadModel
from pawtrait.evaluation.predictions import Predicted
from pawtrait.stages import evaluate


def run(workspace, name="cnn"):
    out = workspace.reports / "models" / name
    evaluate.run(
        name=name,
        model=workspace.models / name,
        arrays=workspace.arrays,
        splits=workspace.tables / "splits.csv",
        out=out,
    )
    return out


def figures(out):
    return json.loads((out / "metrics.json").read_text())


def test_everything_that_explains_a_model_is_written(workspace):
    workspace.model("cnn", skill=1)
    names = {path.name for path in run(workspace).iterdir()}
    tables = {"metrics.json", "predictions.csv", "classes.csv", "confusion.csv"}
    assert names == tables | {"confusion.png", "reliability.png", "curves.png", "mistakes.png"}


def test_who_asks_for_no_gallery_is_not_told_that_there_is_no_mistake(workspace):
    workspace.model("cnn", skill=0)
    knobs = Path("params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(knobs.replace("mistakes: 12", "mistakes: 0"), encoding="utf-8")
    assert "mistakes.png" not in {path.name for path in run(workspace).iterdir()}


def test_the_figures_follow_from_the_predictions_file(workspace):
    workspace.model("cnn", skill=1)
    out = run(workspace)
    test = [row for row in manifest.read(out / "predictions.csv", Predicted) if row.split == "test"]
    right = [row.actual == row.predicted for row in test]
    found = figures(out)
    assert found["test_pictures"] == 32
    assert found["test_accuracy"] == pytest.approx(np.mean(right))
    assert {
        f"{split}_{of}_{figure}"
        for split in ("valid", "test")
        for of in ("angry", "macro", "weighted")
        for figure in ("precision", "recall", "f1")
    } <= set(found)
    assert found["test_accuracy_low"] <= found["test_accuracy"] <= found["test_accuracy_high"]


def test_a_model_that_sees_colours_beats_one_that_guesses(workspace):
    workspace.model("good", skill=5)
    workspace.model("blind", skill=0)
    assert figures(run(workspace, "good"))["test_accuracy"] > 0.6
    assert figures(run(workspace, "blind"))["test_accuracy"] == 0.25  # always the first mood


def test_answers_stand_beside_their_own_pictures(workspace):
    workspace.model("cnn", skill=5)
    rows = manifest.read(run(workspace) / "predictions.csv", Predicted)
    placed = {row.path: row for row in manifest.read(workspace.tables / "splits.csv", manifest.Placed)}
    assert len(rows) == 24 + 32
    assert all(placed[row.path].label == row.actual and placed[row.path].id == row.id for row in rows)


def test_dvc_gets_truth_and_answer_of_the_test_pictures_only(workspace):
    workspace.model("cnn", skill=1)
    with (run(workspace) / "confusion.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 32
    assert list(rows[0]) == ["actual", "predicted"]


def test_folds_and_seeds_become_figures(workspace):
    workspace.model("cnn", skill=1)
    workspace.add_folds("cnn", "group", right=20, of=40)
    workspace.add_folds("cnn", "picture", right=30, of=40)
    found = figures(run(workspace))
    assert (found["folds_accuracy"], found["picture_folds_accuracy"]) == (0.5, 0.75)
    assert found["folds_accuracy_low"] < 0.5 < found["folds_accuracy_high"]
    assert found["seeds"] == 2
    assert found["seeds_valid_accuracy_mean"] == 0.6
    assert found["seeds_valid_accuracy_spread"] == pytest.approx(0.141421)  # |0.5 − 0.7| / √2


def test_random_folds_without_grouped_ones_are_refused(workspace):
    workspace.model("cnn", skill=1)
    workspace.add_folds("cnn", "picture", right=30, of=40)
    with pytest.raises(BadData, match="tear copies apart"):
        run(workspace)


def test_the_models_explanations_are_copied_along(workspace):
    folder = workspace.model("cnn", skill=1)
    (folder / "gradcam.png").write_bytes(b"a picture")
    assert (run(workspace) / "gradcam.png").read_bytes() == b"a picture"


def test_two_runs_write_the_same_bytes(workspace):
    workspace.model("cnn", skill=1)
    first = {path.name: path.read_bytes() for path in run(workspace).iterdir()}
    assert {path.name: path.read_bytes() for path in run(workspace).iterdir()} == first


def test_arrays_of_another_split_are_refused_and_nothing_is_left(workspace):
    workspace.model("cnn", skill=1)
    np.save(workspace.arrays / "test.npy", np.zeros((5, 32, 32, 3), np.uint8))
    with pytest.raises(BadData, match="32 pictures where the arrays have 5"):
        run(workspace)
    assert not (workspace.reports / "models" / "cnn").exists()


def test_an_empty_test_split_is_a_clear_error(workspace):
    workspace.model("cnn", skill=1)
    rows = manifest.read(workspace.tables / "splits.csv", manifest.Placed)
    manifest.write(workspace.tables / "splits.csv", [r for r in rows if r.split != "test"], manifest.Placed)
    np.save(workspace.arrays / "test.npy", np.zeros((0, 32, 32, 3), np.uint8))
    with pytest.raises(BadData, match="cnn on test: there is no picture to score"):
        run(workspace)


def test_a_model_with_a_changed_byte_is_refused(workspace):
    folder = workspace.model("cnn", skill=1)
    with (folder / "model.onnx").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(BadModel, match="not the file that was sealed"):
        run(workspace)
