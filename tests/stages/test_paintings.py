"""The stages fingerprint and paintings: any source of paintings to data/paintings, a row for each file."""

import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pawtrait.dataset import manifest
from pawtrait.dataset.paintings import Painting, find
from pawtrait.errors import BadData, BadSource
from pawtrait.stages import fingerprint, paintings

OURS = Path(__file__).resolve().parents[2] / "params.yaml"
OUT, TABLE, SHEET = (
    Path("data/paintings"),
    Path("data/tables/paintings.csv"),
    Path("data/reports/paintings.png"),
)
MARK = Path("data/paintings.json")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of paintings outside an empty project root, which is the current folder."""
    (tmp_path / "root").mkdir()
    monkeypatch.chdir(tmp_path / "root")
    folder = tmp_path / "monet"
    folder.mkdir()
    return folder


def painted(mode: str = "RGB", size: tuple[int, int] = (80, 60), seed: int = 0) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(stream, "PNG")
    return stream.getvalue()


def bring(source: Path | str, **knobs: object) -> list[Painting]:
    known = yaml.safe_load(OURS.read_text(encoding="utf-8"))
    known["paintings"] |= {"source": str(source), **knobs}
    Path("params.yaml").write_text(yaml.safe_dump(known), encoding="utf-8")
    fingerprint.run(out=Path("data/source.json"), paintings=MARK, weights=Path("data/weights.json"))
    paintings.run(fingerprint=MARK, out=OUT, table=TABLE, sheet=SHEET)
    return manifest.read(TABLE, Painting)


def test_every_kind_of_picture_is_taken(source):
    for seed, mode in enumerate(("RGB", "L", "RGBA", "P")):
        (source / f"{mode}.png").write_bytes(painted(mode, seed=seed))
    assert {row.name: (row.path, row.width, row.height, row.problem) for row in bring(source)} == {
        mode: (f"{mode}.png", 80, 60, "") for mode in ("RGB", "L", "RGBA", "P")
    }
    assert {path.name for path in OUT.iterdir()} == {"RGB.png", "L.png", "RGBA.png", "P.png"}
    with Image.open(SHEET) as sheet:
        assert sheet.width > 400


BAD: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "no picture": ("note.jpg", lambda: b"a text", "not a picture"),
    "empty": ("empty.jpg", lambda: b"", "the file is empty"),
    "cut": ("cut.png", lambda: painted(size=(200, 200))[:4000], "truncated or damaged"),
    "small": ("small.png", lambda: painted(size=(90, 20)), "90x20 px; the shorter side needs at least 32"),
    "twin": ("twin.png", painted, "the same file as good"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_becomes_a_row_with_its_reason(source, kind):
    name, content, reason = BAD[kind]
    (source / "good.png").write_bytes(painted())
    (source / name).write_bytes(content())
    (bad,) = [row for row in bring(source) if row.origin == name]
    assert (bad.path, reason in bad.problem) == ("", True), bad
    assert [path.name for path in OUT.iterdir()] == ["good.png"]


def test_a_name_that_no_table_or_file_system_holds_is_tamed(source):
    for seed, name in enumerate((b"Caf\xe9.png", "é".encode() * 110 + b".png")):
        (Path(os.fsdecode(os.fsencode(source) + b"/" + name))).write_bytes(painted(seed=seed))
    long, cafe = sorted((row.name for row in bring(source)), key=len, reverse=True)
    assert (cafe, len(long.encode())) == ("Caf_", 200)
    assert {path.stem for path in OUT.iterdir()} == {long, cafe}


def test_files_of_one_name_in_two_folders_are_told_apart(source):
    for seed, folder in enumerate(("monet", "hokusai")):
        (source / folder).mkdir()
        (source / folder / "sea.png").write_bytes(painted(seed=seed))
    rows = bring(source)
    assert [row.name for row in rows] == ["hokusai-sea.png", "monet-sea.png"]
    assert len({row.path for row in rows}) == 2


def test_a_name_that_is_one_long_word_is_on_the_sheet_too(source):
    (source / f"{'f00d' * 16}.png").write_bytes(painted())
    (caption,) = paintings._sheet(OUT, bring(source), 10_000).axes[0].texts
    assert caption.get_text() == "f00df00df00df00df0\n0df00df00df00df00…"


def test_long_titles_make_no_painting_of_the_sheet_small(source):
    OUT.mkdir(parents=True)
    (OUT / "one.png").write_bytes(painted())
    one = Painting("one", "one.png", "one.png", "", "0" * 64, 80, 60, "")
    titles = ["Still life with a bowl of fruit on a table", "IMG_20240812_153022_HDR"] * 3
    sheet = paintings._sheet(OUT, [replace(one, title=title) for title in titles], 10_000)
    width, _ = sheet.get_size_inches() * sheet.dpi
    assert sheet.axes[0].get_window_extent().width > 0.85 * width / paintings.ACROSS


def test_a_source_without_one_painting_stops_with_a_line(source):
    (source / "note.jpg").write_bytes(b"a text")
    with pytest.raises(BadData, match=r"paintings\.source has not one picture that can be used"):
        bring(source)


def test_a_source_that_is_not_there_is_named(source):
    with pytest.raises(BadSource, match=r"^paintings\.source = 'nowhere' is not here"):
        bring("nowhere")


def test_one_painting_is_enough(source):
    (source / "only.png").write_bytes(painted())
    assert [row.name for row in bring(source)] == ["only"]


def test_a_name_that_nobody_has_is_answered_with_those_that_are(source):
    (source / "only.png").write_bytes(painted())
    with pytest.raises(BadData, match=r"no painting is called starry; `pawtrait styles` lists the 1: only"):
        find(bring(source), "starry")


def test_the_demo_paints_its_own_with_titles(source):
    rows = bring("demo", demo={"count": 5, "side": 64, "seed": 1})
    assert len(rows) == 5 and all(row.title and row.title != row.name for row in rows)
    assert json.loads(MARK.read_text())["kind"] == "demo"
