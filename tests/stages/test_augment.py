"""Stage augment: pictures become arrays, row by row in the order of splits.csv."""

import numpy as np
import pytest
from PIL import Image

from pawtrait.dataset import images, manifest
from pawtrait.dataset.labels import LABELS
from pawtrait.errors import BadImage
from pawtrait.evaluation import plots
from pawtrait.stages import augment

SIDE = 128  # of params.yaml
COLOURS = np.array([[160, 40, 40], [40, 160, 40], [40, 40, 160], [120, 120, 20]])  # a mood each


@pytest.fixture
def pictured(workspace):
    """Raw pictures for the workspace's splits: each has a grey of its own."""
    placed = manifest.read(workspace.tables / "splits.csv", manifest.Placed)
    for index, one in enumerate(placed):
        path = workspace.root / "data/raw" / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(images.encode_png(np.full((50, 60, 3), 2 * index, np.uint8)))
    return workspace


@pytest.fixture
def coloured(workspace):
    """Raw pictures for the workspace's splits: a colour a mood, which no variation changes, and a pattern."""
    draw = np.random.default_rng(5)
    for one in manifest.read(workspace.tables / "splits.csv", manifest.Placed):
        path = workspace.root / "data/raw" / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        pattern = draw.uniform(0.4, 1, (8, 8, 1)).repeat(16, axis=0).repeat(16, axis=1)
        path.write_bytes(images.encode_png((pattern * COLOURS[LABELS.index(one.label)]).astype(np.uint8)))
    return workspace


def tint(picture):
    """The shares of red, green and blue."""
    return picture.mean(axis=(0, 1)) / picture.mean(axis=(0, 1)).sum()


def packed(workspace):
    reports = workspace.reports
    augment.run(
        raw=workspace.root / "data/raw",
        splits=workspace.tables / "splits.csv",
        arrays=workspace.root / "data/packed",
        preview=reports / "augmentation.png",
        samples=reports / "samples.png",
        pies=reports / "pies.png",
    )
    return {path.stem: np.load(path) for path in (workspace.root / "data/packed").iterdir()}


def test_every_split_is_an_array_in_the_order_of_the_table(pictured):
    arrays = packed(pictured)
    placed = manifest.read(pictured.tables / "splits.csv", manifest.Placed)
    assert set(arrays) == {"train", "valid", "test"}
    for split, pixels in arrays.items():
        greys = [2 * index for index, one in enumerate(placed) if one.split == split]
        assert pixels.dtype == np.uint8
        assert pixels.shape == (len(greys), SIDE, SIDE, 3)
        assert pixels[:, 64, 64, 0].tolist() == greys


def test_the_sheets_of_samples_classes_and_variants_are_drawn(pictured):
    packed(pictured)
    for name in ("samples", "augmentation", "pies"):
        with Image.open(pictured.reports / f"{name}.png") as sheet:
            assert min(sheet.size) > 200


def test_a_row_of_the_preview_is_an_original_and_eight_variants_of_it(coloured, monkeypatch):
    sheets, draw = [], plots.samples
    monkeypatch.setattr(
        plots, "samples", lambda *given, **named: sheets.append(given) or draw(*given, **named)
    )
    train = packed(coloured)["train"]
    [(pixels, captions)] = [sheet for sheet in sheets if "original" in sheet[1]]
    rows = pixels.reshape(-1, 9, SIDE, SIDE, 3)
    assert captions == ["original", *"12345678"] * len(LABELS)
    for (original, *variants), colour in zip(rows, COLOURS, strict=True):
        assert any(np.array_equal(original, picture) for picture in train)
        assert len({picture.tobytes() for picture in (original, *variants)}) == 9
        assert np.allclose([tint(one) for one in (original, *variants)], colour / colour.sum(), atol=0.02)


def test_two_runs_write_the_same_bytes(pictured):
    def files():
        packed(pictured)
        paths = [*(pictured.root / "data/packed").iterdir(), *pictured.reports.glob("*.png")]
        return {path.name: path.read_bytes() for path in paths}

    assert files() == files()


def test_a_picture_that_cannot_be_decoded_any_more_stops_it_and_nothing_is_left(pictured):
    (pictured.root / "data/raw/valid/003.png").write_bytes(b"")
    with pytest.raises(BadImage, match=r"valid/003\.png: the file is empty"):
        packed(pictured)
    assert not (pictured.root / "data/packed").exists()


def test_a_training_split_without_a_mood_is_drawn_all_the_same(pictured):
    rows = manifest.read(pictured.tables / "splits.csv", manifest.Placed)
    some = [row for row in rows if row.label != LABELS[3]]
    manifest.write(pictured.tables / "splits.csv", some, manifest.Placed)
    assert len(packed(pictured)["train"]) == 30
