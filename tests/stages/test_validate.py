"""Stage validate: bad pictures are set aside with their reasons, a bad set stops with one line."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pawtrait import params
from pawtrait.adapters import tracking
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.manifest import Record, Rejected, read, write
from pawtrait.errors import BadData
from pawtrait.stages import __main__ as stages
from pawtrait.stages import validate
from tests.rows import record

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    """Eight groups a class, just enough."""
    (tmp_path / "params.yaml").write_text(PARAMS.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return [record(f"train/{label}/{n}.jpg") for label in LABELS for n in range(8)]


def run(records: list[Record]) -> dict[str, Any]:
    write(Path("manifest.csv"), records, Record)
    validate.run(
        manifest=Path("manifest.csv"),
        accepted=Path("accepted.csv"),
        rejected=Path("rejected.csv"),
        summary=Path("validation.json"),
        docs=Path("data_docs"),
    )
    return summary()


def summary() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("validation.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    ("name", "level", "heard"),
    [
        ("great_expectations.data_context", logging.INFO, False),
        ("great_expectations.data_context", logging.WARNING, True),
        ("tensorflow", logging.WARNING, False),
        ("tensorflow", logging.ERROR, True),
        ("pawtrait.stages.stylize", logging.INFO, True),
    ],
)
def test_frameworks_are_heard_from_a_level_on(name: str, level: int, heard: bool) -> None:
    record = logging.LogRecord(name, level, __file__, 1, "a word", None, None)
    assert stages._worth_saying(record) is heard


def test_bad_pictures_are_set_aside_each_with_its_reasons(good: list[Record]) -> None:
    bad = [
        record("train/happy/empty.jpg", problem="the file is empty", width=0, height=0, brightness=0.0),
        record("train/wild/1.jpg", width=20, height=30),
        record("train/happy/dark.jpg", brightness=1.0),
        record("train/happy/twin.jpg", id=good[0].id),
    ]
    found = run(good + bad)
    assert {row.path: row.reason for row in read(Path("rejected.csv"), Rejected)} == {
        "train/happy/empty.jpg": "the file is empty",
        "train/wild/1.jpg": "unknown label 'wild'; expected happy, sad, angry, other; "
        "20x30 px; 48 px a side are needed (validate.least_side)",
        "train/happy/dark.jpg": "mean grey 1.0 is outside 8 to 247 (validate.brightness): black or burnt out",
        "train/happy/twin.jpg": f"same bytes as {good[0].path}",
    }
    assert {row.path for row in read(Path("accepted.csv"), Record)} == {row.path for row in good}
    assert (found["pictures"], found["accepted"], found["rejected"]) == (36, 32, 4)
    assert found["rejected_by"] == {"decodable": 1, "label": 1, "side": 1, "brightness": 1, "duplicate": 1}


def test_a_wrong_extension_and_a_blur_are_kept_and_told(good: list[Record]) -> None:
    doubtful = [record("train/sad/png.jpg", format="png"), record("train/sad/blur.jpg", sharpness=0.5)]
    found = run(good + doubtful)
    assert found["rejected"] == 0
    assert found["warned_by"] == {"extension": 1, "sharpness": 1}
    assert found["warnings"] == [
        "train/sad/png.jpg: is a png named .jpg; read by its content",
        "train/sad/blur.jpg: sharpness 0.5 is under 2 (validate.least_sharpness)",
    ]
    assert Path("data_docs/index.html").is_file()


def test_one_class_only_stops_in_one_line_and_leaves_its_findings(good: list[Record]) -> None:
    happy = [row for row in good if row.label == "happy"]
    with pytest.raises(BadData) as stopped:
        run(happy)
    assert str(stopped.value) == (
        "manifest.csv: 1 of the classes happy, sad, angry, other has pictures (happy); two are needed; "
        "see rejected.csv and data_docs/index.html"
    )
    assert len(read(Path("accepted.csv"), Record)) == 8
    assert read(Path("rejected.csv"), Rejected) == []
    assert len(summary()["critical"]) == 4
    assert Path("data_docs/index.html").is_file()


def test_the_run_of_a_refused_set_is_one_that_failed_and_holds_the_findings(good: list[Record]) -> None:
    with pytest.raises(BadData):
        run([row for row in good if row.label == "happy"])
    client = tracking.client()
    with tracking.pipeline(params.load()) as record:  # which ends it anew when the block does
        assert client.get_run(record.id).info.status == "FAILED"
    assert {one.path for one in client.list_artifacts(record.id)} >= {"data", "data_docs"}


def test_a_class_with_one_picture_stops(good: list[Record]) -> None:
    few = [row for row in good if row.label != "sad" or row.path.endswith("/0.jpg")]
    with pytest.raises(BadData, match="class sad: pictures 1, groups of copies 1; 8 groups are needed"):
        run(few)


def test_many_copies_of_few_pictures_do_not_make_a_class(good: list[Record]) -> None:
    copies = [replace(row, group="one") if row.label == "sad" else row for row in good]
    with pytest.raises(BadData, match="class sad: pictures 8, groups of copies 1;"):
        run(copies)


def test_nothing_left_stops(good: list[Record]) -> None:
    with pytest.raises(BadData, match=r"manifest\.csv: no picture is left"):
        run([replace(row, problem="the file is empty") for row in good])
    assert len(read(Path("rejected.csv"), Rejected)) == 32
