"""Rows go to CSV and come back as they were."""

from dataclasses import replace
from pathlib import Path

import pytest

from pawtrait.dataset.manifest import Placed, Record, Recorded, Rejected, read, write
from pawtrait.errors import BadData
from tests.rows import record

RECORD = record(
    'train/happy/ä, "b"\n.jpg',
    id="ab" * 32,
    group="abababababababab",
    width=30,
    height=20,
    bytes=1234,
    dhash="0123456789abcdef",
    phash="fedcba9876543210",
    brightness=12.34,
    sharpness=0.1,
)


def test_records_come_back_as_they_were_with_any_name(tmp_path: Path) -> None:
    rows = [replace(RECORD, path="train/happy/a.jpg", problem="the file is empty"), RECORD]
    write(tmp_path / "m.csv", rows, Record)
    assert read(tmp_path / "m.csv", Record) == rows


def test_rows_are_sorted_by_path_whatever_order_they_came_in(tmp_path: Path) -> None:
    rows = [Placed("1", name, "sad", "g", "train") for name in ("c", "a", "b")]
    write(tmp_path / "a.csv", rows, Placed)
    write(tmp_path / "b.csv", reversed(rows), Placed)
    assert [row.path for row in read(tmp_path / "a.csv", Placed)] == ["a", "b", "c"]
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_an_empty_table_has_its_header(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", [], Rejected)
    assert (tmp_path / "r.csv").read_text() == "id,path,label,stage,reason\n"
    assert read(tmp_path / "r.csv", Rejected) == []


def test_a_missing_table_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"m\.csv is not here; run `dvc repro`"):
        read(tmp_path / "m.csv", Record)


def test_other_columns_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "s.csv", [Placed("1", "a", "sad", "g", "train")], Placed)
    with pytest.raises(BadData, match="expected the columns id,split, found"):
        read(tmp_path / "s.csv", Recorded)


@pytest.mark.parametrize("row", ["1,a.jpg,happy,g", "1"])
def test_a_short_row_or_a_word_for_a_number_is_named_by_its_line(tmp_path: Path, row: str) -> None:
    write(tmp_path / "m.csv", [RECORD], Record)
    with (tmp_path / "m.csv").open("a") as stream:
        stream.write(row + "\n")
    with pytest.raises(BadData, match=r"m\.csv, line 4: "):
        read(tmp_path / "m.csv", Record)


@pytest.mark.parametrize("row", ["2,b.jpg,sad,g", "2,b.jpg,sad,g,train,more", "<<<<<<< HEAD"])
def test_so_is_a_row_of_other_length_in_a_table_of_words_alone(tmp_path: Path, row: str) -> None:
    write(tmp_path / "s.csv", [Placed("1", "a", "sad", "g", "train")], Placed)
    with (tmp_path / "s.csv").open("a") as stream:
        stream.write(row + "\n")
    with pytest.raises(BadData, match=r"s\.csv, line 3: it has more or fewer values than there are columns"):
        read(tmp_path / "s.csv", Placed)


def test_the_recorded_splits_of_the_repository_can_be_read() -> None:
    kept = Path("data/recorded_splits.csv")
    assert kept.read_text(encoding="utf-8").startswith("id,split\n")
    assert all(len(row.id) == 64 for row in read(kept, Recorded))  # none, until a real run records its own


def test_rows_without_a_path_are_sorted_by_id(tmp_path):
    rows = [Recorded("b", "train"), Recorded("a", "test")]
    write(tmp_path / "recorded.csv", rows, Recorded)
    assert read(tmp_path / "recorded.csv", Recorded) == rows[::-1]
