"""The whole line by `dvc repro` on a tiny data set: complete, repeatable, tracked, registered, brought back.

The tests share one project; those that change its parameters stand last.
"""

import csv
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

Project = Any  # of conftest.py, which cannot be imported here
MODELS = ("linear_probe", "cnn")
MODEL_FILES = ["SHA256SUMS", "folds.csv", "gradcam.png", "history.csv", "model.json"]
MODEL_FILES += ["model.keras", "model.onnx", "seeds.csv"]
RESULTS = ("compare.json", "leaderboard.csv", "split.json", "validation.json")
RESULTS += ("augmented.json", "portrait_costs.csv", "styles.json")
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def registered(project: Project) -> str:
    """What `pawtrait register` said; the winner is version 1 and champion."""
    return str(project.run("pawtrait", "register"))


def test_everything_that_dvc_yaml_promises_is_there(project: Project) -> None:
    stages = yaml.safe_load((project.root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    outputs = [out["path"] for stage in stages.values() for out in stage["outs"]]
    assert {f"train@{name}" for name in MODELS} | {
        "ingest",
        "validate",
        "weights",
        "train_cyclegan",
        "report",
    } <= set(stages)
    assert [path for path in outputs if not (project.root / path).exists()] == []
    for name in MODELS:
        files = sorted(path.name for path in (project.root / "data/models" / name).iterdir())
        assert files == MODEL_FILES
    page = (project.root / "data/reports/index.html").read_text(encoding="utf-8")
    assert all(name in page for name in MODELS)


def test_a_second_run_runs_nothing(project: Project) -> None:
    assert project.repro() == []


def test_dvc_shows_the_figures_with_their_intervals(project: Project) -> None:
    command = "dvc metrics show --json 2>/dev/null"  # it says which models were not selected
    shown = json.loads(project.run("sh", "-c", command))[""]["data"]
    best = shown["data/reports/compare.json"]["data"]
    rows = _json(project, "data/reports/compare.json")["rows"]
    assert best["champion"] == rows[0]["name"]
    for row in rows:
        assert row["valid_macro_f1_low"] <= row["valid_macro_f1"] <= row["valid_macro_f1_high"]
        assert row["test_accuracy_low"] <= row["test_accuracy"] <= row["test_accuracy_high"]
        own = shown[f"data/reports/models/{row['name']}/metrics.json"]["data"]
        assert own["test_accuracy"] == row["test_accuracy"]


def test_every_plot_of_dvc_yaml_has_its_file_and_its_columns(project: Project) -> None:
    plots = yaml.safe_load((project.root / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    drawn = {name: knobs for plot in plots if isinstance(plot, dict) for name, knobs in plot.items()}
    assert [plot for plot in plots if isinstance(plot, str)] == ["data/reports/forest.png"]
    assert (project.root / "data/reports/forest.png").is_file()
    for knobs in drawn.values():
        files = {path: column for path, column in knobs["y"].items() if Path(path).parts[-2] in MODELS}
        assert len(files) == len(MODELS)  # those of the models that are not selected are not there
        for path, column in files.items():
            with (project.root / path).open(encoding="utf-8") as stream:
                assert {knobs["x"], column} <= set(csv.DictReader(stream).fieldnames or ())


def test_dvc_draws_the_plots(project: Project) -> None:
    said = project.run("dvc", "plots", "diff")
    page = (project.root / "dvc_plots/index.html").read_text(encoding="utf-8")
    assert "dvc_plots/index.html" in said
    assert all(name in page for name in ("confusion on the test split", "validation accuracy by epoch"))


def test_the_planted_faults_are_set_aside_with_reasons(project: Project) -> None:
    with (project.root / "data/tables/rejected.csv").open(encoding="utf-8") as stream:
        reasons = {Path(row["path"]).name: row["reason"] for row in csv.DictReader(stream)}
    assert {"IMG_2041.jpg", "IMG_2042.jpg", "IMG_2044.jpg", "IMG_2046.jpg"} == set(reasons)
    assert "truncated" in reasons["IMG_2041.jpg"]
    assert "24" in reasons["IMG_2044.jpg"]  # the tiny one's side
    with (project.root / "data/tables/dropped.csv").open(encoding="utf-8") as stream:
        assert [Path(row["path"]).name for row in csv.DictReader(stream)] == [
            "IMG_2043.jpg"
        ]  # near a valid one


def test_no_output_names_a_place_on_this_disk(project: Project) -> None:
    files = [path for path in (project.root / "data").rglob("*") if path.is_file()]
    mark = os.fsencode(project.root)
    assert len(files) > 200
    assert [path for path in [*files, project.root / "dvc.lock"] if mark in path.read_bytes()] == []


def test_git_is_left_with_the_lock_and_the_small_results_only(project: Project) -> None:
    changed = project.run("git", "status", "--short", "--untracked-files=all").split()[1::2]
    assert set(changed) == {"dvc.lock", *(f"data/reports/{name}" for name in RESULTS)}


def test_one_parent_run_has_a_child_for_each_model(project: Project) -> None:
    [parent] = _runs(project, "pipeline")
    children = _runs(project, "model")
    assert sorted(run.data.tags["pawtrait.model"] for run in children) == sorted(MODELS)
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert {run.info.status for run in [parent, *children]} == {"FINISHED"}
    assert parent.data.tags["champion"] == _json(project, "data/reports/compare.json")["champion"]


def test_the_runs_hold_docs_report_pictures_and_what_the_machine_did(project: Project) -> None:
    [parent] = _runs(project, "pipeline")
    client = _client(project)
    kept = {one.path for one in client.list_artifacts(parent.info.run_id)}
    assert {"data_docs", "split_docs", "comparison", "report", "data"} <= kept
    pictures = {Path(one.path).name for one in client.list_artifacts(parent.info.run_id, "pictures")}
    assert {"augmentation.png", "classes.png", "samples.png"} <= pictures
    for run in _runs(project, "model"):
        assert {"evaluation", "images"} <= {one.path for one in client.list_artifacts(run.info.run_id)}
    assert any(key.startswith("system/") for run in _runs(project, "model") for key in run.data.metrics)


def test_a_run_knows_its_commit_and_the_hashes_of_its_data(project: Project) -> None:
    commit = project.run("git", "rev-parse", "HEAD").strip()
    locked = _locked(project)
    for run in _runs(project, "model"):
        assert run.data.tags["git.commit"] == commit
        assert run.data.tags["git.dirty"] == "false"
        assert run.data.tags["dvc.deps.data/arrays"] == locked["data/arrays"]
        digests = {one.dataset.name: one.dataset.digest for one in run.inputs.dataset_inputs}
        assert digests["arrays"] == locked["data/arrays"]
        assert digests["splits.csv"] == locked["data/tables/splits.csv"]


def test_a_run_has_every_epoch_of_its_training(project: Project) -> None:
    with (project.root / "data/models/cnn/history.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    [run] = [run for run in _runs(project, "model") if run.data.tags["pawtrait.model"] == "cnn"]
    for key in ("loss", "val_accuracy", "learning_rate"):
        logged = _client(project).get_metric_history(run.info.run_id, key)
        assert [(one.step, one.value) for one in logged] == [(int(r["epoch"]), float(r[key])) for r in rows]
    assert len(rows) == 2
    told = _json(project, "data/models/cnn/model.json")["temperature"]
    assert run.data.metrics["temperature"] == pytest.approx(told, abs=1e-4) != 1.0


def test_the_registered_champion_predicts(project: Project, registered: str) -> None:
    best = _json(project, "data/reports/compare.json")["champion"]
    assert f"{best} is pet-expression version 1; champion is version 1" in registered
    version = _client(project).get_model_version_by_alias("pet-expression", "champion")
    assert version.tags["git.commit"] == project.run("git", "rev-parse", "HEAD").strip()
    assert version.tags["dvc.outs.data/raw"] == _locked(project)["data/raw"]
    picture = "data/raw/test/happy/003.jpg"
    answer = json.loads(project.run("pawtrait", "predict", "--json", picture))
    assert (answer["picture"], answer["model"], answer["problem"]) == (picture, best, "")
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    [told] = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert picture in told
    [loaded] = json.loads(project.run("python", "-c", told).splitlines()[-1])
    assert (loaded["label"], loaded["problem"]) == (answer["label"], "")


def test_the_printed_lineage_brings_the_champion_back(project: Project, registered: str) -> None:
    best = _json(project, "data/reports/compare.json")["champion"]
    folder = project.root / "data/models" / best
    before = (folder / "model.onnx").read_bytes()
    commands = project.run("pawtrait", "lineage", "models:/pet-expression@champion")
    shutil.rmtree(folder)
    for name in ("params.yaml", "dvc.lock"):
        (project.root / name).unlink()
    said = project.run("sh", "-e", "-c", commands)
    assert f"data/models/{best}/model.onnx: OK" in said
    assert f"Stage 'train@{best}' didn't change, skipping" in said
    assert (folder / "model.onnx").read_bytes() == before


def test_portraits_are_painted_judged_registered_and_shown(project: Project, registered: str) -> None:
    verdict = _json(project, "data/reports/styles.json")
    assert [row["method"] for row in verdict["rows"]] == ["nst", "cyclegan", "hybrid"]
    assert "no weights of Magenta's network" in verdict["missing"]["fast"]
    assert "cyclegan is pet-portrait-cyclegan version 1" in registered
    page = (project.root / "data/reports/index.html").read_text(encoding="utf-8")
    assert "And the portraits?" in page and _json(project, "data/reports/augmented.json")["sentence"] in page
    [painter] = _runs(project, "painter")
    steps = [one.step for one in _client(project).get_metric_history(painter.info.run_id, "loss_cycle_A")]
    assert steps == [1, 2]
    shown = ("The paintings", "Photos, paintings and portraits", "Held-out photos, painted and brought back")
    assert [alt for alt in shown if f'alt="{alt}"' not in page] == []


def test_a_painters_version_leads_back_to_its_code_and_data(project: Project, registered: str) -> None:
    version = _client(project).get_model_version_by_alias("pet-portrait-cyclegan", "champion")
    told = {key: version.tags.get(key) for key in ("name", "start", "judged_by", "git.commit")}
    commit = project.run("git", "rev-parse", "HEAD").strip()
    judge = "squeezenet (random start)"
    assert told == {"name": "cyclegan", "start": "random start", "judged_by": judge, "git.commit": commit}
    made = ("data/painters/cyclegan", "data/raw", "data/paintings", "data/style_weights")
    locked = _locked(project)
    assert {path: version.tags.get(f"dvc.outs.{path}") for path in made} == {
        path: locked[path] for path in made
    }
    commands = project.run("pawtrait", "lineage", "models:/pet-portrait-cyclegan@champion")
    assert f"git checkout {commit}" in commands and "dvc repro train_cyclegan" in commands
    assert f"{version.tags['model.sha256']}  data/painters/cyclegan/" in commands


def test_a_photo_is_painted_by_the_command_line(project: Project) -> None:
    said = project.run(
        "pawtrait", "stylize", "data/raw/test/happy/003.jpg", "--method", "cyclegan", "--out", "hung"
    )
    assert "hung/003-cyclegan.png" in said and (project.root / "hung/sheet.png").is_file()
    shutil.rmtree(project.root / "hung")


def test_the_whole_command_again_does_nothing_but_print_the_table(project: Project, registered: str) -> None:
    project.repro()
    best = _json(project, "data/reports/compare.json")["champion"]
    before = project.run("git", "status", "--short")
    said = project.run("pawtrait", "run")
    assert "every stage is up to date" in said or "Data and pipelines are up to date" in said
    assert "Running stage" not in said
    assert f"{best} is pet-expression version 1; champion is version 1" in said
    assert "data/reports/index.html" in said
    assert project.run("git", "status", "--short") == before


def test_another_strength_retrains_that_model_and_leaves_what_depends_on_it_to_do(project: Project) -> None:
    project.set(models__linear_probe__inverse_strength=2e-3)
    assert "results are out of date" in project.run("pawtrait", "register", code=2)
    assert project.repro("evaluate@linear_probe") == ["train@linear_probe", "evaluate@linear_probe"]
    left = json.loads(project.run("dvc", "status", "--json"))
    assert set(left) == {"compare", "compare_styles", "report"}  # the best judges portraits


@pytest.mark.slow
def test_another_strength_retrains_that_model_and_what_depends_on_it(project: Project) -> None:
    project.repro()
    project.set(models__linear_probe__inverse_strength=4e-3)
    model = ["train@linear_probe", "evaluate@linear_probe"]
    assert project.repro() == [*model, "compare", "compare_styles", "report"]
    [latest, *_] = _runs(project, "pipeline")
    assert latest.data.params["models.linear_probe.inverse_strength"] == "0.004"
    assert latest.data.tags["model.cnn"].endswith("(reused)")
    assert not latest.data.tags["model.linear_probe"].endswith("(reused)")


@pytest.mark.slow
def test_a_new_learning_rate_of_the_augmented_model_trains_that_anew_too(project: Project) -> None:
    project.repro()
    project.set(models__cnn__learning_rate=2e-3)
    model = ["train@cnn", "evaluate@cnn", "compare"]
    assert project.repro() == [*model, "compare_styles", "train_augmented", "report"]


@pytest.mark.slow
def test_two_independent_stages_at_once_disturb_nothing(project: Project) -> None:
    project.repro()
    project.set(evaluate__bins=5)
    children = [_background(project, f"evaluate@{name}") for name in MODELS]
    for child in children:
        said, _ = child.communicate(timeout=240)
        assert child.returncode == 0, said
    assert sorted(json.loads(project.run("dvc", "status", "--json"))) == ["compare", "report"]
    for name in MODELS:
        figures = _json(project, f"data/reports/models/{name}/metrics.json")
        newest = next(run for run in _runs(project, "model") if run.data.tags["pawtrait.model"] == name)
        for key in ("valid_calibration_error", "test_calibration_error"):
            logged = _client(project).get_metric_history(newest.info.run_id, key)
            assert len(logged) == 2  # with ten bins and with five
            assert newest.data.metrics[key] == figures[key]


def _background(project: Project, stage: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        ["dvc", "--wait-for-lock", "repro", "--single-item", stage],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _client(project: Project) -> MlflowClient:
    return MlflowClient(f"sqlite:///{project.root}/mlflow.db")


def _runs(project: Project, kind: str) -> list[Run]:
    """The runs of a kind, the newest first."""
    client = _client(project)
    experiment = client.get_experiment_by_name("pawtrait")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], f"tags.\"pawtrait.kind\" = '{kind}'"))


def _locked(project: Project) -> dict[str, str]:
    """The MD5 of every output in dvc.lock."""
    lock = yaml.safe_load((project.root / "dvc.lock").read_text(encoding="utf-8"))
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}


def _json(project: Project, path: str) -> Any:
    return json.loads((project.root / path).read_text(encoding="utf-8"))
