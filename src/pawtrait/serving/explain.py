"""Why the model thinks so, as a heat map, by onnxruntime alone.

Grad-CAM (Selvaraju et al. 2017) weighs each channel of the last feature maps by the mean gradient of the
predicted mood's log-probability over that channel. That mean times the map's area is the derivative along
"the whole channel a little brighter", which two calls of the part behind the maps give: no gradients are
needed. The two parts are cut out of model.onnx when a version is loaded. A network without convolutions, or
an installation without the package ``onnx``, gets an occlusion map: how much of the log-probability each
patch carries.
"""

import base64
import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pawtrait.classification import predict
from pawtrait.classification.predict import Classifier
from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.serving.models import Served
from pawtrait.serving.problems import Problem

GRID = 8  # patches a side that are hidden one after the other
CHUNK = 64  # variants a call of the part behind the maps
STEP = 0.01  # of the maps' largest value, both ways
MOST = 8  # explanations in hand, from before their pictures are read

Floats = NDArray[np.float32]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cut:
    """A network cut behind its last feature maps.

    Attributes:
        body: pixels → maps, (1, h, w, C) or (1, C, h, w).
        head: maps → logits (N, 4).
        channels: the maps' axis of channels, 1 or 3.
    """

    body: onnxruntime.InferenceSession
    head: onnxruntime.InferenceSession
    channels: int


class Explainer:
    """Makes heat maps of one version's answers."""

    def __init__(self, classifier: Classifier, cut: Cut | None) -> None:
        self._classifier = classifier
        self._cut = cut

    @property
    def method(self) -> str:
        """grad-cam or occlusion."""
        return "grad-cam" if self._cut else "occlusion"

    def heat(self, square: Pixels, mood: int) -> Floats:
        """Where the picture spoke for a mood.

        In: uint8 (side, side, 3) and the mood's place among the labels. Out: float32 (side, side) in 0..1.
        """
        raw = _gradcam(self._cut, square, mood) if self._cut else _occlusion(self._classifier, square, mood)
        large = np.clip(cv2.resize(raw, square.shape[1::-1], interpolation=cv2.INTER_CUBIC), 0, None)
        peak = float(large.max())
        return np.asarray(large / peak if peak > 0 else large, np.float32)


