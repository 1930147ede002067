"""Fast style transfer: Magenta's network called eagerly, and our painter with a style it knows."""

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tensorflow_hub as hub
import torch

from benchmarks import ceiling, race
from benchmarks.published import build
from pawtrait import sealed
from pawtrait.dataset.demo import paintings
from pawtrait.style_transfer import fast, painter, precision
from pawtrait.style_transfer.painter import FastPainter

SIDE = 256  # px
FOLDER = "magenta_stylization/saved_model"


def run(plan: race.Plan) -> list[race.Row]:
    """A row for each engine that is installed."""
    published = Path(plan.weights or "") / FOLDER
    given = plan.weights is not None and published.is_dir()
    with tempfile.TemporaryDirectory() as scratch:
        model = published if given else build(Path(scratch) / "saved_model")
        folder = Path(scratch) / "painter"
        folder.mkdir()
        sealed.write_facts(folder, fast.export(model, folder, SIDE))
        sealed.seal(folder)
        named = "Magenta's weights" if given else "the published shape, made-up values"
        engines = ["onnxruntime"] + ["openvino"] * (find_spec("openvino") is not None)
        return [_row(plan, engine, model, folder, named) for engine in engines]


def _row(plan: race.Plan, engine: Any, model: Path, folder: Path, named: str) -> race.Row:
    """The whole network as TensorFlow Hub gives it, both pictures each time, beside a style that is known."""
    rounds, calls = (3, 1) if plan.quick else (9, 3)
    photo, painting = (paintings.painting(paintings.MANNERS[i], 1, SIDE, seed=1) for i in (0, 1))
    module, parts = hub.load(str(model)), fast.load(model)
    content, style = (tf.constant(picture[np.newaxis] / 255, tf.float32) for picture in (photo, painting))
    ours = FastPainter.load(folder, engine=engine, threads=1)
    vector = ours.vector(painting)
    pixels, known = 255 * content, tf.constant(vector)
    bf16 = engine == "openvino" and precision.has_bf16("cpu")
    limit = ceiling.work(torch.bfloat16 if bf16 else torch.float32)
    variants: dict[str, Callable[[], object]] = {
        "eager": lambda: [module(content, style)[0].numpy() for _ in range(calls)],
        "transformer": lambda: [parts.transformer(pixels, known).numpy() for _ in range(calls)],
        "ours": lambda: [ours.paint(photo, vector, SIDE) for _ in range(calls)],
        "limit": limit.run,
    }
    taken = race.run(variants, rounds)
    times, spread = race.ratios(taken["eager"], taken["ours"])
    rate = limit.gflop / median(taken["limit"])
    least = _gflop(folder / painter.FAST[1], photo, vector) / rate  # seconds
    share = least * calls / median(taken["ours"])
    return race.Row(
        job=f"fast style transfer, {SIDE} px, {named}",
        theirs=f"the eager network {race.each(taken['eager'], calls)}"
        f" (its transformer alone {race.each(taken['transformer'], calls)})",
        ours=f"{engine}, {'bf16' if bf16 else 'fp32'}, a known style: {race.each(taken['ours'], calls)}",
        limit=f"{race.each([least], 1)} by convolution at {rate:.0f} GFLOP/s ({share:.0%} of ours)",
        times=times,
        spread=spread,
        how=f"CPU a picture, one core, {calls} calls × {rounds}{ceiling.remark()}",
    )


def _gflop(path: Path, photo: np.ndarray[Any, Any], vector: np.ndarray[Any, Any]) -> float:
    """What the convolutions of an ONNX file take for one picture; sizes are seen by running it."""
    model = onnx.load(path)
    kernels = {one.name: one.dims for one in model.graph.initializer}
    convs = {node.output[0]: node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in convs)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    inputs = {"pixels": photo[np.newaxis].astype(np.float32), "vector": vector}
    maps = session.run(list(convs), inputs)
    each = (m.size * np.prod(kernels[k][1:]) for m, k in zip(maps, convs.values(), strict=True))
    return 2 * float(sum(each)) / 1e9
