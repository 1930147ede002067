"""A gallery painted by every method that can, its methods compared, its painters registered."""

import io
import logging
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pawtrait import params, sealed
from pawtrait.adapters import registry, tracking
from pawtrait.dataset import images, manifest
from pawtrait.dataset.paintings import Painting, chosen, evenly
from pawtrait.errors import BadModel
from pawtrait.evaluation.portraits import ROWS, Portrait, Price
from pawtrait.stages import (
    export_fast,
    register_painters,
    stylize,
    weights,
)
from pawtrait.style_transfer import apart
from pawtrait.style_transfer.studio import Studio
from tests.stages.portraits.conftest import (
    CHART,
    GALLERY,
    METHODS,
    MIRROR,
    PRICES,
    SHEET,
    compare,
    digest,
    paint,
    shown,
    steps,
    write_params,
)


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
    assert all(one.seconds > 0 and one.megabytes > 20 for one in prices)
    assert sum(one.core_seconds for one in prices) > 0
    for one in hung.portraits:
        with Image.open(hung.root / GALLERY / one.path) as picture:
            assert (picture.height, picture.width) == (one.height, one.width) == (36, 40)
    with Image.open(hung.root / SHEET) as sheet:
        assert sheet.format == "PNG" and sheet.width > 400


def test_portraits_of_a_photo_differ_by_method(hung):
    happy = {one.method: hung.root / GALLERY / one.path for one in hung.portraits if "happy" in one.photo}
    pictures = {method: images.read(path, largest_pixels=10_000) for method, path in happy.items()}
    for one, other in (("nst", "cyclegan"), ("nst", "hybrid"), ("cyclegan", "hybrid")):
        assert not np.array_equal(pictures[one], pictures[other]), (one, other)


def test_a_sheet_of_many_photos_and_paintings_stays_readable_and_shows_some_of_all_over_them(tmp_path):
    photos = [f"test/happy/{index:03d}.png" for index in range(2)]
    works = [f"ink_{index:02d}" for index in range(20)]
    pairs = [(photo, work) for photo in photos for work in works]
    portraits = [Portrait(f"{photo} {work}", "nst", photo, "happy", work, 8, 8) for photo, work in pairs]
    names = [*photos, *works, *(one.path for one in portraits)]
    grey = tmp_path / "grey.png"
    grey.write_bytes(images.encode_png(np.full((8, 8, 3), 128, np.uint8)))
    figure = stylize._sheet(dict.fromkeys(names, grey), portraits, ["nst"], 64)
    captions = [axes.texts[0].get_text() for axes in figure.axes]
    assert len(captions) == 3 * ROWS
    assert (captions[1], captions[-2]) == (works[0], works[-1])
    assert len(set(captions[1::3])) > ROWS / 2


def test_the_gallery_is_shown_in_mlflow(hung):
    keys = {name for name, _ in shown(hung.run_id)}
    assert len({key for key in keys if key.startswith("portrait_")}) == len(hung.portraits)
    kept = {entry.path for entry in tracking.client().list_artifacts(hung.run_id, "pictures")}
    assert "pictures/portraits.png" in kept


def test_mlflow_has_the_losses_of_every_step_and_pictures_at_the_same_steps(hung):
    run = tracking.client().get_run(hung.run_id)
    totals = [key for key in run.data.metrics if key.startswith("nst_") and key.endswith("/total")]
    assert len(totals) == 4  # two photos like two paintings
    pictures = shown(hung.run_id)
    for key in totals:
        assert steps(hung.run_id, key) == [1, 2, 3, 4, 5]  # two at half the size, three at the whole
        assert steps(hung.run_id, key.replace("total", "style")) == [1, 2, 3, 4, 5]
        assert {step for name, step in pictures if name == f"portrait_{key.partition('/')[0]}"} == {5}


def test_portraits_of_equal_names_have_keys_of_their_own():
    """Moods number their files alike, and letters that MLflow refuses are not all the same."""
    asked = [("happy", "1a" * 32, "facets_01"), ("sad", "2b" * 32, "facets_01")]
    asked += [("sad", "2b" * 32, painting) for painting in ("睡蓮", "富士")]
    keys = [stylize._key("nst", *one) for one in asked]
    assert len(set(keys)) == 4
    assert keys[0] == "nst_happy_1a1a1a1a_facets_01"
    assert all(key.isascii() and key.replace("_", "").isalnum() for key in keys)


def test_portraits_like_paintings_of_long_names_have_keys_that_a_file_system_holds():
    """MLflow makes a file's name of a key; paintings' names may have 200 letters and differ in the last."""
    keys = {stylize._key("cyclegan", "happy", "1a" * 32, "w" * 199 + letter) for letter in "ab"}
    assert len(keys) == 2
    added = len("+step+10000+timestamp+1700000000000++compressed.webp") + 36  # a UUID
    assert all(len(f"portrait_{key}") + added <= 255 for key in keys)


def test_the_gallery_is_painted_on_the_gpu_that_the_stage_holds(here, monkeypatch):
    class Opened(Exception):
        pass

    def opened(studio: Studio, method: str) -> None:
        raise Opened(method, studio.gpu)

    write_params(stylize={"methods": ["nst"]})
    monkeypatch.setattr(apart, "opened_apart", opened)
    with pytest.raises(Opened) as caught:
        paint()
    assert caught.value.args == ("nst", True)


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
    assert [one.name for one in chosen(rows, 2)] == [rows[0].name, rows[2].name]
    assert chosen(rows, 9) == chosen(rows, None) == rows
    assert evenly(5, 3) == [0, 2, 4] and evenly(1, 3) == [0]


# compare_styles


