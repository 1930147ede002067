"""What takes minutes: the whole pipeline twice, every backbone, and the whole flow of Prefect."""

import csv
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from pawtrait.classification.predict import Classifier

pytestmark = pytest.mark.slow

Project = Any  # of conftest.py, which cannot be imported here
MODELS = ("linear_probe", "cnn")
NETS = ("deep_cnn", "resnet50", "mobilenet_v2", "efficientnet_b0", "efficientnet_b5")


@pytest.fixture(scope="module")
def flown(new_project: Callable[[str], Project]) -> Project:
    """A second project, brought up to date and registered by the flow, on a temporary server."""
    made = new_project("flown")
    said = made.run("python", "-m", "pipelines.retrain", "--here")
    assert re.search(r"(\d+) stages, \1 ran, 0 unchanged; the best model is registered", said)
    return made


def test_the_same_seed_gives_the_same_bytes_in_another_place(project: Project, flown: Project) -> None:
    project.run("git", "checkout", "--quiet", "--force", "HEAD")  # whatever other tests have changed
    project.repro()
    for name in MODELS:
        for path in (f"data/models/{name}/model.onnx", f"data/models/{name}/model.keras"):
            assert (project.root / path).read_bytes() == (flown.root / path).read_bytes(), path
        metrics = f"data/reports/models/{name}/metrics.json"
        assert _json(project, metrics) == _json(flown, metrics)
    assert _json(project, "data/reports/compare.json") == _json(flown, "data/reports/compare.json")


def test_the_flow_leaves_nothing_for_dvc_to_do(flown: Project) -> None:
    assert flown.repro() == []


def test_stages_side_by_side_share_one_parent_run(flown: Project) -> None:
    client = MlflowClient(f"sqlite:///{flown.root}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("pawtrait").experiment_id])
    of = {
        kind: [run for run in runs if run.data.tags["pawtrait.kind"] == kind]
        for kind in ("pipeline", "model")
    }
    [parent] = of["pipeline"]
    assert {run.data.tags["mlflow.parentRunId"] for run in of["model"]} == {parent.info.run_id}
    assert sorted(run.data.tags["pawtrait.model"] for run in of["model"]) == sorted(MODELS)


def test_the_flow_registers_a_champion_that_predicts(flown: Project) -> None:
    best = _json(flown, "data/reports/compare.json")["champion"]
    answer = json.loads(flown.run("pawtrait", "predict", "--json", "data/raw/test/sad/003.jpg"))
    assert answer["model"] == best


def test_the_flow_leaves_the_table_as_an_artifact(flown: Project) -> None:
    with sqlite3.connect(flown.root / ".prefect" / "prefect.db") as database:
        [(kind, data)] = database.execute(
            "select type, data from artifact where key = 'leaderboard'"
        ).fetchall()
    assert kind == "markdown"
    assert all(name in data for name in MODELS)


def test_the_printed_lineage_works_in_a_fresh_clone_beside_the_same_cache(
    flown: Project, tmp_path: Path
) -> None:
    flown.run("git", "clone", "--quiet", str(flown.root), str(tmp_path / "clone"))
    clone = type(flown)(tmp_path / "clone", MLFLOW_TRACKING_URI=f"sqlite:///{flown.root}/mlflow.db")
    clone.run("dvc", "config", "--local", "cache.dir", str(flown.root / ".dvc/cache"))
    best = _json(flown, "data/reports/compare.json")["champion"]
    commands = clone.run("pawtrait", "lineage", "models:/pet-expression@champion")
    said = clone.run("sh", "-e", "-c", commands)
    assert said.strip().endswith(f"data/models/{best}/model.onnx: OK")
    assert "Running stage 'train" not in said  # it came from the cache


@pytest.mark.parametrize("net", NETS)
def test_every_backbone_trains_an_epoch_and_exports(
    net: str,
    project: Project,
    bare_project: Callable[..., Project],
    tmp_path: Path,
    mlflow_store: str,
) -> None:
    bare = bare_project(tmp_path / "project", MLFLOW_TRACKING_URI=mlflow_store)
    name = "efficientnet" if net.startswith("efficientnet") else net
    bare.set(**{f"models__{name}__net": net, f"models__{name}__cap": 1})
    data = project.root / "data"
    paths = ["--arrays", f"{data}/arrays", "--splits", f"{data}/tables/splits.csv"]
    paths += ["--weights", f"{data}/pretrained", "--out", str(tmp_path / net)]
    bare.stage("train", "--name", name, *paths)
    classifier = Classifier.load(tmp_path / net)
    assert classifier.facts["net"] == net
    assert classifier.facts["start"] == "random start"
    assert classifier.facts["parity"] < 1e-3
    pixels = np.load(data / "arrays/test.npy")
    answers = classifier.probabilities(pixels[:5])
    assert answers.shape == (5, 4)
    assert answers.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    with (tmp_path / net / "history.csv").open(encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) == 1


def _json(project: Project, path: str) -> Any:
    return json.loads((project.root / path).read_text(encoding="utf-8"))
