"""Stage manifest: what lies in the raw folder, one row a picture."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pawtrait.dataset import images
from pawtrait.dataset.manifest import Record, read
from pawtrait.errors import BadData
from pawtrait.stages import manifest

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text(PARAMS.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    raw = Path("data/raw")
    raw.mkdir(parents=True)
    (raw / "source.json").write_text(json.dumps({"source": "folder"}))
    return raw


def put(raw: Path, name: str, seed: int) -> None:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    (raw / name).parent.mkdir(parents=True, exist_ok=True)
    (raw / name).write_bytes(images.encode_png(np.asarray(cv2.resize(coarse, (50, 50)), np.uint8)))


def run(raw: Path) -> list[Record]:
    manifest.run(raw=raw, manifest=Path("manifest.csv"))
    return read(Path("manifest.csv"), Record)


def test_every_file_has_a_row_with_source_and_group(raw: Path) -> None:
    put(raw, "train/happy/034.png", 1)
    put(raw, "train/happy/aug-3-034.png", 2)
    put(raw, "unsplit/Sad/1.png", 3)
    (raw / "unsplit/Sad/2.png").touch()
    rows = run(raw)
    assert [(row.path, row.source) for row in rows] == [
        ("train/happy/034.png", "folder"),
        ("train/happy/aug-3-034.png", "folder"),
        ("unsplit/Sad/1.png", "folder"),
        ("unsplit/Sad/2.png", "folder"),
    ]
    first, copy, other, empty = (row.group for row in rows)
    assert first == copy
    assert len({first, other, empty}) == 3
    assert all(len(row.group) == 16 for row in rows)


def test_pictures_from_feedback_say_so_and_a_name_alone_does_not(raw: Path) -> None:
    ours, theirs = "train/sad/feedback-2026-11-0123456789abcdef.png", "train/sad/feedback-of-mine.png"
    put(raw, ours, 1)
    put(raw, theirs, 2)
    (raw / "source.json").write_text(json.dumps({"source": "folder", "feedback": [ours]}))
    assert {row.path: row.source for row in run(raw)} == {ours: "feedback", theirs: "folder"}


def test_the_same_pictures_give_the_same_bytes(raw: Path) -> None:
    for seed in range(4):
        put(raw, f"train/happy/{seed}.png", seed)
    run(raw)
    before = Path("manifest.csv").read_bytes()
    run(raw)
    assert Path("manifest.csv").read_bytes() == before


def test_an_empty_folder_is_refused_in_one_line(raw: Path) -> None:
    with pytest.raises(BadData, match=r"data/raw holds no pictures; check ingest\.source in params\.yaml"):
        run(raw)


@pytest.mark.parametrize("note", ["", "{}", "[]", "not json"])
def test_a_raw_folder_that_does_not_name_its_source_is_refused(raw: Path, note: str) -> None:
    put(raw, "train/happy/1.png", 1)
    (raw / "source.json").write_text(note)
    with pytest.raises(BadData, match=r"source\.json names no source"):
        run(raw)
