"""How a painter's ONNX file is run: by onnxruntime, or by OpenVINO in bf16 where that is there and faster.

OpenVINO is an extra, ``pip install -e '.[openvino]'``. On a processor that multiplies in bf16 it paints at
twice the speed of onnxruntime, which only has float32 there; elsewhere it gains little and is left alone.
"""

import sys
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as trouble

from pawtrait.errors import BadModel, BadParams

SIZES = 8  # that OpenVINO keeps a network ready for; one made for its size saves a tenth of the time

Engine = Literal["auto", "onnxruntime", "openvino"]
Floats = NDArray[np.float32]
Run = Callable[[dict[str, Floats]], Floats]

FAILURES = (MemoryError, RuntimeError, trouble.RuntimeException, trouble.Fail)  # of a run, both engines'

_UNREADABLE = (
    trouble.InvalidProtobuf,
    trouble.InvalidGraph,
    trouble.NotImplemented,
    trouble.NoSuchFile,
    trouble.Fail,
)


def choose(engine: Engine) -> Engine:
    """Turn ``auto`` into what there is: OpenVINO if it is installed and the processor has bf16.

    Raises:
        BadParams: OpenVINO is asked for by name and not installed.
    """
    installed = find_spec("openvino") is not None
    if engine == "openvino" and not installed:
        raise BadParams("engine openvino: it is not installed; pip install -e '.[openvino]', or take auto")
    if engine == "auto":
        return "openvino" if installed and _has_bf16() else "onnxruntime"
    return engine


def open_file(path: Path, engine: Engine, threads: int | None) -> Run:
    """A function from named inputs to the file's one output, on the CPU.

    OpenVINO takes a tenth of a second to fit a network to one size, so it does that when a size comes again.

    Args:
        path: an ONNX file with one output.
        engine: what runs it; OpenVINO multiplies in bf16 where the processor can, all else is float32.
        threads: how many; None is all cores.

    Raises:
        BadModel: the file is no network that the engine can run.
    """
    return (_by_openvino if choose(engine) == "openvino" else _by_onnxruntime)(path, threads)


def _by_onnxruntime(path: Path, threads: int | None) -> Run:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    options.intra_op_num_threads = threads or 0
    options.enable_cpu_mem_arena = False  # an arena never gives the memory of a large picture back
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except _UNREADABLE as error:
        raise _unreadable(path, f"onnxruntime {onnxruntime.__version__}") from error

    def run(inputs: dict[str, Floats]) -> Floats:
        return np.asarray(session.run(None, inputs)[0], np.float32)

    return run


def _by_openvino(path: Path, threads: int | None) -> Run:
    openvino = _openvino()
    settings = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    settings["INFERENCE_PRECISION_HINT"] = "bf16" if _has_bf16() else "f32"
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    core = openvino.Core()

    @lru_cache(SIZES)
    def compiled(shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> Any:
        model = core.read_model(path)
        model.reshape({name: list(shape) for name, shape in shapes})
        return core.compile_model(model, "CPU", settings)

    try:
        any_size = core.compile_model(core.read_model(path), "CPU", settings)
    except RuntimeError as error:
        raise _unreadable(path, f"OpenVINO {openvino.__version__}") from error
    seen: set[Any] = set()

    def run(inputs: dict[str, Floats]) -> Floats:
        shapes = tuple((name, value.shape) for name, value in inputs.items())
        network = compiled(shapes) if shapes in seen else any_size
        seen.add(shapes)
        return np.array(network.create_infer_request().infer(inputs)[0], np.float32)

    return run


def _openvino() -> Any:
    """OpenVINO without its telemetry, which would tell Google of every import; late, since it is an extra."""
    before = sys.modules.get("openvino_telemetry")
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # as if it were not installed
    try:
        return import_module("openvino")
    finally:
        del sys.modules["openvino_telemetry"]
        if before is not None:
            sys.modules["openvino_telemetry"] = before


def _has_bf16() -> bool:
    capabilities: list[Any] = _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "BF16" in capabilities


def _unreadable(path: Path, engine: str) -> BadModel:
    return BadModel(f"{path} is no network that {engine} can run; make or download the painter again")
