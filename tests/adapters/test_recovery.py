"""The way back to a registered model, as shell commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pawtrait import sealed
from pawtrait.adapters import recovery, registry, tracking
from pawtrait.errors import BadRegistry


@pytest.fixture
def registered(tracked, colour_model, client):
    """Registers a model with the tags that the stage gives; gives its digest."""
    if client.search_registered_models(f"name = '{registry.EXPRESSION.name}'"):
        client.delete_registered_model(registry.EXPRESSION.name)

    def make(**tags):
        folder = colour_model()
        with tracking.training(tracked, "cnn", []) as run:
            registry.log(run, folder)
        digest = sealed.check(folder)["model.onnx"]
        known = {"name": "cnn", "start": "random start", "pipeline.run_id": "parent", "git.commit": "c0ffee"}
        registry.register(digest, known | tags, "")
        return digest

    return make


def lines(uri="models:/pet-expression@champion"):
    return list(recovery.commands(uri))


def test_commit_parameters_data_and_model_come_back_in_this_order(registered):
    digest = registered(**{"git.dirty": "false"})
    commands = [line for line in lines() if not line.startswith("#")]
    assert commands == [
        "git checkout c0ffee",
        "mlflow artifacts download --run-id parent --artifact-path params.yaml --dst-path .",
        "mlflow artifacts download --run-id parent --artifact-path dvc.lock --dst-path .",
        recovery.MONTHS,
        "dvc checkout --force data/models/cnn || dvc pull data/models/cnn",
        "dvc repro train@cnn",
        f"echo '{digest}  data/models/cnn/model.onnx' | sha256sum --check",
    ]
    assert lines()[0] == "# pet-expression version 1: cnn, random start"


@pytest.fixture
def retrained(tmp_path, monkeypatch):
    """A project, unpacked from a tarball, whose model learned from a month of feedback; real DVC."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for command in ("dvc add --quiet data/feedback/2026-11", "dvc repro --quiet"):
        subprocess.run(command.split(), check=True)


PROJECT = {
    ".dvc/config": "[core]\n    analytics = false\n    no_scm = true\n",
    "data/feedback/2026-11/SHA256SUMS": "what people said\n",
    "dvc.yaml": """
stages:
  train:
    matrix:
      model: [cnn]
    cmd: mkdir -p data/models/cnn && cp data/feedback/*/SHA256SUMS data/models/cnn/model.onnx
    deps: [data/feedback]
    outs: ["data/models/${item.model}"]
""",
}


def test_a_clone_gets_the_feedback_back_that_the_model_learned_from(registered, retrained):
    """Git has the note of each month alone; DVC takes a data set that is not there for a broken stage."""
    registered()
    learned = Path("data/models/cnn/model.onnx").read_text()
    for folder in ("data/models/cnn", "data/feedback/2026-11"):
        shutil.rmtree(folder)
    said = lines()
    back = said[said.index("# the feedback that it learned from, where there was any:") : -1]
    subprocess.run(["sh", "-e", "-c", "\n".join(back)], check=True)
    assert Path("data/feedback/2026-11/SHA256SUMS").read_text() == learned == "what people said\n"
    assert Path("data/models/cnn/model.onnx").read_text() == learned


def test_without_feedback_there_is_nothing_to_bring_back(tmp_path):
    done = subprocess.run(["sh", "-e", "-c", recovery.MONTHS], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout + done.stderr == b""


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("", "sqlite:///{here}/mlflow.db"),
        ("sqlite:///runs/of.db", "sqlite:///{here}/runs/of.db"),
        ("sqlite:////srv/mlflow.db", "sqlite:////srv/mlflow.db"),
        ("http://mlflow:5000", "http://mlflow:5000"),
        ("https://ann:secret@mlflow", "https://ann@mlflow"),
    ],
)
def test_the_runs_are_named_as_a_clone_can_find_them(monkeypatch, tmp_path, named, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", named)
    assert recovery._runs() == told.format(here=tmp_path)


def test_a_shell_takes_the_runs_from_the_line_whatever_their_folder_is_called(registered, monkeypatch):
    registered()
    monkeypatch.setattr(recovery, "_runs", lambda: "sqlite:////srv/a team's $1/mlflow.db")
    [line] = [one.removeprefix("# ") for one in lines() if one.startswith("# export")]
    done = subprocess.run(
        ["sh", "-c", f'{line}; printf %s "$MLFLOW_TRACKING_URI"'], capture_output=True, text=True, check=True
    )
    assert done.stdout == "sqlite:////srv/a team's $1/mlflow.db"


def test_what_was_not_committed_is_applied_before_the_files_of_the_run(registered):
    registered(**{"git.dirty": "true"})
    commands = lines()
    applied = commands.index("git apply uncommitted.diff")
    assert "--artifact-path uncommitted.diff" in commands[applied - 1]
    assert commands.index("git checkout c0ffee") < applied
    assert applied < next(
        index for index, line in enumerate(commands) if "params.yaml" in line and line[0] != "#"
    )


def test_without_a_commit_it_is_said(registered):
    registered(**{"git.commit": "none"})
    commands = lines()
    assert any("outside a git repository" in line for line in commands)
    assert not any(line.startswith("git") for line in commands)


def test_the_lines_are_a_shell_script(registered, tmp_path):
    registered(**{"git.dirty": "true"})
    Path("back.sh").write_text("\n".join(lines()))
    assert subprocess.run(["bash", "-n", "back.sh"], check=False).returncode == 0


def test_the_last_line_tells_the_right_model_from_another(registered, tmp_path):
    registered()
    place = tmp_path / "data/models/cnn"
    place.mkdir(parents=True)
    (place / "model.onnx").write_bytes((tmp_path / "models/cnn/model.onnx").read_bytes())
    proof = lines()[-1]
    assert subprocess.run(["bash", "-c", proof], check=False).returncode == 0
    (place / "model.onnx").write_bytes(b"another")
    assert subprocess.run(["bash", "-c", proof], check=False, stderr=subprocess.DEVNULL).returncode != 0


def test_a_version_number_is_an_address_too(registered):
    registered()
    assert lines("models:/pet-expression/1") == lines()


def test_no_such_model_is_one_line(registered):
    with pytest.raises(BadRegistry, match="is not in the registry"):
        lines("models:/pet-expression@champion")


def test_a_version_that_we_did_not_register_is_named(registered, client):
    client.create_registered_model(registry.EXPRESSION.name)
    client.create_model_version(registry.EXPRESSION.name, source="s3://elsewhere/model")
    with pytest.raises(BadRegistry, match=r"pet-expression/1 lacks the tags name.*`pawtrait register`"):
        lines("models:/pet-expression/1")