class Explainers:
    """One for the version at hand, and a thread of its own, so that explanations never hold up moods."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "explain")
        self._made: tuple[Served, Explainer] | None = None
        self._taken = 0  # places; counted in the event loop alone

    def prepare(self, served: Served) -> None:
        """Cut a new version in the background, so that its first explanation does not wait for it."""
        self._thread.submit(self._of, served)

    def explain(self, served: Served, square: Pixels, shown: Pixels, mood: int) -> Future[dict[str, str]]:
        """What an answer holds: the method, and the picture under its heat map as a data URL."""
        return self._thread.submit(self._explained, served, square, shown, mood)

    @contextmanager
    def room(self, pictures: int) -> Iterator[None]:
        """Places for the explanations that the block asks for; a request that comes alone gets any number.

        They are taken before the pictures are read: of many requests that look at once only some find room.

        Raises:
            Problem: 429, it would wait too long.
        """
        if self._taken and self._taken + pictures > MOST:
            raise Problem(429, "busy", "many explanations wait; try again in 1 s", {"Retry-After": "1"})
        self._taken += pictures
        try:
            yield
        finally:
            self._taken -= pictures

    def close(self) -> None:
        """Finish what is in hand."""
        self._thread.shutdown()

    def _explained(self, served: Served, square: Pixels, shown: Pixels, mood: int) -> dict[str, str]:
        explainer = self._of(served)
        png = images.encode_png(overlay(shown, explainer.heat(square, mood)))
        return {
            "method": explainer.method,
            "image": f"data:image/png;base64,{base64.b64encode(png).decode()}",
        }

    def _of(self, served: Served) -> Explainer:
        if self._made is None or self._made[0] is not served:
            made = Explainer(served.classifier, _cut(served.place.folder / "model.onnx"))
            self._made = served, made
        return self._made[1]


def overlay(picture: Pixels, heat: Floats) -> Pixels:
    """Lay a heat map over its picture, uint8 (H, W, 3): where nothing speaks the picture stays as it is."""
    large = cv2.resize(heat, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    coloured = cv2.applyColorMap((large * 255).astype(np.uint8), cv2.COLORMAP_JET)
    share = 0.1 + 0.5 * large[..., None]
    return np.asarray(picture * (1 - share) + cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB) * share, np.uint8)


def _gradcam(cut: Cut, square: Pixels, mood: int) -> Floats:
    """Weights (C,) from differences of the head, then the weighted sum of the maps: float32 (h, w)."""
    maps = predict.run(cut.body, square[np.newaxis])
    step = STEP * float(np.abs(maps).max() or 1)
    up, down = (np.concatenate(list(_shifted(cut, maps, by))) for by in (step, -step))  # logits, (C, 4)
    slopes = (up - down).astype(np.float64) / (2 * step)
    logits = _logits(cut, maps)[0].astype(np.float64)
    likely = np.exp(logits - logits.max())
    weights = slopes[:, mood] - slopes @ (likely / likely.sum())  # of the log-probability
    channels_last = np.moveaxis(maps[0], cut.channels - 1, -1)  # (h, w, C)
    return np.asarray(np.maximum(channels_last @ weights, 0), np.float32)


def _shifted(cut: Cut, maps: Floats, by: float) -> Iterator[Floats]:
    """Logits with each channel in turn a little brighter, a chunk of channels at a time."""
    count = maps.shape[cut.channels]
    for start in range(0, count, CHUNK):
        some = np.arange(start, min(start + CHUNK, count))
        variants = np.repeat(maps, len(some), axis=0)
        by_channel = np.moveaxis(variants, cut.channels, 1)  # a view: (n, C, h, w)
        by_channel[np.arange(len(some)), some] += by
        yield _logits(cut, variants)


def _logits(cut: Cut, maps: Floats) -> Floats:
    return predict.run(cut.head, maps)


def _occlusion(classifier: Classifier, square: Pixels, mood: int) -> Floats:
    """What the log-probability loses when a patch takes the picture's mean colour: float32 (GRID, GRID)."""
    edges = np.linspace(0, len(square), GRID + 1).astype(int)
    cells = [(row, column) for row in range(GRID) for column in range(GRID)]
    variants = np.repeat(square[np.newaxis], len(cells) + 1, axis=0)
    for variant, (row, column) in zip(variants, cells, strict=False):
        variant[edges[row] : edges[row + 1], edges[column] : edges[column + 1]] = square.mean(axis=(0, 1))
    logs = np.log(classifier.probabilities(variants)[:, mood] + 1e-9)
    return np.asarray(np.maximum(logs[-1] - logs[:-1], 0).reshape(GRID, GRID), np.float32)


def _cut(path: Path) -> Cut | None:
    """The network in two parts; None where there are no feature maps, or nothing to cut with."""
    try:
        import onnx  # late: only a new version needs it
        from onnx import shape_inference
        from onnx.utils import Extractor
    except ImportError:
        log.warning("the package onnx is not installed; explanations are occlusion maps")
        return None
    model = shape_inference.infer_shapes(onnx.load(path))
    found = _maps(model.graph)
    if found is None:
        return None
    name, logits, channels = found
    parts = Extractor(model)
    cut = (parts.extract_model(["pixels"], [name]), parts.extract_model([name], [logits]))
    body, head = (_session(part) for part in cut)
    return Cut(body, head, channels)


def _maps(graph: Any) -> tuple[str, str, int] | None:
    """The last feature maps, the logits, and the maps' axis of channels."""
    if not any(node.op_type == "Conv" for node in graph.node):
        return None
    shapes = {
        one.name: [axis.dim_value for axis in one.type.tensor_type.shape.dim] for one in graph.value_info
    }
    makers = {name: node for node in graph.node for name in node.output}
    constants = {one.name for one in graph.initializer}
    last = makers[graph.output[0].name]
    if last.op_type != "Softmax":
        return None
    logits = name = last.input[0]
    while name in makers:
        shape = shapes.get(name, [])
        square = len(shape) == 4 and (shape[1] == shape[2] > 1 or shape[2] == shape[3] > 1)
        if square and not _reaches(makers, logits, name, graph.input[0].name):
            return name, logits, 3 if shape[1] == shape[2] else 1
        name = next((one for one in makers[name].input if one not in constants), "")
    return None


def _reaches(makers: dict[str, Any], end: str, past: str, start: str) -> bool:
    """Whether ``end`` hangs on ``start`` by a way that does not lead through ``past``."""
    waiting, seen = [end], {past}
    while waiting:
        name = waiting.pop()
        if name == start:
            return True
        if name not in seen and name in makers:
            seen.add(name)
            waiting += makers[name].input
    return False


def _session(model: Any) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
