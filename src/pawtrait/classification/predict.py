"""Moods from a trained model, by onnxruntime alone: neither TensorFlow nor torch is loaded."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as trouble

from pawtrait import sealed
from pawtrait.errors import BadModel

CHUNK = 64  # pictures a call; more gain nothing on a CPU and cost memory


class Classifier:
    """A model folder, checked and loaded.

    Attributes:
        facts: what ``model.json`` says: name, net, side, labels, parameters, start …
        digest: the SHA-256 of ``model.onnx``, the model's identity everywhere.
    """

    def __init__(self, session: onnxruntime.InferenceSession, facts: dict[str, Any], digest: str) -> None:
        self._session = session
        self.facts = facts
        self.digest = digest

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        """Check the folder's sums and open its ONNX file.

        Raises:
            BadModel: a file is missing, was changed, or is no network.
        """
        sums = sealed.check(folder, "model.onnx")
        return cls(session(folder / "model.onnx"), sealed.facts(folder), sums["model.onnx"])

    @property
    def side(self) -> int:
        """Pixels a side that the model takes."""
        return int(self.facts["side"])

    def probabilities(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Probabilities in the order of the labels.

        Args:
            pixels: uint8 or float32 (N, side, side, 3), RGB in 0..255.

        Returns:
            float32 (N, 4), rows sum to 1.
        """
        if len(pixels) == 0:
            return np.zeros((0, len(self.facts["labels"])), np.float32)
        chunks = (pixels[start : start + CHUNK] for start in range(0, len(pixels), CHUNK))
        return np.concatenate([run(self._session, chunk) for chunk in chunks])


def session(path: Path, options: onnxruntime.SessionOptions | None = None) -> onnxruntime.InferenceSession:
    """Open an ONNX file on the CPU; its answers do not depend on the number of threads.

    Raises:
        BadModel: the file is no network that onnxruntime can run.
    """
    options = options or onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (trouble.InvalidProtobuf, trouble.InvalidGraph, trouble.NotImplemented, trouble.Fail) as error:
        raise BadModel(
            f"{path} is no network that onnxruntime {onnxruntime.__version__} can run; train the model again"
        ) from error


def run(opened: onnxruntime.InferenceSession, pixels: NDArray[Any]) -> NDArray[np.float32]:
    """One call: float32 (N, 4) for (N, side, side, 3)."""
    name = opened.get_inputs()[0].name
    answer: NDArray[np.float32] = opened.run(None, {name: np.ascontiguousarray(pixels, np.float32)})[0]
    return answer
