"""Stage compare, after evaluate has scored real ONNX models."""

import csv
import json
import re
from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from pawtrait.dataset import manifest
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadData
from pawtrait.evaluation.predictions import Predicted
from pawtrait.stages import evaluate


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch):
    """Nobody looks at each model's own plots here, and they take most of the time."""
    monkeypatch.setattr(evaluate, "_draw", lambda *_: None)
    monkeypatch.setattr(evaluate, "_gallery", lambda *_: Figure())


def compared(workspace, *names):
    workspace.compare(*names)
    return json.loads((workspace.reports / "compare.json").read_text(encoding="utf-8"))


def add(workspace, name, skill, **more):
    evaluate.run(
        name=name,
        model=workspace.model(name, skill, **more),
        arrays=workspace.arrays,
        splits=workspace.tables / "splits.csv",
        out=workspace.reports / "models" / name,
    )


def test_validation_macro_f1_names_the_champion_and_orders_the_rows(workspace):
    add(workspace, "cnn", skill=0)
    add(workspace, "mobilenet_v2", skill=5, start="ImageNet")
    found = compared(workspace, "cnn", "mobilenet_v2")
    assert found["champion"] == "mobilenet_v2"
    assert [row["name"] for row in found["rows"]] == ["mobilenet_v2", "cnn"]
    assert [row["champion"] for row in found["rows"]] == [True, False]
    assert found["rows"][0]["start"] == "ImageNet"


def test_a_better_test_score_does_not_make_a_champion(workspace):
    add(workspace, "cnn", skill=0)
    add(workspace, "mobilenet_v2", skill=5)
    path = workspace.reports / "models/cnn/metrics.json"
    figures = json.loads(path.read_text()) | {"test_macro_f1": 1.0, "test_accuracy": 1.0}
    path.write_text(json.dumps(figures))
    assert compared(workspace, "cnn", "mobilenet_v2")["champion"] == "mobilenet_v2"


def test_among_equals_fewer_parameters_win(workspace):
    add(workspace, "cnn", skill=5, parameters=8_129_732)
    add(workspace, "mobilenet_v2", skill=5, parameters=2_345_368)
    assert compared(workspace, "cnn", "mobilenet_v2")["champion"] == "mobilenet_v2"


def test_only_selected_models_take_part(workspace):
    add(workspace, "cnn", skill=0)
    add(workspace, "mobilenet_v2", skill=5)
    assert [row["name"] for row in compared(workspace, "cnn")["rows"]] == ["cnn"]


def test_the_floor_may_win_and_it_is_said(workspace):
    add(workspace, "linear_probe", skill=5)
    add(workspace, "cnn", skill=0)
    assert any(
        said.startswith("The floor won") for said in compared(workspace, "linear_probe", "cnn")["sentences"]
    )


def test_a_real_lead_and_an_empty_one_are_told_apart(workspace):
    add(workspace, "mobilenet_v2", skill=5, parameters=1)
    add(workspace, "twin", skill=5, parameters=2)
    add(workspace, "cnn", skill=0)
    _, twin, cnn = compared(workspace, "mobilenet_v2", "twin", "cnn")["sentences"]
    assert twin.endswith("right on the same of the 32 test pictures: not distinguishable.")
    assert re.search(r"accuracy \+0\.\d\d \(95% interval \+.*groups, p = 0\.00\d\): distinguishable\.$", cnn)


def test_every_two_models_are_tested_once_on_the_test_split(workspace):
    for name, skill in (("a", 5), ("b", 1), ("c", 0)):
        add(workspace, name, skill)
    found = compared(workspace, "a", "b", "c")["mcnemar"]
    assert found["split"] == "test"
    assert len(found["pairs"]) == 3
    assert all(0 <= pair["p"] <= 1 for pair in found["pairs"])


def test_models_are_tested_on_validation_as_well_where_they_may_differ_more(workspace):
    """Right on all of both splits, but one of them on no validation picture: a vote for each of 12 groups."""
    for name, split in (("a", "no"), ("b", "valid")):
        add(workspace, name, skill=5)
        answer_right(workspace.reports / "models" / name / "predictions.csv", but_on=split)
    found = compared(workspace, "a", "b")
    assert found["mcnemar"]["pairs"] == [pair(0, p=1.0)]
    assert found["mcnemar_valid"] == {"split": "valid", "pairs": [pair(12, p=round(2 * 0.5**12, 6))]}


def answer_right(path, but_on):
    """Make every answer right, and those on one split wrong."""
    rows = manifest.read(path, Predicted)
    for place, row in enumerate(rows):
        mood = LABELS.index(row.actual) + (row.split == but_on)
        sure = {f"p_{label}": float(label == LABELS[mood % len(LABELS)]) for label in LABELS}
        rows[place] = replace(row, **sure)
    manifest.write(path, rows, Predicted)


def pair(only_first, p):
    return {"first": "a", "second": "b", "only_first": only_first, "only_second": 0, "p": p}


def test_random_folds_bring_their_sentence_along(workspace):
    workspace.model("cnn", skill=1)
    workspace.add_folds("cnn", "group", right=20, of=40)
    workspace.add_folds("cnn", "picture", right=36, of=40)
    evaluate.run(
        name="cnn",
        model=workspace.models / "cnn",
        arrays=workspace.arrays,
        splits=workspace.tables / "splits.csv",
        out=workspace.reports / "models/cnn",
    )
    assert "recognises pictures it has seen" in compared(workspace, "cnn")["sentences"][-1]


def test_leaderboard_and_forest_lie_beside_the_verdict(workspace):
    add(workspace, "cnn", skill=1)
    compared(workspace, "cnn")
    with (workspace.reports / "leaderboard.csv").open() as stream:
        (only,) = csv.DictReader(stream)
    assert (only["rank"], only["name"], only["champion"]) == ("1", "cnn", "True")
    assert (workspace.reports / "forest.png").read_bytes().startswith(b"\x89PNG")


def test_a_selected_model_without_a_score_is_named(workspace):
    add(workspace, "cnn", skill=1)
    with pytest.raises(BadData, match=r"deep_cnn.*is not here though params.yaml selects the model"):
        compared(workspace, "cnn", "deep_cnn")
