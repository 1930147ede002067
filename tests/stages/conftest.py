"""A small workspace with real ONNX models, for the stages that read what training leaves behind."""

import csv
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from pawtrait import params, sealed
from pawtrait.adapters import registry, tracking
from pawtrait.dataset import manifest
from pawtrait.dataset.labels import LABELS
from pawtrait.stages import compare, evaluate
from tests.stages import feedback_project

ROOT = Path(__file__).parents[2]
SIDE = 32
COLOURS = np.array([[220, 180, 60], [60, 90, 200], [200, 60, 50], [130, 130, 130]], np.float32)  # a mood each
SIZES = {"train": 40, "valid": 24, "test": 32}


class Workspace:
    """A project folder, made the working directory, with params.yaml, splits and arrays in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.arrays = root / "data/arrays"
        self.tables = root / "data/tables"
        self.models = root / "data/models"
        self.reports = root / "data/reports"

    def select(self, *names: str) -> None:
        """Name the models that compare and report look at."""
        text = (ROOT / "params.yaml").read_text(encoding="utf-8")
        knobs = yaml.safe_load(text)
        knobs["selected"] = list(names)
        knobs["models"] |= {name: knobs["models"]["cnn"] for name in names if name not in knobs["models"]}
        (self.root / "params.yaml").write_text(yaml.safe_dump(knobs, sort_keys=False), encoding="utf-8")

    def compare(self, *names: str) -> None:
        """Run stage compare on the models of these names."""
        self.select(*names)
        compare.run(
            reports=self.reports / "models",
            models=self.models,
            out=self.reports / "compare.json",
            leaderboard=self.reports / "leaderboard.csv",
            forest=self.reports / "forest.png",
        )

    def model(self, name: str, skill: float, start: str = "random start", parameters: int = 16) -> Path:
        """A sealed model folder; its net finds a mood's colour the better, the greater the skill."""
        folder = self.models / name
        folder.mkdir(parents=True)
        onnx.save(_net(skill), folder / "model.onnx")
        sealed.write_facts(folder, _facts(name, start, parameters))
        _history(folder / "history.csv", epochs=1 if name == "linear_probe" else 5, skill=skill)
        _table(folder / "seeds.csv", "seed valid_accuracy valid_macro_f1", [[7, 0.5, 0.4], [8, 0.7, 0.6]])
        _table(folder / "folds.csv", "kind fold id group actual p_happy p_sad p_angry p_other", [])
        sealed.seal(folder)
        return folder

    def add_folds(self, name: str, kind: str, right: int, of: int) -> None:
        """Append held-out answers to folds.csv, the first ``right`` of them right."""
        with (self.models / name / "folds.csv").open("a", encoding="utf-8", newline="") as stream:
            for index in range(of):
                mood = index % 4
                p = np.full(4, 0.1)
                p[mood if index < right else (mood + 1) % 4] = 0.7
                csv.writer(stream).writerow([kind, index % 5, f"{index}", f"g{index // 2}", LABELS[mood], *p])
        sealed.seal(self.models / name)


@pytest.fixture(autouse=True)
def _remembered(mlflow_store: str) -> None:
    """Stages log to the session's store, so that no test migrates a database of its own."""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Splits and arrays for three splits, params.yaml of the project, no model yet."""
    monkeypatch.chdir(tmp_path)
    return furnished(tmp_path)


@pytest.fixture(scope="session")
def compared_folder(tmp_path_factory: pytest.TempPathFactory, store_folder: Path) -> Path:
    """A workspace's folder in which two models were trained, logged, scored and compared: to be copied."""
    made = furnished(tmp_path_factory.mktemp("compared"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made.root)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store_folder}/mlflow.db")
        for name, skill in (("linear_probe", 1), ("cnn", 5)):
            _log(made.model(name, skill), name)
            evaluate.run(
                name=name,
                model=made.models / name,
                arrays=made.arrays,
                splits=made.tables / "splits.csv",
                out=made.reports / "models" / name,
            )
        made.compare("linear_probe", "cnn")
    return made.root


@pytest.fixture
def compared(compared_folder: Path, workspace: Workspace) -> Workspace:
    """A workspace in which everything before the report and the registration has run."""
    shutil.copytree(compared_folder, workspace.root, dirs_exist_ok=True)
    return workspace


def _log(folder: Path, name: str) -> None:
    with tracking.training(params.load(), name, []) as run:
        registry.log(run, folder)


def furnished(root: Path) -> Workspace:
    """Makes a folder such a workspace."""
    made = Workspace(root)
    shutil.copy(ROOT / "params.yaml", root)
    placed: list[manifest.Placed] = []
    made.arrays.mkdir(parents=True)
    draw = np.random.default_rng(3)
    for split, size in SIZES.items():
        placed += _placed(split, size)
        moods = np.arange(size) % len(LABELS)
        noise = draw.normal(0, 45, (size, 1, 1, 3)) + draw.normal(0, 12, (size, SIDE, SIDE, 3))
        pixels = (COLOURS[moods][:, None, None, :] + noise).clip(0, 255).astype(np.uint8)
        np.save(made.arrays / f"{split}.npy", pixels)
    manifest.write(made.tables / "splits.csv", placed, manifest.Placed)
    return made


def _placed(split: str, size: int) -> Iterator[manifest.Placed]:
    """Pictures whose paths sort in the order of their making; every two neighbours of a mood are copies."""
    for index in range(size):
        name = f"{split}/{index:03d}.png"
        group = f"{split}-{index % 4}-{index // 8}"
        yield manifest.Placed(
            id=hashlib.sha256(name.encode()).hexdigest(),
            path=name,
            label=LABELS[index % 4],
            group=group,
            split=split,
        )


def _net(skill: float) -> onnx.ModelProto:
    """pixels → mean colour → distance to each mood's colour → softmax."""
    weights = (COLOURS - COLOURS.mean(axis=0)).T * skill / 1000  # (3, 4)
    bias = -(((COLOURS - COLOURS.mean(axis=0)) ** 2).sum(axis=1)) * skill / 2000  # (4,)
    bias = bias - COLOURS.mean(axis=0) @ weights
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Gemm", ["mean", "weights", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 4])],
        [
            helper.make_tensor("weights", TensorProto.FLOAT, (3, 4), weights.astype(np.float32).ravel()),
            helper.make_tensor("bias", TensorProto.FLOAT, (4,), bias.astype(np.float32)),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _facts(name: str, start: str, parameters: int) -> dict[str, object]:
    return {
        "name": name,
        "net": name,
        "start": start,
        "parameters": parameters,
        "side": SIDE,
        "labels": list(LABELS),
        "input_range": "native",
        "epochs": 5,
        "capped": True,
        "parity": 1e-7,
        "trained_on": SIZES["train"],
        "recipe": {"learning_rate": 1e-3, "epochs": 10, "augment": True},
    }


def _history(path: Path, epochs: int, skill: float) -> None:
    rows = [
        [e, 1.4 / e, 1 - 0.7 / e, 1.5 / e**0.5, 1 - 0.8 / e**0.5 * (1 - skill / 9), 1e-3]
        for e in range(1, epochs + 1)
    ]
    _table(path, "epoch loss accuracy val_loss val_accuracy learning_rate", rows)


def _table(path: Path, columns: str, rows: list[list[float]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([columns.split(), *rows])


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in the current folder, with feedback's store and pictures of its own."""
    return feedback_project.enter(tmp_path, monkeypatch)
