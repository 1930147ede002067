"""The stages of portraits: CycleGAN trained and gone on with, a gallery painted, its methods compared."""

import csv
import hashlib
import io
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from pawtrait import params, sealed
from pawtrait.adapters import registry, tracking
from pawtrait.dataset import images, manifest
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.paintings import Painting
from pawtrait.errors import BadModel
from pawtrait.evaluation.portraits import Portrait, Price
from pawtrait.stages import (
    compare_styles,
    export_fast,
    fingerprint,
    paintings,
    register_painters,
    stylize,
    train_cyclegan,
    weights,
)
from pawtrait.style_transfer.cyclegan.step import LOSSES

ROOT = Path(__file__).parents[2]
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


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads that wait for each other on a busy machine take a hundred times as long for so little."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project: small numbers, a photo of each mood in each split, three paintings, no weights."""
    root = tmp_path_factory.mktemp("furnished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_params()
        placed = [_photo(split, index) for split in ("train", "valid", "test") for index in range(4)]
        manifest.write(Path("data/tables/splits.csv"), placed, manifest.Placed)
        fingerprint.run(out=Path("data/source.json"), paintings=Path("data/paintings.json"))
        paintings.run(
            fingerprint=Path("data/paintings.json"),
            out=Path("data/paintings"),
            table=Path("data/tables/paintings.csv"),
            sheet=Path("data/reports/paintings.png"),
        )
        weights.run(out=Path("data/pretrained"), styles=Path("data/style_weights"))
    return root


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
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


def repeatable(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """All but how long it took."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def steps(run_id: str, key: str) -> list[int]:
    """The steps at which a run has a figure."""
    return [one.step for one in tracking.client().get_metric_history(run_id, key)]


def shown(run_id: str) -> set[tuple[str, int]]:
    """The pictures of a run: key and step."""
    names = [Path(one.path).name for one in tracking.client().list_artifacts(run_id, "images")]
    return {(name.split("+")[0], int(name.split("+")[2])) for name in names if name.endswith(".png")}


# train_cyclegan


def test_training_leaves_a_sealed_folder_with_all_that_is_promised(trained):
    assert set(sealed.check(trained.folder)) == FILES
    with Image.open(trained.folder / "probes.png") as sheet:
        assert sheet.format == "PNG"


def test_the_history_has_every_loss_of_every_epoch(trained):
    rows = history(trained.folder)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert [row["learning_rate"] for row in rows] == pytest.approx([2e-4, 1e-4])
    assert set(rows[0]) == {
        *("epoch", "held_out_cycle", "held_out_psnr", "learning_rate", "seconds"),
        *LOSSES,
    }
    assert all(np.isfinite(value) for row in rows for value in row.values())


def test_the_painter_says_how_good_how_large_and_how_made_it_is(trained):
    facts = sealed.facts(trained.folder)
    assert (facts["kind"], facts["start"], facts["side"], facts["epochs"]) == (
        "cyclegan",
        "random start",
        32,
        2,
    )
    assert 0 <= facts["parity"] < 0.1
    assert facts["parameters"] == sum(facts["parameters_of"].values()) > 1000
    assert facts["judged_by"] == "squeezenet (random start)" and facts["judged_on"] == 4
    for key in ("kid", "kid_error", "kid_photos", "held_out_psnr", "perceptual_cycle", "perceptual_change"):
        assert np.isfinite(facts[key]), key
    assert facts["recipe"]["ngf"] == 4


def test_the_run_has_figures_of_every_epoch_and_the_probes_at_the_same_steps(trained):
    for key in (*LOSSES, "held_out_cycle", "held_out_psnr", "learning_rate"):
        assert steps(trained.run_id, key) == [1, 2], key
    assert steps(trained.run_id, "final_kid") == [0]
    probes = {one for one in shown(trained.run_id) if one[0].startswith("probe_")}
    assert probes == {(f"probe_{index}", step) for index in range(4) for step in (1, 2)}


def test_the_run_holds_the_model_that_it_made(trained):
    run = tracking.client().get_run(trained.run_id)
    assert run.data.tags["pawtrait.kind"] == "painter"
    assert run.data.tags["model.sha256"] == digest(trained.folder)
    assert run.data.tags["cyclegan.preset"] == "demo" and run.data.params["crop_size"] == "32"
    assert len(run.outputs.model_outputs) == 1


def test_a_training_cut_off_goes_on_in_its_run_to_what_it_would_have_been(here, trained, monkeypatch):
    tell = tracking.Run.probe

    def cut(self: tracking.Run, pixels: Any, key: str, step: int = 0) -> None:
        tell(self, pixels, key, step)
        if key == "probe_3":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tracking.Run, "probe", cut)
        train()
    (note,) = train_cyclegan.CHECKPOINTS.glob("*/run_id")
    begun = note.read_text()
    assert not Path("data/painters/cyclegan").exists()
    assert steps(begun, "held_out_cycle") == [1]

    folder = train()
    run = tracking.of_model(digest(folder))
    assert run is not None and run.id == begun
    assert steps(begun, "held_out_cycle") == [1, 2]
    assert repeatable(history(folder)) == repeatable(history(trained.folder))
    assert digest(folder) == digest(trained.folder)
    assert not note.exists()


def test_an_epoch_that_mlflow_could_not_be_told_of_is_told_later(here, monkeypatch):
    tell = tracking.Run.metrics

    def deaf(self: tracking.Run, values: Any, step: int = 0) -> None:
        if step == 1:
            raise ConnectionError("the store is away")
        tell(self, values, step)

    with monkeypatch.context() as patch, pytest.raises(ConnectionError):
        patch.setattr(tracking.Run, "metrics", deaf)
        train()
    run = tracking.of_model(digest(train()))
    assert run is not None
    assert steps(run.id, "loss_cycle_A") == [1, 2]


def test_one_painting_is_enough_and_has_no_kernel_distance(here):
    presets = {"single": params.load().cyclegan.presets["demo"].model_dump(mode="json") | {"paintings": 1}}
    write_params(cyclegan={"preset": "single", "presets": presets})
    facts = sealed.facts(train())
    assert facts["preset"] == "single"
    assert [facts[key] for key in ("kid", "kid_error", "kid_photos", "kid_photos_error")] == [None] * 4
    assert np.isfinite(facts["held_out_psnr"])


# export_fast


def test_without_weights_the_fast_painters_folder_holds_the_reason(here):
    out = here / "data/painters/fast"
    export_fast.run(weights=here / "data/style_weights", out=out)
    assert set(sealed.check(out)) == {"model.json"}
    assert "set weights.mirror to a folder" in sealed.facts(out)["missing"]


# stylize


def test_every_method_that_can_paints_every_photo(hung):
    photos = ["test/happy/000.png", "test/sad/001.png"]  # the moods in turn
    assert {(one.method, one.photo) for one in hung.portraits} == {
        (method, photo) for method in ("nst", "cyclegan", "hybrid") for photo in photos
    }
    by = {method: [one.painting for one in hung.portraits if one.method == method] for method in METHODS}
    assert by["cyclegan"] == ["", ""] and by["fast"] == []
    assert len(set(by["nst"])) == 2 and by["nst"] == by["hybrid"]


def test_portraits_their_table_their_prices_and_the_sheet_agree(hung):
    files = {path.name for path in (hung.root / GALLERY).iterdir()}
    assert files == {one.path for one in hung.portraits} | {"portraits.csv"}
    prices = manifest.read(hung.root / PRICES, Price)
    assert [one.path for one in prices] == [one.path for one in hung.portraits]
    assert all(one.seconds > 0 and one.core_seconds >= 0 and one.megabytes >= 0 for one in prices)
    for one in hung.portraits:
        with Image.open(hung.root / GALLERY / one.path) as picture:
            assert (picture.height, picture.width) == (one.height, one.width) == (36, 40)
    with Image.open(hung.root / SHEET) as sheet:
        assert sheet.format == "PNG" and sheet.width > 400


def test_portraits_of_a_photo_differ_by_method(hung):
    happy = {one.method: hung.root / GALLERY / one.path for one in hung.portraits if "happy" in one.photo}
    pictures = {method: stylize.read(path, 10_000) for method, path in happy.items()}
    for one, other in (("nst", "cyclegan"), ("nst", "hybrid"), ("cyclegan", "hybrid")):
        assert not np.array_equal(pictures[one], pictures[other]), (one, other)


def test_the_gallery_is_shown_in_mlflow(hung):
    keys = {name for name, _ in shown(hung.run_id)}
    assert len({key for key in keys if key.startswith("portrait_")}) == len(hung.portraits)
    kept = {entry.path for entry in tracking.client().list_artifacts(hung.run_id, "pictures")}
    assert "pictures/portraits.png" in kept


def test_where_no_method_can_paint_it_is_logged_and_the_gallery_is_empty(here, coloured_models, caplog):
    write_params(stylize={"methods": ["fast"]})
    coloured_models(here / "models")
    export_fast.run(weights=Path("data/style_weights"), out=Path("data/painters/fast"))
    with caplog.at_level(logging.WARNING):
        assert paint() == []
    assert "no portraits by fast: no weights of Magenta's network were found" in caplog.text
    verdict = compare()
    assert verdict["rows"] == verdict["portraits"] == []
    assert list(verdict["missing"]) == ["fast"]


def test_a_damaged_painter_stops_the_gallery(here, cyclegan_folder):
    write_params(stylize={"methods": ["cyclegan"]})
    with (cyclegan_folder / "photo_to_painting.onnx").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(BadModel, match="is not the file that was sealed"):
        paint()
    assert not GALLERY.exists()


def test_paintings_are_chosen_from_all_over_the_table(here):
    rows = manifest.read(Path("data/tables/paintings.csv"), Painting)
    assert [one.name for one in stylize.chosen(rows, 2)] == [rows[0].name, rows[2].name]
    assert stylize.chosen(rows, 9) == rows


# compare_styles


def test_every_portrait_is_judged_in_finite_figures(hung):
    judged = hung.verdict["portraits"]
    assert {one["path"] for one in judged} == {one.path for one in hung.portraits}
    for one in judged:
        for key in ("content", "style", "weighted", "identity", "seconds", "core_seconds", "megabytes"):
            assert np.isfinite(one[key]), (one["path"], key)
        assert -1 <= one["identity"] <= 1.000001
    assert hung.verdict["features"] == {"network": "squeezenet", "start": "random start"}
    with Image.open(hung.root / CHART) as chart:
        assert chart.format == "PNG"


def test_there_is_a_row_for_each_method_with_portraits_and_a_reason_for_the_others(hung):
    assert [row["method"] for row in hung.verdict["rows"]] == ["nst", "cyclegan", "hybrid"]
    assert hung.verdict["sentences"]
    assert list(hung.verdict["missing"]) == ["fast"]
    assert hung.verdict["missing"]["fast"].startswith("no weights of Magenta's network were found")


def test_a_portrait_that_follows_no_painting_is_held_against_each_of_the_others(hung):
    rows = hung.verdict["portraits"]
    against = {
        method: {(one["photo"], one["painting"]) for one in rows if one["method"] == method}
        for method in ("nst", "cyclegan")
    }
    assert against["nst"] == against["cyclegan"] and len(against["nst"]) == 4


def test_prices_come_through_to_the_verdict(hung):
    known = {one.path: one.seconds for one in manifest.read(hung.root / PRICES, Price)}
    assert {one["path"]: one["seconds"] for one in hung.verdict["portraits"]} == known


def test_the_comparison_is_kept_in_mlflow(hung):
    metrics = tracking.client().get_run(hung.run_id).data.metrics
    for row in hung.verdict["rows"]:
        assert metrics[f"{row['method']}_identity"] == pytest.approx(row["identity"])


def test_a_mood_is_kept_where_the_classifier_says_the_same_of_photo_and_portrait(
    here, cyclegan_folder, coloured_models
):
    write_params(stylize={"methods": ["cyclegan"], "photos": 4})
    coloured_models(here / "models")
    assert len(paint()) == 4
    verdict = compare()
    gan = {Path(one["photo"]).parts[1]: one for one in verdict["portraits"]}
    assert (gan["happy"]["mood"], gan["happy"]["mood_kept"]) == ("sad", False)  # yellow turns blue
    assert (gan["other"]["mood"], gan["other"]["mood_kept"]) == ("other", True)  # grey stays grey
    assert verdict["classifier"] == "cnn"


def test_the_only_method_is_held_against_all_paintings(here, cyclegan_folder, coloured_models):
    write_params(stylize={"methods": ["cyclegan"], "photos": 1})
    coloured_models(here / "models")
    paint()
    with Image.open(SHEET) as sheet:
        assert sheet.width > 1.5 * sheet.height  # the photo and its portrait in a row
    verdict = compare()
    assert {one["painting"] for one in verdict["portraits"]} == {
        one.name for one in manifest.read(Path("data/tables/paintings.csv"), Painting)
    }
    assert verdict["sentences"] == [] and np.isfinite(verdict["rows"][0]["style"])


# with real weights


@pytest.mark.skipif(not MIRROR.is_dir(), reason="../shared/weights, a mirror of real weights, is not here")
def test_with_weights_the_gallery_has_fast_portraits_judged_by_imagenet(here, fast_folder, coloured_models):
    write_params(weights={"mirror": str(MIRROR)}, stylize={"methods": ["fast", "cyclegan"], "paintings": 1})
    weights.run(out=Path("data/pretrained"), styles=Path("data/style_weights"))
    coloured_models(here / "models")
    empty_painter(here / "data/painters/cyclegan")
    portraits = paint()
    assert [one.method for one in portraits] == ["fast", "fast"] and all(one.painting for one in portraits)
    assert list(Path(".cache").rglob("*.npy"))  # the painting's vector is kept
    verdict = compare()
    assert verdict["features"]["start"] == "ImageNet"
    assert verdict["missing"] == {"cyclegan": "not trained here"}


def empty_painter(folder: Path) -> None:
    """A painter's folder that says why it cannot paint."""
    folder.mkdir(parents=True)
    sealed.write_facts(folder, {"name": "cyclegan", "kind": "cyclegan", "missing": "not trained here"})
    sealed.seal(folder)


# register_painters


def test_registering_makes_a_version_of_what_was_trained_and_says_what_is_missing(hung, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.chdir(hung.root)
    register_painters.run(painters=Path("data/painters"))
    told = capsys.readouterr().out
    assert "cyclegan is pet-portrait-cyclegan version" in told
    assert "pet-portrait-fast stays unregistered: no weights of Magenta's network were found" in told
    version = registry.find(digest(Path("data/painters/cyclegan")), registry.CYCLEGAN)
    assert version is not None and version.tags["pipeline.run_id"] == hung.run_id
    assert float(version.tags["kid"]) == sealed.facts(Path("data/painters/cyclegan"))["kid"]
    model = mlflow.pyfunc.load_model(f"models:/{version.name}/{version.version}")
    photo = images.encode_png(np.full((50, 70, 3), 90, np.uint8))
    (answer,) = model.predict(pd.DataFrame({"picture": [photo]})).to_dict("records")
    with Image.open(io.BytesIO(answer["portrait"])) as portrait:
        assert (portrait.format, portrait.size, answer["problem"]) == ("PNG", (70, 50), "")