def test_every_portrait_is_judged_in_finite_figures(hung):
    judged = hung.verdict["portraits"]
    assert {one["path"] for one in judged} == {one.path for one in hung.portraits}
    for one in judged:
        for key in ("content", "style", "weighted", "identity", "seconds", "core_seconds", "megabytes"):
            assert np.isfinite(one[key]), (one["path"], key)
        assert -1 <= one["identity"] <= 1.000001
        weights = params.load().neural.networks["squeezenet"]
        wanted = weights.content_weight * one["content"] + weights.style_weight * one["style"]
        assert one["weighted"] == pytest.approx(wanted, rel=1e-4, abs=1e-5)
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


def test_the_only_method_is_held_against_the_gallerys_paintings(here, cyclegan_folder, coloured_models):
    write_params(stylize={"methods": ["cyclegan"], "photos": 1})
    coloured_models(here / "models")
    paint()
    with Image.open(SHEET) as sheet:
        assert sheet.width > 1.5 * sheet.height  # the photo and its portrait in a row
    verdict = compare()
    rows = manifest.read(Path("data/tables/paintings.csv"), Painting)
    held = [one.name for one in chosen(rows, params.load().stylize.paintings)]
    assert [one["painting"] for one in verdict["portraits"]] == held
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
    (_,) = Path(".cache").rglob(
        "*.npy"
    )  # the painting's vector is kept, and at full strength no photo has one
    verdict = compare()
    assert verdict["features"]["start"] == "ImageNet"
    assert verdict["missing"] == {"cyclegan": "not trained here"}


def empty_painter(folder: Path) -> None:
    """A painter's folder that says why it cannot paint."""
    folder.mkdir(parents=True)
    sealed.write_facts(folder, {"name": "cyclegan", "kind": "cyclegan", "missing": "not trained here"})
    sealed.seal(folder)


# register_painters


def test_a_painter_of_other_code_or_parameters_stays_unregistered(hung, monkeypatch, capsys):
    monkeypatch.chdir(hung.root)
    before = len(registry.versions(registry.CYCLEGAN))
    register_painters.run(painters=Path("data/painters"), stale=["cyclegan"])
    told = capsys.readouterr().out
    assert "cyclegan stays unregistered: data/painters/cyclegan is not of the present code" in told
    assert len(registry.versions(registry.CYCLEGAN)) == before


def test_registering_makes_a_version_of_what_was_trained_and_says_what_is_missing(hung, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.chdir(hung.root)
    register_painters.run(painters=Path("data/painters"))
    told = capsys.readouterr().out
    assert "cyclegan is pet-portrait-cyclegan version" in told
    assert "pet-portrait-fast stays unregistered: no weights of Magenta's network were found" in told
    version = registry.find(digest(Path("data/painters/cyclegan")), registry.CYCLEGAN)
    assert version is not None and version.tags["pipeline.run_id"] == hung.run_id
    assert version.tags["judged_by"] == "squeezenet (random start)"  # beside the figures that it made
    assert float(version.tags["kid"]) == sealed.facts(Path("data/painters/cyclegan"))["kid"]
    model = mlflow.pyfunc.load_model(f"models:/{version.name}/{version.version}")
    photo = images.encode_png(np.full((50, 70, 3), 90, np.uint8))
    (answer,) = model.predict(pd.DataFrame({"picture": [photo]})).to_dict("records")
    with Image.open(io.BytesIO(answer["portrait"])) as portrait:
        assert (portrait.format, portrait.size, answer["problem"]) == ("PNG", (70, 50), "")


@pytest.fixture
def two(hung, tmp_path, monkeypatch):
    """The painters' folder, and one with another CycleGAN, which MLflow knows too."""
    monkeypatch.chdir(hung.root)
    first = Path("data/painters")
    second = shutil.copytree(first, tmp_path / "painters")
    swapped = second / "cyclegan"
    for here, there in (("photo_to_painting", "was"), ("painting_to_photo", "photo_to_painting")):
        (swapped / f"{here}.onnx").rename(swapped / f"{there}.onnx")
    (swapped / "was.onnx").rename(swapped / "painting_to_photo.onnx")
    sealed.seal(swapped)
    with tracking.training(params.load(), "cyclegan", [swapped], "painter", tmp_path / "place") as record:
        registry.log(record, swapped, registry.CYCLEGAN)
    return first, second


def test_the_painter_that_lies_in_the_folder_is_champion_also_when_an_older_one_comes_back(two):
    first, second = two
    register_painters.run(painters=first)
    old = registry.aliases(registry.CYCLEGAN)["champion"]
    register_painters.run(painters=second)
    known = registry.aliases(registry.CYCLEGAN)
    new = known["champion"]
    assert new != old and known == {"champion": new, "previous": old}
    for _ in range(2):
        register_painters.run(painters=first)
        assert registry.aliases(registry.CYCLEGAN) == {"champion": old, "previous": new}


def test_an_alias_given_back_by_hand_stays_until_another_painter_lies_in_the_folder(two, capsys):
    first, second = two
    register_painters.run(painters=first)
    old = registry.aliases(registry.CYCLEGAN)["champion"]
    register_painters.run(painters=second)
    new = registry.aliases(registry.CYCLEGAN)["champion"]
    tracking.client().set_registered_model_alias(registry.CYCLEGAN.name, "champion", old)  # as a page does
    known = registry.aliases(registry.CYCLEGAN)
    capsys.readouterr()
    for _ in range(2):
        register_painters.run(painters=second)
        assert registry.aliases(registry.CYCLEGAN) == known
    assert (
        f"cyclegan is pet-portrait-cyclegan version {new}, nothing new; champion stays version {old}"
        in capsys.readouterr().out
    )
    for painters, champion in ((first, old), (second, new)):
        register_painters.run(painters=painters)
        assert registry.aliases(registry.CYCLEGAN)["champion"] == champion
