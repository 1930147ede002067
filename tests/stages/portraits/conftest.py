"""A small project with photos and paintings, CycleGAN trained in it, a gallery painted; each made once."""

import csv
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import yaml

from pawtrait import cli, params, sealed
from pawtrait.adapters import tracking
from pawtrait.dataset import images, manifest
from pawtrait.dataset.labels import LABELS
from pawtrait.evaluation.portraits import Portrait
from pawtrait.stages import (
    compare_styles,
    export_fast,
    fingerprint,
    paintings,
    stylize,
    train_cyclegan,
    weights,
)

ROOT = Path(__file__).parents[3]
MIRROR = ROOT.parent / "shared" / "weights"
COLOURS = [(220, 180, 60), (60, 90, 200), (200, 60, 50), (130, 130, 130)]  # what the colour model knows
GALLERY, PRICES = Path("data/portraits"), Path("data/reports/prices.csv")
SHEET = Path("data/reports/portraits.png")
VERDICT, CHART = Path("data/reports/styles.json"), Path("data/reports/styles.png")
METHODS = ("nst", "fast", "cyclegan", "hybrid")
FILES = {
    "generators.safetensors",
    "discriminators.safetensors",
    "photo_to_painting.onnx",
    "painting_to_photo.onnx",
    "history.csv",
    "probes.png",
    "model.json",
}


class Trained(NamedTuple):
    """A training's folder, and its run in MLflow."""

    folder: Path
    run_id: str


class Hung(NamedTuple):
    """A gallery: the project's root, its portraits, what they are worth, the run of the pipeline."""

    root: Path
    portraits: list[Portrait]
    verdict: dict[str, Any]
    run_id: str


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads that wait for each other on a busy machine take a hundred times as long for so little."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project: small numbers, a photo of each mood in each split, three paintings, no weights."""
    root = tmp_path_factory.mktemp("furnished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_params()
        placed = [_photo(split, index) for split in ("train", "valid", "test") for index in range(4)]
        manifest.write(Path("data/tables/splits.csv"), placed, manifest.Placed)
        fingerprint.run(**cli.FINGERPRINTS)
        paintings.run(
            fingerprint=Path("data/paintings.json"),
            out=Path("data/paintings"),
            table=Path("data/tables/paintings.csv"),
            sheet=Path("data/reports/paintings.png"),
        )
        weights.run(out=Path("data/pretrained"), styles=Path("data/style_weights"))
    return root


@pytest.fixture(scope="package")
def trained(furnished: Path, store_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """CycleGAN after two epochs of four photos."""
    root = tmp_path_factory.mktemp("trained") / "root"
    shutil.copytree(furnished, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store_folder}/mlflow.db")
        patch.chdir(root)
        train()
        run = tracking.of_model(digest(root / "data/painters/cyclegan"))
    assert run is not None
    return Trained(root / "data/painters/cyclegan", run.id)


@pytest.fixture
def here(furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's copy for one test, made the working directory."""
    shutil.copytree(furnished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="package")
def hung(
    trained: Trained,
    coloured_models: Callable[..., Path],
    store_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Hung:
    """Portraits by every method that can paint; of fast style transfer there are no weights."""
    root = tmp_path_factory.mktemp("hung") / "root"
    shutil.copytree(trained.folder.parents[2], root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store_folder}/mlflow.db")
        patch.chdir(root)
        coloured_models(Path("models"), "cnn")
        write_params(seed=8)  # for a run of its own
        export_fast.run(weights=Path("data/style_weights"), out=Path("data/painters/fast"))
        portraits, verdict = paint(), compare()
        with tracking.pipeline(params.load()) as record:
            return Hung(root, portraits, verdict, record.id)


def write_params(**changes: Any) -> None:
    """The project's params.yaml with numbers that take no time, and sections changed as told."""
    knobs = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    knobs["paintings"]["demo"] = {"count": 3, "side": 64, "seed": 1}
    knobs["cyclegan"]["presets"]["demo"] |= {
        **{"load_size": 36, "crop_size": 32, "n_blocks": 1, "ngf": 4, "ndf": 4, "pictures": 4},
        **{"n_epochs": 1, "n_epochs_decay": 1, "pool_size": 4, "paintings": None},
        **{"learning_rate": 2.0e-4, "batch": 1, "precision": "fp32"},
    }
    knobs["neural"] |= {"side": 40, "scales": [0.5, 1.0], "steps": [2, 3]}
    knobs["hybrid"] |= {"steps": 3}
    knobs["stylize"] |= {"photos": 2, "paintings": 2}
    for section, values in changes.items():
        knobs[section] = knobs[section] | values if isinstance(values, dict) else values
    Path("params.yaml").write_text(yaml.safe_dump(knobs, sort_keys=False), encoding="utf-8")


def _photo(split: str, index: int) -> manifest.Placed:
    """A noisy picture in its mood's colour, 40x36, under data/raw."""
    label = LABELS[index % len(LABELS)]
    path = f"{split}/{label}/{index:03d}.png"
    noise = np.random.default_rng([len(split), index]).normal(0, 12, (36, 40, 3))
    data = images.encode_png((COLOURS[index % 4] + noise).clip(0, 255).astype(np.uint8))
    file = Path("data/raw") / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return manifest.Placed(hashlib.sha256(data).hexdigest(), path, label, path, split)


def train() -> Path:
    out = Path("data/painters/cyclegan")
    train_cyclegan.run(
        raw=Path("data/raw"),
        splits=Path("data/tables/splits.csv"),
        paintings=Path("data/paintings"),
        table=Path("data/tables/paintings.csv"),
        weights=Path("data/style_weights"),
        out=out,
    )
    return out


def digest(folder: Path) -> str:
    return sealed.check(folder)["photo_to_painting.onnx"]


def paint() -> list[Portrait]:
    stylize.run(
        raw=Path("data/raw"),
        splits=Path("data/tables/splits.csv"),
        paintings=Path("data/paintings"),
        table=Path("data/tables/paintings.csv"),
        weights=Path("data/style_weights"),
        painters=Path("data/painters"),
        out=GALLERY,
        prices=PRICES,
        sheet=SHEET,
    )
    return manifest.read(GALLERY / "portraits.csv", Portrait)


def compare() -> dict[str, Any]:
    """Judge the gallery by the model cnn in ``models``; give what was written."""
    Path("compare.json").write_text(json.dumps({"champion": "cnn"}))
    compare_styles.run(
        gallery=GALLERY,
        prices=PRICES,
        raw=Path("data/raw"),
        paintings=Path("data/paintings"),
        table=Path("data/tables/paintings.csv"),
        weights=Path("data/style_weights"),
        painters=Path("data/painters"),
        compare=Path("compare.json"),
        models=Path("models"),
        out=VERDICT,
        chart=CHART,
    )
    verdict: dict[str, Any] = json.loads(VERDICT.read_text(encoding="utf-8"))
    return verdict


def history(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open(encoding="utf-8", newline="") as stream:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(stream)]


def steps(run_id: str, key: str) -> list[int]:
    """The steps at which a run has a figure."""
    return [one.step for one in tracking.client().get_metric_history(run_id, key)]


def shown(run_id: str) -> set[tuple[str, int]]:
    """The pictures of a run: key and step."""
    names = [Path(one.path).name for one in tracking.client().list_artifacts(run_id, "images")]
    return {(name.split("+")[0], int(name.split("+")[2])) for name in names if name.endswith(".png")}
