"""What is known of a picture by looking at it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pawtrait.dataset import images, scan
from pawtrait.dataset.manifest import Record
from pawtrait.errors import BadData


def noise(seed: int, height: int = 40, width: int = 60) -> images.Pixels:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def put(raw: Path, name: str, data: bytes) -> None:
    (raw / name).parent.mkdir(parents=True, exist_ok=True)
    (raw / name).write_bytes(data)


def look(raw: Path, largest_pixels: int = 10**6) -> dict[str, Record]:
    found = scan.records(raw, scan.files(raw), source="folder", largest_pixels=largest_pixels)
    return {record.path: record for record in found}


def test_split_and_label_come_from_the_folders(tmp_path: Path) -> None:
    put(tmp_path, "valid/Angry/1.png", images.encode_png(noise(1)))
    put(tmp_path, "unsplit/ Sad/2.png", images.encode_png(noise(2)))
    put(tmp_path, "train/furious/3.png", images.encode_png(noise(3)))
    found = look(tmp_path)
    assert [(row.published, row.label, row.source) for row in found.values()] == [
        ("train", "furious", "folder"),
        ("", "sad", "folder"),
        ("valid", "angry", "folder"),
    ]


def test_a_picture_is_measured(tmp_path: Path) -> None:
    data = images.encode_png(np.full((40, 60, 3), 100, np.uint8))
    put(tmp_path, "train/happy/flat.png", data)
    row = look(tmp_path)["train/happy/flat.png"]
    assert (row.width, row.height, row.format, row.mode, row.bytes) == (60, 40, "png", "RGB", len(data))
    assert (row.brightness, row.sharpness, row.problem) == (100.0, 0.0, "")


def test_a_flat_picture_has_no_hash_so_black_and_white_are_no_copies(tmp_path: Path) -> None:
    put(tmp_path, "train/happy/black.png", images.encode_png(np.zeros((40, 60, 3), np.uint8)))
    assert look(tmp_path)["train/happy/black.png"].dhash == ""


def test_a_file_that_cannot_be_decoded_becomes_a_row_with_the_reason(tmp_path: Path) -> None:
    put(tmp_path, "train/happy/empty.jpg", b"")
    put(tmp_path, "train/happy/text.jpg", b"hello")
    put(tmp_path, "train/happy/large.png", images.encode_png(noise(1, 40, 60)))
    found = look(tmp_path, largest_pixels=1000)
    assert {name.split("/")[-1]: row.problem.split(";")[0] for name, row in found.items()} == {
        "empty.jpg": "the file is empty",
        "text.jpg": "not a picture (expected JPEG, PNG, GIF, WebP, BMP or TIFF)",
        "large.png": "60x40 px, expected 1 to 1000 pixels",
    }
    assert all((row.width, row.height, row.dhash, row.mode) == (0, 0, "", "") for row in found.values())


def test_a_truncated_jpeg_is_no_grey_picture_but_a_problem(tmp_path: Path) -> None:
    _, jpeg = cv2.imencode(".jpg", noise(1, 90, 90))
    put(tmp_path, "train/happy/half.jpg", bytes(jpeg)[: len(jpeg) // 2])
    row = look(tmp_path)["train/happy/half.jpg"]
    assert row.problem.startswith("truncated or damaged")
    assert row.format == "jpeg"


def test_names_in_any_script_are_kept(tmp_path: Path) -> None:
    put(tmp_path, "train/happy/ねこ é.png", images.encode_png(noise(1)))
    assert look(tmp_path)["train/happy/ねこ é.png"].problem == ""


def test_a_name_that_is_no_utf8_is_refused_by_name(tmp_path: Path) -> None:
    try:
        put(tmp_path, "train/happy/\udcff.png", b"")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(BadData, match=r"\\udcff\.png'?: the name is no plain UTF-8; rename"):
        scan.files(tmp_path)


@pytest.mark.parametrize("name", ["1.png", "happy/1.png", "train/happy/more/1.png", "Train/happy/1.png"])
def test_a_file_in_the_wrong_place_is_refused_not_skipped(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, b"")
    with pytest.raises(BadData, match=r"expected .*/LABEL/NAME"):
        scan.files(tmp_path)


def test_the_note_about_the_source_is_no_picture(tmp_path: Path) -> None:
    put(tmp_path, "source.json", b"{}")
    assert scan.files(tmp_path) == []


def test_many_workers_give_the_order_of_the_names(tmp_path: Path) -> None:
    for number in range(70):
        put(tmp_path, f"train/happy/{number:03}.png", images.encode_png(noise(number, 20, 20)))
    names = scan.files(tmp_path)
    found = list(scan.records(tmp_path, names, source="folder", largest_pixels=10**6))
    assert [row.path for row in found] == names
    assert len({row.id for row in found}) == 70


def grey(pixels: images.Pixels) -> images.Pixels:
    return np.asarray(cv2.cvtColor(images.resize(pixels, 128), cv2.COLOR_RGB2GRAY), np.uint8)


def distance(first: str, second: str) -> int:
    return (int(first, 16) ^ int(second, 16)).bit_count()


def test_a_ramp_to_the_right_has_no_cell_brighter_than_its_neighbour() -> None:
    ramp = np.tile(np.arange(128, dtype=np.uint8), (128, 1))
    assert scan.dhash(ramp) == "0" * 16
    assert scan.dhash(ramp[:, ::-1]) == "f" * 16


def test_hashes_survive_a_new_size_and_a_new_encoding() -> None:
    picture = noise(5, 200, 220)
    _, jpeg = cv2.imencode(".jpg", images.resize(picture, 100), [cv2.IMWRITE_JPEG_QUALITY, 60])
    copy = images.decode(bytes(jpeg), largest_pixels=10**6, name="copy")[:, :, ::-1]  # imencode takes BGR
    assert distance(scan.dhash(grey(picture)), scan.dhash(grey(np.ascontiguousarray(copy)))) <= 2
    assert distance(scan.phash(grey(picture)), scan.phash(grey(np.ascontiguousarray(copy)))) <= 4


def test_hashes_of_different_pictures_are_far_apart() -> None:
    hashes = [(scan.dhash(grey(noise(seed))), scan.phash(grey(noise(seed)))) for seed in range(20)]
    pairs = [(a, b) for place, a in enumerate(hashes) for b in hashes[:place]]
    assert min(distance(a[0], b[0]) for a, b in pairs) > 8
    assert min(distance(a[1], b[1]) for a, b in pairs) > 8
