"""What every test may use: quiet tools, one MLflow store for the session, and a model without training."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pawtrait import environment, sealed
from pawtrait.dataset import images
from pawtrait.dataset.labels import LABELS

environment.settle()  # before anything imports a framework, which reads these variables then

SIDE = 32
COLOURS = np.array([[220, 180, 60], [60, 90, 200], [200, 60, 50], [130, 130, 130]], np.float32)  # a mood each


@pytest.fixture(autouse=True)
def loggers_speak() -> None:
    """Foreign tools that configure logging in this process switch off the loggers that were there before."""
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("pawtrait") and isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's MLflow database lies; MLflow migrates it once, which takes 3 to 8 s."""
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture
def mlflow_store(store_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the session's store, where MLflow looks while the test runs."""
    address = f"sqlite:///{store_folder}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    return address


@pytest.fixture
def colour_model(tmp_path: Path) -> Callable[..., Path]:
    """Makes a sealed model folder without training: its net knows each mood by the picture's mean colour."""

    def make(name: str = "cnn", sharpness: float = 1.0, start: str = "random start") -> Path:
        import onnx  # late: most tests have no use for it

        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        onnx.save(_colour_net(sharpness), folder / "model.onnx")
        facts = {"name": name, "net": name, "start": start, "parameters": 16, "side": SIDE}
        known = {"labels": list(LABELS), "parity": 1e-7, "trained_on": 40, "recipe": {}}
        sealed.write_facts(folder, facts | known)
        sealed.seal(folder)
        return folder

    return make


@pytest.fixture
def coloured_picture(tmp_path: Path) -> Callable[..., Path]:
    """Writes a PNG of a mood's colour, which the colour model reads."""

    def write(mood: str, name: str | None = None) -> Path:
        path = tmp_path / (name or f"{mood}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.empty((40, 50, 3), np.uint8)
        pixels[:] = COLOURS[LABELS.index(mood)]
        path.write_bytes(images.encode_png(pixels))
        return path

    return write


def _colour_net(sharpness: float) -> Any:
    """An ONNX graph: pixels → mean colour → nearness to each mood's colour → softmax."""
    from onnx import TensorProto, helper

    centre = COLOURS.mean(axis=0)
    kernel = (COLOURS - centre).T * sharpness / 100  # (3, 4)
    bias = -((COLOURS - centre) ** 2).sum(axis=1) * sharpness / 200 - centre @ kernel  # (4,)
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Gemm", ["mean", "kernel", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(LABELS)])],
        [
            helper.make_tensor("kernel", TensorProto.FLOAT, (3, 4), kernel.astype(np.float32).ravel()),
            helper.make_tensor("bias", TensorProto.FLOAT, (4,), bias.astype(np.float32)),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
