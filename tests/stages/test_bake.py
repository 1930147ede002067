"""What an image of the service holds: the champion by its note, painters, paintings that can be named."""

import json
from pathlib import Path

import pytest

from pawtrait import champion, sealed
from pawtrait.dataset import manifest
from pawtrait.dataset.paintings import Painting
from pawtrait.errors import BadModel
from pawtrait.stages import bake

PLACES = {
    "note": Path("data/champion.json"),
    "painters": Path("data/painters"),
    "table": Path("data/tables/paintings.csv"),
    "pictures": Path("data/paintings"),
    "weights": Path("data/style_weights"),
    "out": Path("baked"),
}


def _model(folder: Path, **files: str) -> dict[str, str]:
    folder.mkdir(parents=True)
    for name, text in {"model_json": json.dumps({"name": folder.name}), **files}.items():
        (folder / name.replace("_", ".")).write_text(text)
    sealed.seal(folder)
    return sealed.check(folder)


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch):
    """A project with a champion, a painter, a painting, and one painting that was refused."""
    monkeypatch.chdir(tmp_path)
    sums = _model(Path("mlruns/1/model"), model_onnx="graph", model_keras="weights")
    known = champion.Champion("pet-expression", "7", "cnn", sums["model.onnx"], "mlruns/1/model")
    champion.write(known)
    _model(Path("data/painters/cyclegan"), paint_onnx="graph", generators_safetensors="weights")
    Path("data/paintings").mkdir()
    for name in ("good.jpg", "bad.jpg"):
        Path("data/paintings", name).write_bytes(b"painting")
    rows = [
        Painting("good", "good.jpg", "demo/good.jpg", "", "1", 8, 8, ""),
        Painting("bad", "bad.jpg", "demo/bad.jpg", "", "2", 8, 8, "torn"),
    ]
    manifest.write(PLACES["table"], rows, Painting)


def test_the_image_has_the_champion_where_its_own_note_says():
    assert bake.run(**PLACES) == "7"
    inside = champion.read(Path("baked/service/data/champion.json"))
    folder = Path("baked/service") / inside.folder
    assert sealed.check(folder, "model.onnx")["model.onnx"] == inside.sha256


def test_what_only_training_reads_stays_behind():
    bake.run(**PLACES)
    suffixes = {path.suffix for path in Path("baked").rglob("*.*") if path.is_file()}
    assert suffixes == {".onnx", ".json", ".csv", ".jpg"}


def test_a_painter_s_folder_is_sealed_again():
    bake.run(**PLACES)
    assert set(sealed.check(Path("baked/service/data/painters/cyclegan"))) == {"model.json", "paint.onnx"}


def test_a_refused_painting_is_not_in_the_image():
    bake.run(**PLACES)
    assert [path.name for path in Path("baked/service/data/paintings").iterdir()] == ["good.jpg"]


def test_baking_again_leaves_nothing_of_the_last_champion():
    bake.run(**PLACES)
    sums = _model(Path("mlruns/2/model"), model_onnx="another graph")
    champion.write(champion.Champion("pet-expression", "8", "resnet50", sums["model.onnx"], "mlruns/2/model"))
    assert bake.run(**PLACES) == "8"
    assert [path.name for path in Path("baked/service/data/models").iterdir()] == ["resnet50"]


def test_another_model_than_the_note_names_is_refused():
    (Path("mlruns/1/model") / "model.onnx").write_text("another")
    sealed.seal(Path("mlruns/1/model"))
    with pytest.raises(BadModel, match="is not what data"):
        bake.run(**PLACES)


def test_a_project_without_paintings_and_painters_has_an_image_all_the_same(tmp_path):
    nothing = tmp_path / "nothing"
    bake.run(**{**PLACES, "painters": nothing, "table": nothing, "pictures": nothing, "weights": nothing})
    assert sealed.check(Path("baked/service/data/models/cnn"))
