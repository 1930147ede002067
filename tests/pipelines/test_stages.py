"""The task graph: DVC's own, whole or in part."""

import subprocess
import sys
from pathlib import Path

import pytest

from pawtrait.errors import BadParams
from pipelines import inputs, stages, workspace
from pipelines.processes import Children

GRAPH = {
    "ingest": frozenset[str](),
    "train@cnn": frozenset({"ingest"}),
    "train@resnet50": frozenset({"ingest"}),
    "evaluate@cnn": frozenset({"train@cnn"}),
    "evaluate@resnet50": frozenset({"train@resnet50"}),
    "compare": frozenset({"evaluate@cnn", "evaluate@resnet50"}),
}


def test_the_graph_is_the_one_dvc_sees(toy: Path) -> None:
    assert stages.read(toy) == GRAPH


def test_a_new_model_in_params_is_a_new_branch(toy: Path) -> None:
    params = toy / "params.yaml"
    params.write_text(params.read_text().replace("[cnn, resnet50]", "[cnn, resnet50, deep_cnn]"))
    assert stages.read(toy)["evaluate@deep_cnn"] == {"train@deep_cnn"}


def test_a_data_file_that_dvc_only_tracks_is_no_stage(toy: Path) -> None:
    (toy / "data" / "source.json").write_text("{}")
    subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "data/source.json"], check=True)
    assert stages.read(toy) == GRAPH


def test_a_dvc_yaml_with_a_mistake_is_one_line(toy: Path) -> None:
    (toy / "dvc.yaml").write_text("stages:\n  ingest:\n    command: python toy.py\n")
    with pytest.raises(BadParams, match=r"^dvc\.yaml cannot be read: [^\n]+$"):
        stages.read(toy)


def test_a_folder_without_dvc_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadParams, match=r"^dvc\.yaml cannot be read: [^\n]+$"):
        stages.read(tmp_path)


def test_no_names_select_everything() -> None:
    assert stages.select(GRAPH, None) == GRAPH


def test_a_named_stage_brings_what_it_needs_and_no_more() -> None:
    assert set(stages.select(GRAPH, ["evaluate@cnn"])) == {"ingest", "train@cnn", "evaluate@cnn"}


def test_a_plain_name_stands_for_every_model() -> None:
    assert set(stages.select(GRAPH, ["train"])) == {"ingest", "train@cnn", "train@resnet50"}


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadParams, match="no stage 'trian'; it has ingest, train@cnn"):
        stages.select(GRAPH, ["trian"])


@pytest.mark.parametrize(
    ("stage", "again"),
    [("ingest", 2), ("paintings", 2), ("weights", 2), ("train@cnn", 0), ("compare", 0)],
)
def test_only_stages_that_touch_the_network_are_tried_again(stage: str, again: int) -> None:
    assert stages.task_for(stage).retries == again


@pytest.mark.parametrize("remotes", [{}, {"store": "s3://bucket/data"}])
def test_earlier_results_are_asked_for_again_where_a_remote_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remotes: dict[str, str]
) -> None:
    steps: list[tuple[str, bool]] = []

    def noted(name: str, command: list[str], children: Children, network: bool = False) -> None:
        steps.append((name, network))

    monkeypatch.setattr(inputs, "step", noted)
    monkeypatch.setattr(workspace, "remotes", lambda ws: remotes)
    inputs.restore(workspace.Workspace(tmp_path, tmp_path / "clone", "2026-11"), Children())
    assert steps == [("restore", bool(remotes))]
