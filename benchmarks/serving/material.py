"""What is sent and what answers: small JPEGs of the demo, and a MobileNetV2 with weights by chance."""

import shutil
from pathlib import Path

import cv2
import numpy as np

from pawtrait import sealed
from pawtrait.dataset import demo, images
from pawtrait.dataset.labels import LABELS
from pawtrait.files import whole_folder

SIDE = 128  # px, of pictures and model
COUNT = 64  # pictures, sent in turn
CACHE = Path(".cache/benchmarks")
NET = "mobilenet_v2"


def pictures(folder: Path) -> list[Path]:
    """JPEGs of ``SIDE`` px, written into a folder."""
    demo.draw(folder / "demo", {"train": COUNT}, SIDE, seed=1, faults=False)
    drawn = sorted((folder / "demo").rglob("*.jpg"))[:COUNT]
    made = []
    for number, path in enumerate(drawn):
        pixels = images.resize(images.decode(path.read_bytes(), largest_pixels=10**6, name=path.name), SIDE)
        made.append(folder / f"{number:02d}.jpg")
        cv2.imwrite(str(made[-1]), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    shutil.rmtree(folder / "demo")
    return made


def model() -> Path:
    """The sealed folder of the model, ``model.keras`` beside ``model.onnx``; made once."""
    folder = (CACHE / f"{NET}-{SIDE}").absolute()
    if not (folder / sealed.SUMS).exists():
        _make(folder)
    sealed.check(folder, "model.onnx", "model.keras")
    return folder


def _make(folder: Path) -> None:
    from pawtrait.classification import export, nets  # late: TensorFlow, once

    probes = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
    made = nets.build(NET, SIDE, len(LABELS), None, None, "native")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder) as part:
        parity = export.save_onnx(made, part / "model.onnx", probes)
        export.save_keras(made, part / "model.keras")
        sealed.write_facts(
            part,
            {"name": NET, "net": NET, "side": SIDE, "labels": list(LABELS), "start": "random start"}
            | {"input_range": "native", "parameters": int(made.count_params()), "parity": parity},
        )
        sealed.seal(part)
